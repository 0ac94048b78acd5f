/* SPDX-License-Identifier: BSD-2-Clause */
/* bytes.h - ranges of foreign octets and a reader that cannot run off them
 *
 * Everything that touches packet octets goes through `struct reader`.  A read that does not fit
 * returns false and moves nothing.  The byte order is a property of the reader: network headers
 * are read big-endian, PDUs in the order their data representation label names.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_USE __attribute__((warn_unused_result))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The line of cache at @p at will be read soon; nothing is lost where compilers do not know it */
#if defined(__GNUC__)
#define PREFETCH(at) __builtin_prefetch(at)
#else
#define PREFETCH(at) ((void)(at))
#endif

/** A borrowed range; p may be NULL when n is 0. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

/** The outcomes of every parser: good, not yet, never. */
enum parse { PARSE_OK, PARSE_MORE, PARSE_BAD };

struct reader {
	struct bytes in;
	size_t off;
	bool big; /**< multi-octet numbers are big-endian */
};

static inline struct reader reader_of(struct bytes in, bool big)
{
	return (struct reader){ in, 0, big };
}

static inline size_t rd_left(const struct reader *r)
{
	return r->in.n - r->off;
}

/** What has not been read yet. */
static inline struct bytes rd_rest(const struct reader *r)
{
	return (struct bytes){ r->in.p ? r->in.p + r->off : NULL, rd_left(r) };
}

MUST_USE static inline bool rd_skip(struct reader *r, size_t n)
{
	if (rd_left(r) < n)
		return false;
	r->off += n;
	return true;
}

MUST_USE static inline bool rd_bytes(struct reader *r, size_t n, struct bytes *out)
{
	if (rd_left(r) < n)
		return false;
	*out = (struct bytes){ r->in.p ? r->in.p + r->off : NULL, n };
	r->off += n;
	return true;
}

/** Skip to the next multiple of @p to (a power of two), counted from the start of the range. */
MUST_USE static inline bool rd_align(struct reader *r, size_t to)
{
	return rd_skip(r, (to - (r->off & (to - 1))) & (to - 1));
}

MUST_USE static inline bool rd_u8(struct reader *r, uint8_t *out)
{
	if (rd_left(r) < 1)
		return false;
	*out = r->in.p[r->off++];
	return true;
}

static inline uint16_t load16(const uint8_t *p, bool big)
{
	unsigned first = p[0], second = p[1];

	return (uint16_t)(big ? first << 8 | second : second << 8 | first);
}

static inline uint32_t load32(const uint8_t *p, bool big)
{
	uint32_t first = load16(p, big), second = load16(p + 2, big);

	return big ? first << 16 | second : second << 16 | first;
}

MUST_USE static inline bool rd_u16(struct reader *r, uint16_t *out)
{
	if (rd_left(r) < 2)
		return false;
	*out = load16(r->in.p + r->off, r->big);
	r->off += 2;
	return true;
}

MUST_USE static inline bool rd_u32(struct reader *r, uint32_t *out)
{
	if (rd_left(r) < 4)
		return false;
	*out = load32(r->in.p + r->off, r->big);
	r->off += 4;
	return true;
}

MUST_USE static inline bool rd_u64(struct reader *r, uint64_t *out)
{
	uint64_t first, second;

	if (rd_left(r) < 8)
		return false;
	first = load32(r->in.p + r->off, r->big);
	second = load32(r->in.p + r->off + 4, r->big);
	*out = r->big ? first << 32 | second : second << 32 | first;
	r->off += 8;
	return true;
}

#endif
