/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_parts.h - a page in the making, shared by the files that write parts of it
 *
 *	html		events become lives, binds and incidents
 *	html_words	foreign text made harmless, numbers, links
 *	html_axis	time as a place on paper, silences cut out
 *	html_timeline	pinholes over time
 *	html_matrix	who talks to what
 *	html_ladder	what was refused, step by step
 *	html_figures	ports used, clashes, time from announcement to bind
 *	html_events	the rows that numbers link to
 *	html_page	the whole, in order
 *	html_style	how it looks, and the script that it can do without
 */
#ifndef CLI_HTML_PARTS_H
#define CLI_HTML_PARTS_H

#include "html.h"
#include "rows.h"
#include "story.h"
#include "suggest.h"
#include "words.h"

#define HTML_LIVES_MAX 200000   /* pinholes kept one by one */
#define HTML_MARKS_MAX 400000   /* uses and refusals kept one by one */
#define HTML_INCIDENTS_MAX 1000 /* different refusals kept with their steps */
#define HTML_INTERFACES 3       /* of one pinhole that are named */
#define HTML_SPANS_MAX 8192     /* times between long silences; over it the rest counts as silent */
#define HTML_LISTED 300         /* rows of a table of events */
#define HTML_TEXT 200           /* octets of foreign text that are shown */
#define HTML_POLICY_MAX 200000  /* octets of the suggested policy that are shown */

/* Where it can be looked up; no file where time did it */
struct html_at {
	uint64_t time_ns;
	uint64_t frame;
	const char *file;
};

/* A time without a long silence; they are in order, whatever order packets had */
struct html_span {
	uint64_t from_ns, to_ns;
};

/* A client's way to a server, and to one port there */
struct html_pair {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
};

struct html_pin_key {
	struct html_pair pair;
	uint16_t port;
};

/* One pinhole, from the moment it opened until its last interface was closed */
struct html_life {
	struct html_pin_key key;
	uint64_t end_ns; /* UINT64_MAX while it is open */
	uint64_t uses;
	struct html_at at;
	size_t n_interfaces;
	struct rpcgate_syntax interface[HTML_INTERFACES];
	enum rpcgate_pinhole_action how; /* it ended */
	enum rpcgate_reason reason;
};

/* The place of a pinhole: how many interfaces are open in it now */
struct html_pin {
	struct html_pin_key key;
	size_t open;
	size_t life; /* number + 1; 0: it found no room */
	uint64_t since_ns;
};

/* An interface in a pinhole */
struct html_opened {
	struct opened_key key;
	bool open;
};

/* A use or a refusal on a port */
struct html_mark {
	struct rpcgate_addr server;
	uint64_t time_ns;
	size_t life;                          /* of a use */
	const struct html_incident *incident; /* of a refusal; NULL: it found no room */
	uint16_t port;
	bool refused;
};

/* What was bound: equal ones together */
struct html_bind_key {
	struct rpcgate_addr server;
	struct rpcgate_addr client;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint16_t reason;
	uint16_t verdict; /* enum rpcgate_verdict */
};

struct html_bind {
	struct html_bind_key key;
	uint64_t count;
	struct html_at first;
	bool has_age;
	uint64_t age_min_ns, age_max_ns; /* since the announcement, if has_age */
	size_t number;                   /* in the table of events, from 1; 0: not shown */
};

/* When a client last asked a server's mapper */
struct html_asked {
	struct html_pair pair;
	struct html_at at;
};

/* What a client was told last: of an interface (port 0 in the key), of a port (no UUID), or both */
struct html_told {
	struct opened_key key;
	struct html_at at;
	struct rpcgate_syntax interface;
	uint16_t port;
	bool accepted;
	enum rpcgate_reason reason;
	enum rpcgate_source source;
	uint64_t count;
	size_t number; /* in the table of events, from 1; 0: not shown */
	uint8_t annotation_len;
	uint8_t annotation[RPCGATE_ANNOTATION_MAX];
};

/* What was refused or suspicious: equal ones together, the first with its steps */
struct html_incident_key {
	struct html_bind_key what;
	uint16_t kind; /* enum rpcgate_event_type */
};

struct html_incident {
	struct html_incident_key key;
	size_t number; /* in the list, from 1; 0: not shown */
	uint64_t count;
	struct html_at first;
	uint64_t flow_id;
	uint64_t syn_ns; /* 0: not known */
	bool midstream;
	bool has_asked, has_told, told_port_only;
	struct html_at asked;
	struct html_told told;
	char *why;    /* sentences, a line each; NULL without */
	char *rule;   /* NULL without */
	char *target; /* where a proxy was to go; NULL without */
	uint16_t opnum;
	uint16_t target_port;
	enum rpcgate_bind_pdu pdu;
	enum rpcgate_action action;
};

