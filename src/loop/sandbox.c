/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"
#include "text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CAPABILITIES 64 /* a set is 64 bits; the kernel knows 41 of them */

__attribute__((format(printf, 2, 3))) static bool fail(char err[RPCGATE_ERROR_SIZE],
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, RPCGATE_ERROR_SIZE, format, args);
	va_end(args);
	return false;
}

__attribute__((format(printf, 2, 3))) static void missing(struct sandbox_report *report,
							  const char *format, ...)
{
	size_t n = strlen(report->missing);
	va_list args;

	if (n && n + 3 < sizeof(report->missing))
		n += (size_t)snprintf(report->missing + n, sizeof(report->missing) - n, "; ");
	va_start(args, format);
	vsnprintf(report->missing + n, sizeof(report->missing) - n, format, args);
	va_end(args);
}

/* ------------------------------------------------------------------- landlock */

/* What the headers of Debian 12 do not have yet; numbers as in linux/landlock.h of Linux 6.12. */
#define ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15)
#define ACCESS_NET_BIND_TCP (UINT64_C(1) << 0)
#define ACCESS_NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

#define FS_ABI_1                                                                                   \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                              \
	 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                              \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                          \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                              \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                              \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                            \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)

/* Everything each version can hold back, and what an operator should know of an older one */
static const struct abi {
	int version;
	struct ruleset holds;
	const char *lack;
} abis[] = {
	{ 1, { FS_ABI_1, 0, 0 }, NULL },
	{ 2, { LANDLOCK_ACCESS_FS_REFER, 0, 0 }, NULL },
	{ 3, { ACCESS_FS_TRUNCATE, 0, 0 }, "files can be cut" },
	{ 4, { 0, ACCESS_NET_BIND_TCP | ACCESS_NET_CONNECT_TCP, 0 }, "TCP is not held back" },
	{ 5, { ACCESS_FS_IOCTL_DEV, 0, 0 }, "devices can be asked" },
	{ 6, { 0, 0, SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL }, "signals are not held back" },
};

static int landlock_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? 0 : (int)version;
}

static struct ruleset held_by(int version, struct sandbox_report *report)
{
	struct ruleset held = { 0 };

	for (size_t i = 0; i < COUNT(abis); i++) {
		if (abis[i].version > version) {
			if (abis[i].lack)
				missing(report, "landlock %d: %s", version, abis[i].lack);
			continue;
		}
		held.fs |= abis[i].holds.fs;
		held.net |= abis[i].holds.net;
		held.scoped |= abis[i].holds.scoped;
	}
	return held;
}

/* Older kernels know a shorter structure, and take no other. */
static size_t ruleset_size(int version)
{
	if (version >= 6)
		return sizeof(struct ruleset);
	return version >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

static uint64_t access_of(const struct sandbox_path *path, bool directory)
{
	uint64_t access = LANDLOCK_ACCESS_FS_READ_FILE;

	if (directory)
		access |= LANDLOCK_ACCESS_FS_READ_DIR;
	if (path->write)
		access |= LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE;
	if (path->write && directory)
		access |= LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
	return access;
}

static bool allow_path(int ruleset, const struct sandbox_path *path, uint64_t held,
		       char err[RPCGATE_ERROR_SIZE])
{
	struct landlock_path_beneath_attr rule = {
		.parent_fd = open(path->path, O_PATH | O_CLOEXEC),
	};
	char shown[128];
	struct stat status;
	bool good = rule.parent_fd >= 0 && fstat(rule.parent_fd, &status) == 0;

	if (good) {
		rule.allowed_access = access_of(path, S_ISDIR(status.st_mode)) & held;
		good = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
			       0) == 0;
	}
	if (!good)
		fail(err, "sandbox: %s: %s", text_show(path->path, shown, sizeof(shown)),
		     strerror(errno));
	if (rule.parent_fd >= 0)
		close(rule.parent_fd);
	return good;
}

