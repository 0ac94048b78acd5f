/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf.h"
#include "listen_address.h"
#include "policy_file.h"
#include "same_file.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 4
#define WORD_SIZE 1024
#define ERRORS_SHOWN 20

enum kind {
	KIND_MODE,
	KIND_CHOICE,
	KIND_NUMBER,
	KIND_QUEUES,
	KIND_TEXT,
	KIND_LISTEN,
	KIND_LIST,
	KIND_USER
};

struct key {
	struct conf_key face;
	enum kind kind;
	size_t offset;
	uint32_t min, max;
};

#define AT(member) offsetof(struct conf, member)

/* clang-format off */
static const struct key keys[] = {
	{ { "mode", "route | bridge IF IF", "route",
	    "How packets come: routed and queued by the kernel, or copied between two interfaces." },
	  KIND_MODE, AT(mode), 0, 0 },
	{ { "action", "enforce|observe", "enforce",
	    "Refuse what is refused, or let everything pass and say what would have been refused." },
	  KIND_CHOICE, AT(action), 0, 0 },
	{ { "inspect", "every-bind|first-bind", "every-bind",
	    "How long a connection is looked at: for life, or until the server accepted its first bind." },
	  KIND_CHOICE, AT(inspect), 0, 0 },
	{ { "refuse", "reset|drop", "reset",
	    "How connections are refused: clients fail at once, or wait." },
	  KIND_CHOICE, AT(refuse), 0, 0 },
	{ { "split", "yes|no", "no",
	    "Whether the process that reads packets is another one than the one that may change the "
	    "kernel." },
	  KIND_CHOICE, AT(split), 0, 0 },
	{ { "queue", "N or N-M, 0..65535, 16 at most", "0",
	    "NFQUEUE numbers; each has an engine of its own, a pair of hosts always the same." },
	  KIND_QUEUES, AT(queue_first), 0, 65535 },
	{ { "queue-length", "16..1048576", "4096",
	    "Packets that wait for a verdict in one queue; more are dropped by the kernel." },
	  KIND_NUMBER, AT(queue_length), 16, 1 << 20 },
	{ { "spin", "0..1000", "100",
	    "Microseconds to look for the next packet before sleeping; 0 means to sleep at once." },
	  KIND_NUMBER, AT(spin_us), 0, 1000 },
	{ { "log-group", "1..65535", "135",
	    "NFLOG group by which the kernel tells of connections that it refused." },
	  KIND_NUMBER, AT(log_group), 1, 65535 },
	{ { "log-rate", "1..10000", "100",
	    "Refused connections told each second; more are only counted." },
	  KIND_NUMBER, AT(log_rate), 1, 10000 },
	{ { "event-rate", "0..1000000", "100",
	    "Events of one kind and reason written each second; more are counted, 0 means all." },
	  KIND_NUMBER, AT(event_rate), 0, 1000000 },
	{ { "stats-interval", "0..86400", "60",
	    "Seconds between two events with all counters; 0 means none but the one at the end." },
	  KIND_NUMBER, AT(stats_interval_s), 0, 86400 },
	{ { "mark-bit", "0..28", "24",
	    "The lowest of the four bits of packet and connection marks that are used." },
	  KIND_NUMBER, AT(mark_bit), 0, 28 },
	{ { "events", "FILE | - | journal", "none",
	    "Where events are written as lines of JSON; up to four such lines." },
	  KIND_LIST, AT(events), 0, 0 },
	{ { "state", "FILE", "none",
	    "Where pinholes and announcements are kept over a restart." },
	  KIND_TEXT, AT(state), 0, 0 },
	{ { "control", "PATH", "/run/rpcgate/control",
	    "The socket of rpcgate ctl; - means none." },
	  KIND_TEXT, AT(control), 0, 0 },
	{ { "metrics", "ADDRESS:PORT", "none",
	    "Where Prometheus metrics are served by HTTP, on a loopback address." },
	  KIND_LISTEN, AT(metrics), 0, 0 },
	{ { "metrics-file", "FILE", "none",
	    "Where the same metrics are written every 15 seconds." },
	  KIND_TEXT, AT(metrics_file), 0, 0 },
	{ { "user", "NAME | none", "none",
	    "Who to become once everything is open." },
	  KIND_USER, AT(user), 0, 0 },
};
/* clang-format on */

_Static_assert(COUNT(keys) == CONF_KEYS, "each has its place");

const struct conf_key *conf_key(size_t i)
{
	return i < COUNT(keys) ? &keys[i].face : NULL;
}

