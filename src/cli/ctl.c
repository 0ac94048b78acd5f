/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ctl.c - ask the running daemon */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "control.h"
#include "daemon.h"
#include "options.h"

#define LINE_SIZE 256

struct ctl_options {
	const char *socket;
	bool help;
};

#define PLACE(member) offsetof(struct ctl_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "socket", OPTION_TEXT, PLACE(socket), "PATH",
	  "where it answers, /run/rpcgate/control; -s is short for it", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

static void usage(FILE *out)
{
	fputs("usage: rpcgate ctl [-s PATH] COMMAND [ARGUMENT]\n\n"
	      "Ask the running 'rpcgate run'; the answer is lines of JSON, the last one {\"ok\":true}.\n\n",
	      out);
	options_help(rows, out);
	fputs("\ncommands:\n"
	      "  status      how it runs\n"
	      "  stats       everything that is counted\n"
	      "  pinholes    what is open, one interface a line\n"
	      "  bindings    what servers announced\n"
	      "  close ID    close a pinhole\n"
	      "  reload      read the configuration again; the old one stays if it is wrong\n"
	      "  save        write the state file now\n"
	      "\nexit status: 0 done; 1 it answered with a failure, or nobody answered; 2 wrong usage\n",
	      out);
}

int command_ctl(int argc, char **argv)
{
	struct ctl_options options = { .socket = DAEMON_SOCKET };
	char error[OPTIONS_ERROR_SIZE];
	char err[RPCGATE_ERROR_SIZE];
	char line[LINE_SIZE];
	int status;
	int n;

	options_lengthen(argc, argv, "-s", "--socket");
	n = options_parse(rows, argc, argv, &options, error);
	if (options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (n < 1 || n > 2 || strpbrk(argv[0], "\n ") || (n == 2 && strpbrk(argv[1], "\n "))) {
		fprintf(stderr, "rpcgate ctl: %s; 'rpcgate ctl --help' says more\n",
			n < 0 ? error : "one command is needed, and its argument if it has one");
		return EXIT_USAGE;
	}
	snprintf(line, sizeof(line), "%s%s%s", argv[0], n == 2 ? " " : "", n == 2 ? argv[1] : "");
	status = control_ask(options.socket, line, stdout, err);
	if (status < 0)
		fprintf(stderr, "rpcgate ctl: %s\n", err);
	return status ? EXIT_RUN_TIME : EXIT_DONE;
}
