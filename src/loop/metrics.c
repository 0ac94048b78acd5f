/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listen_address.h"
#include "metrics.h"
#include "text.h"

#define CONNECTION_OCTETS                                                                          \
	16384 /* memory of one connection: head of the request and of the answer */
#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct metrics {
	pthread_mutex_t mutex; /* of text and n */
	char *text;
	size_t n;
	struct MHD_Daemon *daemon;
	int fd; /* -1 unless listening */
	uint16_t port;
};

/* ---------------------------------------------------------------- the engines */

struct counter {
	const char *name;
	const char *help;
	size_t offset;
};

static const struct counter counters[] = {
#define X(member, text) { #member, text, offsetof(struct rpcgate_stats, member) },
	RPCGATE_COUNTERS(X)
#undef X
};

static uint64_t counter_value(const struct rpcgate_stats *stats, const struct counter *counter)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + counter->offset, sizeof(value));
	return value;
}

void metrics_add(struct rpcgate_stats *sum, const struct rpcgate_stats *stats)
{
#define X(member, text) sum->member += stats->member;
	RPCGATE_COUNTERS(X)
#undef X
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t end_n = strlen(end);

	return n >= end_n && strcmp(text + n - end_n, end) == 0;
}

/* What can fall is a gauge. */
static bool is_gauge(const char *name)
{
	return ends_with(name, "_live") || ends_with(name, "_used") || ends_with(name, "_peak");
}

/* -------------------------------------------------------------------- writing */

/* [a-zA-Z_:][a-zA-Z0-9_:]*; labels are the same without colons */
static bool name_is_good(const char *name, bool colons)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789:");

	return n && !name[n] && !(name[0] >= '0' && name[0] <= '9') &&
	       (colons || !strchr(name, ':'));
}

static void put_escaped(FILE *out, const char *text, bool quoted)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\')
			fputs("\\\\", out);
		else if (*text == '"' && quoted)
			fputs("\\\"", out);
		else
			putc(*text, out);
	}
}

static void put_head(FILE *out, const char *name, const char *help, const char *type)
{
	fprintf(out, "# HELP %s ", name);
	put_escaped(out, help, false);
	fprintf(out, "\n# TYPE %s %s\n", name, type);
}

static void put_counters(FILE *out, const struct rpcgate_stats *stats)
{
	char name[128];

	for (size_t i = 0; i < COUNT(counters); i++) {
		bool gauge = is_gauge(counters[i].name);

		snprintf(name, sizeof(name), "rpcgate_%s%s", counters[i].name,
			 gauge ? "" : "_total");
		put_head(out, name, counters[i].help, gauge ? "gauge" : "counter");
		fprintf(out, "%s %" PRIu64 "\n", name, counter_value(stats, &counters[i]));
	}
}

/* Whole numbers are printed as such: a counter of 2^53 needs all its digits. */
static void put_value(FILE *out, double value)
{
	if (isnan(value))
		fputs("NaN\n", out);
	else if (isinf(value))
		fputs(value > 0 ? "+Inf\n" : "-Inf\n", out);
	else
		fprintf(out, "%.17g\n", value);
}

/* {a="b",le="0.1"}, nothing where there are no labels */
static void put_labels(FILE *out, const struct metric *metric, const char *le)
{
	const char *before = "{";

	for (size_t i = 0; i < METRICS_LABELS && metric->label[i].name; i++) {
		fprintf(out, "%s%s=\"", before, metric->label[i].name);
		put_escaped(out, metric->label[i].value, true);
		putc('"', out);
		before = ",";
	}
	if (le) {
		fprintf(out, "%sle=\"%s\"", before, le);
		before = ",";
	}
	if (*before == ',')
		putc('}', out);
	putc(' ', out);
}