void conf_default(struct conf *conf)
{
	*conf = (struct conf){
		.split = CONF_ONE_PROCESS,
		.queue_length = 4096,
		.spin_us = 100,
		.log_group = 135,
		.log_rate = 100,
		.event_rate = 100,
		.stats_interval_s = 60,
		.mark_bit = 24,
	};
	conf->control = strdup("/run/rpcgate/control");
}

void conf_free(struct conf *conf)
{
	for (size_t i = 0; i < CONF_EVENTS_MAX; i++)
		free(conf->events[i]);
	free(conf->state);
	free(conf->control);
	free(conf->metrics);
	free(conf->metrics_file);
	*conf = (struct conf){ 0 };
}

/* -------------------------------------------------------------------- lines */

struct word {
	char text[WORD_SIZE];
	uint32_t column; /* from 1 */
};

struct line {
	const char *file;
	uint32_t number;
	struct word word[WORDS_MAX];
	size_t n;
	struct rpcgate_policy_error error;
	bool wrong;
};

static bool mistake(struct line *line, size_t word, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool mistake(struct line *line, size_t word, const char *format, ...)
{
	va_list args;

	line->wrong = true;
	snprintf(line->error.file, sizeof(line->error.file), "%s", line->file);
	line->error.line = line->number;
	line->error.column = line->word[word < WORDS_MAX ? word : 0].column;
	va_start(args, format);
	vsnprintf(line->error.text, sizeof(line->error.text), format, args);
	va_end(args);
	return false;
}

/* One word at *at, which moves behind it; false at the end of the line */
static bool take_word(const char *start, const char **at, const char *end, struct word *out)
{
	const char *p = *at;
	bool quoted;
	size_t n = 0;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	if (p == end || *p == '#')
		return false;
	out->column = (uint32_t)(p - start) + 1;
	quoted = *p == '"';
	p += quoted;
	while (p < end && (quoted ? *p != '"' : !strchr(" \t\r#", *p)) && n + 1 < sizeof(out->text))
		out->text[n++] = *p++;
	out->text[n] = '\0';
	p += quoted && p < end;
	*at = p;
	return true;
}

static void split(struct line *line, const char *start, const char *end)
{
	const char *at = start;

	while (line->n < WORDS_MAX && take_word(start, &at, end, &line->word[line->n]))
		line->n++;
}

static const struct key *key_of(const char *word)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		if (strcasecmp(keys[i].face.name, word) == 0)
			return &keys[i];
	return NULL;
}

/* -------------------------------------------------------------------- values */

static bool expected(struct line *line, const struct key *key, size_t word)
{
	if (word >= line->n)
		return mistake(line, 0, "%s: nothing read, %s expected", key->face.name,
			       key->face.values);
	return mistake(line, word, "%s: \"%.60s\" read, %s expected", key->face.name,
		       line->word[word].text, key->face.values);
}

static int choice_of(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (int i = 0;; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && strncasecmp(choices, text, n) == 0)
			return i;
		if (!choices[n])
			return -1;
		choices += n + 1;
	}
}

static bool number(const char **text, uint32_t max, uint32_t *out)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	value = strtoul(*text, &end, 10);
	*text = end;
	*out = (uint32_t)value;
	return value <= max;
}

static bool set_mode(struct conf *conf, struct line *line, const struct key *key)
{
	if (strcasecmp(line->word[1].text, "route") == 0 && line->n == 2) {
		conf->mode = CONF_ROUTE;
		return true;
	}
	if (strcasecmp(line->word[1].text, "bridge") != 0)
		return expected(line, key, 1);
	if (line->n != 4)
		return mistake(line, 1, "mode bridge: two interfaces expected");
	for (size_t i = 0; i < 2; i++) {
		if (strlen(line->word[2 + i].text) >= CONF_NAME_SIZE)
			return expected(line, key, 2 + i);
		snprintf(conf->port[i], CONF_NAME_SIZE, "%s", line->word[2 + i].text);
	}
	if (strcmp(conf->port[0], conf->port[1]) == 0)
		return mistake(line, 3, "mode bridge: \"%.40s\" twice, two interfaces expected",
			       conf->port[0]);
	conf->mode = CONF_BRIDGE;
	return true;
}

static bool set_queues(struct conf *conf, struct line *line, const struct key *key)
{
	const char *p = line->word[1].text;
	uint32_t first, last;

	if (!number(&p, key->max, &first))
		return expected(line, key, 1);
	last = first;
	if (*p == '-') {
		p++;
		if (!number(&p, key->max, &last))
			return expected(line, key, 1);
	}
	if (*p || last < first || last - first > 15)
		return expected(line, key, 1);
	conf->queue_first = first;
	conf->queue_last = last;
	return true;
}

