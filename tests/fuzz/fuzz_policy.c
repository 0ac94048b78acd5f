/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_policy.c - input: the text of a policy, which may include itself
 *
 * What is understood must stay in its limits, be explained, and match as reading in order does.
 */
#include <stdlib.h>

#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

/* Every include is this text again: only the limits end it */
static bool load(void *ctx, const char *name, const char *from, struct rpcgate_policy_source *out,
		 char err[RPCGATE_ERROR_SIZE])
{
	(void)from;
	(void)err;
	must(strlen(name) > 0 && strlen(name) < RPCGATE_POLICY_NAME_SIZE);
	*out = *(struct rpcgate_policy_source *)ctx;
	return true;
}

static void release(void *ctx, struct rpcgate_policy_source *source)
{
	must(source->text == ((struct rpcgate_policy_source *)ctx)->text);
}

static void errors_are_places(const struct rpcgate_policy_error *error, size_t n, size_t length)
{
	for (size_t i = 0; i < n; i++) {
		must(error[i].line >= 1 && error[i].line <= length + 1);
		must(error[i].column >= 1 && error[i].column <= length + 1);
		must(error[i].text[0] && strlen(error[i].text) < sizeof(error[i].text));
	}
}

static uint32_t first_by_reading(const struct rpcgate_policy *p, enum match_class class,
				 const struct policy_query *q)
{
	for (uint32_t i = 1; i <= p->statements.n; i++) {
		const struct statement *s = STATEMENT(p, i);
		bool ports = !s->n_ports;

		for (uint32_t k = s->ports; k < s->ports + s->n_ports; k++)
			ports |= policy_range(p, k)->first <= q->port &&
				 policy_range(p, k)->last >= q->port;
		if (is_rule(s) && class_of(s) == class && ports && net_has(&s->from, &q->client) &&
		    net_has(&s->to, &q->server) &&
		    (!s->has_major || s->major == q->interface.major) &&
		    (!s->has_minor || s->minor == q->interface.minor) &&
		    (s->subject == SUBJECT_ANY ||
		     (s->subject == SUBJECT_UUID && uuid_equal(&s->uuid, &q->interface.uuid)) ||
		     (s->subject == SUBJECT_GROUP && q->groups >> s->group & 1)))
			return i;
	}
	return 0;
}

/* Ask for what one of the rules names, so that there is something to find */
static void match(const struct rpcgate_policy *p, const struct statement *of)
{
	struct policy_query q = { .client = of->from.addr, .server = of->to.addr };

	q.interface = (struct rpcgate_syntax){ of->uuid, of->major, of->minor };
	q.port = of->n_ports ? policy_range(p, of->ports)->last : 0;
	q.groups = groups_of(&q.interface.uuid);
	for (unsigned class = 0; class < CLASS_COUNT; class ++)
		must(policy_first(p, (enum match_class) class, &q, UINT32_MAX) ==
		     first_by_reading(p, (enum match_class) class, &q));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rpcgate_policy_source source = { "fuzz", (const char *)data, n };
	const struct rpcgate_policy_loader loader = { load, release, &source };
	const struct rpcgate_policy_limits limits = { 1 << 16, 8, 4, 200 };
	struct rpcgate_policy_error errors[4];
	struct rpcgate_statement statement;
	struct rpcgate_policy *policy;
	char text[128];
	size_t n_errors;

	policy = rpcgate_policy_parse(&source, &loader, &limits, errors, 4, &n_errors);
	must((policy == NULL) == (n_errors > 0));
	errors_are_places(errors, n_errors < 4 ? n_errors : 4, n);
	for (size_t i = 0; policy && rpcgate_policy_statement(policy, i, &statement); i++) {
		must(strlen(rpcgate_policy_explain(policy, i, text, sizeof(text))) < sizeof(text));
		if (rpcgate_policy_doubt(policy, i, text, sizeof(text)))
			must(text[0]);
		match(policy, STATEMENT(policy, (uint32_t)i + 1));
	}
	rpcgate_policy_free(policy);
	return 0;
}
