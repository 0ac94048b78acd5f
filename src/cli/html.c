/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html.c - events become lives, binds and incidents */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html_parts.h"
#include "text.h"

#define NS_PER_US 1000U
#define NS_PER_S UINT64_C(1000000000)
#define SILENCE_NS (600 * NS_PER_S) /* longer without a packet: nobody may have captured */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A hole in a key would be compared, and hold anything. */
_Static_assert(sizeof(struct html_pair) == 16 + 16, "hole in a key");
_Static_assert(sizeof(struct html_pin_key) == 16 + 16 + 2, "hole in a key");
_Static_assert(sizeof(struct html_bind_key) == 16 + 16 + 20 + 2 + 2 + 2, "hole in a key");
_Static_assert(sizeof(struct html_incident_key) == sizeof(struct html_bind_key) + 2,
	       "hole in a key");

#define ROWS(type, octets)                                                                         \
	(struct rows)                                                                              \
	{                                                                                          \
		.size = sizeof(type), .key = (octets)                                              \
	}

struct html *html_new(const struct option_list *set)
{
	const struct story_filter everybody = { 0 };
	struct html *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->set = set;
	suggestion_init(&h->suggestion);
	h->suggestion.set = set;
	story_init(&h->story, &everybody);
	h->pairs = ROWS(struct html_pair, sizeof(struct html_pair));
	h->pins = ROWS(struct html_pin, sizeof(struct html_pin_key));
	h->opened = ROWS(struct html_opened, sizeof(struct opened_key));
	h->binds = ROWS(struct html_bind, sizeof(struct html_bind_key));
	h->asked = ROWS(struct html_asked, sizeof(struct html_pair));
	h->told = ROWS(struct html_told, sizeof(struct opened_key));
	h->announced = ROWS(struct html_told, sizeof(struct opened_key));
	h->incidents = ROWS(struct html_incident, sizeof(struct html_incident_key));
	h->waits = ROWS(struct html_wait, sizeof(uint64_t));
	return h;
}

void html_free(struct html *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->incidents.n; i++) {
		struct html_incident *incident = h->incidents.all[i];

		free(incident->why);
		free(incident->rule);
		free(incident->target);
	}
	suggestion_free(&h->suggestion);
	story_free(&h->story);
	rows_free(&h->pairs);
	rows_free(&h->pins);
	rows_free(&h->opened);
	rows_free(&h->binds);
	rows_free(&h->asked);
	rows_free(&h->told);
	rows_free(&h->announced);
	rows_free(&h->incidents);
	rows_free(&h->waits);
	free(h->lives);
	free(h->marks);
	free(h->spans);
	free(h);
}

/* ------------------------------------------------------------------------- time */

/* Room for one more; NULL if there is none, which is counted */
static void *grow(void **all, size_t *n, size_t *room, size_t size, size_t most, size_t *lost)
{
	size_t more = *room ? 2 * *room : 64;
	void *bigger;

	if (*n == most) {
		++*lost;
		return NULL;
	}
	if (*n == *room) {
		bigger = reallocarray(*all, more, size);
		if (!bigger) {
			++*lost;
			return NULL;
		}
		*all = bigger;
		*room = more;
	}
	return (char *)*all + size * (*n)++;
}

