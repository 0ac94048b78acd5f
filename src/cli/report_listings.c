/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_listings.c - bindings, pinholes, binds, alerts: a listing each */
#include <string.h>

#include "options.h"
#include "report_page.h"
#include "table.h"
#include "text.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* As short as it can be: milliseconds only where there is no date */
static const char *time_in(const struct page *page, uint64_t ns, char text[WORDS_TIME])
{
	if (page->times == OF_DAY)
		return words_moment(ns, "%H:%M:%S", text);
	words_moment(ns, page->times == OF_YEAR ? "%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M:%S", text);
	*strrchr(text, '.') = '\0';
	return text;
}

/* The name of a reason, to be explained below */
static const char *reason_text(struct page *page, unsigned int reason)
{
	if (reason < RPCGATE_REASON_COUNT)
		page->told[reason] = true;
	return rpcgate_reason_name((enum rpcgate_reason)reason);
}

static void heading(const struct page *page, const char *title, const char *says)
{
	fprintf(page->out, "\n%s: %s\n", title, says);
}

static void more_rows(const struct page *page, size_t n, size_t lost)
{
	char text[WORDS_NUMBER];

	if (n > page->listed)
		fprintf(page->out, "  ... and %s more (--all shows them, --json has everything)\n",
			words_number(n - page->listed, text));
	if (lost)
		fprintf(page->out,
			"  %s more were counted but not kept: a report has at most %d rows\n",
			words_number(lost, text), ROWS_MAX);
}

/* What the names of reasons above mean */
static void print_legend(struct page *page)
{
	size_t width = 0;

	for (size_t i = 0; i < RPCGATE_REASON_COUNT; i++) {
		size_t n = strlen(rpcgate_reason_name((enum rpcgate_reason)i));

		if (page->told[i] && n > width)
			width = n;
	}
	for (size_t i = 0; i < RPCGATE_REASON_COUNT; i++) {
		if (!page->told[i])
			continue;
		fprintf(page->out, "    %-*s  ", (int)width,
			rpcgate_reason_name((enum rpcgate_reason)i));
		options_wrap(page->out, rpcgate_reason_text((enum rpcgate_reason)i), width + 6,
			     page->width);
	}
}

/* One listing: its columns, and how one row fills them */
struct listing {
	const char *title;
	const char *says;
	const struct table_column *columns;
	size_t n_columns;
	int (*order)(const void *a, const void *b);
	void (*fill)(struct page *page, struct table *table, const void *row);
};

static void print_listing(struct page *page, const struct listing *listing, struct rows *rows)
{
	struct table *table;

	if (!rows->n)
		return;
	rows_sort_first(rows, page->listed, listing->order);
	heading(page, listing->title, listing->says);
	memset(page->told, 0, sizeof(page->told));
	table = table_new(listing->columns, listing->n_columns);
	for (size_t i = 0; table && i < rows->n && i < page->listed; i++)
		listing->fill(page, table, rows->all[i]);
	if (!table || !table_print(table, page->out, page->width))
		page->failed = true;
	table_free(table);
	more_rows(page, rows->n, rows->lost);
	print_legend(page);
}

/* Granted ones first, then by server, port and interface: qsort() hands out pointers to pointers */
static int bindings_order(const void *left, const void *right)
{
	const struct binding_row *a = *(const struct binding_row *const *)left;
	const struct binding_row *b = *(const struct binding_row *const *)right;
	int order = (int)b->key.accepted - (int)a->key.accepted;

	if (!order)
		order = memcmp(&a->key.server, &b->key.server, sizeof(a->key.server));
	if (!order)
		order = (int)a->key.port - (int)b->key.port;
	return order ? order : binding_key_order(a, b);
}

