/* SPDX-License-Identifier: GPL-3.0-or-later */
/* suggest_time.c - how long pinholes must live, how many ports are open at one time */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"
#include "words.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define KEPT_MAX 1000000 /* gaps, and spans */

/* An interface in a pinhole */
struct opened {
	struct opened_key key;
	size_t span; /* number of the open one + 1; 0: none is */
};

/* A port with something open on it: to one client, or (client of zeroes) to any; all ports of a
 * server together have port 0 */
struct open_port {
	struct {
		struct rpcgate_addr client;
		struct rpcgate_addr server;
		uint16_t port;
	} key;
	uint64_t open;
	struct open_port *whole; /* of the server, for one of its ports */
};

#define OPEN_PORT_KEY (16 + 16 + 2)
_Static_assert(offsetof(struct open_port, open) >= OPEN_PORT_KEY, "hole in a key");

void suggestion_time_init(struct suggestion *s)
{
	s->opened =
		(struct rows){ .size = sizeof(struct opened), .key = sizeof(struct opened_key) };
	s->ports = (struct rows){ .size = sizeof(struct open_port), .key = OPEN_PORT_KEY };
}

/* ----------------------------------------------------------------------- spans */

static struct open_port *port_of(struct suggestion *s, const struct rpcgate_addr *client,
				 const struct rpcgate_addr *server, uint16_t port)
{
	struct open_port probe;

	memset(&probe, 0, sizeof(probe));
	if (client)
		probe.key.client = *client;
	probe.key.server = *server;
	probe.key.port = port;
	return rows_get(&s->ports, &probe);
}

static struct span *span_new(struct suggestion *s)
{
	size_t room = s->room_spans ? 2 * s->room_spans : 64;
	struct span *more;

	if (s->n_spans == s->room_spans) {
		more = s->n_spans < KEPT_MAX ? reallocarray(s->spans, room, sizeof(*more)) : NULL;
		if (!more) {
			s->incomplete = true;
			return NULL;
		}
		s->spans = more;
		s->room_spans = room;
	}
	return &s->spans[s->n_spans++];
}

static void open_span(struct suggestion *s, struct opened *opened, uint64_t now_ns)
{
	const struct opened_key *key = &opened->key;
	struct open_port *element = port_of(s, &key->client, &key->server, key->port);
	struct open_port *place = port_of(s, NULL, &key->server, key->port);
	struct open_port *whole = port_of(s, NULL, &key->server, 0);
	struct span *span = element && place && whole ? span_new(s) : NULL;

	if (!span)
		return;
	place->whole = whole;
	*span = (struct span){ now_ns, UINT64_MAX, element, place };
	opened->span = s->n_spans;
}

void suggestion_pinhole(struct suggestion *s, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	struct opened probe = { 0 };
	struct opened *opened;

	if (p->action == RPCGATE_PINHOLE_REFUSE)
		return;
	probe.key.client = p->client;
	probe.key.server = p->server;
	probe.key.uuid = p->interface.uuid;
	probe.key.major = p->interface.major;
	probe.key.port = p->port;
	opened = rows_get(&s->opened, &probe);
	if (!opened)
		return;
	if (p->action <= RPCGATE_PINHOLE_USE) {
		if (!opened->span)
			open_span(s, opened, event->time_ns);
	} else if (opened->span) {
		s->spans[opened->span - 1].end_ns = event->time_ns;
		opened->span = 0;
	}
}

/* ------------------------------------------------------------------------- peak */

struct edge {
	uint64_t at_ns;
	size_t number;
	bool opens;
};

