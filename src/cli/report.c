/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "options.h"
#include "report.h"
#include "rows.h"
#include "table.h"
#include "text.h"

#define LISTED_MAX 40 /* rows of a listing, unless all are asked for */
#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define LABEL_MAX 32
#define ENDPOINT_TEXT (RPCGATE_ADDR_TEXT + 8) /* [address]:port */
#define TIME_TEXT 32
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------ the rows
 * Each begins with its key: members without gaps, the rest of the row zero when looked up.
 */

struct binding_key {
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint8_t source;
	uint8_t protseq;
	uint8_t accepted;
	uint8_t any_interface;
	uint16_t reason;
};

struct binding_row {
	struct binding_key key;
	uint64_t first_ns, last_ns;
	uint64_t clients;
};

struct client_key { /* which client heard of which binding */
	struct binding_key binding;
	struct rpcgate_addr client;
};

struct pinhole_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
};

struct pinhole_row {
	struct pinhole_key key;
	uint64_t opened, used;
	uint64_t first_ns;
	uint64_t open_ns; /* since when it is open; 0 while it is not */
	uint64_t life_ns; /* of all former times together */
	enum rpcgate_pinhole_action last;
	enum rpcgate_reason reason;
};

struct bind_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint16_t reason;
	uint8_t pdu;
	uint8_t severity; /* denied first: 0 deny, 1 log, 2 allow */
};

struct bind_row {
	struct bind_key key;
	uint64_t count;
	uint64_t first_ns;
	uint64_t youngest_ns, oldest_ns;
	bool has_age;
};

struct alert_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint16_t reason;
};

struct alert_row {
	struct alert_key key;
	uint64_t count;
	uint64_t first_ns;
};

struct label_row {
	char name[LABEL_MAX];
	uint64_t count;
};

struct report {
	struct rows bindings, clients, pinholes, binds, alerts, labels;
	uint64_t alert_reasons[RPCGATE_REASON_COUNT];
	uint64_t bind_reasons[RPCGATE_REASON_COUNT];
	uint64_t binding_reasons[RPCGATE_REASON_COUNT];
	uint64_t other_protseq[RPCGATE_PROTSEQ_OTHER + 1]; /* announced, but no TCP */
	uint64_t flow_reasons[RPCGATE_REASON_COUNT];
	uint64_t unnamed;
};

#define COMPARE_BY_KEY(name, type)                                                                 \
	static int name(const void *a, const void *b)                                              \
	{                                                                                          \
		return memcmp(a, b, sizeof(type));                                                 \
	}
COMPARE_BY_KEY(by_binding_key, struct binding_key)
COMPARE_BY_KEY(by_client_key, struct client_key)
COMPARE_BY_KEY(by_pinhole_key, struct pinhole_key)
COMPARE_BY_KEY(by_bind_key, struct bind_key)
COMPARE_BY_KEY(by_alert_key, struct alert_key)
#undef COMPARE_BY_KEY

/* A hole in a key would be compared, and hold anything. */
_Static_assert(sizeof(struct binding_key) == 16 + 20 + 2 + 4 + 2, "hole in a key");
_Static_assert(sizeof(struct client_key) == sizeof(struct binding_key) + 16, "hole in a key");
_Static_assert(sizeof(struct pinhole_key) == 16 + 16 + 20 + 2, "hole in a key");
_Static_assert(sizeof(struct bind_key) == 16 + 16 + 20 + 2 + 2 + 2, "hole in a key");
_Static_assert(sizeof(struct alert_key) == 16 + 16 + 20 + 2 + 2, "hole in a key");

static int by_name(const void *a, const void *b)
{
	return strncmp(a, b, LABEL_MAX);
}

struct report *report_new(void)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->bindings =
		(struct rows){ .size = sizeof(struct binding_row), .compare = by_binding_key };
	r->clients = (struct rows){ .size = sizeof(struct client_key), .compare = by_client_key };
	r->pinholes =
		(struct rows){ .size = sizeof(struct pinhole_row), .compare = by_pinhole_key };
	r->binds = (struct rows){ .size = sizeof(struct bind_row), .compare = by_bind_key };
	r->alerts = (struct rows){ .size = sizeof(struct alert_row), .compare = by_alert_key };
	r->labels = (struct rows){ .size = sizeof(struct label_row), .compare = by_name };
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	rows_free(&r->bindings);
	rows_free(&r->clients);
	rows_free(&r->pinholes);
	rows_free(&r->binds);
	rows_free(&r->alerts);
	rows_free(&r->labels);
	free(r);
}