/* The first that does not end long before; n_spans if all do */
static size_t span_at(const struct html *h, uint64_t time_ns)
{
	size_t low = 0, high = h->n_spans;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (h->spans[middle].to_ns + SILENCE_NS < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert_span(struct html *h, size_t at, uint64_t time_ns)
{
	void *all = h->spans;
	const struct html_span *made = grow(&all, &h->n_spans, &h->room_spans, sizeof(*made),
					    HTML_SPANS_MAX, &h->lost_spans);

	h->spans = all;
	if (!made)
		return;
	memmove(&h->spans[at + 1], &h->spans[at], (h->n_spans - 1 - at) * sizeof(*h->spans));
	h->spans[at] = (struct html_span){ time_ns, time_ns };
}

/* One that grew may have reached the one behind it */
static void join_spans(struct html *h, size_t at)
{
	if (at + 1 == h->n_spans || h->spans[at + 1].from_ns > h->spans[at].to_ns + SILENCE_NS)
		return;
	if (h->spans[at + 1].to_ns > h->spans[at].to_ns)
		h->spans[at].to_ns = h->spans[at + 1].to_ns;
	h->n_spans--;
	memmove(&h->spans[at + 1], &h->spans[at + 2], (h->n_spans - at - 1) * sizeof(*h->spans));
}

/* A silence is not counted for a port that would stand open, so the comparison says no more than
 * was seen.  Clocks of captures jump, so packets may come in any order. */
void html_packet(struct html *h, uint64_t time_ns)
{
	struct html_span *span;
	size_t at;

	if (!h->spans) {
		insert_span(h, 0, time_ns);
		return;
	}
	span = &h->spans[h->last_span];
	if (time_ns >= span->from_ns && time_ns <= span->to_ns)
		return;
	at = span_at(h, time_ns);
	if (at == h->n_spans || h->spans[at].from_ns > time_ns + SILENCE_NS) {
		insert_span(h, at, time_ns);
	} else {
		span = &h->spans[at];
		if (time_ns < span->from_ns)
			span->from_ns = time_ns;
		if (time_ns > span->to_ns)
			span->to_ns = time_ns;
		join_spans(h, at);
	}
	h->last_span = at < h->n_spans ? at : 0;
}

/* --------------------------------------------------------------------- pinholes */

static struct html_life *life_new(struct html *h)
{
	void *all = h->lives;
	struct html_life *life = grow(&all, &h->n_lives, &h->room_lives, sizeof(*life),
				      HTML_LIVES_MAX, &h->lost_lives);

	h->lives = all;
	return life;
}

static void mark(struct html *h, const struct html_mark *what)
{
	void *all = h->marks;
	struct html_mark *place = grow(&all, &h->n_marks, &h->room_marks, sizeof(*place),
				       HTML_MARKS_MAX, &h->lost_marks);

	h->marks = all;
	if (place)
		*place = *what;
}

static void begin_life(struct html *h, struct html_pin *pin, const struct html_at *at)
{
	struct html_life *life = life_new(h);

	pin->since_ns = at->time_ns;
	pin->life = life ? h->n_lives : 0;
	h->n_opened++;
	if (!life)
		return;
	*life = (struct html_life){ .key = pin->key, .end_ns = UINT64_MAX, .at = *at };
}

static void name_interface(struct html_life *life, const struct rpcgate_syntax *id)
{
	for (size_t i = 0; i < life->n_interfaces && i < HTML_INTERFACES; i++)
		if (memcmp(&life->interface[i], id, sizeof(*id)) == 0)
			return;
	if (life->n_interfaces < HTML_INTERFACES)
		life->interface[life->n_interfaces] = *id;
	life->n_interfaces++;
}

static void end_life(struct html *h, struct html_pin *pin, const struct rpcgate_event *event)
{
	if (event->time_ns > pin->since_ns)
		h->open_us += (event->time_ns - pin->since_ns) / NS_PER_US;
	if (!pin->life)
		return;
	h->lives[pin->life - 1].end_ns = event->time_ns;
	h->lives[pin->life - 1].how = event->u.pinhole.action;
	h->lives[pin->life - 1].reason = event->u.pinhole.reason;
}

static void use_life(struct html *h, const struct html_pin *pin, uint64_t time_ns)
{
	const struct html_mark use = {
		.server = pin->key.pair.server,
		.time_ns = time_ns,
		.life = pin->life,
		.port = pin->key.port,
	};

	if (pin->life)
		h->lives[pin->life - 1].uses++;
	mark(h, &use);
}

static struct html_opened *opened_of(struct html *h, const struct rpcgate_pinhole_event *p)
{
	struct html_opened probe = { 0 };

	probe.key.client = p->client;
	probe.key.server = p->server;
	probe.key.uuid = p->interface.uuid;
	probe.key.major = p->interface.major;
	probe.key.port = p->port;
	return rows_get(&h->opened, &probe);
}

static struct html_pin *pin_of(struct html *h, const struct rpcgate_pinhole_event *p)
{
	struct html_pin probe = { 0 };

	probe.key.pair.client = p->client;
	probe.key.pair.server = p->server;
	probe.key.port = p->port;
	return rows_get(&h->pins, &probe);
}

static void take_pinhole(struct html *h, const struct rpcgate_event *event,
			 const struct html_at *at)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	struct html_opened *opened;
	struct html_pin *pin;

	if (p->action == RPCGATE_PINHOLE_REFUSE)
		return;
	opened = opened_of(h, p);
	pin = pin_of(h, p);
	if (!opened || !pin) {
		h->lost_pinholes += p->action == RPCGATE_PINHOLE_OPEN;
		return;
	}
	(void)rows_get(&h->pairs, &pin->key.pair);
	if (p->action <= RPCGATE_PINHOLE_USE) {
		if (!opened->open && !pin->open++)
			begin_life(h, pin, at);
		opened->open = true;
		if (pin->life)
			name_interface(&h->lives[pin->life - 1], &p->interface);
		if (p->action == RPCGATE_PINHOLE_USE)
			use_life(h, pin, event->time_ns);
	} else if (opened->open) {
		opened->open = false;
		if (!--pin->open)
			end_life(h, pin, event);
	}
}

/* ---------------------------------------------------------------- announcements */

static struct html_told *told_of(struct rows *rows, const struct html_pair *pair,
				 const struct rpcgate_syntax *id, uint16_t port)
{
	struct html_told probe = { 0 };

	probe.key.client = pair->client;
	probe.key.server = pair->server;
	probe.key.port = port;
	if (id) {
		probe.key.uuid = id->uuid;
		probe.key.major = id->major;
	}
	return rows_get(rows, &probe);
}

static void tell(struct html_told *told, const struct rpcgate_binding_event *b,
		 const struct html_at *at)
{
	if (!told)
		return;
	told->count++;
	/* what was granted is remembered rather than what was not */
	if (told->accepted && !b->accepted)
		return;
	told->at = *at;
	told->interface = b->interface;
	told->port = b->port;
	told->accepted = b->accepted;
	told->reason = b->reason;
	told->source = b->source;
	told->annotation_len = b->annotation_len;
	memcpy(told->annotation, b->annotation, sizeof(told->annotation));
}

static void take_binding(struct html *h, const struct rpcgate_event *event,
			 const struct html_at *at)
{
	const struct rpcgate_binding_event *b = &event->u.binding;
	const struct html_pair pair = { event->src, b->server };

	if (!b->port)
		return;
	tell(told_of(&h->told, &pair, &b->interface, 0), b, at);
	tell(told_of(&h->told, &pair, NULL, b->port), b, at);
	tell(told_of(&h->announced, &pair, &b->interface, b->port), b, at);
}

/* -------------------------------------------------------------------- incidents */

static struct html_incident *incident_of(struct html *h, const struct html_incident_key *key,
					 const struct html_at *at, bool *is_new)
{
	struct html_incident probe = { .key = *key };
	struct html_incident *incident = NULL;

	if (h->incidents.n < HTML_INCIDENTS_MAX || rows_find(&h->incidents, &probe))
		incident = rows_get(&h->incidents, &probe);
	if (!incident) {
		h->lost_incidents++;
		return NULL;
	}
	*is_new = !incident->count++;
	if (*is_new)
		incident->first = *at;
	return incident;
}

/* The beginning of a connection is told of at its end */
static void await_flow(struct html *h, struct html_incident *incident,
		       const struct rpcgate_event *event)
{
	struct html_wait probe = { .flow_id = event->flow_id };
	struct html_wait *wait;

	incident->flow_id = event->flow_id;
	if (!event->flow_id)
		return;
	wait = rows_get(&h->waits, &probe);
	for (size_t i = 0; wait && i < COUNT(wait->incident); i++) {
		if (wait->incident[i])
			continue;
		wait->incident[i] = incident;
		return;
	}
}

/* What the client was told of this interface on this port; else on another; else of this port */
static const struct html_told *nearest_told(const struct html *h, const struct html_pair *pair,
					    const struct rpcgate_syntax *id, uint16_t port)
{
	struct html_told probe = { 0 };
	const struct html_told *told = NULL;

	probe.key.client = pair->client;
	probe.key.server = pair->server;
	probe.key.uuid = id->uuid;
	probe.key.major = id->major;
	if (!words_uuid_is_nil(&id->uuid)) {
		probe.key.port = port;
		told = rows_find(&h->announced, &probe);
		probe.key.port = 0;
		told = told ? told : rows_find(&h->told, &probe);
	}
	if (told)
		return told;
	memset(&probe.key.uuid, 0, sizeof(probe.key.uuid));
	probe.key.major = 0;
	probe.key.port = port;
	return rows_find(&h->told, &probe);
}

static void remember_steps(struct html *h, struct html_incident *incident,
			   const struct rpcgate_event *event)
{
	const struct html_pair pair = { event->src, event->dest };
	const struct rpcgate_syntax *id = &incident->key.what.interface;
	struct html_asked asked = { .pair = pair };
	const struct html_asked *last;
	const struct html_told *what;

	await_flow(h, incident, event);
	last = rows_find(&h->asked, &asked);
	if (last) {
		incident->has_asked = true;
		incident->asked = last->at;
	}
	what = nearest_told(h, &pair, id, event->dest_port);
	if (what) {
		incident->has_told = true;
		incident->told_port_only = words_uuid_is_nil(&what->key.uuid);
		incident->told = *what;
	}
}

/* Foreign octets stay as they are until they are written */
static char *copy_rule(const char *file, uint32_t line, const char *name)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	const char *short_name = slash ? slash + 1 : file ? file : "";
	char *text = NULL;

	if (line && asprintf(&text, "%.100s:%" PRIu32 "%s%.80s", short_name, line, name ? " " : "",
			     name ? name : "") < 0)
		return NULL;
	return text;
}

