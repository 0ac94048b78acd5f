/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

const char *const lab_middle[2] = { "lm", "rm" };
const char *const lab_host[2] = { "lh", "rh" };

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "lab: %s: %s\n", what, strerror(errno));
	exit(99);
}

static bool run(const char *before, const char *format, va_list args)
{
	char command[1024];
	int n = snprintf(command, sizeof(command), "%s", before);
	int status;

	vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
	/* the command's complaints are for who looks at a failure */
	status = system(command); /* NOLINT(cert-env33-c): a test's own words */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool lab_try(const char *format, ...)
{
	va_list args;
	bool good;

	va_start(args, format);
	good = run("", format, args);
	va_end(args);
	return good;
}

bool lab_try_at(const struct lab *lab, enum lab_side side, const char *format, ...)
{
	char before[64];
	va_list args;
	bool good;

	snprintf(before, sizeof(before), "nsenter -t %ld -n ", (long)lab->host[side]);
	va_start(args, format);
	good = run(before, format, args);
	va_end(args);
	return good;
}

static void enter(const struct lab *lab, enum lab_side side)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", (long)lab->host[side]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && setns(fd, CLONE_NEWNET) == 0, path);
	close(fd);
}

pid_t lab_start_at(const struct lab *lab, enum lab_side side, int (*start)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(lab, side);
		_exit(start(ctx));
	}
	return pid;
}

int lab_wait(pid_t pid)
{
	int status = 0;

	must(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A host is a process that waits in a namespace of its own, as long as we live. */
static pid_t make_host(void)
{
	int ready[2];
	char octet;
	pid_t pid;

	must(pipe(ready) == 0, "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(unshare(CLONE_NEWNET) == 0, "unshare");
		must(write(ready[1], "x", 1) == 1, "write");
		for (;;)
			pause();
	}
	close(ready[1]);
	must(read(ready[0], &octet, 1) == 1, "a host");
	close(ready[0]);
	return pid;
}

static int ethtool_off(const char *name, unsigned int command)
{
	struct ethtool_value value = { .cmd = command };
	struct ifreq request = { .ifr_data = (void *)&value };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int done;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	done = ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return done;
}

/* Frames leave a host as they would leave a card: summed up, and none longer than the MTU. */
static int be_a_card(void *ctx)
{
	const char *name = ctx;

	return ethtool_off(name, ETHTOOL_STXCSUM) != 0 || ethtool_off(name, ETHTOOL_STSO) != 0 ||
	       ethtool_off(name, ETHTOOL_SGSO) != 0;
}

void lab_link(struct lab *lab, enum lab_side side)
{
	const char *middle = lab_middle[side];
	const char *host = lab_host[side];
	long pid = (long)lab->host[side];
	int last = (int)side + 1;

	must(lab_try("ip link add %s type veth peer name %s && ip link set %s netns %ld", middle,
		     host, host, pid),
	     "making a link");
	must(lab_try("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1 2>/dev/null; ip link set %s up",
		     middle, middle),
	     "a link");
	must(lab_wait(lab_start_at(lab, side, be_a_card, (void *)(size_t)host)) == 0, "ethtool");
	must(lab_try_at(lab, side,
			"sh -c 'ip link set lo up; ip link set %s up;"
			" ip addr add 198.18.0.%d/24 dev %s;"
			" ip addr add 2001:db8::%d/64 dev %s nodad'",
			host, last, host, last, host),
	     "a host's address");
}

void lab_make(struct lab *lab)
{
	must(unshare(CLONE_NEWNET) == 0, "unshare");
	for (int side = LAB_LEFT; side <= LAB_RIGHT; side++) {
		lab->host[side] = make_host();
		lab_link(lab, (enum lab_side)side);
	}
}

void lab_free(struct lab *lab)
{
	for (int side = LAB_LEFT; side <= LAB_RIGHT; side++) {
		kill(lab->host[side], SIGKILL);
		(void)lab_wait(lab->host[side]);
	}
	/* links of the middle live on without their ends */
	lab_try("ip link del lm 2>/dev/null; ip link del rm 2>/dev/null; true");
}
