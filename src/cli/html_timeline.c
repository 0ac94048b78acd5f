/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_timeline.c - pinholes over time
 *
 * A lane for each port of a server; where these are too many a lane for each server, and where
 * servers are too many the rest shares the last one.  A lane with few pinholes shows each of them
 * as a bar; one with many shows how many were open, step by step.  So a picture has a bounded
 * number of parts, whatever was read.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html_parts.h"

#define LANES_MAX 30
#define LEFT 214.0
#define WIDTH 840.0
#define SHEET (LEFT + WIDTH + 36) /* room for the last label of the scale */
#define TOP 18.0
#define BAR 9.0
#define ROW 13.0
#define LANE_MIN 34.0
#define ROWS_IN_LANE 6
#define LIVES_IN_LANE 80
#define MARKS_IN_LANE 200
#define ALONE_IN_LANE 24 /* refusals that are drawn one by one */
#define SIGN "M%.1f %.1fl4.5 4.5-4.5 4.5-4.5-4.5z"
#define SIGN_APART 2.5
#define STEPS 280 /* of a lane that counts */
#define STEP (WIDTH / STEPS)
#define COUNTED 36.0 /* height of the curve */

struct lane {
	struct {
		struct rpcgate_addr server;
		uint16_t port; /* 0: all of the server */
	} key;
	size_t lives, uses, refused;
	size_t slot;
	uint64_t first_ns;
	struct rpcgate_syntax interface; /* of the first pinhole */
	bool more_interfaces;
	size_t first_life; /* number + 1 */
	const struct html_incident *first_refusal;
};

#define LANE_KEY (16 + 2)

struct timeline_sheet {
	struct html_page *page;
	struct html_axis axis;
	struct rows lanes;
	bool by_server;
	size_t n_slots;
	struct lane slot[LANES_MAX];
	bool counted;     /* some lane counts */
	size_t others;    /* servers in the last lane */
	uint8_t *of_life; /* slot of each */
	uint8_t *of_mark;
	uint8_t *row; /* of each life in its lane */
	double y;
};

static int lane_order(const void *a, const void *b)
{
	return memcmp(a, b, LANE_KEY);
}

/* --------------------------------------------------------------------- the lanes */

static struct lane *lane_of(struct timeline_sheet *sheet, const struct rpcgate_addr *server,
			    uint16_t port)
{
	struct lane probe;

	memset(&probe, 0, sizeof(probe));
	probe.key.server = *server;
	probe.key.port = sheet->by_server ? 0 : port;
	return rows_get(&sheet->lanes, &probe);
}

static void note_interfaces(struct lane *lane, const struct html_life *life)
{
	if (!lane->lives++)
		lane->interface = life->interface[0];
	for (size_t i = 0; i < life->n_interfaces && i < HTML_INTERFACES; i++)
		lane->more_interfaces |=
			memcmp(&lane->interface, &life->interface[i], sizeof(lane->interface)) != 0;
	lane->more_interfaces |= life->n_interfaces > HTML_INTERFACES;
}

static void gather(struct timeline_sheet *sheet)
{
	const struct html *h = sheet->page->html;

	rows_free(&sheet->lanes);
	sheet->lanes = (struct rows){ .size = sizeof(struct lane), .key = LANE_KEY };
	for (size_t i = 0; i < h->n_lives; i++) {
		const struct html_life *life = &h->lives[i];
		struct lane *lane = lane_of(sheet, &life->key.pair.server, life->key.port);

		if (!lane)
			continue;
		if (!lane->lives)
			lane->first_life = i + 1;
		note_interfaces(lane, life);
	}
	for (size_t i = 0; i < h->n_marks; i++) {
		struct lane *lane = lane_of(sheet, &h->marks[i].server, h->marks[i].port);

		if (!lane)
			continue;
		if (!lane->refused)
			lane->first_refusal = h->marks[i].incident;
		lane->refused += h->marks[i].refused;
		lane->uses += !h->marks[i].refused;
	}
}

