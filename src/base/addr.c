/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>

#include "addr.h"

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct rpcgate_addr addr_of_ipv4(const uint8_t octet[4])
{
	struct rpcgate_addr a;

	memcpy(a.octet, mapped_prefix, sizeof(mapped_prefix));
	memcpy(a.octet + sizeof(mapped_prefix), octet, 4);
	return a;
}

bool rpcgate_addr_is_ipv4(const struct rpcgate_addr *addr)
{
	return memcmp(addr->octet, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool addr_is_any(const struct rpcgate_addr *addr)
{
	static const uint8_t zero[16];

	if (rpcgate_addr_is_ipv4(addr))
		return memcmp(addr->octet + sizeof(mapped_prefix), zero, 4) == 0;
	return memcmp(addr->octet, zero, sizeof(zero)) == 0;
}

char *rpcgate_addr_format(const struct rpcgate_addr *addr, char text[RPCGATE_ADDR_TEXT])
{
	const char *done;

	if (rpcgate_addr_is_ipv4(addr))
		done = inet_ntop(AF_INET, addr->octet + sizeof(mapped_prefix), text,
				 RPCGATE_ADDR_TEXT);
	else
		done = inet_ntop(AF_INET6, addr->octet, text, RPCGATE_ADDR_TEXT);
	if (!done)
		text[0] = '\0'; /* cannot happen: the buffer holds any address */
	return text;
}
