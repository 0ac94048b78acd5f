/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "text.h"
#include "top_columns.h"
#include "top_model.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GAP 2U /* between columns */
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_DAY (86400 * NS_PER_S)

/* clang-format off */
static const struct top_column pinhole_columns[] = {
	[PINHOLE_CLIENT] = { "client", "client", "who may connect", TOP_TEXT, 13, false },
	[PINHOLE_SERVER] = { "server", "server", "where to", TOP_TEXT, 17, false },
	[PINHOLE_INTERFACE] = { "interface", "interface", "and bind", TOP_TEXT, 12, false },
	[PINHOLE_SOURCE] = { "source", "source", "who announced it", TOP_TEXT, 0, false },
	[PINHOLE_LEFT] = { "left_s", "left", "time until it runs out", TOP_LEFT, 0, false },
	[PINHOLE_USES] = { "uses", "uses", "binds that the server accepted", TOP_NUMBER, 0, false },
	[PINHOLE_PROTO] = { "proto", "proto", "TCP or UDP", TOP_TEXT, 0, true },
	[PINHOLE_ID] = { "id", "id", "what 'rpcgate ctl close' takes", TOP_NUMBER, 0, false },
	[PINHOLE_UUID] = { "uuid", "uuid", "of the interface", TOP_TEXT, 8, true },
};

static const struct top_column service_columns[] = {
	[SERVICE_SERVER] = { "server", "server", "where it lives", TOP_TEXT, 17, false },
	[SERVICE_INTERFACE] = { "interface", "interface", "what lives there", TOP_TEXT, 12, false },
	[SERVICE_GRANTED] = { "granted", "granted", "granted to some client, or why not",
			      TOP_TEXT, 11, false },
	[SERVICE_SOURCE] = { "source", "source", "who announced it", TOP_TEXT, 0, true },
	[SERVICE_TOLD] = { "told", "told", "announcements", TOP_NUMBER, 0, false },
	[SERVICE_BINDS] = { "binds", "binds", "binds that were allowed", TOP_NUMBER, 0, false },
	[SERVICE_REFUSED] = { "refused", "refused", "binds that were refused", TOP_NUMBER, 0, false },
	[SERVICE_LAST] = { "last", "ago", "time since it was last told of", TOP_AGO, 0, false },
	[SERVICE_NAME] = { "service", "service", "the Windows service", TOP_TEXT, 8, true },
	[SERVICE_UUID] = { "uuid", "uuid", "of the interface", TOP_TEXT, 8, true },
};

static const struct top_column refused_columns[] = {
	[REFUSED_LAST] = { "last", "last", "when it happened last", TOP_MOMENT, 0, false },
	[REFUSED_CLIENT] = { "client", "client", "who tried", TOP_TEXT, 11, false },
	[REFUSED_SERVER] = { "server", "server", "where", TOP_TEXT, 16, false },
	[REFUSED_INTERFACE] = { "interface", "interface", "what", TOP_TEXT, 9, false },
	[REFUSED_REASON] = { "reason", "reason", "why not", TOP_TEXT, 14, false },
	[REFUSED_COUNT] = { "times", "times", "how often", TOP_NUMBER, 0, false },
	[REFUSED_WHAT] = { "what", "what", "bind, alter-context, call or alert", TOP_TEXT, 0, true },
	[REFUSED_DONE] = { "action", "action", "what was done with the packet", TOP_TEXT, 0, true },
	[REFUSED_RULE] = { "rule", "rule", "which rule of the policy decided", TOP_TEXT, 6, true },
	[REFUSED_UUID] = { "uuid", "uuid", "of the interface", TOP_TEXT, 8, true },
};

static const struct top_column server_columns[] = {
	[SERVER_ADDRESS] = { "server", "server", "its address", TOP_TEXT, 15, false },
	[SERVER_OPEN] = { "pinholes", "pinholes", "interfaces open to clients now", TOP_NUMBER, 0, false },
	[SERVER_CLIENTS] = { "clients", "clients", "clients that these are for", TOP_NUMBER, 0, false },
	[SERVER_SERVICES] = { "services", "services", "rows of the tab Services", TOP_NUMBER, 0, false },
	[SERVER_BINDS] = { "binds", "binds", "binds that were allowed", TOP_NUMBER, 0, false },
	[SERVER_REFUSED] = { "refused", "refused", "what was refused", TOP_NUMBER, 0, false },
	[SERVER_LAST] = { "last", "ago", "time since something was told of it", TOP_AGO, 0, false },
};

