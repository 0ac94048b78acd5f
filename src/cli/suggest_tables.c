/* SPDX-License-Identifier: GPL-3.0-or-later */
/* suggest_tables.c - rules as a table of nft, and as CSV */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"
#include "text.h"
#include "words.h"

#define INTERFACES_SHOWN 6

/* ------------------------------------------------------------------------- nft */

static bool in_force(const struct suggestion *s, const struct seen *row)
{
	const struct rule rule = { .kind = (enum seen_kind)row->key.kind,
				   .reason = (enum rpcgate_reason)row->key.reason };

	return !row->key.udp && suggestion_in_force(s, &rule); /* the sets are about TCP */
}

static int triple_order(const void *left, const void *right)
{
	const struct seen *a = *(struct seen *const *)left;
	const struct seen *b = *(struct seen *const *)right;
	int order = memcmp(&a->key.server, &b->key.server, sizeof(a->key.server));

	if (!order)
		order = (int)a->key.port - (int)b->key.port;
	if (!order)
		order = memcmp(&a->key.client, &b->key.client, sizeof(a->key.client));
	/* the same interface may have been allowed in several ways */
	if (!order)
		order = memcmp(&a->key.uuid, &b->key.uuid, sizeof(a->key.uuid));
	return order ? order : (int)a->key.kind - (int)b->key.kind;
}

static bool same_triple(const struct seen *a, const struct seen *b)
{
	return memcmp(&a->key.server, &b->key.server, sizeof(a->key.server)) == 0 &&
	       memcmp(&a->key.client, &b->key.client, sizeof(a->key.client)) == 0 &&
	       a->key.port == b->key.port;
}

static bool same_interface(const struct seen *a, const struct seen *b)
{
	return memcmp(&a->key.uuid, &b->key.uuid, sizeof(a->key.uuid)) == 0 &&
	       a->key.major == b->key.major;
}

/* What the triple was used for */
static void print_use(struct seen *const *rows, size_t n, FILE *out)
{
	uint64_t count = 0, first_ns = rows[0]->first_ns, last_ns = rows[0]->last_ns;
	char first[32], last[32];
	size_t shown = 0;

	for (size_t i = 0; i < n; i++) {
		const struct rpcgate_syntax id = { rows[i]->key.uuid, rows[i]->key.major, 0 };
		char interface[RULE_INTERFACE];

		count += rows[i]->count;
		if (rows[i]->first_ns < first_ns)
			first_ns = rows[i]->first_ns;
		if (rows[i]->last_ns > last_ns)
			last_ns = rows[i]->last_ns;
		if (i && same_interface(rows[i - 1], rows[i]))
			continue;
		if (shown++ < INTERFACES_SHOWN)
			fprintf(out, "%s%s", shown > 1 ? ", " : "", rule_interface(&id, interface));
	}
	if (shown > INTERFACES_SHOWN)
		fprintf(out, " and %zu more", shown - INTERFACES_SHOWN);
	fprintf(out, "; %" PRIu64 " bind%s, %s to %s", count, count == 1 ? "" : "s",
		suggestion_moment(first_ns, first), suggestion_moment(last_ns, last));
}

static size_t print_elements(struct seen *const *rows, size_t n, bool ipv4, FILE *out)
{
	size_t from = 0, elements = 0;

	for (size_t i = 1; i <= n; i++) {
		const struct seen_key *key = &rows[from]->key;
		char client[RPCGATE_ADDR_TEXT];
		char server[RPCGATE_ADDR_TEXT];

		if (i < n && same_triple(rows[i - 1], rows[i]))
			continue;
		if (rpcgate_addr_is_ipv4(&key->server) == ipv4) {
			if (!elements++)
				fputs("\t\telements = {\n", out);
			fprintf(out, "\t\t\t%s . %s . %u,  # ",
				rpcgate_addr_format(&key->client, client),
				rpcgate_addr_format(&key->server, server), key->port);
			print_use(rows + from, i - from, out);
			putc('\n', out);
		}
		from = i;
	}
	if (elements)
		fputs("\t\t}\n", out);
	return elements;
}

