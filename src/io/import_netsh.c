/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import_netsh.c - filters of Windows, as "netsh rpc filter" is told and as it shows them
 *
 *	add rule layer=um actiontype=block	filterKey: KEY
 *	add condition field=if_uuid		layerKey: um
 *	    matchtype=equal data=UUID		action.type: block
 *	add filter				filterCondition[0]
 *						    fieldKey: if_uuid
 *						    matchType: FWP_MATCH_EQUAL
 *						    conditionValue: Type: T Value: V
 *
 * Windows tries the filter with the higher weight first; one without a weight of its own weighs
 * more the more conditions it has.  The lines of the policy stand in that order.
 */
#include <stdlib.h>
#include <string.h>

#include "import_parts.h"

struct filter {
	struct import_rule rule;
	uint32_t conditions;
	uint32_t fields;    /* a bit for each row of fields[] that has a condition */
	uint32_t announced; /* numFilterConditions */
	bool action;
	bool layer;
};

enum match { MATCH_EQUAL, MATCH_GREATER, MATCH_LESS, MATCH_AT_LEAST, MATCH_AT_MOST, MATCH_OTHER };

struct condition {
	struct import_word field;
	struct import_word match;
	struct import_word data;
};

struct netsh {
	struct import_input *in;
	struct filter *filter;
	size_t n;
	size_t size;
	bool open;  /* the last filter is not complete */
	bool shown; /* it is printed by "show filter" */
	struct condition condition;
};

static struct filter *current(struct netsh *ns)
{
	return &ns->filter[ns->n - 1];
}

static void refuse(struct filter *f, const char *why)
{
	if (!f->rule.why_not)
		f->rule.why_not = why;
}

static bool begin(struct netsh *ns, bool shown)
{
	if (ns->n == ns->size) {
		size_t size = ns->size ? 2 * ns->size : 16;
		struct filter *larger = realloc(ns->filter, size * sizeof(*larger));

		if (!larger)
			return import_fail(ns->in, ns->in->line.p, "not enough memory");
		ns->filter = larger;
		ns->size = size;
	}
	ns->filter[ns->n++] = (struct filter){ .rule.line = ns->in->number };
	ns->open = true;
	ns->shown = shown;
	ns->condition = (struct condition){ 0 };
	return true;
}

/* ----------------------------------------------------------------- conditions */

static enum match match_of(struct import_word word)
{
	static const struct {
		const char *text;
		enum match match;
	} names[] = {
		{ "equal", MATCH_EQUAL },
		{ "greater", MATCH_GREATER },
		{ "less", MATCH_LESS },
		{ "greater_or_equal", MATCH_AT_LEAST },
		{ "less_or_equal", MATCH_AT_MOST },
	};

