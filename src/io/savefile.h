/* SPDX-License-Identifier: GPL-3.0-or-later */
/* savefile.h - what classic and pcapng captures have in common */
#ifndef IO_SAVEFILE_H
#define IO_SAVEFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SAVEFILE_LONGEST_PACKET (256U * 1024) /* libpcap's own limit for what is captured of one */
#define SAVEFILE_NS_PER_S 1000000000

/** 32 bits of the machine's byte order, or of the other one. */
static inline uint32_t savefile_u32(const uint8_t *at, bool swapped)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ?
		       value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24 :
		       value;
}

static inline uint16_t savefile_u16(const uint8_t *at, bool swapped)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? (uint16_t)(value >> 8 | value << 8) : value;
}

/** Times as foreign as everything else: classic files hold 32 bits, which libpcap takes as signed
 *  (good until 2038), pcapng 64 bits of any unit.  What lies outside of 1970 to 2262 is pulled to
 *  the nearest end. */
static inline uint64_t savefile_time_ns(int64_t s, int64_t ns)
{
	if (s < 0)
		s = s >= INT32_MIN ? (int64_t)(uint32_t)s : 0;
	if (s >= INT64_MAX / SAVEFILE_NS_PER_S)
		return INT64_MAX;
	if (ns < 0 || ns >= SAVEFILE_NS_PER_S)
		ns = ns < 0 ? 0 : SAVEFILE_NS_PER_S - 1;
	return (uint64_t)s * SAVEFILE_NS_PER_S + (uint64_t)ns;
}

#endif
