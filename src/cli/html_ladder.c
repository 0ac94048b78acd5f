/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_ladder.c - what was refused or looks suspicious, each with its steps */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html_parts.h"
#include "signature.h"

#define SHOWN_MAX 150
#define OPEN_MAX 4 /* whose steps are shown from the start */

/* Refused binds and calls first, then as it happened */
static int incidents_order(const void *left, const void *right)
{
	const struct html_incident *a = *(const struct html_incident *const *)left;
	const struct html_incident *b = *(const struct html_incident *const *)right;
	bool sa = a->key.kind == RPCGATE_EVENT_ALERT, sb = b->key.kind == RPCGATE_EVENT_ALERT;

	if (sa != sb)
		return sa ? 1 : -1;
	if (a->first.time_ns != b->first.time_ns)
		return a->first.time_ns < b->first.time_ns ? -1 : 1;
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static bool has_interface(const struct html_incident *incident)
{
	return !words_uuid_is_nil(&incident->key.what.interface.uuid);
}

/* ----------------------------------------------------------------------- the steps */

static void step(const struct html_page *page, const char *what, const char *class)
{
	fprintf(page->out, "<li%s%s><b>%s</b> <span>", *class ? " class=" : "", class, what);
}

static void end_step(const struct html_page *page, const struct html_at *at)
{
	if (at) {
		fputs(" <small>", page->out);
		html_place(page, at);
		fputs("</small>", page->out);
	}
	fputs("</span></li>\n", page->out);
}

static void step_asked(const struct html_page *page, const struct html_incident *incident)
{
	step(page, "Asked", incident->has_asked ? "" : "none");
	fputs(incident->has_asked ? "the client turned to the mapper" :
				    "the client was not seen to ask this server&#39;s mapper",
	      page->out);
	end_step(page, incident->has_asked ? &incident->asked : NULL);
}

static void step_told(const struct html_page *page, const struct html_incident *incident)
{
	static const char *const by[] = {
		[RPCGATE_EPT_MAP] = "by the mapper",
		[RPCGATE_EPT_LOOKUP] = "in a listing",
		[RPCGATE_OXID] = "by the object resolver",
		[RPCGATE_ACTIVATION] = "by activation",
	};
	const struct html_told *told = &incident->told;
	size_t number = incident->has_told ? html_told_number(page->html, told) : 0;
	FILE *out = page->out;

	step(page, "Told", incident->has_told && !incident->told_port_only ? "" : "none");
	if (!incident->has_told) {
		fputs("this client was told nothing of this interface, nor of this port", out);
		end_step(page, NULL);
		return;
	}
	if (number)
		fprintf(out, "<a href=\"#a%zu\">", number);
	html_interface(out, &told->interface);
	fputs(number ? "</a>" : "", out);
	fprintf(out, " is on port %u", told->port);
	if ((size_t)told->source < sizeof(by) / sizeof(by[0]))
		fprintf(out, ", %s", by[told->source]);
	if (told->annotation_len && told->annotation[0]) {
		fputs(", as &ldquo;", out);
		html_octets(out, told->annotation, told->annotation_len);
		fputs("&rdquo;", out);
	}
	if (!told->accepted)
		fprintf(out, "; not granted: %s", rpcgate_reason_name(told->reason));
	if (incident->told_port_only)
		fputs("; nothing of what it bound", out);
	end_step(page, &told->at);
}

static void step_syn(const struct html_page *page, const struct html_incident *incident)
{
	struct html_at at = { .time_ns = incident->syn_ns };

	step(page, "SYN", incident->midstream ? "none" : "");
	html_addr(page->out, &incident->key.what.client);
	fputs(" &rarr; ", page->out);
	html_endpoint(page->out, &incident->key.what.server, incident->key.what.port);
	if (incident->midstream)
		fputs(", its beginning was not seen", page->out);
	end_step(page, incident->syn_ns && !incident->midstream ? &at : NULL);
}

/* The interface, which leads to the row of its binds where there is one */
static void write_interface(const struct html_page *page, const struct html_incident *incident)
{
	size_t number = html_bind_number(page->html, &incident->key.what);
	FILE *out = page->out;

	if (!has_interface(incident)) {
		fputs("no interface", out);
		return;
	}
	if (number)
		fprintf(out, "<a href=\"#b%zu\">", number);
	html_interface(out, &incident->key.what.interface);
	if (number)
		fputs("</a>", out);
}

static void step_bind(const struct html_page *page, const struct html_incident *incident)
{
	FILE *out = page->out;

	if (incident->key.kind == RPCGATE_EVENT_ALERT)
		step(page, "Seen", "");
	else if (incident->key.kind == RPCGATE_EVENT_CALL)
		step(page, "Call", "");
	else
		step(page, incident->pdu == RPCGATE_PDU_BIND ? "Bind" : "Alter", "");
	write_interface(page, incident);
	if (incident->key.kind == RPCGATE_EVENT_CALL)
		fprintf(out, ", operation %u", incident->opnum);
	if (incident->target) {
		fputs(", through a proxy to ", out);
		html_text(out, incident->target);
		fprintf(out, " port %u", incident->target_port);
	}
	end_step(page, &incident->first);
}

static void step_verdict(const struct html_page *page, const struct html_incident *incident)
{
	static const char *const done[] = {
		[RPCGATE_PASS] = "the packet passed",
		[RPCGATE_DROP] = "the packet was dropped",
		[RPCGATE_REJECT] = "the connection was reset",
		[RPCGATE_NONE] = "only observed: nothing was held up",
	};
	bool alert = incident->key.kind == RPCGATE_EVENT_ALERT;

	step(page, "Verdict", "verdict");
	fprintf(page->out, "<strong>%s</strong>", alert ? "suspicious" : "deny");
	if ((size_t)incident->action < sizeof(done) / sizeof(done[0]))
		fprintf(page->out, ", %s", done[incident->action]);
	end_step(page, NULL);
}

/* The sentences of the story; a tab begins what may be copied */
static void write_why(const struct html_page *page, const char *why)
{
	FILE *out = page->out;

	for (const char *end; *why; why = *end ? end + 1 : end) {
		char line[1024];
		const char *colon;

		end = why + strcspn(why, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)(end - why), why);
		fputs("<br>", out);
		if (line[0] != '\t') {
			html_whole(out, line);
			continue;
		}
		colon = strstr(line, ": ");
		if (!colon) {
			html_whole(out, line + 1);
			continue;
		}
		fprintf(out, "%.*s ", (int)(colon + 1 - (line + 1)), line + 1);
		fputs("<code>", out);
		html_whole(out, colon + 2);
		fputs("</code>", out);
	}
}

