/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_kernel.c - the table in a kernel of this machine, in a network namespace of its own */
#include "kernel.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MINUTE_MS 60000

static struct rpcgate_addr ipv4(uint8_t last)
{
	return (struct rpcgate_addr){ { [10] = 0xff, [11] = 0xff, 198, 18, 0, last } };
}

static struct rpcgate_addr ipv6(uint8_t last)
{
	return (struct rpcgate_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = last } };
}

static struct ruleset_plan some_plan(void)
{
	return (struct ruleset_plan){
		.enforce = true,
		.reset = true,
		.queue_first = 3,
		.queue_last = 3,
		.log_group = 9,
		.log_per_s = 100,
		.mark_shift = 24,
		.max_elements = 4,
		.mapper = { 2, { { 593, 593 }, { 135, 135 } } },
		.dynamic = { 3, { { 50000, 65535 }, { 49152, 49999 }, { 1025, 5000 } } },
	};
}

/* What a command prints; nft and the like are asked, for they read the kernel's own mind */
static char *output_of(const char *command, int *status)
{
	static char text[1 << 18];
	FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): constants of this file */
	size_t n = 0, got;

	assert_non_null(pipe);
	while (n + 1 < sizeof(text) && (got = fread(text + n, 1, sizeof(text) - 1 - n, pipe)))
		n += got;
	text[n] = '\0';
	*status = pclose(pipe);
	return text;
}

static void must_say(const char *command, const char *what)
{
	int status;
	const char *text = output_of(command, &status);

	if (!strstr(text, what))
		fail_msg("%s does not say \"%s\":\n%s", command, what, text);
}

static struct kernel *open_kernel(void)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct kernel *k = kernel_open(err);

	if (!k)
		fail_msg("%s", err);
	return k;
}

static struct kernel *installed(const struct ruleset_plan *plan)
{
	struct ruleset_plan copy = *plan;
	struct kernel *k = open_kernel();
	char err[RPCGATE_ERROR_SIZE] = "";

	if (!kernel_install(k, &copy, err))
		fail_msg("%s", err);
	return k;
}

static void take_away(struct kernel *k)
{
	char err[RPCGATE_ERROR_SIZE] = "";

	if (!kernel_remove(k, err))
		fail_msg("%s", err);
	kernel_free(k);
}

static size_t put(struct kernel *k, enum ruleset_set set, uint8_t client, uint16_t port, bool known)
{
	bool six = set == SET_PIN6 || set == SET_PAIR6;
	struct kernel_change c = {
		.element = { set, six ? ipv6(client) : ipv4(client), six ? ipv6(200) : ipv4(200),
			     port, MINUTE_MS },
		.known = known,
	};

	return kernel_apply(k, &c, 1);
}

/* --------------------------------------------------------------------- table */

static void the_table_says_what_the_plan_says(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan);

	(void)state;
	assert_true(kernel_is_there(k));
	must_say("nft list set inet rpcgate mapper", "elements = { 135, 593 }");
	must_say("nft list set inet rpcgate dynamic_range", "1025-5000, 49152-65535 }");
	must_say("nft list set inet rpcgate pin4", "size 4");
	must_say("nft list chain inet rpcgate inspect", "priority mangle - 5");
	/* with no look at the protocol: only connections of TCP may have this mark */
	must_say("nft list chain inet rpcgate inspect",
		 "ct mark & 0x07000000 == 0x04000000 @th,104,8 & 0x12 != 0x2 accept");
	must_say("nft list chain inet rpcgate keep_foreign", "meta l4proto tcp ct mark set");
	must_say("nft list chain inet rpcgate settle", "priority mangle + 5");
	must_say("nft list chain inet rpcgate ask", "queue num 3");
	must_say("nft list chain inet rpcgate unannounced", "reject with tcp reset");
	take_away(k);
	must_say("nft list tables; echo end", "end");
}

/* A foreign flush, and our own death */
static void nobody_takes_it_away(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan);
	int status;

	(void)state;
	assert_int_equal(kernel_keeping(k), KERNEL_PERSISTENT);
	output_of("nft flush ruleset 2>&1", &status);
	assert_true(kernel_is_there(k));
	output_of("nft delete table inet rpcgate 2>&1", &status);
	assert_true(status != 0);
	assert_true(kernel_is_there(k));
	kernel_free(k);
	must_say("nft list tables", "table inet rpcgate");
	take_away(installed(&plan));
}

static void another_instance_is_told_apart(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan), *other = open_kernel();
	char err[RPCGATE_ERROR_SIZE] = "";

	(void)state;
	assert_false(kernel_install(other, &plan, err));
	assert_non_null(strstr(err, "another rpcgate"));
	kernel_free(other);
	take_away(k);
}

