/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
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
	      "in either case, the beginning of its UUID, or the name of a group.\n\n",
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

static void show_groups(const struct rpcgate_interface *i)
{
	const struct rpcgate_group *group;
	const char *before = "groups: ";

	for (size_t k = 0; (group = rpcgate_group_at(k)); k++)
		if (rpcgate_group_has(group, &i->id.uuid)) {
			printf("%*s%s", before[0] == ',' ? 0 : INDENT, "", before);
			fputs(group->name, stdout);
			before = ", ";
		}
	if (before[0] == ',')
		putchar('\n');
}

/* Numbers and names, as rules take them */
static void show_operations(const struct rpcgate_interface *i)
{
	size_t n;
	const struct rpcgate_operation *o = rpcgate_operations_of(&i->id.uuid, &n);
	char *text = NULL;
	size_t size;
	FILE *list;

	if (!n)
		return;
	list = open_memstream(&text, &size);
	if (!list)
		return;
	for (size_t k = 0; k < n; k++)
		fprintf(list, "%s%s=%u", k ? ", " : "operations: ", o[k].name, o[k].opnum);
	if (fclose(list) == 0) {
		printf("%*s", INDENT, "");
		options_wrap(stdout, text, INDENT, PAGE_WIDTH);
	}
	free(text);
}

static void show(const struct rpcgate_interface *i, bool first)
{
	char uuid[RPCGATE_UUID_TEXT];

	printf("%s%s  %u.%u  %s%s%s\n", first ? "" : "\n", rpcgate_uuid_format(&i->id.uuid, uuid),
	       i->id.major, i->id.minor, i->name, i->service[0] ? "  " : "", i->service);
	show_groups(i);
	if (i->description[0]) {
		printf("%*s", INDENT, "");
		options_wrap(stdout, i->description, INDENT, PAGE_WIDTH);
	}
	show_operations(i);
}

/* Members that the catalogue does not know are shown by UUID */
static size_t show_group(const struct rpcgate_group *group)
{
	char uuid[RPCGATE_UUID_TEXT];

	printf("group %s: %s; %zu interface%s (%s)\n", group->name, group->title, group->n_members,
	       group->n_members == 1 ? "" : "s", group->source);
	for (size_t k = 0; k < group->n_members; k++) {
		const struct rpcgate_interface *known =
			rpcgate_interface_find(&group->member[k].id);

		if (known)
			show(known, false);
		else
			printf("\n%s  (%s)\n", rpcgate_uuid_format(&group->member[k].id.uuid, uuid),
			       group->member[k].source);
	}
	return group->n_members;
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
	const struct rpcgate_group *group;
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
	group = rpcgate_group_find(argv[0]);
	if (group)
		found = show_group(group);
	for (size_t i = 0; (interface = rpcgate_interface_at(i)); i++)
		if (matches(interface, argv[0]) &&
		    !(group && rpcgate_group_has(group, &interface->id.uuid)))
			show(interface, found++ == 0);
	if (found)
		return EXIT_DONE;
	fprintf(stderr, "rpcgate iface: no known interface matches '%s'\n",
		text_show(argv[0], shown, sizeof(shown)));
	return EXIT_RUN_TIME;
}