static void count_reason(uint64_t *reasons, enum rpcgate_reason reason)
{
	if (reason < RPCGATE_REASON_COUNT)
		reasons[reason]++;
}

/* ------------------------------------------------------------- taking events */

static bool over_tcp(enum rpcgate_protseq protseq)
{
	return protseq == RPCGATE_NCACN_IP_TCP || protseq == RPCGATE_NCACN_HTTP;
}

static void take_binding(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_binding_event *b = &event->u.binding;
	struct binding_row probe = { 0 };
	struct client_key client = { 0 };
	struct binding_row *row;
	size_t known = r->clients.n;

	if (!b->accepted)
		count_reason(r->binding_reasons, b->reason);
	if (!over_tcp(b->protseq)) {
		r->other_protseq[b->protseq < RPCGATE_PROTSEQ_OTHER ? b->protseq :
								      RPCGATE_PROTSEQ_OTHER]++;
		return;
	}
	probe.key.server = b->server;
	probe.key.interface = b->interface;
	probe.key.port = b->port;
	probe.key.source = (uint8_t)b->source;
	probe.key.protseq = (uint8_t)b->protseq;
	probe.key.accepted = b->accepted;
	probe.key.any_interface = b->any_interface;
	probe.key.reason = (uint16_t)b->reason;
	row = rows_get(&r->bindings, &probe);
	if (!row)
		return;
	if (!row->first_ns || event->time_ns < row->first_ns)
		row->first_ns = event->time_ns;
	if (event->time_ns > row->last_ns)
		row->last_ns = event->time_ns;
	client.binding = probe.key;
	client.client = event->src;
	if (rows_get(&r->clients, &client) && r->clients.n > known)
		row->clients++;
}

/* How long a pinhole has been open without a break */
static uint64_t lasted(const struct pinhole_row *row, uint64_t now_ns)
{
	return row->open_ns && now_ns > row->open_ns ? now_ns - row->open_ns : 0;
}

static void take_pinhole(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	struct pinhole_row probe = { 0 };
	struct pinhole_row *row;

	probe.key.client = p->client;
	probe.key.server = p->server;
	probe.key.interface = p->interface;
	probe.key.port = p->port;
	row = rows_get(&r->pinholes, &probe);
	if (!row)
		return;
	if (!row->first_ns)
		row->first_ns = event->time_ns;
	if (p->action <= RPCGATE_PINHOLE_USE && !row->open_ns) {
		row->open_ns = event->time_ns;
		row->opened++;
	} else if (p->action > RPCGATE_PINHOLE_USE && p->action != RPCGATE_PINHOLE_REFUSE) {
		row->life_ns += lasted(row, event->time_ns);
		row->open_ns = 0;
	}
	row->used += p->action == RPCGATE_PINHOLE_USE;
	row->last = p->action;
	row->reason = p->reason;
}

static void take_bind(struct report *r, const struct rpcgate_event *event)
{
	static const uint8_t severity[] = {
		[RPCGATE_DENY] = 0,
		[RPCGATE_LOG] = 1,
		[RPCGATE_ALLOW] = 2,
	};
	const struct rpcgate_bind_event *b = &event->u.bind;
	struct bind_row probe = { 0 };
	struct bind_row *row;

	count_reason(r->bind_reasons, b->reason);
	probe.key.client = event->src;
	probe.key.server = event->dest;
	probe.key.interface = b->interface;
	probe.key.port = event->dest_port;
	probe.key.reason = (uint16_t)b->reason;
	probe.key.pdu = (uint8_t)b->pdu;
	probe.key.severity = severity[b->verdict];
	row = rows_get(&r->binds, &probe);
	if (!row)
		return;
	if (!row->count++)
		row->first_ns = event->time_ns;
	if (!b->has_age)
		return;
	if (!row->has_age || b->age_ns < row->youngest_ns)
		row->youngest_ns = b->age_ns;
	if (b->age_ns > row->oldest_ns)
		row->oldest_ns = b->age_ns;
	row->has_age = true;
}

