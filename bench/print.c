/* SPDX-License-Identifier: GPL-3.0-or-later */
/* print.c - figures for people, and as lines of JSON */
#include "bench.h"
#include "table.h"

#include <jansson.h>
#include <rpcgate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE_IN_FILE 150U

struct machine {
	char cpu[128];
	char kernel[160];
	char huge[64];
	long cpus;
	double memory_gib;
};

/* The value of the first line that begins with @name, or the whole first line */
static void line_of(const char *path, const char *name, char *text, size_t size)
{
	char line[512];
	FILE *f = fopen(path, "r");

	snprintf(text, size, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		char *value = name ? strchr(line, ':') : line;

		if (name && (strncmp(line, name, strlen(name)) != 0 || !value))
			continue;
		value += name != NULL;
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
		snprintf(text, size, "%.*s", (int)size - 1, value);
		break;
	}
	if (f)
		(void)fclose(f);
}

static struct machine look_at_machine(void)
{
	struct machine m;
	struct utsname name;

	line_of("/proc/cpuinfo", "model name", m.cpu, sizeof(m.cpu));
	line_of("/sys/kernel/mm/transparent_hugepage/enabled", NULL, m.huge, sizeof(m.huge));
	m.cpus = sysconf(_SC_NPROCESSORS_ONLN);
	m.memory_gib = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
	if (uname(&name) < 0)
		snprintf(m.kernel, sizeof(m.kernel), "unknown");
	else
		snprintf(m.kernel, sizeof(m.kernel), "%s %s", name.sysname, name.release);
	return m;
}

static const char *goal_sign(const struct figure *f)
{
	return f->goal.kind == GOAL_AT_MOST ? "<=" : ">=";
}

bool bench_reached(const struct figure *f)
{
	return f->goal.kind == GOAL_AT_MOST ? f->median <= f->goal.value :
					      f->median >= f->goal.value;
}

/* Sizes short, ranks with their decimals */
static void show_x(char text[32], double x)
{
	if (x == 0)
		text[0] = '\0';
	else
		snprintf(text, 32, "%.7g", x);
}

static bool print_table(const struct bench *b)
{
	static const struct table_column columns[] = {
		{ "topic", false, TABLE_FIXED, 0 }, { "what", false, TABLE_FLEXIBLE, 0 },
		{ "at", true, TABLE_FIXED, 0 },     { "median", true, TABLE_FIXED, 0 },
		{ "low", true, TABLE_FIXED, 2 },    { "high", true, TABLE_FIXED, 2 },
		{ "unit", false, TABLE_FIXED, 0 },  { "goal", false, TABLE_FIXED, 1 },
	};
	struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	size_t width;
	bool good;

	for (size_t i = 0; table && i < b->n; i++) {
		const struct figure *f = &b->figures[i];
		char x[32];

		show_x(x, f->x);
		table_cell(table, "%s", i && f->topic == b->figures[i - 1].topic ? "" : f->topic);
		table_cell(table, "%s", f->series);
		table_cell(table, "%s", x);
		table_cell(table, "%.4g", f->median);
		table_cell(table, "%.4g", f->low);
		table_cell(table, "%.4g", f->high);
		table_cell(table, "%s", f->unit);
		if (f->goal.kind == GOAL_NONE)
			table_cell(table, "%s", "");
		else
			table_cell(table, "%s %.4g %s", goal_sign(f), f->goal.value,
				   bench_reached(f) ? "reached" : "MISSED");
	}
	width = table_page_width(stdout);
	if (!isatty(STDOUT_FILENO) && width < PAGE_IN_FILE)
		width = PAGE_IN_FILE; /* nothing is left out */
	good = table && table_print(table, stdout, width);
	table_free(table);
	return good;
}

static bool dump(json_t *object)
{
	bool good = object && json_dumpf(object, stdout, JSON_COMPACT) == 0 && putchar('\n') >= 0;

	json_decref(object);
	return good;
}

static bool print_json(const struct bench *b, const struct machine *m)
{
	bool good =
		dump(json_pack("{s:s,s:s,s:s,s:i,s:f,s:s,s:s,s:i,s:b}", "type", "machine", "cpu",
			       m->cpu, "kernel", m->kernel, "cpus", (int)m->cpus, "memory_gib",
			       m->memory_gib, "huge_pages", m->huge, "version", RPCGATE_VERSION,
			       "rounds", (int)b->rounds, "full", (int)b->options.full));

	for (size_t i = 0; i < b->n; i++) {
		const struct figure *f = &b->figures[i];
		json_t *object = json_pack("{s:s,s:s,s:s,s:f,s:f,s:f,s:f,s:s}", "type", "figure",
					   "topic", f->topic, "what", f->series, "at", f->x,
					   "median", f->median, "low", f->low, "high", f->high,
					   "unit", f->unit);

		if (f->goal.kind != GOAL_NONE)
			good &= object &&
				json_object_set_new(object, "goal", json_real(f->goal.value)) ==
					0 &&
				json_object_set_new(object, "reached",
						    json_boolean(bench_reached(f))) == 0;
		good &= dump(object);
	}
	return good && dump(json_pack("{s:s,s:i}", "type", "end", "wrong", (int)b->wrong));
}

bool bench_print(const struct bench *b)
{
	struct machine m = look_at_machine();

	if (b->options.json)
		return print_json(b, &m);
	printf("rpcgate-bench %s: %s, %ld processors, %.1f GiB, %s, huge pages %s\n"
	       "median of %u rounds, lowest and highest beside it\n\n",
	       RPCGATE_VERSION, m.cpu, m.cpus, m.memory_gib, m.kernel, m.huge, b->rounds);
	if (!print_table(b))
		return false;
	bench_print_goals(b);
	return true;
}
