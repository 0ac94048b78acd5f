/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "control.h"
#include "daemon.h"

/* A FIFO gives what it has once, and to somebody else */
static char *first_file(const json_t *events)
{
	struct stat status;

	for (size_t i = 0; i < json_array_size(events); i++) {
		const char *path = json_string_value(json_array_get(events, i));

		if (path && (stat(path, &status) != 0 || S_ISREG(status.st_mode)))
			return strdup(path);
	}
	return NULL;
}

/* The first line of the answer is the status */
static char *file_of(const char *answer, char err[RPCGATE_ERROR_SIZE])
{
	json_t *line = json_loadb(answer, strcspn(answer, "\n"), 0, NULL);
	char *file = first_file(json_object_get(line, "events"));

	if (!file)
		snprintf(err, RPCGATE_ERROR_SIZE,
			 "the running gateway writes its events to no file: 'events FILE' in its "
			 "configuration makes it");
	json_decref(line);
	return file;
}

char *daemon_events(const char *socket, char err[RPCGATE_ERROR_SIZE])
{
	char *answer = NULL, *file = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&answer, &n);
	int status = out ? control_ask(socket, "status", out, err) : -1;

	if (!out || fclose(out) != 0)
		snprintf(err, RPCGATE_ERROR_SIZE, "%.80s", strerror(errno));
	else if (status > 0)
		snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: no answer", socket);
	else if (status == 0)
		file = file_of(answer, err);
	free(answer);
	return file;
}
