/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c - rpcgate-bench: what it costs, measured beside what is possible and what others take */
#include "bench.h"
#include "mix.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
	const char *name;
	void (*run)(struct bench *bench);
	enum { ALL, FULL, ALONE } part; /* of "all", of "all --full", of neither */
	const char *help;
} commands[] = {
	{ "pinhole", bench_pinhole, ALL, "tables of pinholes, beside memory itself and others" },
	{ "engine", bench_engine, ALL, "packets through the engine, beside an empty loop" },
	{ "policy", bench_policy, ALL, "what rules cost" },
	{ "flows", bench_flows, ALONE, "ten million connections: memory must not grow" },
	{ "inline", bench_inline, FULL,
	  "the gateway between namespaces, beside plain forwarding; needs root" },
	{ 0 },
};

#define PLACE(member) offsetof(struct bench_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "json", OPTION_FLAG, PLACE(json), NULL, "lines of JSON instead of a table", NULL },
	{ "svg", OPTION_TEXT, PLACE(svg), "DIR", "write a plot of each topic there", NULL },
	{ "full", OPTION_FLAG, PLACE(full), NULL,
	  "also large tables of others, and longer captures: some ten minutes", NULL },
	{ "rounds", OPTION_TEXT, PLACE(rounds), "N", "how often each thing is measured; preset: 5",
	  NULL },
	{ "quiet", OPTION_FLAG, PLACE(quiet), NULL, "no progress", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

static void usage(FILE *out)
{
	fputs("usage: rpcgate-bench COMMAND [OPTION]...\n\ncommands:\n", out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-9s %s\n", c->name, c->help);
	fputs("  all       pinhole, engine and policy, with --full also inline; the preset\n"
	      "  generate  mixed|rpc|small|epm|short|long|torn FILE [MEGABYTES [SEED]]: write a capture\n\n",
	      out);
	options_help(rows, out);
	fputs("\nexit status: 0 done; 1 an answer was wrong, or a failure at run time; 2 wrong usage\n",
	      out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate-bench: %s; 'rpcgate-bench --help' says more\n", what);
	return 2;
}

static int generate(int argc, char **argv)
{
	enum mix_kind kind = argc > 1 ? mix_kind_of(argv[0]) : MIX_KINDS;
	uint64_t megabytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 200;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	struct mix_plan plan;

	if (kind == MIX_KINDS || !megabytes)
		return wrong_usage("generate takes a mix, a file and megabytes");
	if (!mix_write(argv[1], kind, megabytes * 1000000, seed, &plan)) {
		fprintf(stderr, "rpcgate-bench: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	printf("%s: %s, %llu packets, %llu octets, %llu answers, %llu binds allowed, %llu denied\n",
	       argv[1], mix_name(kind), (unsigned long long)plan.packets,
	       (unsigned long long)plan.octets, (unsigned long long)plan.answers,
	       (unsigned long long)plan.binds_allowed, (unsigned long long)plan.binds_denied);
	return 0;
}

static bool rounds_fit(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return end != text && !*end && n >= 1 && n <= BENCH_ROUNDS_MAX;
}

/* The same pages for all tables: where there are huge ones on request, malloc asks for them */
static void with_huge_pages(char **argv)
{
	const char *tunables = getenv("GLIBC_TUNABLES");

	if (tunables && strstr(tunables, "malloc.hugetlb"))
		return;
	if (setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1) == 0)
		(void)execv("/proc/self/exe", argv);
}

static int run(const char *name, const struct bench_options *options)
{
	bool all = strcmp(name, "all") == 0, good = true, known = all;
	struct bench b;

	for (const struct command *c = commands; c->name; c++)
		known = known || strcmp(name, c->name) == 0;
	if (!known)
		return wrong_usage("there is no such command");
	if (options->rounds && !rounds_fit(options->rounds))
		return wrong_usage("--rounds takes a number from 1 to 15");
	bench_init(&b, options);
	for (const struct command *c = commands; c->name; c++)
		if (all ? c->part == ALL || (c->part == FULL && options->full) :
			  strcmp(name, c->name) == 0)
			c->run(&b);
	bench_progress_end(&b);
	good = bench_print(&b);
	if (options->svg)
		good &= bench_plot(&b, options->svg);
	good &= fflush(stdout) == 0 && !b.wrong;
	bench_done(&b);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct bench_options options = { 0 };
	char error[OPTIONS_ERROR_SIZE];
	int n;

	with_huge_pages(argv);
	if (argc > 2 && strcmp(argv[1], "generate") == 0)
		return generate(argc - 2, argv + 2);
	n = options_parse(rows, argc - 1, argv + 1, &options, error);
	if (n < 0)
		return wrong_usage(error);
	if (options.help) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	if (n > 1)
		return wrong_usage("one command at a time");
	return run(n ? argv[1] : "all", &options);
}
