/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "control.h"

#define REQUEST_SIZE 512
#define PATIENCE_S 5 /* with a client that does not read or write */

struct control {
	const struct control_command *commands;
	void *ctx;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int listener;
	int bell;
	bool running;
	pthread_t thread;
};

static bool address_of(const char *path, struct sockaddr_un *out, char err[RPCGATE_ERROR_SIZE])
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(out->sun_path)) {
		snprintf(err, RPCGATE_ERROR_SIZE, "%.100s...: longer than %zu octets", path,
			 sizeof(out->sun_path) - 1);
		return false;
	}
	memcpy(out->sun_path, path, strlen(path) + 1);
	return true;
}

static int dial(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

/* ---------------------------------------------------------------------- server */

/* A socket without anybody behind it is left from a process that died */
static bool remove_dead(const struct sockaddr_un *address, char err[RPCGATE_ERROR_SIZE])
{
	int fd = dial(address);
	struct stat status;

	if (fd >= 0) {
		close(fd);
		snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: another rpcgate answers there",
			 address->sun_path);
		return false;
	}
	/* any other file refuses, too */
	if (errno == ECONNREFUSED && lstat(address->sun_path, &status) == 0 &&
	    S_ISSOCK(status.st_mode))
		unlink(address->sun_path);
	return true;
}

static int listen_at(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t mask = umask(0117); /* owner and group */
	bool good = fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
		    listen(fd, 8) == 0;

	umask(mask);
	if (good || fd < 0)
		return fd;
	close(fd);
	return -1;
}

/* /run is empty after each boot: a directory of our own there is made when it is missing */
static void make_directory(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return;
	*slash = '\0';
	(void)mkdir(directory, 0750); /* listening says what is wrong */
}

struct control *control_open(const char *path, const struct control_command *commands, void *ctx,
			     char err[RPCGATE_ERROR_SIZE])
{
	struct sockaddr_un address;
	struct control *c;

	if (!address_of(path, &address, err) || !remove_dead(&address, err))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c) {
		c->commands = commands;
		c->ctx = ctx;
		memcpy(c->path, address.sun_path, sizeof(c->path));
		c->bell = eventfd(0, EFD_CLOEXEC);
		make_directory(path);
		c->listener = listen_at(&address);
		if (c->bell >= 0 && c->listener >= 0)
			return c;
	}
	snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: %.80s", path, strerror(errno));
	control_free(c);
	return NULL;
}

static bool may_talk(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

/* One line; its end is cut off */
static bool read_request(int fd, char request[REQUEST_SIZE])
{
	size_t n = 0;

	while (n + 1 < REQUEST_SIZE) {
		ssize_t got = recv(fd, request + n, 1, 0);

		if (got <= 0)
			return false;
		if (request[n] == '\n') {
			request[n] = '\0';
			return true;
		}
		n++;
	}
	return false;
}

static void finish(FILE *out, bool good, const char *err)
{
	json_t *line = good ? json_pack("{s:b}", "ok", 1) :
			      json_pack("{s:b,s:s%}", "ok", 0, "error", err, strlen(err));

	if (line && json_dumpf(line, out, JSON_COMPACT | JSON_ENSURE_ASCII) == 0)
		putc('\n', out);
	json_decref(line);
}

static const struct control_command *find(const struct control *c, const char *name)
{
	const struct control_command *command = c->commands;

	while (command->name && strcmp(command->name, name) != 0)
		command++;
	return command->name ? command : NULL;
}

static void answer(const struct control *c, FILE *out, char *request)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	char *rest = NULL;
	const char *name = strtok_r(request, " ", &rest);
	const char *argument = name ? strtok_r(NULL, " ", &rest) : NULL;
	const struct control_command *command = name ? find(c, name) : NULL;

	if (!command) {
		finish(out, false, "no such command");
	} else if (!argument != !command->argument || strtok_r(NULL, " ", &rest)) {
		snprintf(err, sizeof(err), "%s takes %s", command->name,
			 command->argument ? command->argument : "nothing");
		finish(out, false, err);
	} else {
		bool good = command->answer(c->ctx, out, argument, err);

		finish(out, good, err);
	}
}

static void serve(const struct control *c, int fd)
{
	const struct timeval patience = { PATIENCE_S, 0 };
	char request[REQUEST_SIZE];
	FILE *out;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	out = may_talk(fd) && read_request(fd, request) ? fdopen(fd, "w") : NULL;
	if (!out) {
		close(fd);
		return;
	}
	answer(c, out, request);
	fclose(out);
}

static void *run(void *ctx)
{
	const struct control *c = ctx;
	struct pollfd fd[] = { { c->listener, POLLIN, 0 }, { c->bell, POLLIN, 0 } };

	while (poll(fd, 2, -1) >= 0 || errno == EINTR) {
		int client;

		if (fd[1].revents)
			break;
		client = fd[0].revents ? accept4(c->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
		if (client >= 0)
			serve(c, client);
	}
	return NULL;
}

bool control_start(struct control *control)
{
	control->running = pthread_create(&control->thread, NULL, run, control) == 0;
	return control->running;
}

void control_free(struct control *control)
{
	uint64_t one = 1;

	if (!control)
		return;
	if (control->running && write(control->bell, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_join(control->thread, NULL);
	if (control->listener >= 0) {
		close(control->listener);
		unlink(control->path);
	}
	if (control->bell >= 0)
		close(control->bell);
	free(control);
}

/* ---------------------------------------------------------------------- client */

/* The last line says how it went */
static int copy(FILE *in, FILE *out)
{
	char *line = NULL;
	size_t size = 0;
	int status = 1;
	ssize_t n;

	while ((n = getline(&line, &size, in)) > 0) {
		status = strncmp(line, "{\"ok\":true", 10) != 0;
		fwrite(line, 1, (size_t)n, out);
	}
	free(line);
	return status;
}

int control_ask(const char *path, const char *line, FILE *out, char err[RPCGATE_ERROR_SIZE])
{
	struct sockaddr_un address;
	int fd, status;
	FILE *in;

	if (!address_of(path, &address, err))
		return -1;
	fd = dial(&address);
	in = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (!in || dprintf(fd, "%s\n", line) < 0) {
		snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: %.80s", path, strerror(errno));
		if (in)
			fclose(in);
		else if (fd >= 0)
			close(fd);
		return -1;
	}
	status = copy(in, out);
	fclose(in);
	return status;
}