static const struct top_column engine_columns[] = {
	[ENGINE_NAME] = { "counter", "counter", "its name", TOP_TEXT, 0, false },
	[ENGINE_VALUE] = { "value", "value", "its value", TOP_NUMBER, 0, false },
	[ENGINE_RATE] = { "per_second", "a second", "how fast it grows", TOP_RATE, 0, false },
	[ENGINE_MEANING] = { "meaning", "meaning", "what it counts", TOP_TEXT, 10, false },
};
/* clang-format on */

static const struct {
	const char *name;
	const struct top_column *column;
	size_t n;
	size_t sort;
	bool descending;
} tabs[TOP_TABS] = {
	[TOP_PINHOLES] = { "Pinholes", pinhole_columns, COUNT(pinhole_columns), PINHOLE_LEFT,
			   true },
	[TOP_SERVICES] = { "Services", service_columns, COUNT(service_columns), SERVICE_SERVER,
			   false },
	[TOP_REFUSED] = { "Refused", refused_columns, COUNT(refused_columns), REFUSED_LAST, true },
	[TOP_SERVERS] = { "Servers", server_columns, COUNT(server_columns), SERVER_ADDRESS, false },
	[TOP_ENGINE] = { "Engine", engine_columns, COUNT(engine_columns), ENGINE_NAME, false },
};

_Static_assert(COUNT(service_columns) <= TOP_COLUMNS, "too many columns");
_Static_assert(COUNT(refused_columns) <= TOP_COLUMNS, "too many columns");

void top_model_init(struct top_model *model, size_t rows)
{
	*model = (struct top_model){ .uptime_s = TOP_UNKNOWN };
	for (size_t i = 0; i < TOP_TABS; i++) {
		struct top_table *table = &model->table[i];
		struct top_view *view = &model->view[i];

		table->name = tabs[i].name;
		table->column = tabs[i].column;
		table->n_columns = tabs[i].n;
		/* the names of counters are few, and all of them are wanted */
		table->max = i == TOP_ENGINE ? TOP_ROWS : rows;
		TAILQ_INIT(&table->ages);
		view->sort = tabs[i].sort;
		view->descending = tabs[i].descending;
		for (size_t k = 0; k < table->n_columns; k++)
			view->hidden |= table->column[k].off ? 1U << k : 0;
	}
}

void top_model_free(struct top_model *model)
{
	for (size_t i = 0; i < TOP_TABS; i++) {
		struct top_table *table = &model->table[i];

		while (table->n)
			top_row_remove(table, table->row[table->n - 1]);
		free(table->row);
		free(model->view[i].shown);
	}
}

/* ------------------------------------------------------------------------- rows */

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct top_row *)a)->key, ((const struct top_row *)b)->key);
}

static void set_key(char *out, const char *key)
{
	snprintf(out, TOP_KEY, "%s", key);
}

struct top_row *top_row_find(const struct top_table *table, const char *key)
{
	struct top_row probe;
	void *const *found;

	set_key(probe.key, key);
	found = tfind(&probe, &table->tree, by_key);
	return found ? *found : NULL;
}

void top_row_remove(struct top_table *table, struct top_row *row)
{
	struct top_row *last = table->row[--table->n];

	tdelete(row, &table->tree, by_key);
	TAILQ_REMOVE(&table->ages, row, age);
	table->row[row->index] = last;
	last->index = row->index;
	free(row);
}

static bool grow(struct top_table *table)
{
	size_t room = table->room ? 2 * table->room : 64;
	struct top_row **more;

	if (table->n < table->room)
		return true;
	more = reallocarray(table->row, room, sizeof(struct top_row *));
	if (!more)
		return false;
	table->row = more;
	table->room = room;
	return true;
}

static struct top_row *add(struct top_table *table, const char *key)
{
	struct top_row *row = grow(table) ? calloc(1, sizeof(*row)) : NULL;

	if (!row)
		return NULL;
	set_key(row->key, key);
	if (!tsearch(row, &table->tree, by_key)) {
		free(row);
		return NULL;
	}
	row->index = table->n;
	table->row[table->n++] = row;
	TAILQ_INSERT_TAIL(&table->ages, row, age);
	return row;
}