static void print_set(struct seen *const *rows, size_t n, bool ipv4, FILE *out)
{
	const char *type = ipv4 ? "ipv4_addr" : "ipv6_addr";

	fprintf(out, "\tset seen%d {\n\t\t# client . server . port\n", ipv4 ? 4 : 6);
	fprintf(out, "\t\ttype %s . %s . inet_service\n", type, type);
	if (!print_elements(rows, n, ipv4, out))
		fputs("\t\t# none was seen\n", out);
	fputs("\t}\n\n", out);
}

static void print_chain(FILE *out)
{
	fputs("\tchain forward {\n"
	      "\t\ttype filter hook forward priority filter; policy accept;\n"
	      "\t\tct state established,related accept\n"
	      "\t\tct state new ip saddr . ip daddr . tcp dport @seen4 accept\n"
	      "\t\tct state new ip6 saddr . ip6 daddr . tcp dport @seen6 accept\n"
	      "\t\t# the mapper, and the ports that are given out: nothing else\n"
	      "\t\ttcp dport { 135, 593, 49152-65535 } counter drop\n"
	      "\t}\n",
	      out);
}

void suggestion_print_nft(struct suggestion *s, FILE *out)
{
	void **all = calloc(s->seen.n + 1, sizeof(*all));
	struct seen *const *rows = (struct seen *const *)all;
	size_t n = 0;

	if (!all) {
		s->incomplete = true;
		return;
	}
	for (size_t i = 0; i < s->seen.n; i++)
		if (in_force(s, s->seen.all[i]))
			all[n++] = s->seen.all[i];
	qsort(all, n, sizeof(*all), triple_order);
	fputs("# What was seen to pass, as static rules; suggested by rpcgate " RPCGATE_VERSION "\n"
	      "#\n"
	      "# This documents what a filter that does not understand RPC would have to open.  Servers\n"
	      "# choose these ports anew when a service starts, and whoever reaches one reaches every\n"
	      "# interface on it: rpcgate opens them by itself, for the time and the interface asked for.\n"
	      "#\n",
	      out);
	suggestion_print_blind(s, "#", out);
	suggestion_print_figures(s, "#", out);
	fputs("\ntable inet rpc_seen {\n", out);
	print_set(rows, n, true, out);
	print_set(rows, n, false, out);
	print_chain(out);
	fputs("}\n", out);
	free(all);
}

/* ------------------------------------------------------------------------- CSV */

/* RFC 4180 */
static void put_field(const char *text, FILE *out)
{
	bool quote = text[strcspn(text, ",\"\r\n")] != '\0';

	if (quote)
		putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	if (quote)
		putc('"', out);
	putc(',', out);
}

static void put_moment(uint64_t ns, char end, FILE *out)
{
	char text[32];

	suggestion_moment(ns, text);
	*strchr(text, ' ') = 'T';
	fprintf(out, "%sZ%c", text, end);
}

static void print_row(const struct rule *rule, FILE *out)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(&rule->id);
	char net[RULE_NET], server[RPCGATE_ADDR_TEXT], uuid[RPCGATE_UUID_TEXT];

	fprintf(out, "%s,", rule->udp ? "allow over udp" : rule->port ? "static" : "allow");
	put_field(known ? known->name : "", out);
	put_field(known ? known->service : "", out);
	fprintf(out, "%s,%u,%s,%s,", rpcgate_uuid_format(&rule->id.uuid, uuid), rule->id.major,
		rule_net_text(&rule->from, net), rpcgate_addr_format(&rule->server, server));
	suggestion_ports(rule, " ", SIZE_MAX, out);
	fprintf(out, ",%zu,%" PRIu64 ",", rule->n_clients, rule->count);
	put_moment(rule->first_ns, ',', out);
	put_moment(rule->last_ns, ',', out);
	suggestion_sources(rule->sources, " ", out);
	putc('\n', out);
}

void suggestion_print_csv(struct suggestion *s, FILE *out)
{
	fputs("rule,interface,service,uuid,version,from,to,ports,clients,binds,first,last,"
	      "announced_by\n",
	      out);
	for (size_t i = 0; i < s->n_rules; i++)
		if (suggestion_in_force(s, &s->rules[i]))
			print_row(&s->rules[i], out);
}
