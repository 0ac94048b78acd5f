/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define WIDE 32U           /* octets of a register */
#define WIDE_LEAST 128U    /* below it the way there and back costs more */
#define WIDE_MOST 0x80000U /* sums of more could leave 32 bits */
#endif

#include "addr.h"
#include "checksum.h"

/* One's complement sum of 16-bit words, in the order of the machine: RFC 1071 section 2 (B).  Any
 * width of word gives the same sum, once it is folded. */
static inline uint64_t add_word(const uint8_t *p, uint64_t sum)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return sum + word;
}

/* What overflows 64 bits counts one (section 2 (C)) */
static inline void add_long_word(const uint8_t *p, uint64_t *sum, uint64_t *carries)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	*carries += __builtin_add_overflow(*sum, word, sum);
}

#ifdef WIDE
/* Sums of pairs of words, from a product of signed ones: each counts 0x8000 less meanwhile */
__attribute__((target("avx2"), always_inline)) static inline __m256i sum_pairs(const uint8_t *p)
{
	const __m256i words = _mm256_loadu_si256((const void *)p);

	return _mm256_madd_epi16(_mm256_xor_si256(words, _mm256_set1_epi16(INT16_MIN)),
				 _mm256_set1_epi16(1));
}

/* @p n  a multiple of WIDE */
__attribute__((target("avx2"))) static uint64_t sum_wide(const uint8_t *p, size_t n)
{
	const uint64_t less = n / 2 * 0x8000;
	const uint8_t *end = p + n;
	__m256i sums = _mm256_setzero_si256();
	__m128i sum;

	for (; end - p >= 4 * (ptrdiff_t)WIDE; p += 4 * WIDE) {
		const __m256i a = _mm256_add_epi32(sum_pairs(p), sum_pairs(p + WIDE));
		const __m256i b =
			_mm256_add_epi32(sum_pairs(p + 2 * WIDE), sum_pairs(p + 3 * WIDE));

		sums = _mm256_add_epi32(sums, _mm256_add_epi32(a, b));
	}
	for (; p < end; p += WIDE)
		sums = _mm256_add_epi32(sums, sum_pairs(p));
	sums = _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(sums)),
				_mm256_cvtepi32_epi64(_mm256_extracti128_si256(sums, 1)));
	sum = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
	sum = _mm_add_epi64(sum, _mm_unpackhi_epi64(sum, sum));
	return less + (uint64_t)_mm_cvtsi128_si64(sum);
}

/* As much of it as can be summed so: the rest is left in @p octets */
static inline uint64_t sum_front(struct bytes *octets)
{
	const uint8_t *p = octets->p;
	const size_t n = octets->n < WIDE_MOST ? octets->n : WIDE_MOST;

	if (n < WIDE_LEAST || !__builtin_cpu_supports("avx2"))
		return 0;
	octets->p += n / WIDE * WIDE;
	octets->n -= n / WIDE * WIDE;
	return sum_wide(p, n / WIDE * WIDE);
}
#else
static inline uint64_t sum_front(struct bytes *octets)
{
	(void)octets;
	return 0;
}
#endif

/* The last zero to seven octets, as if zeros followed; there are eight octets before their end */
static inline uint64_t sum_last(const uint8_t *p, size_t n)
{
	const unsigned others = 8 * (7 - (unsigned)n);
	uint64_t word;

	memcpy(&word, p + n - sizeof(word), sizeof(word));
	word = htonl(1) == 1 ? word << others << 8 : word >> others >> 8;
	return (word & UINT32_MAX) + (word >> 32);
}

/* @p octets  of a header and what follows: 20 or more */
static inline uint64_t sum_octets(struct bytes octets)
{
	uint64_t sum = sum_front(&octets), carries = 0;
	const uint8_t *p = octets.p;
	size_t n = octets.n;

	for (; n >= 64; n -= 64)
#pragma GCC unroll 8
		for (unsigned i = 0; i < 8; i++, p += 8)
			add_long_word(p, &sum, &carries);
	/* a bit of what is left for each: headers alone are 20 to 40 octets, and no loop */
	if (n & 32)
#pragma GCC unroll 4
		for (unsigned i = 0; i < 4; i++, p += 8)
			add_long_word(p, &sum, &carries);
	if (n & 16)
#pragma GCC unroll 2
		for (unsigned i = 0; i < 2; i++, p += 8)
			add_long_word(p, &sum, &carries);
	if (n & 8) {
		add_long_word(p, &sum, &carries);
		p += 8;
	}
	return (sum & UINT32_MAX) + (sum >> 32) + carries + sum_last(p, n % 8);
}

/* The longest packet's sum has 40 bits */
static inline uint16_t fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* It folds to all ones.  Folding keeps the remainder, and no sum here is zero: there are a version and
 * a protocol number in it. */
static inline bool is_all_ones(uint64_t sum)
{
	return sum % 0xffff == 0;
}

/* Addresses (as IPv4 the mapped prefix would count, so only the last four octets), length, TCP */
static inline uint64_t pseudo_header(const struct packet *packet, uint32_t length)
{
	const uint8_t *src = packet->src.octet, *dst = packet->dst.octet;
	uint64_t sum = (uint64_t)htonl(length) + htons(IP_PROTO_TCP);

	sum = add_word(dst + 12, add_word(src + 12, sum));
	if (packet->ip_header.n || addr_is_ipv4(&packet->src))
		return sum;
	for (unsigned i = 0; i < 12; i += 4)
		sum = add_word(dst + i, add_word(src + i, sum));
	return sum;
}

/* The card gets the pseudo header's sum, for large segments often without the length */
static __attribute__((noinline)) enum checksum partial_or_bad(const struct packet *packet)
{
	uint16_t field;

	memcpy(&field, packet->l4.p + 16, sizeof(field));
	return !field || field == fold(pseudo_header(packet, packet->l4_len)) ||
			       field == fold(pseudo_header(packet, 0)) ?
		       CHECKSUM_PARTIAL :
		       CHECKSUM_BAD;
}

static inline uint64_t sum_header(struct bytes header)
{
	const uint8_t *p = header.p;

	if (header.n != 20)
		return sum_octets(header);
	return add_word(p, add_word(p + 4, add_word(p + 8, add_word(p + 12, add_word(p + 16, 0)))));
}

static inline enum checksum header_sum(const struct packet *packet)
{
	if (!packet->ip_header.n || is_all_ones(sum_header(packet->ip_header)))
		return CHECKSUM_GOOD;
	return load16(packet->ip_header.p + 10, true) ? CHECKSUM_BAD : CHECKSUM_PARTIAL;
}

enum checksum checksum_header(const struct packet *packet)
{
	return header_sum(packet);
}

enum checksum checksum_verify(const struct packet *packet)
{
	enum checksum header = header_sum(packet);

	if (header != CHECKSUM_GOOD)
		return header;
	if (packet->l4.n < packet->l4_len)
		return CHECKSUM_UNKNOWN;
	if (is_all_ones(pseudo_header(packet, packet->l4_len) + sum_octets(packet->l4)))
		return CHECKSUM_GOOD;
	return partial_or_bad(packet);
}