struct top_row *top_row_get(struct top_table *table, const char *key)
{
	struct top_row *row = top_row_find(table, key);

	if (row) {
		TAILQ_REMOVE(&table->ages, row, age);
		TAILQ_INSERT_TAIL(&table->ages, row, age);
		return row;
	}
	if (table->n >= table->max) {
		table->gone++;
		top_row_remove(table, TAILQ_FIRST(&table->ages));
	}
	return add(table, key);
}

void top_listing_begin(struct top_table *table)
{
	table->round++;
	table->left_out = 0;
}

/* Rows that this listing named stay; else a table that is too small would change all the time. */
struct top_row *top_listing_get(struct top_table *table, const char *key)
{
	struct top_row *row = top_row_find(table, key);
	struct top_row *oldest = TAILQ_FIRST(&table->ages);

	if (!row && table->n >= table->max) {
		if (oldest->round == table->round) {
			table->left_out++;
			return NULL;
		}
		top_row_remove(table, oldest);
	}
	row = top_row_get(table, key);
	if (row)
		row->round = table->round;
	return row;
}

void top_listing_end(struct top_table *table)
{
	struct top_row *row = TAILQ_FIRST(&table->ages);

	/* what was named went to the end */
	while (row && row->round != table->round) {
		top_row_remove(table, row);
		row = TAILQ_FIRST(&table->ages);
	}
}

void top_cell_set(struct top_row *row, size_t column, const char *text)
{
	text_show(text, row->cell[column].text, TOP_CELL);
}

/* ------------------------------------------------------------------------ showing */

static const char *show_span(uint64_t from, uint64_t to, char text[TOP_CELL])
{
	char span[WORDS_TIME];

	snprintf(text, TOP_CELL, "%s", to > from ? words_duration(to - from, span) : "0 s");
	return text;
}

/* Durations of less than a second change too fast to be read */
static const char *show_left(uint64_t until, uint64_t now, char text[TOP_CELL])
{
	if (until <= now)
		return "over";
	return show_span(
		0, until - now < NS_PER_S ? until - now : until - now - (until - now) % NS_PER_S,
		text);
}

/* A day that is not today's is said, and needs no seconds */
static const char *show_moment(uint64_t ns, uint64_t now, char text[TOP_CELL])
{
	bool today = ns / NS_PER_DAY == now / NS_PER_DAY;
	char moment[WORDS_TIME];

	words_moment(ns, today ? "%H:%M:%S" : "%m-%d %H:%M", moment);
	snprintf(text, TOP_CELL, "%.*s", (int)strcspn(moment, "."), moment);
	return text;
}

const char *top_cell_show(const struct top_model *model, const struct top_table *table,
			  const struct top_row *row, size_t column, char text[TOP_CELL])
{
	const struct top_cell *cell = &row->cell[column];
	char number[WORDS_NUMBER];

	if (cell->text[0] || table->column[column].kind == TOP_TEXT)
		return cell->text;
	if (cell->number == TOP_UNKNOWN)
		return "-";
	switch (table->column[column].kind) {
	case TOP_RATE:
		if (!cell->number)
			return "";
		snprintf(text, TOP_CELL, "%s.%u", words_number(cell->number / 10, number),
			 (unsigned int)(cell->number % 10));
		return text;
	case TOP_LEFT:
		return show_left(cell->number, model->now_ns, text);
	case TOP_AGO:
		return show_span(cell->number, model->now_ns, text);
	case TOP_MOMENT:
		return show_moment(cell->number, model->now_ns, text);
	default:
		snprintf(text, TOP_CELL, "%s", words_number(cell->number, number));
		return text;
	}
}

bool top_column_is_right(const struct top_column *column)
{
	return column->kind != TOP_TEXT && column->kind != TOP_MOMENT;
}

/* ------------------------------------------------------------------------- views */

static bool is_hidden(const struct top_view *view, size_t column)
{
	return view->hidden >> column & 1;
}

