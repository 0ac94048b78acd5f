/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.h - what of an event its readers may look at */
#ifndef SUPPORT_EVENTS_H
#define SUPPORT_EVENTS_H

#include <stddef.h>

#include "rpcgate.h"

/** Octets of an event of this type: those behind are not written. */
static inline size_t events_octets(const struct rpcgate_event *event)
{
	const size_t octets[] = {
		[RPCGATE_EVENT_BINDING] = sizeof(event->u.binding),
		[RPCGATE_EVENT_PINHOLE] = sizeof(event->u.pinhole),
		[RPCGATE_EVENT_BIND] = sizeof(event->u.bind),
		[RPCGATE_EVENT_ALERT] = sizeof(event->u.alert),
		[RPCGATE_EVENT_FLOW] = sizeof(event->u.flow),
		[RPCGATE_EVENT_ENGINE] = sizeof(event->u.engine),
		[RPCGATE_EVENT_CALL] = sizeof(event->u.call),
		[RPCGATE_EVENT_PIPE] = sizeof(event->u.pipe),
		[RPCGATE_EVENT_EXPECT] = sizeof(event->u.expect),
	};

	return offsetof(struct rpcgate_event, u) + octets[event->type];
}

#endif