/* What the listing of binds shows anyway is not shown a second time. */
static bool is_about_bind(const struct rpcgate_alert_event *a)
{
	return a->has_interface && (a->ptype == 11 || a->ptype == 14);
}

static void take_alert(struct report *r, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	struct alert_row probe = { 0 };
	struct alert_row *row;

	count_reason(r->alert_reasons, a->reason);
	if (is_about_bind(a))
		return;
	probe.key.client = event->src;
	probe.key.server = event->dest;
	if (a->has_interface)
		probe.key.interface = a->interface;
	probe.key.port = event->dest_port;
	probe.key.reason = (uint16_t)a->reason;
	row = rows_get(&r->alerts, &probe);
	if (row && !row->count++)
		row->first_ns = event->time_ns;
}

void report_event(struct report *r, const struct rpcgate_event *event)
{
	static void (*const take[])(struct report *, const struct rpcgate_event *) = {
		[RPCGATE_EVENT_BINDING] = take_binding,
		[RPCGATE_EVENT_PINHOLE] = take_pinhole,
		[RPCGATE_EVENT_BIND] = take_bind,
		[RPCGATE_EVENT_ALERT] = take_alert,
	};

	if ((size_t)event->type < COUNT(take) && take[event->type])
		take[event->type](r, event);
}

void report_label(struct report *r, const char *name)
{
	struct label_row probe = { 0 };
	struct label_row *row;

	if (!name) {
		r->unnamed++;
		return;
	}
	text_show(name, probe.name, sizeof(probe.name));
	row = rows_get(&r->labels, &probe);
	if (row)
		row->count++;
}

/* --------------------------------------------------------- values for people */

struct page {
	struct report *report;
	const struct report_input *input;
	FILE *out;
	size_t width;
	size_t listed;                          /* rows of a listing */
	enum { OF_DAY, OF_YEAR, OF_ALL } times; /* how much of the date tells times apart */
	bool failed;
	bool told[RPCGATE_REASON_COUNT]; /* reasons to be explained below the listing */
};

/* 1234567 as 1,234,567 */
static const char *number(uint64_t value, char text[32])
{
	char digits[32];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
	return text;
}

static const char *octets(uint64_t value, char text[32])
{
	static const char *const units[] = { "octets", "kB", "MB", "GB", "TB" };
	double scaled = (double)value;
	size_t unit = 0;

	while (scaled >= 999.95 && unit + 1 < COUNT(units)) {
		scaled /= 1000;
		unit++;
	}
	snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", scaled, units[unit]);
	return text;
}

static const char *duration(uint64_t ns, char text[TIME_TEXT])
{
	uint64_t s = ns / NS_PER_S;

	if (ns < NS_PER_MS)
		snprintf(text, TIME_TEXT, "%.2f ms", (double)ns / (double)NS_PER_MS);
	else if (s < 1)
		snprintf(text, TIME_TEXT, "%" PRIu64 " ms", ns / NS_PER_MS);
	else if (s < 60)
		snprintf(text, TIME_TEXT, "%.1f s", (double)(ns / NS_PER_MS) / 1000);
	else if (s < 3600)
		snprintf(text, TIME_TEXT, "%" PRIu64 "m %02" PRIu64 "s", s / 60, s % 60);
	else if (s < 2 * 86400)
		snprintf(text, TIME_TEXT, "%" PRIu64 "h %02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(text, TIME_TEXT, "%" PRIu64 " days", s / 86400);
	return text;
}

static const char *moment(uint64_t ns, const char *format, char text[TIME_TEXT])
{
	time_t s = (time_t)(ns / NS_PER_S);
	char date[TIME_TEXT - 5];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), format, &tm);
	snprintf(text, TIME_TEXT, "%s.%03u", date, (unsigned int)(ns % NS_PER_S / NS_PER_MS));
	return text;
}

/* As short as it can be: milliseconds only where there is no date */
static const char *time_in(const struct page *page, uint64_t ns, char text[TIME_TEXT])
{
	if (page->times == OF_DAY)
		return moment(ns, "%H:%M:%S", text);
	moment(ns, page->times == OF_YEAR ? "%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M:%S", text);
	*strrchr(text, '.') = '\0';
	return text;
}

