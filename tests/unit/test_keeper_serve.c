/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_keeper_serve.c - a keeper of the kernel beside us, in a network namespace of its own */
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

static const struct rpcgate_port_list mapper = { 2, { { 135, 135 }, { 1145, 1145 } } };
static const struct rpcgate_port_list reserved = { 1, { { 3389, 3389 } } };
static const struct keeper_limits limits = { 2, &mapper, &reserved };

static struct rpcgate_addr ipv4(uint8_t last)
{
	return (struct rpcgate_addr){ { [10] = 0xff, [11] = 0xff, 198, 18, 0, last } };
}

static struct keeper_message opening(enum ruleset_set set, uint16_t port, uint64_t timeout_ms)
{
	struct keeper_message m = { .kind = KEEPER_CHANGES_MADE, .n = 1 };

	m.u.change[0].element = (struct ruleset_element){ set, ipv4(1), ipv4(2), port, timeout_ms };
	return m;
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
	/* not allowed: refused, counted, and the next one is served */
	m = opening(SET_PIN4, 445, MINUTE_MS);
	assert_true(keeper_ask(pair[0], &m, &a));
	assert_false(a.good);
	c[0] = (struct kernel_change){ .element = { SET_PIN4, ipv4(1), ipv4(2), 445, MINUTE_MS } };
	assert_int_equal(kernel_apply(k, c, 1), 0);
	assert_int_equal(c[0].element.timeout_ms, 0);
	assert_true(kernel_install_there(k, err));
	assert_false(kernel_reload_there(k, err));
	assert_string_equal(err, "wrong");
	kernel_stats(k, &stats);
	assert_int_equal(stats.denied, 2);
	/* octets that are no message: whoever sends them is not the parser */
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(send(pair[0], junk, 7, 0), 7);
	assert_int_equal(recv(pair[0], &a, sizeof(a), 0), 0);
	close(pair[0]);
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
		cmocka_unit_test(a_keeper_serves),
		cmocka_unit_test(a_keeper_that_is_gone_is_noticed),
	};

	if (unshare(CLONE_NEWNET) != 0) {
		perror("a network namespace of its own (be root)");
		return 1;
	}
	return cmocka_run_group_tests_name("keeper_serve", tests, NULL, NULL);
}