	if (import_begins(word, "FWP_MATCH_")) {
		word.p += strlen("FWP_MATCH_");
		word.n -= strlen("FWP_MATCH_");
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (import_is(word, names[i].text))
			return names[i].match;
	return MATCH_OTHER;
}

/* A value that cannot be read: a slip in a script, another Windows in what was shown */
static bool unreadable(struct netsh *ns, struct import_word data, const char *what)
{
	if (!ns->shown)
		return import_expected(ns->in, data, what);
	refuse(current(ns), "a condition is shown in an unknown way");
	return true;
}

/* The octets of a UUID as Windows keeps them, printed as four little-endian numbers */
static bool uuid_of_words(struct import_word data, struct rpcgate_uuid *uuid)
{
	static const uint8_t place[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (size_t i = 0; i < 4; i++) {
		struct import_word word = import_next_word(&data);
		uint32_t n;

		if (word.n != 8 || !import_number(word, 16, UINT32_MAX, &n))
			return false;
		for (size_t k = 0; k < 4; k++)
			uuid->octet[place[4 * i + k]] = (uint8_t)(n >> 8 * k);
	}
	return !import_trim(data).n;
}

static bool on_uuid(struct netsh *ns, enum match match, struct import_word data)
{
	struct filter *f = current(ns);

	f->rule.has_uuid = import_uuid(data, &f->rule.uuid) ||
			   (ns->shown && uuid_of_words(data, &f->rule.uuid));
	if (match != MATCH_EQUAL)
		refuse(f, "a rule names one interface or all");
	return f->rule.has_uuid || unreadable(ns, data, "a UUID");
}

static bool on_opnum(struct netsh *ns, enum match match, struct import_word data)
{
	struct filter *f = current(ns);
	uint32_t n = 0;

	if (!import_number(data, 10, UINT16_MAX, &n))
		return unreadable(ns, data, "the number of an operation");
	f->rule.has_opnum = true;
	f->rule.opnum = (uint16_t)n;
	if (match != MATCH_EQUAL)
		refuse(f, "operations are compared in another way than by equality");
	return true;
}

/* "allow ... auth" is about a level or above it, "deny ... auth" about what is below */
static bool on_level(struct netsh *ns, enum match match, struct import_word data)
{
	struct filter *f = current(ns);
	uint32_t n = 0;
	bool from_n, below_n;

	if (!import_number(data, 10, 6, &n) || !n)
		return unreadable(ns, data, "an authentication level, 1 to 6");
	from_n = match == MATCH_AT_LEAST || (match == MATCH_EQUAL && n == 6);
	below_n = match == MATCH_LESS;
	if ((match == MATCH_AT_MOST || (match == MATCH_EQUAL && n == 1)) && n < 6) {
		below_n = true;
		n++;
	} else if (match == MATCH_GREATER && n < 6) {
		from_n = true;
		n++;
	}
	f->rule.level = (uint8_t)n;
	if (f->rule.deny ? !below_n : !from_n)
		refuse(f, f->rule.deny ?
				  "levels are refused below one, not at it or above" :
				  "levels are allowed from one upwards, not one alone or below");
	return true;
}

/* Protocol sequences have names in scripts and numbers in what is shown */
static bool on_protocol(struct netsh *ns, enum match match, struct import_word data)
{
	bool udp = import_is(data, "ncadg_ip_udp");

	current(ns)->rule.over_udp = udp;
	if (match != MATCH_EQUAL ||
	    (!udp && !import_is(data, "ncacn_ip_tcp") && !import_is(data, "1")))
		refuse(current(ns), "rules of a policy are about RPC over TCP and UDP alone");
	return true;
}

static bool on_address(struct netsh *ns, enum match match, struct import_word data, char *net)
{
	if (!import_net(data, net))
		return unreadable(ns, data, "an address or a network such as 10.0.0.0/8");
	if (match != MATCH_EQUAL)
		refuse(current(ns), "addresses are compared in another way than by equality");
	return true;
}

static bool on_remote(struct netsh *ns, enum match match, struct import_word data)
{
	return on_address(ns, match, data, current(ns)->rule.from);
}

static bool on_local(struct netsh *ns, enum match match, struct import_word data)
{
	return on_address(ns, match, data, current(ns)->rule.to);
}

static const struct field {
	const char *name;
	bool (*read)(struct netsh *ns, enum match match, struct import_word data);
	const char *why_not;
} fields[] = {
	{ "if_uuid", on_uuid, NULL },
	{ "opnum", on_opnum, NULL },
	{ "auth_level", on_level, NULL },
	{ "protocol", on_protocol, NULL },
	{ "remote_addr_v4", on_remote, NULL },
	{ "remote_addr_v6", on_remote, NULL },
	{ "local_addr_v4", on_local, NULL },
	{ "local_addr_v6", on_local, NULL },
	{ "remote_user_token", NULL, "users are not known on the wire" },
	{ "auth_type", NULL, "no rule is about the kind of authentication" },
	{ "sec_encrypt_alg", NULL, "no rule is about algorithms" },
	{ "sec_key_size", NULL, "no rule is about algorithms" },
	{ "pipe", NULL, "rules of a policy are about RPC over TCP and UDP alone" },
	{ "local_port", NULL, "ports are learned, no rule but static is about them" },
	{ "if_version", NULL, "which half of the version is meant is not known" },
	{ "if_flag", NULL, "flags of an interface are not known on the wire" },
	{ "dcom_app_id", NULL, "applications are not known on the wire" },
	{ "image_name", NULL, "applications are not known on the wire" },
};

static bool condition_end(struct netsh *ns)
{
	struct condition c = ns->condition;
	struct filter *f = current(ns);

	f->conditions++;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!import_is(c.field, fields[i].name))
			continue;
		if (f->fields & 1U << i)
			refuse(f, "several conditions on one field");
		f->fields |= 1U << i;
		if (fields[i].read)
			return fields[i].read(ns, match_of(c.match), c.data);
		refuse(f, fields[i].why_not);
		return true;
	}
	if (!ns->shown)
		return import_expected(ns->in, c.field, "a field such as if_uuid");
	refuse(f, "a condition on an unknown field");
	return true;
}

