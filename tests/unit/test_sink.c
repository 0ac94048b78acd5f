/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where lines go: full disks, readers that come and go, rotation; what is lost is said */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rows.h"
#include "sink.h"

#define TEXT_SIZE (1U << 20)

struct place {
	char dir[64];
	char path[128];
	char text[TEXT_SIZE];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/test_sink.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/events", p->dir);
	*state = p;
	return 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;
	char old[160];

	snprintf(old, sizeof(old), "%s.1", p->path);
	unlink(old);
	unlink(p->path);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static struct sink *opened(const char *target, size_t octets)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct sink *sink = sink_open_sized(target, octets, err);

	if (!sink)
		fail_msg("%s", err);
	return sink;
}

static const char *content(struct place *p, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	n = fread(p->text, 1, TEXT_SIZE - 1, file);
	fclose(file);
	p->text[n] = '\0';
	return p->text;
}

/* Line number i, padded to n octets with its line end */
static const char *numbered(unsigned i, size_t n)
{
	static char line[4096];

	memset(line, 'x', n);
	line[snprintf(line, n, "{\"n\":%06u,\"x\":\"", i)] = 'x';
	memcpy(line + n - 3, "\"}\n", 4);
	return line;
}

/* Every line is whole; returns how many there are of ours, and what the last report says */
static unsigned count_lines(const char *text, unsigned *lost)
{
	unsigned ours = 0;

	*lost = 0;
	while (*text) {
		const char *end = strchr(text, '\n');
		const char *detail;

		assert_non_null(end);
		assert_int_equal(text[0], '{');
		assert_int_equal(end[-1], '}');
		detail = strstr(text, "\"detail\":\"");
		if (strncmp(text, "{\"n\":", 5) == 0) {
			ours++;
			assert_null(memchr(text + 1, '{', (size_t)(end - text - 1)));
		} else {
			assert_non_null(detail);
			assert_true(detail < end);
			*lost += (unsigned)strtoul(detail + strlen("\"detail\":\""), NULL, 10);
		}
		text = end + 1;
	}
	return ours;
}

/* ----------------------------------------------------------------------- files */

