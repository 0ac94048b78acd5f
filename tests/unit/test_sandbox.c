/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process cannot do any more; each act is tried by a child from inside */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metrics.h"
#include "rows.h"
#include "sandbox.h"
#include "sink.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A directory to write to, one to read, one that is nobody's business */
struct home {
	char top[64];
	char writable[96];
	char readable[96];
	char other[96];
	struct sandbox_path path[3];
	struct sandbox sandbox;
};

static void make_file(const char *dir, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0666), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static int make_home(void **state)
{
	struct home *h = calloc(1, sizeof(*h));
	char *dirs[3];

	assert_non_null(h);
	strcpy(h->top, "/tmp/test_sandbox.XXXXXX");
	assert_non_null(mkdtemp(h->top));
	assert_int_equal(chmod(h->top, 0755), 0);
	snprintf(h->writable, sizeof(h->writable), "%s/writable", h->top);
	snprintf(h->readable, sizeof(h->readable), "%s/readable", h->top);
	snprintf(h->other, sizeof(h->other), "%s/other", h->top);
	dirs[0] = h->writable;
	dirs[1] = h->readable;
	dirs[2] = h->other;
	for (size_t i = 0; i < COUNT(dirs); i++) {
		assert_int_equal(mkdir(dirs[i], 0777), 0);
		assert_int_equal(chmod(dirs[i], 0777), 0);
		make_file(dirs[i], "file");
	}
	h->path[0] = (struct sandbox_path){ h->writable, true };
	h->path[1] = (struct sandbox_path){ h->readable, false };
	h->path[2] = (struct sandbox_path){ "/proc", false };
	h->sandbox = (struct sandbox){
		.user = "nobody",
		.keep = SANDBOX_CAP(CAP_NET_ADMIN),
		.path = h->path,
		.n_paths = 3,
	};
	*state = h;
	return 0;
}

static int drop_home(void **state)
{
	struct home *h = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", h->top);
	assert_int_equal(system(command), 0);
	free(h);
	return 0;
}

/* The status that waitpid() has for a child that runs this */
static int in_a_child(struct home *h, void (*run)(struct home *))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		run(h);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void lives(void **state, void (*run)(struct home *))
{
	int status = in_a_child(*state, run);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status 0x%x", (unsigned int)status);
}

static void dies(void **state, void (*run)(struct home *))
{
	int status = in_a_child(*state, run);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		fail_msg("the child ended with status 0x%x", (unsigned int)status);
}

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "line %d: not so: %s (%s)\n", __LINE__, #what,             \
				strerror(errno));                                                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* The call fails, for this reason */
#define FAILS(call, why)                                                                           \
	do {                                                                                       \
		errno = 0;                                                                         \
		CHECK((call) < 0);                                                                 \
		CHECK(errno == (why));                                                             \
	} while (0)

static void drop(struct home *h)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct sandbox_report report;

	if (!sandbox_drop(&h->sandbox, &report, err)) {
		fprintf(stderr, "%s\n", err);
		_exit(1);
	}
}

static void lock(unsigned int calls)
{
	char err[RPCGATE_ERROR_SIZE] = "";

	if (!sandbox_lock(calls, err)) {
		fprintf(stderr, "%s\n", err);
		_exit(1);
	}
}

static int try_open(const char *dir, const char *name, int flags)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

/* ------------------------------------------------------------------------ files */

