/* SPDX-License-Identifier: GPL-3.0-or-later */
/* suggest_policy.c - rules as a policy, with their evidence */
#include <inttypes.h>
#include <string.h>

#include "suggest.h"
#include "text.h"
#include "words.h"

#define PORTS_SHOWN 8

static const char *number(uint64_t value, char text[WORDS_NUMBER])
{
	return words_number(value, text);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* ------------------------------------------------------------------- comments */

/* Refusals by reason, those a static rule would lift or not */
static uint64_t refused(const struct suggestion *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_rules; i++)
		n += s->rules[i].kind == SEEN_REFUSED ? s->rules[i].count : 0;
	return n;
}

void suggestion_print_blind(const struct suggestion *s, const char *before, FILE *out)
{
	const struct {
		uint64_t n;
		const char *one, *many, *consequence;
	} rows[] = {
		{ s->sealed, "answer of a mapper was", "answers of mappers were",
		  "encrypted: what was announced there is not in the rules" },
		{ refused(s), "bind was", "binds were",
		  "refused, most without an announcement that was seen: listed, not allowed" },
		{ s->listed, "endpoint was", "endpoints were",
		  "seen in listings: that is not asking for a service" },
		{ s->midstream, "connection was", "connections were",
		  "joined after its beginning: what it had bound before is not known" },
		{ s->holes, "stream", "streams", "had octets missing" },
		{ s->pipes, "bind was", "binds were",
		  "inside SMB pipes: these rules are not about them" },
	};
	char text[WORDS_NUMBER];
	bool any = false;

	fprintf(out, "%s Not seen, or not in the rules:\n", before);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].n)
			continue;
		any = true;
		fprintf(out, "%s   %s %s %s\n", before, number(rows[i].n, text),
			rows[i].n == 1 ? rows[i].one : rows[i].many, rows[i].consequence);
	}
	if (s->incomplete)
		fprintf(out, "%s   there was more than can be kept: this is incomplete\n", before);
	fprintf(out,
		"%s   %swhat did not happen in this time, encrypted talk with mappers, and binds of\n"
		"%s   clients that were told of a port before it began\n",
		before, any || s->incomplete ? "and always: " : "", before);
}

static void print_peak(struct suggestion *s, const char *before, FILE *out)
{
	struct peak peak = suggestion_peak(s);
	char addr[RPCGATE_ADDR_TEXT];
	char moment[32];

	if (!peak.ports) {
		fprintf(out, "%s Dynamic ports: none was opened.\n", before);
		return;
	}
	fprintf(out,
		"%s Dynamic ports: at most %" PRIu64 " open at one time (%s), at most %" PRIu64
		" on one server\n"
		"%s (%s); as client, server and port at most %" PRIu64 ".\n",
		before, peak.ports, suggestion_moment(peak.at_ns, moment), peak.of_server, before,
		rpcgate_addr_format(&peak.server, addr), peak.triples);
}

static void print_clashes(struct suggestion *s, const char *before, FILE *out)
{
	rows_sort_by_key(&s->clashes);
	if (!s->clashes.n)
		fprintf(out, "%s No announced port is reserved or out of range.\n", before);
	for (size_t i = 0; i < s->clashes.n; i++) {
		const struct clash *clash = s->clashes.all[i];
		const struct rpcgate_syntax id = { clash->key.uuid, clash->key.major, 0 };
		bool is_reserved = clash->key.reason == RPCGATE_REASON_PORT_RESERVED;
		char endpoint[WORDS_ENDPOINT];
		char interface[RULE_INTERFACE];
		char change[32];

		snprintf(change, sizeof(change), "reserved -%u", clash->key.port);
		fprintf(out, "%s Clash: %s announced %s, refused as %s%s%s\n", before,
			words_endpoint(&clash->key.server, clash->key.port, endpoint),
			rule_interface(&id, interface),
			rpcgate_reason_name((enum rpcgate_reason)clash->key.reason),
			is_reserved ? "; to allow it: " : "", is_reserved ? change : "");
	}
}

void suggestion_print_figures(struct suggestion *s, const char *before, FILE *out)
{
	print_peak(s, before, out);
	print_clashes(s, before, out);
}

/* ------------------------------------------------------------------- settings */

/* The ttl stands in the policy only where it changes no verdict on what was seen */
static void print_ttl(struct suggestion *s, FILE *out)
{
	uint32_t ttl = suggestion_ttl(s);
	bool safe = suggestion_ttl_is_safe(s, ttl);

	if (!ttl) {
		fputs("# Time from announcement to bind: nothing was bound after an announcement.\n",
		      out);
		return;
	}
	fputs("# Time from announcement to bind:\n", out);
	suggestion_print_gaps(s, "#", out);
	fputs("# A pinhole's life: twice what 99 % of binds need, at least 5 s, rounded up.\n",
	      out);
	if (!safe)
		fprintf(out, "# Not in force, as with it %s\n",
			ttl > s->ttl_s ? "more would be allowed than was seen to pass:" :
					 "some of what was seen would come too late:");
	fprintf(out, "%sset pinhole.ttl=%" PRIu32 "s\n", safe ? "" : "# ", ttl);
}

static bool is_ttl(const char *pair)
{
	return strncmp(pair, "pinhole.ttl=", strlen("pinhole.ttl=")) == 0;
}

