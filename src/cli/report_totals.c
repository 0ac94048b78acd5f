/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_totals.c - sums, and how far the input can be trusted */
#include <stdarg.h>
#include <string.h>

#include "options.h"
#include "report_page.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---------------------------------------------------------------- the totals */

/* A value with what it consists of, as "3 (mapper 2, learned 1)" */
struct parts {
	char text[1024];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void add_part(struct parts *parts, const char *format,
							   ...)
{
	size_t room = sizeof(parts->text) - parts->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(parts->text + parts->used, room, format, args);
	va_end(args);
	if (n > 0)
		parts->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_reasons(struct parts *parts, const uint64_t *reasons)
{
	const char *before = " (";
	char text[WORDS_NUMBER];

	for (size_t i = 0; i < RPCGATE_REASON_COUNT; i++) {
		if (!reasons[i])
			continue;
		add_part(parts, "%s%s %s", before, rpcgate_reason_name((enum rpcgate_reason)i),
			 words_number(reasons[i], text));
		before = ", ";
	}
	if (before[0] == ',')
		add_part(parts, ")");
}

/* One line of the totals; long ones go on below. */
static void total(const struct page *page, const char *what, const struct parts *parts)
{
	const size_t column = 26;

	fprintf(page->out, "  %-*s", (int)column - 2, what);
	options_wrap(page->out, parts->text, column, page->width);
}

static void total_connections(const struct page *page)
{
	const struct rpcgate_stats *s = &page->input->stats;
	struct parts parts = { 0 };
	char text[WORDS_NUMBER];

	add_part(&parts, "%s TCP", words_number(s->flows, text));
	add_part(&parts, ", %s of them RPC", words_number(s->flows_rpc, text));
	total(page, "connections", &parts);
}

static void total_bindings(const struct page *page)
{
	const struct rpcgate_stats *s = &page->input->stats;
	struct parts parts = { 0 };
	char text[WORDS_NUMBER];

	if (!s->bindings)
		return;
	add_part(&parts, "%s announced, ", words_number(s->bindings, text));
	add_part(&parts, "%s granted", words_number(s->bindings_accepted, text));
	if (s->bindings > s->bindings_accepted) {
		add_part(&parts, ", %s not",
			 words_number(s->bindings - s->bindings_accepted, text));
		add_reasons(&parts, page->report->binding_reasons);
	}
	total(page, "endpoints", &parts);
}

static void total_other_transports(const struct page *page)
{
	const uint64_t *counts = page->report->other_protseq;
	struct parts parts = { 0 };
	char text[WORDS_NUMBER];

	for (size_t i = 0; i <= RPCGATE_PROTSEQ_OTHER; i++)
		if (counts[i])
			add_part(&parts, "%s%s %s", parts.used ? ", " : "",
				 rpcgate_protseq_name((enum rpcgate_protseq)i),
				 words_number(counts[i], text));
	if (parts.used)
		total(page, "on other transports", &parts);
}

static void total_pinholes(const struct page *page)
{
	const struct rpcgate_stats *s = &page->input->stats;
	const struct {
		const char *what;
		uint64_t count;
	} counts[] = {
		{ "opened", s->pinholes_opened },
		{ "refreshed", s->pinholes_refreshed },
		{ "ran out", s->pinholes_expired },
		{ "not opened because of a limit", s->pinholes_refused },
	};
	struct parts parts = { 0 };
	char text[WORDS_NUMBER];

	for (size_t i = 0; i < COUNT(counts); i++)
		if (counts[i].count)
			add_part(&parts, "%s%s %s", parts.used ? ", " : "",
				 words_number(counts[i].count, text), counts[i].what);
	if (parts.used)
		total(page, "pinholes", &parts);
}

static void total_binds(const struct page *page)
{
	const struct rpcgate_stats *s = &page->input->stats;
	struct parts parts = { 0 };
	char text[WORDS_NUMBER];

	add_part(&parts, "%s allowed, ", words_number(s->binds_allowed, text));
	if (s->binds_logged)
		add_part(&parts, "%s allowed but logged, ", words_number(s->binds_logged, text));
	add_part(&parts, "%s denied", words_number(s->binds_denied, text));
	add_reasons(&parts, page->report->bind_reasons);
	total(page, "binds", &parts);
}

static void total_alerts(const struct page *page)
{
	struct parts parts = { 0 };
	uint64_t sum = 0;
	char text[WORDS_NUMBER];

	for (size_t i = 0; i < RPCGATE_REASON_COUNT; i++)
		sum += page->report->alert_reasons[i];
	add_part(&parts, "%s", words_number(sum, text));
	add_reasons(&parts, page->report->alert_reasons);
	total(page, "alerts", &parts);
}

static int labels_order(const void *left, const void *right)
{
	const struct label_row *a = *(const struct label_row *const *)left;
	const struct label_row *b = *(const struct label_row *const *)right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return label_order(a, b);
}

static void total_labels(const struct page *page)
{
	struct rows *labels = &page->report->labels;
	uint64_t unnamed = page->input->unnamed;
	struct parts parts = { 0 };
	char text[WORDS_NUMBER];

	rows_sort(labels, labels_order);
	for (size_t i = 0; i < labels->n; i++) {
		const struct label_row *row = labels->all[i];

		add_part(&parts, "%s%s %s", parts.used ? ", " : "", row->name,
			 words_number(row->count, text));
	}
	if (unnamed)
		add_part(&parts, "%sunnamed %s", parts.used ? ", " : "",
			 words_number(unnamed, text));
	if (parts.used)
		total(page, "not RPC, dynamic ports", &parts);
}

void report_print_totals(const struct page *page)
{
	fputs("\nTotals\n", page->out);
	total_connections(page);
	total_bindings(page);
	total_other_transports(page);
	total_pinholes(page);
	total_binds(page);
	total_alerts(page);
	total_labels(page);
}

/* --------------------------------------------------------------- the quality */

/* Counters that tell how far the input can be trusted, worst first */
static const struct {
	size_t offset;              /* in struct rpcgate_stats */
	enum rpcgate_reason reason; /* of events about it; NONE: there are none */
	const char *one, *many;
	const char *means;
} qualities[] = {
#define Q(member, reason, one, many, means)                                                        \
	{                                                                                          \
		offsetof(struct rpcgate_stats, member), RPCGATE_REASON_##reason, one, many, means  \
	}
	Q(gaps, REASSEMBLY_GAP, "hole", "holes",
	  "in inspected connections: packets are missing, what was in them is not judged"),
	Q(flows_midstream, MIDSTREAM, "RPC connection", "RPC connections",
	  "began before the capture: what was announced or bound then is not known"),
	Q(checksum_bad, NONE, "packet", "packets",
	  "with a wrong checksum, not used; if the capturing host sent them, '--checksum ignore'"),
	Q(checksum_offload, NONE, "packet", "packets",
	  "taken although the checksum was left to the network card"),
	Q(packets_truncated, NONE, "packet", "packets",
	  "captured short (snap length): the missing octets are holes"),
	Q(stream_conflicts, STREAM_CONFLICT, "segment", "segments",
	  "sent again with different content: two tellings of the same octets"),
	Q(bindings_foreign, TOWER_ADDRESS, "announcement", "announcements",
	  "of another host's address: nothing is opened for it. Answers of the mapper and of DCOM "
	  "carry addresses in their octets, so behind a gateway that translates addresses clients "
	  "are told ones they cannot reach (Microsoft KB154596); '--set tower-address=any' accepts "
	  "them here"),
	Q(stubs_sealed, SEALED, "mapper answer", "mapper answers",
	  "encrypted: nothing can be learned from them"),
	Q(packets_malformed, NONE, "packet", "packets", "with headers that contradict themselves"),
	Q(datagrams_dropped, NONE, "IP datagram", "IP datagrams",
	  "not joined: fragments missing or overlapping"),
	Q(pdus_malformed, MALFORMED_PDU, "PDU", "PDUs", "malformed"),
	Q(answers_malformed, MALFORMED_NDR, "mapper answer", "mapper answers",
	  "malformed: nothing learned"),
	Q(flows_evicted, NONE, "connection", "connections",
	  "let go early because of the limit on connections"),
	Q(limits_reached, LIMIT, "time", "times", "a limit was reached"),
	Q(events_lost, NONE, "event", "events", "lost: too many at once"),
#undef Q
};

static void quality_text(char line[REPORT_QUALITY], uint64_t count, const char *noun,
			 const char *means)
{
	char text[WORDS_NUMBER];

	snprintf(line, REPORT_QUALITY, "%s %s %s", words_number(count, text), noun, means);
}

bool report_quality(const struct report_input *input, size_t i, char line[REPORT_QUALITY])
{
	const char *stats = (const char *)&input->stats;
	uint64_t count;

	line[0] = '\0';
	if (i == 0) {
		if (input->extent.faults)
			quality_text(line, input->extent.faults,
				     input->extent.faults == 1 ? "input" : "inputs",
				     "could not be read, or not to the end: see the messages");
	} else if (i == 1) {
		if (input->extent.odd)
			quality_text(line, input->extent.odd,
				     input->extent.odd == 1 ? "input" : "inputs",
				     "with something odd in it: see the messages");
	} else if (i == 2) {
		if (input->kernel_dropped)
			quality_text(line, input->kernel_dropped,
				     input->kernel_dropped == 1 ? "packet" : "packets",
				     "dropped by the kernel, for they came faster than they were "
				     "read: what was in them is not judged");
	} else if (i - REPORT_QUALITY_INPUTS < COUNT(qualities)) {
		const size_t k = i - REPORT_QUALITY_INPUTS;

		memcpy(&count, stats + qualities[k].offset, sizeof(count));
		if (count)
			quality_text(line, count, count == 1 ? qualities[k].one : qualities[k].many,
				     qualities[k].means);
	} else if (i == COUNT(qualities) + REPORT_QUALITY_INPUTS) {
		if (input->checksums_ignored)
			snprintf(line, REPORT_QUALITY, "checksums were not verified, as asked for");
	} else {
		return false;
	}
	return true;
}

enum rpcgate_reason report_quality_reason(size_t i)
{
	return i >= REPORT_QUALITY_INPUTS && i - REPORT_QUALITY_INPUTS < COUNT(qualities) ?
		       qualities[i - REPORT_QUALITY_INPUTS].reason :
		       RPCGATE_REASON_NONE;
}

void report_print_quality(const struct page *page)
{
	char line[REPORT_QUALITY];
	bool any = false;

	fputs("\nQuality of the input\n", page->out);
	for (size_t i = 0; report_quality(page->input, i, line); i++) {
		if (!*line)
			continue;
		fputs("  ", page->out);
		options_wrap(page->out, line, 2, page->width);
		any = true;
	}
	if (!any)
		fputs("  nothing to complain about\n", page->out);
}
