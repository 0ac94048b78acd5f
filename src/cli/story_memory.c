/* SPDX-License-Identifier: GPL-3.0-or-later */
/* story_memory.c - who was told what */
#include <string.h>

#include "story.h"

static void hear(struct story *s, const struct rpcgate_event *event, uint16_t port)
{
	const struct rpcgate_binding_event *b = &event->u.binding;
	struct heard probe = { 0 };
	struct heard *row;

	probe.key.server = b->server;
	probe.key.uuid = b->interface.uuid;
	probe.key.major = b->interface.major;
	probe.key.port = port;
	row = rows_get(&s->heard, &probe);
	if (!row || (row->granted && !b->accepted))
		return;
	row->client = event->src;
	row->time_ns = event->time_ns;
	row->port = b->port;
	row->granted = b->accepted;
}

static bool same(const struct rpcgate_syntax *a, const struct rpcgate_syntax *b)
{
	return memcmp(&a->uuid, &b->uuid, sizeof(a->uuid)) == 0 && a->major == b->major;
}

/* The place of an interface; the oldest gives way */
static struct hole_interface *place_of(struct hole *hole, const struct rpcgate_syntax *id)
{
	struct hole_interface *place;

	for (size_t i = 0; i < hole->n; i++)
		if (same(&hole->interface[i].id, id))
			return &hole->interface[i];
	if (hole->n < STORY_INTERFACES) {
		place = &hole->interface[hole->n++];
	} else {
		place = &hole->interface[hole->next];
		hole->next = (hole->next + 1) % STORY_INTERFACES;
	}
	*place = (struct hole_interface){ .id = *id };
	return place;
}

static void note_pinhole(struct story *s, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	struct hole_interface *place;
	struct hole probe = { 0 };
	struct hole *hole;

	if (p->action == RPCGATE_PINHOLE_REFUSE)
		return;
	probe.key.client = p->client;
	probe.key.server = p->server;
	probe.key.port = p->port;
	hole = rows_get(&s->holes, &probe);
	if (!hole)
		return;
	hole->dcom = hole->dcom || p->source == RPCGATE_OXID || p->source == RPCGATE_ACTIVATION;
	place = place_of(hole, &p->interface);
	place->open = p->action <= RPCGATE_PINHOLE_USE;
	if (place->open)
		place->since_ns = event->time_ns;
}

void story_remember(struct story *s, const struct rpcgate_event *event)
{
	struct pair pair = { event->src, event->dest };

	if (event->type == RPCGATE_EVENT_BINDING && event->u.binding.port) {
		hear(s, event, 0);
		hear(s, event, event->u.binding.port);
	} else if (event->type == RPCGATE_EVENT_PINHOLE) {
		note_pinhole(s, event);
	} else if (event->type == RPCGATE_EVENT_BIND) {
		(void)rows_get(&s->pairs, &pair);
	}
}

const struct heard *story_heard(const struct story *s, const struct rpcgate_addr *server,
				const struct rpcgate_syntax *id, uint16_t port)
{
	struct heard probe = { 0 };

	probe.key.server = *server;
	probe.key.uuid = id->uuid;
	probe.key.major = id->major;
	probe.key.port = port;
	return rows_find(&s->heard, &probe);
}

const struct hole *story_hole(const struct story *s, const struct rpcgate_event *event)
{
	struct hole probe = { 0 };

	probe.key.client = event->src;
	probe.key.server = event->dest;
	probe.key.port = event->dest_port;
	return rows_find(&s->holes, &probe);
}

bool story_hole_has(const struct hole *hole, const struct rpcgate_syntax *id)
{
	for (size_t i = 0; hole && i < hole->n; i++)
		if (hole->interface[i].open && same(&hole->interface[i].id, id))
			return true;
	return false;
}
