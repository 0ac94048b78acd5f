/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top_model.h - what "rpcgate top" knows and shows, without a terminal
 *
 * A table for each tab: a bounded number of rows, the one that was told of longest ago goes first.
 * A view of a table says which rows are shown in which order, and how wide the columns are.
 * Nothing in here draws, waits or looks at a clock.  All texts are printable ASCII: whatever
 * strangers wrote went through text_show() on its way in.
 */
#ifndef CLI_TOP_MODEL_H
#define CLI_TOP_MODEL_H

#include <stdio.h>
#include <sys/queue.h>

#include "rpcgate.h"

#define TOP_ROWS 5000          /**< preset of --rows */
#define TOP_ROWS_MAX 100000    /**< most that --rows takes */
#define TOP_COLUMNS 10         /**< most of one table */
#define TOP_CELL 96            /**< octets of a cell, NUL counted; what is longer is cut */
#define TOP_KEY 160            /**< octets of a key, NUL counted */
#define TOP_FILTER 64          /**< octets of a filter, NUL counted */
#define TOP_UNKNOWN UINT64_MAX /**< a number that nobody told */

enum top_tab { TOP_PINHOLES, TOP_SERVICES, TOP_REFUSED, TOP_SERVERS, TOP_ENGINE, TOP_TABS };

enum top_kind {
	TOP_TEXT,
	TOP_NUMBER, /**< grouped in thousands, unless there is a text */
	TOP_RATE,   /**< tenths */
	TOP_LEFT,   /**< a moment to come, shown as the time until then */
	TOP_AGO,    /**< a moment that was, shown as the time since then */
	TOP_MOMENT  /**< a moment, shown as a time of day */
};

struct top_column {
	const char *key;   /**< in JSON */
	const char *title; /**< on the screen */
	const char *help;
	enum top_kind kind;
	unsigned int least; /**< it is not made narrower; 0: never cut */
	bool off;           /**< not shown unless asked for */
};

struct top_cell {
	uint64_t number;
	char text[TOP_CELL];
};

struct top_row {
	TAILQ_ENTRY(top_row) age;
	char key[TOP_KEY];
	size_t index;   /**< in rows of its table */
	uint64_t round; /**< of the listing that named it last */
	bool marked;
	bool has_client, has_server;
	struct rpcgate_addr client, server;
	uint16_t port;
	uint64_t id; /**< of a pinhole */
	struct top_cell cell[TOP_COLUMNS];
};

TAILQ_HEAD(top_ages, top_row);

struct top_table {
	const char *name; /**< "Pinholes" */
	const struct top_column *column;
	size_t n_columns;
	size_t max;
	void *tree;           /**< by key */
	struct top_row **row; /**< @p n, in no order */
	size_t n, room;
	struct top_ages ages; /**< the one told of longest ago comes first */
	uint64_t round;
	uint64_t gone;     /**< rows that had to go for newer ones */
	uint64_t left_out; /**< rows of the last listing that found no room */
};

struct top_view {
	size_t sort; /**< column */
	bool descending;
	unsigned int hidden; /**< a bit for each column */
	char filter[TOP_FILTER];
	size_t cursor;          /**< index in shown */
	size_t first;           /**< index in shown of the row at the top of the page */
	char selected[TOP_KEY]; /**< key of the row at the cursor */
	struct top_row **shown; /**< @p n, filtered and sorted */
	size_t n, room;
	unsigned int width[TOP_COLUMNS]; /**< 0: not shown, or no room */
	unsigned int squeezed;           /**< columns that found no room */
};

struct top_model {
	struct top_table table[TOP_TABS];
	struct top_view view[TOP_TABS];
	bool live;     /**< tables come from a daemon's listings; events only count */
	bool counting; /**< there are events */
	uint64_t now_ns;
	char status[4][TOP_CELL]; /**< version, configuration, action, table of the daemon */
	uint64_t uptime_s;
	uint64_t stats_ns; /**< moment of the last counters, for rates */
};

void top_model_init(struct top_model *model, size_t rows);
void top_model_free(struct top_model *model);

/* ------------------------------------------------------------------------- rows */

/** The row of a key, new or not, as the youngest one; NULL without memory. */
struct top_row *top_row_get(struct top_table *table, const char *key);
/** The row of a key, or NULL. */
struct top_row *top_row_find(const struct top_table *table, const char *key);
void top_row_remove(struct top_table *table, struct top_row *row);
/** A listing begins: rows that it does not name go at its end. */
void top_listing_begin(struct top_table *table);
/** The row of a key in a listing; NULL if it finds no room, which is counted. */
struct top_row *top_listing_get(struct top_table *table, const char *key);
void top_listing_end(struct top_table *table);
/** Set the text of a cell; foreign characters are made harmless. */
void top_cell_set(struct top_row *row, size_t column, const char *text);

/* ------------------------------------------------------------------------- views */

/** A cell as it is shown. */
const char *top_cell_show(const struct top_model *model, const struct top_table *table,
			  const struct top_row *row, size_t column, char text[TOP_CELL]);
/** True if it is shown with its end at the right. */
bool top_column_is_right(const struct top_column *column);
/** Filter and sort anew; the cursor stays on its row, or near it.  False without memory. */
bool top_view_build(struct top_model *model, enum top_tab tab);
/** Find widths for a page. */
void top_view_layout(struct top_model *model, enum top_tab tab, unsigned int width);
/** Move the cursor by so many rows, and the page with it. */
void top_view_move(struct top_view *view, long by);
/** Keep the cursor on a page of so many rows. */
void top_view_page(struct top_view *view, size_t rows);
/** Sort by the next column that is shown, or the one before. */
void top_view_sort_next(struct top_model *model, enum top_tab tab, int step);
/** Show or hide a column; the last one stays. */
void top_view_toggle(struct top_model *model, enum top_tab tab, size_t column);
/** The row at the cursor, or NULL. */
struct top_row *top_view_row(const struct top_view *view);
/**
 * Write rows as lines of JSON: those that are marked, or if none is, all that are shown.
 * @param n  how many
 * @return false if that failed, errno says why
 */
bool top_view_save(const struct top_model *model, enum top_tab tab, FILE *out, size_t *n);

/* -------------------------------------------------------------------------- fill */

/** Take an event. */
void top_fill_event(struct top_model *model, const struct rpcgate_event *event);
/** Take the engine's counters. */
void top_fill_stats(struct top_model *model, const struct rpcgate_stats *stats);
/** Take one line of an answer of the daemon to "status", "stats", "pinholes" or "bindings". */
bool top_fill_line(struct top_model *model, const char *asked, const char *line, size_t n);
/** Sum up servers from the other tables. */
void top_fill_servers(struct top_model *model);
/** A counter, or TOP_UNKNOWN. */
uint64_t top_counter(const struct top_model *model, const char *name);

#endif
