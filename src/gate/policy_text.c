/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_text.c - statements as sentences, and statements that do not do what they seem to */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"

#define FIRST_LEARNED 1024U
#define MANY_PORTS 1000U /* of a static rule: no service has so many fixed ones */

/* A sentence being written; what does not fit is left out */
struct sentence {
	char *text;
	size_t size;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct sentence *s, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->text + s->n, s->size - s->n, format, args);
	va_end(args);
	if (n > 0)
		s->n += (size_t)n < s->size - s->n ? (size_t)n : s->size - s->n - 1;
}

static void put_net(struct sentence *s, const char *word, const struct net *net)
{
	char text[RPCGATE_ADDR_TEXT];
	unsigned bits = net->ipv6 ? net->bits : net->bits - 96U;

	if (!net->given)
		return;
	put(s, " %s %s", word, rpcgate_addr_format(&net->addr, text));
	if (net->bits < 128)
		put(s, "/%u", bits);
}

static void put_ranges(struct sentence *s, const struct rpcgate_policy *p, uint32_t start,
		       uint32_t n)
{
	for (uint32_t i = start; i < start + n; i++) {
		const struct rpcgate_port_range *r = policy_range(p, i);

		put(s, i > start ? ", %u" : "%u", r->first);
		if (r->last > r->first)
			put(s, "-%u", r->last);
	}
}

static void put_operations(struct sentence *s, const struct rpcgate_policy *p,
			   const struct statement *rule)
{
	for (uint32_t i = rule->opnums; i < rule->opnums + rule->n_opnums; i++) {
		const struct rpcgate_port_range *r = policy_range(p, i);
		const char *name = rule->subject == SUBJECT_UUID && r->first == r->last ?
					   rpcgate_operation_name(&rule->uuid, r->first) :
					   NULL;

		if (i > rule->opnums)
			put(s, ", ");
		put_ranges(s, p, i, 1);
		if (name)
			put(s, " (%s)", name);
	}
}

static void put_subject(struct sentence *s, const struct statement *rule)
{
	const struct rpcgate_syntax id = { rule->uuid, rule->major, rule->minor };
	const struct rpcgate_interface *known;
	const struct rpcgate_group *group;
	char uuid[RPCGATE_UUID_TEXT];

	switch (rule->subject) {
	case SUBJECT_UUID:
		known = rpcgate_interface_find(&id);
		rpcgate_uuid_format(&rule->uuid, uuid);
		if (known)
			put(s, "%s (%s)", known->name, uuid);
		else
			put(s, "%s", uuid);
		break;
	case SUBJECT_GROUP:
		group = rpcgate_group_at(rule->group);
		put(s, "the %zu interface%s of group %s", group->n_members,
		    group->n_members == 1 ? "" : "s", group->name);
		break;
	default:
		put(s, "every interface");
	}
	if (rule->has_major)
		put(s, " version %u", rule->major);
	if (rule->has_minor)
		put(s, ".%u", rule->minor);
}

/* -------------------------------------------------------------------- kinds */

static const char *level_name(uint8_t level)
{
	static const char *const names[] = { "",       "none",      "connect", "call",
					     "packet", "integrity", "privacy" };

	return names[level];
}

/* Only what is not usual is said */
static void put_over(struct sentence *s, const struct statement *rule)
{
	static const char *const names[] = {
		[OVER_TCP] = " over TCP", [OVER_UDP] = " over UDP", [OVER_ANY] = " over TCP and UDP"
	};

	if (rule->over != (rule->kind == RPCGATE_STATEMENT_DENY ? OVER_ANY : OVER_TCP))
		put(s, "%s", names[rule->over]);
}

static void explain_rule(struct sentence *s, const struct rpcgate_policy *p,
			 const struct statement *rule)
{
	static const char *const verbs[] = {
		[RPCGATE_STATEMENT_ALLOW] = "Allow ",
		[RPCGATE_STATEMENT_DENY] = "Refuse ",
		[RPCGATE_STATEMENT_LOG] = "Allow and report ",
	};
	bool deny = rule->kind == RPCGATE_STATEMENT_DENY;

	put(s, "%s", verbs[rule->kind]);
	if (rule->n_opnums) {
		bool one = rule->n_opnums == 1 && policy_range(p, rule->opnums)->first ==
							  policy_range(p, rule->opnums)->last;

		put(s, one ? "operation " : "operations ");
		put_operations(s, p, rule);
		put(s, " of ");
	} else if (rule->level) {
		put(s, "calls to ");
	}
	put_subject(s, rule);
	put_net(s, "from", &rule->from);
	put_net(s, "to", &rule->to);
	put_over(s, rule);
	if (rule->level)
		put(s,
		    deny ? " below authentication level %s" :
			   " at authentication level %s or above",
		    level_name(rule->level));
	if (!deny)
		put(s, ", where the server announced it");
}

