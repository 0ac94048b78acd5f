/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h - foreign octets made harmless before anybody reads them
 *
 * Annotations, file names and the like are written by strangers: quotes, line ends, terminal
 * escapes, broken UTF-8.  There is one rule for all output: an octet string is read as UTF-8; an
 * octet that is no part of valid UTF-8 stands for the character of the same number (U+0080 to
 * U+00FF); outside printable ASCII a character is shown as \uXXXX, as JSON shows it.
 * Pure: no allocation, no state.
 */
#ifndef IO_TEXT_H
#define IO_TEXT_H

#include <stddef.h>
#include <stdint.h>

/** Octets of UTF-8 that @p n foreign octets can become, NUL not counted. */
#define TEXT_UTF8_MAX(n) (2 * (n))
/** Octets of printable ASCII that @p n foreign octets can become, NUL not counted. */
#define TEXT_SHOWN_MAX(n) (6 * (n))

/**
 * Turn foreign octets into valid UTF-8.
 * @param in   @p n octets, not terminated; NUL octets are kept
 * @param out  room for TEXT_UTF8_MAX(n) + 1 octets; terminated
 * @return     octets written, the terminator not counted
 */
size_t text_to_utf8(const uint8_t *in, size_t n, char *out);

/**
 * Show foreign octets in printable ASCII, everything else and the backslash as JSON escapes.
 * @param in    a string
 * @param out   @p size octets, always terminated; what does not fit is left out, whole escapes only
 * @return      @p out
 */
char *text_show(const char *in, char *out, size_t size);

/**
 * The candidate most like a word (edit distance), for "did you mean".
 * @param get  the i-th candidate, NULL past the last
 * @return     NULL if none is near
 */
const char *text_nearest(const char *word, const char *(*get)(const void *ctx, size_t i),
			 const void *ctx);

#endif
