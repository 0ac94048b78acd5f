/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_parse.c - text to statements
 *
 * Line by line; a bad line is reported and the next one read, so that one run shows all mistakes.
 *
 *	line	   = [ statement ] [ "#" comment ]
 *	statement  = ( "allow" | "deny" | "log" ) subject { clause }
 *		   | "static" ports [ subject ] { "to" net | "name" text | "version" ... }
 *		   | "callback" subject { "from" net | "to" net | "name" text }
 *		   | "sealed" ( "log" | "block" | "hint" ) [ "group" name ]
 *		   | "valid-ports" text | "include" text
 *		   | ( "mapper-port" | "dynamic-range" | "reserved" ) ports
 *		   | "set" key "=" value
 *	subject	   = [ "interface" ] ( name | uuid | "any" | "group" name )
 *	clause	   = "version" M[.m] | "opnum" list | "auth" level | "over" transport
 *		   | "from" net | "to" net | "name" text
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy.h"

#define VALUE_SIZE 1024 /* octets of a setting */
#define SHOWN_MAX 60    /* octets of a word in a message */
#define UUID_LEN (RPCGATE_UUID_TEXT - 1)

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_EQUALS };

struct token {
	enum token_kind kind;
	const char *p;
	size_t n;
	uint32_t column;
};

struct parser {
	struct rpcgate_policy *policy;
	const struct rpcgate_policy_loader *loader;
	struct rpcgate_policy_limits limits;
	struct rpcgate_policy_error *errors;
	size_t max_errors;
	size_t n_errors;
	uint32_t includes;
	bool full; /* memory is short or a limit was reached: nothing more is read */
	struct rpcgate_config scratch; /* settings are tried on it */
};

/* One text being read */
struct input {
	struct parser *ps;
	const char *name;
	uint16_t file;
	uint32_t depth;
	uint32_t line;
	const char *line_start;
	const char *at;
	const char *line_end;
	struct token token;   /* the one that is looked at */
	uint32_t list_column; /* where the list that is read begins */
};

/* ------------------------------------------------------------------- mistakes */

static struct rpcgate_policy_error *error_new(struct input *in, uint32_t column)
{
	struct parser *ps = in->ps;
	struct rpcgate_policy_error *e;
	size_t len = strlen(in->name);
	const char *name = in->name;

	if (ps->n_errors++ >= ps->max_errors)
		return NULL;
	e = &ps->errors[ps->n_errors - 1];
	if (len >= sizeof(e->file))
		name += len - sizeof(e->file) + 1;
	snprintf(e->file, sizeof(e->file), "%s", name);
	e->line = in->line;
	e->column = column;
	e->text[0] = '\0';
	return e;
}

/* Always false, so that a reader can end with it */
static bool say(struct input *in, uint32_t column, const char *what)
{
	struct rpcgate_policy_error *e = error_new(in, column);

	if (e)
		snprintf(e->text, sizeof(e->text), "%s", what);
	return false;
}

static bool give_up(struct input *in, const char *what)
{
	in->ps->full = true;
	return say(in, in->token.column, what);
}

static bool no_memory(struct input *in)
{
	return give_up(in, "not enough memory for this policy");
}

/* What was read, what was expected, and what was perhaps meant */
static bool expected(struct input *in, const struct token *t, const char *what, const char *nearest)
{
	struct rpcgate_policy_error *e = error_new(in, t->column);
	int n;

	if (!e)
		return false;
	if (t->kind == TOKEN_END)
		n = snprintf(e->text, sizeof(e->text), "the line ends, expected %s", what);
	else
		n = snprintf(e->text, sizeof(e->text), "read \"%.*s\"%s, expected %s",
			     (int)(t->n < SHOWN_MAX ? t->n : SHOWN_MAX), t->p,
			     t->n > SHOWN_MAX ? "..." : "", what);
	if (nearest && n > 0 && (size_t)n < sizeof(e->text))
		snprintf(e->text + n, sizeof(e->text) - (size_t)n, "; the nearest is \"%s\"",
			 nearest);
	return false;
}

/* The best of many candidates */
struct nearest {
	const struct token *word;
	size_t distance;
	const char *found;
};

