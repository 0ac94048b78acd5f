/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_axis.c - time as a place on paper
 *
 * One scale for all, but long silences are cut out and marked: two captures of a minute each, a
 * week apart, are two pictures beside each other and not two lines of a hair's breadth.
 */
#include <stdlib.h>
#include <string.h>

#include "html_parts.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define CUT 30.0       /* width of a cut */
#define PIECE_MIN 10.0 /* width of the shortest piece */
#define LABEL_MIN 96.0 /* from one label to the next */

struct interval {
	uint64_t from_ns, to_ns;
};

static int interval_order(const void *left, const void *right)
{
	const struct interval *a = left;
	const struct interval *b = right;

	if (a->from_ns != b->from_ns)
		return a->from_ns < b->from_ns ? -1 : 1;
	return a->to_ns < b->to_ns ? -1 : a->to_ns > b->to_ns;
}

static int longest_first(const void *left, const void *right)
{
	const struct interval *a = left;
	const struct interval *b = right;
	uint64_t la = a->to_ns - a->from_ns, lb = b->to_ns - b->from_ns;

	if (la != lb)
		return la > lb ? -1 : 1;
	return a->from_ns < b->from_ns ? -1 : a->from_ns > b->from_ns;
}

/* When something was going on; overlapping ones become one */
static struct interval *activity(const struct html_page *page, size_t *count)
{
	const struct html *h = page->html;
	struct interval *all = calloc(h->n_lives + h->n_marks + 2, sizeof(*all));
	size_t n = 0, merged = 0;

	if (!all)
		return NULL;
	all[n++] = (struct interval){ page->input->first_ns, page->input->first_ns };
	all[n++] = (struct interval){ page->input->last_ns, page->input->last_ns };
	for (size_t i = 0; i < h->n_lives; i++)
		all[n++] = (struct interval){ h->lives[i].at.time_ns,
					      html_end_of(page, &h->lives[i]) };
	for (size_t i = 0; i < h->n_marks; i++)
		all[n++] = (struct interval){ h->marks[i].time_ns, h->marks[i].time_ns };
	qsort(all, n, sizeof(*all), interval_order);
	for (size_t i = 1; i < n; i++) {
		if (all[i].from_ns > all[merged].to_ns)
			all[++merged] = all[i];
		else if (all[i].to_ns > all[merged].to_ns)
			all[merged].to_ns = all[i].to_ns;
	}
	*count = merged + 1;
	return all;
}

/* Silences longer than a quarter of what was going on, the longest few, in order of time */
static size_t find_cuts(struct interval *all, size_t n)
{
	uint64_t active = 0;
	size_t cuts = 0;

	for (size_t i = 0; i < n; i++)
		active += all[i].to_ns - all[i].from_ns;
	if (!active)
		return 0;
	for (size_t i = 0; i + 1 < n; i++) {
		const struct interval gap = { all[i].to_ns, all[i + 1].from_ns };

		if ((gap.to_ns - gap.from_ns) / 2 > active / 8)
			all[cuts++] = gap;
	}
	qsort(all, cuts, sizeof(*all), longest_first);
	if (cuts > HTML_PIECES - 1)
		cuts = HTML_PIECES - 1;
	qsort(all, cuts, sizeof(*all), interval_order);
	return cuts;
}

static void place_pieces(struct html_axis *axis)
{
	double room = axis->width - CUT * (double)(axis->n - 1) - PIECE_MIN * (double)axis->n;
	uint64_t sum = 0;
	double x = 0;

	for (size_t i = 0; i < axis->n; i++)
		sum += axis->piece[i].to_ns - axis->piece[i].from_ns;
	for (size_t i = 0; i < axis->n; i++) {
		struct html_piece *piece = &axis->piece[i];
		double share = sum ? (double)(piece->to_ns - piece->from_ns) / (double)sum :
				     1.0 / (double)axis->n;

		piece->x = x;
		piece->width = PIECE_MIN + room * share;
		x += piece->width + CUT;
	}
}

bool html_axis_make(struct html_axis *axis, const struct html_page *page, double width)
{
	uint64_t from_ns = page->input->first_ns;
	size_t n, cuts;
	struct interval *all = activity(page, &n);

	if (!all)
		return false;
	*axis = (struct html_axis){ .width = width };
	cuts = find_cuts(all, n);
	for (size_t i = 0; i < cuts; i++) {
		axis->piece[axis->n++] = (struct html_piece){ from_ns, all[i].from_ns, 0, 0 };
		from_ns = all[i].to_ns;
	}
	axis->piece[axis->n++] = (struct html_piece){ from_ns, page->input->last_ns, 0, 0 };
	free(all);
	place_pieces(axis);
	return true;
}

double html_axis_x(const struct html_axis *axis, uint64_t ns)
{
	const struct html_piece *piece = axis->piece;
	uint64_t span;

	for (size_t i = 1; i < axis->n && ns >= axis->piece[i].from_ns; i++)
		piece = &axis->piece[i];
	if (ns <= piece->from_ns)
		return piece->x;
	span = piece->to_ns - piece->from_ns;
	if (!span || ns >= piece->to_ns)
		return piece->x + piece->width;
	return piece->x + piece->width * ((double)(ns - piece->from_ns) / (double)span);
}

/* ----------------------------------------------------------------------- drawing */

