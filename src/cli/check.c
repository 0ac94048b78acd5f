/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.c - what a policy means, in sentences */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "conf.h"
#include "import.h"
#include "options.h"
#include "rpcgate.h"
#include "table.h"
#include "text.h"

#define SENTENCE_SIZE 4096
#define SHOWN_NAME 1024
#define GROUPS_MAX 64

struct check_options {
	const char *config;
	const char *import;
	struct option_list service;
	bool before_vista;
	bool quiet;
	bool help;
};

#define PLACE(member) offsetof(struct check_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "config", OPTION_TEXT, PLACE(config), "FILE", "the file to read; -c is short for it", NULL },
	{ "service", OPTION_LIST, PLACE(service), "GROUP",
	  "also list what a group of interfaces needs, without any file; may be given many times",
	  NULL },
	{ "import", OPTION_TEXT, PLACE(import), "FILE",
	  "print what FILE says as lines of a policy: an export of the Windows registry, RpcFw.conf or "
	  "text of 'netsh rpc filter'",
	  NULL },
	{ "before-vista", OPTION_FLAG, PLACE(before_vista), NULL,
	  "read MaxUserPort as Windows Server 2003 and older do", NULL },
	{ "quiet", OPTION_FLAG, PLACE(quiet), NULL, "warnings and errors only", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

/* Groups that the policy allows or that were asked for: these need ports */
struct chosen {
	const struct rpcgate_group *group[GROUPS_MAX];
	size_t n;
};

static void usage(FILE *out)
{
	fputs("usage: rpcgate check [-c] FILE [--service GROUP]...\n"
	      "       rpcgate check --service GROUP...\n"
	      "       rpcgate check --import FILE [--before-vista]\n\n"
	      "Read a policy or a whole rpcgate.conf as 'rpcgate run' would, say in sentences what it\n"
	      "means, which fixed ports the services that it names need beside RPC, and which rules can\n"
	      "never match.  rpcgate-policy(5) and rpcgate.conf(5) describe the language.\n\n",
	      out);
	options_help(rows, out);
	fputs("\nexit status: 0 the policy can be used; 1 failure at run time; 2 wrong usage; 3 the\n"
	      "policy is wrong: FILE:LINE:COLUMN says where\n",
	      out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate check: %s; 'rpcgate check --help' says more\n", what);
	return EXIT_USAGE;
}

static void choose(struct chosen *chosen, const struct rpcgate_group *group)
{
	for (size_t i = 0; i < chosen->n; i++)
		if (chosen->group[i] == group)
			return;
	if (chosen->n < GROUPS_MAX)
		chosen->group[chosen->n++] = group;
}

/* ----------------------------------------------------------------- the groups */

static void show_member(const struct rpcgate_group_member *member)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(&member->id);
	char uuid[RPCGATE_UUID_TEXT];

	rpcgate_uuid_format(&member->id.uuid, uuid);
	printf("    %s  %s  (%s)\n", uuid, known ? known->name : "not in the catalogue",
	       member->source);
}

static void show_group(const struct rpcgate_group *group)
{
	printf("  %s: %s; %zu interface%s (%s)\n", group->name, group->title, group->n_members,
	       group->n_members == 1 ? "" : "s", group->source);
	for (size_t i = 0; i < group->n_members; i++)
		show_member(&group->member[i]);
}

static void show_ports(const struct chosen *chosen)
{
	static const struct table_column columns[] = {
		{ .title = "group" },
		{ .title = "transport" },
		{ .title = "port", .right = true },
		{ .title = "protocol", .give = TABLE_FLEXIBLE },
		{ .title = "source", .give = TABLE_FLEXIBLE },
	};
	struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));

	printf("\nFixed ports that these services need beside RPC (its mapper on port 135 and learned "
	       "ports):\n");
	for (size_t i = 0; table && i < chosen->n; i++) {
		const struct rpcgate_group *group = chosen->group[i];

		if (!group->n_ports) {
			table_cell(table, "%s", group->name);
			table_cell(table, "-");
			table_cell(table, "-");
			table_cell(table, "none");
			table_cell(table, "%s", group->source);
		}
		for (size_t k = 0; k < group->n_ports; k++) {
			const struct rpcgate_group_port *port = &group->port[k];

			table_cell(table, "%s", group->name);
			table_cell(table, "%s", port->transport);
			if (port->last > port->first)
				table_cell(table, "%u-%u", port->first, port->last);
			else if (port->first)
				table_cell(table, "%u", port->first);
			else
				table_cell(table, "-");
			table_cell(table, "%s", port->protocol);
			table_cell(table, "%s", port->source);
		}
	}
	if (!table || !table_print(table, stdout, table_page_width(stdout)))
		fputs("rpcgate check: not enough memory\n", stderr);
	table_free(table);
}

