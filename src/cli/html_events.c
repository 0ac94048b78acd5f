/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_events.c - the rows that numbers link to: pinholes and binds, each with its packet */
#include <string.h>

#include "html_parts.h"

/* Refused ones first, then as it happened */
static int binds_order(const void *left, const void *right)
{
	const struct html_bind *a = *(const struct html_bind *const *)left;
	const struct html_bind *b = *(const struct html_bind *const *)right;

	if (a->key.verdict != b->key.verdict)
		return a->key.verdict > b->key.verdict ? -1 : 1;
	if (a->first.time_ns != b->first.time_ns)
		return a->first.time_ns < b->first.time_ns ? -1 : 1;
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

void html_number_binds(struct html *h)
{
	rows_sort(&h->binds, binds_order);
	for (size_t i = 0; i < h->binds.n && i < HTML_LISTED; i++)
		((struct html_bind *)h->binds.all[i])->number = i + 1;
}

size_t html_bind_number(const struct html *h, const struct html_bind_key *key)
{
	const struct html_bind *found = rows_find(&h->binds, key);

	return found ? found->number : 0;
}

static size_t listed(size_t n)
{
	return n < HTML_LISTED ? n : HTML_LISTED;
}

static void write_pinhole(const struct html_page *page, const struct html_life *life, size_t number)
{
	static const char *const how[] = {
		[RPCGATE_PINHOLE_EXPIRE] = "ran out",
		[RPCGATE_PINHOLE_CLOSE] = "closed",
		[RPCGATE_PINHOLE_EVICT] = "evicted",
	};
	FILE *out = page->out;

	fprintf(out, "<tr id=p%zu class=row><td>", number);
	html_addr(out, &life->key.pair.client);
	fputs("</td><td>", out);
	html_endpoint(out, &life->key.pair.server, life->key.port);
	fputs("</td><td>", out);
	for (size_t i = 0; i < life->n_interfaces && i < HTML_INTERFACES; i++) {
		fputs(i ? ", " : "", out);
		html_interface(out, &life->interface[i]);
	}
	if (life->n_interfaces > HTML_INTERFACES)
		fputs(", &hellip;", out);
	fputs("</td><td>", out);
	html_place(page, &life->at);
	fputs("</td><td class=n>", out);
	html_duration(out, html_end_of(page, life) - life->at.time_ns);
	fputs("</td><td class=n>", out);
	html_number(out, life->uses);
	fputs("</td><td>", out);
	if (life->end_ns == UINT64_MAX)
		fputs("open at the end", out);
	else
		fputs((size_t)life->how < sizeof(how) / sizeof(how[0]) && how[life->how] ?
			      how[life->how] :
			      "ended",
		      out);
	if (life->how > RPCGATE_PINHOLE_EXPIRE && life->reason != RPCGATE_REASON_NONE)
		fprintf(out, ": %s", rpcgate_reason_name(life->reason));
	fputs("</td></tr>\n", out);
}

static void filter(FILE *out, size_t rows, const char *where)
{
	if (rows > 20)
		fprintf(out,
			"<p class=filter hidden><label>Show only what contains <input type=search "
			"data-rows=\"%s .row\"></label> <output></output></p>\n",
			where);
}

static void write_pinholes(const struct html_page *page)
{
	const struct html *h = page->html;
	FILE *out = page->out;
	const size_t shown = listed(h->n_lives);

	fputs("<section id=pinholes aria-labelledby=pinholes-h>"
	      "<h3 id=pinholes-h>Pinholes</h3>\n",
	      out);
	if (!shown) {
		fputs("<p>None was opened.</p></section>\n", out);
		return;
	}
	filter(out, shown, "#pinholes");
	fputs("<div class=wide tabindex=0 role=group aria-label=\"Pinholes\"><table><thead><tr>"
	      "<th scope=col>Client</th><th scope=col>Server</th><th scope=col>Interfaces</th>"
	      "<th scope=col>Opened</th><th scope=col class=n>Life</th>"
	      "<th scope=col class=n>Uses</th><th scope=col>End</th></tr></thead><tbody>\n",
	      out);
	for (size_t i = 0; i < shown; i++)
		write_pinhole(page, &h->lives[i], i + 1);
	fputs("</tbody></table></div>\n", out);
	html_left_out(out, h->n_opened - shown, "pinhole", "pinholes",
		      "rpcgate analyze --json has them all");
	fputs("</section>\n", out);
}

static void write_bind(const struct html_page *page, const struct html_bind *bind)
{
	static const char *const verdicts[] = { "allow", "log", "deny" };
	bool denied = bind->key.verdict == RPCGATE_DENY;
	FILE *out = page->out;

	fprintf(out, "<tr id=b%zu class=row><td>", bind->number);
	html_addr(out, &bind->key.client);
	fputs("</td><td>", out);
	html_endpoint(out, &bind->key.server, bind->key.port);
	fputs("</td><td>", out);
	html_interface(out, &bind->key.interface);
	fprintf(out, "</td><td class=%s>%s</td><td><code>%s</code></td><td class=n>",
		denied ? "no" : "ok", verdicts[bind->key.verdict],
		rpcgate_reason_name((enum rpcgate_reason)bind->key.reason));
	html_number(out, bind->count);
	fputs("</td><td>", out);
	html_place(page, &bind->first);
	fputs("</td></tr>\n", out);
}

static void write_binds(const struct html_page *page)
{
	const struct rows *binds = &page->html->binds;
	FILE *out = page->out;
	const size_t shown = listed(binds->n);

	fputs("<section id=binds aria-labelledby=binds-h><h3 id=binds-h>Binds</h3>\n", out);
	if (!shown) {
		fputs("<p>Nobody bound anything.</p></section>\n", out);
		return;
	}
	filter(out, shown, "#binds");
	fputs("<div class=wide tabindex=0 role=group aria-label=\"Binds\"><table><thead><tr>"
	      "<th scope=col>Client</th><th scope=col>Server</th><th scope=col>Interface</th>"
	      "<th scope=col>Verdict</th><th scope=col>Reason</th><th scope=col class=n>Times</th>"
	      "<th scope=col>First</th></tr></thead><tbody>\n",
	      out);
	for (size_t i = 0; i < shown; i++)
		write_bind(page, binds->all[i]);
	fputs("</tbody></table></div>\n", out);
	html_left_out(out, binds->n - shown, "different bind", "different binds",
		      "rpcgate analyze --json has them all");
	html_left_out(out, binds->lost, "bind", "binds", "too many different ones to keep");
	fputs("</section>\n", out);
}

void html_write_events(struct html_page *page)
{
	html_heading(page->out, "events", "Events, one by one");
	write_pinholes(page);
	write_binds(page);
}
