/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"

#define NS_PER_US 1000
#define MESSAGE_SIZE 512

/* A number that fills the text; false otherwise */
static bool number_of(const char *text, uint64_t *out)
{
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

/* $WATCHDOG_PID may name somebody else: our parent's environment is ours. */
static uint64_t watchdog_ns(void)
{
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t us;
	uint64_t who;

	if (!number_of(getenv("WATCHDOG_USEC"), &us) || us > UINT64_MAX / NS_PER_US)
		return 0;
	if (pid && (!number_of(pid, &who) || who != (uint64_t)getpid()))
		return 0;
	return us * NS_PER_US / 2;
}

static bool connect_to(int fd, const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2) {
		errno = EAFNOSUPPORT;
		return false;
	}
	if (n >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(to.sun_path, name, n);
	if (name[0] == '@')
		to.sun_path[0] = '\0';
	return connect(fd, (const struct sockaddr *)&to,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0;
}

bool notify_open(struct notify *notify, char err[RPCGATE_ERROR_SIZE])
{
	const char *name = getenv("NOTIFY_SOCKET");

	*notify = (struct notify){ .fd = -1 };
	if (!name || !*name)
		return true;
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify->fd >= 0 && connect_to(notify->fd, name)) {
		notify->watchdog_ns = watchdog_ns();
		return true;
	}
	snprintf(err, RPCGATE_ERROR_SIZE, "NOTIFY_SOCKET %.100s: %s", name, strerror(errno));
	notify_close(notify);
	return false;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
	notify->watchdog_ns = 0;
}

/* Lost is lost: the next one says the same and more.  Only READY=1 and the like are worth a wait,
 * and the manager reads all the time. */
static void tell(const struct notify *notify, const char *message)
{
	if (notify->fd >= 0)
		(void)send(notify->fd, message, strlen(message), MSG_NOSIGNAL);
}

static void one_line(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

void notify_ready(const struct notify *notify, const char *status)
{
	char line[MESSAGE_SIZE];
	char message[MESSAGE_SIZE + 64];

	snprintf(line, sizeof(line), "%s", status);
	one_line(line);
	snprintf(message, sizeof(message), "READY=1\nSTATUS=%s\nMAINPID=%ld", line, (long)getpid());
	tell(notify, message);
}

void notify_reloading(const struct notify *notify)
{
	char message[MESSAGE_SIZE];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / NS_PER_US);
	tell(notify, message);
}

void notify_stopping(const struct notify *notify)
{
	tell(notify, "STOPPING=1");
}

void notify_status(const struct notify *notify, const char *status)
{
	char message[MESSAGE_SIZE];

	snprintf(message, sizeof(message), "STATUS=%s", status);
	one_line(message);
	tell(notify, message);
}

void notify_watchdog(const struct notify *notify)
{
	tell(notify, "WATCHDOG=1");
}