static const char *addr_text(const struct rpcgate_addr *addr, char text[RPCGATE_ADDR_TEXT])
{
	return rpcgate_addr_format(addr, text);
}

static const char *endpoint(const struct rpcgate_addr *addr, uint16_t port,
			    char text[ENDPOINT_TEXT])
{
	bool ipv4 = rpcgate_addr_is_ipv4(addr);
	char ip[RPCGATE_ADDR_TEXT];

	snprintf(text, ENDPOINT_TEXT, "%s%s%s:%u", ipv4 ? "" : "[", addr_text(addr, ip),
		 ipv4 ? "" : "]", port);
	return text;
}

static bool is_nil(const struct rpcgate_uuid *uuid)
{
	static const struct rpcgate_uuid nil;

	return memcmp(uuid, &nil, sizeof(nil)) == 0;
}

/* The name everybody knows, or the UUID; with the version, which is part of what is asked for */
static const char *interface_text(const struct rpcgate_syntax *id, char text[128])
{
	const struct rpcgate_interface *known = rpcgate_interface_find(id);
	char uuid[RPCGATE_UUID_TEXT];

	snprintf(text, 128, "%s %u.%u", known ? known->name : rpcgate_uuid_format(&id->uuid, uuid),
		 id->major, id->minor);
	return text;
}

/* The name of a reason, to be explained below */
static const char *reason_text(struct page *page, unsigned int reason)
{
	if (reason < RPCGATE_REASON_COUNT)
		page->told[reason] = true;
	return rpcgate_reason_name((enum rpcgate_reason)reason);
}

/* -------------------------------------------------------------- the sections */

static void heading(const struct page *page, const char *title, const char *says)
{
	fprintf(page->out, "\n%s: %s\n", title, says);
}

static void more_rows(const struct page *page, size_t n, size_t lost)
{
	char text[32];

	if (n > page->listed)
		fprintf(page->out, "  ... and %s more (--all shows them, --json has everything)\n",
			number(n - page->listed, text));
	if (lost)
		fprintf(page->out,
			"  %s more were counted but not kept: a report has at most %d rows\n",
			number(lost, text), ROWS_MAX);
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
	rows_sort(rows, listing->order);
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
	return order ? order : by_binding_key(a, b);
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
	bool any = key->any_interface && is_nil(&key->interface.uuid);
	char server[ENDPOINT_TEXT];
	char interface[128];
	char first[TIME_TEXT];
	char last[TIME_TEXT];
	char clients[32];

	table_cell(table, "%s", endpoint(&key->server, key->port, server));
	table_cell(table, "%s",
		   any ? "any DCOM object" : interface_text(&key->interface, interface));
	table_cell(table, "%s", key->source < COUNT(sources) ? sources[key->source] : "");
	table_cell(table, "%s", number(row->clients, clients));
	time_in(page, row->first_ns, first);
	time_in(page, row->last_ns, last);
	table_cell(table, "%s", first);
	table_cell(table, "%s", strcmp(first, last) != 0 ? last : "");
	table_cell(table, "%s", key->protseq == RPCGATE_NCACN_HTTP ? "http" : "");
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
	return by_pinhole_key(a, b);
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
	uint64_t life_ns = row->life_ns + lasted(row, page->input->last_ns);
	char client[RPCGATE_ADDR_TEXT];
	char server[ENDPOINT_TEXT];
	char interface[128];
	char opened[TIME_TEXT];
	char life[TIME_TEXT];
	char end_text[64];
	char times[32];
	char uses[32];

	table_cell(table, "%s", addr_text(&row->key.client, client));
	table_cell(table, "%s", endpoint(&row->key.server, row->key.port, server));
	table_cell(table, "%s",
		   is_nil(&row->key.interface.uuid) ?
			   "any DCOM object" :
			   interface_text(&row->key.interface, interface));
	table_cell(table, "%s", row->opened ? time_in(page, row->first_ns, opened) : "");
	table_cell(table, "%s", row->opened > 1 ? number(row->opened, times) : "");
	table_cell(table, "%s", row->opened ? duration(life_ns, life) : "");
	table_cell(table, "%s", number(row->used, uses));
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
	return by_bind_key(a, b);
}

