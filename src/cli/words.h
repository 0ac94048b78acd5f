/* SPDX-License-Identifier: GPL-3.0-or-later */
/* words.h - numbers, times and names as people read them
 *
 * Plain ASCII, UTC, the same on every machine.  Each function writes to @p text and returns it.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "rpcgate.h"

#define WORDS_NUMBER 32
#define WORDS_TIME 32
#define WORDS_ENDPOINT (RPCGATE_ADDR_TEXT + 8) /**< [address]:port */
#define WORDS_INTERFACE 128

/** 1234567 as "1,234,567" */
const char *words_number(uint64_t value, char text[WORDS_NUMBER]);
/** 1234567 as "1.2 MB" */
const char *words_octets(uint64_t value, char text[WORDS_NUMBER]);
/** Nanoseconds as "0.64 ms", "13 ms", "1.2 s", "5m 00s", "38h 04m" or "46 days" */
const char *words_duration(uint64_t ns, char text[WORDS_TIME]);
/** A moment as strftime() has it, with milliseconds behind */
const char *words_moment(uint64_t ns, const char *format, char text[WORDS_TIME]);
/** "192.168.1.1:135" or "[fe80::1]:135" */
const char *words_endpoint(const struct rpcgate_addr *addr, uint16_t port,
			   char text[WORDS_ENDPOINT]);
/** The name everybody knows, or the UUID; with the version, which is part of what is asked for */
const char *words_interface(const struct rpcgate_syntax *id, char text[WORDS_INTERFACE]);

/** True for the UUID of zeroes only. */
bool words_uuid_is_nil(const struct rpcgate_uuid *uuid);

#endif
