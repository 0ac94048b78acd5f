/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rst.h - end a TCP connection for both of its ends, as a bump in the wire
 *
 * From a refused segment, resets as each end expects them from the other (RFC 9293 3.10.7.1, and
 * RFC 5961 3: at the very octet that is awaited).  Ethernet with 802.1Q and 802.1ad tags, IPv4 with
 * options, IPv6 with extension headers.  Tags are those of the segment.  Pure.
 */
#ifndef LOOP_RST_H
#define LOOP_RST_H

#include "rpcgate.h"

#define RST_TAGS 8 /* as deep as the engine looks */
#define RST_FRAME_MAX (12 + 4 * RST_TAGS + 2 + 40 + 20)

struct rst_frame {
	size_t n; /**< 0: none is needed */
	uint8_t octet[RST_FRAME_MAX];
};

struct rst {
	struct rst_frame to_sender;   /**< goes out where the segment came in */
	struct rst_frame to_receiver; /**< goes where the segment would have gone: it knows nothing of
				       *   a connection whose SYN was refused, so that has none */
};

/**
 * Make the frames.
 * @param frame  @p n octets, as captured; cut behind the TCP header is long enough
 * @return false, and nothing filled, if it is no TCP segment, or one that resets itself
 */
RPCGATE_MUST_USE bool rst_make(const uint8_t *frame, size_t n, struct rst *out);

#endif