static int busiest_first(const void *left, const void *right)
{
	const struct lane *a = *(const struct lane *const *)left;
	const struct lane *b = *(const struct lane *const *)right;
	size_t na = a->lives + a->refused, nb = b->lives + b->refused;

	if (na != nb)
		return na > nb ? -1 : 1;
	return lane_order(a, b);
}

static int by_address(const void *left, const void *right)
{
	return lane_order(*(const struct lane *const *)left, *(const struct lane *const *)right);
}

/* Which lanes are drawn, in which order */
static void choose(struct timeline_sheet *sheet)
{
	struct rows *lanes = &sheet->lanes;
	size_t alone;

	gather(sheet);
	if (lanes->n > LANES_MAX) {
		sheet->by_server = true;
		gather(sheet);
	}
	alone = lanes->n > LANES_MAX ? LANES_MAX - 1 : lanes->n;
	rows_sort(lanes, busiest_first);
	qsort(lanes->all, alone, sizeof(*lanes->all), by_address);
	sheet->n_slots = alone < lanes->n ? LANES_MAX : alone;
	sheet->others = lanes->n - alone;
	for (size_t i = 0; i < lanes->n; i++) {
		struct lane *lane = lanes->all[i];
		struct lane *slot = &sheet->slot[i < alone ? i : alone];

		lane->slot = i < alone ? i : alone;
		if (i <= alone) {
			*slot = *lane;
			continue;
		}
		slot->lives += lane->lives;
		slot->uses += lane->uses;
		slot->refused += lane->refused;
	}
}

static uint8_t slot_of(struct timeline_sheet *sheet, const struct rpcgate_addr *server,
		       uint16_t port)
{
	const struct lane *lane = lane_of(sheet, server, port);

	return lane ? (uint8_t)lane->slot : UINT8_MAX;
}

static bool assign(struct timeline_sheet *sheet)
{
	const struct html *h = sheet->page->html;

	sheet->of_life = calloc(h->n_lives + 1, 1);
	sheet->of_mark = calloc(h->n_marks + 1, 1);
	sheet->row = calloc(h->n_lives + 1, 1);
	if (!sheet->of_life || !sheet->of_mark || !sheet->row)
		return false;
	for (size_t i = 0; i < h->n_lives; i++)
		sheet->of_life[i] =
			slot_of(sheet, &h->lives[i].key.pair.server, h->lives[i].key.port);
	for (size_t i = 0; i < h->n_marks; i++)
		sheet->of_mark[i] = slot_of(sheet, &h->marks[i].server, h->marks[i].port);
	return true;
}

/* ----------------------------------------------------------------------- a label */

/* To its steps, where they are listed */
static void link_refusal(FILE *out, const struct html_incident *incident)
{
	if (incident && incident->number)
		fprintf(out, "<a href=\"#r%zu\">", incident->number);
	else
		fputs("<a href=\"#refused\">", out);
}

/* An address of IPv6 may be longer than there is room: its middle goes */
static void label_text(FILE *out, const char *text)
{
	size_t n = strlen(text);

	if (n <= 27)
		fputs(text, out);
	else
		fprintf(out, "%.13s&hellip;%s", text, text + n - 13);
}

/* How many, or which one; it leads to the first */
static void label_pinholes(const struct timeline_sheet *sheet, const struct lane *lane)
{
	FILE *out = sheet->page->out;

	if (lane->first_life <= HTML_LISTED)
		fprintf(out, "<a href=\"#p%zu\">", lane->first_life);
	else
		fputs("<a href=\"#pinholes\">", out);
	if (sheet->by_server || lane->more_interfaces) {
		html_count(out, lane->lives, "pinhole", "pinholes");
	} else {
		html_interface(out, &lane->interface);
		if (lane->lives > 1)
			fprintf(out, " &times;%zu", lane->lives);
	}
	fputs("</a>", out);
}