/* What the events were made with is part of what allowed them */
static void print_settings(struct suggestion *s, FILE *out)
{
	uint32_t ttl = suggestion_ttl(s);
	bool replaced = suggestion_ttl_is_safe(s, ttl);
	char shown[RULE_TEXT];

	for (size_t i = 0; i < s->set->n; i++)
		if (!replaced || !is_ttl(s->set->value[i]))
			fprintf(out, "set %s  # as given\n",
				text_show(s->set->value[i], shown, sizeof(shown)));
}

/* ---------------------------------------------------------------------- rules */

static const char *const headings[] = {
	[SEEN_MAPPER] = "The mapper, and what else announces",
	[SEEN_LEARNED] = "Announced, then bound",
	[SEEN_STATIC] = "Allowed by a static rule",
	[SEEN_REFUSED] = "Refused: take the mark off what is wanted after all",
};

static void print_heading(const struct suggestion *s, enum seen_kind kind, FILE *out)
{
	fprintf(out, "\n# --- %s\n",
		kind == SEEN_REFUSED && s->unannounced ? "Refused, and allowed here" :
							 headings[kind]);
}

/* Interface and server, with what is known of all clients together; rules of a group follow each
 * other */
static void print_group(const struct suggestion *s, const struct rule *rule, FILE *out)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(&rule->id);
	const struct rule *end = s->rules + s->n_rules;
	char interface[RULE_INTERFACE];
	char server[RPCGATE_ADDR_TEXT];
	char shown[256];
	unsigned int sources = 0;
	size_t clients = 0;

	for (const struct rule *r = rule; r < end && r->group == rule->group; r++) {
		clients += r->n_clients;
		sources |= r->sources;
	}
	fprintf(out, "# %s%s%s at %s, ", rule_interface(&rule->id, interface),
		known && *known->service ? ", " : "",
		known ? text_show(known->service, shown, sizeof(shown)) : "",
		rpcgate_addr_format(&rule->server, server));
	fprintf(out, "%zu client%s", clients, plural(clients));
	if (rule->kind == SEEN_REFUSED)
		fprintf(out, ": %s (%s)", rpcgate_reason_name(rule->reason),
			rpcgate_reason_text(rule->reason));
	if (sources) {
		fputs(", announced by ", out);
		suggestion_sources(sources, " and ", out);
	}
	putc('\n', out);
}

static void print_joined(const struct rule *rule, FILE *out)
{
	char net[RULE_NET];

	if (rule->n_clients > 1)
		fprintf(out,
			"# %zu clients are too many to name: %s is the smallest network that has "
			"them all\n",
			rule->n_clients, rule_net_text(&rule->from, net));
}

static void print_rule(const struct suggestion *s, const struct rule *rule, FILE *out)
{
	char evidence[SUGGEST_EVIDENCE];
	char text[RULE_TEXT];
	char net[RULE_NET];

	print_joined(rule, out);
	if (suggestion_is_liftable(rule))
		fprintf(out, "%s%s", suggestion_in_force(s, rule) ? "" : "# ",
			suggestion_rule(rule, text));
	else
		fprintf(out, "# from %s, no rule of this kind would change it",
			rule_net_text(&rule->from, net));
	fprintf(out, "  # %s, port ", suggestion_evidence(rule, evidence));
	suggestion_ports(rule, " ", PORTS_SHOWN, out);
	putc('\n', out);
}

static void print_rules(const struct suggestion *s, FILE *out)
{
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct rule *rule = &s->rules[i];

		if (!i || rule[-1].kind != rule->kind)
			print_heading(s, rule->kind, out);
		if (!i || rule[-1].group != rule->group)
			print_group(s, rule, out);
		print_rule(s, rule, out);
	}
}

/* Rules about any interface leave the mapper alone, so it is named: the interfaces that announce
 * (C706 appendix O, MS-DCOM 1.9) */
static void print_end(FILE *out)
{
	static const struct {
		const char *uuid;
		uint16_t major;
	} mapper[] = {
		{ "e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3 },
		{ "99fcfec4-5260-101b-bbcb-00aa0021347a", 0 },
		{ "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", 0 },
		{ "000001a0-0000-0000-c000-000000000046", 0 },
	};

	fputs("\n# --- Everything else\n", out);
	for (size_t i = 0; i < sizeof(mapper) / sizeof(mapper[0]); i++) {
		struct rpcgate_syntax id = { .major = mapper[i].major };
		char interface[RULE_INTERFACE];

		if (rpcgate_uuid_parse(mapper[i].uuid, &id.uuid))
			fprintf(out, "deny interface %s\n", rule_interface(&id, interface));
	}
	fputs("deny interface any\n", out);
}

static void print_head(const struct suggestion *s, FILE *out)
{
	char first[32], last[32];

	fputs("# Least-privilege policy, suggested by rpcgate " RPCGATE_VERSION "\n", out);
	if (s->n_rules)
		fprintf(out, "# from what was bound from %s to %s UTC.\n",
			suggestion_moment(s->first_ns, first), suggestion_moment(s->last_ns, last));
	else
		fputs("# from traffic without a single bind: it allows nothing.\n", out);
	fputs("# Every rule allows what was seen to pass; what no rule allows is refused.\n", out);
}

void suggestion_print_policy(struct suggestion *s, FILE *out)
{
	print_head(s, out);
	fputs("#\n", out);
	suggestion_print_blind(s, "#", out);
	fputs("#\n", out);
	suggestion_print_figures(s, "#", out);
	fputs("#\n", out);
	print_ttl(s, out);
	print_settings(s, out);
	print_rules(s, out);
	print_end(out);
}
