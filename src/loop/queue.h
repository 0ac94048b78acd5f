/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.h - packets that the kernel asks about (NFQUEUE)
 *
 * Packets come in batches and are settled in batches: verdicts gather until queue_flush().  GSO
 * packets come whole, with what the kernel knows of their checksum.  Between receiving and
 * settling a packet is held by the kernel; when nobody listens it is dropped.
 */
#ifndef LOOP_QUEUE_H
#define LOOP_QUEUE_H

#include "rpcgate.h"

#define QUEUE_BATCH 32U   /* packets in one batch */
#define QUEUE_WAIT_MS 50U /* so long other things may have to wait */

struct queue;

struct queue_packet {
	uint32_t id;
	uint32_t mark;
	struct rpcgate_packet packet; /* linktype, data, lengths and checksum; borrowed */
};

/**
 * @param number  of the queue
 * @param length  packets that the kernel holds; more are dropped and counted
 * @return NULL, with one line in @p err, without rights or when another process has the queue
 */
struct queue *queue_open(uint16_t number, uint32_t length, char err[RPCGATE_ERROR_SIZE]);
void queue_free(struct queue *queue);
/**
 * Take what waits, up to QUEUE_BATCH packets: one system call for a batch, where waiting by poll()
 * first would make two.
 * @param out   room for QUEUE_BATCH
 * @param wait  up to QUEUE_WAIT_MS if there is none; else come back at once
 * @return how many; 0 if none came; -1 if the queue cannot be used any more, with errno
 */
int queue_receive(struct queue *queue, struct queue_packet *out, bool wait);
/** Its socket, for a process that closes all others. */
int queue_fd(const struct queue *queue);
/** From now on another process settles: verdicts are sent to it (keeper.h), as those of its
 *  @p index th queue. */
void queue_delegate(struct queue *queue, int keeper_fd, uint32_t index);
/** Let a packet go on with a mark, or drop it.  Takes effect with queue_flush(). */
void queue_settle(struct queue *queue, uint32_t id, bool pass, uint32_t mark);
/** False if the kernel did not take the verdicts: the packets stay held, that is, dropped; or if
 *  nobody is there any more who could give them to it. */
bool queue_flush(struct queue *queue);

struct queue_stats {
	uint64_t batches;
	uint64_t packets;
	uint64_t overruns;  /**< times the socket was full and packets were dropped */
	uint64_t malformed; /**< messages that were not understood */
	uint64_t unsettled; /**< verdicts that the kernel did not take */
};
void queue_stats(const struct queue *queue, struct queue_stats *stats);

#endif
