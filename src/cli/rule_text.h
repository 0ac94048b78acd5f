/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rule_text.h - rules of rpcgate-policy(5), written by the program */
#ifndef CLI_RULE_TEXT_H
#define CLI_RULE_TEXT_H

#include "rpcgate.h"

#define RULE_INTERFACE 128
#define RULE_NET (RPCGATE_ADDR_TEXT + 4) /**< address/bits */
#define RULE_TEXT 512

/** An address and how many of its own bits count: 32 or 128 for the address alone. */
struct rule_net {
	struct rpcgate_addr addr;
	unsigned int bits;
};

/** The address alone. */
struct rule_net rule_net_of(const struct rpcgate_addr *addr);
/** The smallest network that holds both; they are of one family. */
struct rule_net rule_net_join(const struct rule_net *net, const struct rpcgate_addr *addr);
/** "10.0.0.0/8", or the address alone.  Returns @p text. */
const char *rule_net_text(const struct rule_net *net, char text[RULE_NET]);

/** "samr version 1"; the UUID where no name stands for exactly it.  Returns @p text. */
const char *rule_interface(const struct rpcgate_syntax *id, char text[RULE_INTERFACE]);

/**
 * A whole rule, "allow interface samr version 1 from CLIENT to SERVER".
 * @param port    not 0: "static PORT interface ..."
 * @return @p text
 */
const char *rule_write(uint16_t port, const struct rpcgate_syntax *id,
		       const struct rule_net *client, const struct rpcgate_addr *server,
		       char text[RULE_TEXT]);

/** The same rule, about UDP.  Returns @p text. */
const char *rule_over_udp(char text[RULE_TEXT]);

#endif
