/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.c - taking events */
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "report_rows.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define COMPARE_BY_KEY(name, type)                                                                 \
	int name(const void *a, const void *b)                                                     \
	{                                                                                          \
		return memcmp(a, b, sizeof(type));                                                 \
	}
COMPARE_BY_KEY(binding_key_order, struct binding_key)
COMPARE_BY_KEY(pinhole_key_order, struct pinhole_key)
COMPARE_BY_KEY(bind_key_order, struct bind_key)
COMPARE_BY_KEY(pipe_key_order, struct pipe_key)
COMPARE_BY_KEY(alert_key_order, struct alert_key)
#undef COMPARE_BY_KEY

/* A hole in a key would be compared, and hold anything. */
_Static_assert(sizeof(struct binding_key) == 16 + 20 + 2 + 4 + 2, "hole in a key");
_Static_assert(sizeof(struct client_key) == sizeof(struct binding_key) + 16, "hole in a key");
_Static_assert(sizeof(struct pinhole_key) == 16 + 16 + 20 + 2, "hole in a key");
_Static_assert(sizeof(struct bind_key) == 16 + 16 + 20 + 2 + 2 + 2, "hole in a key");
_Static_assert(sizeof(struct pipe_key) == 16 + 16 + 20 + 2 + RPCGATE_ENDPOINT_MAX, "hole in a key");
_Static_assert(sizeof(struct alert_key) == 16 + 16 + 20 + 2 + 2, "hole in a key");

int label_order(const void *a, const void *b)
{
	return strncmp(a, b, LABEL_MAX);
}

struct report *report_new(void)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->bindings = (struct rows){ .size = sizeof(struct binding_row),
				     .key = sizeof(struct binding_key) };
	r->clients = (struct rows){ .size = sizeof(struct client_key),
				    .key = sizeof(struct client_key) };
	r->pinholes = (struct rows){ .size = sizeof(struct pinhole_row),
				     .key = sizeof(struct pinhole_key) };
	r->binds = (struct rows){ .size = sizeof(struct bind_row), .key = sizeof(struct bind_key) };
	r->pipes = (struct rows){ .size = sizeof(struct pipe_row), .key = sizeof(struct pipe_key) };
	r->alerts =
		(struct rows){ .size = sizeof(struct alert_row), .key = sizeof(struct alert_key) };
	r->labels = (struct rows){ .size = sizeof(struct label_row), .key = LABEL_MAX };
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	rows_free(&r->bindings);
	rows_free(&r->clients);
	rows_free(&r->pinholes);
	rows_free(&r->binds);
	rows_free(&r->pipes);
	rows_free(&r->alerts);
	rows_free(&r->labels);
	free(r);
}

static void count_reason(uint64_t *reasons, enum rpcgate_reason reason)
{
	if (reason < RPCGATE_REASON_COUNT)
		reasons[reason]++;
}

/* ------------------------------------------------------------- taking events */

static bool over_tcp(enum rpcgate_protseq protseq)
{
	return protseq == RPCGATE_NCACN_IP_TCP || protseq == RPCGATE_NCACN_HTTP;
}

static void take_binding(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_binding_event *b = &event->u.binding;
	struct binding_row probe = { 0 };
	struct client_key client = { 0 };
	struct binding_row *row;
	size_t known = r->clients.n;

	if (!b->accepted)
		count_reason(r->binding_reasons, b->reason);
	if (!over_tcp(b->protseq) && !b->accepted) {
		r->other_protseq[b->protseq < RPCGATE_PROTSEQ_OTHER ? b->protseq :
								      RPCGATE_PROTSEQ_OTHER]++;
		return;
	}
	probe.key.server = b->server;
	probe.key.interface = b->interface;
	probe.key.port = b->port;
	probe.key.source = (uint8_t)b->source;
	probe.key.protseq = (uint8_t)b->protseq;
	probe.key.accepted = b->accepted;
	probe.key.any_interface = b->any_interface;
	probe.key.reason = (uint16_t)b->reason;
	row = rows_get(&r->bindings, &probe);
	if (!row)
		return;
	if (!row->first_ns || event->time_ns < row->first_ns)
		row->first_ns = event->time_ns;
	if (event->time_ns > row->last_ns)
		row->last_ns = event->time_ns;
	client.binding = probe.key;
	client.client = event->src;
	if (rows_get(&r->clients, &client) && r->clients.n > known)
		row->clients++;
}