/* Paths are looked up while we may still look; -1 without landlock. */
static bool make_ruleset(const struct sandbox *sandbox, struct sandbox_report *report, int *ruleset,
			 char err[RPCGATE_ERROR_SIZE])
{
	struct ruleset held;

	*ruleset = -1;
	report->landlock_abi = landlock_version();
	if (!report->landlock_abi) {
		missing(report, "the kernel has no landlock: files are not held back");
		return true;
	}
	held = held_by(report->landlock_abi, report);
	*ruleset = (int)syscall(SYS_landlock_create_ruleset, &held,
				ruleset_size(report->landlock_abi), 0);
	if (*ruleset < 0)
		return fail(err, "sandbox: landlock: %s", strerror(errno));
	for (size_t i = 0; i < sandbox->n_paths; i++)
		if (!allow_path(*ruleset, &sandbox->path[i], held.fs, err)) {
			close(*ruleset);
			return false;
		}
	return true;
}

/* ---------------------------------------------------------------- who we are */

/* What we have of what is to be kept; false if even that cannot be known */
static bool keep_only(uint64_t keep)
{
	cap_t have = cap_get_proc();
	cap_t want = cap_init();
	bool good = have && want;

	for (cap_value_t cap = 0; good && cap < CAPABILITIES; cap++) {
		cap_flag_value_t held = CAP_CLEAR;

		/* beyond the last one that the kernel knows */
		if (cap_get_flag(have, cap, CAP_PERMITTED, &held) < 0)
			break;
		if (held == CAP_SET && keep >> cap & 1)
			good = cap_set_flag(want, CAP_PERMITTED, 1, &cap, CAP_SET) == 0 &&
			       cap_set_flag(want, CAP_EFFECTIVE, 1, &cap, CAP_SET) == 0;
	}
	good = good && cap_set_proc(want) == 0;
	cap_free(have);
	cap_free(want);
	return good;
}

/* Needs CAP_SETPCAP.  A service manager has done it already; otherwise nothing can be executed. */
static void drop_bounding(struct sandbox_report *report)
{
	for (cap_value_t cap = 0; cap < CAPABILITIES && cap_get_bound(cap) >= 0; cap++)
		if (cap_get_bound(cap) == 1 && cap_drop_bound(cap) < 0) {
			missing(report, "the bounding set of capabilities stays: %s",
				strerror(errno));
			return;
		}
}

static bool find_user(const char *name, uid_t *uid, gid_t *gid, char err[RPCGATE_ERROR_SIZE])
{
	const struct passwd *user;
	char shown[128];

	errno = 0;
	user = getpwnam(name);
	if (!user)
		return fail(err, "sandbox: user %s: %s", text_show(name, shown, sizeof(shown)),
			    errno ? strerror(errno) : "there is none of this name");
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return true;
}

static bool become(uid_t uid, gid_t gid)
{
	return prctl(PR_SET_KEEPCAPS, 1L) == 0 && setgroups(0, NULL) == 0 &&
	       setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0;
}

/* rights of a thread that another one would keep */
static bool one_thread(void)
{
	struct stat tasks;

	return stat("/proc/self/task", &tasks) < 0 || tasks.st_nlink == 3;
}

static bool drop_rights(const struct sandbox *sandbox, struct sandbox_report *report,
			char err[RPCGATE_ERROR_SIZE])
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (sandbox->user && !find_user(sandbox->user, &uid, &gid, err))
		return false;
	drop_bounding(report);
	if (sandbox->user && !become(uid, gid))
		return fail(err, "sandbox: becoming user %s: %s", sandbox->user, strerror(errno));
	if (!keep_only(sandbox->keep) || cap_reset_ambient() < 0)
		return fail(err, "sandbox: capabilities: %s", strerror(errno));
	if (prctl(PR_SET_KEEPCAPS, 0L) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0L) < 0)
		return fail(err, "sandbox: prctl: %s", strerror(errno));
	return true;
}

bool sandbox_has(int capability)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t ours = cap_get_proc();

	if (!ours || cap_get_flag(ours, capability, CAP_EFFECTIVE, &value) < 0)
		value = CAP_CLEAR;
	cap_free(ours);
	return value == CAP_SET;
}

