/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import_rpcfw.c - RpcFw.conf of rpcfirewall
 *
 * A rule is a line of KEY:VALUE words, "fw:" or "flt:" in front of the first: rules of its own
 * filter, which sees every call, and of the filters of Windows.  The first that matches decides,
 * none means allow.  What a line without these holds is for people.
 *
 * A call must pass both lists.  A policy has one: where both are there, the filters come first and
 * their allowances, which would end the search before the firewall's rules, are left out.
 */
#include "import_parts.h"

enum list { LIST_NONE, LIST_FIREWALL, LIST_FILTERS };

/* One line: the rule, and which keys it has */
struct entry {
	struct import_input *in;
	struct import_rule rule;
	unsigned seen;
	bool audit;
};

static bool read_uuid(struct entry *e, struct import_word value)
{
	e->rule.has_uuid = true;
	return import_uuid(value, &e->rule.uuid) || import_expected(e->in, value, "a UUID");
}

static bool read_opnum(struct entry *e, struct import_word value)
{
	uint32_t n = 0;

	if (!import_number(value, 10, UINT16_MAX, &n))
		return import_expected(e->in, value, "the number of an operation");
	e->rule.has_opnum = true;
	e->rule.opnum = (uint16_t)n;
	return true;
}

static bool read_addr(struct entry *e, struct import_word value)
{
	return import_net(value, e->rule.from) ||
	       import_expected(e->in, value, "an address or a network such as 10.0.0.0/8");
}

static bool read_action(struct entry *e, struct import_word value)
{
	e->rule.deny = import_is(value, "block");
	return e->rule.deny || import_is(value, "allow") ||
	       import_expected(e->in, value, "allow or block");
}

static bool truth(struct entry *e, struct import_word value, bool *out)
{
	*out = import_is(value, "true");
	return *out || import_is(value, "false") || import_expected(e->in, value, "true or false");
}

static bool read_audit(struct entry *e, struct import_word value)
{
	return truth(e, value, &e->audit);
}

static bool read_verbose(struct entry *e, struct import_word value)
{
	bool ignored;

	return truth(e, value, &ignored);
}

static bool read_prot(struct entry *e, struct import_word value)
{
	if (!import_begins(value, "ncacn_") && !import_begins(value, "ncadg_") &&
	    !import_is(value, "ncalrpc"))
		return import_expected(e->in, value, "a protocol sequence such as ncacn_ip_tcp");
	e->rule.over_udp = import_is(value, "ncadg_ip_udp");
	if (!import_is(value, "ncacn_ip_tcp") && !e->rule.over_udp)
		e->rule.why_not = "rules of a policy are about RPC over TCP and UDP alone";
	return true;
}

static bool read_sid(struct entry *e, struct import_word value)
{
	e->rule.why_not = "users are not known on the wire";
	return value.n || import_expected(e->in, value, "a security identifier");
}

static const struct key {
	const char *name;
	bool (*read)(struct entry *e, struct import_word value);
} keys[] = {
	{ "uuid:", read_uuid },     { "opnum:", read_opnum }, { "addr:", read_addr },
	{ "action:", read_action }, { "audit:", read_audit }, { "verbose:", read_verbose },
	{ "prot:", read_prot },     { "sid:", read_sid },
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static const struct key *key_of(struct import_word word)
{
	for (size_t i = 0; i < KEYS; i++)
		if (import_begins(word, keys[i].name))
			return &keys[i];
	return NULL;
}

/* Which list a line belongs to; *rest is what stands behind the prefix */
static enum list list_of(struct import_word line, struct import_word *rest)
{
	static const struct {
		const char *prefix;
		size_t n;
		enum list list;
	} prefixes[] = { { "fw:", 3, LIST_FIREWALL }, { "flt:", 4, LIST_FILTERS } };

	*rest = line;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (!import_begins(line, prefixes[i].prefix))
			continue;
		rest->p += prefixes[i].n;
		rest->n -= prefixes[i].n;
		return prefixes[i].list;
	}
	/* as the first versions wrote them: rules of the firewall */
	return key_of(line) ? LIST_FIREWALL : LIST_NONE;
}

bool import_rpcfw_knows(struct import_word line)
{
	struct import_word rest;

	return list_of(line, &rest) != LIST_NONE;
}

static bool read_rule(struct entry *e, struct import_word rest)
{
	static const char what[] = "uuid:, opnum:, addr:, action:, audit:, verbose:, prot: or sid:";
	const struct key *key;
	struct import_word word;

	for (;;) {
		word = import_next_word(&rest);
		if (!word.n || word.p[0] == '#')
			break;
		key = key_of(word);
		if (!key)
			return import_expected(e->in, word, what);
		if (e->seen & 1U << (key - keys))
			return import_fail(e->in, word.p, "\"%s\" stands twice", key->name);
		e->seen |= 1U << (key - keys);
		while (*word.p++ != ':')
			word.n--;
		word.n--;
		if (!key->read(e, word))
			return false;
	}
	e->rule.log = e->audit && !e->rule.deny;
	return e->seen || import_expected(e->in, word, what);
}

/* A line for people that looks like a rule may be a slip: it is not lost without a word */
static void pass_over(struct import_input *in, struct import_word line)
{
	struct import_word rest = line;
	struct import_word word;

	do {
		word = import_next_word(&rest);
		if (!word.n || !key_of(word))
			continue;
		import_origin(in, in->number);
		fputs("# not imported: the line begins with neither fw: nor flt:\n", in->out);
		return;
	} while (word.n);
}

static bool read_list(struct import_input *in, enum list wanted, bool both)
{
	while (import_line(in)) {
		struct entry e = { .in = in, .rule.line = in->number };
		struct import_word rest;
		enum list list = list_of(import_trim(in->line), &rest);

		if (list == LIST_NONE && wanted == LIST_FIREWALL)
			pass_over(in, in->line);
		if (list != wanted)
			continue;
		if (!read_rule(&e, rest))
			return false;
		if (both && list == LIST_FILTERS && !e.rule.deny)
			e.rule.why_not = "an allowance among filters does not end the search while "
					 "rules of the firewall follow";
		import_rule_write(in, &e.rule);
	}
	return true;
}

bool import_rpcfw(struct import_input *in)
{
	const char *const start = in->next;
	unsigned lists = 0;

	while (import_line(in)) {
		struct import_word rest;

		lists |= 1U << list_of(import_trim(in->line), &rest);
	}
	in->next = start;
	in->number = 0;
	if (!read_list(in, LIST_FILTERS, lists & 1U << LIST_FIREWALL))
		return false;
	in->next = start;
	in->number = 0;
	return read_list(in, LIST_FIREWALL, false);
}
