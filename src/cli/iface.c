/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "rpcgate.h"
#include "text.h"

#define PAGE_WIDTH 100
#define INDENT 2

struct iface_options {
	bool help;
};

static const struct option_row rows[] = {
	{ "help", OPTION_FLAG, offsetof(struct iface_options, help), NULL, "show this", NULL },
	{ 0 },
};

static void usage(FILE *out)
{
	fputs("usage: rpcgate iface PATTERN\n\n"
	      "Look an RPC interface up.  PATTERN is any part of its name, service or description,\n"
	      "in either case, or the beginning of its UUID.\n\n",
	      out);
	options_help(rows, out);
	fputs("\nexit status: 0 found; 1 not found; 2 wrong usage\n", out);
}

static bool matches(const struct rpcgate_interface *i, const char *pattern)
{
	char uuid[RPCGATE_UUID_TEXT];

	rpcgate_uuid_format(&i->id.uuid, uuid);
	return strncasecmp(uuid, pattern, strlen(pattern)) == 0 || strcasestr(i->name, pattern) ||
	       strcasestr(i->service, pattern) || strcasestr(i->description, pattern);
}

static void show(const struct rpcgate_interface *i, bool first)
{
	char uuid[RPCGATE_UUID_TEXT];

	printf("%s%s  %u.%u  %s%s%s\n", first ? "" : "\n", rpcgate_uuid_format(&i->id.uuid, uuid),
	       i->id.major, i->id.minor, i->name, i->service[0] ? "  " : "", i->service);
	if (!i->description[0])
		return;
	printf("%*s", INDENT, "");
	options_wrap(stdout, i->description, INDENT, PAGE_WIDTH);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate iface: %s; 'rpcgate iface --help' says more\n", what);
	return EXIT_USAGE;
}

int command_iface(int argc, char **argv)
{
	struct iface_options options = { 0 };
	char error[OPTIONS_ERROR_SIZE];
	const struct rpcgate_interface *interface;
	int operands = options_parse(rows, argc, argv, &options, error);
	char shown[256];
	size_t found = 0;

	if (operands < 0)
		return wrong_usage(error);
	if (options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (operands != 1 || !argv[0][0])
		return wrong_usage("exactly one pattern is needed");
	for (size_t i = 0; (interface = rpcgate_interface_at(i)); i++)
		if (matches(interface, argv[0]))
			show(interface, found++ == 0);
	if (found)
		return EXIT_DONE;
	fprintf(stderr, "rpcgate iface: no known interface matches '%s'\n",
		text_show(argv[0], shown, sizeof(shown)));
	return EXIT_RUN_TIME;
}