static void look_at_files(struct home *h)
{
	char from[128];
	char to[128];

	drop(h);
	FAILS(open("/etc/passwd", O_RDONLY), EACCES);
	FAILS(open("/etc", O_RDONLY | O_DIRECTORY), EACCES);
	FAILS(try_open(h->other, "file", O_RDONLY), EACCES);
	FAILS(try_open(h->other, "new", O_WRONLY | O_CREAT), EACCES);
	CHECK(try_open(h->readable, "file", O_RDONLY) >= 0);
	FAILS(try_open(h->readable, "file", O_WRONLY), EACCES);
	FAILS(try_open(h->readable, "file", O_RDONLY | O_TRUNC), EACCES);
	FAILS(try_open(h->readable, "new", O_WRONLY | O_CREAT), EACCES);
	CHECK(try_open(h->writable, "file", O_RDWR | O_TRUNC) >= 0);
	CHECK(try_open(h->writable, "new", O_WRONLY | O_CREAT) >= 0);
	snprintf(from, sizeof(from), "%s/new", h->writable);
	snprintf(to, sizeof(to), "%s/file", h->writable);
	CHECK(rename(from, to) == 0);
	snprintf(from, sizeof(from), "%s/file", h->other);
	FAILS(rename(to, from), EACCES);
	FAILS(unlink(from), EACCES);
	FAILS(truncate(from, 0), EACCES);
	CHECK(unlink(to) == 0);
	FAILS(mkdir(to, 0700), EACCES);
	FAILS(symlink("/etc/passwd", to), EACCES);
}

static void only_named_files_can_be_opened(void **state)
{
	lives(state, look_at_files);
}

static void execute(struct home *h)
{
	char name[] = "true";
	char *const argv[] = { name, NULL };
	char *const none[] = { NULL };

	drop(h);
	FAILS(execve("/bin/true", argv, none), EACCES);
	FAILS(execve("/proc/self/exe", argv, none), EACCES);
}

static void nothing_can_be_executed(void **state)
{
	lives(state, execute);
}

static void connect_somewhere(struct home *h)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(listener, 1) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&at, &n) == 0);
	drop(h);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	FAILS(connect(fd, (struct sockaddr *)&at, sizeof(at)), EACCES);
	at.sin_port = htons(20000);
	FAILS(bind(fd, (struct sockaddr *)&at, sizeof(at)), EACCES);
}

static void no_connection_can_be_made_or_awaited(void **state)
{
	lives(state, connect_somewhere);
}

static void signal_the_parent(struct home *h)
{
	h->sandbox.user = NULL; /* the same user may signal: only landlock is in the way */
	drop(h);
	FAILS(kill(getppid(), 0), EPERM);
	CHECK(kill(getpid(), 0) == 0);
}

static void other_processes_are_out_of_reach(void **state)
{
	lives(state, signal_the_parent);
}

/* ------------------------------------------------------------------------ rights */

/* The line of /proc/self/status that begins with this */
static const char *status_of(const char *name)
{
	static char line[256];
	FILE *file = fopen("/proc/self/status", "r");

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0) {
			fclose(file);
			line[strcspn(line, "\n")] = '\0';
			return line + strlen(name);
		}
	_exit(2);
}

static void check_status(uint64_t caps, unsigned int uid, unsigned int gid)
{
	char want[128];

	snprintf(want, sizeof(want), "\t%016llx", (unsigned long long)caps);
	CHECK(strcmp(status_of("CapPrm:"), want) == 0);
	CHECK(strcmp(status_of("CapEff:"), want) == 0);
	CHECK(strcmp(status_of("CapInh:"), "\t0000000000000000") == 0);
	CHECK(strcmp(status_of("CapBnd:"), "\t0000000000000000") == 0);
	CHECK(strcmp(status_of("CapAmb:"), "\t0000000000000000") == 0);
	CHECK(strcmp(status_of("NoNewPrivs:"), "\t1") == 0);
	snprintf(want, sizeof(want), "\t%u\t%u\t%u\t%u", uid, uid, uid, uid);
	CHECK(strcmp(status_of("Uid:"), want) == 0);
	snprintf(want, sizeof(want), "\t%u\t%u\t%u\t%u", gid, gid, gid, gid);
	CHECK(strcmp(status_of("Gid:"), want) == 0);
	CHECK(strspn(status_of("Groups:"), " \t") == strlen(status_of("Groups:")));
	CHECK(prctl(PR_GET_DUMPABLE) == 0);
}

static void keep_net_admin(struct home *h)
{
	const struct passwd *nobody = getpwnam("nobody");
	const gid_t groups[] = { 0, 4 };

	CHECK(setgroups(2, groups) == 0);
	drop(h);
	check_status(SANDBOX_CAP(CAP_NET_ADMIN), nobody->pw_uid, nobody->pw_gid);
}