static void nearest_try(struct nearest *best, const char *candidate)
{
	size_t d = word_distance(best->word->p, best->word->n, candidate, strlen(candidate));

	if (d < best->distance) {
		best->distance = d;
		best->found = candidate;
	}
}

/* Half of a word may be wrong */
static struct nearest nearest_to(const struct input *in, const struct token *word)
{
	size_t enough = in->ps->n_errors < in->ps->max_errors ? word->n / 2 + 1 : 0;

	return (struct nearest){ word, word->kind == TOKEN_END ? 0 : enough, NULL };
}

/* ---------------------------------------------------------------------- lexer */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_word(char c)
{
	return c > ' ' && c <= '~' && c != '#' && c != '"' && c != '=';
}

static bool lex_text(struct input *in, struct token *t)
{
	t->kind = TOKEN_TEXT;
	t->p = ++in->at;
	while (in->at < in->line_end && *in->at != '"') {
		unsigned char c = (unsigned char)*in->at;

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return say(in, (uint32_t)(in->at - in->line_start) + 1,
				   "a control character in a quoted text");
		in->at++;
	}
	t->n = (size_t)(in->at - t->p);
	if (in->at == in->line_end)
		return say(in, t->column, "the line ends in a quoted text, expected \"");
	in->at++;
	return true;
}

/* Look at the next token; false if there is no such */
static bool next(struct input *in)
{
	struct token t = { 0 };

	while (in->at < in->line_end && is_space(*in->at))
		in->at++;
	t.column = (uint32_t)(in->at - in->line_start) + 1;
	t.p = in->at;
	if (in->at == in->line_end || *in->at == '#') {
		in->at = in->line_end;
	} else if (*in->at == '"') {
		if (!lex_text(in, &t))
			return false;
	} else if (*in->at == '=') {
		t.kind = TOKEN_EQUALS;
		t.n = 1;
		in->at++;
	} else {
		t.kind = TOKEN_WORD;
		while (in->at < in->line_end && is_word(*in->at))
			in->at++;
		t.n = (size_t)(in->at - t.p);
		if (!t.n)
			return say(in, t.column, "a character that is neither text nor space");
	}
	in->token = t;
	return true;
}

static bool is(const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD && word_equal(t->p, t->n, word, strlen(word));
}

/* A list may be broken behind or before its commas; read as one word, with commas between.
 * @return false if it does not fit or there is none */
static bool gather(struct input *in, char value[VALUE_SIZE], const char *what)
{
	struct token first = in->token;
	size_t n = 0;

	if (first.kind != TOKEN_WORD)
		return expected(in, &first, what, NULL);
	for (;;) {
		const struct token *t = &in->token;

		if (n + t->n + 1 >= VALUE_SIZE)
			return say(in, t->column, "the list is too long");
		memcpy(value + n, t->p, t->n);
		n += t->n;
		value[n] = '\0';
		if (!next(in))
			return false;
		if (in->token.kind != TOKEN_WORD || (value[n - 1] != ',' && *in->token.p != ','))
			return true;
	}
}

/* -------------------------------------------------------------------- numbers */

/* A decimal number up to @p max at *at; false, and *at where it fails */
static bool number(const char **at, const char *end, uint32_t max, uint32_t *out)
{
	const char *p = *at;
	uint64_t n = 0;

	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > max)
			return false;
	}
	if (p == *at)
		return false;
	*at = p;
	*out = (uint32_t)n;
	return true;
}

/* "3", "0-5" at *at */
static bool range_read(const char **at, const char *end, struct rpcgate_port_range *out)
{
	uint32_t first, last;

	if (!number(at, end, UINT16_MAX, &first))
		return false;
	last = first;
	if (*at < end && **at == '-') {
		(*at)++;
		if (!number(at, end, UINT16_MAX, &last))
			return false;
	}
	*out = (struct rpcgate_port_range){ (uint16_t)first, (uint16_t)last };
	return first <= last;
}

/* One entry of a list at *at; says what is wrong with it */
typedef bool entry_reader(struct input *in, const char **at, const char *end,
			  const struct statement *s, struct rpcgate_port_range *out);

