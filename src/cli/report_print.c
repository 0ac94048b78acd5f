/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_print.c - the parts of a report, in order */
#include <string.h>

#include "report_page.h"
#include "text.h"
#include "words.h"

#define LISTED_MAX 40 /* rows of a listing, unless all are asked for */
#define NS_PER_DAY (UINT64_C(86400) * 1000000000)

static void print_header(const struct page *page)
{
	const struct report_input *in = page->input;
	char from[WORDS_TIME];
	char to[WORDS_TIME];
	char text[WORDS_NUMBER];
	char shown[128];

	if (in->interface)
		fprintf(page->out, "interface %s, ",
			text_show(in->interface, shown, sizeof(shown)));
	else
		fprintf(page->out, "%s %s, ", words_number(in->extent.files, text),
			in->extent.files == 1 ? "file" : "files");
	fprintf(page->out, "%s %s, ", words_number(in->stats.packets, text),
		in->stats.packets == 1 ? "packet" : "packets");
	fprintf(page->out, "%s on the wire\n", words_octets(in->stats.octets, text));
	if (!in->stats.packets)
		return;
	fprintf(page->out, "%s to %s UTC", words_moment(in->first_ns, "%Y-%m-%d %H:%M:%S", from),
		words_moment(in->last_ns, page->times == OF_DAY ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S",
			     to));
	fprintf(page->out, " (%s)\n", words_duration(in->last_ns - in->first_ns, from));
}

bool report_print(struct report *report, const struct report_input *input, FILE *out, size_t width,
		  bool all)
{
	struct page page = {
		.report = report,
		.input = input,
		.out = out,
		.width = width,
		.listed = all ? SIZE_MAX : LISTED_MAX,
	};
	char from[WORDS_TIME];
	char to[WORDS_TIME];

	report_settle(report);
	words_moment(input->first_ns, "%Y-", from);
	words_moment(input->last_ns, "%Y-", to);
	if (strncmp(from, to, strcspn(to, "-")) != 0)
		page.times = OF_ALL;
	else if (input->first_ns / NS_PER_DAY != input->last_ns / NS_PER_DAY)
		page.times = OF_YEAR;
	print_header(&page);
	report_print_listings(&page);
	report_print_totals(&page);
	report_print_quality(&page);
	return !page.failed;
}
