/* SPDX-License-Identifier: GPL-3.0-or-later */
/* suggest.c - the least that would allow what was seen */
#include <stdio.h>

#include "command.h"
#include "options.h"
#include "policy_file.h"
#include "rpcgate.h"
#include "source.h"
#include "suggest.h"

enum format { FORMAT_POLICY, FORMAT_NFT, FORMAT_CSV };

struct suggest_options {
	unsigned int format; /* enum format */
	const char *diff;
	const char *events;
	struct option_list set;
	bool unannounced;
	bool quiet;
	bool help;
};

static const char *const formats[] = { "policy", "nft", "csv", NULL };

#define PLACE(member) offsetof(struct suggest_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "format", OPTION_CHOICE, PLACE(format), "policy|nft|csv",
	  "policy (preset): rules for --policy; nft: the static rules that would do the same today; "
	  "csv: one row for each rule", formats },
	{ "diff", OPTION_TEXT, PLACE(diff), "FILE",
	  "compare with this policy instead: what it refuses that was seen, and which of its rules "
	  "nothing needs", NULL },
	{ "static", OPTION_FLAG, PLACE(unannounced), NULL,
	  "also allow, by static rules, what was bound although nobody was seen to announce it", NULL },
	{ "events", OPTION_TEXT, PLACE(events), "FILE|-",
	  "read events that 'rpcgate analyze --json' wrote, packed or not, instead of captures",
	  NULL },
	{ "set", OPTION_LIST, PLACE(set), "KEY=VALUE",
	  "change a setting that captures are judged with, and write it into the policy; may be given "
	  "many times, 'rpcgate analyze --help' lists keys", NULL },
	{ "quiet", OPTION_FLAG, PLACE(quiet), NULL, "no progress; the rules and errors only", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

static void usage(FILE *out)
{
	fputs("usage: rpcgate suggest [OPTION]... FILE|DIR...\n"
	      "       rpcgate suggest [OPTION]... --events FILE|-\n\n"
	      "Read captures, and write the policy that allows what passed in them and nothing else:\n"
	      "one rule for each interface, server and client, with its evidence.  What was refused\n"
	      "stays refused, and is listed.  Given back with 'rpcgate analyze --policy', it changes no\n"
	      "verdict on the same captures.\n\n",
	      out);
	options_help(rows, out);
	fputs("\nexit status: 0 done; 1 failure at run time; 2 wrong usage; 3 bad setting or policy; 4 an\n"
	      "input is unreadable or cut short (what came before was used)\n",
	      out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate suggest: %s; 'rpcgate suggest --help' says more\n", what);
	return EXIT_USAGE;
}

static int no_memory(void)
{
	fputs("rpcgate suggest: not enough memory\n", stderr);
	return EXIT_RUN_TIME;
}

static bool print(struct suggestion *s, const struct suggest_options *options,
		  const struct rpcgate_policy *other)
{
	if (other)
		return suggestion_print_diff(s, other, options->diff, stdout);
	if (options->format == FORMAT_NFT)
		suggestion_print_nft(s, stdout);
	else if (options->format == FORMAT_CSV)
		suggestion_print_csv(s, stdout);
	else
		suggestion_print_policy(s, stdout);
	return true;
}

static int suggest(const struct suggest_options *options, char **names, int n,
		   const struct rpcgate_policy *other)
{
	const struct source source = {
		.command = "suggest",
		.events = options->events,
		.set = &options->set,
		.names = names,
		.n = n,
		.quiet = options->quiet,
	};
	struct suggestion s;
	int status = EXIT_RUN_TIME;

	suggestion_init(&s);
	s.set = &options->set;
	s.unannounced = options->unannounced;
	if (source_read(&source, suggestion_event, &s, &status)) {
		if (!suggestion_finish(&s) || !print(&s, options, other))
			status = no_memory();
		if (s.incomplete && status == EXIT_DONE) {
			fputs("rpcgate suggest: there is more than can be kept; rules are missing\n",
			      stderr);
			status = EXIT_RUN_TIME;
		}
	}
	suggestion_free(&s);
	return status;
}

int command_suggest(int argc, char **argv)
{
	struct suggest_options options = { 0 };
	struct rpcgate_policy *other = NULL;
	char error[OPTIONS_ERROR_SIZE];
	int n = options_parse(rows, argc, argv, &options, error);
	int status;

	if (n < 0)
		return wrong_usage(error);
	if (options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (options.events && n)
		return wrong_usage("captures and --events do not go together");
	if (!options.events && !n)
		return wrong_usage("at least one FILE or DIR, or --events, is needed");
	if (options.diff) {
		other = policy_file_read("suggest", options.diff);
		if (!other)
			return EXIT_CONFIG;
	}
	status = suggest(&options, argv, n, other);
	rpcgate_policy_free(other);
	return status;
}
