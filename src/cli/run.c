/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.c - judge traffic inline */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "run.h"

struct run_options {
	const char *config;
	bool observe;
	bool print_rules;
	bool help;
};

#define PLACE(member) offsetof(struct run_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "config", OPTION_TEXT, PLACE(config), "FILE", "what to do; -c is short for it", NULL },
	{ "observe", OPTION_FLAG, PLACE(observe), NULL,
	  "let everything pass, and say what would have been refused", NULL },
	{ "print-rules", OPTION_FLAG, PLACE(print_rules), NULL,
	  "print the table that would be put into the kernel, and change nothing", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

static void usage(FILE *out)
{
	fputs("usage: rpcgate run -c FILE [--observe] [--print-rules]\n\n"
	      "Judge the RPC that this gateway forwards, until told to end (SIGTERM).  SIGHUP reads the\n"
	      "configuration again and reopens the files of events, SIGUSR1 writes the counters.\n\n",
	      out);
	options_help(rows, out);
	fputs("\nexit status: 0 ended as told; 1 failure at run time, nothing was changed if it says so\n"
	      "at the start; 2 wrong usage; 3 the configuration is wrong: FILE:LINE:COLUMN says where\n",
	      out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate run: %s; 'rpcgate run --help' says more\n", what);
	return EXIT_USAGE;
}

int command_run(int argc, char **argv)
{
	struct run_options options = { 0 };
	char error[OPTIONS_ERROR_SIZE];
	int n;

	options_lengthen(argc, argv, "-c", "--config");
	n = options_parse(rows, argc, argv, &options, error);
	if (n < 0)
		return wrong_usage(error);
	if (options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (n || !options.config)
		return wrong_usage("exactly one configuration is needed: -c FILE");
	if (options.print_rules)
		return (int)run_print_rules(options.config, options.observe, stdout);
	return (int)run(options.config, options.observe);
}
