/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rule_text.h"

#define IPV4_OFFSET 96U /* where the bits of IPv4 begin in struct rpcgate_addr */

static unsigned int offset_of(const struct rpcgate_addr *addr)
{
	return rpcgate_addr_is_ipv4(addr) ? IPV4_OFFSET : 0;
}

struct rule_net rule_net_of(const struct rpcgate_addr *addr)
{
	return (struct rule_net){ *addr, 128 - offset_of(addr) };
}

struct rule_net rule_net_join(const struct rule_net *net, const struct rpcgate_addr *addr)
{
	unsigned int offset = offset_of(addr);
	struct rule_net out = *net;
	unsigned int bits = 0;

	while (bits < net->bits) {
		unsigned int at = offset + bits;

		if ((net->addr.octet[at / 8] ^ addr->octet[at / 8]) & 0x80 >> at % 8)
			break;
		bits++;
	}
	out.bits = bits;
	for (unsigned int at = offset + bits; at < 128; at++)
		out.addr.octet[at / 8] &= (uint8_t) ~(0x80 >> at % 8);
	return out;
}

const char *rule_net_text(const struct rule_net *net, char text[RULE_NET])
{
	char ip[RPCGATE_ADDR_TEXT];

	rpcgate_addr_format(&net->addr, ip);
	if (net->bits + offset_of(&net->addr) == 128)
		snprintf(text, RULE_NET, "%s", ip);
	else
		snprintf(text, RULE_NET, "%s/%u", ip, net->bits);
	return text;
}

/* What the language reads as one word, and as nothing else */
static bool is_plain_name(const char *name)
{
	static const char *const taken[] = { "any", "group", "interface" };

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcasecmp(name, taken[i]) == 0)
			return false;
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("#\"=,", *p))
			return false;
	return *name != '\0';
}

/* A name is what the first entry of the catalogue with it says: two interfaces may share one */
static const char *name_of(const struct rpcgate_syntax *id)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(id);
	const struct rpcgate_interface *first;

	if (!known || !is_plain_name(known->name))
		return NULL;
	for (size_t i = 0; (first = rpcgate_interface_at(i)); i++)
		if (strcasecmp(first->name, known->name) == 0)
			break;
	return first && memcmp(&first->id.uuid, &id->uuid, sizeof(id->uuid)) == 0 ? known->name :
										    NULL;
}

const char *rule_interface(const struct rpcgate_syntax *id, char text[RULE_INTERFACE])
{
	char uuid[RPCGATE_UUID_TEXT];
	const char *name = name_of(id);

	snprintf(text, RULE_INTERFACE, "%s version %u",
		 name ? name : rpcgate_uuid_format(&id->uuid, uuid), id->major);
	return text;
}

const char *rule_write(uint16_t port, const struct rpcgate_syntax *id,
		       const struct rule_net *client, const struct rpcgate_addr *server,
		       char text[RULE_TEXT])
{
	char interface[RULE_INTERFACE];
	char verb[16] = "allow";
	char from[RULE_NET];
	char to[RPCGATE_ADDR_TEXT];

	if (port)
		snprintf(verb, sizeof(verb), "static %u", port);
	snprintf(text, RULE_TEXT, "%s interface %s from %s to %s", verb,
		 rule_interface(id, interface), rule_net_text(client, from),
		 rpcgate_addr_format(server, to));
	return text;
}

const char *rule_over_udp(char text[RULE_TEXT])
{
	size_t n = strlen(text);

	snprintf(text + n, RULE_TEXT - n, " over udp");
	return text;
}
