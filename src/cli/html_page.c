/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_page.c - the whole page, in order */
#include <inttypes.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "html_parts.h"
#include "report_page.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_DAY (UINT64_C(86400) * 1000000000)
#define SETTINGS_MAX 20      /* of --set that are shown */
#define FAULTY_MAX 40        /* inputs that are named */
#define WINDOWS_PORTS 16384U /* 49152 to 65535, the range of Windows (KB832017) */

/* ----------------------------------------------------------------------- the result */

/* What is compared: ports times time that would stand open, and that were open */
struct exposure {
	unsigned int ports;
	char range[64];
	uint64_t pairs;
	uint64_t silent_ns;
	double standing_us;
	double open_us;
	double factor; /* 0: nothing to compare */
};

static void measure_range(const struct rpcgate_port_list *range, struct exposure *e)
{
	e->ports = WINDOWS_PORTS;
	snprintf(e->range, sizeof(e->range), "49152 to 65535");
	if (!range->n)
		return;
	e->ports = 0;
	for (size_t i = 0; i < range->n; i++)
		e->ports += range->range[i].last - range->range[i].first + 1U;
	if (range->n == 1)
		snprintf(e->range, sizeof(e->range), "%u to %u", range->range[0].first,
			 range->range[0].last);
	else
		snprintf(e->range, sizeof(e->range), "%" PRIu32 " ranges of ports", range->n);
}

static void measure(const struct html_page *page, struct exposure *e)
{
	const struct html *h = page->html;
	uint64_t last_ns = page->input->last_ns;
	uint64_t time_ns = 0;
	uint64_t open_us = h->open_us;

	memset(e, 0, sizeof(*e));
	measure_range(&page->cfg->dynamic_range, e);
	for (size_t i = 0; i < h->pins.n; i++) {
		const struct html_pin *pin = h->pins.all[i];

		if (pin->open && last_ns > pin->since_ns)
			open_us += (last_ns - pin->since_ns) / NS_PER_US;
	}
	e->pairs = h->pairs.n;
	for (size_t i = 0; i < h->n_spans; i++)
		time_ns += h->spans[i].to_ns - h->spans[i].from_ns;
	if (last_ns - page->input->first_ns > time_ns)
		e->silent_ns = last_ns - page->input->first_ns - time_ns;
	e->standing_us = (double)e->ports * (double)e->pairs * ((double)time_ns / 1000);
	e->open_us = (double)open_us;
	if (open_us && e->standing_us > e->open_us)
		e->factor = e->standing_us / e->open_us;
}

/* A port for a second, and what there are of them, with as many digits as mean something */
static void port_time(FILE *out, double us)
{
	static const struct {
		double us;
		const char *name;
	} units[] = {
		{ 31557600e6, "port-years" }, { 86400e6, "port-days" }, { 3600e6, "port-hours" },
		{ 60e6, "port-minutes" },     { 1e6, "port-seconds" },
	};
	size_t i = 0;
	double value;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && us < units[i].us)
		i++;
	value = us / units[i].us;
	if (value >= 100)
		html_number(out, (uint64_t)(value + 0.5));
	else
		fprintf(out, "%.*f", value < 1 ? 3 : 1, value);
	fprintf(out, " %s", units[i].name);
}

static uint64_t rounded(double factor)
{
	uint64_t step = 1;

	while (factor / (double)step >= 1000)
		step *= 10;
	return (uint64_t)(factor / (double)step + 0.5) * step;
}

static void write_headline(const struct html_page *page, const struct exposure *e)
{
	FILE *out = page->out;

	fputs("<h1>", out);
	if (e->factor >= 2) {
		fputs("Open ports shrink by a factor of <span class=factor>", out);
		html_number(out, rounded(e->factor));
		fputs("</span>", out);
	} else if (page->html->n_opened) {
		fputs("Pinholes were opened for what was announced", out);
	} else if (page->input->stats.flows_rpc) {
		fputs("No dynamic port had to be opened", out);
	} else {
		fputs("No RPC was seen", out);
	}
	fputs("</h1>\n", out);
}

static void write_sentence(const struct html_page *page, const struct exposure *e)
{
	const struct rpcgate_stats *stats = &page->input->stats;
	FILE *out = page->out;

	fputs("<p class=lead>", out);
	if (e->factor >= 2) {
		html_count(out, e->pairs, "pair of client and server needs",
			   "pairs of client and server need");
		fputs(" dynamic ports. A standing rule for ", out);
		fputs(e->range, out);
		fputs(" would keep <b>", out);
		port_time(out, e->standing_us);
		fputs("</b> open; <a href=\"#pinholes\">", out);
		html_count(out, page->html->n_opened, "pinhole", "pinholes");
		fputs("</a> kept <b>", out);
		port_time(out, e->open_us);
		fputs("</b> open. ", out);
	}
	fputs("<a href=\"#binds\">", out);
	html_count(out, stats->binds_allowed + stats->binds_logged, "bind", "binds");
	fputs("</a> would be allowed, <a href=\"#refused\">", out);
	html_number(out, stats->binds_denied);
	fputs("</a>&nbsp;refused.</p>\n", out);
	if (e->factor < 2)
		return;
	fputs("<p class=note>Compared is time times ports, for each pair to which anything was opened; a "
	      "pinhole is one port of one server for one client. "
	      "Pinholes are measured up to the end of the input.",
	      out);
	if (e->silent_ns) {
		fputs(" Silences of more than ten minutes, ", out);
		html_duration(out, e->silent_ns);
		fputs(" together, are not counted for the standing rule.", out);
	}
	if (page->html->lost_pinholes) {
		putc(' ', out);
		html_count(out, page->html->lost_pinholes, "opening", "openings");
		fputs(" found no room here and count on neither side.", out);
	}
	fputs("</p>\n", out);
}