static bool set_text(char **member, struct line *line)
{
	free(*member);
	*member = strcmp(line->word[1].text, "-") == 0 ? NULL : strdup(line->word[1].text);
	return true;
}

static bool set_listen(char **member, struct line *line, const struct key *key)
{
	struct listen_address address;
	const char *wrong = NULL;

	if (strcmp(line->word[1].text, "-") != 0)
		wrong = listen_address_parse(line->word[1].text, &address);
	if (!wrong && strcmp(line->word[1].text, "-") != 0 && !listen_address_port(&address))
		wrong = "expected a port above 0: readers have to know it";
	if (wrong)
		return mistake(line, 1, "%s: \"%.60s\" read, %s", key->face.name,
			       line->word[1].text, wrong);
	return set_text(member, line);
}

static bool set_list(struct conf *conf, struct line *line)
{
	size_t i = 0;

	while (i < CONF_EVENTS_MAX && conf->events[i])
		i++;
	if (i == CONF_EVENTS_MAX)
		return mistake(line, 0, "events: at most %d such lines", CONF_EVENTS_MAX);
	conf->events[i] = strdup(line->word[1].text);
	conf->events_at[i] = (struct conf_place){ line->number, line->word[1].column };
	return true;
}

static bool set_value(struct conf *conf, struct line *line, const struct key *key)
{
	void *member = (char *)conf + key->offset;
	const char *text = line->word[1].text;
	uint32_t value;
	int choice;

	switch (key->kind) {
	case KIND_MODE:
		return set_mode(conf, line, key);
	case KIND_QUEUES:
		return set_queues(conf, line, key);
	case KIND_TEXT:
		return set_text(member, line);
	case KIND_LISTEN:
		return set_listen(member, line, key);
	case KIND_LIST:
		return set_list(conf, line);
	case KIND_CHOICE:
		choice = choice_of(key->face.values, text);
		if (choice < 0)
			return expected(line, key, 1);
		memcpy(member, &choice, sizeof(choice)); /* enumerations from 0 on */
		return true;
	case KIND_NUMBER:
		if (!number(&text, key->max, &value) || *text || value < key->min)
			return expected(line, key, 1);
		memcpy(member, &value, sizeof(value));
		return true;
	case KIND_USER:
		if (strlen(text) >= CONF_NAME_SIZE)
			return expected(line, key, 1);
		snprintf(conf->user, sizeof(conf->user), "%.*s", CONF_NAME_SIZE - 1,
			 strcasecmp(text, "none") == 0 ? "" : text);
		return true;
	}
	return false;
}

/* What may stand first, ours and the policy's */
static const char *first_word(const void *ctx, size_t i)
{
	static const char *const policy[] = { "allow",         "deny",     "log",
					      "static",        "callback", "sealed",
					      "reserved",      "include",  "mapper-port",
					      "dynamic-range", "set",      "valid-ports" };

	(void)ctx;
	if (i < COUNT(keys))
		return keys[i].face.name;
	return i - COUNT(keys) < COUNT(policy) ? policy[i - COUNT(keys)] : NULL;
}

/* A slip in one of our words is not the policy's to explain */
static bool is_slip(struct line *line)
{
	const char *nearest = line->n ? text_nearest(line->word[0].text, first_word, NULL) : NULL;

	if (!nearest || !key_of(nearest))
		return false;
	mistake(line, 0, "read \"%.60s\", expected a setting or a rule; the nearest is \"%s\"",
		line->word[0].text, nearest);
	return true;
}

/* True if the line is ours, right or wrong */
static bool read_line(struct conf *conf, struct line *line)
{
	const struct key *key = line->n ? key_of(line->word[0].text) : NULL;

	if (!key)
		return is_slip(line);
	if (line->n < 2)
		expected(line, key, 1);
	else if (line->n > 2 && key->kind != KIND_MODE)
		mistake(line, 2, "%s: \"%.60s\" read, the end of the line expected", key->face.name,
			line->word[2].text);
	else
		set_value(conf, line, key);
	if (line->n > 1)
		conf->written[key - keys] =
			(struct conf_place){ line->number, line->word[1].column };
	return true;
}

/* Reads our lines and blanks them, so that those of the policy keep their place.
 * @return how many were wrong */