/* Which incident waits for the end of a flow, to learn when that began */
struct html_wait {
	uint64_t flow_id;
	struct html_incident *incident[4];
};

struct html {
	const struct option_list *set;
	struct suggestion suggestion;
	struct story story; /* remembers, tells nothing */
	struct html_life *lives;
	size_t n_lives, room_lives, lost_lives; /* counted, not kept one by one */
	struct html_mark *marks;
	size_t n_marks, room_marks, lost_marks;
	struct rows pairs; /* struct html_pair: to which a pinhole was opened */
	struct rows pins;
	struct rows opened;
	struct rows binds;
	struct rows asked;
	struct rows told;
	struct rows announced; /* struct html_told, of interface and port, for the table */
	struct rows incidents;
	struct rows waits;
	uint64_t lost_pinholes;  /* openings for which there was no room at all */
	uint64_t lost_incidents; /* events for which there was no room */
	uint64_t open_us;        /* pinholes closed so far: for how long they were open, together */
	uint64_t n_opened;
	struct html_span *spans; /* in which packets came */
	size_t n_spans, room_spans, lost_spans, last_span;
	uint64_t refused, suspicious;
	uint64_t by_reason[RPCGATE_REASON_COUNT]; /* both together */
	bool short_of_memory;
};

/* ------------------------------------------------------------- the page at work */

struct html_piece { /* of time, drawn to one scale */
	uint64_t from_ns, to_ns;
	double x, width;
};

#define HTML_PIECES 24

struct html_axis {
	double width;
	size_t n;
	struct html_piece piece[HTML_PIECES];
};

struct html_page {
	struct html *html;
	const struct report_input *input;
	const struct rpcgate_config *cfg;
	const char *policy;
	FILE *out;
	bool days; /* times need their date */
	bool failed;
};

/* html_words.c: all text that is not the program's own goes through these */

/** Foreign text, shown in ASCII, cut at HTML_TEXT octets, safe between tags and in attributes. */
void html_text(FILE *out, const char *text);
/** The same, not cut: for what is known to be short or is cut elsewhere. */
void html_whole(FILE *out, const char *text);
/** The same for octets that are not terminated. */
void html_octets(FILE *out, const uint8_t *octets, size_t n);
/** "1,234" */
void html_number(FILE *out, uint64_t number);
/** "1 bind", "2 binds" */
void html_count(FILE *out, uint64_t n, const char *one, const char *many);
/** A moment, with its date where the page needs one. */
void html_time(const struct html_page *page, uint64_t ns);
/** A moment and "packet 3 of x.pcap". */
void html_place(const struct html_page *page, const struct html_at *at);
void html_addr(FILE *out, const struct rpcgate_addr *addr);
void html_endpoint(FILE *out, const struct rpcgate_addr *addr, uint16_t port);
void html_interface(FILE *out, const struct rpcgate_syntax *id);
void html_duration(FILE *out, uint64_t ns);
/** The heading of a section that can be linked to. */
void html_heading(FILE *out, const char *id, const char *title);
/** "... and 12 more pinholes are not shown: WHERE" */
void html_left_out(FILE *out, uint64_t n, const char *one, const char *many, const char *where);

/** When a life ended, or the input did. */
uint64_t html_end_of(const struct html_page *page, const struct html_life *life);

/* html_axis.c */

/** Find the pieces.  False if memory is short. */
bool html_axis_make(struct html_axis *axis, const struct html_page *page, double width);
double html_axis_x(const struct html_axis *axis, uint64_t ns);
/** Scale and cuts, from @p top to @p bottom. */
void html_axis_draw(const struct html_axis *axis, const struct html_page *page, double left,
		    double top, double bottom);

/* The parts, in order */

void html_write_result(struct html_page *page);
void html_write_timeline(struct html_page *page);
void html_write_matrix(struct html_page *page);
void html_write_incidents(struct html_page *page);
void html_write_figures(struct html_page *page);
void html_write_events(struct html_page *page);
/** Give binds and announcements their numbers, in the order of their tables. */
void html_number_events(struct html *html);
/** Give refusals their numbers, in the order of the list. */
void html_number_incidents(struct html *html);
/** The number of a row there; 0: it is not shown. */
size_t html_bind_number(const struct html *html, const struct html_bind_key *key);
/** The number of the row of what @p told tells; 0: it is not shown. */
size_t html_told_number(const struct html *html, const struct html_told *told);
/** The number of the first row of what @p server said of an interface on a port; 0: not shown. */
size_t html_announced_number(const struct html *html, const struct rpcgate_addr *server,
			     uint16_t port, const struct rpcgate_syntax *id);
/** Write href="#..." of the first row that is about @p reason.  False if there is none. */
bool html_reason_link(const struct html *html, enum rpcgate_reason reason, FILE *out);

extern const char html_style[];
extern const char html_script[];

#endif
