/* SPDX-License-Identifier: BSD-2-Clause */
/* word.h - words that people wrote: compared without case, and how far apart two are */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stdbool.h>
#include <stddef.h>

/** Equal but for the case of ASCII letters. */
bool word_equal(const char *a, size_t a_len, const char *b, size_t b_len);

/** Levenshtein's distance without case; SIZE_MAX if a word is longer than 63 octets. */
size_t word_distance(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
