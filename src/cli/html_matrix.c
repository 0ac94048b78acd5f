/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_matrix.c - who talks to what: clients and servers down, services across */
#include <stdlib.h>
#include <string.h>

#include "html_parts.h"

#define COLUMNS_MAX 14
#define LINES_MAX 40

/* A client of a server; all clients of a server (no client); or, in the last line, the rest */
struct talker {
	struct html_pair pair;
	uint64_t count, refused;
	size_t clients; /* of a server, of which this is the first */
	struct rpcgate_addr client;
	size_t line;
};

struct service {
	struct {
		struct rpcgate_uuid uuid;
		uint16_t major;
	} key;
	uint64_t count;
	size_t column;
};

#define SERVICE_KEY (16 + 2)

struct cell {
	uint64_t allowed, refused;
	size_t allowed_bind, refused_bind; /* numbers of the first */
};

struct matrix {
	struct html_page *page;
	struct rows talkers;
	struct rows services;
	size_t n_lines, n_columns;
	bool by_server; /* there are too many pairs for a line each */
	size_t n_pairs; /* if by_server */
	struct talker *line[LINES_MAX];
	struct service *column[COLUMNS_MAX];
	size_t other_lines, other_columns;
	struct cell cell[LINES_MAX + 1][COLUMNS_MAX + 1];
};

static int talker_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct html_pair));
}

static int service_order(const void *a, const void *b)
{
	return memcmp(a, b, SERVICE_KEY);
}

/* The mapper is asked by everybody: that says nothing of who uses what */
static bool is_shown(const struct html_bind *bind)
{
	return bind->key.reason != RPCGATE_REASON_MAPPER;
}

static struct talker *talker_of(struct matrix *m, const struct html_bind *bind)
{
	struct talker probe = { 0 };

	if (!m->by_server)
		probe.pair.client = bind->key.client;
	probe.pair.server = bind->key.server;
	return rows_get(&m->talkers, &probe);
}

static struct service *service_of(struct matrix *m, const struct html_bind *bind)
{
	struct service probe;

	memset(&probe, 0, sizeof(probe));
	probe.key.uuid = bind->key.interface.uuid;
	probe.key.major = bind->key.interface.major;
	return rows_get(&m->services, &probe);
}

static void gather(struct matrix *m)
{
	const struct rows *binds = &m->page->html->binds;

	m->talkers =
		(struct rows){ .size = sizeof(struct talker), .key = sizeof(struct html_pair) };
	m->services = (struct rows){ .size = sizeof(struct service), .key = SERVICE_KEY };
	for (size_t i = 0; i < binds->n; i++) {
		const struct html_bind *bind = binds->all[i];
		struct talker *talker;
		struct service *service;

		if (!is_shown(bind))
			continue;
		talker = talker_of(m, bind);
		service = service_of(m, bind);
		if (talker) {
			talker->count += bind->count;
			talker->refused += bind->key.verdict == RPCGATE_DENY ? bind->count : 0;
		}
		if (service)
			service->count += bind->count;
	}
}

static int most_first(const void *left, const void *right)
{
	const struct talker *a = *(const struct talker *const *)left;
	const struct talker *b = *(const struct talker *const *)right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	if (a->refused != b->refused)
		return a->refused > b->refused ? -1 : 1;
	return talker_order(a, b);
}

static int by_server(const void *left, const void *right)
{
	const struct talker *a = *(const struct talker *const *)left;
	const struct talker *b = *(const struct talker *const *)right;
	int order = memcmp(&a->pair.server, &b->pair.server, sizeof(a->pair.server));

	return order ? order : talker_order(a, b);
}

static int most_used_first(const void *left, const void *right)
{
	const struct service *a = *(const struct service *const *)left;
	const struct service *b = *(const struct service *const *)right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return service_order(a, b);
}

/* Pairs become servers, each with the number of its clients */
static void join_clients(struct matrix *m)
{
	struct rows pairs = m->talkers;
	struct rows *servers = &m->talkers;

	*servers = (struct rows){ .size = sizeof(struct talker), .key = sizeof(struct html_pair) };
	m->by_server = true;
	for (size_t i = 0; i < pairs.n; i++) {
		const struct talker *pair = pairs.all[i];
		struct talker probe = { .pair.server = pair->pair.server };
		struct talker *server = rows_get(servers, &probe);

		if (!server)
			continue;
		server->count += pair->count;
		server->refused += pair->refused;
		if (!server->clients++)
			server->client = pair->pair.client;
	}
	m->n_pairs = pairs.n;
	rows_free(&pairs);
}

static void choose(struct matrix *m)
{
	if (m->talkers.n > LINES_MAX)
		join_clients(m);
	m->n_lines = m->talkers.n < LINES_MAX ? m->talkers.n : LINES_MAX;
	m->n_columns = m->services.n < COLUMNS_MAX ? m->services.n : COLUMNS_MAX;
	m->other_lines = m->talkers.n - m->n_lines;
	m->other_columns = m->services.n - m->n_columns;
	rows_sort(&m->talkers, most_first);
	rows_sort(&m->services, most_used_first);
	if (m->n_lines)
		qsort(m->talkers.all, m->n_lines, sizeof(*m->talkers.all), by_server);
	for (size_t i = 0; i < m->talkers.n; i++) {
		struct talker *talker = m->talkers.all[i];

		talker->line = i < m->n_lines ? i : LINES_MAX;
		if (i < m->n_lines)
			m->line[i] = talker;
	}
	for (size_t i = 0; i < m->services.n; i++) {
		struct service *service = m->services.all[i];

		service->column = i < m->n_columns ? i : COLUMNS_MAX;
		if (i < m->n_columns)
			m->column[i] = service;
	}
}

