/* SPDX-License-Identifier: GPL-3.0-or-later */
/* suggest.h - what was seen, and the least that would allow it
 *
 *	suggest		the command
 *	suggest_seen	events become rows, rows become rules
 *	suggest_time	how long pinholes must live, how many ports are open at one time
 *	suggest_policy	rules as a policy, with their evidence
 *	suggest_tables	rules as a table of nft, and as CSV
 *	suggest_diff	rules compared with a policy that exists
 *
 * Everything comes from events, so that a capture and its events give the same octets.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stdio.h>

#include "options.h"
#include "rows.h"
#include "rpcgate.h"
#include "rule_text.h"
#include "source.h"

#define SUGGEST_SINGLE_MAX 4 /* clients that get a rule each; more share one network */
#define SUGGEST_EVIDENCE 160

/* In the order of the policy */
enum seen_kind {
	SEEN_MAPPER,  /* the mapper and its kin, on a mapper port */
	SEEN_LEARNED, /* announced, then bound */
	SEEN_STATIC,  /* allowed by a static rule */
	SEEN_REFUSED  /* for the reason in the key */
};

struct seen_key {
	struct rpcgate_addr server;
	struct rpcgate_uuid uuid;
	struct rpcgate_addr client;
	uint16_t major;
	uint16_t port;
	uint16_t kind;   /* enum seen_kind */
	uint16_t reason; /* of a refusal, else 0 */
	uint16_t udp;
};

/* One interface that one client asked for on one port */
struct seen {
	struct seen_key key;
	uint64_t count;
	uint64_t first_ns, last_ns;
	unsigned int sources; /* set of 1 << enum rpcgate_source */
};

/* One line of a policy, and the rows that speak for it */
struct rule {
	enum seen_kind kind;
	struct rpcgate_syntax id;
	struct rpcgate_addr server;
	struct rule_net from;
	uint16_t port; /* of a static rule */
	bool udp;
	enum rpcgate_reason reason;
	size_t group; /* rules of one group are about the same interface and server */
	size_t n_clients;
	uint64_t count;
	uint64_t first_ns, last_ns;
	unsigned int sources;
	struct seen *const *rows;
	size_t n_rows;
};

/* From when to when an interface was open */
struct span {
	uint64_t start_ns, end_ns; /* the end is UINT64_MAX while it is open */
	void *element;             /* struct open_port of the client */
	void *place;               /* struct open_port of the server */
};

struct peak {
	uint64_t ports;   /* different ports of servers */
	uint64_t triples; /* client, server, port */
	uint64_t at_ns;   /* when there were most ports */
	uint64_t of_server;
	struct rpcgate_addr server;
};

struct clash_key {
	struct rpcgate_addr server;
	struct rpcgate_uuid uuid;
	uint16_t major;
	uint16_t port;
	uint16_t reason;
};

struct clash {
	struct clash_key key;
	uint64_t count;
};

struct suggestion {
	const struct option_list *set; /* settings the events were made with */
	bool unannounced;              /* static rules for what nobody announced */
	struct rows seen;              /* struct seen */
	struct rows told;              /* struct told: sources of announcements */
	struct rows clashes;           /* struct clash */
	struct rows opened;            /* struct opened: interfaces in pinholes */
	struct rows ports;             /* struct open_port */
	struct span *spans;
	size_t n_spans, room_spans;
	uint64_t *gaps; /* from announcement to bind */
	size_t n_gaps, room_gaps;
	uint32_t ttl_s;     /* the shortest that pinholes had; 0: there was none */
	bool late_use;      /* something passed that depends on a pinhole, at an unknown age */
	uint64_t sealed;    /* mapper talk that could not be read */
	uint64_t midstream; /* connections without a beginning */
	uint64_t pipes;     /* binds inside SMB */
	uint64_t holes;     /* streams with octets missing */
	uint64_t listed;    /* endpoints in listings */
	uint64_t first_ns, last_ns;
	struct rule *rules;
	size_t n_rules;
	bool incomplete; /* something found no room */
};

void suggestion_init(struct suggestion *s);
void suggestion_free(struct suggestion *s);
/** Take an event; a source_use for a struct suggestion. */
void suggestion_event(void *ctx, const struct rpcgate_event *event,
		      const struct source_place *place);
/** Rows become rules; once, at the end.  False if memory is short. */
bool suggestion_finish(struct suggestion *s);

/** True if the rule would let pass what it is about: refusals for other reasons stay. */
bool suggestion_is_liftable(const struct rule *rule);
/** True if the rule would be in force, not only a remark. */
bool suggestion_in_force(const struct suggestion *s, const struct rule *rule);
/** "3 binds, 2026-11-16 04:24:21 to 04:24:22".  Returns @p text. */
const char *suggestion_evidence(const struct rule *rule, char text[SUGGEST_EVIDENCE]);
/** The rule as rpcgate-policy(5) has it.  Returns @p text. */
const char *suggestion_rule(const struct rule *rule, char text[RULE_TEXT]);
/** Print the different ports of a rule's rows, up to @p most. */
void suggestion_ports(const struct rule *rule, const char *between, size_t most, FILE *out);
/** Print where the announcements came from. */
void suggestion_sources(unsigned int sources, const char *between, FILE *out);
/** A moment as date and time in seconds.  Returns @p text. */
const char *suggestion_moment(uint64_t ns, char text[32]);

/* suggest_time.c */

struct opened_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_uuid uuid;
	uint16_t major;
	uint16_t port;
};

void suggestion_time_init(struct suggestion *s);
/** An interface was opened in a pinhole, or its time ended. */
void suggestion_pinhole(struct suggestion *s, const struct rpcgate_event *event);
/** A bind through a pinhole. */
void suggestion_gap(struct suggestion *s, uint64_t age_ns);
/** The ttl that the gaps ask for, in seconds; 0 without any. */
uint32_t suggestion_ttl(struct suggestion *s);
/** True if nothing that was seen would be refused with it, and nothing more allowed. */
bool suggestion_ttl_is_safe(const struct suggestion *s, uint32_t ttl_s);
/** Print the distribution of gaps, each line behind @p before. */
void suggestion_print_gaps(const struct suggestion *s, const char *before, FILE *out);
struct peak suggestion_peak(struct suggestion *s);

/* Output */

void suggestion_print_policy(struct suggestion *s, FILE *out);
/** What is not in the rules, as comments behind @p before. */
void suggestion_print_blind(const struct suggestion *s, const char *before, FILE *out);
void suggestion_print_figures(struct suggestion *s, const char *before, FILE *out);
void suggestion_print_nft(struct suggestion *s, FILE *out);
void suggestion_print_csv(struct suggestion *s, FILE *out);
/** Compare with a policy.  False if memory is short. */
bool suggestion_print_diff(struct suggestion *s, const struct rpcgate_policy *policy,
			   const char *name, FILE *out);

#endif