static void draw_label(const struct timeline_sheet *sheet, const struct lane *lane, size_t slot,
		       double height)
{
	FILE *out = sheet->page->out;
	bool others = sheet->others && slot == sheet->n_slots - 1;
	char text[WORDS_ENDPOINT];

	fprintf(out, "<text class=lane x=0 y=%.1f>", sheet->y + 14);
	if (others) {
		html_count(out, sheet->others, "other server", "other servers");
	} else {
		if (sheet->by_server)
			rpcgate_addr_format(&lane->key.server, text);
		else
			words_endpoint(&lane->key.server, lane->key.port, text);
		label_text(out, text);
	}
	fprintf(out, "</text><text class=sub x=0 y=%.1f>", sheet->y + 27);
	if (lane->lives)
		label_pinholes(sheet, lane);
	else
		fputs("no pinhole", out);
	if (lane->refused) {
		fputs(" &middot; ", out);
		link_refusal(out, lane->first_refusal);
		fputs("<tspan class=no>", out);
		html_number(out, lane->refused);
		fputs(" refused</tspan></a>", out);
	}
	fputs("</text>\n", out);
	fprintf(out, "<path class=rule d=\"M0 %.1fH%.1f\"/>\n", sheet->y + height, SHEET);
}

/* ------------------------------------------------------------------ a lane of bars */

/* Put bars that would cover each other into rows.  @return rows needed; 0: too many */
static size_t pack(struct timeline_sheet *sheet, size_t slot)
{
	const struct html *h = sheet->page->html;
	double end[ROWS_IN_LANE] = { 0 };
	size_t used = 0;

	for (size_t i = 0; i < h->n_lives; i++) {
		double from, to;
		size_t row = 0;

		if (sheet->of_life[i] != slot)
			continue;
		from = html_axis_x(&sheet->axis, h->lives[i].at.time_ns);
		to = html_axis_x(&sheet->axis, html_end_of(sheet->page, &h->lives[i]));
		while (row < used && end[row] > from)
			row++;
		if (row == ROWS_IN_LANE)
			return 0;
		if (row == used)
			used++;
		end[row] = (to > from + 3 ? to : from + 3) + 1;
		sheet->row[i] = (uint8_t)row;
	}
	return used ? used : 1;
}

static const char *end_of(const struct html_life *life)
{
	static const char *const how[] = {
		[RPCGATE_PINHOLE_EXPIRE] = "ran out",
		[RPCGATE_PINHOLE_CLOSE] = "closed",
		[RPCGATE_PINHOLE_EVICT] = "evicted",
	};

	if (life->end_ns == UINT64_MAX)
		return "open at the end";
	return (size_t)life->how < sizeof(how) / sizeof(how[0]) && how[life->how] ? how[life->how] :
										    "ended";
}

/* What a bar means, in words */
static void say_life(const struct html_page *page, const struct html_life *life)
{
	FILE *out = page->out;

	html_addr(out, &life->key.pair.client);
	fputs(" to ", out);
	html_endpoint(out, &life->key.pair.server, life->key.port);
	for (size_t i = 0; i < life->n_interfaces && i < HTML_INTERFACES; i++) {
		fputs(", ", out);
		html_interface(out, &life->interface[i]);
	}
	fputs(": ", out);
	html_duration(out, html_end_of(page, life) - life->at.time_ns);
	fprintf(out, ", %s, ", end_of(life));
	html_count(out, life->uses, "use", "uses");
}

static void draw_bar(const struct timeline_sheet *sheet, size_t number)
{
	const struct html_life *life = &sheet->page->html->lives[number];
	FILE *out = sheet->page->out;
	double from = html_axis_x(&sheet->axis, life->at.time_ns);
	double to = html_axis_x(&sheet->axis, html_end_of(sheet->page, life));
	double y = sheet->y + 5 + ROW * sheet->row[number];
	bool linked = number < HTML_LISTED;

	if (to < from + 3)
		to = from + 3;
	if (linked)
		fprintf(out, "<a href=\"#p%zu\">", number + 1);
	fprintf(out, "<rect class=\"bar%s\" x=%.1f y=%.1f width=%.1f height=%.1f rx=2><title>",
		life->end_ns == UINT64_MAX ? " open" : "", LEFT + from, y, to - from, BAR);
	say_life(sheet->page, life);
	fprintf(out, "</title></rect>%s\n", linked ? "</a>" : "");
}

