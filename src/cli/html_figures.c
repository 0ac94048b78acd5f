/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_figures.c - dynamic ports used, clashes, time from announcement to bind */
#include <inttypes.h>
#include <string.h>

#include "html_parts.h"
#include "rule_text.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define CLASHES_MAX 40
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define STRIP_WIDTH 1000.0
#define FIRST_PORT 1024U
#define PORTS (65536U - FIRST_PORT)

/* ------------------------------------------------------------------------ the ports */

static double port_x(unsigned int port)
{
	return STRIP_WIDTH * (double)(port - FIRST_PORT) / (double)PORTS;
}

static size_t mark_ports(const struct html *h, uint8_t *used)
{
	size_t n = 0;

	for (size_t i = 0; i < h->pins.n; i++) {
		const struct html_pin *pin = h->pins.all[i];

		n += !used[pin->key.port];
		used[pin->key.port] = 1;
	}
	return n;
}

/* Ports beside each other become one mark, so there are never more than the strip has points */
static void draw_ports(FILE *out, const uint8_t *used)
{
	double drawn = -1;

	fputs("<path class=use d=\"", out);
	for (unsigned int port = FIRST_PORT; port <= UINT16_MAX; port++) {
		double x = port_x(port);

		if (!used[port] || x < drawn + 0.8)
			continue;
		fprintf(out, "M%.1f 4v24", x);
		drawn = x;
	}
	fputs("\"/>", out);
}

static void draw_scale(FILE *out)
{
	static const unsigned int labels[] = { 1024, 10000, 20000, 30000, 40000, 49152, 60000 };

	for (size_t i = 0; i < COUNT(labels); i++)
		fprintf(out,
			"<path class=grid d=\"M%.1f 32v5\"/>"
			"<text class=axis x=%.1f y=48>%u</text>",
			port_x(labels[i]), port_x(labels[i]), labels[i]);
}

static void write_ports(struct html_page *page)
{
	struct peak peak = suggestion_peak(&page->html->suggestion);
	uint8_t used[UINT16_MAX + 1] = { 0 };
	size_t n = mark_ports(page->html, used);
	FILE *out = page->out;
	char moment[32];

	fputs("<h3>Dynamic ports</h3>\n", out);
	if (!peak.ports) {
		fputs("<p>None was opened.</p>\n", out);
		return;
	}
	fputs("<p>", out);
	html_count(out, n, "port number was", "different port numbers were");
	fputs(" opened; at most <a href=\"#pinholes\">", out);
	html_number(out, peak.ports);
	fprintf(out, "</a> %s of servers were open at one time (%s), at most ",
		peak.ports == 1 ? "port" : "ports", suggestion_moment(peak.at_ns, moment));
	html_number(out, peak.of_server);
	fputs(" on one server (", out);
	html_addr(out, &peak.server);
	fputs("). As client, server and port at most ", out);
	html_number(out, peak.triples);
	fputs(".</p>\n", out);
	fprintf(out,
		"<svg class=strip viewBox=\"0 0 %.0f 52\" role=img aria-label=\"%zu ports of "
		"64,512, where they lie between 1024 and 65535\">"
		"<rect class=back x=0 y=4 width=%.0f height=24 rx=2 />"
		"<rect class=range x=%.1f y=4 width=%.1f height=24 />",
		STRIP_WIDTH, n, STRIP_WIDTH, port_x(49152), STRIP_WIDTH - port_x(49152));
	draw_ports(out, used);
	draw_scale(out);
	fputs("</svg>\n<p class=legend>Each mark is a port that was opened to somebody; the shaded "
	      "range is 49152 to 65535, which Windows uses and a port filter would open.</p>\n",
	      out);
}

