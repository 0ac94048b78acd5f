/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top_daemon.c - what "rpcgate run" answers, asked again and again, and the events that it writes
 *
 * A daemon that goes away is asked until it is back.  A file of events is followed as tail -F
 * does: also when it is cut, or another one stands in its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "events_in.h"
#include "text.h"
#include "top.h"

#define NS_PER_S UINT64_C(1000000000)
#define EVERY_NS NS_PER_S       /* between questions */
#define ANSWER_LINE 65536       /* octets of a line of an answer; longer ones are left out */
#define BEGIN_BEHIND (4L << 20) /* octets before the end of the events where reading begins */
#define CHUNK 65536
#define CHUNKS_AT_ONCE 256

/* ------------------------------------------------------------------- the answers */

struct answer {
	struct top *top;
	const char *asked;
	size_t n;
	bool too_long;
	char line[ANSWER_LINE];
	char last[RPCGATE_ERROR_SIZE]; /* the line that says how it went */
};

static void end_line(struct answer *a)
{
	if (!a->too_long) {
		pthread_mutex_lock(&a->top->lock);
		top_fill_line(&a->top->model, a->asked, a->line, a->n);
		pthread_mutex_unlock(&a->top->lock);
		snprintf(a->last, sizeof(a->last), "%.*s", (int)a->n, a->line);
	}
	a->too_long = false;
	a->n = 0;
}

/* Lines become rows as they come: an answer of any length needs no more memory than its rows. */
static ssize_t take_answer(void *ctx, const char *octets, size_t n)
{
	struct answer *a = ctx;

	for (size_t i = 0; i < n; i++) {
		if (octets[i] == '\n')
			end_line(a);
		else if (a->n < sizeof(a->line))
			a->line[a->n++] = octets[i];
		else
			a->too_long = true;
	}
	return (ssize_t)n;
}

/* As control_ask() */
static int ask(struct answer *a, const char *what, char err[RPCGATE_ERROR_SIZE])
{
	FILE *out = fopencookie(a, "w", (cookie_io_functions_t){ .write = take_answer });
	int status;

	if (!out) {
		snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory");
		return -1;
	}
	a->asked = what;
	a->n = 0;
	a->too_long = false;
	a->last[0] = '\0';
	status = control_ask(a->top->socket, what, out, err);
	fclose(out);
	if (status > 0)
		snprintf(err, RPCGATE_ERROR_SIZE, "%.200s", *a->last ? a->last : "no answer");
	return status;
}

static int ask_listing(struct answer *a, const char *what, enum top_tab tab,
		       char err[RPCGATE_ERROR_SIZE])
{
	struct top_table *table = &a->top->model.table[tab];
	int status;

	pthread_mutex_lock(&a->top->lock);
	top_listing_begin(table);
	pthread_mutex_unlock(&a->top->lock);
	status = ask(a, what, err);
	pthread_mutex_lock(&a->top->lock);
	if (status == 0)
		top_listing_end(table);
	pthread_mutex_unlock(&a->top->lock);
	return status;
}

static void set_moment(struct top *top)
{
	pthread_mutex_lock(&top->lock);
	top->model.now_ns = top_clock(CLOCK_REALTIME);
	pthread_mutex_unlock(&top->lock);
}

static void ask_everything(struct answer *a)
{
	struct top *top = a->top;
	char err[RPCGATE_ERROR_SIZE] = "";
	bool good;

	set_moment(top);
	good = ask(a, "status", err) == 0 && ask(a, "stats", err) == 0;
	if (good) {
		pthread_mutex_lock(&top->lock);
		top->model.stats_ns = top->model.now_ns;
		pthread_mutex_unlock(&top->lock);
	}
	good = good && ask_listing(a, "pinholes", TOP_PINHOLES, err) == 0 &&
	       ask_listing(a, "bindings", TOP_SERVICES, err) == 0;
	pthread_mutex_lock(&top->lock);
	top->connected = good;
	if (good)
		top->answered_ns = top_clock(CLOCK_MONOTONIC);
	text_show(err, top->trouble, sizeof(top->trouble));
	pthread_mutex_unlock(&top->lock);
}

static void close_one(struct answer *a)
{
	struct top *top = a->top;
	char err[RPCGATE_ERROR_SIZE] = "";
	char shown[TOP_STATE - 40];
	char line[64];
	uint64_t id;
	int status;

	pthread_mutex_lock(&top->lock);
	id = top->close_id;
	top->close_wanted = false;
	pthread_mutex_unlock(&top->lock);
	snprintf(line, sizeof(line), "close %" PRIu64, id);
	status = ask(a, line, err);
	pthread_mutex_lock(&top->lock);
	if (status == 0)
		snprintf(top->closed, sizeof(top->closed), "pinhole %" PRIu64 " is closed", id);
	else
		snprintf(top->closed, sizeof(top->closed), "not closed: %s",
			 text_show(err, shown, sizeof(shown)));
	pthread_mutex_unlock(&top->lock);
}