/* The filter is looked for in what stands on the screen, columns as one text */
static bool matches(const struct top_model *model, enum top_tab tab, const struct top_row *row)
{
	const struct top_table *table = &model->table[tab];
	const struct top_view *view = &model->view[tab];
	char all[TOP_COLUMNS * (TOP_CELL + 1) + 1];
	char text[TOP_CELL];
	size_t n = 0;

	if (!view->filter[0])
		return true;
	for (size_t i = 0; i < table->n_columns; i++)
		if (!is_hidden(view, i))
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s ",
					      top_cell_show(model, table, row, i, text));
	all[n] = '\0';
	return strcasestr(all, view->filter) != NULL;
}

struct order {
	const struct top_table *table;
	const struct top_view *view;
};

/* Numbers inside of texts count as numbers: 10.0.0.9 comes before 10.0.0.10 */
static int row_order(const void *left, const void *right, void *ctx)
{
	const struct order *order = ctx;
	const struct top_row *a = *(struct top_row *const *)left;
	const struct top_row *b = *(struct top_row *const *)right;
	const struct top_cell *x = &a->cell[order->view->sort];
	const struct top_cell *y = &b->cell[order->view->sort];
	int way = order->view->descending ? -1 : 1;
	int found;

	if (order->table->column[order->view->sort].kind == TOP_TEXT)
		found = strverscmp(x->text, y->text);
	else
		found = (x->number > y->number) - (x->number < y->number);
	return found ? way * found : strverscmp(a->key, b->key);
}

static bool make_room(struct top_view *view, size_t n)
{
	struct top_row **more;

	if (n <= view->room)
		return true;
	more = reallocarray(view->shown, n, sizeof(struct top_row *));
	if (!more)
		return false;
	view->shown = more;
	view->room = n;
	return true;
}

static void remember(struct top_view *view)
{
	if (view->n)
		set_key(view->selected, view->shown[view->cursor]->key);
}

static void find_cursor(struct top_view *view)
{
	for (size_t i = 0; i < view->n; i++) {
		if (strcmp(view->shown[i]->key, view->selected) == 0) {
			view->cursor = i;
			return;
		}
	}
	if (view->cursor >= view->n)
		view->cursor = view->n ? view->n - 1 : 0;
	remember(view);
}

bool top_view_build(struct top_model *model, enum top_tab tab)
{
	struct top_table *table = &model->table[tab];
	struct top_view *view = &model->view[tab];
	struct order order = { table, view };

	view->n = 0;
	if (!make_room(view, table->n))
		return false;
	for (size_t i = 0; i < table->n; i++)
		if (matches(model, tab, table->row[i]))
			view->shown[view->n++] = table->row[i];
	if (view->n)
		qsort_r(view->shown, view->n, sizeof(struct top_row *), row_order, &order);
	find_cursor(view);
	return true;
}

void top_view_move(struct top_view *view, long by)
{
	long at = (long)view->cursor + by;

	if (!view->n)
		return;
	if (at < 0)
		at = 0;
	if (at >= (long)view->n)
		at = (long)view->n - 1;
	view->cursor = (size_t)at;
	remember(view);
}

void top_view_page(struct top_view *view, size_t rows)
{
	if (!rows)
		return;
	if (view->first + rows > view->n)
		view->first = view->n > rows ? view->n - rows : 0;
	if (view->cursor < view->first)
		view->first = view->cursor;
	if (view->cursor >= view->first + rows)
		view->first = view->cursor - rows + 1;
}

struct top_row *top_view_row(const struct top_view *view)
{
	return view->cursor < view->n ? view->shown[view->cursor] : NULL;
}

void top_view_sort_next(struct top_model *model, enum top_tab tab, int step)
{
	struct top_view *view = &model->view[tab];
	size_t n = model->table[tab].n_columns;

	do {
		view->sort = (view->sort + n + (size_t)step) % n;
	} while (is_hidden(view, view->sort));
}

void top_view_toggle(struct top_model *model, enum top_tab tab, size_t column)
{
	struct top_view *view = &model->view[tab];
	unsigned int all = (1U << model->table[tab].n_columns) - 1;
	unsigned int hidden = view->hidden ^ 1U << column;

	if (hidden == all)
		return;
	view->hidden = hidden;
	if (is_hidden(view, view->sort))
		top_view_sort_next(model, tab, 1);
}

/* ------------------------------------------------------------------------ layout */