static void keep_two(struct home *h)
{
	const struct passwd *nobody = getpwnam("nobody");

	h->sandbox.keep = SANDBOX_CAP(CAP_NET_ADMIN) | SANDBOX_CAP(CAP_NET_RAW);
	drop(h);
	check_status(h->sandbox.keep, nobody->pw_uid, nobody->pw_gid);
	/* less is possible later, more is not */
	h->sandbox.user = NULL;
	h->sandbox.n_paths = 0;
	h->sandbox.keep = SANDBOX_CAP(CAP_NET_RAW) | SANDBOX_CAP(CAP_SYS_ADMIN);
	h->sandbox.path = &h->path[2];
	h->sandbox.n_paths = 1;
	drop(h);
	check_status(SANDBOX_CAP(CAP_NET_RAW), nobody->pw_uid, nobody->pw_gid);
}

static void keep_none(struct home *h)
{
	const struct passwd *nobody = getpwnam("nobody");

	h->sandbox.keep = 0;
	drop(h);
	check_status(0, nobody->pw_uid, nobody->pw_gid);
}

static void stay_root_without_rights(struct home *h)
{
	h->sandbox.keep = 0;
	h->sandbox.user = NULL;
	CHECK(setgroups(0, NULL) == 0);
	drop(h);
	check_status(0, 0, 0);
	FAILS(chroot(h->writable), EPERM);
}

static void capabilities_are_those_that_were_kept(void **state)
{
	lives(state, keep_net_admin);
	lives(state, keep_two);
	lives(state, keep_none);
	lives(state, stay_root_without_rights);
}

static void become_root_again(struct home *h)
{
	drop(h);
	FAILS(setuid(0), EPERM);
	FAILS(setresuid(0, 0, 0), EPERM);
	FAILS(setgid(0), EPERM);
	FAILS(chown(h->writable, 0, 0), EPERM);
	FAILS(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL), EPERM);
}

static void nobody_becomes_root_again(void **state)
{
	lives(state, become_root_again);
}

/* Whether the loop-back device of a namespace of our own can be switched on */
static bool can_administer(struct home *h)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd;

	CHECK(unshare(CLONE_NEWNET) == 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	drop(h);
	CHECK(ioctl(fd, SIOCGIFFLAGS, &request) == 0);
	request.ifr_flags |= IFF_UP;
	errno = 0;
	return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

static void administer(struct home *h)
{
	CHECK(can_administer(h));
}

static void administer_without(struct home *h)
{
	h->sandbox.keep = SANDBOX_CAP(CAP_NET_RAW);
	CHECK(!can_administer(h) && errno == EPERM);
}

static void what_was_kept_works(void **state)
{
	lives(state, administer);
	lives(state, administer_without);
}

/* ---------------------------------------------------------------------- mistakes */

static void *sleep_long(void *ctx)
{
	(void)ctx;
	for (;;)
		pause();
	return NULL;
}

static void drop_beside_a_thread(struct home *h)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct sandbox_report report;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, sleep_long, NULL) == 0);
	CHECK(!sandbox_drop(&h->sandbox, &report, err));
	CHECK(strcmp(err, "sandbox: there are other threads already") == 0);
}

static void drop_for_a_stranger(struct home *h)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct sandbox_report report;

	h->sandbox.user = "no-such-user";
	CHECK(!sandbox_drop(&h->sandbox, &report, err));
	CHECK(strcmp(err, "sandbox: user no-such-user: there is none of this name") == 0);
}

static void drop_with_a_wrong_path(struct home *h)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct sandbox_report report;

	h->path[1].path = "/nowhere/at/all";
	CHECK(!sandbox_drop(&h->sandbox, &report, err));
	CHECK(strcmp(err, "sandbox: /nowhere/at/all: No such file or directory") == 0);
}

static void drop_without_rights(struct home *h)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct sandbox_report report;

	drop(h);
	h->sandbox.n_paths = 0;
	CHECK(!sandbox_drop(&h->sandbox, &report, err));
	CHECK(strncmp(err, "sandbox: ", 9) == 0);
}

