/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "json.h"
#include "sink.h"
#include "text.h"

#define FILE_MODE 0640
#define NS_PER_S UINT64_C(1000000000)
#define RETRY_NS                                                                                   \
	(NS_PER_S / 10)  /* after a failure, so that a full disk costs no call for each line */
#define PIPE_OCTETS 4096 /* POSIX's PIPE_BUF here: what poll() promises that a pipe takes */
#define TARGET_SHOWN 128

/*
 * The buffer holds whole lines.  Of the first one, `part` octets are written already; they are kept
 * until the rest has followed, for a new file or reader that must get the line whole.
 */
struct sink {
	char *target;
	struct journal *journal; /* NULL for files */
	int fd;                  /* -1: a FIFO that nobody reads, or journal */
	bool named;              /* can be opened again */
	bool may_wait;           /* fd is not ours alone: ask poll() before each write */
	bool half_line;          /* the file ends within a line that somebody else left */
	uint64_t retry_ns;       /* monotonic; 0: at once */
	uint64_t unsaid;         /* lines lost that no line has told of */
	struct sink_stats stats;
	size_t part;
	size_t size;
	size_t used;
	char buffer[];
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* --------------------------------------------------------------------- opening */

static bool fail(const char *target, char err[RPCGATE_ERROR_SIZE], int number)
{
	char shown[TARGET_SHOWN];

	snprintf(err, RPCGATE_ERROR_SIZE, "%s: %s", text_show(target, shown, sizeof(shown)),
		 strerror(number));
	return false;
}

/* Whether a file ends within a line, as after a crash.  Who may only write cannot know. */
static bool ends_in_half_line(const char *path, const struct stat *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat other;
	char last = '\n';

	if (fd < 0)
		return false;
	if (fstat(fd, &other) == 0 && other.st_dev == file->st_dev &&
	    other.st_ino == file->st_ino && pread(fd, &last, 1, other.st_size - 1) != 1)
		last = '\n';
	close(fd);
	return last != '\n';
}

/* Nobody reads the FIFO: that is no error, but something to try again. */
static bool is_fifo(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

struct opened {
	int fd;
	bool half_line;
};

/* A new file is for its group, too, whatever our umask is: collectors belong to it */
static int open_file(const char *path)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags | O_EXCL, FILE_MODE);

