/* SPDX-License-Identifier: GPL-3.0-or-later */
/* conf_text.c - what the lines of rpcgate.conf mean, in sentences */
#include <inttypes.h>
#include <libgen.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) offsetof(struct conf, member)
#define MARK_INSPECTED 8U /* the highest of the four bits */

struct sentence {
	char *text;
	size_t size, n;
};

static void put(struct sentence *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct sentence *s, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->text + s->n, s->size - s->n, format, args);
	va_end(args);
	s->n += n < 0 ? 0 : (size_t)n;
	if (s->n >= s->size)
		s->n = s->size - 1;
}

/* A value in the place of the star */
static void put_value(struct sentence *s, const char *words, const char *value)
{
	int before = (int)strcspn(words, "*");

	put(s, "%.*s%s%s", before, words, value, words + before + (words[before] == '*'));
}

/* ------------------------------------------------------------- keys that say more */

static void put_if_gone(struct sentence *s, const char *name)
{
	if (!if_nametoindex(name))
		put(s, " There is no interface %s now.", name);
}

static void say_mode(struct sentence *s, const struct conf *conf)
{
	if (conf->mode == CONF_ROUTE) {
		put(s, "Packets that this machine routes are queued by the kernel.");
		return;
	}
	put(s, "Frames are copied between %s and %s, and stop when the program does.",
	    conf->port[0], conf->port[1]);
	put_if_gone(s, conf->port[0]);
	put_if_gone(s, conf->port[1]);
}

static void say_queue(struct sentence *s, const struct conf *conf)
{
	if (conf->queue_first == conf->queue_last)
		put(s, "Packets wait in NFQUEUE %" PRIu32 ", with one engine.", conf->queue_first);
	else
		put(s,
		    "Packets wait in NFQUEUE %" PRIu32 " to %" PRIu32 ", with %" PRIu32 " engines.",
		    conf->queue_first, conf->queue_last, conf->queue_last - conf->queue_first + 1);
}

static void say_mark_bit(struct sentence *s, const struct conf *conf)
{
	uint32_t mark = MARK_INSPECTED << conf->mark_bit;

	put(s,
	    "Marks use the bits %" PRIu32 " to %" PRIu32
	    "; what was inspected has meta mark & 0x%08" PRIx32 " == 0x%08" PRIx32 ".",
	    conf->mark_bit, conf->mark_bit + 3, mark, mark);
}

static void put_if_astray(struct sentence *s, const char *file)
{
	char *copy = strdup(file);
	struct stat status;

	if (copy && (stat(dirname(copy), &status) != 0 || !S_ISDIR(status.st_mode)))
		put(s, " Its directory is not there now.");
	free(copy);
}

static void say_events(struct sentence *s, const char *target)
{
	if (strcmp(target, "-") == 0)
		put(s, "Events are written to standard output.");
	else if (strcmp(target, "journal") == 0)
		put(s, "Events are written to the journal.");
	else {
		put(s, "Events are written to %s.", target);
		put_if_astray(s, target);
	}
}

/* ---------------------------------------------------------------------- all keys */

enum form {
	FORM_CHOICE, /* said by its number */
	FORM_NUMBER, /* said[0], or said[1] for 0 */
	FORM_TEXT,   /* said[0], or said[1] where there is none */
	FORM_FILE,   /* the same */
	FORM_NAME,   /* the same; an array */
	FORM_OTHER   /* say() */
};

struct row {
	const char *key;
	enum form form;
	size_t offset;
	const char *said[2];
	void (*say)(struct sentence *s, const struct conf *conf);
};

