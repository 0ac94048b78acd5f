/* SPDX-License-Identifier: GPL-3.0-or-later */
/* story.c - events become sentences */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "story.h"
#include "text.h"
#include "words.h"

#define FILE_SHOWN 1024
#define LISTED_MAX 3 /* entries of a listing that are told one by one */

/* A hole in a key would be compared, and hold anything. */
_Static_assert(sizeof(struct heard_key) == 16 + 16 + 2 + 2, "hole in a key");
_Static_assert(sizeof(struct hole_key) == 16 + 16 + 2, "hole in a key");
_Static_assert(sizeof(struct pair) == 16 + 16, "hole in a key");

struct file_name {
	char text[FILE_SHOWN];
};

void story_init(struct story *s, const struct story_filter *filter)
{
	*s = (struct story){ .filter = *filter };
	s->heard = (struct rows){ .size = sizeof(struct heard), .key = sizeof(struct heard_key) };
	s->holes = (struct rows){ .size = sizeof(struct hole), .key = sizeof(struct hole_key) };
	s->pairs = (struct rows){ .size = sizeof(struct pair), .key = sizeof(struct pair) };
	s->files =
		(struct rows){ .size = sizeof(struct file_name), .key = sizeof(struct file_name) };
}

void story_free(struct story *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->lines[i].text);
	free(s->lines);
	rows_free(&s->heard);
	rows_free(&s->holes);
	rows_free(&s->pairs);
	rows_free(&s->files);
}

/* ------------------------------------------------------------------ whose story */