/* "3", "0-5,9" into policy->ranges */
static bool list(struct input *in, const struct statement *s, entry_reader *read, uint32_t *start,
		 uint32_t *n, const char *what)
{
	struct growing *all = &in->ps->policy->ranges;
	struct token word = in->token;
	size_t before = in->ps->n_errors;
	char text[VALUE_SIZE];
	const char *at = text;
	const char *end;

	if (!gather(in, text, what))
		return false;
	end = text + strlen(text);
	*start = all->n;
	*n = 0;
	for (;; at++) {
		struct rpcgate_port_range r;
		struct rpcgate_port_range *place;

		if (!read(in, &at, end, s, &r) || (at < end && *at != ','))
			return in->ps->n_errors == before && expected(in, &word, what, NULL);
		if (*n == RPCGATE_POLICY_MAX_RANGES)
			return say(in, word.column, "the list has more than 256 entries");
		place = growing_add(all, sizeof(*place));
		if (!place)
			return no_memory(in);
		*place = r;
		++*n;
		if (at == end)
			return true;
	}
}

static bool port(struct input *in, const char **at, const char *end, const struct statement *s,
		 struct rpcgate_port_range *out)
{
	(void)in;
	(void)s;
	return range_read(at, end, out) && out->first;
}

/* -------------------------------------------------------------------- subject */

static bool unknown_interface(struct input *in)
{
	const struct rpcgate_interface *known;
	const struct rpcgate_group *group;
	struct nearest best = nearest_to(in, &in->token);
	char text[96];

	nearest_try(&best, "interface");
	nearest_try(&best, "group");
	nearest_try(&best, "any");
	for (size_t i = 0; (known = rpcgate_interface_at(i)); i++)
		nearest_try(&best, known->name);
	for (size_t i = 0; (group = rpcgate_group_at(i)); i++) {
		size_t before = best.distance;

		nearest_try(&best, group->name);
		if (best.distance < before) {
			snprintf(text, sizeof(text), "group %s", group->name);
			best.found = text;
		}
	}
	return expected(in, &in->token, "an interface's name or UUID, \"group\" or \"any\"",
			best.found);
}

static bool interface_name(struct input *in, struct statement *s)
{
	const struct rpcgate_interface *known;
	char text[RPCGATE_UUID_TEXT];

	s->subject = SUBJECT_UUID;
	if (in->token.kind == TOKEN_WORD && in->token.n == UUID_LEN) {
		memcpy(text, in->token.p, UUID_LEN);
		text[UUID_LEN] = '\0';
		if (rpcgate_uuid_parse(text, &s->uuid))
			return next(in);
	}
	for (size_t i = 0; (known = rpcgate_interface_at(i)); i++)
		if (is(&in->token, known->name)) {
			s->uuid = known->id.uuid;
			return next(in);
		}
	return unknown_interface(in);
}

static bool group_name(struct input *in, struct statement *s)
{
	const struct rpcgate_group *group;
	struct nearest best = nearest_to(in, &in->token);

	for (uint32_t i = 0; (group = rpcgate_group_at(i)); i++) {
		if (is(&in->token, group->name)) {
			s->subject = SUBJECT_GROUP;
			s->group = i;
			return next(in);
		}
		nearest_try(&best, group->name);
	}
	return expected(in, &in->token, "the name of a group", best.found);
}

/* What the token at hand names */
static bool subject(struct input *in, struct statement *s)
{
	if (is(&in->token, "any")) {
		s->subject = SUBJECT_ANY;
		return next(in);
	}
	if (is(&in->token, "group"))
		return next(in) && group_name(in, s);
	return interface_name(in, s);
}

static bool optional_interface(struct input *in)
{
	return !is(&in->token, "interface") || next(in);
}

/* -------------------------------------------------------------------- clauses */

static bool read_interface(struct input *in, struct statement *s)
{
	return subject(in, s);
}

static bool read_version(struct input *in, struct statement *s)
{
	const char *at = in->token.p;
	const char *end = at + in->token.n;
	uint32_t major = 0, minor = 0;
	bool good = in->token.kind == TOKEN_WORD && number(&at, end, UINT16_MAX, &major);

	s->has_major = true;
	s->major = (uint16_t)major;
	if (good && at < end && *at == '.') {
		at++;
		good = number(&at, end, UINT16_MAX, &minor);
		s->has_minor = true;
		s->minor = (uint16_t)minor;
	}
	if (!good || at != end)
		return expected(in, &in->token, "a version such as 3 or 3.0", NULL);
	return next(in);
}

