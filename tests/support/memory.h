/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory.h - how often memory was asked for, and memory that is short
 *
 * A test that uses this has a malloc(), calloc() and realloc() of its own, in front of those of
 * libc or of the sanitizer.
 */
#ifndef SUPPORT_MEMORY_H
#define SUPPORT_MEMORY_H

#include <stddef.h>

/** Calls of malloc(), calloc() and realloc() since the program began. */
size_t memory_asked(void);
/** The @p nth call from now on gets nothing, and all behind it; 0: there is memory again. */
void memory_ends_at(size_t nth);

#endif
