/* SPDX-License-Identifier: GPL-3.0-or-later */
/* community_id.h - one name for a flow, the same in every tool
 *
 * Community ID Flow Hashing, version 1, seed 0 (https://github.com/corelight/community-id-spec):
 * base64 of SHA-1 over seed, addresses, protocol and ports, the lower end point first.
 */
#ifndef IO_COMMUNITY_ID_H
#define IO_COMMUNITY_ID_H

#include "rpcgate.h"

#define COMMUNITY_ID_TEXT 31 /**< "1:", 28 characters of base64, NUL */

/** One end of a flow. */
struct community_end {
	struct rpcgate_addr addr;
	uint16_t port;
};

/**
 * Name a TCP or UDP flow; both directions have the same name.
 * @param proto  IP protocol number, 6 or 17
 * @return       @p text
 */
char *community_id(uint8_t proto, const struct community_end *a, const struct community_end *b,
		   char text[COMMUNITY_ID_TEXT]);

#endif
