/* SPDX-License-Identifier: GPL-3.0-or-later */
/* suggest_diff.c - rules compared with a policy that exists
 *
 * Two policies are hard to compare as texts, so the engine is asked: what was seen is played to it
 * once more, this time with the policy.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "rehearsal.h"
#include "suggest.h"
#include "text.h"
#include "words.h"

#define SENTENCE_SIZE 4096
#define SHOWN_NAME 1024

/* What the policy says to the clients of a rule */
struct opinion {
	size_t refused, clients;
	struct rpcgate_bind_event last; /* a refusal, where there is one */
};

struct comparison {
	const struct suggestion *s;
	const struct rpcgate_policy *policy;
	size_t n_statements;
	bool *used; /* one for each statement */
	FILE *out;
};

static bool is_statement(const struct rpcgate_statement *statement, const char *file, uint32_t line)
{
	return statement->line == line && strcmp(statement->file, file ? file : "") == 0;
}

static void note_use(struct comparison *c, const struct rpcgate_bind_event *verdict)
{
	struct rpcgate_statement statement;

	for (size_t i = 0; verdict->rule_line && i < c->n_statements; i++)
		if (rpcgate_policy_statement(c->policy, i, &statement) &&
		    is_statement(&statement, verdict->rule_file, verdict->rule_line))
			c->used[i] = true;
}

/* The rows of one client differ in port alone */
static bool ask(struct comparison *c, const struct rule *rule, struct opinion *opinion)
{
	for (size_t i = 0; i < rule->n_rows; i++) {
		const struct seen_key *key = &rule->rows[i]->key;
		struct rpcgate_bind_event verdict;
		struct rehearsal play = { key->client, key->server, rule->id, key->port,
					  rule->kind == SEEN_LEARNED };

		if (!rehearse(&play, c->policy, &verdict))
			return false;
		note_use(c, &verdict);
		opinion->clients++;
		if (verdict.verdict == RPCGATE_DENY)
			opinion->refused++;
		if (verdict.verdict == RPCGATE_DENY || !opinion->refused)
			opinion->last = verdict;
	}
	return true;
}

static void print_opinion(const struct comparison *c, const struct opinion *opinion)
{
	const struct rpcgate_bind_event *b = &opinion->last;
	char file[SHOWN_NAME];

	if (opinion->refused && opinion->refused < opinion->clients)
		fprintf(c->out, "in %zu of %zu cases ", opinion->refused, opinion->clients);
	fprintf(c->out, "%s", rpcgate_reason_name(b->reason));
	if (b->rule_line)
		fprintf(c->out, ", %s:%" PRIu32,
			text_show(b->rule_file ? b->rule_file : "", file, sizeof(file)),
			b->rule_line);
	putc('\n', c->out);
}

/* One pass over the rules: those that the policy refuses, or those that it allows */
static bool print_pass(struct comparison *c, bool refused)
{
	size_t n = 0;

	for (size_t i = 0; i < c->s->n_rules; i++) {
		const struct rule *rule = &c->s->rules[i];
		struct opinion opinion = { 0 };
		char text[RULE_TEXT];

		if (!suggestion_in_force(c->s, rule) || rule->udp)
			continue; /* what was called over UDP is not rehearsed */
		if (!ask(c, rule, &opinion))
			return false;
		if ((opinion.refused > 0) != refused)
			continue;
		n++;
		fprintf(c->out, "%c %s  # ", refused ? '+' : ' ', suggestion_rule(rule, text));
		print_opinion(c, &opinion);
	}
	if (!n)
		fputs("  nothing\n", c->out);
	return true;
}

static bool lets_pass(const struct rpcgate_statement *statement)
{
	return statement->kind == RPCGATE_STATEMENT_ALLOW ||
	       statement->kind == RPCGATE_STATEMENT_LOG ||
	       statement->kind == RPCGATE_STATEMENT_STATIC;
}

static void print_unused(const struct comparison *c)
{
	struct rpcgate_statement statement;
	char sentence[SENTENCE_SIZE], shown[SENTENCE_SIZE], file[SHOWN_NAME];
	size_t n = 0;

	for (size_t i = 0; i < c->n_statements; i++) {
		if (c->used[i] || !rpcgate_policy_statement(c->policy, i, &statement) ||
		    !lets_pass(&statement))
			continue;
		n++;
		rpcgate_policy_explain(c->policy, i, sentence, sizeof(sentence));
		fprintf(c->out, "- %s:%" PRIu32 "  %s\n",
			text_show(statement.file, file, sizeof(file)), statement.line,
			text_show(sentence, shown, sizeof(shown)));
	}
	if (!n)
		fputs("  nothing\n", c->out);
}

bool suggestion_print_diff(struct suggestion *s, const struct rpcgate_policy *policy,
			   const char *name, FILE *out)
{
	struct comparison c = { .s = s, .policy = policy, .out = out };
	struct rpcgate_statement statement;
	char shown[SHOWN_NAME];
	bool good;

	while (rpcgate_policy_statement(policy, c.n_statements, &statement))
		c.n_statements++;
	c.used = calloc(c.n_statements + 1, sizeof(*c.used));
	if (!c.used)
		return false;
	text_show(name, shown, sizeof(shown));
	fprintf(out, "Seen, and refused by %s:\n", shown);
	good = print_pass(&c, true);
	if (good)
		fprintf(out, "\nSeen, and allowed by %s:\n", shown);
	good = good && print_pass(&c, false);
	if (good) {
		fprintf(out, "\nAllowed by %s, and nothing seen needs it:\n", shown);
		print_unused(&c);
		putc('\n', out);
		suggestion_print_blind(s, "#", out);
	}
	free(c.used);
	return good;
}
