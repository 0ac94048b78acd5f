/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import_rule.c - a foreign rule as a line of the policy */
#include <arpa/inet.h>
#include <string.h>

#include "import_parts.h"

bool import_uuid(struct import_word word, struct rpcgate_uuid *uuid)
{
	char text[RPCGATE_UUID_TEXT];

	if (word.n == sizeof(text) + 1 && word.p[0] == '{' && word.p[word.n - 1] == '}')
		word = (struct import_word){ word.p + 1, word.n - 2 };
	if (word.n != sizeof(text) - 1)
		return false;
	memcpy(text, word.p, word.n);
	text[word.n] = '\0';
	return rpcgate_uuid_parse(text, uuid);
}

bool import_net(struct import_word word, char net[IMPORT_NET_SIZE])
{
	const char *slash = word.n ? memchr(word.p, '/', word.n) : NULL;
	size_t n = slash ? (size_t)(slash - word.p) : word.n;
	struct import_word prefix = { word.p + n + 1, slash ? word.n - n - 1 : 0 };
	char text[INET6_ADDRSTRLEN];
	uint8_t octet[16];
	uint32_t bits;
	bool four;

	if (n >= sizeof(text))
		return false;
	memcpy(text, word.p, n);
	text[n] = '\0';
	four = inet_pton(AF_INET, text, octet) == 1;
	/* IPv4 inside IPv6 is not said in policies */
	if (!four && (inet_pton(AF_INET6, text, octet) != 1 ||
		      IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)octet)))
		return false;
	bits = four ? 32 : 128;
	if (slash && !import_number(prefix, 10, bits, &bits))
		return false;
	for (uint32_t bit = bits; bit < (four ? 32 : 128); bit++)
		octet[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	if (!four && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)octet))
		return false;
	inet_ntop(four ? AF_INET : AF_INET6, octet, text, sizeof(text));
	snprintf(net, IMPORT_NET_SIZE, "%s", text);
	if (slash)
		snprintf(net + strlen(net), IMPORT_NET_SIZE - strlen(net), "/%u", bits);
	return true;
}

/* What people call an interface, whichever version is meant */
static const char *interface_name(const struct rpcgate_uuid *uuid)
{
	const struct rpcgate_interface *known;

	for (size_t i = 0; (known = rpcgate_interface_at(i)); i++)
		if (memcmp(&known->id.uuid, uuid, sizeof(*uuid)) == 0)
			return known->name;
	return NULL;
}

void import_rule_write(struct import_input *in, const struct import_rule *rule)
{
	const char *verb = rule->deny ? "deny" : rule->log ? "log" : "allow";
	const char *name = rule->has_uuid ? interface_name(&rule->uuid) : NULL;
	char uuid[RPCGATE_UUID_TEXT] = "any";

	import_origin(in, rule->line);
	if (rule->has_uuid)
		rpcgate_uuid_format(&rule->uuid, uuid);
	if (rule->why_not)
		fprintf(in->out, "# not imported: %s\n# ", rule->why_not);
	fprintf(in->out, "%s interface %s", verb, uuid);
	if (rule->has_opnum)
		fprintf(in->out, " opnum %u", rule->opnum);
	if (rule->level)
		fprintf(in->out, " auth %u", rule->level);
	if (rule->over_udp)
		fputs(" over udp", in->out);
	if (rule->from[0])
		fprintf(in->out, " from %s", rule->from);
	if (rule->to[0])
		fprintf(in->out, " to %s", rule->to);
	if (rule->why_not)
		fputs(" ...", in->out);
	if (name)
		fprintf(in->out, " # %s", name);
	fputc('\n', in->out);
}