static void draw_uses(const struct timeline_sheet *sheet, size_t slot)
{
	const struct html *h = sheet->page->html;
	FILE *out = sheet->page->out;

	fputs("<path class=use d=\"", out);
	for (size_t i = 0; i < h->n_marks; i++) {
		const struct html_mark *use = &h->marks[i];

		if (sheet->of_mark[i] != slot || use->refused || !use->life)
			continue;
		fprintf(out, "M%.1f %.1fv%.1f", LEFT + html_axis_x(&sheet->axis, use->time_ns),
			sheet->y + 3.5 + ROW * sheet->row[use->life - 1], BAR + 3);
	}
	fputs("\"/>\n", out);
}

/* Refusals so close that one sign stands for them */
struct sign {
	double x;
	const struct html_incident *incident; /* of the first */
	size_t count;
};

/* @return how many signs there are, up to @p most + 1 */
static size_t gather_signs(const struct timeline_sheet *sheet, size_t slot, struct sign *signs,
			   size_t most)
{
	const struct html *h = sheet->page->html;
	size_t n = 0;

	for (size_t i = 0; i < h->n_marks; i++) {
		double x;

		if (sheet->of_mark[i] != slot || !h->marks[i].refused)
			continue;
		x = LEFT + html_axis_x(&sheet->axis, h->marks[i].time_ns);
		if (n && x < signs[n - 1].x + SIGN_APART) {
			signs[n - 1].count++;
			continue;
		}
		if (n == most)
			return most + 1;
		signs[n++] = (struct sign){ x, h->marks[i].incident, 1 };
	}
	return n;
}

static void draw_sign(const struct timeline_sheet *sheet, const struct sign *sign, double y)
{
	const struct html_incident *incident = sign->incident;
	FILE *out = sheet->page->out;

	link_refusal(out, incident);
	fprintf(out, "<path class=\"mark no\" d=\"" SIGN "\"><title>", sign->x, y);
	if (incident) {
		fprintf(out, "%s: ",
			rpcgate_reason_name((enum rpcgate_reason)incident->key.what.reason));
		html_addr(out, &incident->key.what.client);
		if (!words_uuid_is_nil(&incident->key.what.interface.uuid)) {
			fputs(", ", out);
			html_interface(out, &incident->key.what.interface);
		}
	}
	if (sign->count > 1 || !incident)
		fprintf(out, "%s%zu refused or suspicious", incident ? "; together " : "",
			sign->count);
	fputs("</title></path></a>\n", out);
}

/* Too many to lead anywhere one by one */
static void draw_all_signs(const struct timeline_sheet *sheet, const struct lane *lane, size_t slot,
			   double y)
{
	const struct html *h = sheet->page->html;
	FILE *out = sheet->page->out;
	double last = -10;

	fprintf(out,
		"<a href=\"#refused\" aria-label=\"%zu refused or suspicious\">"
		"<path class=\"mark no\" d=\"",
		lane->refused);
	for (size_t i = 0; i < h->n_marks; i++) {
		double x;

		if (sheet->of_mark[i] != slot || !h->marks[i].refused)
			continue;
		x = LEFT + html_axis_x(&sheet->axis, h->marks[i].time_ns);
		if (x < last + SIGN_APART) /* covers the one before */
			continue;
		fprintf(out, SIGN, x, y);
		last = x;
	}
	fprintf(out, "\"><title>%zu refused or suspicious</title></path></a>\n", lane->refused);
}

static void draw_refusals(const struct timeline_sheet *sheet, const struct lane *lane, size_t slot,
			  double y)
{
	struct sign signs[ALONE_IN_LANE];
	size_t n = gather_signs(sheet, slot, signs, ALONE_IN_LANE);

	if (n > ALONE_IN_LANE) {
		draw_all_signs(sheet, lane, slot, y);
		return;
	}
	for (size_t i = 0; i < n; i++)
		draw_sign(sheet, &signs[i], y);
}