static void fill_bind(struct page *page, struct table *table, const void *data)
{
	static const char *const verdicts[] = { "deny", "log", "allow" };
	const struct bind_row *row = data;
	char client[RPCGATE_ADDR_TEXT];
	char server[ENDPOINT_TEXT];
	char interface[128];
	char youngest[TIME_TEXT];
	char oldest[TIME_TEXT];
	char count[32];

	duration(row->youngest_ns, youngest);
	duration(row->oldest_ns, oldest);
	table_cell(table, "%s", addr_text(&row->key.client, client));
	table_cell(table, "%s", endpoint(&row->key.server, row->key.port, server));
	table_cell(table, "%s", row->key.pdu == RPCGATE_PDU_BIND ? "bind" : "alter");
	table_cell(table, "%s", interface_text(&row->key.interface, interface));
	table_cell(table, "%s", verdicts[row->key.severity]);
	table_cell(table, "%s", row->has_age ? youngest : "");
	table_cell(table, "%s", row->has_age && strcmp(youngest, oldest) != 0 ? oldest : "");
	table_cell(table, "%s", row->count > 1 ? number(row->count, count) : "");
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

static int alerts_order(const void *left, const void *right)
{
	const struct alert_row *a = *(const struct alert_row *const *)left;
	const struct alert_row *b = *(const struct alert_row *const *)right;

	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return by_alert_key(a, b);
}

static void fill_alert(struct page *page, struct table *table, const void *data)
{
	const struct alert_row *row = data;
	char client[RPCGATE_ADDR_TEXT];
	char server[ENDPOINT_TEXT];
	char interface[128];
	char first[TIME_TEXT];
	char count[32];

	table_cell(table, "%s", addr_text(&row->key.client, client));
	table_cell(table, "%s", endpoint(&row->key.server, row->key.port, server));
	table_cell(table, "%s",
		   is_nil(&row->key.interface.uuid) ?
			   "" :
			   interface_text(&row->key.interface, interface));
	table_cell(table, "%s", time_in(page, row->first_ns, first));
	table_cell(table, "%s", row->count > 1 ? number(row->count, count) : "");
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

/* ---------------------------------------------------------------- the totals */

/* A value with what it consists of, as "3 (mapper 2, learned 1)" */
struct parts {
	char text[1024];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void add_part(struct parts *parts, const char *format,
							   ...)
{
	size_t room = sizeof(parts->text) - parts->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(parts->text + parts->used, room, format, args);
	va_end(args);
	if (n > 0)
		parts->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_reasons(struct parts *parts, const uint64_t *reasons)
{
	const char *before = " (";
	char text[32];

	for (size_t i = 0; i < RPCGATE_REASON_COUNT; i++) {
		if (!reasons[i])
			continue;
		add_part(parts, "%s%s %s", before, rpcgate_reason_name((enum rpcgate_reason)i),
			 number(reasons[i], text));
		before = ", ";
	}
	if (before[0] == ',')
		add_part(parts, ")");
}

/* One line of the totals; long ones go on below. */
static void total(const struct page *page, const char *what, const struct parts *parts)
{
	const size_t column = 26;

	fprintf(page->out, "  %-*s", (int)column - 2, what);
	options_wrap(page->out, parts->text, column, page->width);
}

static void total_connections(const struct page *page)
{
	const struct rpcgate_stats *s = &page->input->stats;
	struct parts parts = { 0 };
	char text[32];

	add_part(&parts, "%s TCP", number(s->flows, text));
	add_part(&parts, ", %s of them RPC", number(s->flows_rpc, text));
	total(page, "connections", &parts);
}

static void total_bindings(const struct page *page)
{
	const struct rpcgate_stats *s = &page->input->stats;
	struct parts parts = { 0 };
	char text[32];

	if (!s->bindings)
		return;
	add_part(&parts, "%s announced, ", number(s->bindings, text));
	add_part(&parts, "%s granted", number(s->bindings_accepted, text));
	if (s->bindings > s->bindings_accepted) {
		add_part(&parts, ", %s not", number(s->bindings - s->bindings_accepted, text));
		add_reasons(&parts, page->report->binding_reasons);
	}
	total(page, "endpoints", &parts);
}

static void total_other_transports(const struct page *page)
{
	const uint64_t *counts = page->report->other_protseq;
	struct parts parts = { 0 };
	char text[32];

	for (size_t i = 0; i <= RPCGATE_PROTSEQ_OTHER; i++)
		if (counts[i])
			add_part(&parts, "%s%s %s", parts.used ? ", " : "",
				 rpcgate_protseq_name((enum rpcgate_protseq)i),
				 number(counts[i], text));
	if (parts.used)
		total(page, "on other transports", &parts);
}

static void total_pinholes(const struct page *page)
{
	const struct rpcgate_stats *s = &page->input->stats;
	const struct {
		const char *what;
		uint64_t count;
	} counts[] = {
		{ "opened", s->pinholes_opened },
		{ "refreshed", s->pinholes_refreshed },
		{ "ran out", s->pinholes_expired },
		{ "not opened because of a limit", s->pinholes_refused },
	};
	struct parts parts = { 0 };
	char text[32];

	for (size_t i = 0; i < COUNT(counts); i++)
		if (counts[i].count)
			add_part(&parts, "%s%s %s", parts.used ? ", " : "",
				 number(counts[i].count, text), counts[i].what);
	if (parts.used)
		total(page, "pinholes", &parts);
}

static void total_binds(const struct page *page)
{
	const struct rpcgate_stats *s = &page->input->stats;
	struct parts parts = { 0 };
	char text[32];

	add_part(&parts, "%s allowed, ", number(s->binds_allowed, text));
	if (s->binds_logged)
		add_part(&parts, "%s allowed but logged, ", number(s->binds_logged, text));
	add_part(&parts, "%s denied", number(s->binds_denied, text));
	add_reasons(&parts, page->report->bind_reasons);
	total(page, "binds", &parts);
}

static void total_alerts(const struct page *page)
{
	struct parts parts = { 0 };
	uint64_t sum = 0;
	char text[32];

	for (size_t i = 0; i < RPCGATE_REASON_COUNT; i++)
		sum += page->report->alert_reasons[i];
	add_part(&parts, "%s", number(sum, text));
	add_reasons(&parts, page->report->alert_reasons);
	total(page, "alerts", &parts);
}

static int labels_order(const void *left, const void *right)
{
	const struct label_row *a = *(const struct label_row *const *)left;
	const struct label_row *b = *(const struct label_row *const *)right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return by_name(a, b);
}

static void total_labels(const struct page *page)
{
	struct rows *labels = &page->report->labels;
	uint64_t unnamed = page->report->unnamed + page->input->unnamed;
	struct parts parts = { 0 };
	char text[32];

	rows_sort(labels, labels_order);
	for (size_t i = 0; i < labels->n; i++) {
		const struct label_row *row = labels->all[i];

		add_part(&parts, "%s%s %s", parts.used ? ", " : "", row->name,
			 number(row->count, text));
	}
	if (unnamed)
		add_part(&parts, "%sunnamed %s", parts.used ? ", " : "", number(unnamed, text));
	if (parts.used)
		total(page, "not RPC, dynamic ports", &parts);
}

static void print_totals(const struct page *page)
{
	fputs("\nTotals\n", page->out);
	total_connections(page);
	total_bindings(page);
	total_other_transports(page);
	total_pinholes(page);
	total_binds(page);
	total_alerts(page);
	total_labels(page);
}

/* --------------------------------------------------------------- the quality */

/* Counters that tell how far the input can be trusted, worst first */
static const struct {
	size_t offset; /* in struct rpcgate_stats */
	const char *one, *many;
	const char *means;
} qualities[] = {
#define Q(member, one, many, means)                                                                \
	{                                                                                          \
		offsetof(struct rpcgate_stats, member), one, many, means                           \
	}
	Q(gaps, "hole", "holes",
	  "in inspected connections: packets are missing, what was in them is not judged"),
	Q(flows_midstream, "RPC connection", "RPC connections",
	  "began before the capture: what was announced or bound then is not known"),
	Q(checksum_bad, "packet", "packets",
	  "with a wrong checksum, not used; if the capturing host sent them, '--checksum ignore'"),
	Q(checksum_offload, "packet", "packets",
	  "taken although the checksum was left to the network card"),
	Q(packets_truncated, "packet", "packets",
	  "captured short (snap length): the missing octets are holes"),
	Q(stream_conflicts, "segment", "segments",
	  "sent again with different content: two tellings of the same octets"),
	Q(stubs_sealed, "mapper answer", "mapper answers",
	  "encrypted: nothing can be learned from them"),
	Q(packets_malformed, "packet", "packets", "with headers that contradict themselves"),
	Q(datagrams_dropped, "IP datagram", "IP datagrams",
	  "not joined: fragments missing or overlapping"),
	Q(pdus_malformed, "PDU", "PDUs", "malformed"),
	Q(answers_malformed, "mapper answer", "mapper answers", "malformed: nothing learned"),
	Q(flows_evicted, "connection", "connections",
	  "let go early because of the limit on connections"),
	Q(limits_reached, "time", "times", "a limit was reached"),
	Q(events_lost, "event", "events", "lost: too many at once"),
#undef Q
};

static void quality_line(const struct page *page, uint64_t count, const char *noun,
			 const char *means)
{
	char line[256];
	char text[32];

	snprintf(line, sizeof(line), "%s %s %s", number(count, text), noun, means);
	fputs("  ", page->out);
	options_wrap(page->out, line, 2, page->width);
}

static void print_quality(const struct page *page)
{
	const struct timeline_extent *extent = &page->input->extent;
	const char *stats = (const char *)&page->input->stats;
	bool any = false;

	fputs("\nQuality of the input\n", page->out);
	if (extent->faults) {
		quality_line(page, extent->faults, extent->faults == 1 ? "input" : "inputs",
			     "could not be read, or not to the end: see the messages");
		any = true;
	}
	for (size_t i = 0; i < COUNT(qualities); i++) {
		uint64_t count;

		memcpy(&count, stats + qualities[i].offset, sizeof(count));
		if (!count)
			continue;
		quality_line(page, count, count == 1 ? qualities[i].one : qualities[i].many,
			     qualities[i].means);
		any = true;
	}
	if (page->input->checksums_ignored) {
		fputs("  checksums were not verified, as asked for\n", page->out);
		any = true;
	}
	if (!any)
		fputs("  nothing to complain about\n", page->out);
}

/* ----------------------------------------------------------------- all of it */

static void print_header(const struct page *page)
{
	const struct report_input *in = page->input;
	char from[TIME_TEXT];
	char to[TIME_TEXT];
	char text[32];

	fprintf(page->out, "%s %s, ", number(in->extent.files, text),
		in->extent.files == 1 ? "file" : "files");
	fprintf(page->out, "%s %s, ", number(in->stats.packets, text),
		in->stats.packets == 1 ? "packet" : "packets");
	fprintf(page->out, "%s on the wire\n", octets(in->stats.octets, text));
	if (!in->stats.packets)
		return;
	fprintf(page->out, "%s to %s UTC", moment(in->first_ns, "%Y-%m-%d %H:%M:%S", from),
		moment(in->last_ns, page->times == OF_DAY ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", to));
	fprintf(page->out, " (%s)\n", duration(in->last_ns - in->first_ns, from));
}

bool report_print(struct report *report, const struct report_input *input, FILE *out, size_t width,
		  bool all)
{
	struct page page = {
		.report = report,
		.input = input,
		.out = out,
		.width = width,
		.listed = all ? SIZE_MAX : LISTED_MAX,
	};
	char from[TIME_TEXT];
	char to[TIME_TEXT];

	moment(input->first_ns, "%Y-", from);
	moment(input->last_ns, "%Y-", to);
	if (strncmp(from, to, strcspn(to, "-")) != 0)
		page.times = OF_ALL;
	else if (input->first_ns / (86400 * NS_PER_S) != input->last_ns / (86400 * NS_PER_S))
		page.times = OF_YEAR;
	print_header(&page);
	print_listing(&page, &bindings_listing, &report->bindings);
	print_listing(&page, &pinholes_listing, &report->pinholes);
	print_listing(&page, &binds_listing, &report->binds);
	print_listing(&page, &alerts_listing, &report->alerts);
	print_totals(&page);
	print_quality(&page);
	return !page.failed;
}
