/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

#include "community_id.h"

static_assert(COMMUNITY_ID_TEXT == 2 + BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1,
	      "the text has another length");

/* IPv4 addresses live in the last four octets; the hash is over four octets or sixteen. */
static size_t address_octets(const struct rpcgate_addr *addr, const uint8_t **octets)
{
	size_t n = rpcgate_addr_is_ipv4(addr) ? 4 : 16;

	*octets = addr->octet + sizeof(addr->octet) - n;
	return n;
}

static bool comes_first(const struct community_end *a, const struct community_end *b)
{
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order < 0 || (order == 0 && a->port <= b->port);
}

static void hash_address(struct sha1_ctx *hash, const struct rpcgate_addr *addr)
{
	const uint8_t *octets;
	size_t n = address_octets(addr, &octets);

	sha1_update(hash, n, octets);
}

char *community_id(uint8_t proto, const struct community_end *a, const struct community_end *b,
		   char text[COMMUNITY_ID_TEXT])
{
	static const uint8_t seed[2];
	bool ordered = comes_first(a, b);
	const struct community_end *first = ordered ? a : b;
	const struct community_end *second = ordered ? b : a;
	const uint8_t tail[] = {
		proto,
		0,
		(uint8_t)(first->port >> 8),
		(uint8_t)first->port,
		(uint8_t)(second->port >> 8),
		(uint8_t)second->port,
	};
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx hash;

	sha1_init(&hash);
	sha1_update(&hash, sizeof(seed), seed);
	hash_address(&hash, &first->addr);
	hash_address(&hash, &second->addr);
	sha1_update(&hash, sizeof(tail), tail);
	sha1_digest(&hash, sizeof(digest), digest);

	memcpy(text, "1:", 2);
	base64_encode_raw(text + 2, sizeof(digest), digest);
	text[COMMUNITY_ID_TEXT - 1] = '\0';
	return text;
}