static double height_of(size_t rows, const struct lane *lane)
{
	double height = 10 + ROW * (double)rows * (lane->lives > 0) + (lane->refused ? 12 : 0);

	return height > LANE_MIN ? height : LANE_MIN;
}

static double draw_bars(struct timeline_sheet *sheet, const struct lane *lane, size_t slot,
			size_t rows)
{
	const struct html *h = sheet->page->html;
	double height = height_of(rows, lane);

	draw_label(sheet, lane, slot, height);
	for (size_t i = 0; i < h->n_lives; i++)
		if (sheet->of_life[i] == slot)
			draw_bar(sheet, i);
	draw_uses(sheet, slot);
	draw_refusals(sheet, lane, slot, sheet->y + 6 + (lane->lives ? ROW * (double)rows : 0));
	return height;
}

/* ---------------------------------------------------------------- a lane that counts */

struct counts {
	int64_t open[STEPS + 1];
	uint64_t uses[STEPS];
	bool refused[STEPS];
	int64_t most;
};

static size_t step_at(const struct timeline_sheet *sheet, uint64_t ns)
{
	double x = html_axis_x(&sheet->axis, ns) / STEP;

	return x >= STEPS - 1 ? STEPS - 1 : (size_t)x;
}

static void count_lane(const struct timeline_sheet *sheet, size_t slot, struct counts *c)
{
	const struct html *h = sheet->page->html;

	for (size_t i = 0; i < h->n_lives; i++) {
		if (sheet->of_life[i] != slot)
			continue;
		c->open[step_at(sheet, h->lives[i].at.time_ns)]++;
		c->open[step_at(sheet, html_end_of(sheet->page, &h->lives[i])) + 1]--;
	}
	for (size_t i = 1; i < STEPS; i++)
		c->open[i] += c->open[i - 1];
	for (size_t i = 0; i < STEPS; i++)
		if (c->open[i] > c->most)
			c->most = c->open[i];
	for (size_t i = 0; i < h->n_marks; i++) {
		const struct html_mark *mark = &h->marks[i];

		if (sheet->of_mark[i] != slot)
			continue;
		c->uses[step_at(sheet, mark->time_ns)] += !mark->refused;
		c->refused[step_at(sheet, mark->time_ns)] |= mark->refused;
	}
}

static double draw_counts(struct timeline_sheet *sheet, const struct lane *lane, size_t slot)
{
	FILE *out = sheet->page->out;
	double base = sheet->y + 6 + COUNTED;
	double height = COUNTED + 16 + (lane->refused ? 12 : 0);
	struct counts c = { 0 };

	sheet->counted = true;
	count_lane(sheet, slot, &c);
	draw_label(sheet, lane, slot, height);
	fputs("<text class=sub x=0 y=", out);
	fprintf(out, "%.1f>up to ", sheet->y + 40);
	html_number(out, (uint64_t)c.most);
	fputs(" in one step</text>\n<a href=\"#pinholes\"><path class=area d=\"", out);
	fprintf(out, "M%.1f %.1f", LEFT, base);
	for (size_t i = 0; i < STEPS; i++)
		fprintf(out, "V%.1fh%.0f",
			base - (c.most ? COUNTED * (double)c.open[i] / (double)c.most : 0), STEP);
	fprintf(out, "V%.1fz\"><title>", base);
	html_count(out, lane->lives, "pinhole", "pinholes");
	fputs(", ", out);
	html_count(out, lane->uses, "use", "uses");
	fputs("</title></path></a>\n<path class=use d=\"", out);
	for (size_t i = 0; i < STEPS; i++)
		if (c.uses[i])
			fprintf(out, "M%.1f %.1fv4", LEFT + STEP * ((double)i + 0.5), base + 1.5);
	fputs("\"/>\n", out);
	draw_refusals(sheet, lane, slot, base + 8);
	return height;
}