/* Who comes after us finds our pinholes, and rules of its own */
static void a_successor_keeps_the_pinholes(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan);

	(void)state;
	assert_int_equal(put(k, SET_PIN4, 1, 49160, false), 1);
	kernel_free(k);
	plan.reset = false;
	k = installed(&plan);
	must_say("nft list set inet rpcgate pin4", "198.18.0.1 . 198.18.0.200 . 49160 timeout 1m");
	must_say("nft list chain inet rpcgate unannounced", "drop");
	take_away(k);
}

/* A table of the same name with other sets: made by another version */
static void another_version_is_replaced(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k;
	int status;

	(void)state;
	output_of("nft 'add table inet rpcgate; add set inet rpcgate pin4 { type ipv4_addr; }'",
		  &status);
	assert_int_equal(status, 0);
	k = installed(&plan);
	must_say("nft list set inet rpcgate pin4", "ipv4_addr . ipv4_addr . inet_service");
	take_away(k);
}

/* Nobody owns what nft made, and the kernel lets nobody become its owner */
static void a_foreign_table_is_replaced(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k;
	int status;

	(void)state;
	output_of("nft 'add table inet rpcgate; add chain inet rpcgate theirs'", &status);
	assert_int_equal(status, 0);
	k = installed(&plan);
	assert_int_equal(kernel_keeping(k), KERNEL_PERSISTENT);
	assert_true(kernel_replaced(k));
	output_of("nft list chain inet rpcgate theirs 2>&1", &status);
	assert_true(status != 0);
	kernel_free(k);
	k = installed(&plan); /* our own is taken over */
	assert_false(kernel_replaced(k));
	take_away(k);
}

static void a_change_keeps_the_pinholes(void **state)
{
	static const char rules[] = "static 7000-7001 interface samr from 10.1.0.0/16\n"
				    "static 7002 interface samr to 2001:db8::1\n";
	const struct rpcgate_policy_source source = { "test", rules, sizeof(rules) - 1 };
	struct rpcgate_policy_error error;
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan);
	char err[RPCGATE_ERROR_SIZE] = "";
	size_t n;
	struct rpcgate_policy *policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);

	(void)state;
	assert_non_null(policy);
	plan.by = QUEUE_BY_XT;
	assert_int_equal(put(k, SET_PIN6, 1, 49160, false), 1);
	plan.policy = policy;
	plan.enforce = false;
	plan.mapper.n = 1;
	assert_true(kernel_change(k, &plan, err));
	must_say("nft list set inet rpcgate pin6", "2001:db8::1 . 2001:db8::c8 . 49160");
	must_say("nft list set inet rpcgate static4", "10.1.0.0/16 . 0.0.0.0/0 . 7000-7001");
	must_say("nft list set inet rpcgate static6", "::/0 . 2001:db8::1 . 7002");
	must_say("nft list set inet rpcgate mapper", "{ 593 }");
	must_say("nft list chain inet rpcgate ask", "bypass");
	rpcgate_policy_free(policy);
	take_away(k);
}

/* ------------------------------------------------------------------- elements */

static void elements_come_and_go(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan);
	struct kernel_change c = { .element = { SET_PIN4, ipv4(1), ipv4(200), 49160, 0 },
				   .remove = true };
	struct kernel_stats stats;
	int status;

	(void)state;
	assert_int_equal(put(k, SET_PIN4, 1, 49160, false), 1);
	assert_int_equal(put(k, SET_PIN4, 1, 49160, true), 1);
	/* believed to be there, and run out meanwhile */
	assert_int_equal(put(k, SET_PIN4, 2, 49160, true), 1);
	assert_int_equal(put(k, SET_PAIR4, 3, 0, false), 1);
	assert_int_equal(put(k, SET_PAIR6, 3, 0, false), 1);
	must_say("nft list set inet rpcgate pair4", "198.18.0.3 . 198.18.0.200");
	must_say("nft list set inet rpcgate pair6", "2001:db8::3 . 2001:db8::c8");
	assert_int_equal(kernel_apply(k, &c, 1), 1);
	assert_int_equal(kernel_apply(k, &c, 1), 0); /* gone already: nothing to do */
	assert_null(strstr(output_of("nft list set inet rpcgate pin4", &status), "198.18.0.1 "));
	kernel_stats(k, &stats);
	assert_int_equal(stats.elements, 6);
	assert_int_equal(stats.refused, 0);
	take_away(k);
}

/* A refresh moves the end, on kernels of any age */
static void a_refresh_moves_the_end(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan);
	struct kernel_change c = { .element = { SET_PIN4, ipv4(1), ipv4(200), 49160, 5000 } };

	(void)state;
	assert_int_equal(kernel_apply(k, &c, 1), 1);
	c.known = true;
	c.element.timeout_ms = 3600000;
	assert_int_equal(kernel_apply(k, &c, 1), 1);
	must_say("nft list set inet rpcgate pin4", "timeout 1h");
	take_away(k);
}

/* What the one element has left, in seconds.  The kernel tells it in its own ticks, and nft says "1m"
 * for all of it, "59s996ms" a tick later */
