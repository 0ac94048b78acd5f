/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_control.c - one line in, lines of JSON out, for those who may */
#include "control.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static bool say(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	(void)err;
	fprintf(out, "{\"said\":\"%s %s\"}\n", (const char *)ctx, argument ? argument : "");
	return true;
}

static bool refuse(void *ctx, FILE *out, const char *argument, char err[RPCGATE_ERROR_SIZE])
{
	(void)ctx;
	(void)out;
	(void)argument;
	snprintf(err, RPCGATE_ERROR_SIZE, "no \"%c\"", 1);
	return false;
}

static const struct control_command commands[] = {
	{ "plain", NULL, "", say },
	{ "with", "WORD", "", say },
	{ "never", NULL, "", refuse },
	{ NULL, NULL, NULL, NULL },
};

static struct control *serving(void)
{
	static char ctx[] = "hello";
	char err[RPCGATE_ERROR_SIZE] = "";
	struct control *c = control_open(path, commands, ctx, err);

	if (!c || !control_start(c))
		fail_msg("%s", err);
	return c;
}

static int ask(const char *line, char *answer, size_t size)
{
	char err[RPCGATE_ERROR_SIZE], *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int status = control_ask(path, line, out, err);

	fclose(out);
	snprintf(answer, size, "%s", text);
	free(text);
	return status;
}

static void must_answer(const char *line, int status, const char *want)
{
	char answer[512];

	assert_int_equal(ask(line, answer, sizeof(answer)), status);
	assert_string_equal(answer, want);
}

static void commands_are_answered(void **state)
{
	struct control *c = serving();

	(void)state;
	must_answer("plain", 0, "{\"said\":\"hello \"}\n{\"ok\":true}\n");
	must_answer("with it", 0, "{\"said\":\"hello it\"}\n{\"ok\":true}\n");
	must_answer("never", 1, "{\"ok\":false,\"error\":\"no \\\"\\u0001\\\"\"}\n");
	must_answer("nothing", 1, "{\"ok\":false,\"error\":\"no such command\"}\n");
	must_answer("", 1, "{\"ok\":false,\"error\":\"no such command\"}\n");
	must_answer("plain x", 1, "{\"ok\":false,\"error\":\"plain takes nothing\"}\n");
	must_answer("with", 1, "{\"ok\":false,\"error\":\"with takes WORD\"}\n");
	must_answer("with a b", 1, "{\"ok\":false,\"error\":\"with takes WORD\"}\n");
	control_free(c);
	assert_int_equal(access(path, F_OK), -1);
}

static void only_one_may_serve(void **state)
{
	struct control *c = serving();
	char err[RPCGATE_ERROR_SIZE] = "";

	(void)state;
	assert_null(control_open(path, commands, NULL, err));
	assert_non_null(strstr(err, "another rpcgate"));
	must_answer("plain", 0, "{\"said\":\"hello \"}\n{\"ok\":true}\n");
	control_free(c);
}

/* A process that died left its socket */
static void a_dead_socket_is_replaced(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat info;
	struct control *c;

	(void)state;
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	c = serving();
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0660);
	must_answer("plain", 0, "{\"said\":\"hello \"}\n{\"ok\":true}\n");
	control_free(c);
}

/* What is no socket is somebody else's */
static void another_file_stays(void **state)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	FILE *file = fopen(path, "w");
	struct stat info;

	(void)state;
	assert_non_null(file);
	fputs("precious", file);
	fclose(file);
	assert_null(control_open(path, commands, NULL, err));
	assert_non_null(strstr(err, "Address already in use"));
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_size, 8);
	unlink(path);
}

/* Whoever says nothing, too much, or hangs up is let go; the next one is served */
static void bad_manners_hold_up_nobody(void **state)
{
	struct control *c = serving();
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char much[2048];

	(void)state;
	strcpy(address.sun_path, path);
	memset(much, 'x', sizeof(much));
	for (int i = 0; i < 3; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
		if (i == 1)
			send(fd, much, sizeof(much), MSG_NOSIGNAL);
		if (i == 2)
			send(fd, "plain\n", 6, MSG_NOSIGNAL);
		close(fd);
	}
	must_answer("plain", 0, "{\"said\":\"hello \"}\n{\"ok\":true}\n");
	control_free(c);
}

static void a_missing_directory_is_made(void **state)
{
	char directory[64], err[RPCGATE_ERROR_SIZE] = "", deep[128], in_it[96];
	struct control *c;
	struct stat info;

	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/rpcgate-run-%d", (int)getpid());
	snprintf(in_it, sizeof(in_it), "%s/control", directory);
	c = control_open(in_it, commands, NULL, err);
	assert_non_null(c);
	assert_int_equal(stat(directory, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0750);
	control_free(c);
	assert_int_equal(rmdir(directory), 0);
	snprintf(deep, sizeof(deep), "%s/more/control", directory);
	assert_null(control_open(deep, commands, NULL, err));
	assert_non_null(strstr(err, "No such file"));
}

/* Others are not answered, even where the file would let them in */
static void strangers_are_not_answered(void **state)
{
	struct control *c = serving();
	int status;
	pid_t child;

	(void)state;
	chmod(path, 0666);
	child = fork();
	if (child == 0) {
		char answer[512];

		if (setuid(65534) != 0)
			_exit(2);
		_exit(ask("plain", answer, sizeof(answer)) != 0 && !answer[0] ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	control_free(c);
}

static void nobody_there_is_said(void **state)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	char name[256];
	char where[300];

	(void)state;
	assert_int_equal(control_ask(path, "plain", stdout, err), -1);
	assert_non_null(strstr(err, "No such file"));
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(where, sizeof(where), "/tmp/%s", name);
	assert_int_equal(control_ask(where, "plain", stdout, err), -1);
	assert_non_null(strstr(err, "longer than"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_answered),
		cmocka_unit_test(only_one_may_serve),
		cmocka_unit_test(a_dead_socket_is_replaced),
		cmocka_unit_test(another_file_stays),
		cmocka_unit_test(bad_manners_hold_up_nobody),
		cmocka_unit_test(a_missing_directory_is_made),
		cmocka_unit_test(strangers_are_not_answered),
		cmocka_unit_test(nobody_there_is_said),
	};

	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "/tmp/rpcgate-control-%d", (int)getpid());
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
