/* SPDX-License-Identifier: BSD-2-Clause */
/* checksum.h - Internet checksums (RFC 1071), and telling damage from offload
 *
 * A packet that its receiver discards must not move our state.  But a capture taken on the sending
 * host shows checksums that its network card was still to compute: zero, or the sum of the pseudo
 * header alone.  Such a sum can also be sent on purpose, so it is believed only from a host that
 * has not yet shown a computed one.
 */
#ifndef WIRE_CHECKSUM_H
#define WIRE_CHECKSUM_H

#include "packet.h"

enum checksum {
	CHECKSUM_GOOD,
	CHECKSUM_BAD,
	CHECKSUM_PARTIAL, /**< zero, or the sum of the pseudo header: left to the network card */
	CHECKSUM_UNKNOWN  /**< not all octets were captured */
};

/** IPv4 header alone: GOOD, BAD, or PARTIAL where it is zero.  IPv6 has none: GOOD. */
enum checksum checksum_header(const struct packet *packet);

/** IPv4 header and TCP checksum of a decoded segment. */
enum checksum checksum_verify(const struct packet *packet);

#endif
