/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_conf.c - rpcgate.conf: lines of ours beside lines of the policy */
#include "conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Read a text as a file; what is told to standard error is kept */
struct reading {
	struct conf conf;
	struct rpcgate_policy *policy;
	char told[4096];
	bool good;
};

static void read_text(struct reading *r, const char *text)
{
	char path[] = "/tmp/rpcgate-conf-XXXXXX", errors[] = "/tmp/rpcgate-told-XXXXXX";
	int fd = mkstemp(path), err = mkstemp(errors), saved = dup(2);
	ssize_t n;

	assert_true(fd >= 0 && err >= 0 && saved >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	fflush(stderr);
	dup2(err, 2);
	r->good = conf_read("test", path, CONF_FOR_START, &r->conf, &r->policy);
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	n = pread(err, r->told, sizeof(r->told) - 1, 0);
	r->told[n > 0 ? n : 0] = '\0';
	close(err);
	unlink(path);
	unlink(errors);
}

static void let_go(struct reading *r)
{
	if (!r->good)
		return;
	conf_free(&r->conf);
	rpcgate_policy_free(r->policy);
}

static void every_line_is_read(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, "# a gateway\n"
		      "mode bridge eth0 eth1\n"
		      "ACTION observe   # for now\n"
		      "inspect first-bind\n"
		      "refuse drop\n"
		      "split yes\n"
		      "queue 4-7\n"
		      "queue-length 100\n"
		      "spin 7\n"
		      "log-group 9\n"
		      "log-rate 5\n"
		      "event-rate 0\n"
		      "stats-interval 0\n"
		      "mark-bit 8\n"
		      "events \"/var/log/with space\"\n"
		      "events journal\n"
		      "state /s\n"
		      "control /c\n"
		      "metrics 127.0.0.1:9135\n"
		      "metrics-file /m\n"
		      "user nobody\n"
		      "allow interface samr\n"
		      "set pinhole.ttl=5s\n");
	assert_true(r.good);
	assert_string_equal(r.told, "");
	assert_int_equal(r.conf.mode, CONF_BRIDGE);
	assert_string_equal(r.conf.port[0], "eth0");
	assert_string_equal(r.conf.port[1], "eth1");
	assert_int_equal(r.conf.action, CONF_OBSERVE);
	assert_int_equal(r.conf.inspect, CONF_FIRST_BIND);
	assert_int_equal(r.conf.refuse, CONF_DROP);
	assert_int_equal(r.conf.split, CONF_TWO_PROCESSES);
	assert_int_equal(r.conf.queue_first, 4);
	assert_int_equal(r.conf.queue_last, 7);
	assert_int_equal(r.conf.queue_length, 100);
	assert_int_equal(r.conf.spin_us, 7);
	assert_int_equal(r.conf.log_group, 9);
	assert_int_equal(r.conf.log_rate, 5);
	assert_int_equal(r.conf.event_rate, 0);
	assert_int_equal(r.conf.stats_interval_s, 0);
	assert_int_equal(r.conf.mark_bit, 8);
	assert_string_equal(r.conf.events[0], "/var/log/with space");
	assert_string_equal(r.conf.events[1], "journal");
	assert_null(r.conf.events[2]);
	assert_string_equal(r.conf.state, "/s");
	assert_string_equal(r.conf.control, "/c");
	assert_string_equal(r.conf.metrics, "127.0.0.1:9135");
	assert_string_equal(r.conf.metrics_file, "/m");
	assert_string_equal(r.conf.user, "nobody");
	let_go(&r);
}

static void an_empty_file_is_the_defaults(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, "");
	assert_true(r.good);
	assert_int_equal(r.conf.mode, CONF_ROUTE);
	assert_int_equal(r.conf.action, CONF_ENFORCE);
	assert_int_equal(r.conf.inspect, CONF_EVERY_BIND);
	assert_int_equal(r.conf.refuse, CONF_RESET);
	assert_int_equal(r.conf.split, CONF_ONE_PROCESS);
	assert_int_equal(r.conf.mark_bit, 24);
	assert_int_equal(r.conf.stats_interval_s, 60);
	assert_null(r.conf.events[0]);
	assert_string_equal(r.conf.control, "/run/rpcgate/control");
	let_go(&r);
}

static void no_control_socket_is_a_choice(void **state)
{
	struct reading r;

	(void)state;
	read_text(&r, "control -\n");
	assert_true(r.good);
	assert_null(r.conf.control);
	let_go(&r);
}

/* Lines of both kinds keep their place */
static void policy_lines_keep_their_place(void **state)
{
	struct rpcgate_statement statement;
	struct reading r;

	(void)state;
	read_text(&r, "mode route\n\nqueue 1\n  deny interface drsuapi\n");
	assert_true(r.good);
	assert_true(rpcgate_policy_statement(r.policy, 0, &statement));
	assert_int_equal(statement.line, 4);
	let_go(&r);
}

