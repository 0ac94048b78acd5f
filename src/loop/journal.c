/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "journal.h"
#include "text.h"

#define SENTENCE_SIZE 512

/* syslog(3), which the journal has its PRIORITY from */
enum priority { WARNING = 4, NOTICE = 5, INFO = 6, DEBUG = 7 };

struct journal {
	int fd;
	uint64_t lost;
	struct sockaddr_un to;
};

/* ------------------------------------------------------------ what a line says */

/* The fields that entries are made of, NULL or 0 where the event has none.  Texts belong to root. */
struct said {
	json_t *root;
	json_t *body;
	const char *type;
	const char *verdict;
	const char *reason;
	const char *client;
	const char *server;
	const char *interface;
	json_int_t port;
};

static const char *text_in(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *first_of(const char *a, const char *b)
{
	return a ? a : b;
}

/* An alert keeps its reason and interface elsewhere. */
static void read_alert(struct said *s)
{
	const json_t *rpc = json_object_get(s->root, "dcerpc");
	const json_t *interface = json_array_get(json_object_get(rpc, "interfaces"), 0);
	const json_t *metadata = json_object_get(s->body, "metadata");

	s->interface = text_in(interface, "uuid");
	s->reason = json_string_value(json_array_get(json_object_get(metadata, "rpc_reason"), 0));
	s->verdict = text_in(s->body, "action");
}

/* False if the line is none of ours: then it is sent as it is. */
static bool read_line(struct said *s, const char *line, size_t n)
{
	*s = (struct said){ .root = json_loadb(line, n, 0, NULL) };
	s->type = text_in(s->root, "event_type");
	if (!s->type)
		return false;
	s->body = json_object_get(s->root, s->type);
	s->verdict = text_in(s->body, "verdict");
	s->reason = text_in(s->body, "reason");
	s->client = first_of(text_in(s->root, "src_ip"), text_in(s->body, "client_ip"));
	s->server = first_of(text_in(s->root, "dest_ip"), text_in(s->body, "server_ip"));
	s->port = json_integer_value(json_object_get(s->root, "dest_port"));
	s->interface = first_of(text_in(s->body, "name"), text_in(s->body, "uuid"));
	if (strcmp(s->type, "alert") == 0)
		read_alert(s);
	/* a binding and a pinhole are about the port they name, not about the mapper's */
	if (strcmp(s->type, "rpc_binding") == 0 || strcmp(s->type, "rpc_pinhole") == 0) {
		s->server = first_of(text_in(s->body, "server_ip"), s->server);
		s->port = json_integer_value(json_object_get(s->body, "port"));
	}
	return true;
}

/* -------------------------------------------------------------- for people */

static const char *or_none(const char *text)
{
	return text ? text : "?";
}

static void say_bind(const struct said *s, char *out)
{
	snprintf(out, SENTENCE_SIZE, "%s asks for %s %s at %s port %d: %s (%s)", or_none(s->client),
		 or_none(s->interface), first_of(text_in(s->body, "version"), ""),
		 or_none(s->server), (int)s->port, or_none(s->verdict), or_none(s->reason));
}

static void say_binding(const struct said *s, char *out)
{
	snprintf(out, SENTENCE_SIZE, "%s announces %s at port %d to %s: %s", or_none(s->server),
		 or_none(s->interface), (int)s->port, or_none(s->client),
		 json_is_true(json_object_get(s->body, "accepted")) ? "accepted" :
								      or_none(s->reason));
}

static void say_pinhole(const struct said *s, char *out)
{
	snprintf(out, SENTENCE_SIZE, "pinhole %s: %s to %s port %d for %s",
		 or_none(text_in(s->body, "action")), or_none(s->client), or_none(s->server),
		 (int)s->port, or_none(s->interface));
}

static void say_alert(const struct said *s, char *out)
{
	snprintf(out, SENTENCE_SIZE, "%s: %s to %s port %d, %s",
		 or_none(text_in(s->body, "signature")), or_none(s->client), or_none(s->server),
		 (int)s->port, or_none(s->verdict));
}

static void say_flow(const struct said *s, char *out)
{
	snprintf(out, SENTENCE_SIZE, "connection of %s to %s port %d ended: %s", or_none(s->client),
		 or_none(s->server), (int)s->port, or_none(text_in(s->body, "state")));
}

static void say_engine(const struct said *s, char *out)
{
	snprintf(out, SENTENCE_SIZE, "%s: %s", or_none(text_in(s->body, "event")),
		 or_none(text_in(s->body, "detail")));
}

static void say_stats(const struct said *s, char *out)
{
	snprintf(out, SENTENCE_SIZE, "counters: %lld packets, %lld pinholes open",
		 (long long)json_integer_value(json_object_get(s->body, "packets")),
		 (long long)json_integer_value(json_object_get(s->body, "pinholes_live")));
}

static const struct kind {
	const char *type;
	enum priority priority; /* of what is not refused */
	void (*say)(const struct said *s, char *out);
} kinds[] = {
	{ "rpc_bind", INFO, say_bind },       { "rpc_call", INFO, say_bind },
	{ "rpc_pipe", INFO, say_bind },       { "rpc_binding", INFO, say_binding },
	{ "rpc_pinhole", INFO, say_pinhole }, { "alert", WARNING, say_alert },
	{ "flow", INFO, say_flow },           { "rpc_engine", NOTICE, say_engine },
	{ "stats", DEBUG, say_stats },
};

static enum priority priority_of(const struct said *s, const struct kind *kind)
{
	if (s->verdict && strcmp(s->verdict, "deny") == 0)
		return WARNING;
	if (s->verdict && strcmp(s->verdict, "log") == 0)
		return NOTICE;
	return kind->priority;
}

static enum priority describe(const struct said *s, char *sentence)
{
	char raw[SENTENCE_SIZE];

	for (size_t i = 0; s->type && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].type, s->type) == 0) {
			kinds[i].say(s, raw);
			text_show(raw, sentence, SENTENCE_SIZE);
			return priority_of(s, &kinds[i]);
		}
	snprintf(sentence, SENTENCE_SIZE, "%s", s->type ? s->type : "line");
	return INFO;
}