static unsigned left_s(void)
{
	int status;
	const char *text = output_of("nft list set inet rpcgate pin4", &status);
	const char *expires = strstr(text, "expires ");
	unsigned n = 0;
	char unit = '\0';

	if (!expires || sscanf(expires, "expires %u%c", &n, &unit) != 2)
		fail_msg("no end in: %s", text);
	return unit == 'm' ? n * 60 : n;
}

/* One that an earlier process left has a new end, too, where the kernel can move it (6.12) */
static void a_successor_moves_the_end(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan);
	struct utsname machine;
	unsigned major = 0, minor = 0;

	(void)state;
	assert_int_equal(uname(&machine), 0);
	assert_int_equal(sscanf(machine.release, "%u.%u", &major, &minor), 2);
	assert_int_equal(put(k, SET_PIN4, 1, 49160, false), 1);
	usleep(2100000);
	assert_true(left_s() < 58);
	assert_int_equal(put(k, SET_PIN4, 1, 49160, false), 1);
	assert_int_equal(left_s() > 57, major * 100 + minor >= 612);
	take_away(k);
}

/* The set is full: what found no room is named, what did is there */
static void a_full_set_refuses_the_rest(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel *k = installed(&plan);
	struct kernel_change c[7];
	size_t refused = 0;
	struct kernel_stats stats;

	(void)state;
	for (size_t i = 0; i < COUNT(c); i++)
		c[i] = (struct kernel_change){ .element = { SET_PIN4, ipv4((uint8_t)i), ipv4(200),
							    49160, MINUTE_MS } };
	assert_int_equal(kernel_apply(k, c, COUNT(c)), 4);
	for (size_t i = 0; i < COUNT(c); i++)
		refused += !c[i].element.timeout_ms;
	assert_int_equal(refused, 3);
	kernel_stats(k, &stats);
	assert_int_equal(stats.refused, 3);
	take_away(k);
}

static void thousands_at_once(void **state)
{
	struct ruleset_plan plan = some_plan();
	struct kernel_change *c = calloc(3000, sizeof(*c));
	struct kernel *k;

	(void)state;
	assert_non_null(c);
	plan.max_elements = 4096;
	k = installed(&plan);
	for (uint16_t i = 0; i < 3000; i++)
		c[i] = (struct kernel_change){ .element = { SET_PIN6, ipv6(1), ipv6(2),
							    (uint16_t)(50000 + i), MINUTE_MS } };
	assert_int_equal(kernel_apply(k, c, 3000), 3000);
	must_say("nft list set inet rpcgate pin6 | grep -o timeout | wc -l", "3001");
	free(c);
	take_away(k);
}

/* ------------------------------------------------------------------------ text */

/* What is printed for people is what nft reads and the kernel has: same sets, chains, counts */
static void the_text_is_nft_language(void **state)
{
	static const char rules[] = "static 7000-7001,7005 interface samr from 10.1.0.0/16\n";
	const struct rpcgate_policy_source source = { "test", rules, sizeof(rules) - 1 };
	char path[] = "/tmp/rpcgate-rules-XXXXXX", command[256];
	struct rpcgate_policy_error error;
	struct ruleset_plan plan = some_plan();
	int fd = mkstemp(path), status;
	FILE *out = fdopen(fd, "w");
	size_t n;

	(void)state;
	assert_non_null(out);
	plan.policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);
	ruleset_print(&plan, out);
	fclose(out);
	/* kernels without the queue statement take the text without that one line */
	snprintf(command, sizeof(command), "grep -v 'queue to 3' %s | nft -f - 2>&1", path);
	assert_string_equal(output_of(command, &status), "");
	assert_int_equal(status, 0);
	must_say("nft list set inet rpcgate static4", "7005");
	must_say("nft list chain inet rpcgate opening", "@pin6 goto admit");
	output_of("nft delete table inet rpcgate", &status);
	unlink(path);
	rpcgate_policy_free((struct rpcgate_policy *)(uintptr_t)plan.policy);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_says_what_the_plan_says),
		cmocka_unit_test(nobody_takes_it_away),
		cmocka_unit_test(another_instance_is_told_apart),
		cmocka_unit_test(a_successor_keeps_the_pinholes),
		cmocka_unit_test(another_version_is_replaced),
		cmocka_unit_test(a_foreign_table_is_replaced),
		cmocka_unit_test(a_change_keeps_the_pinholes),
		cmocka_unit_test(elements_come_and_go),
		cmocka_unit_test(a_refresh_moves_the_end),
		cmocka_unit_test(a_successor_moves_the_end),
		cmocka_unit_test(a_full_set_refuses_the_rest),
		cmocka_unit_test(thousands_at_once),
		cmocka_unit_test(the_text_is_nft_language),
	};

	if (unshare(CLONE_NEWNET) != 0) {
		perror("a network namespace of its own (be root)");
		return 1;
	}
	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