static void explain_static(struct sentence *s, const struct rpcgate_policy *p,
			   const struct statement *rule)
{
	put(s, "Allow ");
	put_subject(s, rule);
	put(s, " on port ");
	put_ranges(s, p, rule->ports, rule->n_ports);
	put_net(s, "from", &rule->from);
	put_net(s, "to", &rule->to);
	put(s, " without an announcement");
}

static void explain_callback(struct sentence *s, const struct statement *rule)
{
	put(s, "Allow servers to call back to ");
	put_subject(s, rule);
	put_net(s, "of clients", &rule->from);
	put_net(s, "from servers", &rule->to);
}

static void explain_sealed(struct sentence *s, const struct statement *rule)
{
	static const char *const what[] = {
		[SEALED_LOG] = "Report it and learn nothing",
		[SEALED_BLOCK] = "Refuse it",
		[SEALED_HINT] = "Take the server's next port as a hint",
	};

	put(s, "%s where mapper or resolver traffic is encrypted", what[rule->sealed]);
	if (rule->sealed == SEALED_HINT)
		put(s, ", good for 30 s and four connections to the interfaces IRemUnknown and "
		       "IRemUnknown2 of objects");
	if (rule->subject == SUBJECT_GROUP) {
		put(s, rule->sealed == SEALED_HINT ? ", and to " : ", for ");
		put_subject(s, rule);
	}
}

static void explain_valid_ports(struct sentence *s, const struct rpcgate_policy *p,
				const struct statement *rule)
{
	put(s, "An RPC over HTTP proxy may reach ");
	for (uint32_t i = 0; i < rule->n_hosts; i++) {
		const struct valid_port *v =
			(const struct valid_port *)p->hosts.at + rule->hosts + i;

		put(s, i ? ", %s%s at %u" : "%s%s at %u", policy_string(p, v->host),
		    v->prefix ? "*" : "", v->range.first);
		if (v->range.last > v->range.first)
			put(s, "-%u", v->range.last);
	}
}

static void explain_set(struct sentence *s, const struct rpcgate_policy *p,
			const struct statement *rule)
{
	const char *key = policy_string(p, rule->key);
	const char *value = policy_string(p, rule->value);

	if (strcmp(key, "mapper-port") == 0)
		put(s, "Believe endpoint mappers on port %s alone", value);
	else if (strcmp(key, "dynamic-range") == 0)
		put(s, "Learn ports in %s alone", value);
	else if (strcmp(key, "reserved") == 0 && *value == '+')
		put(s, "Never learn port %s, besides those reserved already", value + 1);
	else if (strcmp(key, "reserved") == 0 && *value == '-')
		put(s, "Do not reserve port %s", value + 1);
	else if (strcmp(key, "reserved") == 0)
		put(s, "Never learn port %s, and none besides is reserved", value);
	else
		put(s, "Set %s to %s", key, value);
}

char *rpcgate_policy_explain(const struct rpcgate_policy *policy, size_t i, char *text, size_t size)
{
	struct sentence s = { text, size, 0 };
	const struct statement *rule;

	if (!size)
		return text;
	*text = '\0';
	if (i >= policy->statements.n)
		return text;
	rule = STATEMENT(policy, (uint32_t)i + 1);
	switch ((enum rpcgate_statement_kind)rule->kind) {
	case RPCGATE_STATEMENT_ALLOW:
	case RPCGATE_STATEMENT_DENY:
	case RPCGATE_STATEMENT_LOG:
		explain_rule(&s, policy, rule);
		break;
	case RPCGATE_STATEMENT_STATIC:
		explain_static(&s, policy, rule);
		break;
	case RPCGATE_STATEMENT_CALLBACK:
		explain_callback(&s, rule);
		break;
	case RPCGATE_STATEMENT_SEALED:
		explain_sealed(&s, rule);
		break;
	case RPCGATE_STATEMENT_VALID_PORTS:
		explain_valid_ports(&s, policy, rule);
		break;
	case RPCGATE_STATEMENT_SET:
		explain_set(&s, policy, rule);
		break;
	}
	put(&s, ".");
	return text;
}