static void fill(struct matrix *m)
{
	const struct rows *binds = &m->page->html->binds;

	for (size_t i = 0; i < binds->n; i++) {
		const struct html_bind *bind = binds->all[i];
		const struct talker *talker;
		const struct service *service;
		struct cell *cell;

		if (!is_shown(bind))
			continue;
		talker = talker_of(m, bind);
		service = service_of(m, bind);
		if (!talker || !service)
			continue;
		cell = &m->cell[talker->line][service->column];
		if (bind->key.verdict == RPCGATE_DENY) {
			cell->refused += bind->count;
			if (!cell->refused_bind)
				cell->refused_bind = bind->number;
		} else {
			cell->allowed += bind->count;
			if (!cell->allowed_bind)
				cell->allowed_bind = bind->number;
		}
	}
}

/* ------------------------------------------------------------------------- writing */

static void write_head(const struct matrix *m)
{
	FILE *out = m->page->out;

	fputs("<thead><tr><th scope=col>Client &rarr; server</th>", out);
	for (size_t i = 0; i < m->n_columns; i++) {
		const struct rpcgate_syntax id = { m->column[i]->key.uuid, m->column[i]->key.major,
						   0 };
		const struct rpcgate_interface *known = rpcgate_interface_find(&id);
		char uuid[RPCGATE_UUID_TEXT];

		fputs("<th scope=col class=up><span>", out);
		html_text(out, known ? known->name : rpcgate_uuid_format(&id.uuid, uuid));
		if (known && *known->service) {
			fputs(" <i>", out);
			html_text(out, known->service);
			fputs("</i>", out);
		}
		fputs("</span></th>", out);
	}
	if (m->other_columns) {
		fputs("<th scope=col class=up><span>", out);
		html_count(out, m->other_columns, "other", "others");
		fputs("</span></th>", out);
	}
	fputs("</tr></thead>\n", out);
}

static void write_number(FILE *out, uint64_t n, size_t bind, const char *class, const char *what)
{
	if (!n)
		return;
	if (bind)
		fprintf(out, "<a class=%s href=\"#b%zu\">", class, bind);
	else
		fprintf(out, "<span class=%s>", class);
	html_number(out, n);
	fprintf(out, "<span class=sr> %s</span>%s", what, bind ? "</a>" : "</span>");
}

static int heat(uint64_t n)
{
	int level = 1;

	for (; n >= 10 && level < 4; n /= 10)
		level++;
	return level;
}

static void write_cells(const struct matrix *m, size_t line)
{
	FILE *out = m->page->out;

	for (size_t i = 0; i < m->n_columns + (m->other_columns > 0); i++) {
		size_t column = i < m->n_columns ? i : COLUMNS_MAX;
		const struct cell *cell = &m->cell[line][column];

		if (!cell->allowed && !cell->refused) {
			fputs("<td></td>", out);
			continue;
		}
		if (cell->allowed)
			fprintf(out, "<td class=h%d>", heat(cell->allowed));
		else
			fputs("<td class=r>", out);
		write_number(out, cell->allowed, cell->allowed_bind, "ok", "allowed");
		write_number(out, cell->refused, cell->refused_bind, "no", "refused");
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

static void write_lines(const struct matrix *m)
{
	FILE *out = m->page->out;

	fputs("<tbody>", out);
	for (size_t i = 0; i < m->n_lines; i++) {
		const struct html_pair *pair = &m->line[i]->pair;

		fputs("<tr><th scope=row>", out);
		if (m->line[i]->clients > 1)
			html_count(out, m->line[i]->clients, "client", "clients");
		else
			html_addr(out, m->by_server ? &m->line[i]->client : &pair->client);
		fputs(" &rarr; ", out);
		html_addr(out, &pair->server);
		fputs("</th>", out);
		write_cells(m, i);
	}
	if (m->other_lines) {
		fputs("<tr class=rest><th scope=row>", out);
		if (m->by_server)
			html_count(out, m->other_lines, "other server", "other servers");
		else
			html_count(out, m->other_lines, "other pair", "other pairs");
		fputs("</th>", out);
		write_cells(m, LINES_MAX);
	}
	fputs("</tbody>", out);
}

void html_write_matrix(struct html_page *page)
{
	struct matrix *m = calloc(1, sizeof(*m));
	FILE *out = page->out;

	html_heading(out, "matrix", "Who talks to what");
	if (!m) {
		page->failed = true;
		return;
	}
	m->page = page;
	gather(m);
	choose(m);
	fill(m);
	if (!m->talkers.n) {
		fputs("<p>Nobody bound anything but the mapper.</p>\n", out);
	} else {
		fputs("<p>Interfaces asked for, by client and server; <span class=ok>allowed</span> "
		      "and <span class=no>refused</span>. Questions to the mapper are not "
		      "counted.",
		      out);
		if (m->by_server) {
			putc(' ', out);
			html_number(out, m->n_pairs);
			fputs(" pairs are too many for a line each: a line is a server.", out);
		}
		fputs("</p>\n<div class=wide tabindex=0 role=group "
		      "aria-label=\"Matrix of clients, servers and services\"><table class=matrix>\n",
		      out);
		write_head(m);
		write_lines(m);
		fputs("</table></div>\n", out);
	}
	rows_free(&m->talkers);
	rows_free(&m->services);
	free(m);
}