/* The smallest step that leaves room for its labels; 0: none does */
static uint64_t step_of(const struct html_piece *piece)
{
	static const uint64_t steps[] = {
		NS_PER_MS,         2 * NS_PER_MS,      5 * NS_PER_MS,    10 * NS_PER_MS,
		20 * NS_PER_MS,    50 * NS_PER_MS,     100 * NS_PER_MS,  200 * NS_PER_MS,
		500 * NS_PER_MS,   NS_PER_S,           2 * NS_PER_S,     5 * NS_PER_S,
		10 * NS_PER_S,     15 * NS_PER_S,      30 * NS_PER_S,    60 * NS_PER_S,
		120 * NS_PER_S,    300 * NS_PER_S,     600 * NS_PER_S,   900 * NS_PER_S,
		1800 * NS_PER_S,   3600 * NS_PER_S,    7200 * NS_PER_S,  10800 * NS_PER_S,
		21600 * NS_PER_S,  43200 * NS_PER_S,   86400 * NS_PER_S, 172800 * NS_PER_S,
		604800 * NS_PER_S, 2592000 * NS_PER_S,
	};
	uint64_t span = piece->to_ns - piece->from_ns;
	double per_ns = piece->width / (double)(span + 1);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if ((double)steps[i] * per_ns >= LABEL_MIN)
			return steps[i] <= span ? steps[i] : 0;
	return 0;
}

static const char *label_of(const struct html_page *page, uint64_t ns, uint64_t step,
			    char text[WORDS_TIME])
{
	if (step >= 86400 * NS_PER_S)
		words_moment(ns, "%Y-%m-%d", text);
	else if (page->days && step >= 60 * NS_PER_S)
		words_moment(ns, "%m-%d %H:%M", text);
	else
		words_moment(ns, "%H:%M:%S", text);
	if (step >= NS_PER_S)
		*strrchr(text, '.') = '\0';
	return text;
}

static void draw_tick(const struct html_page *page, double x, double top, double bottom,
		      const char *label)
{
	fprintf(page->out,
		"<path class=grid d=\"M%.1f %.1fV%.1f\"/>"
		"<text class=axis x=%.1f y=%.1f>%s</text>\n",
		x, top, bottom, x + 3, top + 1, label);
}

/* The beginning of a piece that is too short for a scale: its day, and its time if there is room */
static double label_start(const struct html_axis *axis, const struct html_page *page,
			  const struct html_piece *piece, double left, double top, double bottom,
			  double taken)
{
	const uint64_t year_ns = 31536000 * NS_PER_S;
	bool years = page->input->last_ns - page->input->first_ns > year_ns;
	bool short_one = page->days && piece->width + CUT < LABEL_MIN;
	double room = !short_one ? LABEL_MIN - 12 : years ? 52 : 36;
	double x = left + piece->x;
	char text[WORDS_TIME];

	if (x < taken || x + room > left + axis->width + CUT)
		return taken;
	if (short_one)
		words_moment(piece->from_ns, years ? "%Y-%m" : "%m-%d", text);
	else
		label_of(page, piece->from_ns, 60 * NS_PER_S, text);
	*(strchr(text, '.') ? strchr(text, '.') : text + strlen(text)) = '\0';
	draw_tick(page, x, top, bottom, text);
	return x + room;
}

/* Labels of one piece; @return up to where the line is taken */
static double label_piece(const struct html_axis *axis, const struct html_page *page,
			  const struct html_piece *piece, double left, double top, double bottom,
			  double taken)
{
	double end = axis->width + left;
	uint64_t step = step_of(piece);
	char text[WORDS_TIME];

	if (!step)
		return label_start(axis, page, piece, left, top, bottom, taken);
	for (uint64_t ns = piece->from_ns - piece->from_ns % step + step; ns <= piece->to_ns;
	     ns += step) {
		double x = left + html_axis_x(axis, ns);

		if (x < taken || x + LABEL_MIN - 12 > end)
			continue;
		draw_tick(page, x, top, bottom, label_of(page, ns, step, text));
		taken = x + LABEL_MIN - 12;
	}
	return taken;
}

static void draw_cut(const struct html_page *page, const struct html_piece *before,
		     const struct html_piece *after, double left, double top, double bottom)
{
	double middle = left + before->x + before->width + CUT / 2;
	char text[WORDS_TIME];

	words_duration(after->from_ns - before->to_ns, text);
	fprintf(page->out,
		"<g class=cut><title>%s without anything to show, left out</title>"
		"<rect x=%.1f y=%.1f width=12 height=%.1f />"
		"<text x=%.1f y=%.1f transform=\"rotate(-90 %.1f %.1f)\">%s</text></g>\n",
		text, middle - 6, top + 8, bottom - top - 8, middle + 3, bottom - 4, middle + 3,
		bottom - 4, bottom - top > 90 ? text : "");
}

void html_axis_draw(const struct html_axis *axis, const struct html_page *page, double left,
		    double top, double bottom)
{
	double taken = 0;

	for (size_t i = 0; i < axis->n; i++) {
		taken = label_piece(axis, page, &axis->piece[i], left, top, bottom, taken);
		if (i)
			draw_cut(page, &axis->piece[i - 1], &axis->piece[i], left, top, bottom);
	}
}