static void show_groups(const struct chosen *chosen)
{
	if (!chosen->n)
		return;
	printf("\nGroups:\n");
	for (size_t i = 0; i < chosen->n; i++)
		show_group(chosen->group[i]);
	show_ports(chosen);
}

/* ----------------------------------------------------------------- the policy */

static void explain(const struct rpcgate_policy *policy, size_t i,
		    const struct rpcgate_statement *statement)
{
	char sentence[SENTENCE_SIZE];
	char shown[SENTENCE_SIZE];
	char file[SHOWN_NAME];

	rpcgate_policy_explain(policy, i, sentence, sizeof(sentence));
	printf("%s:%" PRIu32 ": %s", text_show(statement->file, file, sizeof(file)),
	       statement->line, text_show(sentence, shown, sizeof(shown)));
	if (statement->name)
		printf("  [%s]", text_show(statement->name, shown, sizeof(shown)));
	putchar('\n');
}

static size_t warn(const struct rpcgate_policy *policy)
{
	struct rpcgate_statement statement;
	char sentence[SENTENCE_SIZE];
	char file[SHOWN_NAME];
	size_t n = 0;

	for (size_t i = 0; rpcgate_policy_statement(policy, i, &statement); i++) {
		if (!rpcgate_policy_doubt(policy, i, sentence, sizeof(sentence)))
			continue;
		if (fflush(stdout) != 0)
			break;
		fprintf(stderr, "%s:%" PRIu32 ": warning: %s\n",
			text_show(statement.file, file, sizeof(file)), statement.line, sentence);
		n++;
	}
	return n;
}

/* How the program runs; the number of lines about it */
static size_t explain_settings(const char *path, const struct conf *conf, bool quiet)
{
	char sentence[SENTENCE_SIZE];
	char shown[SENTENCE_SIZE];
	char file[SHOWN_NAME];
	uint32_t line = 0;
	size_t n = 0;

	for (; conf_explain(conf, &line, sentence, sizeof(sentence)); n++)
		if (!quiet)
			printf("%s:%" PRIu32 ": %s\n", text_show(path, file, sizeof(file)), line,
			       text_show(sentence, shown, sizeof(shown)));
	return n;
}

/* What holds where no rule matches, and the ports that everything depends on */
static void say_defaults(const struct rpcgate_config *cfg)
{
	printf("\nWhere no rule matches, what the server announced is allowed and everything else is "
	       "refused.\n"
	       "Endpoint mappers are believed on port");
	for (uint32_t i = 0; i < cfg->mapper_ports.n; i++) {
		const struct rpcgate_port_range *r = &cfg->mapper_ports.range[i];

		printf("%s %u", i ? "," : "", r->first);
		if (r->last > r->first)
			printf("-%u", r->last);
	}
	printf("; a pinhole lives %" PRIu32 " s.\n", cfg->pinhole_ttl_s);
}

static void say_counts(size_t settings, size_t statements, size_t warnings)
{
	if (settings)
		printf("%zu setting%s, ", settings, settings == 1 ? "" : "s");
	printf("%zu statement%s, %zu warning%s.\n", statements, statements == 1 ? "" : "s",
	       warnings, warnings == 1 ? "" : "s");
}

