/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "rpcgate.h"
#include "text.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "analyze", command_analyze,
	  "say what capture files announce, bind, and what would be refused" },
	{ "run", command_run, "judge the RPC that this gateway forwards" },
	{ "watch", command_watch, "look at an interface live, and change nothing" },
	{ "top", command_top, "show what is open and what was refused, live on a terminal" },
	{ "ctl", command_ctl, "ask the running gateway, or tell it" },
	{ "check", command_check, "say what a policy means, and what is wrong with it" },
	{ "suggest", command_suggest, "write the least-privilege policy for what was seen" },
	{ "why", command_why,
	  "tell the story of a verdict, and the rule that would have allowed it" },
	{ "iface", command_iface, "look an RPC interface up by name, UUID or service" },
	{ NULL, NULL, NULL },
};

static int print_version(void)
{
	puts("rpcgate " RPCGATE_VERSION);
	return EXIT_DONE;
}

/* All that may stand first on the command line */
static const char *first_word(const void *ctx, size_t i)
{
	static const char *const options[] = { "--help", "--version", NULL };
	const size_t n = sizeof(commands) / sizeof(commands[0]) - 1;

	(void)ctx;
	return i < n ? commands[i].name : options[i - n];
}

static void usage(FILE *out)
{
	fputs("rpcgate " RPCGATE_VERSION ": an RPC-aware packet filter\n\n"
	      "  rpcgate analyze trace.pcapng             what happens in a capture\n"
	      "  rpcgate analyze --json - DIR | jq .      the same as lines of JSON\n"
	      "  rpcgate analyze --policy FILE trace.pcap what a policy would have done\n"
	      "  rpcgate check FILE                       what a policy means\n"
	      "  rpcgate suggest trace.pcap               a policy for what was seen\n"
	      "  rpcgate why any 10.0.0.5 trace.pcap      why that was refused\n"
	      "  rpcgate run -c FILE --observe            judge what this gateway forwards\n"
	      "  rpcgate iface drsuapi                    which interface is that\n\n"
	      "commands:\n",
	      out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-9s %s\n", c->name, c->help);
	fputs("\n'rpcgate COMMAND --help' says more; 'rpcgate --version' says which one this is.\n",
	      out);
}

static int unknown(const char *word)
{
	const char *nearest = text_nearest(word, first_word, NULL);
	char shown[128];

	fprintf(stderr, "rpcgate: unknown %s '%s'", word[0] == '-' ? "option" : "command",
		text_show(word, shown, sizeof(shown)));
	if (nearest)
		fprintf(stderr, "; did you mean '%s'?\n", nearest);
	else
		fputs("; 'rpcgate --help' lists what there is\n", stderr);
	return EXIT_USAGE;
}

/* Standard output is checked once, at the very end: what is lost there must not pass for done. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (status != EXIT_RUN_TIME)
		perror("rpcgate: standard output");
	return EXIT_RUN_TIME;
}

int main(int argc, char **argv)
{
	/* A reader that went away is an error to report, not a reason to die silently. */
	signal(SIGPIPE, SIG_IGN);

	if (argc < 2) {
		usage(stdout);
		return finish(EXIT_DONE);
	}
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(argv[1], c->name) == 0)
			return finish(argc == 3 && strcmp(argv[2], "--version") == 0 ?
					      print_version() :
					      c->run(argc - 2, argv + 2));
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return finish(EXIT_DONE);
	}
	if (strcmp(argv[1], "--version") == 0)
		return finish(print_version());
	return unknown(argv[1]);
}