static bool same_addr(const struct rpcgate_addr *a, const struct rpcgate_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The port of the service that an event is about; 0: of no single one */
static uint16_t port_of(const struct rpcgate_event *event)
{
	switch (event->type) {
	case RPCGATE_EVENT_BINDING:
		return event->u.binding.port;
	case RPCGATE_EVENT_PINHOLE:
		return event->u.pinhole.port;
	case RPCGATE_EVENT_ALERT:
		return event->u.alert.reason == RPCGATE_REASON_SEALED ? 0 : event->dest_port;
	default:
		return event->dest_port;
	}
}

static bool is_asked_for(const struct story_filter *f, const struct rpcgate_event *event)
{
	uint16_t port = port_of(event);

	return (!f->has_client || same_addr(&f->client, &event->src)) &&
	       (!f->has_server || same_addr(&f->server, &event->dest)) &&
	       (!f->port || f->port == port || (event->type == RPCGATE_EVENT_ALERT && !port));
}

/* ------------------------------------------------------------------- sentences */

static const char *moment(uint64_t ns, char text[WORDS_TIME])
{
	return words_moment(ns, "%H:%M:%S", text);
}

/* What announcements of each source are called; an answer is all that is seen of the question */
static const struct {
	const char *asked;
	const char *told;
} sources[] = {
	[RPCGATE_EPT_MAP] = { "asked the mapper for ", "was told" },
	[RPCGATE_EPT_LOOKUP] = { "asked the mapper for a listing, with ", "" },
	[RPCGATE_OXID] = { "asked the object resolver for the exporter of an object, ",
			   "was told" },
	[RPCGATE_ACTIVATION] = { "activated an object behind ", "was told" },
};

static void tell_binding(struct story *s, const struct rpcgate_event *event, FILE *out)
{
	const struct rpcgate_binding_event *b = &event->u.binding;
	char interface[WORDS_INTERFACE];

	(void)s;
	fprintf(out, "%s%s, ", sources[b->source].asked, words_interface(&b->interface, interface));
	if (*sources[b->source].told)
		fprintf(out, "%s ", sources[b->source].told);
	if (b->port)
		fprintf(out, "port %u", b->port);
	else
		fprintf(out, "an endpoint of %s", rpcgate_protseq_name(b->protseq));
	if (b->accepted)
		return;
	fprintf(out, "\nopens nothing: %s (%s)", rpcgate_reason_name(b->reason),
		rpcgate_reason_text(b->reason));
}

static void tell_pinhole(struct story *s, const struct rpcgate_event *event, FILE *out)
{
	static const char *const what[] = {
		[RPCGATE_PINHOLE_OPEN] = "opened for",
		[RPCGATE_PINHOLE_REFRESH] = "renewed for",
		[RPCGATE_PINHOLE_USE] = "used: the server accepted the bind of",
		[RPCGATE_PINHOLE_EXPIRE] = "ran out for",
		[RPCGATE_PINHOLE_CLOSE] = "closed for",
		[RPCGATE_PINHOLE_EVICT] = "gave way for",
		[RPCGATE_PINHOLE_REFUSE] = "not opened for",
	};
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;
	char interface[WORDS_INTERFACE];
	char until[WORDS_TIME];

	(void)s;
	fputs("pinhole ", out);
	if (p->id)
		fprintf(out, "%" PRIu64 " ", p->id);
	fprintf(out, "%s %s on port %u", what[p->action], words_interface(&p->interface, interface),
		p->port);
	if (p->action <= RPCGATE_PINHOLE_USE && p->until_ns)
		fprintf(out, ", until %s", moment(p->until_ns, until));
	if (p->reason != RPCGATE_REASON_NONE && p->action != RPCGATE_PINHOLE_EXPIRE)
		fprintf(out, "\n%s (%s)", rpcgate_reason_name(p->reason),
			rpcgate_reason_text(p->reason));
}

static void tell_verdict(FILE *out, enum rpcgate_verdict verdict, enum rpcgate_reason reason)
{
	static const char *const words[] = {
		[RPCGATE_ALLOW] = "allow",
		[RPCGATE_LOG] = "log",
		[RPCGATE_DENY] = "deny",
	};

	fprintf(out, "verdict %s: %s (%s)\n", words[verdict], rpcgate_reason_name(reason),
		rpcgate_reason_text(reason));
}

static void tell_rule(FILE *out, const char *file, uint32_t line, const char *name)
{
	char shown[FILE_SHOWN];

	if (!line)
		return;
	fprintf(out, "rule %s:%" PRIu32, text_show(file ? file : "", shown, sizeof(shown)), line);
	if (name)
		fprintf(out, " \"%s\"", text_show(name, shown, sizeof(shown)));
	putc('\n', out);
}

static void tell_bind(struct story *s, const struct rpcgate_event *event, FILE *out)
{
	static const char *const what[] = {
		[RPCGATE_PDU_BIND] = "Bind",
		[RPCGATE_PDU_ALTER_CONTEXT] = "Alter-context",
		[RPCGATE_PDU_REQUEST] = "Request of",
	};
	const struct rpcgate_bind_event *b = &event->u.bind;
	char interface[WORDS_INTERFACE];
	char age[WORDS_TIME];

	s->binds++;
	s->refused += b->verdict == RPCGATE_DENY;
	fprintf(out, "%s %s on port %u%s\n", what[b->pdu],
		words_interface(&b->interface, interface), event->dest_port,
		b->pdu == RPCGATE_PDU_REQUEST ? " over UDP" : "");
	tell_verdict(out, b->verdict, b->reason);
	if (b->pinhole_id)
		fprintf(out, "pinhole %" PRIu64, b->pinhole_id);
	if (b->pinhole_id && b->has_age)
		fprintf(out, ", %s after the announcement", words_duration(b->age_ns, age));
	if (b->pinhole_id)
		putc('\n', out);
	tell_rule(out, b->rule_file, b->rule_line, b->rule_name);
	if (b->verdict == RPCGATE_DENY)
		story_explain(s, event, out);
}

static void tell_pipe(struct story *s, const struct rpcgate_event *event, FILE *out)
{
	const struct rpcgate_pipe_event *p = &event->u.pipe;
	char shown[TEXT_SHOWN_MAX(RPCGATE_ENDPOINT_MAX) + 1];
	char pipe[RPCGATE_ENDPOINT_MAX + 1] = "";
	char interface[WORDS_INTERFACE];

	(void)s;
	memcpy(pipe, p->pipe, p->pipe_len < sizeof(pipe) ? p->pipe_len : sizeof(pipe) - 1);
	fprintf(out, "%s %s inside %s%s of SMB on port %u\nnot judged",
		p->pdu == RPCGATE_PDU_BIND ? "Bind" : "Alter-context",
		words_interface(&p->interface, interface), *pipe ? "pipe " : "a pipe",
		text_show(pipe, shown, sizeof(shown)), event->dest_port);
}

static void tell_call(struct story *s, const struct rpcgate_event *event, FILE *out)
{
	const struct rpcgate_call_event *c = &event->u.call;
	const char *name = rpcgate_operation_name(&c->interface.uuid, c->opnum);
	char interface[WORDS_INTERFACE];

	(void)s;
	fprintf(out, "call of operation %u%s%s of %s at authentication level %u\n", c->opnum,
		name ? " " : "", name ? name : "", words_interface(&c->interface, interface),
		c->auth_level);
	tell_verdict(out, c->verdict, c->reason);
	tell_rule(out, c->rule_file, c->rule_line, c->rule_name);
}

static void tell_alert(struct story *s, const struct rpcgate_event *event, FILE *out)
{
	const struct rpcgate_alert_event *a = &event->u.alert;

	(void)s;
	fprintf(out, "alert on port %u: %s (%s)\n", event->dest_port,
		rpcgate_reason_name(a->reason), rpcgate_reason_text(a->reason));
}

static void tell_flow(struct story *s, const struct rpcgate_event *event, FILE *out)
{
	const struct rpcgate_flow_event *f = &event->u.flow;

	(void)s;
	fprintf(out, "connection to port %u ended: %s (%s)\n", event->dest_port,
		rpcgate_reason_name(f->reason), rpcgate_reason_text(f->reason));
}

/* The question comes before what it opens, though the answer does both */
static const struct {
	unsigned int rank;
	void (*tell)(struct story *s, const struct rpcgate_event *event, FILE *out);
} kinds[] = {
	[RPCGATE_EVENT_BINDING] = { 0, tell_binding },
	[RPCGATE_EVENT_PINHOLE] = { 1, tell_pinhole },
	[RPCGATE_EVENT_BIND] = { 2, tell_bind },
	[RPCGATE_EVENT_ALERT] = { 3, tell_alert },
	[RPCGATE_EVENT_FLOW] = { 3, tell_flow },
	[RPCGATE_EVENT_ENGINE] = { 0, NULL },
	[RPCGATE_EVENT_CALL] = { 2, tell_call },
	[RPCGATE_EVENT_PIPE] = { 2, tell_pipe },
};

/* What another event says already, or what nobody asks about */
static bool is_worth_telling(const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;

	if ((size_t)event->type >= sizeof(kinds) / sizeof(kinds[0]) || !kinds[event->type].tell)
		return false;
	switch (event->type) {
	case RPCGATE_EVENT_ALERT:
		return !(a->has_interface && (a->ptype == 11 || a->ptype == 14));
	case RPCGATE_EVENT_FLOW:
		return event->u.flow.reason != RPCGATE_REASON_NONE &&
		       event->u.flow.reason != RPCGATE_REASON_LIMIT && !event->u.flow.binds;
	default:
		return true;
	}
}

/* ------------------------------------------------------------------------ lines */

static const char *intern(struct story *s, const char *file)
{
	struct file_name probe = { { 0 } };

	if (!file)
		return "";
	text_show(file, probe.text, sizeof(probe.text));
	file = rows_get(&s->files, &probe);
	return file ? file : "";
}

static struct line *line_new(struct story *s)
{
	size_t room = s->room ? 2 * s->room : 64;
	struct line *more;

	if (s->n == STORY_LINES_MAX) {
		s->lost++;
		return NULL;
	}
	if (s->n == s->room) {
		more = reallocarray(s->lines, room, sizeof(*more));
		if (!more) {
			s->out_of_memory = true;
			return NULL;
		}
		s->lines = more;
		s->room = room;
	}
	return &s->lines[s->n++];
}

/* Events of one packet follow each other */
static void note_group(struct story *s, const struct rpcgate_event *event, uint64_t frame)
{
	if (!s->group || s->group_time != event->time_ns || s->group_flow != event->flow_id ||
	    s->group_frame != frame)
		s->group++;
	s->group_time = event->time_ns;
	s->group_flow = event->flow_id;
	s->group_frame = frame;
}

/* Hundreds of endpoints in one answer are a listing, not a story */
static bool is_in_long_listing(struct story *s, const struct rpcgate_event *event)
{
	if (event->type != RPCGATE_EVENT_BINDING || s->filter.port ||
	    (event->u.binding.source != RPCGATE_EPT_LOOKUP && event->u.binding.port))
		return false;
	if (s->listed_group != s->group)
		s->listed = 0;
	s->listed_group = s->group;
	return ++s->listed > LISTED_MAX;
}

/* The line before says how many more there were */
static void note_listed(struct story *s)
{
	struct line *last = s->n ? &s->lines[s->n - 1] : NULL;
	char *text;

	if (!last || last->group != s->group || last->rank)
		return;
	if (asprintf(&text, "... and %" PRIu64 " more endpoints in this answer",
		     s->listed - LISTED_MAX + 1) < 0) {
		s->out_of_memory = true;
		return;
	}
	free(last->text);
	last->text = text;
}

static void put_pair(const struct story *s, const struct rpcgate_event *event, FILE *out)
{
	char client[RPCGATE_ADDR_TEXT];
	char server[RPCGATE_ADDR_TEXT];

	if (!s->filter.has_client || !s->filter.has_server)
		fprintf(out, "%s -> %s: ", rpcgate_addr_format(&event->src, client),
			rpcgate_addr_format(&event->dest, server));
}

static void add_line(struct story *s, const struct rpcgate_event *event,
		     const struct source_place *place)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct line *line;

	if (!out) {
		s->out_of_memory = true;
		return;
	}
	put_pair(s, event, out);
	kinds[event->type].tell(s, event, out);
	if (fclose(out) != 0)
		s->out_of_memory = true;
	line = text ? line_new(s) : NULL;
	if (!line) {
		free(text);
		return;
	}
	*line = (struct line){ .time_ns = event->time_ns,
			       .group = s->group,
			       .rank = kinds[event->type].rank,
			       .number = s->n,
			       .frame = place->frame,
			       .file = intern(s, place->file),
			       .text = text };
}