/* A name at *at: an operation of the one interface that the rule is about */
static bool operation_name(struct input *in, const char **at, const char *end,
			   const struct statement *s, struct rpcgate_port_range *out)
{
	static const char what[] = "the name or number of an operation of this interface";
	const char *comma = memchr(*at, ',', (size_t)(end - *at));
	struct token word = in->token;
	struct nearest best;
	const struct rpcgate_operation *known;
	size_t n;

	word.kind = TOKEN_WORD;
	word.p = *at;
	word.n = (size_t)((comma ? comma : end) - *at);
	word.column = in->list_column;
	if (s->subject != SUBJECT_UUID)
		return expected(in, &word, "operation numbers, as names need one interface", NULL);
	known = rpcgate_operations_of(&s->uuid, &n);
	best = nearest_to(in, &word);
	for (size_t i = 0; i < n; i++) {
		if (is(&word, known[i].name)) {
			*at += word.n;
			*out = (struct rpcgate_port_range){ known[i].opnum, known[i].opnum };
			return true;
		}
		nearest_try(&best, known[i].name);
	}
	return expected(in, &word, what, best.found);
}

static bool operation(struct input *in, const char **at, const char *end, const struct statement *s,
		      struct rpcgate_port_range *out)
{
	if (*at < end && !(**at >= '0' && **at <= '9') && **at != ',' && **at != '-')
		return operation_name(in, at, end, s, out);
	return range_read(at, end, out);
}

static bool read_opnum(struct input *in, struct statement *s)
{
	in->list_column = in->token.column;
	return list(in, s, operation, &s->opnums, &s->n_opnums,
		    "operations such as 3, 0-4,12 up to 65535, or their names");
}

/* MS-RPCE 2.2.1.1.8 */
static const char *const levels[] = { "none", "connect", "call", "packet", "integrity", "privacy" };

static bool read_auth(struct input *in, struct statement *s)
{
	struct nearest best = nearest_to(in, &in->token);

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		const char digit[2] = { (char)('1' + i), '\0' };

		if (is(&in->token, levels[i]) || is(&in->token, digit)) {
			s->level = (uint8_t)(i + 1);
			return next(in);
		}
		nearest_try(&best, levels[i]);
	}
	return expected(in, &in->token, "none, connect, call, packet, integrity, privacy or 1 to 6",
			best.found);
}

static bool read_over(struct input *in, struct statement *s)
{
	static const struct {
		const char *word;
		enum over over;
	} words[] = { { "tcp", OVER_TCP }, { "udp", OVER_UDP }, { "any", OVER_ANY } };
	struct nearest best = nearest_to(in, &in->token);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (is(&in->token, words[i].word)) {
			s->over = (uint8_t)words[i].over;
			return next(in);
		}
		nearest_try(&best, words[i].word);
	}
	return expected(in, &in->token, "tcp, udp or any", best.found);
}

static bool address(const char *text, struct net *net)
{
	uint8_t octet[16];

	if (inet_pton(AF_INET, text, octet) == 1) {
		net->addr = addr_of_ipv4(octet);
		return true;
	}
	net->ipv6 = true;
	return inet_pton(AF_INET6, text, net->addr.octet) == 1 && !rpcgate_addr_is_ipv4(&net->addr);
}