	if (fd < 0)
		return errno == EEXIST ? open(path, flags, FILE_MODE) : -1;
	if (fchmod(fd, FILE_MODE) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool open_path(const char *path, struct opened *out, char err[RPCGATE_ERROR_SIZE])
{
	struct stat status;

	*out = (struct opened){ .fd = open_file(path) };
	if (out->fd < 0)
		return (errno == ENXIO && is_fifo(path)) || fail(path, err, errno);
	if (fstat(out->fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
		out->half_line = ends_in_half_line(path, &status);
	return true;
}

/*
 * Standard output is shared with whoever started us: O_NONBLOCK would be theirs, too.  A pipe or a
 * terminal is opened once more; where that cannot be, poll() is asked before each small write.
 */
static bool open_standard(struct sink *s, char err[RPCGATE_ERROR_SIZE])
{
	struct stat status;

	if (fstat(STDOUT_FILENO, &status) < 0)
		return fail("standard output", err, errno);
	if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
		s->fd = open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (s->fd >= 0)
		return true;
	s->may_wait = !S_ISREG(status.st_mode);
	s->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return s->fd >= 0 || fail("standard output", err, errno);
}

static bool open_target(struct sink *s, char err[RPCGATE_ERROR_SIZE])
{
	struct opened opened;

	if (strcmp(s->target, "journal") == 0) {
		s->journal = journal_open(NULL, err);
		return s->journal;
	}
	if (strcmp(s->target, "-") == 0)
		return open_standard(s, err);
	s->named = true;
	if (!open_path(s->target, &opened, err))
		return false;
	s->fd = opened.fd;
	s->half_line = opened.half_line;
	return true;
}

struct sink *sink_open_sized(const char *target, size_t octets, char err[RPCGATE_ERROR_SIZE])
{
	size_t size = octets < SINK_BUFFER_MIN ? SINK_BUFFER_MIN : octets;
	struct sink *s = calloc(1, sizeof(*s) + size);

	if (s) {
		s->fd = -1;
		s->size = size;
		s->target = strdup(target);
	}
	if (!s || !s->target)
		fail(target, err, ENOMEM);
	else if (open_target(s, err))
		return s;
	sink_close(s);
	return NULL;
}

struct sink *sink_open(const char *target, char err[RPCGATE_ERROR_SIZE])
{
	return sink_open_sized(target, SINK_BUFFER, err);
}

void sink_close(struct sink *s)
{
	if (!s)
		return;
	if (s->fd >= 0 || s->journal)
		sink_flush(s);
	if (s->fd >= 0)
		close(s->fd);
	journal_close(s->journal);
	free(s->target);
	free(s);
}

/* What was written of the first line went elsewhere: it is written again, whole. */
bool sink_reopen(struct sink *s, char err[RPCGATE_ERROR_SIZE])
{
	struct opened opened;

	if (!s->named)
		return true;
	if (!open_path(s->target, &opened, err))
		return false;
	/* Who rotates wants the old lines in the old file. */
	sink_flush(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = opened.fd;
	s->half_line = opened.half_line;
	s->part = 0;
	s->retry_ns = 0;
	return true;
}

/* --------------------------------------------------------------------- writing */

/* The reader of a FIFO went away.  Closing empties the FIFO, so the next reader begins anew. */
static void reader_gone(struct sink *s)
{
	if (!s->named)
		return;
	close(s->fd);
	s->fd = -1;
	s->part = 0;
}

static bool fd_ready(struct sink *s)
{
	struct pollfd ready = { .fd = s->fd, .events = POLLOUT };
	char err[RPCGATE_ERROR_SIZE];
	struct opened opened;

	if (s->fd < 0) {
		if (!open_path(s->target, &opened, err) || opened.fd < 0)
			return false;
		s->fd = opened.fd;
		s->half_line = opened.half_line;
	}
	return !s->may_wait || poll(&ready, 1, 0) == 1;
}

/* One write, as far as it goes.  False if it does not go. */
static bool write_some(struct sink *s, const char *from, size_t n, size_t *done)
{
	ssize_t wrote;

	*done = 0;
	if (!fd_ready(s))
		return false;
	if (s->may_wait && n > PIPE_OCTETS)
		n = PIPE_OCTETS;
	do
		wrote = write(s->fd, from, n);
	while (wrote < 0 && errno == EINTR);
	if (wrote < 0) {
		s->stats.failures += errno != EAGAIN;
		if (errno == EPIPE)
			reader_gone(s);
		return false;
	}
	*done = (size_t)wrote;
	s->stats.octets += (uint64_t)wrote;
	return wrote > 0;
}

static void take_out(struct sink *s, size_t n)
{
	memmove(s->buffer, s->buffer + n, s->used - n);
	s->used -= n;
}

/* Everything up to the last line end that is out leaves the buffer. */
static void advance(struct sink *s, size_t done)
{
	size_t out = s->part + done;
	const char *end = memrchr(s->buffer, '\n', out);
	size_t lines = end ? (size_t)(end - s->buffer) + 1 : 0;

	s->part = out - lines;
	take_out(s, lines);
}

static bool write_file(struct sink *s)
{
	size_t done;

	while (s->used) {
		if (s->half_line && !write_some(s, "\n", 1, &done))
			return false;
		s->half_line = false;
		if (!write_some(s, s->buffer + s->part, s->used - s->part, &done))
			return false;
		advance(s, done);
	}
	return true;
}

static bool write_journal(struct sink *s)
{
	while (s->used) {
		size_t n = (size_t)((const char *)memchr(s->buffer, '\n', s->used) - s->buffer) + 1;

		if (!journal_send(s->journal, s->buffer, n)) {
			s->stats.failures++;
			/* too long for a datagram now is too long for ever */
			if (errno != EMSGSIZE)
				return false;
			s->stats.lost++;
			s->unsaid++;
		} else {
			s->stats.octets += n;
		}
		take_out(s, n);
	}
	return true;
}

static bool write_out(struct sink *s)
{
	bool done = s->journal ? write_journal(s) : write_file(s);

	s->retry_ns = done ? 0 : clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
	return done;
}

static void append(struct sink *s, const char *line, size_t n)
{
	memcpy(s->buffer + s->used, line, n);
	s->used += n;
	s->stats.lines++;
}

/* Everything that was kept is out: now the line about what was not. */
static void say_lost(struct sink *s)
{
	char detail[64];
	char line[512];
	FILE *out = fmemopen(line, sizeof(line), "w");
	bool good;
	long n;

	if (!out)
		return;
	snprintf(detail, sizeof(detail), "%" PRIu64 " line%s lost", s->unsaid,
		 s->unsaid == 1 ? "" : "s");
	good = json_write_engine(out, clock_ns(CLOCK_REALTIME), NULL, "output", detail);
	n = ftell(out);
	if (fclose(out) != 0 || !good || n <= 0 || (size_t)n > s->size - s->used)
		return;
	append(s, line, (size_t)n);
	s->unsaid = 0;
}

bool sink_flush(struct sink *s)
{
	if (s->used && !write_out(s))
		return false;
	if (!s->unsaid)
		return true;
	say_lost(s);
	return write_out(s);
}

static bool may_try(const struct sink *s)
{
	return !s->retry_ns || clock_ns(CLOCK_MONOTONIC) >= s->retry_ns;
}

static bool lose(struct sink *s)
{
	s->stats.lost++;
	s->unsaid++;
	return false;
}

bool sink_write(struct sink *s, const char *line, size_t n)
{
	bool full = n > s->size - s->used;

	if (!n || n > s->size || line[n - 1] != '\n')
		return lose(s);
	if ((full || s->unsaid) && may_try(s)) {
		sink_flush(s);
		full = n > s->size - s->used;
	}
	/* once a line is lost, so are those behind it until that can be said in its place */
	if (full || s->unsaid)
		return lose(s);
	append(s, line, n);
	if (s->used > s->size / 2 && may_try(s))
		write_out(s);
	return true;
}

const char *sink_target(const struct sink *sink)
{
	return sink->target;
}

struct sink_stats sink_stats(const struct sink *s)
{
	struct sink_stats stats = s->stats;

	stats.waiting = s->used;
	return stats;
}
