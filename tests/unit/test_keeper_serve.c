/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_keeper.c - what the process that may change the kernel lets itself be told */
#include "keeper.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MINUTE_MS 60000
#define HOUR_MS (3600 * UINT64_C(1000))

static const struct rpcgate_port_list mapper = { 2, { { 135, 135 }, { 1145, 1145 } } };
static const struct rpcgate_port_list reserved = { 1, { { 3389, 3389 } } };
static const struct keeper_limits limits = { 2, &mapper, &reserved };

static struct rpcgate_addr ipv4(uint8_t last)
{
	return (struct rpcgate_addr){ { [10] = 0xff, [11] = 0xff, 198, 18, 0, last } };
}

static struct rpcgate_addr ipv6(uint8_t last)
{
	return (struct rpcgate_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = last } };
}

static struct keeper_message opening(enum ruleset_set set, uint16_t port, uint64_t timeout_ms)
{
	struct keeper_message m = { .kind = KEEPER_CHANGES_MADE, .n = 1 };

	m.u.change[0].element = (struct ruleset_element){ set, ipv4(1), ipv4(2), port, timeout_ms };
	return m;
}

static void what_is_needed_may_be_asked(void **state)
{
	static const enum keeper_kind plain[] = { KEEPER_IS_THERE, KEEPER_INSTALL, KEEPER_RELOAD,
						  KEEPER_STATS };
	struct keeper_message m = { .kind = KEEPER_VERDICTS, .queue = 1, .n = QUEUE_BATCH };

	(void)state;
	assert_true(keeper_may(&m, &limits));
	for (size_t i = 0; i < COUNT(plain); i++) {
		m = (struct keeper_message){ .kind = plain[i] };
		assert_true(keeper_may(&m, &limits));
	}
	m = opening(SET_PIN4, 49160, MINUTE_MS);
	assert_true(keeper_may(&m, &limits));
	m = opening(SET_PAST4, 49160, 90 * HOUR_MS + 24 * HOUR_MS);
	assert_true(keeper_may(&m, &limits));
	m = opening(SET_PAIR4, 0, MINUTE_MS);
	assert_true(keeper_may(&m, &limits));
	m = opening(SET_UDP6, 1024, MINUTE_MS);
	m.u.change[0].element.client = ipv6(1);
	m.u.change[0].element.server = ipv6(2);
	assert_true(keeper_may(&m, &limits));
}

static const struct {
	const char *name;
	enum ruleset_set set;
	uint16_t port;
	uint64_t timeout_ms;
} bad_changes[] = {
	{ "port 0", SET_PIN4, 0, MINUTE_MS },
	{ "a privileged port", SET_PIN4, 1023, MINUTE_MS },
	{ "ssh", SET_PAST4, 22, MINUTE_MS },
	{ "a mapper's port", SET_PIN4, 1145, MINUTE_MS },
	{ "a reserved port", SET_UDP4, 3389, MINUTE_MS },
	{ "for ever", SET_PIN4, 49160, UINT64_MAX },
	{ "longer than any pinhole", SET_PIN4, 49160, 115 * HOUR_MS },
	{ "no such set", SET_COUNT, 49160, MINUTE_MS },
	{ "no set at all", (enum ruleset_set)0x7fffffff, 49160, MINUTE_MS },
	{ "IPv4 in a set of IPv6", SET_PIN6, 49160, MINUTE_MS },
	{ "IPv4 in pairs of IPv6", SET_PAIR6, 0, MINUTE_MS },
};

static void other_changes_may_not(void **state)
{
	struct keeper_message m;

	(void)state;
	for (size_t i = 0; i < COUNT(bad_changes); i++) {
		m = opening(bad_changes[i].set, bad_changes[i].port, bad_changes[i].timeout_ms);
		if (keeper_may(&m, &limits))
			fail_msg("%s", bad_changes[i].name);
	}
	m = opening(SET_PIN4, 49160, MINUTE_MS);
	m.u.change[0].element.server = ipv6(2);
	assert_false(keeper_may(&m, &limits));
	/* the last of many counts like the first */
	m = opening(SET_PIN4, 49160, MINUTE_MS);
	m.n = KEEPER_CHANGES;
	for (size_t i = 1; i < KEEPER_CHANGES; i++)
		m.u.change[i] = m.u.change[0];
	assert_true(keeper_may(&m, &limits));
	m.u.change[KEEPER_CHANGES - 1].element.port = 445;
	assert_false(keeper_may(&m, &limits));
}

