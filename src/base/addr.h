/* SPDX-License-Identifier: BSD-2-Clause */
/* addr.h - IPv4 and IPv6 addresses in one shape: IPv4 is held as ::ffff:a.b.c.d */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <string.h>

#include "rpcgate.h"

/** From four octets in network order. */
struct rpcgate_addr addr_of_ipv4(const uint8_t octet[4]);

static inline bool addr_equal(const struct rpcgate_addr *a, const struct rpcgate_addr *b)
{
	return memcmp(a->octet, b->octet, sizeof(a->octet)) == 0;
}

/** 0.0.0.0 or :: */
bool addr_is_any(const struct rpcgate_addr *addr);

#endif