static const struct {
	const char *text;
	const char *told; /* what is told, from the line number on */
} wrong[] = {
	{ "mode\n", ":1:1: mode: nothing read, route | bridge IF IF expected" },
	{ "mode tunnel\n", ":1:6: mode: \"tunnel\" read" },
	{ "mode bridge eth0\n", ":1:6: mode bridge: two interfaces expected" },
	{ "mode bridge a a\n", ":1:15: mode bridge: \"a\" twice" },
	{ "mode bridge a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", ":1:15: mode: \"aaaa" },
	{ "action shrug\n", ":1:8: action: \"shrug\" read, enforce|observe expected" },
	{ "action enforc\n", ":1:8: action: \"enforc\" read" },
	{ "queue 65536\n", ":1:7: queue: \"65536\" read" },
	{ "queue 7-3\n", ":1:7: queue: \"7-3\" read" },
	{ "queue 0-16\n", ":1:7: queue: \"0-16\" read" },
	{ "queue x\n", ":1:7: queue: \"x\" read" },
	{ "queue 1 2\n", ":1:9: queue: \"2\" read, the end of the line expected" },
	{ "queue-length 15\n", ":1:14: queue-length: \"15\" read" },
	{ "mark-bit 29\n", ":1:10: mark-bit: \"29\" read" },
	{ "spin 1001\n", ":1:6: spin: \"1001\" read" },
	{ "stats-interval 86401\n", ":1:16: stats-interval: \"86401\" read" },
	{ "log-rate -1\n", ":1:10: log-rate: \"-1\" read" },
	{ "events a\nevents b\nevents c\nevents d\nevents e\n", ":5:1: events: at most 4" },
	{ "user aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", ":1:6: user: \"aaaa" },
	{ "user no-such-user\n", ":1:6: user: there is no user \"no-such-user\"" },
	{ "metrics 192.0.2.1:80\n", ":1:9: metrics: \"192.0.2.1:80\" read, only loopback" },
	{ "metrics 127.0.0.1\n", ":1:9: metrics: \"127.0.0.1\" read, expected ADDRESS:PORT" },
	{ "metrics [::1]:70000\n", ":1:9: metrics: \"[::1]:70000\" read, expected ADDRESS:PORT" },
	{ "metrics 127.0.0.1:0\n", ":1:9: metrics: \"127.0.0.1:0\" read, expected a port above 0" },
	{ "events /tmp/rpcgate-x\nstate /tmp/../tmp/rpcgate-x\n",
	  ":2:7: state: \"/tmp/../tmp/rpcgate-x\" is also where events goes" },
	{ "state /run/rpcgate/control\n",
	  ":1:7: control: \"/run/rpcgate/control\" is also where state" },
	{ "events /tmp/x\nevents /tmp/x\n", ":2:8: events: \"/tmp/x\" is also where events goes" },
	{ "mode route\nallow interface nosuch\n", ":2:17: " },
	{ "actoin observe\n", ":1:1: read \"actoin\", expected a setting or a rule; the nearest is "
			      "\"action\"" },
};

static void mistakes_say_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct reading r;

		read_text(&r, wrong[i].text);
		assert_false(r.good);
		assert_null(r.policy);
		if (!strstr(r.told, wrong[i].told))
			fail_msg("%s told: %s", wrong[i].text, r.told);
	}
}

/* What a gateway elsewhere writes to, and as whom, is nothing to who only wants its rules */
static void rules_are_read_anywhere(void **state)
{
	static const char text[] = "user no-such-user\nevents /tmp/x\nstate /tmp/x\n";
	char path[] = "/tmp/rpcgate-conf-XXXXXX";
	struct rpcgate_policy *policy;
	struct conf conf;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_true(conf_read("test", path, CONF_FOR_RULES, &conf, &policy));
	assert_int_equal(conf.written[0].line, 0);
	assert_int_equal(conf.events_at[0].line, 2);
	assert_int_equal(conf.events_at[0].column, 8);
	conf_free(&conf);
	rpcgate_policy_free(policy);
	unlink(path);
}

static void a_missing_file_is_said(void **state)
{
	struct rpcgate_policy *policy;
	struct conf conf;

	(void)state;
	assert_false(
		conf_read("test", "/nonexistent/rpcgate.conf", CONF_FOR_START, &conf, &policy));
	assert_null(policy);
}

/* Whatever stands in the file, reading ends and leaves nothing behind */
static void garbage_is_refused(void **state)
{
	static const char *const garbage[] = { "\"", "events \"", "mode \"bridge\" \"",
					       "\xff\xfe\x01\n", "queue 99999999999999999999\n" };
	(void)state;
	for (size_t i = 0; i < COUNT(garbage); i++) {
		struct reading r;

		read_text(&r, garbage[i]);
		let_go(&r);
	}
}

static void keys_are_documented(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct conf_key *key; (key = conf_key(n)); n++)
		assert_true(key->name[0] && key->values[0] && key->preset[0] &&
			    key->help[strlen(key->help) - 1] == '.');
	assert_int_equal(n, 19);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_read),
		cmocka_unit_test(an_empty_file_is_the_defaults),
		cmocka_unit_test(no_control_socket_is_a_choice),
		cmocka_unit_test(policy_lines_keep_their_place),
		cmocka_unit_test(mistakes_say_where),
		cmocka_unit_test(rules_are_read_anywhere),
		cmocka_unit_test(a_missing_file_is_said),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(keys_are_documented),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
