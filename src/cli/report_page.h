/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_page.h - a report on its way to paper, shared by the files that print parts of it */
#ifndef CLI_REPORT_PAGE_H
#define CLI_REPORT_PAGE_H

#include <stdio.h>

#include "report.h"
#include "report_rows.h"

struct page {
	struct report *report;
	const struct report_input *input;
	FILE *out;
	size_t width;
	size_t listed;                          /* rows of a listing */
	enum { OF_DAY, OF_YEAR, OF_ALL } times; /* how much of the date tells times apart */
	bool failed;
	bool told[RPCGATE_REASON_COUNT]; /* reasons to be explained below the listing */
};

/** Bindings, pinholes, binds and what else was wrong, a listing each. */
void report_print_listings(struct page *page);
/** Sums, one line each. */
void report_print_totals(const struct page *page);
#define REPORT_QUALITY 512
#define REPORT_QUALITY_INPUTS 3U /* the first of them sum up what events tell of each input */
/**
 * The @p i-th thing that may lessen the trust in the input, as a sentence; empty if it is not so.
 * False past the last.
 */
bool report_quality(const struct report_input *input, size_t i, char line[REPORT_QUALITY]);
/** The reason of events about the i-th thing; RPCGATE_REASON_NONE where there are none. */
enum rpcgate_reason report_quality_reason(size_t i);
/** How far the input can be trusted. */
void report_print_quality(const struct page *page);

#endif
