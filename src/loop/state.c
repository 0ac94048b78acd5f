/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "event_words.h"
#include "state.h"

#define LINE_MAX_OCTETS 4096
#define FOREIGN "no state of this version"
#define NS_PER_MS UINT64_C(1000000)

#define SOURCES (sizeof(source_names) / sizeof(source_names[0]))

/* ------------------------------------------------------------------------ heads */

static bool read_number(const json_t *o, const char *key, uint64_t max, uint64_t *out)
{
	const json_t *value = json_object_get(o, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*out = (uint64_t)json_integer_value(value);
	return *out <= max;
}

/* 0: it is none of our files */
static uint64_t version_of(const json_t *head)
{
	uint64_t version = 0;

	return read_number(head, "rpcgate_state", UINT32_MAX, &version) ? version : 0;
}

/* What is in a file may be somebody else's, or of use to a later version of this program alone */
static bool may_replace(int fd)
{
	char line[LINE_MAX_OCTETS];
	struct stat status;
	uint64_t version;
	json_t *head;
	ssize_t n;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	n = read(fd, line, sizeof(line) - 1);
	if (n <= 0)
		return n == 0;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	head = json_loads(line, 0, NULL);
	version = version_of(head);
	json_decref(head);
	return version > 0 && version <= STATE_VERSION;
}

static bool is_free(const char *path, char err[RPCGATE_ERROR_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool good;

	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0) {
		snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: %.80s", path, strerror(errno));
		return false;
	}
	good = may_replace(fd);
	close(fd);
	if (!good)
		snprintf(err, RPCGATE_ERROR_SIZE,
			 "%.150s: " FOREIGN "; it is left as it is, and nothing is kept", path);
	return good;
}

/* ---------------------------------------------------------------------- saving */

/* By the wall clock, the one that goes on while nobody runs */
static uint64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

struct saving {
	FILE *out;
	uint64_t now_ns;
	struct state_counts *counts;
	bool failed;
};

static void put(struct saving *s, json_t *line)
{
	if (!line || json_dumpf(line, s->out, JSON_COMPACT | JSON_ENSURE_ASCII) != 0 ||
	    putc('\n', s->out) == EOF)
		s->failed = true;
	json_decref(line);
}

static json_int_t ms(uint64_t later_ns, uint64_t sooner_ns)
{
	return later_ns > sooner_ns ? (json_int_t)((later_ns - sooner_ns) / NS_PER_MS) : 0;
}

static void save_pinhole(struct saving *s, const struct rpcgate_pinhole_record *r)
{
	char client[RPCGATE_ADDR_TEXT], server[RPCGATE_ADDR_TEXT], uuid[RPCGATE_UUID_TEXT];

	put(s, json_pack("{s:{s:s,s:s,s:i,s:i,s:s,s:i,s:i,s:s,s:I,s:I}}", "pinhole", "client",
			 rpcgate_addr_format(&r->client, client), "server",
			 rpcgate_addr_format(&r->server, server), "port", (int)r->port, "proto",
			 (int)r->proto, "uuid", rpcgate_uuid_format(&r->interface.uuid, uuid),
			 "major", (int)r->interface.major, "minor", (int)r->interface.minor,
			 "source", source_names[r->source], "left_ms", ms(r->until_ns, s->now_ns),
			 "age_ms", ms(s->now_ns, r->learned_ns)));
	s->counts->pinholes++;
}

static void save_binding(struct saving *s, const struct rpcgate_binding_record *r)
{
	char server[RPCGATE_ADDR_TEXT], uuid[RPCGATE_UUID_TEXT];

	put(s, json_pack("{s:{s:s,s:i,s:s,s:i,s:b,s:I}}", "binding", "server",
			 rpcgate_addr_format(&r->server, server), "port", (int)r->port, "uuid",
			 rpcgate_uuid_format(&r->interface.uuid, uuid), "major",
			 (int)r->interface.major, "granted", (int)r->granted, "age_ms",
			 ms(s->now_ns, r->last_ns)));
	s->counts->bindings++;
}

static void save_all(struct saving *saving, struct worker *worker, struct worker_slice *s)
{
	s->cursor = 0;
	do {
		worker_next_pinholes(worker, s);
		for (size_t i = 0; i < s->n; i++)
			if (s->pinhole[i].open)
				save_pinhole(saving, &s->pinhole[i]);
	} while (s->n);
	s->cursor = 0;
	do {
		worker_next_bindings(worker, s);
		for (size_t i = 0; i < s->n; i++)
			save_binding(saving, &s->binding[i]);
	} while (s->n);
}

static bool write_state(FILE *out, struct worker *const *worker, size_t n,
			struct state_counts *counts)
{
	struct saving s = { .out = out, .now_ns = worker_now_ns(), .counts = counts };
	struct worker_slice *slice = malloc(sizeof(*slice));

	if (!slice)
		return false;
	put(&s, json_pack("{s:i,s:I}", "rpcgate_state", STATE_VERSION, "saved_ms",
			  (json_int_t)wall_ms()));
	for (size_t i = 0; i < n; i++)
		save_all(&s, worker[i], slice);
	free(slice);
	return !s.failed && fflush(out) == 0 && fsync(fileno(out)) == 0;
}

bool state_save(const char *path, struct worker *const *worker, size_t n,
		struct state_counts *counts, char err[RPCGATE_ERROR_SIZE])
{
	char *temporary;
	FILE *out = NULL;
	bool good = false;

	*counts = (struct state_counts){ 0 };
	if (!is_free(path, err))
		return false;
	if (asprintf(&temporary, "%s.new", path) < 0)
		temporary = NULL;
	if (temporary) {
		mode_t mask = umask(0077);

		out = fopen(temporary, "we");
		umask(mask);
	}
	if (out) {
		good = write_state(out, worker, n, counts);
		good = fclose(out) == 0 && good && rename(temporary, path) == 0;
	}
	if (!good)
		snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: %.80s", path, strerror(errno));
	if (!good && out)
		unlink(temporary);
	free(temporary);
	return good;
}

/* --------------------------------------------------------------------- loading */

struct loading {
	struct worker *const *worker;
	size_t n;
	uint64_t now_ns;
	uint64_t elapsed_ns; /* since it was written */
	struct state_counts *counts;
};

static bool read_addr(const json_t *o, const char *key, struct rpcgate_addr *out)
{
	const char *text = json_string_value(json_object_get(o, key));

	*out = (struct rpcgate_addr){ { [10] = 0xff, [11] = 0xff } };
	if (!text)
		return false;
	return inet_pton(AF_INET, text, out->octet + 12) == 1 ||
	       inet_pton(AF_INET6, text, out->octet) == 1;
}

static bool read_interface(const json_t *o, struct rpcgate_syntax *out)
{
	const char *text = json_string_value(json_object_get(o, "uuid"));
	uint64_t major, minor = 0;

	if (!text || !rpcgate_uuid_parse(text, &out->uuid) ||
	    !read_number(o, "major", UINT16_MAX, &major))
		return false;
	if (json_object_get(o, "minor") && !read_number(o, "minor", UINT16_MAX, &minor))
		return false;
	out->major = (uint16_t)major;
	out->minor = (uint16_t)minor;
	return true;
}

static bool read_source(const json_t *o, enum rpcgate_source *out)
{
	const char *text = json_string_value(json_object_get(o, "source"));

	for (size_t i = 0; text && i < SOURCES; i++)
		if (strcmp(text, source_names[i]) == 0) {
			*out = (enum rpcgate_source)i;
			return true;
		}
	return false;
}

static uint64_t before(uint64_t now_ns, uint64_t ago_ns)
{
	return now_ns > ago_ns ? now_ns - ago_ns : 1;
}

static bool load_pinhole(struct loading *l, const json_t *o)
{
	const uint64_t max_ms = UINT64_C(1000) * 3600 * 24 * 365;
	struct rpcgate_pinhole_record r = { .open = true };
	uint64_t port, proto, left, age;
	bool refused = false;

	if (!read_addr(o, "client", &r.client) || !read_addr(o, "server", &r.server) ||
	    !read_interface(o, &r.interface) || !read_source(o, &r.source) ||
	    !read_number(o, "port", UINT16_MAX, &port) || !read_number(o, "proto", 255, &proto) ||
	    !read_number(o, "left_ms", max_ms, &left) || !read_number(o, "age_ms", max_ms, &age))
		return false;
	r.port = (uint16_t)port;
	r.proto = (uint8_t)proto;
	r.learned_ns = before(l->now_ns, age * NS_PER_MS + l->elapsed_ns);
	r.until_ns = l->now_ns + left * NS_PER_MS;
	r.until_ns = before(r.until_ns, l->elapsed_ns);
	for (size_t i = 0; i < l->n; i++) {
		struct rpcgate_result result =
			rpcgate_restore_pinhole(worker_gate(l->worker[i]), &r, l->now_ns);

		refused |= result.reason != RPCGATE_REASON_NONE;
		worker_gather(l->worker[i], &result);
	}
	l->counts->refused += refused;
	l->counts->pinholes += !refused;
	return true;
}

static bool load_binding(struct loading *l, const json_t *o)
{
	struct rpcgate_binding_record r = { .zone = 0 };
	uint64_t port, age;

	if (!read_addr(o, "server", &r.server) || !read_interface(o, &r.interface) ||
	    !read_number(o, "port", UINT16_MAX, &port) ||
	    !read_number(o, "age_ms", UINT64_MAX / NS_PER_MS / 2, &age))
		return false;
	r.port = (uint16_t)port;
	r.granted = json_is_true(json_object_get(o, "granted"));
	r.last_ns = before(l->now_ns, age * NS_PER_MS + l->elapsed_ns);
	for (size_t i = 0; i < l->n; i++)
		rpcgate_restore_binding(worker_gate(l->worker[i]), &r, l->now_ns);
	l->counts->bindings++;
	return true;
}

static bool read_head(struct loading *l, const char *line)
{
	json_t *head = json_loads(line, 0, NULL);
	uint64_t saved;
	bool good = version_of(head) == STATE_VERSION &&
		    read_number(head, "saved_ms", UINT64_MAX / NS_PER_MS, &saved);

	if (good) {
		uint64_t now = wall_ms();

		l->elapsed_ns = now > saved ? (now - saved) * NS_PER_MS : 0;
	}
	json_decref(head);
	return good;
}

static void read_line(struct loading *l, const char *text)
{
	json_t *line = json_loads(text, 0, NULL);
	const json_t *pinhole = json_object_get(line, "pinhole");
	const json_t *binding = json_object_get(line, "binding");

	if (!(pinhole ? load_pinhole(l, pinhole) : binding && load_binding(l, binding)))
		l->counts->wrong++;
	json_decref(line);
}

bool state_load(const char *path, struct worker *const *worker, size_t n,
		struct state_counts *counts, char err[RPCGATE_ERROR_SIZE])
{
	struct loading l = { .worker = worker, .n = n, .counts = counts };
	char line[LINE_MAX_OCTETS];
	FILE *in = fopen(path, "re");
	bool good;

	*counts = (struct state_counts){ 0 };
	if (!in) {
		snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: %.80s", path, strerror(errno));
		return errno == ENOENT; /* the first start */
	}
	l.now_ns = worker_now_ns();
	good = fgets(line, sizeof(line), in) && read_head(&l, line);
	if (!good)
		snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: " FOREIGN, path);
	while (good && fgets(line, sizeof(line), in))
		read_line(&l, line);
	for (size_t i = 0; i < n; i++)
		worker_publish(worker[i]);
	fclose(in);
	return good;
}