static void clear_host(struct net *net)
{
	for (unsigned bit = net->bits; bit < 128; bit++)
		net->addr.octet[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static bool host_bits(struct input *in, struct net *net, const struct net *whole)
{
	char nearest[RPCGATE_ADDR_TEXT + 5];
	char text[RPCGATE_ADDR_TEXT];

	if (memcmp(&net->addr, &whole->addr, sizeof(net->addr)) == 0)
		return next(in);
	snprintf(nearest, sizeof(nearest), "%s/%u", rpcgate_addr_format(&net->addr, text),
		 net->ipv6 ? net->bits : net->bits - 96U);
	return expected(in, &in->token, "a network without host bits", nearest);
}

static bool read_net(struct input *in, struct net *net)
{
	static const char what[] = "an address, a network such as 10.0.0.0/8 or fd00::/8, or any";
	const char *end = in->token.p + in->token.n;
	const char *slash = in->token.n ? memchr(in->token.p, '/', in->token.n) : NULL;
	size_t n = (size_t)((slash ? slash : end) - in->token.p);
	char text[RPCGATE_ADDR_TEXT];
	struct net whole;
	uint32_t bits;

	if (is(&in->token, "any"))
		return next(in);
	if (in->token.kind != TOKEN_WORD || n >= sizeof(text))
		return expected(in, &in->token, what, NULL);
	memcpy(text, in->token.p, n);
	text[n] = '\0';
	if (!address(text, net))
		return expected(in, &in->token, what, NULL);
	net->given = true;
	bits = net->ipv6 ? 128 : 32;
	if (slash && (slash++, !number(&slash, end, bits, &bits) || slash != end))
		return expected(in, &in->token, what, NULL);
	net->bits = (uint8_t)(net->ipv6 ? bits : bits + 96);
	whole = *net;
	clear_host(net);
	return host_bits(in, net, &whole);
}

static bool read_from(struct input *in, struct statement *s)
{
	return read_net(in, &s->from);
}

static bool read_to(struct input *in, struct statement *s)
{
	return read_net(in, &s->to);
}

static bool keep(struct input *in, const char *text, size_t n, uint32_t *where)
{
	*where = policy_keep(in->ps->policy, text, n);
	return *where || no_memory(in);
}

static bool read_name(struct input *in, struct statement *s)
{
	if (in->token.kind != TOKEN_WORD && in->token.kind != TOKEN_TEXT)
		return expected(in, &in->token, "a text", NULL);
	return keep(in, in->token.p, in->token.n, &s->name) && next(in);
}

enum clause_bit {
	CLAUSE_INTERFACE = 1,
	CLAUSE_VERSION = 2,
	CLAUSE_OPNUM = 4,
	CLAUSE_AUTH = 8,
	CLAUSE_FROM = 16,
	CLAUSE_TO = 32,
	CLAUSE_NAME = 64,
	CLAUSE_GROUP = 128,
	CLAUSE_OVER = 256
};

static const struct clause {
	const char *word;
	unsigned bit;
	bool (*read)(struct input *in, struct statement *s);
} clauses[] = {
	{ "interface", CLAUSE_INTERFACE, read_interface },
	{ "group", CLAUSE_GROUP, group_name },
	{ "version", CLAUSE_VERSION, read_version },
	{ "opnum", CLAUSE_OPNUM, read_opnum },
	{ "auth", CLAUSE_AUTH, read_auth },
	{ "over", CLAUSE_OVER, read_over },
	{ "from", CLAUSE_FROM, read_from },
	{ "to", CLAUSE_TO, read_to },
	{ "name", CLAUSE_NAME, read_name },
};

static bool unknown_clause(struct input *in, unsigned allowed)
{
	struct nearest best = nearest_to(in, &in->token);
	char what[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(clauses); i++) {
		if (!(clauses[i].bit & allowed))
			continue;
		nearest_try(&best, clauses[i].word);
		n += (size_t)snprintf(what + n, sizeof(what) - n, "%s, ", clauses[i].word);
	}
	snprintf(what + (n > 1 ? n - 2 : 0), sizeof(what) - n, "%sthe end of the line",
		 n ? " or " : "");
	return expected(in, &in->token, what, best.found);
}

/* Clauses in any order, each once, up to the end of the line */
static bool read_clauses(struct input *in, struct statement *s, unsigned allowed)
{
	while (in->token.kind != TOKEN_END) {
		const struct clause *c = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(clauses) && !c; i++)
			if (clauses[i].bit & allowed && is(&in->token, clauses[i].word))
				c = &clauses[i];
		if (!c)
			return unknown_clause(in, allowed);
		allowed &= ~c->bit;
		if (!next(in) || !c->read(in, s))
			return false;
	}
	return true;
}

/* ----------------------------------------------------------------- statements */

static bool read_rule(struct input *in, struct statement *s)
{
	return optional_interface(in) && subject(in, s) &&
	       read_clauses(in, s,
			    CLAUSE_VERSION | CLAUSE_OPNUM | CLAUSE_AUTH | CLAUSE_OVER |
				    CLAUSE_FROM | CLAUSE_TO | CLAUSE_NAME);
}

static bool read_static(struct input *in, struct statement *s)
{
	s->subject = SUBJECT_ANY;
	if (!list(in, s, port, &s->ports, &s->n_ports, "ports such as 145 or 6001-6004"))
		return false;
	return read_clauses(in, s,
			    CLAUSE_INTERFACE | CLAUSE_GROUP | CLAUSE_VERSION | CLAUSE_FROM |
				    CLAUSE_TO | CLAUSE_NAME);
}

/* A bare word is a group here */
static bool read_callback(struct input *in, struct statement *s)
{
	char text[64];

	if (in->token.kind == TOKEN_WORD && in->token.n < sizeof(text)) {
		memcpy(text, in->token.p, in->token.n);
		text[in->token.n] = '\0';
		if (rpcgate_group_find(text))
			return group_name(in, s) &&
			       read_clauses(in, s, CLAUSE_FROM | CLAUSE_TO | CLAUSE_NAME);
	}
	if (!is(&in->token, "interface") && !is(&in->token, "group") && !is(&in->token, "any"))
		return group_name(in, s); /* says what is wrong with it */
	return optional_interface(in) && subject(in, s) &&
	       read_clauses(in, s, CLAUSE_FROM | CLAUSE_TO | CLAUSE_NAME);
}

static bool read_sealed(struct input *in, struct statement *s)
{
	static const char *const words[] = {
		[SEALED_LOG] = "log",
		[SEALED_BLOCK] = "block",
		[SEALED_HINT] = "hint",
	};
	struct nearest best = nearest_to(in, &in->token);

	s->subject = SUBJECT_ANY;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (is(&in->token, words[i])) {
			s->sealed = (uint8_t)i;
			return next(in) && read_clauses(in, s, CLAUSE_GROUP);
		}
		nearest_try(&best, words[i]);
	}
	return expected(in, &in->token, "log, block or hint", best.found);
}

