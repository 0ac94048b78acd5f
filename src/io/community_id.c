/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

#include "community_id.h"

#define HASHED_MAX (2 + 16 + 16 + 2 + 2 + 2) /* octets that are hashed: seed, addresses, the rest */

static_assert(COMMUNITY_ID_TEXT == 2 + BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) + 1,
	      "the text has another length");

/* IPv4 addresses live in the last four octets; the hash is over four octets or sixteen. */
static uint8_t *add_address(uint8_t *at, const struct rpcgate_addr *addr)
{
	size_t n = rpcgate_addr_is_ipv4(addr) ? 4 : 16;

	memcpy(at, addr->octet + sizeof(addr->octet) - n, n);
	return at + n;
}

static uint8_t *add_u16(uint8_t *at, uint16_t number)
{
	*at++ = (uint8_t)(number >> 8);
	*at++ = (uint8_t)number;
	return at;
}

static bool comes_first(const struct community_end *a, const struct community_end *b)
{
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order < 0 || (order == 0 && a->port <= b->port);
}

char *community_id(uint8_t proto, const struct community_end *a, const struct community_end *b,
		   char text[COMMUNITY_ID_TEXT])
{
	bool ordered = comes_first(a, b);
	const struct community_end *first = ordered ? a : b;
	const struct community_end *second = ordered ? b : a;
	uint8_t digest[SHA1_DIGEST_SIZE];
	uint8_t hashed[HASHED_MAX];
	uint8_t *at = hashed;
	struct sha1_ctx hash;

	at = add_u16(at, 0); /* seed */
	at = add_address(at, &first->addr);
	at = add_address(at, &second->addr);
	*at++ = proto;
	*at++ = 0;
	at = add_u16(at, first->port);
	at = add_u16(at, second->port);
	sha1_init(&hash);
	sha1_update(&hash, (size_t)(at - hashed), hashed);
	sha1_digest(&hash, sizeof(digest), digest);

	memcpy(text, "1:", 2);
	base64_encode_raw(text + 2, sizeof(digest), digest);
	text[COMMUNITY_ID_TEXT - 1] = '\0';
	return text;
}
