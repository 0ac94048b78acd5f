/* SPDX-License-Identifier: BSD-2-Clause */
/* addr.h - IPv4 and IPv6 addresses in one shape: IPv4 is held as ::ffff:a.b.c.d */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <string.h>

#include "rpcgate.h"

/** From four octets in network order.  Written as one word: this runs twice for every packet, and
 *  a word read back from smaller stores waits for them. */
static inline struct rpcgate_addr addr_of_ipv4(const uint8_t octet[4])
{
	const bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	struct rpcgate_addr a = { { 0 } };
	uint64_t word;
	uint32_t host;

	memcpy(&host, octet, sizeof(host));
	word = little ? UINT64_C(0xffff0000) | (uint64_t)host << 32 : UINT64_C(0xffff) << 32 | host;
	memcpy(a.octet + 8, &word, sizeof(word));
	return a;
}

/** True if 16 octets are an IPv4 address, mapped (RFC 4291 2.5.5.2). */
static inline bool addr_is_mapped(const uint8_t *octet)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(octet, mapped, sizeof(mapped)) == 0;
}

static inline bool addr_is_ipv4(const struct rpcgate_addr *addr)
{
	return addr_is_mapped(addr->octet);
}

static inline bool addr_equal(const struct rpcgate_addr *a, const struct rpcgate_addr *b)
{
	return memcmp(a->octet, b->octet, sizeof(a->octet)) == 0;
}

/** 0.0.0.0 or :: */
bool addr_is_any(const struct rpcgate_addr *addr);

#endif
