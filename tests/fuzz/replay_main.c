/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay_main.c - run a fuzz target over its kept corpus, without libFuzzer
 *
 * usage: fuzz_X DIRECTORY...
 *
 * Every file is handed over in memory of exactly its size, so that a sanitizer sees the first
 * octet too far.  A directory without files is a failure: nothing was shown.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The whole file in memory of its size, NULL if it cannot be read. */
static uint8_t *file_read(const char *path, size_t *n)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long size = -1;

	if (!file)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size >= 0 && fseek(file, 0, SEEK_SET) == 0)
		data = malloc(size ? (size_t)size : 1);
	if (data && fread(data, 1, (size_t)size, file) != (size_t)size) {
		free(data);
		data = NULL;
	}
	fclose(file);
	*n = (size_t)size;
	return data;
}

static bool file_run(const char *dir, const char *name)
{
	char path[4096];
	uint8_t *data;
	size_t n;
	int len = snprintf(path, sizeof(path), "%s/%s", dir, name);

	data = len > 0 && (size_t)len < sizeof(path) ? file_read(path, &n) : NULL;
	if (!data) {
		perror(path);
		return false;
	}
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return true;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Run all files in the order of their names; false if there are none, or one is unreadable. */
static bool directory_run(const char *dir)
{
	struct dirent **entry;
	bool good;
	int n = scandir(dir, &entry, visible, alphasort);

	if (n < 0) {
		perror(dir);
		return false;
	}
	good = n > 0;
	for (int i = 0; i < n; i++) {
		good = file_run(dir, entry[i]->d_name) && good;
		free(entry[i]);
	}
	free(entry);
	printf("%s: %d inputs\n", dir, n);
	return good;
}

int main(int argc, char **argv)
{
	bool good = argc > 1;

	for (int i = 1; i < argc; i++)
		good = directory_run(argv[i]) && good;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
