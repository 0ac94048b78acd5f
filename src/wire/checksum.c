/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>

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

/* One to three octets */
static inline uint64_t add_last(const uint8_t *p, size_t n, uint64_t sum)
{
	uint8_t last[4] = { p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0 };

	return add_word(last, sum);
}

static inline uint64_t sum_octets(const uint8_t *p, size_t n)
{
	uint64_t sum = 0, carries = 0;

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
	sum = (sum & UINT32_MAX) + (sum >> 32) + carries;
	if (n & 4) {
		sum = add_word(p, sum);
		p += 4;
	}
	return n & 3 ? add_last(p, n & 3, sum) : sum;
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
		return sum_octets(p, header.n);
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
	if (is_all_ones(pseudo_header(packet, packet->l4_len) +
			sum_octets(packet->l4.p, packet->l4.n)))
		return CHECKSUM_GOOD;
	return partial_or_bad(packet);
}