/* The title has room for the mark of sorting */
static void natural_widths(const struct top_model *model, enum top_tab tab, unsigned int *width)
{
	const struct top_table *table = &model->table[tab];
	const struct top_view *view = &model->view[tab];
	char text[TOP_CELL];

	for (size_t i = 0; i < table->n_columns; i++) {
		width[i] = 0;
		if (is_hidden(view, i))
			continue;
		width[i] = (unsigned int)strlen(table->column[i].title) + 1;
		for (size_t k = 0; k < view->n; k++) {
			size_t n = strlen(top_cell_show(model, table, view->shown[k], i, text));

			if (n > width[i])
				width[i] = (unsigned int)n;
		}
	}
}

static unsigned int sum(const unsigned int *width, size_t n)
{
	unsigned int all = 0;

	for (size_t i = 0; i < n; i++)
		all += width[i] ? width[i] + GAP : 0;
	return all ? all - GAP : 0;
}

/* The column with most to give gives one */
static bool narrow(const struct top_table *table, unsigned int *width)
{
	unsigned int most = 0;
	size_t which = 0;

	for (size_t i = 0; i < table->n_columns; i++) {
		unsigned int least = table->column[i].least;

		if (width[i] && least && width[i] > least && width[i] - least > most) {
			most = width[i] - least;
			which = i;
		}
	}
	if (most)
		width[which]--;
	return most > 0;
}

static bool drop_last(unsigned int *width, size_t n)
{
	size_t shown = 0;
	size_t last = 0;

	for (size_t i = 0; i < n; i++) {
		if (width[i]) {
			last = i;
			shown++;
		}
	}
	if (shown < 2)
		return false;
	width[last] = 0;
	return true;
}

void top_view_layout(struct top_model *model, enum top_tab tab, unsigned int width)
{
	const struct top_table *table = &model->table[tab];
	struct top_view *view = &model->view[tab];

	natural_widths(model, tab, view->width);
	view->squeezed = 0;
	while (sum(view->width, table->n_columns) > width) {
		if (narrow(table, view->width))
			continue;
		if (!drop_last(view->width, table->n_columns))
			break;
		view->squeezed++;
	}
	for (size_t i = 0; i < table->n_columns; i++)
		if (view->width[i] > width)
			view->width[i] = width;
}

/* ------------------------------------------------------------------------ saving */

static json_t *moment_of(uint64_t ns)
{
	char text[WORDS_TIME];

	return json_string(words_moment(ns, "%Y-%m-%dT%H:%M:%S", text));
}

static json_t *value_of(const struct top_model *model, const struct top_column *column,
			const struct top_cell *cell)
{
	if (column->kind == TOP_TEXT || cell->text[0])
		return json_string(cell->text);
	if (cell->number == TOP_UNKNOWN)
		return NULL;
	switch (column->kind) {
	case TOP_RATE:
		return json_real((double)cell->number / 10);
	case TOP_LEFT:
		return json_integer((json_int_t)(cell->number > model->now_ns ?
							 (cell->number - model->now_ns) / NS_PER_S :
							 0));
	case TOP_AGO:
	case TOP_MOMENT:
		return moment_of(cell->number);
	default:
		return json_integer((json_int_t)cell->number);
	}
}

static bool save_row(const struct top_model *model, enum top_tab tab, const struct top_row *row,
		     FILE *out)
{
	static const char *const names[] = { "pinhole", "service", "refused", "server", "counter" };
	const struct top_table *table = &model->table[tab];
	json_t *line = json_pack("{s:s}", "row", names[tab]);
	bool good;

	for (size_t i = 0; line && i < table->n_columns; i++) {
		json_t *value = value_of(model, &table->column[i], &row->cell[i]);

		if (value)
			json_object_set_new(line, table->column[i].key, value);
	}
	good = line && json_dumpf(line, out, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 &&
	       putc('\n', out) != EOF;
	json_decref(line);
	return good;
}

bool top_view_save(const struct top_model *model, enum top_tab tab, FILE *out, size_t *n)
{
	const struct top_view *view = &model->view[tab];
	bool some = false;

	*n = 0;
	for (size_t i = 0; i < view->n; i++)
		some = some || view->shown[i]->marked;
	for (size_t i = 0; i < view->n; i++) {
		if (some && !view->shown[i]->marked)
			continue;
		if (!save_row(model, tab, view->shown[i], out))
			return false;
		++*n;
	}
	return fflush(out) == 0;
}
