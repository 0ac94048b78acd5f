/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many files as one timeline: order, directories, repeated names, more files than may be open */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "timeline.h"

#define SECOND UINT64_C(1000000000)
#define PACKETS_MAX 4096

static char directory[64];

static const char *path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", directory, name);
	return path;
}

/* A capture with one packet at each second given, 0 ends */
static void write_capture(const char *name, const uint32_t *seconds)
{
	const uint32_t header[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	char path[128];
	FILE *out = fopen(path_of(name, path), "wb");

	assert_non_null(out);
	fwrite(header, sizeof(header), 1, out);
	for (; *seconds; seconds++) {
		const uint32_t record[] = { *seconds, 0, 4, 4, 0 };

		fwrite(record, sizeof(record), 1, out);
	}
	assert_int_equal(fclose(out), 0);
}

static void write_text(const char *name, const char *text)
{
	char path[128];
	FILE *out = fopen(path_of(name, path), "wb");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

/* What came out: "name:frame@second ..." with names below the directory */
struct story {
	char text[PACKETS_MAX * 16];
	char faults[1024];
	size_t packets;
	bool ordered;
	struct timeline_extent extent;
};

static void on_fault(void *ctx, const char *name, const struct capture_fault *fault)
{
	struct story *story = ctx;

	(void)fault;
	strcat(story->faults, strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
	strcat(story->faults, " ");
}

static void tell(struct story *story, const char *const *names, size_t n)
{
	struct timeline *timeline;
	struct timeline_place place;
	struct rpcgate_packet packet;
	uint64_t last_ns = 0;

	memset(story, 0, sizeof(*story));
	story->ordered = true;
	timeline = timeline_open(names, n, on_fault, story);
	assert_non_null(timeline);
	while (timeline_next(timeline, &packet, &place)) {
		char one[64];

		snprintf(one, sizeof(one), "%s:%u@%u ", place.file + strlen(directory) + 1,
			 (unsigned int)place.frame, (unsigned int)(packet.time_ns / SECOND));
		if (strlen(story->text) + strlen(one) < sizeof(story->text))
			strcat(story->text, one);
		story->ordered = story->ordered && packet.time_ns >= last_ns;
		last_ns = packet.time_ns;
		story->packets++;
	}
	assert_false(timeline_next(timeline, &packet, &place));
	story->extent = timeline_extent(timeline);
	timeline_close(timeline);
}

static void files_are_merged_by_time_then_name(void **state)
{
	static struct story one, other;
	char a[128], b[128], c[128];
	const char *forward[] = { path_of("a", a), path_of("b", b), path_of("c", c) };
	const char *backward[] = { c, b, a };

	(void)state;
	write_capture("a", (const uint32_t[]){ 10, 30, 50, 0 });
	write_capture("b", (const uint32_t[]){ 20, 30, 60, 0 });
	write_capture("c", (const uint32_t[]){ 5, 0 });
	tell(&one, forward, 3);
	assert_string_equal(one.text, "c:1@5 a:1@10 b:1@20 a:2@30 b:2@30 a:3@50 b:3@60 ");
	tell(&other, backward, 3);
	assert_string_equal(other.text, one.text);
}

static void time_that_goes_back_inside_a_file_keeps_its_order(void **state)
{
	static struct story story;
	char a[128], b[128];
	const char *names[] = { path_of("a", a), path_of("b", b) };

	(void)state;
	write_capture("a", (const uint32_t[]){ 10, 5, 20, 0 });
	write_capture("b", (const uint32_t[]){ 7, 12, 0 });
	tell(&story, names, 2);
	assert_string_equal(story.text, "b:1@7 a:1@10 a:2@5 b:2@12 a:3@20 ");
}

static void directories_are_read_to_any_depth(void **state)
{
	static struct story story;
	const char *names[] = { directory };
	char path[128];

	(void)state;
	mkdir(path_of("sub", path), 0700);
	mkdir(path_of("sub/deep", path), 0700);
	write_capture("a", (const uint32_t[]){ 3, 0 });
	write_capture("sub/b", (const uint32_t[]){ 2, 0 });
	write_capture("sub/deep/c", (const uint32_t[]){ 1, 0 });
	write_capture(".hidden", (const uint32_t[]){ 4, 0 });
	write_text("notes.txt", "these are no packets");
	assert_int_equal(symlink("..", path_of("sub/loop", path)), 0);
	assert_int_equal(mkfifo(path_of("pipe", path), 0600), 0);
	tell(&story, names, 1);
	assert_string_equal(story.text, "sub/deep/c:1@1 sub/b:1@2 a:1@3 ");
	assert_string_equal(story.faults, "");
	assert_int_equal(story.extent.files, 3);
	assert_int_equal(story.extent.skipped, 2); /* the notes and the pipe */
}

static void a_foreign_file_given_by_name_is_a_fault(void **state)
{
	static struct story story;
	char notes[128], missing[128];
	const char *names[] = { directory, path_of("notes.txt", notes),
				path_of("missing", missing) };

	(void)state;
	write_text("notes.txt", "these are no packets");
	write_capture("a", (const uint32_t[]){ 3, 0 });
	tell(&story, names, 3);
	assert_string_equal(story.text, "a:1@3 ");
	assert_string_equal(story.faults, "missing notes.txt ");
	assert_int_equal(story.extent.faults, 2);
	assert_int_equal(story.extent.skipped, 0);
}

static void a_file_reached_twice_is_read_once(void **state)
{
	static struct story story;
	char a[128], link[128];
	const char *names[] = { directory, path_of("a", a), a };

	(void)state;
	write_capture("a", (const uint32_t[]){ 3, 4, 0 });
	assert_int_equal(symlink("a", path_of("z", link)), 0);
	tell(&story, names, 3);
	assert_string_equal(story.text, "a:1@3 a:2@4 ");
}

static void the_others_go_on_when_one_is_cut(void **state)
{
	static struct story story;
	char a[128], b[128];
	const char *names[] = { path_of("a", a), path_of("b", b) };

	(void)state;
	write_capture("a", (const uint32_t[]){ 1, 3, 5, 0 });
	write_capture("b", (const uint32_t[]){ 2, 4, 6, 0 });
	assert_int_equal(truncate(a, 24 + 2 * 20 + 7), 0);
	tell(&story, names, 2);
	assert_string_equal(story.text, "a:1@1 b:1@2 a:2@3 b:2@4 b:3@6 ");
	assert_string_equal(story.faults, "a ");
}

/* One after the other, as a capture ring leaves them: all in order with few files open */
static void many_files_in_a_row(void **state)
{
	static struct story story;
	const char *names[] = { directory };

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%03u", 299 - i);
		write_capture(name, (const uint32_t[]){ 10 * i + 10, 10 * i + 25, 0 });
	}
	tell(&story, names, 1);
	assert_int_equal(story.packets, 600);
	assert_true(story.ordered);
	assert_int_equal(story.extent.taken >= story.extent.octets, true);
}

/* More at the same time than may be open: nothing is lost, and it ends. */
static void more_files_at_once_than_may_be_open(void **state)
{
	static struct story story;
	const char *names[] = { directory };

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%03u", i);
		write_capture(name, (const uint32_t[]){ i + 1, 1000 + i, 2000 + i, 0 });
	}
	tell(&story, names, 1);
	assert_int_equal(story.packets, 300);
	assert_string_equal(story.faults, "");
}

static void nothing_at_all(void **state)
{
	static struct story story;
	const char *names[] = { directory };

	(void)state;
	tell(&story, names, 1);
	assert_int_equal(story.packets, 0);
	tell(&story, names, 0);
	assert_int_equal(story.packets, 0);
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/rpcgate-timeline-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		char inner[512];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		if (unlink(inner) != 0)
			remove_tree(inner);
	}
	closedir(dir);
	return rmdir(path);
}

static int remove_directory(void **state)
{
	(void)state;
	return remove_tree(directory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_merged_by_time_then_name),
		TEST(time_that_goes_back_inside_a_file_keeps_its_order),
		TEST(directories_are_read_to_any_depth),
		TEST(a_foreign_file_given_by_name_is_a_fault),
		TEST(a_file_reached_twice_is_read_once),
		TEST(the_others_go_on_when_one_is_cut),
		TEST(many_files_in_a_row),
		TEST(more_files_at_once_than_may_be_open),
		TEST(nothing_at_all),
	};

	return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
