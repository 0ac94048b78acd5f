/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_state.c - what is known, over a restart and in a file that anybody may have written */
#include "play.h"
#include "state.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

struct rig {
	struct kernel *kernel;
	struct worker_setup setup;
	struct rpcgate_config cfg;
	struct worker *worker;
	char path[64];
};

static void start(struct rig *r)
{
	char err[RPCGATE_ERROR_SIZE] = "";

	r->worker = worker_new(&r->setup, &r->cfg, NULL, NULL, err);
	if (!r->worker)
		fail_msg("%s", err);
}

/* A kernel with a table in it, in a namespace of our own, and an engine beside it */
static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct ruleset_plan plan = { .enforce = true,
				     .max_elements = 1000,
				     .log_per_s = 1,
				     .mark_shift = 24,
				     .mapper = { 1, { { 135, 135 } } },
				     .dynamic = { 1, { { 49152, 65535 } } } };
	char err[RPCGATE_ERROR_SIZE] = "";

	assert_non_null(r);
	feed_config(&r->cfg);
	r->cfg.admission = RPCGATE_ADMIT_ANNOUNCED;
	r->cfg.mode = RPCGATE_ENFORCE;
	r->kernel = kernel_open(err);
	if (!r->kernel || !kernel_install(r->kernel, &plan, err))
		fail_msg("%s", err);
	r->setup = (struct worker_setup){ .kernel = r->kernel,
					  .enforce = true,
					  .mark_shift = 24,
					  .wake_fd = eventfd(0, EFD_NONBLOCK) };
	strcpy(r->path, "/tmp/rpcgate-state-XXXXXX");
	close(mkstemp(r->path));
	start(r);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;
	char err[RPCGATE_ERROR_SIZE];

	worker_free(r->worker);
	kernel_remove(r->kernel, err);
	kernel_free(r->kernel);
	close(r->setup.wake_fd);
	unlink(r->path);
	free(r);
	return 0;
}

static void learn(struct rig *r, const struct rpcgate_syntax *iface, uint16_t port)
{
	struct play p;

	play_begin(&p, "state");
	p.clock_ns = worker_now_ns();
	p.next_port = (uint16_t)(p.next_port + port); /* another connection each time */
	play_map(&p, iface, port);
	for (size_t i = 0; i < p.packets.n; i++) {
		struct rpcgate_packet packet = packets_get(&p.packets, i);
		struct rpcgate_result result;

		packet.time_ns = worker_now_ns();
		result = rpcgate_feed(worker_gate(r->worker), &packet);
		worker_take(r->worker, &result);
	}
	play_end(&p);
}

static size_t open_pinholes(struct rig *r, struct rpcgate_pinhole_record *out, size_t max)
{
	uint64_t cursor = 0;

	return rpcgate_pinholes(worker_gate(r->worker), &cursor, out, max);
}

static bool load(struct rig *r, struct state_counts *counts)
{
	char err[RPCGATE_ERROR_SIZE];

	return state_load(r->path, &r->worker, 1, counts, err);
}