static void check_policy(const struct rpcgate_policy *policy, const struct rpcgate_config *cfg,
			 size_t settings, struct chosen *chosen, bool quiet)
{
	struct rpcgate_statement statement;
	size_t warnings;
	size_t n = 0;

	for (; rpcgate_policy_statement(policy, n, &statement); n++) {
		if (!quiet)
			explain(policy, n, &statement);
		if (statement.group && statement.kind != RPCGATE_STATEMENT_DENY)
			choose(chosen, statement.group);
	}
	warnings = warn(policy);
	if (quiet)
		return;
	say_defaults(cfg);
	say_counts(settings, n, warnings);
}

static int check_file(const char *path, struct chosen *chosen, bool quiet)
{
	struct rpcgate_policy *policy;
	struct rpcgate_config cfg;
	char err[RPCGATE_ERROR_SIZE];
	struct conf conf;
	bool good;

	if (!conf_read("check", path, CONF_FOR_START, &conf, &policy))
		return EXIT_CONFIG;
	rpcgate_config_default(&cfg);
	good = rpcgate_policy_configure(policy, &cfg, err);
	if (good)
		check_policy(policy, &cfg, explain_settings(path, &conf, quiet), chosen, quiet);
	else
		fprintf(stderr, "rpcgate check: %s\n", err);
	rpcgate_policy_free(policy);
	conf_free(&conf);
	return good ? EXIT_DONE : EXIT_CONFIG;
}

static const char *group_name(const void *ctx, size_t i)
{
	const struct rpcgate_group *group = rpcgate_group_at(i);

	(void)ctx;
	return group ? group->name : NULL;
}

static bool choose_services(const struct option_list *list, struct chosen *chosen)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct rpcgate_group *group = rpcgate_group_find(list->value[i]);
		const char *nearest = text_nearest(list->value[i], group_name, NULL);
		char shown[128];

		if (group) {
			choose(chosen, group);
			continue;
		}
		fprintf(stderr, "rpcgate check: there is no group '%s'%s%s%s\n",
			text_show(list->value[i], shown, sizeof(shown)),
			nearest ? "; did you mean '" : "", nearest ? nearest : "",
			nearest ? "'?" : "");
		return false;
	}
	return true;
}

/* ----------------------------------------------------------------- the imports */

static void tell_import(const char *path, const struct import_error *e)
{
	char file[SHOWN_NAME];
	char text[SHOWN_NAME];

	text_show(path, file, sizeof(file));
	text_show(e->text, text, sizeof(text));
	if (e->line)
		fprintf(stderr, "%s:%" PRIu32 ":%" PRIu32 ": %s\n", file, e->line, e->column, text);
	else
		fprintf(stderr, "rpcgate check: %s: %s\n", file, text);
}

/* Nothing is printed of a file with a mistake */
static int import(const char *path, bool before_vista)
{
	struct import_error error;
	size_t length = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);
	bool good = out && import_file(path, before_vista, out, &error);

	if (!out || fclose(out) != 0) {
		fputs("rpcgate check: not enough memory\n", stderr);
		free(text);
		return EXIT_RUN_TIME;
	}
	if (good)
		fwrite(text, 1, length, stdout);
	else
		tell_import(path, &error);
	free(text);
	return good ? EXIT_DONE : EXIT_CONFIG;
}

int command_check(int argc, char **argv)
{
	struct check_options options = { 0 };
	struct chosen chosen = { .n = 0 };
	char error[OPTIONS_ERROR_SIZE];
	int status = EXIT_DONE;
	int n;

	options_lengthen(argc, argv, "-c", "--config");
	n = options_parse(rows, argc, argv, &options, error);
	if (n < 0)
		return wrong_usage(error);
	if (options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (options.before_vista && !options.import)
		return wrong_usage("--before-vista belongs to --import");
	if (options.import && (n || options.config || options.service.n))
		return wrong_usage("--import takes one FILE and nothing else");
	if (options.import)
		return import(options.import, options.before_vista);
	if (n == 1 && !options.config)
		options.config = argv[n = 0];
	if (n || (!options.config && !options.service.n))
		return wrong_usage("exactly one FILE is needed");
	if (!choose_services(&options.service, &chosen))
		return EXIT_USAGE;
	if (options.config)
		status = check_file(options.config, &chosen, options.quiet);
	if (status == EXIT_DONE && !options.quiet)
		show_groups(&chosen);
	return status;
}
