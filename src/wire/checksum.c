/* SPDX-License-Identifier: BSD-2-Clause */
#include "checksum.h"

/* One's complement sum of 16-bit words, in the order of the machine: RFC 1071 section 2 (B) */
static uint64_t sum_octets(const uint8_t *p, size_t n)
{
	uint64_t sum = 0, more = 0;

	for (; n >= 8; p += 8, n -= 8) { /* two sums that do not wait for each other */
		uint32_t word[2];

		memcpy(word, p, sizeof(word));
		sum += word[0];
		more += word[1];
	}
	sum += more;
	if (n >= 4) {
		uint32_t word;

		memcpy(&word, p, sizeof(word));
		sum += word;
		p += 4;
		n -= 4;
	}
	if (n) {
		uint32_t word = 0;

		memcpy(&word, p, n);
		sum += word;
	}
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t to_network(uint16_t host)
{
	const uint8_t octets[2] = { (uint8_t)(host >> 8), (uint8_t)host };
	uint16_t v;

	memcpy(&v, octets, sizeof(v));
	return v;
}

/* Addresses (as IPv4 the mapped prefix would count, so only the last four octets), length, TCP */
static uint64_t pseudo_header(const struct packet *packet, uint32_t length)
{
	size_t skip = rpcgate_addr_is_ipv4(&packet->src) ? 12 : 0;

	return sum_octets(packet->src.octet + skip, 16 - skip) +
	       sum_octets(packet->dst.octet + skip, 16 - skip) +
	       to_network((uint16_t)(length >> 16)) + to_network((uint16_t)length) +
	       to_network(IP_PROTO_TCP);
}

/* The card gets the pseudo header's sum, for large segments often without the length */
static bool is_partial(const struct packet *packet, uint16_t field)
{
	return !field || field == fold(pseudo_header(packet, packet->l4_len)) ||
	       field == fold(pseudo_header(packet, 0));
}

enum checksum checksum_header(const struct packet *packet)
{
	if (!packet->ip_header.n ||
	    fold(sum_octets(packet->ip_header.p, packet->ip_header.n)) == 0xffff)
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