static void write_file(const struct rig *r, const char *text)
{
	FILE *out = fopen(r->path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* --------------------------------------------------------------------- tests */

static void what_was_saved_is_loaded(void **state)
{
	struct rpcgate_pinhole_record was[4], is[4];
	struct rig *r = *state;
	char err[RPCGATE_ERROR_SIZE];
	struct state_counts counts;
	struct stat info;

	learn(r, &iface_samr, PORT);
	learn(r, &iface_lsarpc, PORT + 1);
	assert_int_equal(open_pinholes(r, was, 4), 2);
	assert_true(state_save(r->path, &r->worker, 1, &counts, err));
	assert_int_equal(counts.pinholes, 2);
	assert_int_equal(counts.bindings, 2);
	assert_int_equal(stat(r->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	worker_free(r->worker);
	start(r);
	assert_true(load(r, &counts));
	assert_int_equal(counts.pinholes, 2);
	assert_int_equal(counts.bindings, 2);
	assert_int_equal(counts.wrong + counts.refused, 0);
	assert_int_equal(open_pinholes(r, is, 4), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(is[i].port, was[i].port);
		assert_memory_equal(&is[i].client, &was[i].client, sizeof(was[i].client));
		assert_memory_equal(&is[i].interface.uuid, &was[i].interface.uuid, 16);
		assert_true(is[i].until_ns <= was[i].until_ns + 2 * S / 1000);
		assert_true(is[i].until_ns + 5 * S > was[i].until_ns);
	}
}

/* The end moves with the time that has passed, and never away */
static void time_that_passed_counts(void **state)
{
	static const struct {
		int64_t saved_ago_s;
		uint64_t left_ms;
		size_t open;
	} rows[] = {
		{ 0, 60000, 1 },     { 30, 60000, 1 },   { 61, 60000, 0 },
		{ -3600, 60000, 1 }, { 0, 86400000, 1 }, { 1000000, 60000, 0 },
	};
	struct rig *r = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rpcgate_pinhole_record record[4];
		struct state_counts counts;
		uint64_t now;
		char text[512];
		size_t n, live = 0;

		snprintf(
			text, sizeof(text),
			"{\"rpcgate_state\":1,\"saved_ms\":%lld000}\n"
			"{\"pinhole\":{\"client\":\"192.0.2.1\",\"server\":\"192.0.2.2\",\"port\":%u,"
			"\"proto\":6,\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\",\"major\":1,"
			"\"minor\":0,\"source\":\"ept_map\",\"left_ms\":%llu,\"age_ms\":5}}\n",
			(long long)(time(NULL) - rows[i].saved_ago_s), PORT,
			(unsigned long long)rows[i].left_ms);
		write_file(r, text);
		worker_free(r->worker);
		start(r);
		assert_true(load(r, &counts));
		now = worker_now_ns();
		n = open_pinholes(r, record, 4);
		for (size_t k = 0; k < n; k++) {
			live += record[k].open;
			assert_true(record[k].until_ns <= now + 300 * S);
		}
		assert_int_equal(live, rows[i].open);
	}
}

static void wrong_lines_are_counted(void **state)
{
	static const char *const lines[] = {
		"",
		"{",
		"[]",
		"{\"pinhole\":1}",
		"{\"pinhole\":{}}",
		"\xff\xfe",
		"{\"binding\":{\"server\":\"x\"}}",
		"{\"pinhole\":{\"client\":\"192.0.2.1\",\"server\":\"192.0.2.2\",\"port\":70000,"
		"\"proto\":6,\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\",\"major\":1,"
		"\"source\":\"ept_map\",\"left_ms\":1,\"age_ms\":5}}",
		"{\"pinhole\":{\"client\":\"192.0.2.1\",\"server\":\"192.0.2.2\",\"port\":50000,"
		"\"proto\":6,\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\",\"major\":1,"
		"\"source\":\"guess\",\"left_ms\":1,\"age_ms\":5}}",
		"{\"pinhole\":{\"client\":\"192.0.2.1\",\"server\":\"192.0.2.2\",\"port\":50000,"
		"\"proto\":6,\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\",\"major\":1,"
		"\"source\":\"ept_map\",\"left_ms\":-1,\"age_ms\":5}}",
	};
	struct rig *r = *state;

	for (size_t i = 0; i < COUNT(lines); i++) {
		struct rpcgate_pinhole_record record[4];
		struct state_counts counts;
		char text[1024];

		snprintf(text, sizeof(text), "{\"rpcgate_state\":1,\"saved_ms\":1}\n%s\n",
			 lines[i]);
		write_file(r, text);
		assert_true(load(r, &counts));
		assert_int_equal(counts.wrong, 1);
		assert_int_equal(open_pinholes(r, record, 4), 0);
	}
}

static void reserved_ports_stay_closed(void **state)
{
	struct rpcgate_pinhole_record record[4];
	struct rig *r = *state;
	struct state_counts counts;
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"rpcgate_state\":1,\"saved_ms\":%lld000}\n"
		 "{\"pinhole\":{\"client\":\"192.0.2.1\",\"server\":\"192.0.2.2\",\"port\":3389,"
		 "\"proto\":6,\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\",\"major\":1,"
		 "\"source\":\"ept_map\",\"left_ms\":60000,\"age_ms\":5}}\n",
		 (long long)time(NULL));
	write_file(r, text);
	assert_true(load(r, &counts));
	assert_int_equal(counts.refused, 1);
	assert_int_equal(open_pinholes(r, record, 4), 0);
}

static void other_files_are_refused(void **state)
{
	static const char *const heads[] = { "", "hello\n",
					     "{\"rpcgate_state\":2,\"saved_ms\":1}\n",
					     "{\"rpcgate_state\":1}\n" };
	struct rig *r = *state;
	struct state_counts counts;

	for (size_t i = 0; i < COUNT(heads); i++) {
		write_file(r, heads[i]);
		assert_false(load(r, &counts));
	}
	unlink(r->path);
	assert_true(load(r, &counts)); /* the first start has none */
}

/* What somebody else wrote, or a later version did, is not ours to replace */
static void other_files_are_left_alone(void **state)
{
	static const struct {
		const char *text;
		bool ours;
	} files[] = {
		{ "precious data of another program\n", false },
		{ "{\"rpcgate_state\":2,\"saved_ms\":1}\n", false },
		{ "{\"events\":[]}", false },
		{ "", true },
		{ "{\"rpcgate_state\":1}\n", true },
	};
	struct rig *r = *state;
	struct state_counts counts;

	for (size_t i = 0; i < COUNT(files); i++) {
		char err[RPCGATE_ERROR_SIZE] = "", text[128] = "";
		FILE *file;

		write_file(r, files[i].text);
		assert_int_equal(state_save(r->path, &r->worker, 1, &counts, err), files[i].ours);
		assert_int_equal(!*err, files[i].ours);
		file = fopen(r->path, "r");
		assert_non_null(file);
		(void)!fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
		assert_int_equal(strcmp(text, files[i].text) != 0, files[i].ours);
	}
	unlink(r->path);
	assert_int_equal(mkfifo(r->path, 0600), 0);
	assert_false(state_save(r->path, &r->worker, 1, &counts, (char[RPCGATE_ERROR_SIZE]){ 0 }));
}

/* The old file stays until the new one is whole */
static void a_failed_save_leaves_the_old_file(void **state)
{
	struct rig *r = *state;
	struct state_counts counts;
	char err[RPCGATE_ERROR_SIZE] = "", path[128];

	snprintf(path, sizeof(path), "/nonexistent/%s", r->path + 5);
	assert_false(state_save(path, &r->worker, 1, &counts, err));
	assert_non_null(strstr(err, "No such file"));
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		RIGGED(what_was_saved_is_loaded),          RIGGED(time_that_passed_counts),
		RIGGED(wrong_lines_are_counted),           RIGGED(reserved_ports_stay_closed),
		RIGGED(other_files_are_refused),           RIGGED(other_files_are_left_alone),
		RIGGED(a_failed_save_leaves_the_old_file),
	};

	if (unshare(CLONE_NEWNET) != 0) {
		perror("a network namespace of its own (be root)");
		return 1;
	}
	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
