/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bucket is one number, the time at which the next event is due (the generic cell rate algorithm,
 * ITU-T I.371): what is earlier than due by more than the burst is left out. */
#include "limiter.h"

#include <inttypes.h>
#include <stdio.h>

#include "event_words.h"

#define NS_PER_S UINT64_C(1000000000)

void limiter_init(struct limiter *l, uint32_t per_second, uint32_t burst)
{
	*l = (struct limiter){ 0 };
	if (!per_second)
		return;
	if (per_second > LIMITER_RATE_MAX)
		per_second = LIMITER_RATE_MAX;
	l->interval_ns = NS_PER_S / per_second;
	l->ahead_ns = l->interval_ns * (burst ? burst - 1U : 0U);
}

static enum rpcgate_reason reason_of(const struct rpcgate_event *event)
{
	switch (event->type) {
	case RPCGATE_EVENT_BINDING:
		return event->u.binding.reason;
	case RPCGATE_EVENT_PINHOLE:
		return event->u.pinhole.reason;
	case RPCGATE_EVENT_BIND:
		return event->u.bind.reason;
	case RPCGATE_EVENT_ALERT:
		return event->u.alert.reason;
	case RPCGATE_EVENT_FLOW:
		return event->u.flow.reason;
	case RPCGATE_EVENT_CALL:
		return event->u.call.reason;
	case RPCGATE_EVENT_ENGINE:
	case RPCGATE_EVENT_PIPE:
	case RPCGATE_EVENT_EXPECT:
		break;
	}
	return RPCGATE_REASON_NONE;
}

static void follow(struct limiter *l, uint64_t now_ns)
{
	if (now_ns > l->now_ns)
		l->now_ns = now_ns;
}

static bool has_room(const struct limiter *l, const struct limiter_bucket *b)
{
	return b->due_ns <= l->now_ns || b->due_ns - l->now_ns <= l->ahead_ns;
}

bool limiter_passes(struct limiter *l, const struct rpcgate_event *event)
{
	enum rpcgate_reason reason = reason_of(event);
	struct limiter_bucket *b;

	if (!l->interval_ns || event->type == RPCGATE_EVENT_ENGINE ||
	    (size_t)event->type >= LIMITER_TYPES || (size_t)reason >= RPCGATE_REASON_COUNT)
		return true;
	follow(l, event->time_ns);
	b = &l->bucket[event->type][reason];
	if (has_room(l, b)) {
		b->due_ns = (b->due_ns > l->now_ns ? b->due_ns : l->now_ns) + l->interval_ns;
		return true;
	}
	l->waiting += !b->left_out++;
	return false;
}

/* The next bucket with something to tell, from where the last look ended */
static bool look(struct limiter *l, bool all, struct limiter_gap *gap)
{
	while (l->waiting && l->next < LIMITER_TYPES * RPCGATE_REASON_COUNT) {
		uint32_t type = l->next / RPCGATE_REASON_COUNT;
		uint32_t reason = l->next++ % RPCGATE_REASON_COUNT;
		struct limiter_bucket *b = &l->bucket[type][reason];

		if (!b->left_out || (!all && !has_room(l, b)))
			continue;
		*gap = (struct limiter_gap){ (enum rpcgate_event_type)type,
					     (enum rpcgate_reason)reason, b->left_out };
		b->left_out = 0;
		l->waiting--;
		return true;
	}
	l->next = 0;
	return false;
}

bool limiter_told(struct limiter *l, uint64_t now_ns, struct limiter_gap *gap)
{
	follow(l, now_ns);
	if (!l->next && (!l->waiting || l->now_ns - l->told_ns < NS_PER_S))
		return false;
	l->told_ns = l->now_ns;
	return look(l, false, gap);
}

bool limiter_left(struct limiter *l, struct limiter_gap *gap)
{
	return look(l, true, gap);
}

const char *limiter_text(const struct limiter_gap *gap, char text[LIMITER_TEXT])
{
	snprintf(text, LIMITER_TEXT, "%" PRIu64 " %s event%s with reason %s", gap->count,
		 (size_t)gap->type < LIMITER_TYPES ? event_type_names[gap->type] : "unknown",
		 gap->count == 1 ? "" : "s", rpcgate_reason_name(gap->reason));
	return text;
}