static char *explain(const struct html *h, const struct rpcgate_event *event)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	story_explain(&h->story, event, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static void key_of(struct html_incident_key *key, const struct rpcgate_event *event,
		   const struct rpcgate_syntax *id, enum rpcgate_reason reason,
		   enum rpcgate_verdict verdict)
{
	memset(key, 0, sizeof(*key));
	key->what.server = event->dest;
	key->what.client = event->src;
	if (id)
		key->what.interface = *id;
	key->what.port = event->dest_port;
	key->what.reason = (uint16_t)reason;
	key->what.verdict = (uint16_t)verdict;
	key->kind = (uint16_t)event->type;
}

static void note_refused(struct html *h, const struct rpcgate_event *event,
			 enum rpcgate_reason reason, const struct html_incident *incident)
{
	const struct html_mark refusal = {
		.server = event->dest,
		.time_ns = event->time_ns,
		.incident = incident,
		.port = event->dest_port,
		.refused = true,
	};

	mark(h, &refusal);
	if (reason < RPCGATE_REASON_COUNT)
		h->by_reason[reason]++;
}

static void refuse_bind(struct html *h, const struct rpcgate_event *event,
			const struct html_incident_key *key, const struct html_at *at)
{
	const struct rpcgate_bind_event *b = &event->u.bind;
	struct html_incident *incident;
	bool is_new;

	h->refused++;
	incident = incident_of(h, key, at, &is_new);
	note_refused(h, event, b->reason, incident);
	if (!incident || !is_new)
		return;
	incident->pdu = b->pdu;
	incident->action = b->action;
	incident->rule = copy_rule(b->rule_file, b->rule_line, b->rule_name);
	incident->why = explain(h, event);
	incident->target_port = b->target_port;
	if (b->target_port) {
		incident->target = malloc(TEXT_UTF8_MAX((size_t)RPCGATE_ENDPOINT_MAX) + 1);
		if (incident->target)
			(void)text_to_utf8(b->target, b->target_len, incident->target);
	}
	remember_steps(h, incident, event);
}

static void note_age(struct html_bind *row, uint64_t age_ns)
{
	if (!row->has_age || age_ns < row->age_min_ns)
		row->age_min_ns = age_ns;
	if (!row->has_age || age_ns > row->age_max_ns)
		row->age_max_ns = age_ns;
	row->has_age = true;
}

static void take_bind(struct html *h, const struct rpcgate_event *event, const struct html_at *at)
{
	const struct rpcgate_bind_event *b = &event->u.bind;
	struct html_asked asked = { .pair = { event->src, event->dest } };
	struct html_incident_key key;
	struct html_bind probe = { 0 };
	struct html_asked *last;
	struct html_bind *row;

	key_of(&key, event, &b->interface, b->reason, b->verdict);
	probe.key = key.what;
	row = rows_get(&h->binds, &probe);
	if (row && !row->count++)
		row->first = *at;
	if (row && b->has_age)
		note_age(row, b->age_ns);
	if (b->verdict == RPCGATE_DENY)
		refuse_bind(h, event, &key, at);
	if (b->reason != RPCGATE_REASON_MAPPER)
		return;
	last = rows_get(&h->asked, &asked);
	if (last)
		last->at = *at;
}

static void take_call(struct html *h, const struct rpcgate_event *event, const struct html_at *at)
{
	const struct rpcgate_call_event *c = &event->u.call;
	struct html_incident_key key;
	struct html_incident *incident;
	bool is_new;

	if (c->verdict != RPCGATE_DENY)
		return;
	h->refused++;
	key_of(&key, event, &c->interface, c->reason, c->verdict);
	incident = incident_of(h, &key, at, &is_new);
	note_refused(h, event, c->reason, incident);
	if (!incident || !is_new)
		return;
	incident->opnum = c->opnum;
	incident->action = c->action;
	incident->rule = copy_rule(c->rule_file, c->rule_line, c->rule_name);
	remember_steps(h, incident, event);
}

/* What a bind or a call told of anyway is not told a second time */
static bool is_told(const struct rpcgate_alert_event *a)
{
	if (!a->has_interface)
		return false;
	return a->ptype == 11 || a->ptype == 14 || a->reason == RPCGATE_REASON_OPNUM_DENIED ||
	       a->reason == RPCGATE_REASON_AUTH_LEVEL;
}

static void take_alert(struct html *h, const struct rpcgate_event *event, const struct html_at *at)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	struct html_incident_key key;
	struct html_incident *incident;
	bool is_new;

	if (is_told(a))
		return;
	h->suspicious++;
	key_of(&key, event, a->has_interface ? &a->interface : NULL, a->reason, RPCGATE_LOG);
	incident = incident_of(h, &key, at, &is_new);
	note_refused(h, event, a->reason, incident);
	if (!incident || !is_new)
		return;
	incident->action = a->action;
	remember_steps(h, incident, event);
}