static void counts_are_bounded(void **state)
{
	struct keeper_message m = { .kind = KEEPER_VERDICTS, .n = QUEUE_BATCH + 1 };

	(void)state;
	assert_false(keeper_may(&m, &limits));
	m = (struct keeper_message){ .kind = KEEPER_VERDICTS, .queue = 2 };
	assert_false(keeper_may(&m, &limits));
	m = (struct keeper_message){ .kind = KEEPER_CHANGES_MADE, .n = KEEPER_CHANGES + 1 };
	assert_false(keeper_may(&m, &limits));
	m = (struct keeper_message){ .kind = UINT32_MAX };
	assert_false(keeper_may(&m, &limits));
}

/* ------------------------------------------------------------------ two processes */

static bool installed_again, read_again;

static bool install(void *ctx, char err[RPCGATE_ERROR_SIZE])
{
	(void)err;
	(void)ctx;
	installed_again = true;
	return true;
}

static bool reload(void *ctx, char err[RPCGATE_ERROR_SIZE])
{
	(void)ctx;
	read_again = true;
	snprintf(err, RPCGATE_ERROR_SIZE, "wrong");
	return false;
}

static struct kernel *a_kernel(void)
{
	struct ruleset_plan plan = { .enforce = true,
				     .max_elements = 4,
				     .log_per_s = 1,
				     .mark_shift = 24,
				     .mapper = mapper,
				     .dynamic = { 1, { { 49152, 65535 } } } };
	char err[RPCGATE_ERROR_SIZE] = "";
	struct kernel *k = kernel_open(err);

	if (!k || !kernel_install(k, &plan, err))
		fail_msg("%s", err);
	return k;
}

/* What the parser asks is done by the other process, and hostile octets by nobody */
static void a_keeper_serves(void **state)
{
	struct kernel_change c[6];
	struct kernel_stats stats;
	char err[RPCGATE_ERROR_SIZE] = "", junk[4096];
	struct keeper_answer a;
	struct keeper_message m;
	struct kernel *k = a_kernel();
	int pair[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	child = fork();
	if (child == 0) {
		struct keeper_world w = {
			.kernel = k, .limits = limits, .install = install, .reload = reload
		};

		close(pair[0]);
		keeper_serve(pair[1], &w);
		_exit(installed_again && read_again ? 0 : 1);
	}
	close(pair[1]);
	kernel_delegate(k, pair[0]);
	assert_true(kernel_is_there(k));
	for (size_t i = 0; i < COUNT(c); i++)
		c[i] = (struct kernel_change){ .element = { SET_PIN4, ipv4((uint8_t)i), ipv4(200),
							    49160, MINUTE_MS } };
	assert_int_equal(kernel_apply(k, c, COUNT(c)), 4); /* the set has no room for more */
	assert_true(!c[0].element.timeout_ms + !c[5].element.timeout_ms >= 1);
	kernel_stats(k, &stats);
	assert_int_equal(stats.refused, 2);
	/* too short, too long, not allowed: refused, and the next one is served */
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(send(pair[0], junk, 7, 0), 7);
	assert_int_equal(recv(pair[0], &a, sizeof(a), 0), (ssize_t)sizeof(a));
	assert_false(a.good);
	assert_int_equal(send(pair[0], junk, sizeof(junk), 0), (ssize_t)sizeof(junk));
	assert_int_equal(recv(pair[0], &a, sizeof(a), 0), (ssize_t)sizeof(a));
	assert_false(a.good);
	m = opening(SET_PIN4, 445, MINUTE_MS);
	assert_true(keeper_ask(pair[0], &m, &a));
	assert_false(a.good);
	c[0] = (struct kernel_change){ .element = { SET_PIN4, ipv4(1), ipv4(2), 445, MINUTE_MS } };
	assert_int_equal(kernel_apply(k, c, 1), 0);
	assert_int_equal(c[0].element.timeout_ms, 0);
	assert_true(kernel_install_there(k, err));
	assert_false(kernel_reload_there(k, err));
	assert_string_equal(err, "wrong");
	close(pair[0]); /* the parser ends, and so does the keeper */
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	kernel_free(k);
}

static void a_keeper_that_is_gone_is_noticed(void **state)
{
	struct keeper_message m = { .kind = KEEPER_IS_THERE };
	struct keeper_answer a;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	close(pair[1]);
	assert_false(keeper_send(pair[0], &m));
	assert_false(keeper_ask(pair[0], &m, &a));
	assert_non_null(strstr(a.err, "has ended"));
	close(pair[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_needed_may_be_asked),
		cmocka_unit_test(other_changes_may_not),
		cmocka_unit_test(counts_are_bounded),
		cmocka_unit_test(a_keeper_serves),
		cmocka_unit_test(a_keeper_that_is_gone_is_noticed),
	};

	if (unshare(CLONE_NEWNET) != 0) {
		perror("a network namespace of its own (be root)");
		return 1;
	}
	return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