/* ------------------------------------------------------------------- an entry */

static void put_octets(FILE *out, const char *name, const char *value, size_t n)
{
	unsigned char length[8];

	if (!memchr(value, '\n', n)) {
		fprintf(out, "%s=", name);
	} else {
		for (size_t i = 0; i < sizeof(length); i++)
			length[i] = (unsigned char)((uint64_t)n >> (8 * i));
		fprintf(out, "%s\n", name);
		fwrite(length, 1, sizeof(length), out);
	}
	fwrite(value, 1, n, out);
	putc('\n', out);
}

static void put_text(FILE *out, const char *name, const char *value)
{
	if (value)
		put_octets(out, name, value, strlen(value));
}

static void put_fields(FILE *out, const struct said *s)
{
	char sentence[SENTENCE_SIZE];

	fprintf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=rpcgate\n", (int)describe(s, sentence));
	put_text(out, "MESSAGE", sentence);
	put_text(out, "RPCGATE_EVENT", s->type);
	put_text(out, "RPCGATE_VERDICT", s->verdict);
	put_text(out, "RPCGATE_REASON", s->reason);
	put_text(out, "RPCGATE_CLIENT", s->client);
	put_text(out, "RPCGATE_SERVER", s->server);
	if (s->port)
		fprintf(out, "RPCGATE_PORT=%d\n", (int)s->port);
	put_text(out, "RPCGATE_INTERFACE", s->interface);
}

char *journal_entry(const char *line, size_t line_n, size_t *n)
{
	char *entry = NULL;
	struct said said;
	FILE *out;
	bool bad;

	while (line_n && line[line_n - 1] == '\n')
		line_n--;
	out = open_memstream(&entry, n);
	if (!out)
		return NULL;
	if (read_line(&said, line, line_n))
		put_fields(out, &said);
	else
		fprintf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=rpcgate\nMESSAGE=event\n", INFO);
	put_octets(out, "RPCGATE_JSON", line, line_n);
	json_decref(said.root);
	bad = ferror(out);
	if (fclose(out) == 0 && !bad)
		return entry;
	free(entry);
	return NULL;
}

/* --------------------------------------------------------------------- sending */

struct journal *journal_open(const char *path, char err[RPCGATE_ERROR_SIZE])
{
	struct journal *j = calloc(1, sizeof(*j));
	size_t n;

	path = path ? path : JOURNAL_SOCKET;
	n = strlen(path);
	if (j)
		j->fd = -1;
	if (j && n < sizeof(j->to.sun_path)) {
		j->to.sun_family = AF_UNIX;
		memcpy(j->to.sun_path, path, n);
		j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		/* Connected only to see whether somebody is there: journald may be started anew. */
		if (j->fd >= 0 &&
		    connect(j->fd, (const struct sockaddr *)&j->to, sizeof(j->to)) == 0)
			return j;
	} else {
		errno = j ? ENAMETOOLONG : ENOMEM;
	}
	snprintf(err, RPCGATE_ERROR_SIZE, "journal %.100s: %s", path, strerror(errno));
	journal_close(j);
	return NULL;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->fd >= 0)
		close(journal->fd);
	free(journal);
}

bool journal_send(struct journal *j, const char *line, size_t n)
{
	size_t length = 0;
	char *entry = journal_entry(line, n, &length);
	ssize_t sent = -1;
	int why = ENOMEM;

	if (entry) {
		sent = sendto(j->fd, entry, length, MSG_NOSIGNAL, (const struct sockaddr *)&j->to,
			      sizeof(j->to));
		why = errno;
	}
	free(entry);
	if (sent >= 0)
		return true;
	j->lost++;
	errno = why;
	return false;
}

uint64_t journal_lost(const struct journal *journal)
{
	return journal->lost;
}