/* clang-format off */
static const struct row rows[] = {
	{ "mode", FORM_OTHER, 0, { 0 }, say_mode },
	{ "action", FORM_CHOICE, AT(action),
	  { "What is refused does not pass.",
	    "Everything passes, and what would have been refused is told." }, NULL },
	{ "inspect", FORM_CHOICE, AT(inspect),
	  { "A connection is looked at as long as it lives.",
	    "A connection is looked at until its server accepted the first bind, and no longer." }, NULL },
	{ "refuse", FORM_CHOICE, AT(refuse),
	  { "Refused connections are reset: clients fail at once.",
	    "Refused connections are met with silence: clients wait." }, NULL },
	{ "split", FORM_CHOICE, AT(split),
	  { "One process reads packets without any right, another one changes the kernel.",
	    "One process reads packets and changes the kernel." }, NULL },
	{ "queue", FORM_OTHER, 0, { 0 }, say_queue },
	{ "queue-length", FORM_NUMBER, AT(queue_length),
	  { "Up to * packets wait in a queue; more are dropped by the kernel.", NULL }, NULL },
	{ "log-group", FORM_NUMBER, AT(log_group),
	  { "The kernel tells of connections that it refused in NFLOG group *.", NULL }, NULL },
	{ "log-rate", FORM_NUMBER, AT(log_rate),
	  { "Up to * refused connections are told each second; more are only counted.", NULL }, NULL },
	{ "event-rate", FORM_NUMBER, AT(event_rate),
	  { "Up to * events of one kind and reason are written each second; more are counted.",
	    "All events are written, however many they are." }, NULL },
	{ "stats-interval", FORM_NUMBER, AT(stats_interval_s),
	  { "All counters are written every * s, and at the end.",
	    "All counters are written at the end alone." }, NULL },
	{ "mark-bit", FORM_OTHER, 0, { 0 }, say_mark_bit },
	{ "state", FORM_FILE, AT(state),
	  { "What is open and announced is kept in * over a restart.",
	    "Nothing is kept over a restart." }, NULL },
	{ "control", FORM_TEXT, AT(control),
	  { "rpcgate ctl is answered at *.", "rpcgate ctl is not answered." }, NULL },
	{ "metrics", FORM_TEXT, AT(metrics),
	  { "Metrics are served at http://*/metrics.", "Metrics are not served." }, NULL },
	{ "metrics-file", FORM_FILE, AT(metrics_file),
	  { "Metrics are written to * every 15 s.", "Metrics are not written." }, NULL },
	{ "user", FORM_NAME, AT(user),
	  { "The program becomes * once everything is open.",
	    "The program stays the user that it was started as." }, NULL },
};
/* clang-format on */

static void say_number(struct sentence *s, const struct row *row, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, value);
	put_value(s, value || !row->said[1] ? row->said[0] : row->said[1], text);
}

static void say_text(struct sentence *s, const struct row *row, const char *value)
{
	put_value(s, value && *value ? row->said[0] : row->said[1], value ? value : "");
	if (value && row->form == FORM_FILE)
		put_if_astray(s, value);
}

static void say_row(struct sentence *s, const struct row *row, const struct conf *conf)
{
	const void *member = (const char *)conf + row->offset;
	unsigned int choice;

	switch (row->form) {
	case FORM_CHOICE:
		memcpy(&choice, member, sizeof(choice));
		put(s, "%s", row->said[choice & 1]);
		break;
	case FORM_NUMBER:
		say_number(s, row, *(const uint32_t *)member);
		break;
	case FORM_TEXT:
	case FORM_FILE:
		say_text(s, row, *(char *const *)member);
		break;
	case FORM_NAME:
		say_text(s, row, member);
		break;
	case FORM_OTHER:
		row->say(s, conf);
		break;
	}
}

static void say_key(struct sentence *s, const char *key, const struct conf *conf)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].key, key) == 0)
			say_row(s, &rows[i], conf);
}

bool conf_explain(const struct conf *conf, uint32_t *line, char *text, size_t size)
{
	struct sentence s = { text, size, 0 };
	const char *key = NULL, *target = NULL;
	uint32_t next = UINT32_MAX;

	for (size_t i = 0; i < CONF_KEYS; i++)
		if (conf->written[i].line > *line && conf->written[i].line < next) {
			next = conf->written[i].line;
			key = conf_key(i)->name;
		}
	for (size_t i = 0; i < CONF_EVENTS_MAX && conf->events[i]; i++)
		if (conf->events_at[i].line > *line && conf->events_at[i].line <= next) {
			next = conf->events_at[i].line;
			target = conf->events[i];
			key = NULL;
		}
	*text = '\0';
	*line = next;
	if (target && !key)
		say_events(&s, target);
	else if (key)
		say_key(&s, key, conf);
	return next != UINT32_MAX;
}