/* -------------------------------------------------------------------- doubts */

static void put_line(struct sentence *s, const struct rpcgate_policy *p,
		     const struct statement *rule, const struct statement *other)
{
	if (other->file != rule->file)
		put(s, "%s:%u", policy_file(p, other), other->line);
	else
		put(s, "line %u", other->line);
}

/* Whether a refusal that a later rule makes is what this rule is an exception from */
static bool is_exception(const struct rpcgate_policy *p, uint32_t number)
{
	const struct statement *rule = STATEMENT(p, number);

	for (uint32_t i = number + 1; i <= p->statements.n; i++) {
		const struct statement *s = STATEMENT(p, i);

		if (s->kind == RPCGATE_STATEMENT_DENY &&
		    (s->subject != SUBJECT_UUID || rule->subject != SUBJECT_UUID ||
		     uuid_equal(&s->uuid, &rule->uuid)))
			return true;
	}
	return false;
}

/* What is read without a mistake, and still cannot be meant */
static bool doubt_setting(struct sentence *s, const char *key, const char *value)
{
	struct rpcgate_config cfg = { 0 };
	char err[RPCGATE_ERROR_SIZE];

	if (strcmp(key, "mapper-port") == 0) {
		if (!rpcgate_config_set(&cfg, key, value, err))
			return false;
		for (uint32_t i = 0; i < cfg.mapper_ports.n; i++)
			if (!cfg.mapper_ports.range[i].first) {
				put(s, "there is no port 0: no mapper answers there");
				return true;
			}
	} else if (strcmp(key, "reserved") == 0 && *value == '-') {
		if (!rpcgate_config_set(&cfg, key, value + 1, err))
			return false;
		for (uint32_t i = 0; i < cfg.reserved.n; i++)
			if (cfg.reserved.range[i].first < FIRST_LEARNED) {
				put(s,
				    "ports below %u are never learned, whatever is taken from the "
				    "list",
				    FIRST_LEARNED);
				return true;
			}
	}
	return false;
}

static bool doubt_static(struct sentence *s, const struct rpcgate_policy *p,
			 const struct statement *rule)
{
	uint32_t ports = 0;

	for (uint32_t i = rule->ports; i < rule->ports + rule->n_ports; i++)
		ports += policy_range(p, i)->last - policy_range(p, i)->first + 1U;
	if (ports < MANY_PORTS)
		return false;
	put(s,
	    "keeps %u ports open for good: what is learned needs none of them, and a service with a "
	    "fixed port needs one",
	    ports);
	return true;
}

bool rpcgate_policy_doubt(const struct rpcgate_policy *policy, size_t i, char *text, size_t size)
{
	struct sentence s = { text, size, 0 };
	const struct statement *rule;
	uint32_t number = (uint32_t)i + 1;
	uint32_t other;

	if (!size || i >= policy->statements.n)
		return false;
	*text = '\0';
	rule = STATEMENT(policy, number);
	if (rule->kind == RPCGATE_STATEMENT_SET)
		return doubt_setting(&s, policy_string(policy, rule->key),
				     policy_string(policy, rule->value));
	if (!is_rule(rule))
		return false;
	if (rule->kind == RPCGATE_STATEMENT_DENY && rule->level == AUTH_LEVEL_NONE) {
		put(&s, "can never match: no authentication level is below none");
		return true;
	}
	if (rule->kind != RPCGATE_STATEMENT_DENY && rule->level > AUTH_LEVEL_NONE &&
	    rule->over == OVER_UDP) {
		put(&s, "can never match: over UDP every request counts as level none");
		return true;
	}
	other = policy_covering(policy, number);
	if (other) {
		put(&s, "can never match: ");
		put_line(&s, policy, rule, STATEMENT(policy, other));
		put(&s, " matches everything that it does");
		return true;
	}
	if (rule->kind == RPCGATE_STATEMENT_STATIC && doubt_static(&s, policy, rule))
		return true;
	if (rule->kind != RPCGATE_STATEMENT_DENY && judges_calls(rule) &&
	    !is_exception(policy, number)) {
		put(&s, "refuses nothing: calls that it does not match are allowed, as no later "
			"deny rule has to do with them");
		return true;
	}
	return false;
}
