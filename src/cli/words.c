/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "words.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *words_number(uint64_t value, char text[WORDS_NUMBER])
{
	char digits[32];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
	return text;
}

const char *words_octets(uint64_t value, char text[WORDS_NUMBER])
{
	static const char *const units[] = { "octets", "kB", "MB", "GB", "TB" };
	double scaled = (double)value;
	size_t unit = 0;

	while (scaled >= 999.95 && unit + 1 < COUNT(units)) {
		scaled /= 1000;
		unit++;
	}
	snprintf(text, WORDS_NUMBER, unit ? "%.1f %s" : "%.0f %s", scaled, units[unit]);
	return text;
}

const char *words_duration(uint64_t ns, char text[WORDS_TIME])
{
	uint64_t s = ns / NS_PER_S;

	if (ns < NS_PER_MS)
		snprintf(text, WORDS_TIME, "%.2f ms", (double)ns / (double)NS_PER_MS);
	else if (s < 1)
		snprintf(text, WORDS_TIME, "%" PRIu64 " ms", ns / NS_PER_MS);
	else if (s < 60)
		snprintf(text, WORDS_TIME, "%" PRIu64 ".%" PRIu64 " s", s,
			 ns / (NS_PER_S / 10) % 10);
	else if (s < 3600)
		snprintf(text, WORDS_TIME, "%" PRIu64 "m %02" PRIu64 "s", s / 60, s % 60);
	else if (s < 2 * 86400)
		snprintf(text, WORDS_TIME, "%" PRIu64 "h %02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(text, WORDS_TIME, "%" PRIu64 " days", s / 86400);
	return text;
}

const char *words_moment(uint64_t ns, const char *format, char text[WORDS_TIME])
{
	time_t s = (time_t)(ns / NS_PER_S);
	char date[WORDS_TIME - 5];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), format, &tm);
	snprintf(text, WORDS_TIME, "%s.%03u", date, (unsigned int)(ns % NS_PER_S / NS_PER_MS));
	return text;
}

const char *words_endpoint(const struct rpcgate_addr *addr, uint16_t port,
			   char text[WORDS_ENDPOINT])
{
	bool ipv4 = rpcgate_addr_is_ipv4(addr);
	char ip[RPCGATE_ADDR_TEXT];

	snprintf(text, WORDS_ENDPOINT, "%s%s%s:%u", ipv4 ? "" : "[", rpcgate_addr_format(addr, ip),
		 ipv4 ? "" : "]", port);
	return text;
}

bool words_uuid_is_nil(const struct rpcgate_uuid *uuid)
{
	static const struct rpcgate_uuid nil;

	return memcmp(uuid, &nil, sizeof(nil)) == 0;
}

const char *words_interface(const struct rpcgate_syntax *id, char text[WORDS_INTERFACE])
{
	const struct rpcgate_interface *known = rpcgate_interface_find(id);
	char uuid[RPCGATE_UUID_TEXT];

	snprintf(text, WORDS_INTERFACE, "%s %u.%u",
		 known ? known->name : rpcgate_uuid_format(&id->uuid, uuid), id->major, id->minor);
	return text;
}
