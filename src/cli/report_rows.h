/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_rows.h - what a report keeps: one row for each different thing
 *
 * A row begins with its key: members without holes, the rest of the row zero when it is looked up.
 */
#ifndef CLI_REPORT_ROWS_H
#define CLI_REPORT_ROWS_H

#include "rpcgate.h"
#include "rows.h"

#define LABEL_MAX 32

struct report;

struct binding_key {
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint8_t source;
	uint8_t protseq;
	uint8_t accepted;
	uint8_t any_interface;
	uint16_t reason;
};

struct binding_row {
	struct binding_key key;
	uint64_t first_ns, last_ns;
	uint64_t clients;
};

struct client_key { /* which client heard of which binding */
	struct binding_key binding;
	struct rpcgate_addr client;
};

struct pinhole_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
};

struct pinhole_row {
	struct pinhole_key key;
	uint64_t opened, used;
	uint64_t first_ns;
	uint64_t open_ns; /* since when it is open; 0 while it is not */
	uint64_t life_ns; /* of all former times together */
	enum rpcgate_pinhole_action last;
	enum rpcgate_reason reason;
};

struct bind_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint16_t reason;
	uint8_t pdu;
	uint8_t severity; /* denied first: 0 deny, 1 log, 2 allow */
};

struct bind_row {
	struct bind_key key;
	uint64_t count;
	uint64_t first_ns;
	uint64_t youngest_ns, oldest_ns;
	bool has_age;
};

struct alert_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint16_t reason;
};

struct alert_row {
	struct alert_key key;
	uint64_t count;
	uint64_t first_ns;
};

struct pipe_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint8_t pipe[RPCGATE_ENDPOINT_MAX]; /* padded with zeros */
};

struct pipe_row {
	struct pipe_key key;
	uint64_t count;
	uint64_t first_ns;
};

struct label_row {
	char name[LABEL_MAX];
	uint64_t count;
};

/* Where a row is counted is not in cache: it is asked for, and others are counted meanwhile */
struct report_later {
	void (*count)(struct report *report, const struct report_later *later);
	union {
		struct binding_row binding;
		struct pinhole_row pinhole;
		struct bind_row bind;
	} row;
	uint32_t hash;
	uint32_t client_hash;
	struct client_key client;
	uint64_t time_ns;
	uint64_t age_ns; /* of a bind's pinhole */
	bool has_age;
	enum rpcgate_pinhole_action action;
	enum rpcgate_reason reason;
};

#define REPORT_LATER 8U

struct report {
	struct report_later later[REPORT_LATER]; /* a ring */
	size_t n_later;                          /* that were ever put there */
	struct rows bindings, clients, pinholes, binds, pipes, alerts, labels;
	uint64_t alert_reasons[RPCGATE_REASON_COUNT];
	uint64_t bind_reasons[RPCGATE_REASON_COUNT];
	uint64_t binding_reasons[RPCGATE_REASON_COUNT];
	uint64_t other_protseq[RPCGATE_PROTSEQ_OTHER + 1]; /* announced, but no TCP */
};

/** Count what is to be counted later, before anybody looks at the rows. */
void report_settle(struct report *report);

/* Order of rows by their keys */
int binding_key_order(const void *a, const void *b);
int pinhole_key_order(const void *a, const void *b);
int bind_key_order(const void *a, const void *b);
int pipe_key_order(const void *a, const void *b);
int alert_key_order(const void *a, const void *b);
int label_order(const void *a, const void *b);

/** How long a pinhole has been open without a break. */
uint64_t pinhole_lasted(const struct pinhole_row *row, uint64_t now_ns);

#endif
