/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>

#include "addr.h"

#define MAPPED_PREFIX 12 /* octets in front of an IPv4 address */

bool rpcgate_addr_is_ipv4(const struct rpcgate_addr *addr)
{
	return addr_is_ipv4(addr);
}

bool addr_is_any(const struct rpcgate_addr *addr)
{
	static const uint8_t zero[16];

	if (addr_is_ipv4(addr))
		return memcmp(addr->octet + MAPPED_PREFIX, zero, 4) == 0;
	return memcmp(addr->octet, zero, sizeof(zero)) == 0;
}

char *rpcgate_addr_format(const struct rpcgate_addr *addr, char text[RPCGATE_ADDR_TEXT])
{
	const char *done;

	if (addr_is_ipv4(addr))
		done = inet_ntop(AF_INET, addr->octet + MAPPED_PREFIX, text, RPCGATE_ADDR_TEXT);
	else
		done = inet_ntop(AF_INET6, addr->octet, text, RPCGATE_ADDR_TEXT);
	if (!done)
		text[0] = '\0'; /* cannot happen: the buffer holds any address */
	return text;
}