static void fill_binding(struct page *page, struct table *table, const void *data)
{
	static const char *const sources[] = {
		[RPCGATE_EPT_MAP] = "ept_map",
		[RPCGATE_EPT_LOOKUP] = "ept_lookup",
		[RPCGATE_OXID] = "oxid",
		[RPCGATE_ACTIVATION] = "activation",
	};
	const struct binding_row *row = data;
	const struct binding_key *key = &row->key;
	bool any = key->any_interface && words_uuid_is_nil(&key->interface.uuid);
	char server[WORDS_ENDPOINT];
	char interface[WORDS_INTERFACE];
	char first[WORDS_TIME];
	char last[WORDS_TIME];
	char clients[WORDS_NUMBER];

	table_cell(table, "%s", words_endpoint(&key->server, key->port, server));
	table_cell(table, "%s",
		   any ? "any DCOM object" : words_interface(&key->interface, interface));
	table_cell(table, "%s", key->source < COUNT(sources) ? sources[key->source] : "");
	table_cell(table, "%s", words_number(row->clients, clients));
	time_in(page, row->first_ns, first);
	time_in(page, row->last_ns, last);
	table_cell(table, "%s", first);
	table_cell(table, "%s", strcmp(first, last) != 0 ? last : "");
	table_cell(table, "%s",
		   key->protseq == RPCGATE_NCACN_HTTP   ? "http" :
		   key->protseq == RPCGATE_NCADG_IP_UDP ? "udp" :
							  "");
	table_cell(table, "%s", key->accepted ? "granted" : reason_text(page, key->reason));
}

/* clang-format off */
static const struct table_column binding_columns[] = {
	{ "server", false, TABLE_FIXED, 0 },
	{ "interface", false, TABLE_FLEXIBLE, 0 },
	{ "source", false, TABLE_FIXED, 2 },
	{ "clients", true, TABLE_FIXED, 0 },
	{ "first", false, TABLE_FIXED, 3 },
	{ "last", false, TABLE_FIXED, 4 },
	{ "via", false, TABLE_FIXED, 1 },
	{ "what became of it", false, TABLE_STIFF, 0 },
};
/* clang-format on */
static const struct listing bindings_listing = {
	"Bindings",      "what servers announced",
	binding_columns, COUNT(binding_columns),
	bindings_order,  fill_binding,
};

static int pinholes_order(const void *left, const void *right)
{
	const struct pinhole_row *a = *(const struct pinhole_row *const *)left;
	const struct pinhole_row *b = *(const struct pinhole_row *const *)right;

	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return pinhole_key_order(a, b);
}

static const char *pinhole_end(struct page *page, const struct pinhole_row *row, char text[64])
{
	static const char *const how[] = {
		[RPCGATE_PINHOLE_OPEN] = "open at the end",
		[RPCGATE_PINHOLE_REFRESH] = "open at the end",
		[RPCGATE_PINHOLE_USE] = "open at the end",
		[RPCGATE_PINHOLE_EXPIRE] = "ran out",
		[RPCGATE_PINHOLE_CLOSE] = "closed",
		[RPCGATE_PINHOLE_EVICT] = "evicted",
		[RPCGATE_PINHOLE_REFUSE] = "not opened",
	};
	bool explained = row->last > RPCGATE_PINHOLE_EXPIRE && row->reason != RPCGATE_REASON_NONE;

	snprintf(text, 64, "%s%s%s", (size_t)row->last < COUNT(how) ? how[row->last] : "",
		 explained ? ": " : "", explained ? reason_text(page, row->reason) : "");
	return text;
}

static void fill_pinhole(struct page *page, struct table *table, const void *data)
{
	const struct pinhole_row *row = data;
	uint64_t life_ns = row->life_ns + pinhole_lasted(row, page->input->last_ns);
	char client[RPCGATE_ADDR_TEXT];
	char server[WORDS_ENDPOINT];
	char interface[WORDS_INTERFACE];
	char opened[WORDS_TIME];
	char life[WORDS_TIME];
	char end_text[64];
	char times[WORDS_NUMBER];
	char uses[WORDS_NUMBER];

	table_cell(table, "%s", rpcgate_addr_format(&row->key.client, client));
	table_cell(table, "%s", words_endpoint(&row->key.server, row->key.port, server));
	table_cell(table, "%s",
		   words_uuid_is_nil(&row->key.interface.uuid) ?
			   "any DCOM object" :
			   words_interface(&row->key.interface, interface));
	table_cell(table, "%s", row->opened ? time_in(page, row->first_ns, opened) : "");
	table_cell(table, "%s", row->opened > 1 ? words_number(row->opened, times) : "");
	table_cell(table, "%s", row->opened ? words_duration(life_ns, life) : "");
	table_cell(table, "%s", words_number(row->used, uses));
	table_cell(table, "%s", pinhole_end(page, row, end_text));
}