uint64_t pinhole_lasted(const struct pinhole_row *row, uint64_t now_ns)
{
	return row->open_ns && now_ns > row->open_ns ? now_ns - row->open_ns : 0;
}

static void take_pinhole(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	struct pinhole_row probe = { 0 };
	struct pinhole_row *row;

	probe.key.client = p->client;
	probe.key.server = p->server;
	probe.key.interface = p->interface;
	probe.key.port = p->port;
	row = rows_get(&r->pinholes, &probe);
	if (!row)
		return;
	if (!row->first_ns)
		row->first_ns = event->time_ns;
	if (p->action <= RPCGATE_PINHOLE_USE && !row->open_ns) {
		row->open_ns = event->time_ns;
		row->opened++;
	} else if (p->action > RPCGATE_PINHOLE_USE && p->action != RPCGATE_PINHOLE_REFUSE) {
		row->life_ns += pinhole_lasted(row, event->time_ns);
		row->open_ns = 0;
	}
	row->used += p->action == RPCGATE_PINHOLE_USE;
	row->last = p->action;
	row->reason = p->reason;
}

static void take_bind(struct report *r, const struct rpcgate_event *event)
{
	static const uint8_t severity[] = {
		[RPCGATE_DENY] = 0,
		[RPCGATE_LOG] = 1,
		[RPCGATE_ALLOW] = 2,
	};
	const struct rpcgate_bind_event *b = &event->u.bind;
	struct bind_row probe = { 0 };
	struct bind_row *row;

	count_reason(r->bind_reasons, b->reason);
	probe.key.client = event->src;
	probe.key.server = event->dest;
	probe.key.interface = b->interface;
	probe.key.port = event->dest_port;
	probe.key.reason = (uint16_t)b->reason;
	probe.key.pdu = (uint8_t)b->pdu;
	probe.key.severity = severity[b->verdict];
	row = rows_get(&r->binds, &probe);
	if (!row)
		return;
	if (!row->count++)
		row->first_ns = event->time_ns;
	if (!b->has_age)
		return;
	if (!row->has_age || b->age_ns < row->youngest_ns)
		row->youngest_ns = b->age_ns;
	if (b->age_ns > row->oldest_ns)
		row->oldest_ns = b->age_ns;
	row->has_age = true;
}

static void take_pipe(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_pipe_event *p = &event->u.pipe;
	struct pipe_row probe = { 0 };
	struct pipe_row *row;

	probe.key.client = event->src;
	probe.key.server = event->dest;
	probe.key.interface = p->interface;
	probe.key.port = event->dest_port;
	memcpy(probe.key.pipe, p->pipe, p->pipe_len);
	row = rows_get(&r->pipes, &probe);
	if (row && !row->count++)
		row->first_ns = event->time_ns;
}

/* What the listing of binds shows anyway is not shown a second time. */
static bool is_about_bind(const struct rpcgate_alert_event *a)
{
	return a->has_interface && (a->ptype == 11 || a->ptype == 14);
}

static void take_alert(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	struct alert_row probe = { 0 };
	struct alert_row *row;

	count_reason(r->alert_reasons, a->reason);
	if (is_about_bind(a))
		return;
	probe.key.client = event->src;
	probe.key.server = event->dest;
	if (a->has_interface)
		probe.key.interface = a->interface;
	probe.key.port = event->dest_port;
	probe.key.reason = (uint16_t)a->reason;
	row = rows_get(&r->alerts, &probe);
	if (row && !row->count++)
		row->first_ns = event->time_ns;
}

void report_event(struct report *r, const struct rpcgate_event *event)
{
	static void (*const take[])(struct report *, const struct rpcgate_event *) = {
		[RPCGATE_EVENT_BINDING] = take_binding, [RPCGATE_EVENT_PINHOLE] = take_pinhole,
		[RPCGATE_EVENT_BIND] = take_bind,       [RPCGATE_EVENT_PIPE] = take_pipe,
		[RPCGATE_EVENT_ALERT] = take_alert,
	};

	if ((size_t)event->type < COUNT(take) && take[event->type])
		take[event->type](r, event);
}

void report_label(struct report *r, const char *name)
{
	struct label_row probe = { 0 };
	struct label_row *row;

	text_show(name, probe.name, sizeof(probe.name));
	row = rows_get(&r->labels, &probe);
	if (row)
		row->count++;
}