static void a_file_is_made_and_appended_to(void **state)
{
	struct place *p = *state;
	struct stat status;
	mode_t mask = umask(0077);

	for (int i = 0; i < 2; i++) {
		struct sink *sink = opened(p->path, 0);

		assert_true(sink_write(sink, "{}\n", 3));
		assert_int_equal(sink_stats(sink).waiting, 3);
		assert_true(sink_flush(sink));
		assert_int_equal(sink_stats(sink).octets, 3);
		assert_int_equal(sink_stats(sink).lines, 1);
		sink_close(sink);
	}
	assert_string_equal(content(p, p->path), "{}\n{}\n");
	assert_int_equal(stat(p->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	umask(mask);
}

static void half_a_line_of_a_crash_is_ended_first(void **state)
{
	struct place *p = *state;
	FILE *file = fopen(p->path, "w");
	struct sink *sink;

	assert_non_null(file);
	fputs("{\"cut", file);
	fclose(file);
	sink = opened(p->path, 0);
	assert_true(sink_write(sink, "{}\n", 3));
	sink_close(sink);
	assert_string_equal(content(p, p->path), "{\"cut\n{}\n");
}

static void a_line_without_end_or_too_long_is_lost(void **state)
{
	struct place *p = *state;
	struct sink *sink = opened(p->path, SINK_BUFFER_MIN);
	char *big = calloc(1, SINK_BUFFER_MIN + 1);
	unsigned lost;

	assert_non_null(big);
	memset(big, 'x', SINK_BUFFER_MIN);
	big[SINK_BUFFER_MIN] = '\n';
	assert_false(sink_write(sink, "{}", 2));
	assert_false(sink_write(sink, "", 0));
	assert_false(sink_write(sink, big, SINK_BUFFER_MIN + 1));
	free(big);
	assert_int_equal(sink_stats(sink).lost, 3);
	sink_close(sink);
	assert_int_equal(count_lines(content(p, p->path), &lost), 0);
	assert_int_equal(lost, 3);
}

static void names_that_cannot_be_opened_are_said(void **state)
{
	struct place *p = *state;
	char err[RPCGATE_ERROR_SIZE] = "";

	assert_null(sink_open("/nowhere/at/all", err));
	assert_string_equal(err, "/nowhere/at/all: No such file or directory");
	assert_null(sink_open(p->dir, err));
	assert_non_null(strstr(err, "Is a directory"));
}

static void rotation_loses_nothing(void **state)
{
	struct place *p = *state;
	struct sink *sink = opened(p->path, 0);
	char err[RPCGATE_ERROR_SIZE] = "";
	char old[160];

	snprintf(old, sizeof(old), "%s.1", p->path);
	assert_true(sink_write(sink, "{\"n\":1}\n", 8));
	assert_int_equal(rename(p->path, old), 0);
	assert_true(sink_reopen(sink, err));
	assert_true(sink_write(sink, "{\"n\":2}\n", 8));
	sink_close(sink);
	assert_string_equal(content(p, old), "{\"n\":1}\n");
	assert_string_equal(content(p, p->path), "{\"n\":2}\n");
}

static void a_rotation_that_fails_keeps_the_old_file(void **state)
{
	struct place *p = *state;
	struct sink *sink = opened(p->path, 0);
	char err[RPCGATE_ERROR_SIZE] = "";
	char old[160];

	snprintf(old, sizeof(old), "%s.1", p->path);
	assert_int_equal(rename(p->path, old), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_false(sink_reopen(sink, err));
	assert_non_null(strstr(err, "events: Is a directory"));
	assert_true(sink_write(sink, "{}\n", 3));
	sink_close(sink);
	assert_int_equal(rmdir(p->path), 0);
	assert_string_equal(content(p, old), "{}\n");
}

/* -------------------------------------------------------------------- full disks */

static void a_full_device_loses_lines_and_counts_them(void **state)
{
	struct sink *sink = opened("/dev/full", SINK_BUFFER_MIN);
	unsigned taken = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		taken += sink_write(sink, numbered(i, 100), 100);
	assert_false(sink_flush(sink));
	assert_int_equal(taken, SINK_BUFFER_MIN / 100);
	assert_int_equal(sink_stats(sink).lost, 1000 - taken);
	assert_int_equal(sink_stats(sink).octets, 0);
	assert_true(sink_stats(sink).failures > 0);
	/* the disk is not asked again for every line */
	assert_true(sink_stats(sink).failures < 20);
	sink_close(sink);
}

/* Otherwise the line about it would stand in a wrong place. */
static void behind_a_lost_line_all_are_lost_until_that_is_said(void **state)
{
	struct sink *sink = opened("/dev/full", SINK_BUFFER_MIN);

	(void)state;
	assert_true(sink_write(sink, numbered(1, 2000), 2000));
	assert_false(sink_write(sink, numbered(2, 3000), 3000));
	assert_false(sink_write(sink, numbered(3, 100), 100));
	assert_int_equal(sink_stats(sink).lost, 2);
	sink_close(sink);
}

/* In a process of its own, which may mount: exit status 0 is success */
static int in_mounts_of_our_own(struct place *p, void (*run)(struct place *))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", p->dir, "tmpfs", 0, "size=64k") < 0) {
			perror("private tmpfs");
			_exit(99);
		}
		run(p);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what);                 \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* 97 octets: pages of the disk end within a line. */
static void fill_the_disk(struct place *p)
{
	char err[RPCGATE_ERROR_SIZE];
	struct sink *sink = sink_open_sized(p->path, 8192, err);
	char hog[160];
	unsigned kept = 0;
	unsigned ours;
	unsigned lost;
	FILE *file;

	snprintf(hog, sizeof(hog), "%s/hog", p->dir);
	file = fopen(hog, "w");
	CHECK(sink && file);
	for (int i = 0; i < 48 * 1024; i++)
		fputc('h', file);
	fclose(file);
	for (unsigned i = 0; i < 1000; i++)
		kept += sink_write(sink, numbered(i, 97), 97);
	CHECK(!sink_flush(sink));
	CHECK(kept < 300 && sink_stats(sink).lost == 1000 - kept);
	CHECK(unlink(hog) == 0);
	CHECK(sink_flush(sink));
	CHECK(sink_write(sink, numbered(2000, 97), 97));
	CHECK(sink_stats(sink).lost == 1000 - kept);
	sink_close(sink);
	ours = count_lines(content(p, p->path), &lost);
	CHECK(ours == kept + 1);
	CHECK(lost == 1000 - kept);
	/* the line about it stands where the lines are missing */
	CHECK(strstr(p->text, "lines lost") < strstr(p->text, "{\"n\":002000"));
	CHECK(unlink(p->path) == 0);
}

static void when_a_disk_has_room_again_the_gap_is_told(void **state)
{
	assert_int_equal(in_mounts_of_our_own(*state, fill_the_disk), 0);
}

/* The disk is full within a line; the new file is on a disk with room. */
static void rotate_on_a_full_disk(struct place *p)
{
	char err[RPCGATE_ERROR_SIZE];
	struct sink *sink = sink_open_sized(p->path, 8192, err);
	unsigned kept = 0;
	unsigned in_old;
	unsigned lost;
	char old[160];

	snprintf(old, sizeof(old), "%s.1", p->path);
	CHECK(sink);
	for (unsigned i = 0; i < 1000; i++)
		kept += sink_write(sink, numbered(i, 97), 97);
	CHECK(!sink_flush(sink));
	CHECK(rename(p->path, old) == 0);
	CHECK(mount("none", p->dir, "tmpfs", 0, "size=64k") == 0);
	CHECK(sink_reopen(sink, err));
	CHECK(sink_flush(sink));
	sink_close(sink);
	/* whole lines here; the old file keeps the beginning of the first of them */
	in_old = 65536 / 97;
	CHECK(count_lines(content(p, p->path), &lost) == kept - in_old);
	CHECK(strncmp(p->text, numbered(in_old, 97), 97) == 0);
	CHECK(lost == 1000 - kept);
	CHECK(umount(p->dir) == 0);
	CHECK(unlink(old) == 0);
}

static void a_line_cut_by_a_full_disk_is_whole_in_the_next_file(void **state)
{
	assert_int_equal(in_mounts_of_our_own(*state, rotate_on_a_full_disk), 0);
}

/* ------------------------------------------------------------------------- FIFOs */

static void a_fifo_waits_for_its_reader(void **state)
{
	struct place *p = *state;
	struct sink *sink;
	char got[64];
	int reader;

	assert_int_equal(mkfifo(p->path, 0600), 0);
	sink = opened(p->path, 0);
	assert_true(sink_write(sink, "{\"n\":1}\n", 8));
	assert_false(sink_flush(sink));
	reader = open(p->path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_true(sink_flush(sink));
	assert_int_equal(read(reader, got, sizeof(got)), 8);
	assert_memory_equal(got, "{\"n\":1}\n", 8);
	close(reader);
	sink_close(sink);
}

static void the_next_reader_of_a_fifo_begins_with_a_line(void **state)
{
	struct place *p = *state;
	struct sink *sink;
	unsigned kept = 0;
	size_t n = 0;
	ssize_t got;
	unsigned lost;
	int reader;

	assert_int_equal(mkfifo(p->path, 0600), 0);
	sink = opened(p->path, 16384);
	reader = open(p->path, O_RDONLY | O_NONBLOCK);
	for (unsigned i = 0; i < 2000; i++)
		kept += sink_write(sink, numbered(i, 97), 97);
	assert_true(kept < 2000);
	/* the pipe is full, within a line; its reader takes some octets and leaves */
	assert_int_equal(read(reader, p->text, 5000), 5000);
	close(reader);
	assert_false(sink_flush(sink));
	reader = open(p->path, O_RDONLY | O_NONBLOCK);
	assert_true(sink_flush(sink));
	while ((got = read(reader, p->text + n, TEXT_SIZE - 1 - n)) > 0)
		n += (size_t)got;
	p->text[n] = '\0';
	assert_int_equal(p->text[0], '{');
	assert_true(count_lines(p->text, &lost) > 16384 / 97 - 60);
	assert_int_equal(lost, 2000 - kept);
	close(reader);
	sink_close(sink);
}

static void standard_output_never_makes_us_wait(void **state)
{
	struct sink *sink;
	int saved = dup(STDOUT_FILENO);
	unsigned taken = 0;
	int flags;
	int pipe_fd[2];

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	fflush(stdout);
	dup2(pipe_fd[1], STDOUT_FILENO);
	alarm(20);
	sink = opened("-", 4096);
	for (unsigned i = 0; i < 2000; i++)
		taken += sink_write(sink, numbered(i, 100), 100);
	alarm(0);
	/* nobody else's standard output was changed */
	flags = fcntl(STDOUT_FILENO, F_GETFL);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_int_equal(flags & O_NONBLOCK, 0);
	/* a pipe holds 16 writes at least, of half a buffer each */
	assert_true(taken >= 16 * 2048 / 100 && taken <= (65536 + 4096) / 100);
	assert_int_equal(sink_stats(sink).lost, 2000 - taken);
	sink_close(sink);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_made_and_appended_to, make_place,
						drop_place),
		cmocka_unit_test_setup_teardown(half_a_line_of_a_crash_is_ended_first, make_place,
						drop_place),
		cmocka_unit_test_setup_teardown(a_line_without_end_or_too_long_is_lost, make_place,
						drop_place),
		cmocka_unit_test_setup_teardown(names_that_cannot_be_opened_are_said, make_place,
						drop_place),
		cmocka_unit_test_setup_teardown(rotation_loses_nothing, make_place, drop_place),
		cmocka_unit_test_setup_teardown(a_rotation_that_fails_keeps_the_old_file,
						make_place, drop_place),
		cmocka_unit_test(a_full_device_loses_lines_and_counts_them),
		cmocka_unit_test(behind_a_lost_line_all_are_lost_until_that_is_said),
		cmocka_unit_test_setup_teardown(when_a_disk_has_room_again_the_gap_is_told,
						make_place, drop_place),
		cmocka_unit_test_setup_teardown(a_line_cut_by_a_full_disk_is_whole_in_the_next_file,
						make_place, drop_place),
		cmocka_unit_test_setup_teardown(a_fifo_waits_for_its_reader, make_place,
						drop_place),
		cmocka_unit_test_setup_teardown(the_next_reader_of_a_fifo_begins_with_a_line,
						make_place, drop_place),
		cmocka_unit_test(standard_output_never_makes_us_wait),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