static void put_histogram(FILE *out, const struct metric *metric)
{
	const struct metric_histogram *h = metric->histogram;
	uint64_t count = 0;
	char le[32];

	for (size_t i = 0; i <= h->n; i++) {
		count += h->bucket[i];
		if (i < h->n)
			snprintf(le, sizeof(le), "%.15g", h->bound[i]);
		fprintf(out, "%s_bucket", metric->name);
		put_labels(out, metric, i < h->n ? le : "+Inf");
		fprintf(out, "%" PRIu64 "\n", count);
	}
	fprintf(out, "%s_sum", metric->name);
	put_labels(out, metric, NULL);
	put_value(out, h->sum);
	fprintf(out, "%s_count", metric->name);
	put_labels(out, metric, NULL);
	fprintf(out, "%" PRIu64 "\n", count);
}

static void put_metric(FILE *out, const struct metric *metric)
{
	if (metric->type == METRIC_HISTOGRAM) {
		put_histogram(out, metric);
		return;
	}
	fputs(metric->name, out);
	put_labels(out, metric, NULL);
	put_value(out, metric->value);
}

static bool metric_is_good(const struct metric *metric)
{
	if (!name_is_good(metric->name, true) || (unsigned int)metric->type > METRIC_HISTOGRAM ||
	    (metric->type == METRIC_HISTOGRAM) != (metric->histogram != NULL) ||
	    (metric->type == METRIC_COUNTER) != ends_with(metric->name, "_total"))
		return false;
	for (size_t i = 0; i < METRICS_LABELS && metric->label[i].name; i++)
		if (!name_is_good(metric->label[i].name, false) || !metric->label[i].value ||
		    strcmp(metric->label[i].name, "le") == 0)
			return false;
	return true;
}

static bool named_before(const struct metric *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(list[k].name, list[i].name) == 0)
			return true;
	return false;
}

/* All samples of a name stand together, where its first one is. */
static void put_list(FILE *out, const struct metric *list, size_t n)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	for (size_t i = 0; i < n; i++) {
		if (named_before(list, i))
			continue;
		put_head(out, list[i].name, list[i].help, types[list[i].type]);
		for (size_t k = i; k < n; k++)
			if (strcmp(list[k].name, list[i].name) == 0)
				put_metric(out, &list[k]);
	}
}

bool metrics_update(struct metrics *m, const struct rpcgate_stats *stats, const struct metric *list,
		    size_t n)
{
	char *text = NULL;
	size_t length = 0;
	char *old;
	FILE *out;
	bool bad;

	for (size_t i = 0; i < n; i++)
		if (!metric_is_good(&list[i]))
			return false;
	out = open_memstream(&text, &length);
	if (!out)
		return false;
	put_counters(out, stats);
	put_list(out, list, n);
	bad = ferror(out);
	if (fclose(out) != 0 || bad) {
		free(text);
		return false;
	}
	pthread_mutex_lock(&m->mutex);
	old = m->text;
	m->text = text;
	m->n = length;
	pthread_mutex_unlock(&m->mutex);
	free(old);
	return true;
}

char *metrics_render(struct metrics *m, size_t *n)
{
	char *copy;

	pthread_mutex_lock(&m->mutex);
	copy = malloc(m->n + 1);
	if (copy && m->n)
		memcpy(copy, m->text, m->n);
	*n = m->n;
	pthread_mutex_unlock(&m->mutex);
	if (copy)
		copy[*n] = '\0';
	return copy;
}

struct metrics *metrics_new(void)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	pthread_mutex_init(&m->mutex, NULL);
	m->fd = -1;
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	/* the daemon closes its socket */
	if (m->daemon)
		MHD_stop_daemon(m->daemon);
	else if (m->fd >= 0)
		close(m->fd);
	pthread_mutex_destroy(&m->mutex);
	free(m->text);
	free(m);
}

/* ------------------------------------------------------------------- a socket */

