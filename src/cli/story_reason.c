/* SPDX-License-Identifier: GPL-3.0-or-later */
/* story_reason.c - why a bind was refused, and the nearest rule that would have allowed it */
#include <inttypes.h>
#include <string.h>

#include "rule_text.h"
#include "story.h"
#include "text.h"
#include "words.h"

#define NS_PER_S UINT64_C(1000000000)

static const char *interface_of(const struct rpcgate_event *event, char text[WORDS_INTERFACE])
{
	return words_interface(&event->u.bind.interface, text);
}

static const char *clock_of(uint64_t ns, char text[WORDS_TIME])
{
	return words_moment(ns, "%Y-%m-%d %H:%M:%S", text);
}

/* ------------------------------------------------------------------ the facts */

static void say_open_interfaces(const struct hole *hole, FILE *out)
{
	const char *before = "the pinhole on this port is for ";
	char text[WORDS_INTERFACE];

	for (size_t i = 0; hole && i < hole->n; i++) {
		if (!hole->interface[i].open)
			continue;
		fprintf(out, "%s%s", before, words_interface(&hole->interface[i].id, text));
		before = ", ";
	}
	if (before[0] == ',')
		putc('\n', out);
}

static bool is_client(const struct heard *heard, const struct rpcgate_event *event)
{
	return memcmp(&heard->client, &event->src, sizeof(heard->client)) == 0;
}

/* Whether and to whom the server announced it, as far as was read */
static void say_announcement(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	const struct rpcgate_syntax *id = &event->u.bind.interface;
	const struct heard *here = story_heard(s, &event->dest, id, event->dest_port);
	const struct heard *last = here ? here : story_heard(s, &event->dest, id, 0);
	char interface[WORDS_INTERFACE];
	char client[RPCGATE_ADDR_TEXT];
	char clock[WORDS_TIME];
	bool own = last && is_client(last, event);

	interface_of(event, interface);
	if (!last) {
		fprintf(out, "%s was never announced by this server in what was read\n", interface);
		return;
	}
	fprintf(out, "%s was %s", interface, last->granted ? "announced" : "listed");
	if (!here)
		fprintf(out, " on port %u, not on this one,", last->port);
	fprintf(out, " to %s at %s%s\n",
		own ? "this client" : rpcgate_addr_format(&last->client, client),
		clock_of(last->time_ns, clock), own ? "" : ", never to this client");
}

/* ---------------------------------------------------------- the nearest rule */

static const char *write_rule(const struct rpcgate_event *event, uint16_t port,
			      char rule[RULE_TEXT])
{
	struct rule_net client = rule_net_of(&event->src);
	bool udp = event->u.bind.pdu == RPCGATE_PDU_REQUEST;

	rule_write(udp ? 0 : port, &event->u.bind.interface, &client, &event->dest, rule);
	return udp ? rule_over_udp(rule) : rule;
}

/* A rule is to be copied, so the line is not broken */
static const char nearest[] = STORY_UNBROKEN "nearest rule that would have allowed it: ";

/* Nothing was announced, so only a static rule opens the port */
static void advise_static(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	char rule[RULE_TEXT];

	(void)s;
	fprintf(out, "%s%s\n", nearest, write_rule(event, event->dest_port, rule));
	if (event->u.bind.pdu == RPCGATE_PDU_REQUEST) {
		fputs("it opens ports that the mapper announces from then on\n", out);
		return;
	}
	fprintf(out, "\"%s\" is not enough, as it was not announced to this client on this port\n",
		write_rule(event, 0, rule));
}

/* Rules that name what every process has, or an object behind an exporter, need no announcement of
 * their own */
static bool is_implied(const struct story *s, const struct rpcgate_event *event)
{
	const struct hole *hole = story_hole(s, event);
	const struct rpcgate_syntax *id = &event->u.bind.interface;
	const struct rpcgate_interface *known = rpcgate_interface_find(id);
	bool open = false;

	for (size_t i = 0; hole && i < hole->n; i++)
		open = open || hole->interface[i].open;
	if (known && strcmp(known->name, "mgmt") == 0)
		return open;
	return hole && hole->dcom && !id->major && !id->minor;
}

static void advise_grant(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	char rule[RULE_TEXT];

	if (!is_implied(s, event)) {
		advise_static(s, event, out);
		return;
	}
	fprintf(out, "%s%s\n", nearest, write_rule(event, 0, rule));
}

static void advise_earlier(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	const struct rpcgate_bind_event *b = &event->u.bind;
	const struct hole *hole = story_hole(s, event);
	bool announced = story_hole_has(hole, &b->interface) || is_implied(s, event);
	char rule[RULE_TEXT];
	char file[256];

	fprintf(out, "%s%s\n", nearest, write_rule(event, announced ? 0 : event->dest_port, rule));
	if (b->rule_line)
		fprintf(out, "it would have to stand before %s:%" PRIu32 "\n",
			text_show(b->rule_file ? b->rule_file : "", file, sizeof(file)),
			b->rule_line);
}

/* Seconds that a pinhole would have had to live */
static void advise_longer(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	const struct rpcgate_bind_event *b = &event->u.bind;
	char rule[RULE_TEXT];

	(void)s;
	fprintf(out, "%s%s\n", nearest, write_rule(event, event->dest_port, rule));
	if (b->has_age)
		fprintf(out, "so would \"set pinhole.ttl=%" PRIu64 "s\", or asking again\n",
			b->age_ns / NS_PER_S + 1);
}

static void advise_lookup(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	advise_static(s, event, out);
	fputs("so would \"set lookup=grant\", which opens what a listing shows\n", out);
}

static void advise_mapper(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	(void)s;
	fprintf(out, "%smapper-port 135,593,%u\n", nearest, event->dest_port);
}

static void advise_midstream(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	(void)s;
	(void)event;
	fprintf(out, "%sset midstream=inspect\n", nearest);
}

static void advise_nothing(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	(void)s;
	(void)event;
	fputs("no rule would have allowed it\n", out);
}

static const struct {
	enum rpcgate_reason reason;
	bool holes; /* what else is open on the port matters */
	bool announced;
	void (*advise)(const struct story *s, const struct rpcgate_event *event, FILE *out);
} explanations[] = {
	{ RPCGATE_REASON_NO_PINHOLE, false, true, advise_static },
	{ RPCGATE_REASON_OTHER_CLIENT, false, true, advise_static },
	{ RPCGATE_REASON_VERSION_MISMATCH, true, true, advise_static },
	{ RPCGATE_REASON_UUID_NOT_GRANTED, true, true, advise_grant },
	{ RPCGATE_REASON_ALTER_CONTEXT_DENIED, true, true, advise_grant },
	{ RPCGATE_REASON_PINHOLE_EXPIRED, false, true, advise_longer },
	{ RPCGATE_REASON_RULE_DENY, false, true, advise_earlier },
	{ RPCGATE_REASON_LOOKUP_ONLY, false, true, advise_lookup },
	{ RPCGATE_REASON_MAPPER_UNLISTED, false, false, advise_mapper },
	{ RPCGATE_REASON_MIDSTREAM, false, false, advise_midstream },
};

void story_explain(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
		if (explanations[i].reason != event->u.bind.reason)
			continue;
		if (explanations[i].holes)
			say_open_interfaces(story_hole(s, event), out);
		if (explanations[i].announced)
			say_announcement(s, event, out);
		explanations[i].advise(s, event, out);
		return;
	}
	advise_nothing(s, event, out);
}