static void write_clashes(struct html_page *page)
{
	struct rows *clashes = &page->html->suggestion.clashes;
	FILE *out = page->out;

	rows_sort_by_key(clashes);
	fputs("<h3>Clashes with reserved ports</h3>\n", out);
	if (!clashes->n) {
		fputs("<p class=good>No announced port is reserved or out of range.</p>\n", out);
		return;
	}
	fputs("<div class=wide tabindex=0 role=group aria-label=\"Clashes\"><table><thead><tr>"
	      "<th scope=col>Announced</th><th scope=col>Interface</th><th scope=col>Reason</th>"
	      "<th scope=col class=n>Times</th><th scope=col>To allow it</th></tr></thead><tbody>\n",
	      out);
	for (size_t i = 0; i < clashes->n && i < CLASHES_MAX; i++) {
		const struct clash *clash = clashes->all[i];
		const struct rpcgate_syntax id = { clash->key.uuid, clash->key.major, 0 };
		const size_t number =
			html_announced_number(page->html, &clash->key.server, clash->key.port, &id);

		fputs("<tr><td>", out);
		html_endpoint(out, &clash->key.server, clash->key.port);
		fputs("</td><td>", out);
		html_interface(out, &id);
		fprintf(out, "</td><td><code>%s</code></td><td class=n>",
			rpcgate_reason_name((enum rpcgate_reason)clash->key.reason));
		if (number)
			fprintf(out, "<a href=\"#a%zu\">", number);
		html_number(out, clash->count);
		fputs(number ? "</a>" : "", out);
		if (clash->key.reason == RPCGATE_REASON_PORT_RESERVED)
			fprintf(out, "</td><td><code>reserved -%u</code></td></tr>\n",
				clash->key.port);
		else
			fputs("</td><td>a wider <code>dynamic-range</code></td></tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
	html_left_out(out, clashes->n > CLASHES_MAX ? clashes->n - CLASHES_MAX : 0, "clash",
		      "clashes", "rpcgate suggest lists them");
}

/* ------------------------------------------------------------------------- the gaps */

static const struct {
	const char *name;
	uint64_t up_to_ns;
} steps[] = {
	{ "1 ms", NS_PER_MS },       { "3 ms", 3 * NS_PER_MS },     { "10 ms", 10 * NS_PER_MS },
	{ "30 ms", 30 * NS_PER_MS }, { "100 ms", 100 * NS_PER_MS }, { "300 ms", 300 * NS_PER_MS },
	{ "1 s", NS_PER_S },         { "3 s", 3 * NS_PER_S },       { "10 s", 10 * NS_PER_S },
	{ "30 s", 30 * NS_PER_S },   { "2 min", 120 * NS_PER_S },   { "5 min", 300 * NS_PER_S },
	{ "1 h", 3600 * NS_PER_S },  { "more", UINT64_MAX },
};

#define COLUMN 66.0
#define CURVE 120.0
#define COLUMNS 14
#define CHART (COLUMN * COLUMNS)
_Static_assert(COUNT(steps) == COLUMNS, "a step without a column");

/* The first listed row of binds with a gap between two; 0: none */
static size_t bind_between(const struct html *h, uint64_t over_ns, uint64_t up_to_ns)
{
	for (size_t i = 0; i < h->binds.n && i < HTML_LISTED; i++) {
		const struct html_bind *bind = h->binds.all[i];

		if (bind->key.verdict == RPCGATE_DENY || !bind->has_age)
			continue;
		if ((bind->age_min_ns > over_ns && bind->age_min_ns <= up_to_ns) ||
		    (bind->age_max_ns > over_ns && bind->age_max_ns <= up_to_ns))
			return bind->number;
	}
	return 0;
}

static void link_bind(FILE *out, size_t number)
{
	if (number)
		fprintf(out, "<a href=\"#b%zu\">", number);
	else
		fputs("<a href=\"#binds\">", out);
}

static void draw_gaps(const struct html_page *page, const size_t *counts)
{
	FILE *out = page->out;
	size_t most = 1;

	for (size_t i = 0; i < COUNT(steps); i++)
		if (counts[i] > most)
			most = counts[i];
	fprintf(out,
		"<svg class=gaps viewBox=\"0 0 %.0f %.0f\" role=group aria-label=\"Distribution of "
		"the time from announcement to bind; the sentence below has its figures\">",
		CHART, CURVE + 46);
	for (size_t i = 0; i < COUNT(steps); i++) {
		double height = CURVE * (double)counts[i] / (double)most;
		double x = COLUMN * (double)i;

		if (counts[i] && height < 2)
			height = 2;
		fprintf(out,
			"<rect class=bar x=%.1f y=%.1f width=%.1f height=%.1f rx=2 />"
			"<text class=axis x=%.1f y=%.1f text-anchor=middle>%s</text>",
			x + 6, CURVE + 20 - height, COLUMN - 12, height, x + COLUMN / 2, CURVE + 37,
			steps[i].name);
		if (!counts[i])
			continue;
		link_bind(out, bind_between(page->html, i ? steps[i - 1].up_to_ns : 0,
					    steps[i].up_to_ns));
		fprintf(out, "<text class=value x=%.1f y=%.1f text-anchor=middle>", x + COLUMN / 2,
			CURVE + 14 - height);
		html_number(out, counts[i]);
		fprintf(out, "<title>up to %s</title></text></a>", steps[i].name);
	}
	fprintf(out, "<path class=rule d=\"M0 %.1fH%.0f\"/></svg>\n", CURVE + 20.5, CHART);
}

static uint64_t percentile(const struct suggestion *s, unsigned int percent)
{
	return s->gaps[(s->n_gaps * percent + 99) / 100 - 1];
}

static void write_gaps(struct html_page *page)
{
	struct suggestion *s = &page->html->suggestion;
	uint32_t ttl = suggestion_ttl(s); /* sorts the gaps, too */
	size_t counts[COUNT(steps)] = { 0 };
	FILE *out = page->out;
	uint64_t longest_ns;

	fputs("<h3>Time from announcement to bind</h3>\n", out);
	if (!s->n_gaps) {
		fputs("<p>Nothing was bound after an announcement.</p>\n", out);
		return;
	}
	for (size_t i = 0, k = 0; i < s->n_gaps; i++) {
		while (s->gaps[i] > steps[k].up_to_ns)
			k++;
		counts[k]++;
	}
	draw_gaps(page, counts);
	fputs("<p><a href=\"#binds\">", out);
	html_count(out, s->n_gaps, "bind", "binds");
	fputs("</a>: half within ", out);
	html_duration(out, percentile(s, 50));
	fputs(", 95 % within ", out);
	html_duration(out, percentile(s, 95));
	fputs(", 99 % within ", out);
	html_duration(out, percentile(s, 99));
	fputs(", the longest ", out);
	longest_ns = s->gaps[s->n_gaps - 1];
	link_bind(out, bind_between(page->html, longest_ns > NS_PER_US ? longest_ns - NS_PER_US : 0,
				    longest_ns + NS_PER_US));
	html_duration(out, longest_ns);
	fprintf(out,
		"</a>. A life of <code>%" PRIu32
		"s</code> would be twice what 99 %% need; pinholes "
		"lived <code>%" PRIu32 "s</code> here.</p>\n",
		ttl, page->cfg->pinhole_ttl_s);
}

void html_write_figures(struct html_page *page)
{
	html_heading(page->out, "figures", "Ports and times");
	write_ports(page);
	write_clashes(page);
	write_gaps(page);
}
