/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keeper.h - one process reads packets and has no right at all, another one may change the kernel
 *
 * Both come from one by fork(), when everything is open.  The *parser* receives packets, judges
 * them, and tells the *keeper* what becomes of them and what is open; receiving from an open queue
 * needs no right.  The keeper has CAP_NET_ADMIN, reads nothing that comes from the network, and
 * takes messages of one fixed size over a socket pair (SOCK_SEQPACKET), each of which it checks:
 * whoever takes the parser over can let packets of our queues pass, with any mark, and open ports
 * above 1024 for a while, and nothing else in the kernel.
 *
 * Verdicts are sent and forgotten, everything else is answered.  What was sent first is done
 * first, so a pinhole that was confirmed stands before the verdicts that follow.  When one of the
 * two ends, so does the other.
 */
#ifndef LOOP_KEEPER_H
#define LOOP_KEEPER_H

#include "kernel.h"
#include "queue.h"

#define KEEPER_CHANGES 32U

enum keeper_kind {
	KEEPER_VERDICTS, /**< no answer */
	KEEPER_CHANGES_MADE,
	KEEPER_IS_THERE,
	KEEPER_INSTALL, /**< the table, again */
	KEEPER_RELOAD,  /**< the configuration, from its file */
	KEEPER_STATS
};

struct keeper_verdict {
	uint32_t id;
	uint32_t mark;
	uint32_t pass; /**< 0 or 1 */
};

struct keeper_message {
	uint32_t kind;  /**< enum keeper_kind */
	uint32_t queue; /**< of verdicts: which of ours, from 0 */
	uint32_t n;     /**< verdicts or changes */
	union {
		struct keeper_verdict verdict[QUEUE_BATCH];
		struct kernel_change change[KEEPER_CHANGES];
	} u;
};

struct keeper_answer {
	bool good;
	uint32_t n; /**< changes made */
	struct kernel_change change[KEEPER_CHANGES];
	struct kernel_stats stats;
	char err[RPCGATE_ERROR_SIZE];
};

/* What the keeper lets itself be told */
struct keeper_limits {
	size_t n_queues;
	const struct rpcgate_port_list *mapper;
	const struct rpcgate_port_list *reserved;
};
/** True if the message may be carried out: what opens is checked against all limits, removing only
 *  for sense, since a port may have been reserved after its pinhole was made. */
bool keeper_may(const struct keeper_message *message, const struct keeper_limits *limits);

/* ------------------------------------------------------------ the parser's side */

/** Send verdicts.  False if nobody keeps any more. */
bool keeper_send(int fd, const struct keeper_message *message);
/** Ask, and wait.  False, with one line in answer->err, if nobody keeps any more. */
bool keeper_ask(int fd, const struct keeper_message *message, struct keeper_answer *answer);

/* ------------------------------------------------------------ the keeper's side */

struct keeper_world {
	struct kernel *kernel;
	struct queue *queue[16];
	struct keeper_limits limits;
	bool (*install)(void *ctx, char err[RPCGATE_ERROR_SIZE]);
	bool (*reload)(void *ctx, char err[RPCGATE_ERROR_SIZE]);
	void *ctx;
};
/** Serve until the parser ends. */
void keeper_serve(int fd, const struct keeper_world *world);

#endif
