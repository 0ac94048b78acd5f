/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clockstep.c - a wall clock that can be stepped, for LD_PRELOAD
 *
 * CLOCK_REALTIME is moved by the seconds that $CLOCKSTEP_FILE holds as text, which a test changes
 * while the program runs; all other clocks are left alone.  The kernel's own step needs the
 * machine's clock, and time namespaces do not have one of their own for CLOCK_REALTIME.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The build hides what does not say otherwise */
#define SHOWN __attribute__((visibility("default")))

static long step_s(void)
{
	static int fd = -1;
	const char *path = getenv("CLOCKSTEP_FILE");
	char text[24] = { 0 };

	if (fd < 0 && path)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

SHOWN int clock_gettime(clockid_t clock, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	int result;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	result = real(clock, ts);
	if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ts->tv_sec += step_s();
	return result;
}

SHOWN time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

SHOWN int gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
	return 0;
}
