/* SPDX-License-Identifier: BSD-2-Clause */
#include "uuid.h"

bool rd_uuid(struct reader *r, struct rpcgate_uuid *out)
{
	static const uint8_t le[] = { 3, 2, 1, 0, 5, 4, 7, 6 };
	struct bytes raw;

	if (!rd_bytes(r, sizeof(out->octet), &raw) || !raw.p)
		return false;
	memcpy(out->octet, raw.p, sizeof(out->octet));
	/* as printed: the first three numbers begin with their highest octet */
	for (size_t i = 0; !r->big && i < sizeof(le); i++)
		out->octet[i] = raw.p[le[i]];
	return true;
}

bool rd_syntax(struct reader *r, struct rpcgate_syntax *out)
{
	struct rpcgate_syntax s;
	uint32_t version;

	if (!rd_uuid(r, &s.uuid) || !rd_u32(r, &version))
		return false;
	s.major = (uint16_t)version;
	s.minor = (uint16_t)(version >> 16);
	*out = s;
	return true;
}

bool uuid_equal(const struct rpcgate_uuid *a, const struct rpcgate_uuid *b)
{
	return memcmp(a->octet, b->octet, sizeof(a->octet)) == 0;
}

bool uuid_is_nil(const struct rpcgate_uuid *uuid)
{
	static const struct rpcgate_uuid nil;

	return uuid_equal(uuid, &nil);
}

bool syntax_equal(const struct rpcgate_syntax *a, const struct rpcgate_syntax *b)
{
	return uuid_equal(&a->uuid, &b->uuid) && a->major == b->major && a->minor == b->minor;
}

char *rpcgate_uuid_format(const struct rpcgate_uuid *uuid, char text[RPCGATE_UUID_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	char *at = text;

	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = hex[uuid->octet[i] >> 4];
		*at++ = hex[uuid->octet[i] & 15];
	}
	*at = '\0';
	return text;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool rpcgate_uuid_parse(const char *text, struct rpcgate_uuid *uuid)
{
	struct rpcgate_uuid u;

	for (size_t i = 0; i < 16; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return false;
		high = hex_value(text[0]);
		low = high < 0 ? -1 : hex_value(text[1]);
		if (low < 0)
			return false;
		u.octet[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text)
		return false;
	*uuid = u;
	return true;
}