static bool set_action(struct netsh *ns, struct import_word value)
{
	struct filter *f = current(ns);

	f->action = true;
	f->rule.deny = import_is(value, "block");
	if (import_is(value, "continue"))
		refuse(f, "it decides nothing");
	else if (!f->rule.deny && !import_is(value, "permit"))
		return import_expected(ns->in, value, "block, permit or continue");
	return true;
}

static bool set_layer(struct netsh *ns, struct import_word value)
{
	static const char *const others[] = { "epmap", "ep_add", "proxy_conn", "proxy_if" };
	struct filter *f = current(ns);

	f->layer = true;
	if (import_is(value, "um"))
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!import_is(value, others[i]))
			continue;
		refuse(f, "only the layer of calls (um) is what a policy judges");
		return true;
	}
	return import_expected(ns->in, value, "a layer such as um");
}

static bool set_audit(struct netsh *ns, struct import_word value)
{
	current(ns)->rule.log = import_is(value, "enable") || import_is(value, "enabled");
	return true;
}

static bool filter_end(struct netsh *ns)
{
	struct filter *f;

	if (!ns->open)
		return true;
	f = current(ns);
	ns->open = false;
	if (!f->action || !f->layer)
		refuse(f, f->action ? "its layer is not told" : "its action is not told");
	if (ns->shown && f->announced != f->conditions)
		refuse(f, "some of its conditions are not told");
	return true;
}

/* -------------------------------------------------------------------- scripts */

/* Arguments of a command: with their tags or in the order of the table */
struct tag {
	const char *name;
	struct import_word value;
};

/* A value ends at a space, or at its closing quote */
static bool next_value(struct netsh *ns, struct import_word *rest, struct import_word *out)
{
	const char *end;

	if (!rest->n || *rest->p != '"') {
		*out = import_next_word(rest);
		return true;
	}
	end = memchr(rest->p + 1, '"', rest->n - 1);
	if (!end)
		return import_fail(ns->in, rest->p, "the line ends in a quoted text");
	*out = (struct import_word){ rest->p + 1, (size_t)(end - rest->p) - 1 };
	rest->n -= (size_t)(end + 1 - rest->p);
	rest->p = end + 1;
	return true;
}

static struct tag *tag_of(struct tag *tags, size_t n, struct import_word *rest)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(tags[i].name);

		if (!import_begins(*rest, tags[i].name) || rest->n == len || rest->p[len] != '=')
			continue;
		rest->p += len + 1;
		rest->n -= len + 1;
		return &tags[i];
	}
	return NULL;
}

static bool read_tags(struct netsh *ns, struct import_word rest, struct tag *tags, size_t n)
{
	size_t position = 0;

	for (rest = import_trim(rest); rest.n; rest = import_trim(rest)) {
		struct import_word word = rest;
		struct tag *tag = tag_of(tags, n, &rest);

		if (!tag && position < n)
			tag = &tags[position];
		if (!tag || tag->value.p) {
			word = import_next_word(&word);
			return import_expected(ns->in, word, "the end of the line");
		}
		position = (size_t)(tag - tags) + 1;
		if (!next_value(ns, &rest, &tag->value))
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!tags[i].value.p)
			tags[i].value.p = rest.p;
	return true;
}