static void mistakes_are_said(void **state)
{
	lives(state, drop_beside_a_thread);
	lives(state, drop_for_a_stranger);
	lives(state, drop_with_a_wrong_path);
	lives(state, drop_without_rights);
}

static void report(struct home *h)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct sandbox_report r;

	CHECK(sandbox_drop(&h->sandbox, &r, err));
	/* what a kernel lacks is in the report, and nothing else is */
	CHECK((r.landlock_abi >= 6) == !*r.missing);
}

static void what_is_missing_is_reported(void **state)
{
	lives(state, report);
}

/* ------------------------------------------------------------------ system calls */

static void call_socket(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
}
static void call_socket_packet(void)
{
	(void)socket(AF_PACKET, SOCK_RAW, 0);
}
static void call_execve(void)
{
	char name[] = "true";
	char *const argv[] = { name, NULL };

	execve("/bin/true", argv, argv + 1);
}
static void call_fork(void)
{
	if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
		_exit(0);
}
static void call_ptrace(void)
{
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static void call_kill(void)
{
	(void)kill(1, 0);
}
static void call_tgkill(void)
{
	(void)syscall(SYS_tgkill, 1, 1, 0);
}
static void call_setuid(void)
{
	(void)syscall(SYS_setuid, 0);
}
static void call_bpf(void)
{
	(void)syscall(SYS_bpf, 0, NULL, 0);
}
static void call_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0);
}
static void call_more_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}
static void call_ioctl(void)
{
	struct ifreq request = { .ifr_name = "lo" };

	(void)ioctl(0, SIOCGIFFLAGS, &request);
}
static void call_prctl(void)
{
	(void)prctl(PR_SET_DUMPABLE, 1L);
}
static void call_unknown(void)
{
	(void)syscall(100000);
}

static const struct call_row {
	const char *name;
	void (*call)(void);
} forbidden[] = {
	{ "a socket", call_socket },
	{ "a packet socket", call_socket_packet },
	{ "another program", call_execve },
	{ "another process", call_fork },
	{ "debugging", call_ptrace },
	{ "a signal to others", call_kill },
	{ "a signal to a thread of others", call_tgkill },
	{ "another user", call_setuid },
	{ "programs for the kernel", call_bpf },
	{ "memory that is code", call_code },
	{ "memory that becomes code", call_more_code },
	{ "asking a device", call_ioctl },
	{ "being debugged again", call_prctl },
	{ "a call that there is not", call_unknown },
};

static void (*the_call)(void);

static void call_strictly(struct home *h)
{
	drop(h);
	lock(SANDBOX_STRICT);
	the_call();
}

static void call_kindly(struct home *h)
{
	drop(h);
	lock(0);
	errno = 0;
	the_call();
	CHECK(errno == EPERM);
}

static void a_forbidden_call_ends_the_process_or_fails(void **state)
{
	const struct call_row *row = *state;
	void *home;

	make_home(&home);
	the_call = row->call;
	dies(&home, call_strictly);
	lives(&home, call_kindly);
	drop_home(&home);
}

/* A thread that there was before the lock is locked, too. */
static void *call_later(void *ctx)
{
	int fd = *(int *)ctx;
	char octet;

	if (read(fd, &octet, 1) == 1)
		call_socket();
	return NULL;
}

static void lock_beside_a_thread(struct home *h)
{
	pthread_t thread;
	int fd[2];

	CHECK(pipe(fd) == 0);
	drop(h);
	CHECK(pthread_create(&thread, NULL, call_later, fd) == 0);
	lock(SANDBOX_STRICT);
	CHECK(write(fd[1], "x", 1) == 1);
	pthread_join(thread, NULL);
}

static void threads_are_locked_with_us(void **state)
{
	dies(state, lock_beside_a_thread);
}

static void *do_nothing(void *ctx)
{
	return ctx;
}

static void start_a_thread(struct home *h)
{
	pthread_t thread;

	drop(h);
	lock(SANDBOX_STRICT | SANDBOX_THREADS);
	CHECK(pthread_create(&thread, NULL, do_nothing, NULL) == 0);
	pthread_join(thread, NULL);
}

