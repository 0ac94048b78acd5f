/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rehearsal.h - a conversation played before an engine, to hear what a policy says of it */
#ifndef CLI_REHEARSAL_H
#define CLI_REHEARSAL_H

#include "rpcgate.h"

struct rehearsal {
	struct rpcgate_addr client, server;
	struct rpcgate_syntax id;
	uint16_t port;
	bool announced; /**< the client asks the mapper first, and is told this port */
};

/**
 * Play it.
 * @param policy  judges; its settings count, too
 * @param verdict what was said of the bind; its texts are the policy's
 * @return false if memory is short, or the engine saw no bind
 */
bool rehearse(const struct rehearsal *rehearsal, const struct rpcgate_policy *policy,
	      struct rpcgate_bind_event *verdict);

#endif
