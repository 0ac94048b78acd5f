/* SPDX-License-Identifier: GPL-3.0-or-later */
/* same_file.h - whether two names are of one file, which only one may write to */
#ifndef IO_SAME_FILE_H
#define IO_SAME_FILE_H

#include <stdbool.h>

/** True if both name one regular file, by whichever links, or one that is not there yet. */
bool same_file(const char *one, const char *other);

#endif