static void tile(FILE *out, uint64_t n, const char *what, const char *where, bool bad)
{
	fprintf(out, "<li><a href=\"#%s\"><b%s>", where, bad && n ? " class=no" : "");
	html_number(out, n);
	fprintf(out, "</b> %s</a></li>\n", what);
}

/* What the verdicts depend on, beside the packets */
static void write_settings(const struct html_page *page)
{
	const struct option_list *set = page->html->set;
	FILE *out = page->out;

	if (!page->policy && !set->n)
		return;
	fputs("<p class=kicker>", out);
	if (page->policy) {
		fputs("judged by the policy <code>", out);
		html_text(out, page->policy);
		fputs("</code> ", out);
	}
	for (size_t i = 0; i < set->n && i < SETTINGS_MAX; i++) {
		fputs(i ? ", <code>" : "with <code>", out);
		html_text(out, set->value[i]);
		fputs("</code>", out);
	}
	fputs(set->n > SETTINGS_MAX ? ", &hellip;</p>\n" : "</p>\n", out);
}

void html_write_result(struct html_page *page)
{
	const struct report_input *in = page->input;
	struct exposure e;
	FILE *out = page->out;
	char from[WORDS_TIME], to[WORDS_TIME], octets[WORDS_NUMBER];

	measure(page, &e);
	fputs("<p class=kicker>rpcgate ", out);
	if (in->interface) {
		fputs("watch &middot; interface ", out);
		html_text(out, in->interface);
	} else {
		fputs("analyze &middot; ", out);
		html_count(out, in->extent.files, "file", "files");
	}
	fputs(" &middot; ", out);
	html_count(out, in->stats.packets, "packet", "packets");
	fprintf(out, " &middot; %s", words_octets(in->stats.octets, octets));
	if (in->stats.packets) {
		fprintf(out, " &middot; %s to %s UTC",
			words_moment(in->first_ns, "%Y-%m-%d %H:%M:%S", from),
			words_moment(in->last_ns, page->days ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S",
				     to));
		fprintf(out, " (%s)", words_duration(in->last_ns - in->first_ns, from));
	}
	fputs("</p>\n", out);
	write_settings(page);
	write_headline(page, &e);
	write_sentence(page, &e);
	fputs("<ul class=tiles>\n", out);
	tile(out, page->html->n_opened, "pinholes opened", "pinholes", false);
	tile(out, in->stats.binds_allowed + in->stats.binds_logged, "binds allowed", "binds",
	     false);
	tile(out, page->html->refused, "refused", "refused", true);
	tile(out, page->html->suspicious, "suspicious", "refused", true);
	fputs("</ul>\n", out);
}

/* ----------------------------------------------------------------------- the policy */

/* Whole lines up to a size, so that a page stays a page */
static void write_cut(struct html_page *page, char *text)
{
	size_t n = strlen(text);
	size_t lines = 0;
	char *end;

	if (n > HTML_POLICY_MAX) {
		end = text + HTML_POLICY_MAX;
		while (end > text && end[-1] != '\n')
			end--;
		for (const char *p = end; *p; p++)
			lines += *p == '\n';
		*end = '\0';
	}
	html_whole(page->out, text);
	if (lines)
		fprintf(page->out,
			"# ... %zu more lines: this is no policy yet, 'rpcgate suggest' "
			"writes the whole\n",
			lines);
}

static void write_policy(struct html_page *page)
{
	struct suggestion *s = &page->html->suggestion;
	FILE *out = page->out;
	char *text = NULL;
	size_t size = 0;
	FILE *memory;

	html_heading(out, "policy", "Suggested policy");
	memory = open_memstream(&text, &size);
	if (!memory || !suggestion_finish(s)) {
		page->failed = true;
		if (memory)
			fclose(memory);
		free(text);
		return;
	}
	suggestion_print_policy(s, memory);
	if (fclose(memory) != 0 || !text) {
		page->failed = true;
		free(text);
		return;
	}
	if (s->incomplete)
		fputs("<p class=no>There was more than can be kept: rules are missing here.</p>\n",
		      out);
	fputs("<p>The least that would allow what passed here; refusals stay refused. Put it into a "
	      "file and try it: <code>rpcgate analyze --policy FILE</code>.</p>\n"
	      "<div class=code><button type=button hidden data-copy=suggested>Copy</button>"
	      "<pre id=suggested tabindex=0 aria-label=\"Suggested policy\">",
	      out);
	write_cut(page, text);
	fputs("</pre></div>\n", out);
	free(text);
}

