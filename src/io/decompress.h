/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decompress.h - a file as plain octets, whatever it was packed with
 *
 * gzip (RFC 1952) and Zstandard (RFC 8878) are recognised by their first octets, never by name;
 * everything else passes through unchanged.  Several members or frames in a row are one stream.
 * Damage ends the stream like the end of a file would: what could be unpacked before it has been
 * delivered, and decompress_damage() says what was wrong.
 */
#ifndef IO_DECOMPRESS_H
#define IO_DECOMPRESS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct decompress;

/**
 * Start reading a file descriptor, which is owned from now on, success or not.
 * @return NULL if memory is short
 */
struct decompress *decompress_new(int fd);
/** Close and free; NULL is fine. */
void decompress_free(struct decompress *d);

/**
 * Read plain octets.
 * @return octets written to @p out, at most @p n; 0 at the end or at damage
 */
size_t decompress_read(struct decompress *d, void *out, size_t n);

/**
 * Look at the first plain octets without taking them.
 * @param out  receives up to @p n (at most 24) octets
 * @return     octets there are; fewer than @p n only if the stream is shorter
 */
size_t decompress_peek(struct decompress *d, void *out, size_t n);

/** What was wrong, one line; NULL while nothing was. */
const char *decompress_damage(const struct decompress *d);
/** "gzip", "zstd", or NULL for a stream that is not packed; known after the first read. */
const char *decompress_format(const struct decompress *d);
/** Octets taken from the file descriptor so far. */
uint64_t decompress_taken(const struct decompress *d);

#endif
