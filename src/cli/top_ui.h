/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top_ui.h - what keys do, and the words around the tables; draws nothing */
#ifndef CLI_TOP_UI_H
#define CLI_TOP_UI_H

#include "top.h"

#define TOP_INPUT 200   /**< octets of what is typed, NUL counted */
#define TOP_MESSAGE 400 /**< octets of a line, NUL counted */

/** Keys beside printable ASCII. */
enum top_keys {
	TOP_KEY_NONE = 0,
	TOP_KEY_TAB = 9,
	TOP_KEY_ENTER = 10,
	TOP_KEY_ESCAPE = 27,
	TOP_KEY_ERASE = 127,
	TOP_KEY_UP = 256,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_BACK_TAB
};

enum top_mode {
	TOP_LIST,    /**< the table */
	TOP_PANE,    /**< a text over it: the story of a row, or help */
	TOP_CHOOSE,  /**< which columns */
	TOP_FILTERS, /**< a filter is typed */
	TOP_SAVES,   /**< a file name is typed */
	TOP_CONFIRMS /**< close a pinhole? */
};

struct top_ui {
	struct top *top;
	enum top_tab tab;
	enum top_mode mode;
	size_t rows; /**< of the page, for paging */
	size_t width;
	char input[TOP_INPUT];
	char before[TOP_FILTER];   /**< the filter, if typing is given up */
	char message[TOP_MESSAGE]; /**< for a while */
	uint64_t message_until;
	char *pane; /**< lines */
	size_t pane_lines, pane_first;
	size_t pane_width;      /* that it was broken for; 0: it is the same for all */
	char pane_key[TOP_KEY]; /* of the row that it tells of */
	size_t chosen;          /**< column at the cursor */
	uint64_t id;            /**< of the pinhole to close */
	bool quit;
};

void top_ui_init(struct top_ui *ui, struct top *top);
void top_ui_free(struct top_ui *ui);
/** Do what a key says.  The lock is held. */
void top_ui_key(struct top_ui *ui, int key);
/** Bring everything up to date, for a page of so many rows and columns.  The lock is held. */
void top_ui_refresh(struct top_ui *ui, size_t rows, size_t width);

/* Lines, each written to @p text and returned */

/** What is looked at. */
const char *top_ui_title(const struct top_ui *ui, char text[TOP_MESSAGE]);
/** True if there is something wrong with it. */
bool top_ui_in_trouble(const struct top_ui *ui);
/** What there is of everything. */
const char *top_ui_totals(const struct top_ui *ui, char text[TOP_MESSAGE]);
/** What is asked, or how the table came to be what it is. */
const char *top_ui_state(const struct top_ui *ui, char text[TOP_MESSAGE]);
/** The keys that fit into the width, "KEY:what KEY:what". */
const char *top_ui_keys(const struct top_ui *ui, char text[TOP_MESSAGE]);

#endif
