/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "same_file.h"

#define NAME_OCTETS 4096

/* Where a file would be made; its directory without links */
static bool place_of(const char *path, char directory[PATH_MAX], char name[NAME_OCTETS])
{
	char *copy = strdup(path);
	bool good = copy && realpath(dirname(copy), directory);

	free(copy);
	copy = strdup(path);
	good = good && copy && strlen(path) < NAME_OCTETS;
	if (good)
		snprintf(name, NAME_OCTETS, "%s", basename(copy));
	free(copy);
	return good;
}

bool same_file(const char *one, const char *other)
{
	char directory[2][PATH_MAX], name[2][NAME_OCTETS];
	struct stat first, second;
	bool is_there = stat(one, &first) == 0;

	if (is_there != (stat(other, &second) == 0))
		return false;
	if (is_there)
		return S_ISREG(first.st_mode) && first.st_dev == second.st_dev &&
		       first.st_ino == second.st_ino;
	if (strcmp(one, other) == 0)
		return true;
	return place_of(one, directory[0], name[0]) && place_of(other, directory[1], name[1]) &&
	       strcmp(directory[0], directory[1]) == 0 && strcmp(name[0], name[1]) == 0;
}
