/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "command.h"
#include "events_in.h"
#include "reading.h"
#include "source.h"
#include "text.h"

#define NS_PER_US 1000U

struct teller {
	source_use *use;
	void *ctx;
};

static void tell(const struct teller *teller, struct rpcgate_event *event, const char *file,
		 uint64_t frame)
{
	const struct source_place place = { frame ? file : NULL, frame };

	event->time_ns -= event->time_ns % NS_PER_US;
	teller->use(teller->ctx, event, &place);
}

static void tell_from_capture(void *ctx, const struct rpcgate_event *event,
			      const struct timeline_place *place)
{
	struct rpcgate_event copy = *event;

	tell(ctx, &copy, place ? place->file : NULL, place ? place->frame : 0);
}

static bool read_captures(const struct source *source, struct teller *teller, int *status)
{
	const struct reading_user user = { .ctx = teller, .event = tell_from_capture };
	struct reading r;
	bool good;

	reading_init(&r, source->command, source->quiet);
	good = reading_configure(&r, source->policy, source->set, status);
	if (good) {
		*status = EXIT_RUN_TIME;
		good = reading_open(&r, source->names, source->n);
	}
	if (good) {
		reading_run(&r, &user);
		reading_say_skipped(&r);
		*status = reading_status(&r);
		good = !r.failed && timeline_extent(r.timeline).files;
	}
	reading_close(&r);
	return good;
}

/* Settings change nothing in events, but mistakes in them are mistakes */
static bool check_settings(const struct source *source, int *status)
{
	struct rpcgate_config scratch;

	rpcgate_config_default(&scratch);
	for (size_t i = 0; i < source->set->n; i++)
		if (!reading_set(source->command, &scratch, source->set->value[i], status))
			return false;
	return true;
}

static void complain(const struct source *source, const char *path, const char *error)
{
	char shown[READING_SHOWN];

	fprintf(stderr, "rpcgate %s: %s: %s\n", source->command,
		strcmp(path, "-") == 0 ? "standard input" : text_show(path, shown, sizeof(shown)),
		error);
}

/* The first bad line is shown, all are counted */
static void complain_of_lines(const struct source *source, const char *path, const char *first,
			      uint64_t bad)
{
	char text[EVENTS_IN_ERROR_SIZE + 64];

	if (bad > 1)
		snprintf(text, sizeof(text), "%s; and %" PRIu64 " more line%s", first, bad - 1,
			 bad > 2 ? "s" : "");
	else
		snprintf(text, sizeof(text), "%s", first);
	if (bad)
		complain(source, path, text);
}

/* @param status  grows: what was wrong with one file is not forgotten for the next */
static bool read_events(const struct source *source, const char *path, struct events_in *in,
			struct teller *teller, int *status)
{
	char error[EVENTS_IN_ERROR_SIZE];
	char first[EVENTS_IN_ERROR_SIZE] = "";
	enum events_in_result result = EVENTS_IN_END, last;
	struct rpcgate_event event;
	struct json_origin origin;
	uint64_t bad = 0;

	do {
		last = result;
		result = events_in_next(in, &event, &origin, error);
		if (result == EVENTS_IN_EVENT)
			tell(teller, &event, origin.file, origin.frame);
		else if (result == EVENTS_IN_BAD_LINE && !bad++)
			snprintf(first, sizeof(first), "%s", error);
	} while (!reading_interrupted() &&
		 (result == EVENTS_IN_EVENT || result == EVENTS_IN_BAD_LINE));
	if (source->growing && result == EVENTS_IN_END && last == EVENTS_IN_BAD_LINE)
		bad--;
	complain_of_lines(source, path, first, bad);
	if (bad)
		*status = EXIT_INPUT;
	if (reading_interrupted()) {
		fprintf(stderr, "rpcgate %s: interrupted\n", source->command);
		*status = EXIT_RUN_TIME;
	} else if (result == EVENTS_IN_FAILED) {
		complain(source, path, error);
		*status = EXIT_INPUT;
		return false;
	}
	return true;
}

/* @param wanted  that there is none is a fault */
static bool read_event_file(const struct source *source, const char *path, bool wanted,
			    struct teller *teller, int *status)
{
	struct events_in *in = events_in_open(path);
	bool good;

	if (!in && errno == ENOENT && !wanted)
		return true;
	if (!in) {
		complain(source, path, strerror(errno));
		*status = EXIT_INPUT;
		return false;
	}
	good = read_events(source, path, in, teller, status);
	events_in_close(in);
	return good;
}

/* Pinholes and announcements are older than the last rotation for some hours: what logrotate moved away
 * last is read, too, and tells what it can */
static void read_rotated(const struct source *source, struct teller *teller, int *status)
{
	static const char *const ends[] = { ".1", ".1.gz", ".1.zst" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]) && !reading_interrupted(); i++)
		if (snprintf(path, sizeof(path), "%s%s", source->events, ends[i]) < PATH_MAX)
			(void)read_event_file(source, path, false, teller, status);
}

static bool read_event_files(const struct source *source, struct teller *teller, int *status)
{
	if (!check_settings(source, status))
		return false;
	reading_catch_signals();
	*status = EXIT_DONE;
	if (source->growing)
		read_rotated(source, teller, status);
	return !reading_interrupted() &&
	       read_event_file(source, source->events, true, teller, status);
}

bool source_read(const struct source *source, source_use *use, void *ctx, int *status)
{
	struct teller teller = { use, ctx };

	return source->events ? read_event_files(source, &teller, status) :
				read_captures(source, &teller, status);
}
