/* SPDX-License-Identifier: BSD-2-Clause */
#include "uuid.h"

/* Octets the other way round, whichever way this machine has them */
static uint32_t turn(uint32_t v)
{
	return v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24;
}

static uint32_t turn_halves(uint32_t v)
{
	return (v >> 8 & 0xff00ff) | (v << 8 & 0xff00ff00);
}

bool rd_uuid(struct reader *r, struct rpcgate_uuid *out)
{
	uint32_t time_low, mid_and_high;
	struct bytes raw;

	if (!rd_bytes(r, sizeof(out->octet), &raw) || !raw.p)
		return false;
	memcpy(out->octet, raw.p, sizeof(out->octet));
	if (r->big)
		return true;
	/* as printed: the first three numbers begin with their highest octet */
	memcpy(&time_low, out->octet, sizeof(time_low));
	memcpy(&mid_and_high, out->octet + 4, sizeof(mid_and_high));
	time_low = turn(time_low);
	mid_and_high = turn_halves(mid_and_high);
	memcpy(out->octet, &time_low, sizeof(time_low));
	memcpy(out->octet + 4, &mid_and_high, sizeof(mid_and_high));
	return true;
}

bool rd_syntax(struct reader *r, struct rpcgate_syntax *out)
{
	uint32_t version;

	if (rd_left(r) < sizeof(out->uuid) + sizeof(version) || !rd_uuid(r, &out->uuid) ||
	    !rd_u32(r, &version))
		return false;
	out->major = (uint16_t)version;
	out->minor = (uint16_t)(version >> 16);
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