static bool is_host(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* "Rosco:2000-8000" or "Data*:4000"; *at moves to the end of it, or to where it is wrong */
static bool valid_port(struct input *in, const char **at, const char *end, struct statement *s)
{
	struct growing *hosts = &in->ps->policy->hosts;
	struct valid_port v = { 0 };
	struct valid_port *place;
	const char *host = *at;
	size_t n;

	while (*at < end && is_host(**at))
		(*at)++;
	n = (size_t)(*at - host);
	if (*at < end && **at == '*') {
		v.prefix = true;
		(*at)++;
	}
	if ((!n && !v.prefix) || *at == end || *(*at)++ != ':' || !range_read(at, end, &v.range) ||
	    !v.range.first)
		return false;
	if (!keep(in, host, n, &v.host))
		return false;
	place = growing_add(hosts, sizeof(*place));
	if (!place)
		return no_memory(in);
	*place = v;
	s->n_hosts++;
	return true;
}

static bool read_valid_ports(struct input *in, struct statement *s)
{
	const char *at = in->token.p;
	const char *end = at + in->token.n;
	struct token wrong = in->token;
	size_t before = in->ps->n_errors;

	if (in->token.kind != TOKEN_TEXT)
		return expected(in, &in->token,
				"a quoted list such as \"Rosco:593;Data*:4000-8000\"", NULL);
	s->hosts = in->ps->policy->hosts.n;
	for (;; at++) {
		wrong.p = at;
		if (!valid_port(in, &at, end, s) || (at < end && *at != ';'))
			break;
		if (at == end)
			return keep(in, in->token.p, in->token.n, &s->value) && next(in) &&
			       read_clauses(in, s, 0);
	}
	if (in->ps->n_errors > before)
		return false;
	wrong.n = (size_t)(end - wrong.p);
	wrong.column = (uint32_t)(wrong.p - in->line_start) + 1;
	return expected(in, &wrong, "HOST:PORT or HOST:FIRST-LAST, a star at the end of HOST alone",
			NULL);
}

/* A setting that rpcgate_config_set() takes */
static bool setting(struct input *in, struct statement *s, const char *key, const char *value,
		    uint32_t column)
{
	char err[RPCGATE_ERROR_SIZE];

	if (!rpcgate_config_set(&in->ps->scratch, key, value, err))
		return say(in, column, err);
	return keep(in, key, strlen(key), &s->key) && keep(in, value, strlen(value), &s->value) &&
	       read_clauses(in, s, 0);
}

static bool read_ports(struct input *in, struct statement *s, const char *key)
{
	uint32_t column = in->token.column;
	char value[VALUE_SIZE];

	return gather(in, value, "ports such as 135,593 or 49152-65535") &&
	       setting(in, s, key, value, column);
}

static bool read_mapper_port(struct input *in, struct statement *s)
{
	return read_ports(in, s, "mapper-port");
}

static bool read_dynamic_range(struct input *in, struct statement *s)
{
	return read_ports(in, s, "dynamic-range");
}

static bool read_reserved(struct input *in, struct statement *s)
{
	return read_ports(in, s, "reserved");
}

static bool unknown_key(struct input *in, const struct token *key)
{
	struct nearest best = nearest_to(in, key);
	const struct rpcgate_config_key *known;

	for (size_t i = 0; (known = rpcgate_config_key(i)); i++)
		nearest_try(&best, known->name);
	return expected(in, key, "a setting's name", best.found);
}

static bool read_set(struct input *in, struct statement *s)
{
	const struct rpcgate_config_key *known;
	struct token key = in->token;
	char value[VALUE_SIZE];
	uint32_t column;
	size_t i = 0;

	while ((known = rpcgate_config_key(i)) && !is(&key, known->name))
		i++;
	if (!known)
		return unknown_key(in, &key);
	if (!next(in))
		return false;
	if (in->token.kind != TOKEN_EQUALS)
		return expected(in, &in->token, "=", NULL);
	if (!next(in))
		return false;
	column = in->token.column;
	return gather(in, value, known->values) && setting(in, s, known->name, value, column);
}

static bool read_include(struct input *in, struct statement *s);

static const struct verb {
	const char *word;
	enum rpcgate_statement_kind kind;
	bool (*read)(struct input *in, struct statement *s);
} verbs[] = {
	{ "allow", RPCGATE_STATEMENT_ALLOW, read_rule },
	{ "deny", RPCGATE_STATEMENT_DENY, read_rule },
	{ "log", RPCGATE_STATEMENT_LOG, read_rule },
	{ "static", RPCGATE_STATEMENT_STATIC, read_static },
	{ "callback", RPCGATE_STATEMENT_CALLBACK, read_callback },
	{ "sealed", RPCGATE_STATEMENT_SEALED, read_sealed },
	{ "valid-ports", RPCGATE_STATEMENT_VALID_PORTS, read_valid_ports },
	{ "mapper-port", RPCGATE_STATEMENT_SET, read_mapper_port },
	{ "dynamic-range", RPCGATE_STATEMENT_SET, read_dynamic_range },
	{ "reserved", RPCGATE_STATEMENT_SET, read_reserved },
	{ "set", RPCGATE_STATEMENT_SET, read_set },
	{ "include", RPCGATE_STATEMENT_SET, read_include }, /* leaves no statement */
};

/* What a rule without a word about it means: a port of UDP is opened only where one asks for it,
 * and what is refused is refused on any way */
static uint8_t usual_over(const struct statement *s)
{
	return s->kind == RPCGATE_STATEMENT_DENY ? OVER_ANY : OVER_TCP;
}

static bool statement_keep(struct input *in, const struct statement *s)
{
	struct rpcgate_policy *p = in->ps->policy;
	struct statement *place;
	uint32_t *held;

	if (p->statements.n == in->ps->limits.max_rules)
		return give_up(in, "there are more statements than one policy may have");
	place = growing_add(&p->statements, sizeof(*place));
	if (!place)
		return no_memory(in);
	*place = *s;
	if (!s->over)
		place->over = usual_over(s);
	if (s->kind <= RPCGATE_STATEMENT_LOG || s->kind == RPCGATE_STATEMENT_SET)
		return true;
	held = growing_add(&p->held, sizeof(*held));
	if (!held)
		return no_memory(in);
	*held = p->statements.n;
	return true;
}

static bool unknown_verb(struct input *in)
{
	struct nearest best = nearest_to(in, &in->token);

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		nearest_try(&best, verbs[i].word);
	return expected(in, &in->token,
			"allow, deny, log, static, callback, sealed, valid-ports, mapper-port, "
			"dynamic-range, reserved, set or include",
			best.found);
}

static void read_line(struct input *in)
{
	struct statement s = { .file = in->file, .line = in->line };

	if (!next(in) || in->token.kind == TOKEN_END)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!is(&in->token, verbs[i].word))
			continue;
		s.kind = (uint8_t)verbs[i].kind;
		if (next(in) && verbs[i].read(in, &s) && verbs[i].read != read_include)
			statement_keep(in, &s);
		return;
	}
	unknown_verb(in);
}