static bool add_rule(struct netsh *ns, struct import_word rest)
{
	struct tag tags[] = { { .name = "layer" },     { .name = "actiontype" },
			      { .name = "filterkey" }, { .name = "persistence" },
			      { .name = "audit" },     { .name = "auditparameters" } };

	if (ns->open && !ns->shown)
		return import_fail(ns->in, ns->in->line.p,
				   "the rule of line %u has no \"add filter\"",
				   current(ns)->rule.line);
	filter_end(ns);
	return read_tags(ns, rest, tags, 6) && begin(ns, false) && set_layer(ns, tags[0].value) &&
	       set_action(ns, tags[1].value) && set_audit(ns, tags[4].value);
}

static bool add_condition(struct netsh *ns, struct import_word rest)
{
	struct tag tags[] = { { .name = "field" }, { .name = "matchtype" }, { .name = "data" } };

	if (!ns->open || ns->shown)
		return import_fail(ns->in, ns->in->line.p, "a condition without \"add rule\"");
	if (!read_tags(ns, rest, tags, 3))
		return false;
	ns->condition = (struct condition){ .field = tags[0].value,
					    .match = tags[1].value,
					    .data = tags[2].value };
	return condition_end(ns);
}

static bool add_filter(struct netsh *ns, struct import_word rest)
{
	if (!ns->open || ns->shown)
		return import_fail(ns->in, ns->in->line.p, "a filter without \"add rule\"");
	return read_tags(ns, rest, NULL, 0) && filter_end(ns);
}

static bool add(struct netsh *ns, struct import_word rest)
{
	struct import_word what = import_next_word(&rest);

	if (import_is(what, "rule"))
		return add_rule(ns, rest);
	if (import_is(what, "condition"))
		return add_condition(ns, rest);
	if (import_is(what, "filter"))
		return add_filter(ns, rest);
	return import_expected(ns->in, what, "rule, condition or filter");
}

static bool pass_by(struct netsh *ns, struct import_word rest)
{
	(void)ns;
	(void)rest;
	return true;
}

static bool refuse_delete(struct netsh *ns, struct import_word rest)
{
	(void)rest;
	import_origin(ns->in, ns->in->number);
	fputs("# not imported: filters of before are not known here\n", ns->in->out);
	return true;
}

static const struct command {
	const char *word;
	bool (*read)(struct netsh *ns, struct import_word rest);
} commands[] = {
	{ "add", add },      { "delete", refuse_delete }, { "show", pass_by },
	{ "dump", pass_by }, { "quit", pass_by },         { "bye", pass_by },
	{ "exit", pass_by }, { "pushd", pass_by },        { "popd", pass_by },
	{ "Ok.", pass_by },  { "Listing", pass_by },      { "FilterKey:", pass_by },
};

/* Without "netsh rpc filter" in front, as typed, as a prompt, or as commands of their own */
static struct import_word command_part(struct import_word line)
{
	static const char *const context[] = { "netsh", "rpc", "filter" };

	line = import_trim(line);
	for (size_t i = 0; i < sizeof(context) / sizeof(context[0]); i++) {
		struct import_word rest = line;
		size_t n = strlen(context[i]);

		if (!import_begins(line, context[i]) || (line.n > n && !strchr(" \t>", line.p[n])))
			continue;
		rest.p += n;
		rest.n -= n;
		line = import_trim(rest);
		if (line.n && *line.p == '>') {
			line.p++;
			line.n--;
		}
		line = import_trim(line);
	}
	return line;
}

/* ---------------------------------------------------------------- what is shown */

static bool shown_condition(struct netsh *ns, struct import_word value)
{
	struct import_word word = import_next_word(&value);

	if (import_is(word, "Type:"))
		(void)import_next_word(&value);
	word = import_next_word(&value);
	ns->condition.data = import_trim(value);
	if (!import_is(word, "Value:") || !ns->condition.field.p || !ns->condition.match.p)
		refuse(current(ns), "a condition is shown in an unknown way");
	else
		condition_end(ns);
	ns->condition = (struct condition){ 0 };
	return true;
}

