/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the service manager is told */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"
#include "rows.h"

struct manager {
	int fd;
	char name[64];
	char got[1024];
};

/* "@" and an abstract name, or a path */
static void listen_at(struct manager *m, const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t n = strlen(name);

	strcpy(m->name, name);
	memcpy(at.sun_path, name, n);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(m->fd >= 0);
	assert_int_equal(bind(m->fd, (struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static const char *heard(struct manager *m)
{
	ssize_t n = recv(m->fd, m->got, sizeof(m->got) - 1, 0);

	if (n < 0)
		return "";
	m->got[n] = '\0';
	return m->got;
}

static int forget(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static void all_is_said(struct manager *m)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct timespec now;
	uint64_t usec;
	struct notify n;
	char want[64];

	assert_true(notify_open(&n, err));
	notify_ready(&n, "2 queues\nup");
	snprintf(want, sizeof(want), "READY=1\nSTATUS=2 queues up\nMAINPID=%ld", (long)getpid());
	assert_string_equal(heard(m), want);
	notify_status(&n, "a\r\nb");
	assert_string_equal(heard(m), "STATUS=a  b");
	notify_watchdog(&n);
	assert_string_equal(heard(m), "WATCHDOG=1");
	notify_stopping(&n);
	assert_string_equal(heard(m), "STOPPING=1");

	notify_reloading(&n);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_int_equal(sscanf(heard(m), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &usec), 1);
	assert_true((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 - usec < 5000000);
	notify_close(&n);
	close(m->fd);
}

static void a_path_hears_everything(void **state)
{
	struct manager m;
	char dir[] = "/tmp/test_notify.XXXXXX";
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	listen_at(&m, path);
	all_is_said(&m);
	unlink(path);
	rmdir(dir);
}

static void an_abstract_name_hears_everything(void **state)
{
	struct manager m;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@test_notify.%ld", (long)getpid());
	listen_at(&m, name);
	all_is_said(&m);
}

static void without_a_manager_nothing_is_said(void **state)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct notify n;

	(void)state;
	setenv("WATCHDOG_USEC", "1000000", 1);
	assert_true(notify_open(&n, err));
	assert_int_equal(n.fd, -1);
	assert_int_equal(n.watchdog_ns, 0);
	notify_ready(&n, "");
	notify_watchdog(&n);
	notify_close(&n);
}

static void a_full_socket_does_not_stop_us(void **state)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct manager m;
	struct notify n;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@test_notify.full.%ld", (long)getpid());
	listen_at(&m, name);
	assert_true(notify_open(&n, err));
	alarm(20);
	for (int i = 0; i < 5000; i++)
		notify_watchdog(&n);
	alarm(0);
	notify_close(&n);
	close(m.fd);
}

/* ------------------------------------------------------------------ environment */

static const struct name_row {
	const char *name;
	const char *socket;
	const char *err;
} names[] = {
	{ "nobody at that path", "/nowhere/at/all",
	  "NOTIFY_SOCKET /nowhere/at/all: No such file or directory" },
	{ "a family that is not spoken", "vsock:2:1234",
	  "NOTIFY_SOCKET vsock:2:1234: Address family not supported by protocol" },
	{ "a path that is no path", "@",
	  "NOTIFY_SOCKET @: Address family not supported by protocol" },
	{ "a relative path", "socket",
	  "NOTIFY_SOCKET socket: Address family not supported by protocol" },
	{ "a path too long",
	  "/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
	  "567890123456789012345678901234567890123456789",
	  "NOTIFY_SOCKET /01234567890123456789012345678901234567890123456789012345678901234567890123"
	  "4567890123456789012345678: File name too long" },
};

static void check_name(void **state)
{
	const struct name_row *row = *state;
	char err[RPCGATE_ERROR_SIZE] = "";
	struct notify n;

	setenv("NOTIFY_SOCKET", row->socket, 1);
	assert_false(notify_open(&n, err));
	assert_string_equal(err, row->err);
	assert_int_equal(n.fd, -1);
	notify_ready(&n, "still here");
	forget(NULL);
}

static const struct watchdog_row {
	const char *name;
	const char *usec;
	const char *pid; /* "": ours */
	uint64_t want_ns;
} watchdogs[] = {
	{ "half of the interval", "3000000", NULL, 1500000000 },
	{ "for this process", "3000000", "", 1500000000 },
	{ "for another process", "3000000", "1", 0 },
	{ "not a process", "3000000", "1x", 0 },
	{ "not wanted", NULL, NULL, 0 },
	{ "not a number", "3s", NULL, 0 },
	{ "negative", "-3000000", NULL, 0 },
	{ "beyond all times", "18446744073709551615", NULL, 0 },
	{ "beyond all numbers", "18446744073709551616", NULL, 0 },
};

static void check_watchdog(void **state)
{
	const struct watchdog_row *row = *state;
	char err[RPCGATE_ERROR_SIZE] = "";
	struct manager m;
	struct notify n;
	char name[64];

	snprintf(name, sizeof(name), "@test_notify.dog.%ld", (long)getpid());
	listen_at(&m, name);
	if (row->usec)
		setenv("WATCHDOG_USEC", row->usec, 1);
	if (row->pid && *row->pid)
		setenv("WATCHDOG_PID", row->pid, 1);
	snprintf(name, sizeof(name), "%ld", (long)getpid());
	if (row->pid && !*row->pid)
		setenv("WATCHDOG_PID", name, 1);
	assert_true(notify_open(&n, err));
	assert_int_equal(n.watchdog_ns, row->want_ns);
	notify_close(&n);
	close(m.fd);
	forget(NULL);
}

int main(void)
{
	struct CMUnitTest tests[32] = {
		cmocka_unit_test_teardown(a_path_hears_everything, forget),
		cmocka_unit_test_teardown(an_abstract_name_hears_everything, forget),
		cmocka_unit_test_teardown(without_a_manager_nothing_is_said, forget),
		cmocka_unit_test_teardown(a_full_socket_does_not_stop_us, forget),
	};
	size_t n = 4;

	forget(NULL);
	ROWS(tests, n, names, check_name);
	ROWS(tests, n, watchdogs, check_watchdog);
	return _cmocka_run_group_tests("notify", tests, n, NULL, NULL);
}