/* clang-format off */
static const struct table_column pinhole_columns[] = {
	{ "client", false, TABLE_FIXED, 0 },
	{ "server", false, TABLE_FIXED, 0 },
	{ "interface", false, TABLE_FLEXIBLE, 0 },
	{ "opened", false, TABLE_FIXED, 3 },
	{ "times", true, TABLE_FIXED, 1 },
	{ "life", true, TABLE_FIXED, 2 },
	{ "uses", true, TABLE_FIXED, 0 },
	{ "how it ended", false, TABLE_STIFF, 0 },
};
/* clang-format on */
static const struct listing pinholes_listing = {
	"Pinholes",      "what was open to whom",
	pinhole_columns, COUNT(pinhole_columns),
	pinholes_order,  fill_pinhole,
};

/* What was refused first, then as it happened */
static int binds_order(const void *left, const void *right)
{
	const struct bind_row *a = *(const struct bind_row *const *)left;
	const struct bind_row *b = *(const struct bind_row *const *)right;

	if (a->key.severity != b->key.severity)
		return a->key.severity < b->key.severity ? -1 : 1;
	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return bind_key_order(a, b);
}

static void fill_bind(struct page *page, struct table *table, const void *data)
{
	static const char *const verdicts[] = { "deny", "log", "allow" };
	static const char *const pdus[] = {
		[RPCGATE_PDU_BIND] = "bind",
		[RPCGATE_PDU_ALTER_CONTEXT] = "alter",
		[RPCGATE_PDU_REQUEST] = "udp",
	};
	const struct bind_row *row = data;
	char client[RPCGATE_ADDR_TEXT];
	char server[WORDS_ENDPOINT];
	char interface[WORDS_INTERFACE];
	char youngest[WORDS_TIME];
	char oldest[WORDS_TIME];
	char count[WORDS_NUMBER];

	words_duration(row->youngest_ns, youngest);
	words_duration(row->oldest_ns, oldest);
	table_cell(table, "%s", rpcgate_addr_format(&row->key.client, client));
	table_cell(table, "%s", words_endpoint(&row->key.server, row->key.port, server));
	table_cell(table, "%s", pdus[row->key.pdu]);
	table_cell(table, "%s", words_interface(&row->key.interface, interface));
	table_cell(table, "%s", verdicts[row->key.severity]);
	table_cell(table, "%s", row->has_age ? youngest : "");
	table_cell(table, "%s", row->has_age && strcmp(youngest, oldest) != 0 ? oldest : "");
	table_cell(table, "%s", row->count > 1 ? words_number(row->count, count) : "");
	table_cell(table, "%s", reason_text(page, row->key.reason));
}

/* clang-format off */
static const struct table_column bind_columns[] = {
	{ "client", false, TABLE_FIXED, 0 },
	{ "server", false, TABLE_FIXED, 0 },
	{ "pdu", false, TABLE_FIXED, 1 },
	{ "interface", false, TABLE_FLEXIBLE, 0 },
	{ "verdict", false, TABLE_FIXED, 0 },
	{ "age", true, TABLE_FIXED, 2 },
	{ "to", true, TABLE_FIXED, 3 },
	{ "times", true, TABLE_FIXED, 0 },
	{ "reason", false, TABLE_STIFF, 0 },
};
/* clang-format on */
static const struct listing binds_listing = {
	"Binds",   "what clients asked for", bind_columns, COUNT(bind_columns), binds_order,
	fill_bind,
};

