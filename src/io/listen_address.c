/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listen_address.h"

static bool port_of(const char *text, in_port_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > UINT16_MAX)
		return false;
	*port = htons((uint16_t)value);
	return true;
}

static bool parse_host(char *host, struct listen_address *out, in_port_t port)
{
	size_t n = strlen(host);

	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		out->at.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port };
		out->n = sizeof(out->at.v6);
		return inet_pton(AF_INET6, host + 1, &out->at.v6.sin6_addr) == 1;
	}
	out->at.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
	out->n = sizeof(out->at.v4);
	return inet_pton(AF_INET, host, &out->at.v4.sin_addr) == 1;
}

static bool is_loopback(const struct listen_address *address)
{
	if (address->at.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->at.v6.sin6_addr);
	return ntohl(address->at.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

const char *listen_address_parse(const char *text, struct listen_address *out)
{
	static const char expected[] =
		"expected ADDRESS:PORT, such as 127.0.0.1:9135 or [::1]:9135";
	const char *colon = strrchr(text, ':');
	char host[64];
	in_port_t port;

	if (!colon || (size_t)(colon - text) >= sizeof(host) || !port_of(colon + 1, &port))
		return expected;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (!parse_host(host, out, port))
		return expected;
	return is_loopback(out) ? NULL : "only loopback addresses are served";
}

in_port_t listen_address_port(const struct listen_address *address)
{
	return ntohs(address->at.any.sa_family == AF_INET6 ? address->at.v6.sin6_port :
							     address->at.v4.sin_port);
}
