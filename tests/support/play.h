/* SPDX-License-Identifier: GPL-3.0-or-later */
/* play.h - an attack and its harmless twin, told as a short play
 *
 * CLIENT_HOST asks the mapper of SERVER_HOST for samr and is told PORT.  What happens then, or on
 * the way, is the test's.  Each play is judged twice, observing and enforcing; the same must come
 * out, and when enforcing the marked packet must not (or must) get through.
 */
#ifndef SUPPORT_PLAY_H
#define SUPPORT_PLAY_H

#include "builder.h"
#include "feed.h"

#define CLIENT_HOST "192.0.2.10"
#define SERVER_HOST "192.0.2.20"
#define VICTIM_HOST "192.0.2.30"
#define OUTSIDER_HOST "203.0.113.66"
#define PORT 49160

struct play {
	struct packets packets;
	uint64_t clock_ns;
	uint16_t next_port; /* of the next client */
	struct rpcgate_config cfg;
	const struct rpcgate_policy *policy; /* NULL: none; must outlive the play */
	size_t marked;                       /* the packet that matters: SIZE_MAX means the last */
	const char *trick;                   /* which variant, for the message of a failure */
	struct outcome observe, enforce;
};

void play_begin(struct play *p, const char *trick);
void play_end(struct play *p);
struct conn play_dial(struct play *p, const char *client, const char *server, uint16_t port);
/** A whole mapper connection of CLIENT_HOST to SERVER_HOST. */
void play_map(struct play *p, const struct rpcgate_syntax *iface, uint16_t port);
/** A whole connection of CLIENT_HOST to a service of SERVER_HOST; marks its Bind. */
void play_service(struct play *p, uint16_t port, const struct rpcgate_syntax *iface);
/** The last packet appended is the one that matters. */
void play_mark(struct play *p);

/** One bind PDU with one context, NDR. */
void play_bind_pdu(struct octets *o, const struct rpcgate_syntax *iface);

/* Judge, then fail the test if it came out otherwise */

/** The interface was never allowed; the marked packet was stopped; the world was told. */
void play_must_refuse(struct play *p, const struct rpcgate_syntax *iface);
/** The same, and the reason was given in a bind or alert event. */
void play_must_refuse_for(struct play *p, const struct rpcgate_syntax *iface,
			  enum rpcgate_reason reason);
/** The interface was allowed at least once; nothing was refused, stopped or reported. */
void play_must_allow(struct play *p, const struct rpcgate_syntax *iface);
/** Nothing was granted on @p port, and a service connection that follows is refused. */
void play_must_not_learn(struct play *p, uint16_t port, const struct rpcgate_syntax *iface);
/** @p port was granted, and a service connection that follows is allowed. */
void play_must_learn(struct play *p, uint16_t port, const struct rpcgate_syntax *iface);

/* Pieces, for tests that ask something else; play_judge() first */

void play_judge(struct play *p);
size_t play_binds(const struct outcome *out, const struct rpcgate_syntax *iface, uint16_t port,
		  enum rpcgate_verdict verdict);
size_t play_alerts(const struct outcome *out, enum rpcgate_reason reason);
size_t play_grants(const struct outcome *out, uint16_t port);
bool play_told(const struct outcome *out, enum rpcgate_reason reason);

/** How a Bind reaches the server: the trick of a test.  Marks the packet that completes it. */
typedef void play_deliver(struct play *p, struct conn *c, const struct octets *bind);
/** Deliver the Bind of an interface that is not granted, then of one that is. */
void play_twins(play_deliver *deliver, const char *trick);

/** Up to the question for samr with call id 2, on a mapper connection; NDR, context 0. */
struct conn play_ask(struct play *p);
/** The right answer to it, for PORT at SERVER_HOST: to be bent. */
void play_answer_pdu(struct octets *o);

/* Where things stand in that PDU */
enum answer_offset {
	ANSWER_ALLOC_HINT = 16,
	ANSWER_CONTEXT = 20,
	ANSWER_NUM = 44,
	ANSWER_MAX = 48,
	ANSWER_OFFSET = 52,
	ANSWER_ACTUAL = 56,
	ANSWER_REFERENT = 60,
	ANSWER_CONFORMANCE = 64,
	ANSWER_TOWER_LENGTH = 68,
	ANSWER_TOWER = 72,
	ANSWER_PORT = 136,
	ANSWER_ADDRESS = 143,
	ANSWER_STATUS = 148,
	ANSWER_SIZE = 152
};

#endif
