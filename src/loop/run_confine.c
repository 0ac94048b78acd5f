/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_confine.c - the service gives up what it does not need any more
 *
 * What stays: CAP_NET_ADMIN for verdicts and for the table (a bridge: CAP_NET_RAW and
 * CAP_NET_ADMIN, to open a port again that went away), the files of the configuration to read them
 * again, and the directories of its own outputs, where files are replaced and rotated.
 */
#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper.h"
#include "run_parts.h"
#include "sandbox.h"

#define FDS_MAX 1024 /* more are not open this early */
#define PATHS_MAX (CONF_EVENTS_MAX + 8)

struct paths {
	struct sandbox_path at[PATHS_MAX];
	size_t n;
	bool failed;
};

/* Its directory: files are made anew beside the old one */
static void add_directory(struct paths *paths, const char *file, bool write)
{
	char *copy = file ? realpath(file, NULL) : NULL;

	if (!file)
		return;
	if (!copy)
		copy = strdup(file); /* not made yet; its directory may be there */
	if (!copy || paths->n == PATHS_MAX) {
		paths->failed = true;
		free(copy);
		return;
	}
	paths->at[paths->n].path = strdup(dirname(copy));
	paths->failed |= !paths->at[paths->n].path;
	paths->at[paths->n++].write = write;
	free(copy);
}

static bool is_file(const char *target)
{
	return strcmp(target, "-") != 0 && strcmp(target, "journal") != 0;
}

static void gather(const struct conf *conf, const char *path, struct paths *paths)
{
	add_directory(paths, path, false);
	add_directory(paths, conf->state, true);
	add_directory(paths, conf->control, true);
	add_directory(paths, conf->metrics_file, true);
	for (size_t i = 0; i < CONF_EVENTS_MAX && conf->events[i]; i++)
		if (is_file(conf->events[i]))
			add_directory(paths, conf->events[i], true);
	/* device names, and what a network interface says of itself */
	paths->at[paths->n++] = (struct sandbox_path){ strdup("/sys/class/net"), false };
}

/* What was made while we were root is ours to replace later on */
static bool hand_over(const struct conf *conf, char err[RPCGATE_ERROR_SIZE])
{
	const struct passwd *user = conf->user[0] ? getpwnam(conf->user) : NULL;

	if (!conf->user[0])
		return true;
	if (!user) {
		snprintf(err, RPCGATE_ERROR_SIZE, "user: there is no user \"%s\"", conf->user);
		return false;
	}
	for (size_t i = 0; i < CONF_EVENTS_MAX && conf->events[i]; i++)
		if (is_file(conf->events[i]) &&
		    lchown(conf->events[i], user->pw_uid, user->pw_gid) != 0)
			continue; /* not ours to give: it is open, and stays so */
	if (conf->control && lchown(conf->control, user->pw_uid, user->pw_gid) != 0) {
		snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: %.80s", conf->control, strerror(errno));
		return false;
	}
	return true;
}

bool run_confine(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	const struct conf *conf = &s->plan.conf;
	struct sandbox_report report = { 0 };
	struct paths paths = { .n = 0 };
	struct sandbox box = {
		.user = conf->user[0] ? conf->user : NULL,
		.keep = SANDBOX_CAP(CAP_NET_ADMIN),
	};
	bool good;

	if (!hand_over(conf, err))
		return false;
	if (conf->mode == CONF_BRIDGE)
		box.keep |= SANDBOX_CAP(CAP_NET_RAW);
	gather(conf, s->path, &paths);
	box.path = paths.at;
	box.n_paths = paths.n;
	if (paths.failed)
		snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory");
	good = !paths.failed && sandbox_drop(&box, &report, err);
	if (good && report.missing[0])
		fprintf(stderr, "rpcgate: %s\n", report.missing);
	for (size_t i = 0; i < paths.n; i++)
		free((void *)(uintptr_t)paths.at[i].path);
	return good;
}

/* The keeper reads the configuration by itself: nobody tells it what to put into the kernel */
static bool reload(void *ctx, char err[RPCGATE_ERROR_SIZE])
{
	struct service *s = ctx;
	struct plan plan;

	snprintf(err, RPCGATE_ERROR_SIZE, "the configuration is wrong, the old one stays");
	if (!plan_read(&plan, s->path, CONF_FOR_RELOAD, s->observe))
		return false;
	plan_keep(&plan, &s->plan);
	if (!kernel_change(s->kernel, &plan.rules, err)) {
		rpcgate_policy_free(plan.policy);
		plan_free(&plan);
		return false;
	}
	rpcgate_policy_free(s->plan.policy);
	plan_free(&s->plan);
	s->plan = plan;
	return true;
}

static bool install(void *ctx, char err[RPCGATE_ERROR_SIZE])
{
	struct service *s = ctx;

	return kernel_install(s->kernel, &s->plan.rules, err);
}

/* Files of events, control and metrics are none of its business */
static void close_others(const struct service *s, int fd)
{
	for (int other = STDERR_FILENO + 1; other < FDS_MAX; other++) {
		bool ours = other == fd || other == kernel_fd(s->kernel);

		for (size_t i = 0; i < s->n_workers; i++)
			ours |= other == queue_fd(worker_queue(s->worker[i]));
		if (!ours)
			close(other);
	}
}

static void keep(struct service *s, int fd)
{
	struct keeper_world world = { .kernel = s->kernel,
				      .limits = { s->n_workers, &s->plan.engine.mapper_ports,
						  &s->plan.engine.reserved },
				      .install = install,
				      .reload = reload,
				      .ctx = s };
	char err[RPCGATE_ERROR_SIZE];

	for (size_t i = 0; i < s->n_workers; i++)
		world.queue[i] = worker_queue(s->worker[i]);
	close_others(s, fd);
	/* with the parser, also where it is killed */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !sandbox_lock(0, err))
		return;
	keeper_serve(fd, &world);
}

/* The last right: verdicts and the table are the keeper's from here on */
static bool drop_all(char err[RPCGATE_ERROR_SIZE])
{
	cap_t none = cap_init();
	bool good = none && cap_set_proc(none) == 0;

	if (!good)
		snprintf(err, RPCGATE_ERROR_SIZE, "capabilities: %s", strerror(errno));
	cap_free(none);
	return good;
}

bool run_split(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	int pair[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		snprintf(err, RPCGATE_ERROR_SIZE, "socketpair: %s", strerror(errno));
		return false;
	}
	child = fork();
	if (child == 0) {
		close(pair[0]);
		keep(s, pair[1]);
		_exit(0);
	}
	close(pair[1]);
	if (child < 0) {
		snprintf(err, RPCGATE_ERROR_SIZE, "fork: %s", strerror(errno));
		close(pair[0]);
		return false;
	}
	s->keeper_fd = pair[0];
	s->keeper = child;
	kernel_delegate(s->kernel, pair[0]);
	for (size_t i = 0; i < s->n_workers; i++) {
		queue_delegate(worker_queue(s->worker[i]), pair[0], (uint32_t)i);
		worker_set_split(s->worker[i]);
	}
	return drop_all(err);
}

bool run_lock(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	unsigned calls = SANDBOX_THREADS; /* those of the metrics server come and go */

	if (s->plan.conf.mode == CONF_BRIDGE)
		calls |= SANDBOX_DEVICES;
	return sandbox_lock(calls, err);
}