static bool shown_weight(struct netsh *ns, struct import_word value)
{
	(void)import_next_word(&value);
	if (!import_is(import_next_word(&value), "FWP_EMPTY"))
		refuse(current(ns), "it has a weight of its own");
	return true;
}

static bool shown_field(struct netsh *ns, struct import_word value)
{
	ns->condition = (struct condition){ .field = value };
	return true;
}

static bool shown_match(struct netsh *ns, struct import_word value)
{
	ns->condition.match = value;
	return true;
}

static bool shown_count(struct netsh *ns, struct import_word value)
{
	return import_number(value, 10, UINT16_MAX, &current(ns)->announced) ||
	       import_expected(ns->in, value, "a number");
}

static bool shown_action(struct netsh *ns, struct import_word value)
{
	return set_action(ns, value);
}

static const struct command shown[] = {
	{ "layerKey:", set_layer },
	{ "action.type:", shown_action },
	{ "weight:", shown_weight },
	{ "Audit:", set_audit },
	{ "numFilterConditions:", shown_count },
	{ "fieldKey:", shown_field },
	{ "matchType:", shown_match },
	{ "conditionValue:", shown_condition },
	{ "displayData.name:", pass_by },
	{ "displayData.description:", pass_by },
	{ "filterId:", pass_by },
	{ "providerKey:", pass_by },
};

static bool read_shown(struct netsh *ns, struct import_word line)
{
	struct import_word rest = line;
	struct import_word key = import_next_word(&rest);

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (import_is(key, shown[i].word))
			return shown[i].read(ns, import_trim(rest));
	if (!import_begins(key, "filterCondition["))
		refuse(current(ns), "a line about it is not understood");
	return true;
}

/* ----------------------------------------------------------------------- lines */

/* A filter that is shown begins with its key; a script is answered with "FilterKey:" */
static bool is_shown_key(struct import_word line)
{
	static const char key[] = "filterKey:";

	return line.n >= strlen(key) && memcmp(line.p, key, strlen(key)) == 0;
}

bool import_netsh_knows(struct import_word line)
{
	struct import_word rest = command_part(line);

	if (is_shown_key(line) || import_begins(line, "Listing all RPC Filters"))
		return true;
	return import_is(import_next_word(&rest), "add") &&
	       (import_begins(import_trim(rest), "rule") ||
		import_begins(import_trim(rest), "condition"));
}

static bool is_rule_off(struct import_word line)
{
	return import_begins(line, "---") || !line.n || *line.p == '#';
}

static bool read_line(struct netsh *ns)
{
	struct import_word line = import_trim(ns->in->line);
	struct import_word rest = command_part(line);
	struct import_word word;

	if (is_shown_key(line))
		return filter_end(ns) && begin(ns, true);
	if (is_rule_off(line) || !rest.n)
		return true;
	word = import_next_word(&rest);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (import_is(word, commands[i].word))
			return commands[i].read(ns, rest);
	if (ns->open && ns->shown)
		return read_shown(ns, line);
	return import_expected(ns->in, word, "a command of \"netsh rpc filter\"");
}

static int by_weight(const void *a, const void *b)
{
	const struct filter *x = a, *y = b;

	if (x->conditions != y->conditions)
		return x->conditions > y->conditions ? -1 : 1;
	return (x->rule.line > y->rule.line) - (x->rule.line < y->rule.line);
}

static bool read_lines(struct netsh *ns)
{
	while (import_line(ns->in))
		if (!read_line(ns))
			return false;
	if (ns->open && !ns->shown)
		return import_fail(ns->in, ns->in->end, "the rule of line %u has no \"add filter\"",
				   current(ns)->rule.line);
	return filter_end(ns);
}

bool import_netsh(struct import_input *in)
{
	struct netsh ns = { .in = in };
	bool good = read_lines(&ns);

	if (good && ns.n > 1) {
		qsort(ns.filter, ns.n, sizeof(*ns.filter), by_weight);
		fputs("# Filters with more conditions weigh more and are tried first\n", in->out);
	}
	for (size_t i = 0; good && i < ns.n; i++)
		import_rule_write(in, &ns.filter[i].rule);
	free(ns.filter);
	return good;
}