/* ----------------------------------------------------------------------- files */

static bool file_begin(struct input *in, const struct rpcgate_policy_source *source)
{
	struct growing *files = &in->ps->policy->files;
	uint32_t *name;

	if (source->length > in->ps->limits.max_file)
		return give_up(in, "the file is larger than a policy's file may be");
	in->file = (uint16_t)files->n;
	name = growing_add(files, sizeof(*name));
	return (name && keep(in, source->name, strlen(source->name), name)) || no_memory(in);
}

static void read_source(struct parser *ps, const struct rpcgate_policy_source *source,
			uint32_t depth)
{
	struct input in = { .ps = ps, .name = source->name, .depth = depth };
	const char *end = source->text + source->length;
	const char *at = source->text;

	if (!file_begin(&in, source))
		return;
	if (source->length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3; /* what some editors write in front of UTF-8 */
	while (at < end && !ps->full) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));

		in.line++;
		in.line_start = in.at = at;
		in.line_end = line_end ? line_end : end;
		at = line_end ? line_end + 1 : end;
		read_line(&in);
	}
}

static bool include(struct input *in, const struct token *name)
{
	struct parser *ps = in->ps;
	struct rpcgate_policy_source source = { 0 };
	char err[RPCGATE_ERROR_SIZE] = "";
	char text[RPCGATE_POLICY_NAME_SIZE];

	if (!ps->loader)
		return say(in, name->column, "include is not possible here");
	if (in->depth == ps->limits.max_depth)
		return say(in, name->column, "includes are nested too deep");
	if (ps->includes++ == ps->limits.max_includes)
		return give_up(in, "there are too many includes");
	memcpy(text, name->p, name->n);
	text[name->n] = '\0';
	if (!ps->loader->load(ps->loader->ctx, text, in->name, &source, err))
		return say(in, name->column, err);
	read_source(ps, &source, in->depth + 1);
	ps->loader->release(ps->loader->ctx, &source);
	return true;
}

