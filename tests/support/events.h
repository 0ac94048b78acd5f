/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.h - what of an event its readers may look at */
#ifndef SUPPORT_EVENTS_H
#define SUPPORT_EVENTS_H

#include <stddef.h>

#include "rpcgate.h"

/** Octets of an event of this type: those behind are not written. */
static inline size_t events_octets(const struct rpcgate_event *event)
{
#define SIZE(type, member)                                                                         \
	[RPCGATE_EVENT_##type] =                                                                   \
		offsetof(struct rpcgate_event, u) + sizeof(((struct rpcgate_event *)0)->u.member)
	static const size_t octets[] = {
		SIZE(BINDING, binding), SIZE(PINHOLE, pinhole), SIZE(BIND, bind),
		SIZE(ALERT, alert),     SIZE(FLOW, flow),       SIZE(ENGINE, engine),
		SIZE(CALL, call),       SIZE(PIPE, pipe),       SIZE(EXPECT, expect),
	};
#undef SIZE

	return octets[event->type];
}

#endif