bool sandbox_drop(const struct sandbox *sandbox, struct sandbox_report *report,
		  char err[RPCGATE_ERROR_SIZE])
{
	int ruleset;
	bool good;

	*report = (struct sandbox_report){ 0 };
	if (!one_thread())
		return fail(err, "sandbox: there are other threads already");
	if (!make_ruleset(sandbox, report, &ruleset, err))
		return false;
	good = drop_rights(sandbox, report, err);
	if (good && ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		good = fail(err, "sandbox: landlock: %s", strerror(errno));
	if (ruleset >= 0)
		close(ruleset);
	return good;
}

/* --------------------------------------------------------------- system calls */

/* What a program does that reads, writes and waits; files are landlock's. */
static const char *const basic[] = {
	/* octets */
	"read",
	"readv",
	"pread64",
	"write",
	"writev",
	"pwrite64",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"sendto",
	"sendmsg",
	"sendmmsg",
	/* waiting */
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"signalfd4",
	"nanosleep",
	"clock_nanosleep",
	"restart_syscall",
	/* time */
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"getrandom",
	/* who asks us: a control socket, metrics */
	"accept",
	"accept4",
	"shutdown",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	/* files: logs, state, configuration */
	"openat",
	"open",
	"close",
	"lseek",
	"fstat",
	"newfstatat",
	"statx",
	"stat",
	"lstat",
	"getdents64",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getcwd",
	"fsync",
	"fdatasync",
	"ftruncate",
	"fchmod",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"fcntl",
	"dup",
	"flock",
	"umask",
	/* memory */
	"munmap",
	"mremap",
	"brk",
	"madvise",
	"mlock",
	/* threads that there are, and the end */
	"futex",
	"sched_yield",
	"sched_getaffinity",
	"membarrier",
	"rseq",
	"set_robust_list",
	"rt_sigreturn",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigtimedwait",
	"sigaltstack",
	"getpid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getrusage",
	"sysinfo",
	"exit",
	"exit_group",
};
static const char *const threads[] = { "clone", "clone3", "sched_setaffinity", "sched_setscheduler",
				       "prlimit64" };
static const char *const devices[] = { "bind", "ioctl", "uname" };

static bool allow(scmp_filter_ctx filter, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		/* newer than the library, or of other machines */
		if (number < 0)
			continue;
		if (seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 0, NULL) < 0)
			return false;
	}
	return true;
}

/* With some arguments alone: memory never becomes code, signals go to ourselves, stdio may ask what
 * a terminal is. */
static bool allow_in_part(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp no_code = { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 };
	const struct scmp_arg_cmp ourselves = { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 };
	const struct scmp_arg_cmp is_terminal = { 1, SCMP_CMP_EQ, TCGETS, 0 };
	const struct scmp_arg_cmp set_name = { 0, SCMP_CMP_EQ, PR_SET_NAME, 0 };

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_code) == 0 &&
	       seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_code) ==
		       0 &&
	       seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &ourselves) ==
		       0 &&
	       seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &is_terminal) ==
		       0 &&
	       seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, &set_name) == 0;
}

/* Sockets of the families by which devices are asked and opened */
static bool allow_devices(scmp_filter_ctx filter)
{
	static const int families[] = { AF_PACKET, AF_NETLINK, AF_INET, AF_UNIX };

	for (size_t i = 0; i < COUNT(families); i++) {
		const struct scmp_arg_cmp family = { 0, SCMP_CMP_EQ, (scmp_datum_t)families[i], 0 };

		if (seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &family) <
		    0)
			return false;
	}
	return allow(filter, devices, COUNT(devices));
}

static bool allow_capture(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp is_up = { 1, SCMP_CMP_EQ, SIOCGIFFLAGS, 0 };

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &is_up) == 0;
}

static bool fill(scmp_filter_ctx filter, unsigned int calls)
{
	return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
	       seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
	       seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1) == 0 &&
	       allow(filter, basic, COUNT(basic)) && allow_in_part(filter) &&
	       (!(calls & SANDBOX_THREADS) || allow(filter, threads, COUNT(threads))) &&
	       (!(calls & SANDBOX_CAPTURE) || allow_capture(filter)) &&
	       (!(calls & SANDBOX_DEVICES) || allow_devices(filter));
}

bool sandbox_lock(unsigned int calls, char err[RPCGATE_ERROR_SIZE])
{
	scmp_filter_ctx filter = seccomp_init(calls & SANDBOX_STRICT ? SCMP_ACT_KILL_PROCESS :
								       SCMP_ACT_ERRNO(EPERM));
	int done;

	if (!filter || !fill(filter, calls)) {
		seccomp_release(filter);
		return fail(err, "sandbox: the list of system calls cannot be made");
	}
	done = seccomp_load(filter);
	seccomp_release(filter);
	return done == 0 || fail(err, "sandbox: system calls: %s", strerror(-done));
}
