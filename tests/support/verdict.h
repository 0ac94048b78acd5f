/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verdict.h - plays that end with a question: what is said of the last Bind? */
#ifndef SUPPORT_VERDICT_H
#define SUPPORT_VERDICT_H

#include "play.h"

#define SECOND UINT64_C(1000000000)

/** Open a connection of @p client to SERVER_HOST and send a Bind; marks it.  The Bind carries the
 *  time @p at_ns, 0: when it comes. */
struct conn ask_as(struct play *p, const char *client, uint16_t port,
		   const struct rpcgate_syntax *iface, uint64_t at_ns);
/** The server accepts what was offered. */
void accept_bind(struct conn *c);
/** The server refuses it with a result and reason. */
void refuse_bind(struct conn *c, uint16_t result, uint16_t reason);
void nak_bind(struct conn *c, uint16_t reason);
/** An ept_lookup answer that lists one interface on one port, of CLIENT_HOST. */
void list_one(struct play *p, const struct rpcgate_syntax *iface, uint16_t port);

/** The last Bind event; fails the test if there is none. */
const struct rpcgate_event *last_bind(const struct outcome *out);
/** How many pinhole events of a kind there are. */
size_t pinhole_events(const struct outcome *out, enum rpcgate_pinhole_action action);
/** The last one; fails the test if there is none. */
const struct rpcgate_event *last_pinhole(const struct outcome *out,
					 enum rpcgate_pinhole_action action);
/** How many engine events tell of a limit whose detail contains @p word. */
size_t limit_events(const struct outcome *out, const char *word);

/** Judge, and fail the test unless the last Bind got this, observing and enforcing. */
void must_say(struct play *p, enum rpcgate_verdict verdict, enum rpcgate_reason reason);

#endif
