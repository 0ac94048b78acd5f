/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "outbox.h"

bool outbox_init(struct outbox *box, size_t size)
{
	*box = (struct outbox){ .size = size };
	box->ring = calloc(size, sizeof(*box->ring));
	/* touched now, so that no packet waits for a page later */
	for (size_t i = 0; box->ring && i < size; i++)
		*(volatile uint8_t *)&box->ring[i].proto = 0;
	return box->ring != NULL;
}

void outbox_done(struct outbox *box)
{
	free(box->ring);
	box->ring = NULL;
}

void outbox_put(struct outbox *box, const struct rpcgate_event *event)
{
	size_t head = atomic_load_explicit(&box->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&box->tail, memory_order_acquire) == box->size) {
		atomic_fetch_add_explicit(&box->lost, 1, memory_order_relaxed);
		return;
	}
	box->ring[head & (box->size - 1)] = *event;
	atomic_store_explicit(&box->head, head + 1, memory_order_release);
}

const struct rpcgate_event *outbox_peek(const struct outbox *box)
{
	size_t tail = atomic_load_explicit(&box->tail, memory_order_relaxed);

	if (tail == atomic_load_explicit(&box->head, memory_order_acquire))
		return NULL;
	return &box->ring[tail & (box->size - 1)];
}

void outbox_drop(struct outbox *box)
{
	atomic_fetch_add_explicit(&box->tail, 1, memory_order_release);
}

size_t outbox_waiting(const struct outbox *box)
{
	return outbox_put_count(box) - outbox_drop_count(box);
}

size_t outbox_put_count(const struct outbox *box)
{
	return atomic_load_explicit(&box->head, memory_order_acquire);
}

size_t outbox_drop_count(const struct outbox *box)
{
	return atomic_load_explicit(&box->tail, memory_order_acquire);
}