/* ----------------------------------------------------------------------- the sheet */

static double draw_lane(struct timeline_sheet *sheet, size_t slot)
{
	const struct lane *lane = &sheet->slot[slot];
	size_t rows = 0;

	if (lane->lives <= LIVES_IN_LANE && lane->uses <= MARKS_IN_LANE)
		rows = pack(sheet, slot);
	return rows ? draw_bars(sheet, lane, slot, rows) : draw_counts(sheet, lane, slot);
}

/* The picture is put together first: its height is known at the end */
static bool draw(struct timeline_sheet *sheet)
{
	FILE *page_out = sheet->page->out;
	char *text = NULL;
	size_t size = 0;

	sheet->page->out = open_memstream(&text, &size);
	if (!sheet->page->out) {
		sheet->page->out = page_out;
		return false;
	}
	sheet->y = TOP + 4;
	for (size_t i = 0; i < sheet->n_slots; i++)
		sheet->y += draw_lane(sheet, i);
	fclose(sheet->page->out);
	sheet->page->out = page_out;
	if (!text)
		return false;
	fprintf(page_out,
		"<div class=wide tabindex=0 role=group aria-label=\"Timeline of pinholes\">"
		"<svg class=timeline viewBox=\"0 0 %.0f %.0f\" role=group "
		"aria-label=\"Timeline: a lane for each %s, with %zu pinholes\">\n",
		SHEET, sheet->y + 6, sheet->by_server ? "server" : "server and port",
		sheet->page->html->n_lives);
	html_axis_draw(&sheet->axis, sheet->page, LEFT, TOP - 6, sheet->y);
	fputs(text, page_out);
	fputs("</svg></div>\n", page_out);
	free(text);
	return true;
}

static void legend(const struct timeline_sheet *sheet)
{
	const struct html *h = sheet->page->html;
	FILE *out = sheet->page->out;

	fputs("<p class=legend>"
	      "<svg width=26 height=12 aria-hidden=true><rect class=bar x=1 y=2 width=24 height=9 "
	      "rx=2 /></svg> a pinhole, from opening to end "
	      "<svg width=10 height=14 aria-hidden=true><path class=use d=\"M5 1v12\"/></svg> "
	      "the server accepted a bind "
	      "<svg width=12 height=12 aria-hidden=true><path class=\"mark no\" "
	      "d=\"M6 1.5l4.5 4.5-4.5 4.5-4.5-4.5z\"/></svg> refused or suspicious",
	      out);
	if (sheet->axis.n > 1)
		fputs(" <svg width=10 height=14 aria-hidden=true class=cut><rect x=1 y=1 width=8 "
		      "height=12 /></svg> time left out, in which nothing was open or refused",
		      out);
	if (sheet->counted)
		fputs(" <svg width=26 height=14 aria-hidden=true><path class=area "
		      "d=\"M1 13V8h8V3h8v6h8v4z\"/></svg> many pinholes: how many were open, in steps",
		      out);
	fputs("</p>\n", out);
	if (h->lost_lives)
		html_left_out(out, h->lost_lives, "pinhole", "pinholes",
			      "counted in the sums, but not drawn");
	if (h->lost_marks)
		html_left_out(out, h->lost_marks, "use or refusal", "uses or refusals",
			      "counted, but not drawn");
}

void html_write_timeline(struct html_page *page)
{
	struct timeline_sheet sheet = { .page = page };

	html_heading(page->out, "timeline", "When what was open");
	if (!page->html->n_lives && !page->html->n_marks) {
		fputs("<p>Nothing was opened, and nothing refused.</p>\n", page->out);
		return;
	}
	choose(&sheet);
	if (!html_axis_make(&sheet.axis, page, WIDTH) || !assign(&sheet) || !draw(&sheet))
		page->failed = true;
	else
		legend(&sheet);
	rows_free(&sheet.lanes);
	free(sheet.of_life);
	free(sheet.of_mark);
	free(sheet.row);
}
