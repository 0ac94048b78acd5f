/* SPDX-License-Identifier: BSD-2-Clause */
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
	*sum += word;
	*carries += *sum < word;
}

static inline uint64_t sum_octets(const uint8_t *p, size_t n)
{
	uint64_t sum = 0, carries = 0;

	for (; n >= 32; p += 32, n -= 32) {
		add_long_word(p, &sum, &carries);
		add_long_word(p + 8, &sum, &carries);
		add_long_word(p + 16, &sum, &carries);
		add_long_word(p + 24, &sum, &carries);
	}
	sum = (sum & UINT32_MAX) + (sum >> 32) + carries;
	for (; n >= 4; p += 4, n -= 4)
		sum = add_word(p, sum);
	if (n) {
		uint32_t last = 0;

		memcpy(&last, p, n);
		sum += last;
	}
	return sum;
}

/* The longest packet's sum has 40 bits */
static inline uint16_t fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint16_t to_network(uint16_t host)
{
	const uint8_t octets[2] = { (uint8_t)(host >> 8), (uint8_t)host };
	uint16_t v;

	memcpy(&v, octets, sizeof(v));
	return v;
}

/* Addresses (as IPv4 the mapped prefix would count, so only the last four octets), length, TCP */
static inline uint64_t pseudo_header(const struct packet *packet, uint32_t length)
{
	const uint8_t *src = packet->src.octet, *dst = packet->dst.octet;
	uint64_t sum = (uint64_t)to_network((uint16_t)(length >> 16)) +
		       to_network((uint16_t)length) + to_network(IP_PROTO_TCP);

	sum = add_word(dst + 12, add_word(src + 12, sum));
	if (packet->ip_header.n || addr_is_ipv4(&packet->src))
		return sum;
	for (unsigned i = 0; i < 12; i += 4)
		sum = add_word(dst + i, add_word(src + i, sum));
	return sum;
}

/* The card gets the pseudo header's sum, for large segments often without the length */
static bool is_partial(const struct packet *packet, uint16_t field)
{
	return !field || field == fold(pseudo_header(packet, packet->l4_len)) ||
	       field == fold(pseudo_header(packet, 0));
}

static inline uint64_t sum_header(struct bytes header)
{
	const uint8_t *p = header.p;

	if (header.n != 20)
		return sum_octets(p, header.n);
	return add_word(p, add_word(p + 4, add_word(p + 8, add_word(p + 12, add_word(p + 16, 0)))));
}

enum checksum checksum_header(const struct packet *packet)
{
	if (!packet->ip_header.n || fold(sum_header(packet->ip_header)) == 0xffff)
		return CHECKSUM_GOOD;
	return load16(packet->ip_header.p + 10, true) ? CHECKSUM_BAD : CHECKSUM_PARTIAL;
}

enum checksum checksum_verify(const struct packet *packet)
{
	enum checksum header = checksum_header(packet);
	uint16_t field;

	if (header != CHECKSUM_GOOD)
		return header;
	if (packet->l4.n < packet->l4_len)
		return CHECKSUM_UNKNOWN;
	if (fold(pseudo_header(packet, packet->l4_len) + sum_octets(packet->l4.p, packet->l4.n)) ==
	    0xffff)
		return CHECKSUM_GOOD;
	memcpy(&field, packet->l4.p + 16, sizeof(field));
	return is_partial(packet, field) ? CHECKSUM_PARTIAL : CHECKSUM_BAD;
}
