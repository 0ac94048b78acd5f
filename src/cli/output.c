/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "output.h"
#include "same_file.h"

static bool is_policy(const char *path, const struct output_taken *taken)
{
	struct rpcgate_statement statement;

	if (taken->policy_file && same_file(path, taken->policy_file))
		return true;
	for (size_t i = 0; taken->policy && rpcgate_policy_statement(taken->policy, i, &statement);
	     i++)
		if (same_file(path, statement.file))
			return true;
	return false;
}

/* Also one in a directory that is read; nobody wants a report in its place */
static bool is_capture(const char *path)
{
	struct capture_fault fault;
	struct capture *capture;
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	capture = capture_open(path, &fault);
	capture_close(capture);
	return capture || fault.kind == CAPTURE_DAMAGED || fault.kind == CAPTURE_UNSUPPORTED;
}

const char *output_conflict(const char *path, const struct output_taken *taken)
{
	for (int i = 0; i < taken->n; i++)
		if (same_file(path, taken->inputs[i]))
			return "is also an input, and would be overwritten";
	if (is_policy(path, taken))
		return "is also the policy, and would be overwritten";
	if (is_capture(path))
		return "is a capture, and would be overwritten";
	if (taken->other && strcmp(taken->other, "-") != 0 && same_file(path, taken->other))
		return "is also another output, and both would be mixed";
	return NULL;
}

FILE *output_open(const char *path, const struct output_taken *taken, char err[OUTPUT_ERROR_SIZE])
{
	const char *conflict = output_conflict(path, taken);
	FILE *out = NULL;
	struct stat status;
	int fd;

	if (conflict) {
		snprintf(err, OUTPUT_ERROR_SIZE, "%s", conflict);
		return NULL;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0 && fstat(fd, &status) == 0 &&
	    (!S_ISREG(status.st_mode) || ftruncate(fd, 0) == 0))
		out = fdopen(fd, "w");
	if (!out)
		snprintf(err, OUTPUT_ERROR_SIZE, "%s", strerror(errno));
	if (!out && fd >= 0)
		close(fd);
	return out;
}