static void start_a_thread_without(struct home *h)
{
	pthread_t thread;

	drop(h);
	lock(SANDBOX_STRICT);
	(void)pthread_create(&thread, NULL, do_nothing, NULL);
}

static void threads_are_started_where_that_was_asked_for(void **state)
{
	lives(state, start_a_thread);
	dies(state, start_a_thread_without);
}

static void look_at_a_device(struct home *h)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	drop(h);
	lock(SANDBOX_STRICT | SANDBOX_CAPTURE);
	CHECK(ioctl(fd, SIOCGIFFLAGS, &request) == 0);
	call_socket();
}

static void ask_a_device(struct home *h)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd;

	h->sandbox.keep |= SANDBOX_CAP(CAP_NET_RAW);
	drop(h);
	lock(SANDBOX_STRICT | SANDBOX_DEVICES);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	CHECK(ioctl(fd, SIOCGIFFLAGS, &request) == 0);
	call_ptrace();
}

static void devices_are_asked_where_that_was_asked_for(void **state)
{
	dies(state, ask_a_device);
	dies(state, look_at_a_device);
}

/* ------------------------------------------------------------ what still has to work */

/* A daemon at work: lines, rotation, memory, metrics over HTTP, its own end */
static void work(struct home *h)
{
	static const char request[] =
		"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	const struct rpcgate_stats stats = { .packets = 7 };
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct metrics *metrics = metrics_new();
	char err[RPCGATE_ERROR_SIZE] = "";
	char path[128];
	char old[160];
	char answer[4096] = "";
	struct sink *sink;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "%s/events", h->writable);
	snprintf(old, sizeof(old), "%s.1", path);
	sink = sink_open(path, err);
	CHECK(sink && metrics_listen(metrics, "127.0.0.1:0", err));
	at.sin_port = htons(metrics_port(metrics));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(chown(path, 65534, 65534) == 0);
	drop(h);
	CHECK(metrics_serve(metrics, err));
	lock(SANDBOX_STRICT);
	CHECK(sink_write(sink, "{}\n", 3) && rename(path, old) == 0 && sink_reopen(sink, err));
	CHECK(sink_write(sink, "{}\n", 3) && sink_flush(sink));
	CHECK(metrics_update(metrics, &stats, NULL, 0));
	snprintf(path, sizeof(path), "%s/metrics", h->writable);
	CHECK(metrics_file(metrics, path, err));
	CHECK(send(fd, request, sizeof(request) - 1, 0) == sizeof(request) - 1);
	CHECK(recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) > 0);
	CHECK(strstr(answer, "HTTP/1.1 200 OK") && strstr(answer, "rpcgate_packets_total 7\n"));
	free(calloc(1, 64 << 20));
	sink_close(sink);
	metrics_free(metrics);
}

static void the_daemon_can_still_work(void **state)
{
	lives(state, work);
}

static void end_by_abort(struct home *h)
{
	drop(h);
	lock(SANDBOX_STRICT);
	abort();
}

static void an_abort_is_an_abort(void **state)
{
	int status = in_a_child(*state, end_by_abort);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

#define IN_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, drop_home)

int main(void)
{
	struct CMUnitTest tests[48] = {
		IN_HOME(only_named_files_can_be_opened),
		IN_HOME(nothing_can_be_executed),
		IN_HOME(no_connection_can_be_made_or_awaited),
		IN_HOME(other_processes_are_out_of_reach),
		IN_HOME(capabilities_are_those_that_were_kept),
		IN_HOME(nobody_becomes_root_again),
		IN_HOME(what_was_kept_works),
		IN_HOME(mistakes_are_said),
		IN_HOME(what_is_missing_is_reported),
		IN_HOME(threads_are_locked_with_us),
		IN_HOME(threads_are_started_where_that_was_asked_for),
		IN_HOME(devices_are_asked_where_that_was_asked_for),
		IN_HOME(the_daemon_can_still_work),
		IN_HOME(an_abort_is_an_abort),
	};
	size_t n = 14;

	ROWS(tests, n, forbidden, a_forbidden_call_ends_the_process_or_fails);
	return _cmocka_run_group_tests("sandbox", tests, n, NULL, NULL);
}