/* ---------------------------------------------------------------------- the quality */

/* What standard error said of inputs, in order of their names */
static void write_faulty(const struct report_input *in, FILE *out)
{
	for (size_t i = 0; i < in->n_faulty && i < FAULTY_MAX; i++) {
		fputs("<li><code>", out);
		html_text(out, in->faulty[i].name);
		fputs("</code> ", out);
		html_text(out, in->faulty[i].text);
		fputs("</li>\n", out);
	}
	if (in->n_faulty <= FAULTY_MAX)
		return;
	fputs("<li>and ", out);
	html_count(out, in->n_faulty - FAULTY_MAX, "more input", "more inputs");
	fputs("</li>\n", out);
}

/* The number at its beginning leads to the first thing of the kind, where one is listed */
static void write_quality_line(const struct html_page *page, enum rpcgate_reason reason,
			       const char *line)
{
	const size_t digits = strspn(line, "0123456789,");
	FILE *out = page->out;

	if (digits && html_reason_link(page->html, reason, out)) {
		fprintf(out, "%.*s</a>", (int)digits, line);
		line += digits;
	}
	html_whole(out, line);
}

static void write_quality(struct html_page *page)
{
	FILE *out = page->out;
	char line[REPORT_QUALITY];
	size_t said = 0;

	html_heading(out, "quality", "Quality of the input");
	fputs("<ul class=plain>\n", out);
	if (page->input->interrupted) {
		fputs("<li class=no>reading was interrupted: this is about what came before</li>\n",
		      out);
		said++;
	}
	for (size_t i = 0; report_quality(page->input, i, line); i++) {
		if (!*line)
			continue;
		fputs("<li>", out);
		write_quality_line(page, report_quality_reason(i), line);
		fputs("</li>\n", out);
		said++;
	}
	write_faulty(page->input, out);
	if (!said)
		fputs("<li class=good>nothing to complain about</li>\n", out);
	fputs("</ul>\n", out);
}

/* ------------------------------------------------------------------------- the page */

/* What may run or colour the page, by its digest: nothing that an annotation could smuggle in */
static void write_digest(FILE *out, const char *text)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	char base64[BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE) + 1] = "";
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(text), (const uint8_t *)text);
	sha256_digest(&ctx, sizeof(digest), digest);
	base64_encode_raw(base64, sizeof(digest), digest);
	fprintf(out, "'sha256-%s'", base64);
}

static void write_head(const struct html_page *page)
{
	FILE *out = page->out;

	fputs("<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
	      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src ",
	      out);
	write_digest(out, html_style);
	fputs("; script-src ", out);
	write_digest(out, html_script);
	fputs("; base-uri 'none'; form-action 'none'\">\n"
	      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
	      "<meta name=color-scheme content=\"light dark\">\n"
	      "<meta name=generator content=\"rpcgate " RPCGATE_VERSION "\">\n"
	      "<title>rpcgate report</title>\n<style>",
	      out);
	fputs(html_style, out);
	fputs("</style>\n</head>\n<body>\n<a class=skip href=\"#result\">To the result</a>\n"
	      "<nav aria-label=Contents><b>rpcgate</b> <a href=\"#timeline\">Timeline</a> "
	      "<a href=\"#matrix\">Who talks to what</a> <a href=\"#refused\">Refused</a> "
	      "<a href=\"#figures\">Ports and times</a> <a href=\"#policy\">Policy</a> "
	      "<a href=\"#quality\">Quality</a> <a href=\"#events\">Events</a></nav>\n<main>\n",
	      out);
}

static const struct {
	const char *id;
	void (*write)(struct html_page *page);
} parts[] = {
	{ "timeline", html_write_timeline }, { "matrix", html_write_matrix },
	{ "refused", html_write_incidents }, { "figures", html_write_figures },
	{ "policy", write_policy },          { "quality", write_quality },
	{ "events", html_write_events },
};

bool html_write(struct html *html, const struct report_input *input,
		const struct rpcgate_config *cfg, const char *policy, FILE *out)
{
	struct html_page page = {
		.html = html,
		.input = input,
		.cfg = cfg,
		.policy = policy,
		.out = out,
		.days = input->first_ns / NS_PER_DAY != input->last_ns / NS_PER_DAY,
	};

	html_number_events(html);
	html_number_incidents(html);
	write_head(&page);
	fputs("<section id=result>\n", out);
	html_write_result(&page);
	fputs("</section>\n", out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		fprintf(out, "<section id=%s aria-labelledby=%s-h>\n", parts[i].id, parts[i].id);
		parts[i].write(&page);
		fputs("</section>\n", out);
	}
	fputs("</main>\n<footer>Written by rpcgate " RPCGATE_VERSION
	      ". Times are those of the packets, UTC. One file: it loads nothing.</footer>\n<script>",
	      out);
	fputs(html_script, out);
	fputs("</script>\n</body>\n</html>\n", out);
	return !page.failed;
}
