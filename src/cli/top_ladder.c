/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "story.h"
#include "top_ladder.h"
#include "words.h"

#define NAME_SIZE 256

struct top_kept {
	struct rpcgate_event event;
	struct source_place place;
};

struct name {
	char text[NAME_SIZE];
};

void top_ladder_init(struct top_ladder *ladder)
{
	*ladder = (struct top_ladder){ 0 };
	ladder->names = (struct rows){ .size = sizeof(struct name), .key = sizeof(struct name) };
}

void top_ladder_free(struct top_ladder *ladder)
{
	free(ladder->ring);
	rows_free(&ladder->names);
}

static const char *intern(struct top_ladder *ladder, const char *text)
{
	struct name probe = { { 0 } };

	if (!text)
		return NULL;
	snprintf(probe.text, sizeof(probe.text), "%s", text);
	if (ladder->names.n < TOP_LADDER_NAMES)
		return rows_get(&ladder->names, &probe);
	return rows_find(&ladder->names, &probe);
}

/* Events of limits and quality are about no hosts */
static bool is_worth_keeping(const struct rpcgate_event *event)
{
	return event->type != RPCGATE_EVENT_ENGINE && event->type != RPCGATE_EVENT_EXPECT;
}

static void own_texts(struct top_ladder *ladder, struct top_kept *kept)
{
	struct rpcgate_event *event = &kept->event;

	kept->place.file = intern(ladder, kept->place.file);
	if (event->type == RPCGATE_EVENT_BIND) {
		event->u.bind.rule_file = intern(ladder, event->u.bind.rule_file);
		event->u.bind.rule_name = intern(ladder, event->u.bind.rule_name);
	} else if (event->type == RPCGATE_EVENT_CALL) {
		event->u.call.rule_file = intern(ladder, event->u.call.rule_file);
		event->u.call.rule_name = intern(ladder, event->u.call.rule_name);
	}
}

void top_ladder_keep(struct top_ladder *ladder, const struct rpcgate_event *event,
		     const struct source_place *place)
{
	struct top_kept *kept;

	if (!is_worth_keeping(event))
		return;
	if (!ladder->ring)
		ladder->ring = malloc(TOP_EVENTS * sizeof(*ladder->ring));
	if (!ladder->ring) {
		ladder->gone++;
		return;
	}
	kept = &ladder->ring[ladder->next];
	ladder->next = (ladder->next + 1) % TOP_EVENTS;
	if (ladder->n < TOP_EVENTS)
		ladder->n++;
	else
		ladder->gone++;
	*kept = (struct top_kept){ *event, *place };
	own_texts(ladder, kept);
}

/* --------------------------------------------------------------------- the telling */

static void tell_row(const struct top_model *model, enum top_tab tab, const struct top_row *row,
		     FILE *out, size_t width)
{
	const struct top_table *table = &model->table[tab];
	char text[TOP_CELL];

	for (size_t i = 0; i < table->n_columns; i++) {
		const char *shown = top_cell_show(model, table, row, i, text);

		if (!*shown)
			continue;
		fprintf(out, "%-20s", table->column[i].title);
		options_wrap(out, shown, 20, width);
	}
}

/* Rules stand in a line of their own to be copied, but a line that is cut off is of no use */
static void fold(const char *text, FILE *out, size_t width)
{
	size_t at = 0;

	for (; *text; text++) {
		if (at >= width && *text != '\n') {
			putc('\n', out);
			at = 0;
		}
		putc(*text, out);
		at = *text == '\n' ? 0 : at + 1;
	}
}

static void print_story(struct story *story, FILE *out, size_t width)
{
	char *text = NULL;
	size_t n;
	FILE *lines = open_memstream(&text, &n);

	if (lines)
		story_print(story, lines, width);
	if (lines && fclose(lines) == 0)
		fold(text, out, width);
	else
		story->out_of_memory = true;
	free(text);
}

static void tell_events(const struct top_ladder *ladder, const struct top_row *row, FILE *out,
			size_t width)
{
	const struct story_filter filter = {
		row->has_client, row->has_server, row->client, row->server, row->port,
	};
	struct story story;

	story_init(&story, &filter);
	for (size_t i = 0; i < ladder->n; i++) {
		size_t at = (ladder->next + TOP_EVENTS - ladder->n + i) % TOP_EVENTS;

		story_event(&story, &ladder->ring[at].event, &ladder->ring[at].place);
	}
	if (story.n)
		print_story(&story, out, width);
	else
		fputs("Nothing of what was read is about these hosts and this port.\n", out);
	if (story.out_of_memory)
		fputs("There is not enough memory to tell everything.\n", out);
	story_free(&story);
}

char *top_ladder_tell(const struct top_ladder *ladder, const struct top_model *model,
		      enum top_tab tab, const struct top_row *row, size_t width)
{
	char number[WORDS_NUMBER];
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return NULL;
	tell_row(model, tab, row, out, width);
	if (row->has_server) {
		putc('\n', out);
		if (ladder->n)
			tell_events(ladder, row, out, width);
		else if (model->live && !model->counting)
			options_wrap(out,
				     "What was asked, told and bound stands in the events: start "
				     "with --events FILE to see it here.",
				     0, width);
		else
			fputs("No event has come yet.\n", out);
		if (ladder->gone)
			fprintf(out, "\n%s older events are not kept any more.\n",
				words_number(ladder->gone, number));
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
