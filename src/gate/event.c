/* SPDX-License-Identifier: BSD-2-Clause */
/* event.c - what is told to the caller, as values in a buffer of fixed size */
#include "gate.h"

/* What a reader of an event may look at: there is no need to clear more of the largest one */
static const size_t size_of[] = {
#define SIZE(type, member)                                                                         \
	[RPCGATE_EVENT_##type] =                                                                   \
		offsetof(struct rpcgate_event, u) + sizeof(((struct rpcgate_event *)0)->u.member)
	SIZE(BINDING, binding), SIZE(PINHOLE, pinhole), SIZE(BIND, bind),
	SIZE(ALERT, alert),     SIZE(FLOW, flow),       SIZE(ENGINE, engine),
	SIZE(CALL, call),       SIZE(PIPE, pipe),       SIZE(EXPECT, expect),
#undef SIZE
};

bool event_room(const struct rpcgate *g, size_t n)
{
	return g->result.n_events + n <= g->cfg.max_events;
}

struct rpcgate_event *event_new(struct rpcgate *g, enum rpcgate_event_type type,
				const struct flow *f)
{
	struct rpcgate_event *e;

	/* one slot beyond the limit takes what is lost */
	e = &g->events[g->n_told + g->result.n_events];
	if (event_room(g, 1)) {
		g->result.n_events++;
		g->stats.events++;
	} else {
		g->stats.events_lost++;
	}
	memset(e, 0, size_of[type]);
	e->type = type;
	e->time_ns = g->event_ns;
	if (!f)
		return e;
	e->proto = f->udp ? IP_PROTO_UDP : IP_PROTO_TCP;
	e->flow_id = f->id;
	e->zone = f->key.zone;
	e->src = *client_addr(f);
	e->dest = *server_addr(f);
	e->src_port = client_port(f);
	e->dest_port = server_port(f);
	e->n_vlan = f->n_vlan;
	e->vlan[0] = f->vlan[0];
	e->vlan[1] = f->vlan[1];
	return e;
}

struct rpcgate_alert_event *event_alert(struct rpcgate *g, const struct flow *f,
					enum rpcgate_reason reason)
{
	struct rpcgate_alert_event *a = &event_new(g, RPCGATE_EVENT_ALERT, f)->u.alert;

	a->reason = reason;
	a->action = RPCGATE_NONE;
	a->ptype = 0xff;
	return a;
}

void event_limit(struct rpcgate *g, unsigned which, const char *detail)
{
	struct rpcgate_event *e;

	g->stats.limits_reached++;
	if (g->limits_told >> which & 1)
		return;
	g->limits_told |= UINT64_C(1) << which;
	e = event_new(g, RPCGATE_EVENT_ENGINE, NULL);
	e->u.engine = (struct rpcgate_engine_event){ RPCGATE_REASON_LIMIT, "limit", detail };
}

void event_flow(struct rpcgate *g, const struct flow *f, const struct conv *c,
		enum rpcgate_flow_state state)
{
	unsigned client = f->client & 1;
	struct rpcgate_flow_event *e = &event_new(g, RPCGATE_EVENT_FLOW, f)->u.flow;

	*e = (struct rpcgate_flow_event){
		.state = state,
		.reason = f->why ? (enum rpcgate_reason)f->why : (enum rpcgate_reason)c->why,
		.mapper = c->mapper,
		.midstream = f->midstream,
		.binds = c->binds,
		.accepted = c->accepted,
		.packets_toserver = f->packets[client],
		.packets_toclient = f->packets[!client],
		.octets_toserver = f->octets[client],
		.octets_toclient = f->octets[!client],
		.start_ns = captured_ns(g, f->start_ns),
		.end_ns = captured_ns(g, f->last_ns),
	};
}