static bool fail(const char *what, const char *why, char err[RPCGATE_ERROR_SIZE])
{
	char shown[128];

	snprintf(err, RPCGATE_ERROR_SIZE, "metrics %s: %s", text_show(what, shown, sizeof(shown)),
		 why);
	return false;
}

static bool listen_at(struct metrics *m, struct listen_address *place)
{
	const int on = 1;

	m->fd = socket(place->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0 || setsockopt(m->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(m->fd, &place->at.any, place->n) < 0 || listen(m->fd, METRICS_CONNECTIONS) < 0 ||
	    getsockname(m->fd, &place->at.any, &place->n) < 0)
		return false;
	m->port = listen_address_port(place);
	return true;
}

bool metrics_listen(struct metrics *m, const char *where, char err[RPCGATE_ERROR_SIZE])
{
	struct listen_address place;
	const char *wrong = listen_address_parse(where, &place);

	if (wrong)
		return fail(where, wrong, err);
	if (listen_at(m, &place))
		return true;
	fail(where, strerror(errno), err);
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	return false;
}

uint16_t metrics_port(const struct metrics *m)
{
	return m->port;
}

/* -------------------------------------------------------------------- answers */

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned int status, char *text,
				 size_t n, enum MHD_ResponseMemoryMode owner)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(n, text, owner);
	enum MHD_Result done;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, CONTENT_TYPE);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	done = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return done;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status)
{
	static char text[] = "GET /metrics is what there is.\n";

	return send_text(connection, status, text, sizeof(text) - 1, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_n, void **request)
{
	struct metrics *m = ctx;
	char *text;
	size_t n;

	(void)version, (void)upload, (void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		*upload_n = 0;
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED);
	}
	if (strcmp(url, "/metrics") != 0)
		return refuse(connection, MHD_HTTP_NOT_FOUND);
	text = metrics_render(m, &n);
	if (!text)
		return MHD_NO;
	return send_text(connection, MHD_HTTP_OK, text, n, MHD_RESPMEM_MUST_FREE);
}

/* What a stranger's request lacks is no news. */
static void say_nothing(void *ctx, const char *format, va_list args)
{
	(void)ctx, (void)format, (void)args;
}

bool metrics_serve(struct metrics *m, char err[RPCGATE_ERROR_SIZE])
{
	sigset_t all;
	sigset_t before;

	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	m->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL,
				     NULL, answer, m, MHD_OPTION_EXTERNAL_LOGGER, say_nothing,
				     NULL, /* first: it hears of the others */
				     MHD_OPTION_LISTEN_SOCKET, m->fd, MHD_OPTION_CONNECTION_LIMIT,
				     (unsigned int)METRICS_CONNECTIONS,
				     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)METRICS_TIMEOUT_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_OCTETS,
				     MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return m->daemon || fail("thread", "cannot be started", err);
}

/* --------------------------------------------------------------------- a file */

static bool write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t wrote = write(fd, text, n);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		text += wrote;
		n -= (size_t)wrote;
	}
	return true;
}

/* A collector runs as somebody else: it may read, whatever our umask is. */
static bool write_file(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	bool good = fd >= 0 && fchmod(fd, 0644) == 0 && write_all(fd, text, n);
	int why = errno;

	if (fd >= 0 && close(fd) < 0 && good) {
		good = false;
		why = errno;
	}
	errno = why;
	return good;
}

bool metrics_file(struct metrics *m, const char *path, char err[RPCGATE_ERROR_SIZE])
{
	size_t size = strlen(path) + sizeof(".tmp");
	char *temporary = malloc(size);
	size_t n = 0;
	char *text = metrics_render(m, &n);
	bool good = temporary && text;
	int why = ENOMEM;

	if (good) {
		snprintf(temporary, size, "%s.tmp", path);
		good = write_file(temporary, text, n) && rename(temporary, path) == 0;
		why = errno;
		if (!good && why != ELOOP)
			unlink(temporary);
	}
	free(temporary);
	free(text);
	return good || fail(path, strerror(why), err);
}
