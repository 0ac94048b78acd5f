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

/* A place for what is to be counted; what was put there before has waited long enough */
static struct report_later *later(struct report *r, const struct rpcgate_event *event)
{
	struct report_later *l = &r->later[r->n_later++ % REPORT_LATER];

	if (l->count)
		l->count(r, l);
	memset(l, 0, sizeof(*l));
	l->time_ns = event->time_ns;
	return l;
}

void report_settle(struct report *r)
{
	for (size_t i = 0; i < REPORT_LATER; i++) {
		struct report_later *l = &r->later[r->n_later++ % REPORT_LATER];

		if (l->count)
			l->count(r, l);
		l->count = NULL;
	}
}

static void count_binding(struct report *r, const struct report_later *l)
{
	struct binding_row *row = rows_get_expected(&r->bindings, &l->row.binding, l->hash);
	size_t known = r->clients.n;

	if (!row)
		return;
	if (!row->first_ns || l->time_ns < row->first_ns)
		row->first_ns = l->time_ns;
	if (l->time_ns > row->last_ns)
		row->last_ns = l->time_ns;
	if (rows_get_expected(&r->clients, &l->client, l->client_hash) && r->clients.n > known)
		row->clients++;
}

static void take_binding(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_binding_event *b = &event->u.binding;
	struct report_later *l;
	struct binding_key *key;

	if (!b->accepted)
		count_reason(r->binding_reasons, b->reason);
	if (!over_tcp(b->protseq) && !b->accepted) {
		r->other_protseq[b->protseq < RPCGATE_PROTSEQ_OTHER ? b->protseq :
								      RPCGATE_PROTSEQ_OTHER]++;
		return;
	}
	l = later(r, event);
	key = &l->row.binding.key;
	key->server = b->server;
	key->interface = b->interface;
	key->port = b->port;
	key->source = (uint8_t)b->source;
	key->protseq = (uint8_t)b->protseq;
	key->accepted = b->accepted;
	key->any_interface = b->any_interface;
	key->reason = (uint16_t)b->reason;
	l->client.binding = *key;
	l->client.client = event->src;
	l->hash = rows_expect(&r->bindings, &l->row);
	l->client_hash = rows_expect(&r->clients, &l->client);
	l->count = count_binding;
}

uint64_t pinhole_lasted(const struct pinhole_row *row, uint64_t now_ns)
{
	return row->open_ns && now_ns > row->open_ns ? now_ns - row->open_ns : 0;
}

static void count_pinhole(struct report *r, const struct report_later *l)
{
	struct pinhole_row *row = rows_get_expected(&r->pinholes, &l->row.pinhole, l->hash);

	if (!row)
		return;
	if (!row->first_ns)
		row->first_ns = l->time_ns;
	if (l->action <= RPCGATE_PINHOLE_USE && !row->open_ns) {
		row->open_ns = l->time_ns;
		row->opened++;
	} else if (l->action > RPCGATE_PINHOLE_USE && l->action != RPCGATE_PINHOLE_REFUSE) {
		row->life_ns += pinhole_lasted(row, l->time_ns);
		row->open_ns = 0;
	}
	row->used += l->action == RPCGATE_PINHOLE_USE;
	row->last = l->action;
	row->reason = l->reason;
}

static void take_pinhole(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	struct report_later *l = later(r, event);
	struct pinhole_key *key = &l->row.pinhole.key;

	key->client = p->client;
	key->server = p->server;
	key->interface = p->interface;
	key->port = p->port;
	l->action = p->action;
	l->reason = p->reason;
	l->hash = rows_expect(&r->pinholes, &l->row);
	l->count = count_pinhole;
}

static void count_bind(struct report *r, const struct report_later *l)
{
	struct bind_row *row = rows_get_expected(&r->binds, &l->row.bind, l->hash);

	if (!row)
		return;
	if (!row->count++)
		row->first_ns = l->time_ns;
	if (!l->has_age)
		return;
	if (!row->has_age || l->age_ns < row->youngest_ns)
		row->youngest_ns = l->age_ns;
	if (l->age_ns > row->oldest_ns)
		row->oldest_ns = l->age_ns;
	row->has_age = true;
}

static void take_bind(struct report *r, const struct rpcgate_event *event)
{
	static const uint8_t severity[] = {
		[RPCGATE_DENY] = 0,
		[RPCGATE_LOG] = 1,
		[RPCGATE_ALLOW] = 2,
	};
	const struct rpcgate_bind_event *b = &event->u.bind;
	struct report_later *l = later(r, event);
	struct bind_key *key = &l->row.bind.key;

	count_reason(r->bind_reasons, b->reason);
	key->client = event->src;
	key->server = event->dest;
	key->interface = b->interface;
	key->port = event->dest_port;
	key->reason = (uint16_t)b->reason;
	key->pdu = (uint8_t)b->pdu;
	key->severity = severity[b->verdict];
	l->has_age = b->has_age;
	l->age_ns = b->age_ns;
	l->hash = rows_expect(&r->binds, &l->row);
	l->count = count_bind;
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