static size_t take_lines(struct conf *conf, const char *file, char *text, size_t length)
{
	const char *end = text + length;
	uint32_t row = 0;
	size_t wrong = 0;

	for (char *start = text; start < end;) {
		char *stop = memchr(start, '\n', (size_t)(end - start));
		struct line line = { .file = file };

		line.number = ++row;
		if (!stop)
			stop = text + length;
		split(&line, start, stop);
		if (read_line(conf, &line))
			memset(start, ' ', (size_t)(stop - start));
		if (line.wrong && wrong++ < ERRORS_SHOWN)
			policy_file_tell(&line.error);
		start = stop + 1;
	}
	return wrong;
}

/* ------------------------------------------------------------- on this machine */

/* A mistake that shows when all was read */
static bool mistake_at(const char *path, struct conf_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool mistake_at(const char *path, struct conf_place place, const char *format, ...)
{
	struct rpcgate_policy_error error = { .line = place.line, .column = place.column };
	va_list args;

	snprintf(error.file, sizeof(error.file), "%s", path);
	va_start(args, format);
	vsnprintf(error.text, sizeof(error.text), format, args);
	va_end(args);
	policy_file_tell(&error);
	return false;
}

static struct conf_place place_of(const struct conf *conf, size_t offset)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i].offset == offset)
			return conf->written[i];
	return (struct conf_place){ 0, 0 };
}

static bool check_user(const char *path, const struct conf *conf)
{
	if (!conf->user[0] || getpwnam(conf->user))
		return true;
	return mistake_at(path, place_of(conf, AT(user)), "user: there is no user \"%s\"",
			  conf->user);
}

/* A file that is written to */
struct output {
	const char *key;
	const char *file;
	struct conf_place place;
};

static size_t outputs_of(const struct conf *conf, struct output out[CONF_EVENTS_MAX + 3])
{
	const struct output single[] = {
		{ "state", conf->state, place_of(conf, AT(state)) },
		{ "control", conf->control, place_of(conf, AT(control)) },
		{ "metrics-file", conf->metrics_file, place_of(conf, AT(metrics_file)) },
	};
	size_t n = 0;

	for (size_t i = 0; i < CONF_EVENTS_MAX && conf->events[i]; i++)
		if (strcmp(conf->events[i], "-") != 0 && strcmp(conf->events[i], "journal") != 0)
			out[n++] = (struct output){ "events", conf->events[i], conf->events_at[i] };
	for (size_t i = 0; i < COUNT(single); i++)
		if (single[i].file)
			out[n++] = single[i];
	return n;
}

/* What the file says, or another one that it includes */
static bool is_read(const char *path, const struct rpcgate_policy *policy, const char *file)
{
	struct rpcgate_statement statement;
	bool found = same_file(path, file);

	for (size_t i = 0; !found && rpcgate_policy_statement(policy, i, &statement); i++)
		found = strcmp(statement.file, path) != 0 && same_file(statement.file, file);
	return found;
}

/* Two that write to one file spoil it, and the configuration is no place to write to */
static bool check_outputs(const char *path, const struct conf *conf,
			  const struct rpcgate_policy *policy)
{
	struct output out[CONF_EVENTS_MAX + 3];
	size_t n = outputs_of(conf, out);
	bool good = true;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < i && !same_file(out[k].file, out[i].file))
			k++;
		if (k < i)
			good = mistake_at(path, out[i].place.line ? out[i].place : out[k].place,
					  "%s: \"%.60s\" is also where %s goes", out[i].key,
					  out[i].file, out[k].key);
		else if (is_read(path, policy, out[i].file))
			good = mistake_at(path, out[i].place,
					  "%s: \"%.60s\" is the configuration, and would be "
					  "overwritten",
					  out[i].key, out[i].file);
	}
	return good;
}

static bool fits_here(const char *path, enum conf_reader reader, const struct conf *conf,
		      const struct rpcgate_policy *policy)
{
	bool good = reader != CONF_FOR_START || check_user(path, conf);

	return (reader == CONF_FOR_RULES || check_outputs(path, conf, policy)) && good;
}

bool conf_read(const char *who, const char *path, enum conf_reader reader, struct conf *conf,
	       struct rpcgate_policy **policy)
{
	struct rpcgate_policy_source source;
	size_t wrong;

	*policy = NULL;
	conf_default(conf);
	if (!policy_file_load(who, path, &source)) {
		conf_free(conf);
		return false;
	}
	wrong = take_lines(conf, path, (char *)(uintptr_t)source.text, source.length);
	*policy = policy_file_parse(who, &source);
	free((void *)(uintptr_t)source.text);
	if (*policy && !wrong && fits_here(path, reader, conf, *policy))
		return true;
	rpcgate_policy_free(*policy);
	*policy = NULL;
	conf_free(conf);
	return false;
}
