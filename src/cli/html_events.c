/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_events.c - the rows that numbers link to: what was announced, opened and bound */
#include <string.h>

#include "html_parts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

/* What was granted first, then as it happened */
static int told_order(const void *left, const void *right)
{
	const struct html_told *a = *(const struct html_told *const *)left;
	const struct html_told *b = *(const struct html_told *const *)right;

	if (a->accepted != b->accepted)
		return a->accepted ? -1 : 1;
	if (a->at.time_ns != b->at.time_ns)
		return a->at.time_ns < b->at.time_ns ? -1 : 1;
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static size_t listed(size_t n)
{
	return n < HTML_LISTED ? n : HTML_LISTED;
}

void html_number_events(struct html *h)
{
	rows_sort(&h->binds, binds_order);
	for (size_t i = 0; i < listed(h->binds.n); i++)
		((struct html_bind *)h->binds.all[i])->number = i + 1;
	rows_sort(&h->announced, told_order);
	for (size_t i = 0; i < listed(h->announced.n); i++)
		((struct html_told *)h->announced.all[i])->number = i + 1;
}

size_t html_bind_number(const struct html *h, const struct html_bind_key *key)
{
	const struct html_bind *found = rows_find(&h->binds, key);

	return found ? found->number : 0;
}

size_t html_told_number(const struct html *h, const struct html_told *told)
{
	struct html_told probe = { .key = told->key };
	const struct html_told *row;

	probe.key.port = told->port;
	probe.key.uuid = told->interface.uuid;
	probe.key.major = told->interface.major;
	row = rows_find(&h->announced, &probe);
	return row ? row->number : 0;
}

size_t html_announced_number(const struct html *h, const struct rpcgate_addr *server, uint16_t port,
			     const struct rpcgate_syntax *id)
{
	for (size_t i = 0; i < listed(h->announced.n); i++) {
		const struct html_told *told = h->announced.all[i];

		if (told->port == port && told->interface.major == id->major &&
		    memcmp(&told->key.server, server, sizeof(*server)) == 0 &&
		    memcmp(&told->interface.uuid, &id->uuid, sizeof(id->uuid)) == 0)
			return told->number;
	}
	return 0;
}

bool html_reason_link(const struct html *h, enum rpcgate_reason reason, FILE *out)
{
	for (size_t i = 0; reason != RPCGATE_REASON_NONE && i < h->incidents.n; i++) {
		const struct html_incident *incident = h->incidents.all[i];

		if (!incident->number || incident->key.what.reason != reason)
			continue;
		fprintf(out, "<a href=\"#r%zu\">", incident->number);
		return true;
	}
	for (size_t i = 0; reason != RPCGATE_REASON_NONE && i < listed(h->announced.n); i++) {
		const struct html_told *told = h->announced.all[i];

		if (told->accepted || told->reason != reason)
			continue;
		fprintf(out, "<a href=\"#a%zu\">", told->number);
		return true;
	}
	return false;
}

static void filter(FILE *out, size_t rows, const char *where)
{
	if (rows > 20)
		fprintf(out,
			"<p class=filter hidden><label>Show only what contains <input type=search "
			"data-rows=\"#%s .row\"></label> <output></output></p>\n",
			where);
}

/* A section with a table, up to its rows; @p head is a list that ends with NULL, '>' means right */
static void begin_table(FILE *out, const char *id, const char *title, const char *const *head,
			size_t rows)
{
	fprintf(out, "<section id=%s aria-labelledby=%s-h><h3 id=%s-h>%s</h3>\n", id, id, id,
		title);
	filter(out, rows, id);
	fprintf(out, "<div class=wide tabindex=0 role=group aria-label=\"%s\"><table><thead><tr>",
		title);
	for (; *head; head++)
		fprintf(out, "<th scope=col%s>%s</th>", **head == '>' ? " class=n" : "",
			*head + (**head == '>'));
	fputs("</tr></thead><tbody>\n", out);
}

/* ------------------------------------------------------------------- announcements */

static void write_told(const struct html_page *page, const struct html_told *told)
{
	static const char *const sources[] = {
		[RPCGATE_EPT_MAP] = "ept_map",
		[RPCGATE_EPT_LOOKUP] = "ept_lookup",
		[RPCGATE_OXID] = "oxid",
		[RPCGATE_ACTIVATION] = "activation",
	};
	FILE *out = page->out;

	fprintf(out, "<tr id=a%zu class=row><td>", told->number);
	html_addr(out, &told->key.client);
	fputs("</td><td>", out);
	html_endpoint(out, &told->key.server, told->port);
	fputs("</td><td>", out);
	html_interface(out, &told->interface);
	if (told->annotation_len && told->annotation[0]) {
		fputs(" <span class=at>&ldquo;", out);
		html_octets(out, told->annotation, told->annotation_len);
		fputs("&rdquo;</span>", out);
	}
	fprintf(out, "</td><td><code>%s</code></td><td class=n>",
		(size_t)told->source < COUNT(sources) ? sources[told->source] : "");
	html_number(out, told->count);
	fputs("</td><td>", out);
	html_place(page, &told->at);
	if (told->accepted)
		fputs("</td><td class=ok>granted</td></tr>\n", out);
	else
		fprintf(out, "</td><td><code>%s</code></td></tr>\n",
			rpcgate_reason_name(told->reason));
}

static void write_announcements(const struct html_page *page)
{
	static const char *const head[] = { "Client", "Server", "Interface",         "Source",
					    ">Times", "Last",   "What became of it", NULL };
	const struct html *h = page->html;
	const size_t shown = listed(h->announced.n);
	FILE *out = page->out;

	begin_table(out, "announcements", "Announcements", head, shown);
	for (size_t i = 0; i < shown; i++)
		write_told(page, h->announced.all[i]);
	if (!shown)
		fputs("<tr><td colspan=7>Nothing was announced.</td></tr>\n", out);
	fputs("</tbody></table></div>\n", out);
	html_left_out(out, h->announced.n - shown, "interface that a client was told of",
		      "interfaces that clients were told of",
		      "rpcgate analyze --json has them all");
	html_left_out(out, h->announced.lost, "announcement", "announcements",
		      "too many different ones to keep");
	fputs("</section>\n", out);
}

/* ------------------------------------------------------------------------ pinholes */

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

static void write_pinholes(const struct html_page *page)
{
	static const char *const head[] = { "Client", "Server", "Interfaces", "Opened",
					    ">Life",  ">Uses",  "End",        NULL };
	const struct html *h = page->html;
	FILE *out = page->out;
	const size_t shown = listed(h->n_lives);

	begin_table(out, "pinholes", "Pinholes", head, shown);
	for (size_t i = 0; i < shown; i++)
		write_pinhole(page, &h->lives[i], i + 1);
	if (!shown)
		fputs("<tr><td colspan=7>None was opened.</td></tr>\n", out);
	fputs("</tbody></table></div>\n", out);
	html_left_out(out, h->n_opened - shown, "pinhole", "pinholes",
		      "rpcgate analyze --json has them all");
	fputs("</section>\n", out);
}

/* --------------------------------------------------------------------------- binds */

/* How long after the announcement; equal ones have a shortest and a longest time */
static void write_age(FILE *out, const struct html_bind *bind)
{
	char shortest[WORDS_TIME], longest[WORDS_TIME];

	if (!bind->has_age)
		return;
	words_duration(bind->age_min_ns, shortest);
	words_duration(bind->age_max_ns, longest);
	fputs(shortest, out);
	if (strcmp(shortest, longest) != 0)
		fprintf(out, " to %s", longest);
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
	fputs("</td><td class=n>", out);
	write_age(out, bind);
	fputs("</td><td>", out);
	html_place(page, &bind->first);
	fputs("</td></tr>\n", out);
}

static void write_binds(const struct html_page *page)
{
	static const char *const head[] = { "Client", "Server", "Interface", "Verdict", "Reason",
					    ">Times", ">Age",   "First",     NULL };
	const struct rows *binds = &page->html->binds;
	const size_t shown = listed(binds->n);
	FILE *out = page->out;

	begin_table(out, "binds", "Binds", head, shown);
	for (size_t i = 0; i < shown; i++)
		write_bind(page, binds->all[i]);
	if (!shown)
		fputs("<tr><td colspan=8>Nobody bound anything.</td></tr>\n", out);
	fputs("</tbody></table></div>\n", out);
	html_left_out(out, binds->n - shown, "different bind", "different binds",
		      "rpcgate analyze --json has them all");
	html_left_out(out, binds->lost, "bind", "binds", "too many different ones to keep");
	fputs("</section>\n", out);
}

void html_write_events(struct html_page *page)
{
	html_heading(page->out, "events", "Events, one by one");
	write_announcements(page);
	write_pinholes(page);
	write_binds(page);
}