static void step_reason(const struct html_page *page, const struct html_incident *incident)
{
	enum rpcgate_reason reason = (enum rpcgate_reason)incident->key.what.reason;
	FILE *out = page->out;

	step(page, "Reason", "");
	fprintf(out, "<code>%s</code> ", rpcgate_reason_name(reason));
	html_text(out, rpcgate_reason_text(reason));
	if (incident->why)
		write_why(page, incident->why);
	end_step(page, NULL);
}

static void step_rule(const struct html_page *page, const struct html_incident *incident)
{
	FILE *out = page->out;

	step(page, "Rule", "");
	if (incident->rule)
		html_text(out, incident->rule);
	else
		fputs(page->policy ? "no rule of the policy matched" :
				     "none: what was announced is allowed, everything else is not",
		      out);
	end_step(page, NULL);
}

static void write_ladder(const struct html_page *page, const struct html_incident *incident)
{
	bool alert = incident->key.kind == RPCGATE_EVENT_ALERT;

	fputs("<ol class=ladder>\n", page->out);
	if (has_interface(incident) || !alert) {
		step_asked(page, incident);
		step_told(page, incident);
	}
	step_syn(page, incident);
	step_bind(page, incident);
	step_verdict(page, incident);
	step_reason(page, incident);
	if (!alert)
		step_rule(page, incident);
	fputs("</ol>\n", page->out);
}

/* ----------------------------------------------------------------------- the list */

static void write_incident(const struct html_page *page, const struct html_incident *incident)
{
	enum rpcgate_reason reason = (enum rpcgate_reason)incident->key.what.reason;
	FILE *out = page->out;

	fprintf(out, "<details id=r%zu%s class=row><summary><span class=\"pill %s\">%s</span> ",
		incident->number, incident->number <= OPEN_MAX ? " open" : "",
		incident->key.kind == RPCGATE_EVENT_ALERT ? "odd" : "bad",
		rpcgate_reason_name(reason));
	html_addr(out, &incident->key.what.client);
	fputs(" &rarr; ", out);
	html_endpoint(out, &incident->key.what.server, incident->key.what.port);
	if (has_interface(incident)) {
		fputs(" <b>", out);
		html_interface(out, &incident->key.what.interface);
		fputs("</b>", out);
	}
	fputs(" <small>", out);
	html_time(page, incident->first.time_ns);
	if (incident->count > 1) {
		fputs(", ", out);
		html_number(out, incident->count);
		fputs(" times", out);
	}
	fputs("</small></summary>\n", out);
	write_ladder(page, incident);
	fputs("</details>\n", out);
}

static size_t at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

void html_number_incidents(struct html *h)
{
	rows_sort(&h->incidents, incidents_order);
	for (size_t i = 0; i < at_most(h->incidents.n, SHOWN_MAX); i++)
		((struct html_incident *)h->incidents.all[i])->number = i + 1;
}

/* Every reason with its number, most frequent first: long lists are cut, this is not */
static void write_reasons(const struct html_page *page)
{
	uint64_t left[RPCGATE_REASON_COUNT];
	FILE *out = page->out;
	bool linked;

	memcpy(left, page->html->by_reason, sizeof(left));
	fputs("<p>", out);
	for (const char *between = "";; between = " &middot; ") {
		size_t most = 0;

		for (size_t i = 1; i < RPCGATE_REASON_COUNT; i++)
			if (left[i] > left[most])
				most = i;
		if (!left[most])
			break;
		fputs(between, out);
		linked = html_reason_link(page->html, (enum rpcgate_reason)most, out);
		html_number(out, left[most]);
		fprintf(out, "%s <code>%s</code>", linked ? "</a>" : "",
			rpcgate_reason_name((enum rpcgate_reason)most));
		left[most] = 0;
	}
	fputs("</p>\n", out);
}

void html_write_incidents(struct html_page *page)
{
	const struct rows *incidents = &page->html->incidents;
	FILE *out = page->out;
	const size_t shown = at_most(incidents->n, SHOWN_MAX);

	html_heading(out, "refused", "Refused and suspicious");
	if (!incidents->n) {
		fputs("<p class=good>Nothing was refused, and nothing looks suspicious.</p>\n",
		      out);
		return;
	}
	write_reasons(page);
	fputs("<p>Equal ones are counted together; the steps are those of the first.</p>\n", out);
	if (shown > 8)
		fputs("<p class=filter hidden><label>Show only what contains "
		      "<input type=search data-rows=\"#refused .row\"></label> "
		      "<output></output></p>\n",
		      out);
	for (size_t i = 0; i < shown; i++)
		write_incident(page, incidents->all[i]);
	html_left_out(out, incidents->n - shown, "different one", "different ones",
		      "rpcgate analyze --json has them all");
	html_left_out(out, page->html->lost_incidents, "event", "events",
		      "too many different ones to keep, rpcgate analyze --json has them all");
}