/* -------------------------------------------------------------------- the events */

struct follow {
	struct events_in *in;
	char *line;
	size_t n;
	int fd;
	dev_t device;
	ino_t inode;
	off_t at;
	bool skip; /* up to the next line: it began in the middle of one, or it is too long */
	bool seen; /* a file was open before */
};

/* Another file of this name is read from its start; the first one near its end */
static bool open_events(struct follow *f, const char *path)
{
	struct stat status;

	f->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &status) < 0)
		return false;
	f->device = status.st_dev;
	f->inode = status.st_ino;
	f->n = 0;
	f->skip = false;
	f->at = 0;
	if (!f->seen && S_ISREG(status.st_mode) && status.st_size > BEGIN_BEHIND) {
		f->at = lseek(f->fd, -BEGIN_BEHIND, SEEK_END);
		f->skip = true;
	}
	f->seen = true;
	return true;
}

static void close_events(struct follow *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* Cut, or moved away for a new one */
static bool is_another(const struct follow *f, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return false;
	return status.st_dev != f->device || status.st_ino != f->inode ||
	       (S_ISREG(status.st_mode) && status.st_size < f->at);
}

static void use_line(struct top *top, struct follow *f)
{
	char error[EVENTS_IN_ERROR_SIZE];
	struct source_place place;
	struct rpcgate_event event;
	struct json_origin origin;
	enum events_in_result result;

	if (f->skip) {
		f->skip = false;
		return;
	}
	result = events_in_line(f->in, f->line, f->n, &event, &origin, error);
	pthread_mutex_lock(&top->lock);
	if (result == EVENTS_IN_EVENT) {
		place = (struct source_place){ origin.file, origin.frame };
		top_fill_event(&top->model, &event);
		top_ladder_keep(&top->ladder, &event, &place);
	}
	top->bad_lines += result == EVENTS_IN_BAD_LINE;
	pthread_mutex_unlock(&top->lock);
}

static void use_chunk(struct top *top, struct follow *f, const char *octets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (octets[i] == '\n') {
			use_line(top, f);
			f->n = 0;
		} else if (f->line && f->n < EVENTS_IN_LINE_MAX) {
			f->line[f->n++] = octets[i];
		} else {
			f->skip = true;
		}
	}
}

static void follow(struct top *top, struct follow *f)
{
	char octets[CHUNK];
	ssize_t n = 0;

	if (f->fd < 0 && !open_events(f, top->events)) {
		close_events(f);
		return;
	}
	for (int i = 0; i < CHUNKS_AT_ONCE; i++) {
		n = read(f->fd, octets, sizeof(octets));
		if (n <= 0)
			break;
		f->at += n;
		use_chunk(top, f, octets, (size_t)n);
	}
	if (n <= 0 && is_another(f, top->events)) {
		close_events(f);
		if (!open_events(f, top->events))
			close_events(f);
	}
}

/* ------------------------------------------------------------------------ the loop */

static void wait_a_while(struct top *top)
{
	uint64_t end = top_clock(CLOCK_MONOTONIC) + EVERY_NS;
	uint64_t now;

	pthread_mutex_lock(&top->lock);
	while (!top->stop && !top->close_wanted && (now = top_clock(CLOCK_MONOTONIC)) < end)
		top_wait(top, end - now);
	pthread_mutex_unlock(&top->lock);
}

static void go_round(struct answer *a, struct follow *f)
{
	struct top *top = a->top;
	bool stop, paused, wanted;

	do {
		pthread_mutex_lock(&top->lock);
		paused = top->paused;
		wanted = top->close_wanted;
		pthread_mutex_unlock(&top->lock);
		if (wanted)
			close_one(a);
		if (!paused) {
			ask_everything(a);
			if (f->line)
				follow(top, f);
		}
		wait_a_while(top);
		pthread_mutex_lock(&top->lock);
		stop = top->stop;
		pthread_mutex_unlock(&top->lock);
	} while (!stop);
}

void *top_daemon(void *ctx)
{
	struct top *top = ctx;
	struct answer *a = calloc(1, sizeof(*a));
	struct follow f = { .fd = -1 };
	bool good = a != NULL;

	if (good && top->events) {
		f.in = events_in_new();
		f.line = malloc(EVENTS_IN_LINE_MAX);
		good = f.in && f.line;
	}
	if (good) {
		a->top = top;
		go_round(a, &f);
	} else {
		pthread_mutex_lock(&top->lock);
		snprintf(top->trouble, sizeof(top->trouble), "not enough memory");
		pthread_mutex_unlock(&top->lock);
	}
	close_events(&f);
	events_in_close(f.in);
	free(f.line);
	free(a);
	return NULL;
}