static void take_flow(struct html *h, const struct rpcgate_event *event, const struct html_at *at)
{
	const struct html_wait probe = { .flow_id = event->flow_id };
	const struct html_wait *wait = rows_find(&h->waits, &probe);

	(void)at;
	for (size_t i = 0; wait && i < COUNT(wait->incident) && wait->incident[i]; i++) {
		wait->incident[i]->midstream = event->u.flow.midstream;
		wait->incident[i]->syn_ns = event->u.flow.start_ns;
	}
}

/* ----------------------------------------------------------------------- events */

/* As suggest and why get them: the same events have the same times */
static void tell_others(struct html *h, const struct rpcgate_event *event)
{
	const struct source_place nowhere = { 0 };
	struct rpcgate_event copy = *event;

	copy.time_ns -= copy.time_ns % NS_PER_US;
	suggestion_event(&h->suggestion, &copy, &nowhere);
	story_remember(&h->story, &copy);
}

void html_event(struct html *h, const struct rpcgate_event *event,
		const struct timeline_place *place)
{
	static void (*const take[])(struct html *, const struct rpcgate_event *,
				    const struct html_at *) = {
		[RPCGATE_EVENT_BINDING] = take_binding, [RPCGATE_EVENT_PINHOLE] = take_pinhole,
		[RPCGATE_EVENT_BIND] = take_bind,       [RPCGATE_EVENT_ALERT] = take_alert,
		[RPCGATE_EVENT_FLOW] = take_flow,       [RPCGATE_EVENT_CALL] = take_call,
	};
	struct html_at at = { .time_ns = event->time_ns };

	if (place) {
		at.file = place->file;
		at.frame = place->frame;
	}
	tell_others(h, event);
	if ((size_t)event->type < COUNT(take) && take[event->type])
		take[event->type](h, event, &at);
}
