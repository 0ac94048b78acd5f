/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outbox.h - events on their way from an engine's thread to the one that writes them
 *
 * A ring of fixed size, one writer and one reader, no locks: telling the world never holds a
 * packet.  What finds no room is counted, by the one who would have put it there.
 */
#ifndef LOOP_OUTBOX_H
#define LOOP_OUTBOX_H

#include <stdatomic.h>

#include "rpcgate.h"

struct outbox {
	struct rpcgate_event *ring;
	size_t size;         /**< a power of two */
	_Atomic size_t head; /**< next to be put */
	_Atomic size_t tail; /**< next to be taken */
	_Atomic uint64_t lost;
};

/** False if memory is short. */
bool outbox_init(struct outbox *box, size_t size);
void outbox_done(struct outbox *box);
/** The engine's thread: put an event. */
void outbox_put(struct outbox *box, const struct rpcgate_event *event);
/** The other thread: the oldest event, NULL if there is none; outbox_drop() when it is done with. */
const struct rpcgate_event *outbox_peek(const struct outbox *box);
void outbox_drop(struct outbox *box);
/** How many were ever put: what was put before this number is told once as many were dropped. */
size_t outbox_put_count(const struct outbox *box);
size_t outbox_drop_count(const struct outbox *box);
/** How many wait to be told. */
size_t outbox_waiting(const struct outbox *box);

#endif