void story_event(void *ctx, const struct rpcgate_event *event, const struct source_place *place)
{
	struct story *s = ctx;

	story_remember(s, event);
	note_group(s, event, place->frame);
	if (!is_asked_for(&s->filter, event) || !is_worth_telling(event))
		return;
	if (is_in_long_listing(s, event))
		note_listed(s);
	else
		add_line(s, event, place);
}

/* --------------------------------------------------------------------- printing */

static int line_order(const void *left, const void *right)
{
	const struct line *a = left;
	const struct line *b = right;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* A new day or another file is worth a heading */
static void print_heading(const struct line *line, const struct line *before, FILE *out)
{
	char day[WORDS_TIME];
	char last[WORDS_TIME] = "";

	words_moment(line->time_ns, "%Y-%m-%d ", day);
	if (before)
		words_moment(before->time_ns, "%Y-%m-%d ", last);
	*strchr(day, ' ') = '\0';
	if (*last)
		*strchr(last, ' ') = '\0';
	if (before && strcmp(day, last) == 0 && (line->file == before->file || !*line->file))
		return;
	fprintf(out, "%s%s%s%s\n", before ? "\n" : "", day, *line->file ? "  " : "", line->file);
}

/* The first line beside the time, what follows below it */
static void print_line(const struct line *line, FILE *out, size_t width)
{
	char clock[WORDS_TIME];
	char frame[24] = "";
	size_t column;
	char *next;

	if (line->frame)
		snprintf(frame, sizeof(frame), "%" PRIu64, line->frame);
	column = (size_t)fprintf(out, "%s %6s  ", moment(line->time_ns, clock), frame);
	for (char *at = line->text; *at; at = next) {
		next = strchrnul(at, '\n');
		if (*next)
			*next++ = '\0';
		if (at != line->text)
			fprintf(out, "%*s", (int)column + 2, "");
		if (*at == STORY_UNBROKEN[0])
			fprintf(out, "%s\n", at + 1);
		else
			options_wrap(out, at, column + (at == line->text ? 0 : 2), width);
	}
}

void story_print(struct story *s, FILE *out, size_t width)
{
	const struct line *before = NULL;

	if (s->n)
		qsort(s->lines, s->n, sizeof(*s->lines), line_order);
	for (size_t i = 0; i < s->n; i++) {
		print_heading(&s->lines[i], before, out);
		print_line(&s->lines[i], out, width);
		/* what time caused stands in no file */
		if (!before || *s->lines[i].file)
			before = &s->lines[i];
	}
	if (s->lost)
		fprintf(out, "... and %zu more lines; name hosts and a port to see less\n",
			s->lost);
}
