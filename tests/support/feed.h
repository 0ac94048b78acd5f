/* SPDX-License-Identifier: GPL-3.0-or-later */
/* feed.h - packets through an engine, and what came out in a form that can be compared
 *
 * An outcome keeps every event and the action on every packet.  Two outcomes are compared by
 * their facts: what was announced and what was asked for, with verdict and reason, and without
 * times, flow numbers and order.
 */
#ifndef SUPPORT_FEED_H
#define SUPPORT_FEED_H

#include "packets.h"

#define FACT_SIZE 256

struct happening {
	struct rpcgate_event event;
	size_t packet; /* the packet it came with; n_packets: at the end */
};

struct outcome {
	struct happening *at;
	size_t n, size;
	uint8_t *action; /* enum rpcgate_action of each packet */
	uint8_t *reason;
	size_t n_packets;
	struct rpcgate_stats stats;
};

/** Defaults with tables small enough to make thousands of engines, and a fixed hash key. */
void feed_config(struct rpcgate_config *cfg);
/** Feed all packets to a new engine, end it, and keep what happened.  Ends the program if there
 *  is no engine. */
void feed_packets(const struct rpcgate_config *cfg, const struct packets *list,
		  struct outcome *out);
/** The same judged by a policy, which must outlive the outcome; NULL for none. */
void feed_judged(const struct rpcgate_config *cfg, const struct rpcgate_policy *policy,
		 const struct packets *list, struct outcome *out);
/** The same with the first @p n packets only. */
void feed_prefix(const struct rpcgate_config *cfg, const struct packets *list, size_t n,
		 struct outcome *out);
void outcome_free(struct outcome *out);

/** Sorted lines of text. */
struct facts {
	char (*line)[FACT_SIZE];
	size_t n, size;
};

enum fact_kind {
	FACTS_ALL,   /* all bindings and binds */
	FACTS_OPENED /* accepted bindings and allowed binds: what lets something through */
};
void facts_of(const struct outcome *out, enum fact_kind kind, struct facts *facts);
void facts_free(struct facts *facts);
/**
 * The first line that one list has more often than the other.
 * @return true if there is one; "- line" (missing in @p b) or "+ line" (only in @p b) in @p text
 */
bool facts_differ(const struct facts *a, const struct facts *b, char text[FACT_SIZE]);
/** The first line of @p part that @p whole lacks. */
bool facts_exceed(const struct facts *part, const struct facts *whole, char text[FACT_SIZE]);

#endif
