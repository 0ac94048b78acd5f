/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "policy_file.h"
#include "text.h"

#define ERRORS_SHOWN 20
#define SHOWN_NAME 1024

/* All of a regular file, or what a pipe has up to one octet more than is allowed */
static char *read_all(int fd, size_t *length)
{
	size_t size = RPCGATE_POLICY_MAX_FILE + 1;
	char *text = malloc(size);
	ssize_t got = 1;

	*length = 0;
	while (text && *length < size && got > 0) {
		got = read(fd, text + *length, size - *length);
		if (got > 0)
			*length += (size_t)got;
	}
	if (text && got < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool load_file(const char *path, struct rpcgate_policy_source *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text;
	int why;

	if (fd < 0)
		return false;
	text = read_all(fd, &out->length);
	why = errno;
	close(fd);
	errno = why;
	out->text = text;
	return text != NULL;
}

/* The name of an include line, beside the file that has it */
static char *path_beside(const char *from, const char *name)
{
	const char *slash = strrchr(from, '/');
	int directory = slash && name[0] != '/' ? (int)(slash - from) + 1 : 0;
	char *path;

	return asprintf(&path, "%.*s%s", directory, from, name) < 0 ? NULL : path;
}

static bool load(void *ctx, const char *name, const char *from, struct rpcgate_policy_source *out,
		 char err[RPCGATE_ERROR_SIZE])
{
	char *path = path_beside(from, name);

	(void)ctx;
	if (path && load_file(path, out)) {
		out->name = path;
		return true;
	}
	snprintf(err, RPCGATE_ERROR_SIZE, "%.150s: %.80s", path ? path : name, strerror(errno));
	free(path);
	return false;
}

static void release(void *ctx, struct rpcgate_policy_source *source)
{
	(void)ctx;
	free((void *)(uintptr_t)source->name);
	free((void *)(uintptr_t)source->text);
}

void policy_file_tell(const struct rpcgate_policy_error *e)
{
	char name[SHOWN_NAME];
	char text[SHOWN_NAME];

	fprintf(stderr, "%s:%u:%u: %s\n", text_show(e->file, name, sizeof(name)), e->line,
		e->column, text_show(e->text, text, sizeof(text)));
}

bool policy_file_load(const char *who, const char *path, struct rpcgate_policy_source *out)
{
	char shown[SHOWN_NAME];

	*out = (struct rpcgate_policy_source){ .name = path };
	if (load_file(path, out))
		return true;
	fprintf(stderr, "rpcgate %s: %s: %s\n", who, text_show(path, shown, sizeof(shown)),
		strerror(errno));
	return false;
}

struct rpcgate_policy *policy_file_parse(const char *who,
					 const struct rpcgate_policy_source *source)
{
	static const struct rpcgate_policy_loader loader = { load, release, NULL };
	struct rpcgate_policy_error errors[ERRORS_SHOWN];
	struct rpcgate_policy *policy;
	size_t n;

	policy = rpcgate_policy_parse(source, &loader, NULL, errors, ERRORS_SHOWN, &n);
	for (size_t i = 0; i < n && i < ERRORS_SHOWN; i++)
		policy_file_tell(&errors[i]);
	if (n > ERRORS_SHOWN)
		fprintf(stderr, "rpcgate %s: and %zu more\n", who, n - ERRORS_SHOWN);
	return policy;
}

struct rpcgate_policy *policy_file_read(const char *who, const char *path)
{
	struct rpcgate_policy *policy = NULL;
	struct conf conf;

	if (conf_read(who, path, CONF_FOR_RULES, &conf, &policy))
		conf_free(&conf);
	return policy;
}