static bool read_include(struct input *in, struct statement *s)
{
	struct token name = in->token;

	if (name.kind != TOKEN_TEXT || !name.n || name.n >= RPCGATE_POLICY_NAME_SIZE)
		return expected(in, &name, "the quoted name of a file", NULL);
	return next(in) && read_clauses(in, s, 0) && include(in, &name);
}

struct rpcgate_policy *rpcgate_policy_parse(const struct rpcgate_policy_source *source,
					    const struct rpcgate_policy_loader *loader,
					    const struct rpcgate_policy_limits *limits,
					    struct rpcgate_policy_error *errors, size_t max_errors,
					    size_t *n_errors)
{
	static const struct rpcgate_policy_limits preset = { RPCGATE_POLICY_MAX_FILE,
							     RPCGATE_POLICY_MAX_INCLUDES,
							     RPCGATE_POLICY_MAX_DEPTH,
							     RPCGATE_POLICY_MAX_RULES };
	struct parser ps = { .loader = loader,
			     .limits = limits ? *limits : preset,
			     .errors = errors,
			     .max_errors = max_errors };
	struct input whole = { .ps = &ps, .name = source->name };

	rpcgate_config_default(&ps.scratch);
	ps.policy = calloc(1, sizeof(*ps.policy));
	if (ps.policy)
		read_source(&ps, source, 0);
	if (!ps.policy || (!ps.n_errors && !policy_index(ps.policy)))
		no_memory(&whole);
	*n_errors = ps.n_errors;
	if (!ps.n_errors)
		return ps.policy;
	rpcgate_policy_free(ps.policy);
	return NULL;
}
