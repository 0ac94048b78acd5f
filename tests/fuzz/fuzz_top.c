/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_top.c - input: lines that a daemon answers, as rpcgate top takes them
 *
 * Each line: octet, which question (0 to 3, by its low bits) | JSON, up to the end of the line.
 * A line of '!' alone ends a listing.  Whatever was said, what is shown is printable ASCII and
 * fits its page.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top_model.h"

#define NOW (UINT64_C(1795233730) * 1000000000)
#define ROWS 10
#define WIDTH 80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good)
{
	if (!good)
		abort();
}

static void take_line(struct top_model *model, const char *line, size_t n)
{
	static const char *const questions[] = { "status", "stats", "pinholes", "bindings" };

	if (n == 1 && line[0] == '!') {
		top_listing_end(&model->table[TOP_PINHOLES]);
		top_listing_end(&model->table[TOP_SERVICES]);
		top_listing_begin(&model->table[TOP_PINHOLES]);
		top_listing_begin(&model->table[TOP_SERVICES]);
	} else if (n) {
		(void)top_fill_line(model, questions[line[0] & 3], line + 1, n - 1);
	}
}

static void look_at_cell(const struct top_model *model, enum top_tab tab, const struct top_row *row,
			 size_t column)
{
	char text[TOP_CELL];
	const char *shown = top_cell_show(model, &model->table[tab], row, column, text);

	must(strlen(shown) < TOP_CELL);
	for (; *shown; shown++)
		must(*shown >= ' ' && *shown <= '~');
}

static void look(struct top_model *model, enum top_tab tab)
{
	struct top_view *view = &model->view[tab];
	unsigned int all = 0;

	must(top_view_build(model, tab));
	top_view_layout(model, tab, WIDTH);
	top_view_page(view, 5);
	must(tab == TOP_ENGINE || view->n <= ROWS);
	for (size_t i = 0; i < model->table[tab].n_columns; i++) {
		all += view->width[i] ? view->width[i] + (all ? 2 : 0) : 0;
		for (size_t k = 0; k < view->n; k++)
			look_at_cell(model, tab, view->shown[k], i);
	}
	must(all <= WIDTH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	struct top_model model;

	top_model_init(&model, ROWS);
	model.live = true;
	model.now_ns = NOW;
	model.stats_ns = NOW - 50000000;
	top_listing_begin(&model.table[TOP_PINHOLES]);
	top_listing_begin(&model.table[TOP_SERVICES]);
	while (n) {
		const char *end = memchr(text, '\n', n);
		size_t length = end ? (size_t)(end - text) : n;

		take_line(&model, text, length);
		text += length + (end != NULL);
		n -= length + (end != NULL);
	}
	top_fill_servers(&model);
	for (size_t tab = 0; tab < TOP_TABS; tab++)
		look(&model, (enum top_tab)tab);
	top_model_free(&model);
	return 0;
}