static int pipes_order(const void *left, const void *right)
{
	const struct pipe_row *a = *(const struct pipe_row *const *)left;
	const struct pipe_row *b = *(const struct pipe_row *const *)right;

	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return pipe_key_order(a, b);
}

static void fill_pipe(struct page *page, struct table *table, const void *data)
{
	const struct pipe_row *row = data;
	char pipe[RPCGATE_ENDPOINT_MAX + 1] = "";
	char shown[2 * RPCGATE_ENDPOINT_MAX];
	char client[RPCGATE_ADDR_TEXT];
	char server[WORDS_ENDPOINT];
	char interface[WORDS_INTERFACE];
	char first[WORDS_TIME];
	char count[WORDS_NUMBER];

	memcpy(pipe, row->key.pipe, RPCGATE_ENDPOINT_MAX);
	table_cell(table, "%s", rpcgate_addr_format(&row->key.client, client));
	table_cell(table, "%s", words_endpoint(&row->key.server, row->key.port, server));
	table_cell(table, "%s", words_interface(&row->key.interface, interface));
	text_show(pipe, shown, sizeof(shown));
	table_cell(table, "%s", shown);
	table_cell(table, "%s", time_in(page, row->first_ns, first));
	table_cell(table, "%s", row->count > 1 ? words_number(row->count, count) : "");
}

/* clang-format off */
static const struct table_column pipe_columns[] = {
	{ "client", false, TABLE_FIXED, 0 },
	{ "server", false, TABLE_FIXED, 0 },
	{ "interface", false, TABLE_FLEXIBLE, 0 },
	{ "pipe", false, TABLE_STIFF, 0 },
	{ "first", false, TABLE_FIXED, 1 },
	{ "times", true, TABLE_FIXED, 0 },
};
/* clang-format on */
static const struct listing pipes_listing = {
	"RPC inside SMB pipes", "not judged", pipe_columns,
	COUNT(pipe_columns),    pipes_order,  fill_pipe,
};

static int alerts_order(const void *left, const void *right)
{
	const struct alert_row *a = *(const struct alert_row *const *)left;
	const struct alert_row *b = *(const struct alert_row *const *)right;

	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return alert_key_order(a, b);
}

static void fill_alert(struct page *page, struct table *table, const void *data)
{
	const struct alert_row *row = data;
	char client[RPCGATE_ADDR_TEXT];
	char server[WORDS_ENDPOINT];
	char interface[WORDS_INTERFACE];
	char first[WORDS_TIME];
	char count[WORDS_NUMBER];

	table_cell(table, "%s", rpcgate_addr_format(&row->key.client, client));
	table_cell(table, "%s", words_endpoint(&row->key.server, row->key.port, server));
	table_cell(table, "%s",
		   words_uuid_is_nil(&row->key.interface.uuid) ?
			   "" :
			   words_interface(&row->key.interface, interface));
	table_cell(table, "%s", time_in(page, row->first_ns, first));
	table_cell(table, "%s", row->count > 1 ? words_number(row->count, count) : "");
	table_cell(table, "%s", reason_text(page, row->key.reason));
}

/* clang-format off */
static const struct table_column alert_columns[] = {
	{ "client", false, TABLE_FIXED, 0 },
	{ "server", false, TABLE_FIXED, 0 },
	{ "interface", false, TABLE_FLEXIBLE, 0 },
	{ "first", false, TABLE_FIXED, 1 },
	{ "times", true, TABLE_FIXED, 0 },
	{ "reason", false, TABLE_STIFF, 0 },
};
/* clang-format on */
static const struct listing alerts_listing = {
	"Alerts",   "what else was wrong", alert_columns, COUNT(alert_columns), alerts_order,
	fill_alert,
};

void report_print_listings(struct page *page)
{
	print_listing(page, &bindings_listing, &page->report->bindings);
	print_listing(page, &pinholes_listing, &page->report->pinholes);
	print_listing(page, &binds_listing, &page->report->binds);
	print_listing(page, &pipes_listing, &page->report->pipes);
	print_listing(page, &alerts_listing, &page->report->alerts);
}