/* What ends in a moment is gone before what begins in it */
static int edge_order(const void *left, const void *right)
{
	const struct edge *a = left;
	const struct edge *b = right;

	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns ? -1 : 1;
	if (a->opens != b->opens)
		return a->opens ? 1 : -1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* One triple of client, server and port more or less */
static void count_triple(struct open_port *place, bool opens, uint64_t *triples, uint64_t *ports)
{
	*triples += opens ? 1 : UINT64_MAX;
	if (opens && !place->open++) {
		++*ports;
		place->whole->open++;
	} else if (!opens && !--place->open) {
		--*ports;
		place->whole->open--;
	}
}

static void walk(struct suggestion *s, const struct edge *edges, struct peak *peak)
{
	uint64_t triples = 0, ports = 0;

	for (size_t i = 0; i < 2 * s->n_spans; i++) {
		const struct span *span = &s->spans[edges[i].number];
		struct open_port *element = span->element;
		struct open_port *place = span->place;

		if (edges[i].opens ? !element->open++ : !--element->open)
			count_triple(place, edges[i].opens, &triples, &ports);
		if (triples > peak->triples)
			peak->triples = triples;
		if (ports > peak->ports) {
			peak->ports = ports;
			peak->at_ns = edges[i].at_ns;
		}
		if (place->whole->open > peak->of_server) {
			peak->of_server = place->whole->open;
			peak->server = place->key.server;
		}
	}
}

struct peak suggestion_peak(struct suggestion *s)
{
	struct edge *edges = calloc(2 * s->n_spans + 1, sizeof(*edges));
	struct peak peak = { 0 };

	if (!edges) {
		s->incomplete = true;
		return peak;
	}
	for (size_t i = 0; i < s->n_spans; i++) {
		edges[2 * i] = (struct edge){ s->spans[i].start_ns, i, true };
		edges[2 * i + 1] = (struct edge){ s->spans[i].end_ns, i, false };
		/* a pinhole that ran out before it was told of lived no time */
		if (edges[2 * i + 1].at_ns <= edges[2 * i].at_ns)
			edges[2 * i + 1].at_ns = edges[2 * i].at_ns + 1;
	}
	qsort(edges, 2 * s->n_spans, sizeof(*edges), edge_order);
	walk(s, edges, &peak);
	free(edges);
	return peak;
}

/* ------------------------------------------------------------------------- gaps */

void suggestion_gap(struct suggestion *s, uint64_t age_ns)
{
	size_t room = s->room_gaps ? 2 * s->room_gaps : 64;
	uint64_t *more;

	if (s->n_gaps == s->room_gaps) {
		more = s->n_gaps < KEPT_MAX ? reallocarray(s->gaps, room, sizeof(*more)) : NULL;
		if (!more) {
			s->incomplete = true;
			return;
		}
		s->gaps = more;
		s->room_gaps = room;
	}
	/* as events in JSON have it */
	s->gaps[s->n_gaps++] = age_ns;
}

static int number_order(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* The smallest gap that @p percent of all do not exceed; gaps are sorted */
static uint64_t percentile(const struct suggestion *s, unsigned int percent)
{
	return s->gaps[(s->n_gaps * percent + 99) / 100 - 1];
}

uint32_t suggestion_ttl(struct suggestion *s)
{
	static const uint32_t pleasant[] = {
		5,    10,   15,   20,   30,   45,    60,    90,    120,   180,   300,   600,    900,
		1200, 1800, 2700, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400, 172800,
	};
	uint64_t wanted;

	if (!s->n_gaps)
		return 0;
	qsort(s->gaps, s->n_gaps, sizeof(*s->gaps), number_order);
	wanted = (2 * percentile(s, 99) + NS_PER_S - 1) / NS_PER_S;
	for (size_t i = 0; i < sizeof(pleasant) / sizeof(pleasant[0]); i++)
		if (pleasant[i] >= wanted)
			return pleasant[i];
	return 259200; /* the longest there is: 72 h */
}

bool suggestion_ttl_is_safe(const struct suggestion *s, uint32_t ttl_s)
{
	return s->n_gaps && !s->late_use && ttl_s <= s->ttl_s &&
	       s->gaps[s->n_gaps - 1] < ttl_s * NS_PER_S;
}

void suggestion_print_gaps(const struct suggestion *s, const char *before, FILE *out)
{
	static const struct {
		const char *name;
		uint64_t up_to_ns;
	} steps[] = {
		{ "10 ms", 10 * NS_PER_MS }, { "100 ms", 100 * NS_PER_MS },
		{ "1 s", NS_PER_S },         { "5 s", 5 * NS_PER_S },
		{ "30 s", 30 * NS_PER_S },   { "2 min", 120 * NS_PER_S },
		{ "5 min", 300 * NS_PER_S }, { "1 h", 3600 * NS_PER_S },
		{ "more", UINT64_MAX },
	};
	char median[WORDS_TIME], most[WORDS_TIME], nearly[WORDS_TIME], last[WORDS_TIME];
	size_t i = 0;

	fprintf(out, "%s   within      binds  together\n", before);
	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]) && i < s->n_gaps; k++) {
		size_t from = i;

		while (i < s->n_gaps && s->gaps[i] <= steps[k].up_to_ns)
			i++;
		fprintf(out, "%s   %-6s %10zu  %6.1f %%\n", before, steps[k].name, i - from,
			100.0 * (double)i / (double)s->n_gaps);
	}
	fprintf(out, "%s half within %s, 95 %% within %s, 99 %% within %s, the longest %s\n",
		before, words_duration(percentile(s, 50), median),
		words_duration(percentile(s, 95), most), words_duration(percentile(s, 99), nearly),
		words_duration(s->gaps[s->n_gaps - 1], last));
}
