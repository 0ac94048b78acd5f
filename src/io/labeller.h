/* SPDX-License-Identifier: GPL-3.0-or-later */
/* labeller.h - nDPI names what is not RPC
 *
 * A labeller, never the gate: nothing is allowed or refused because of what it says.  It is
 * started when the first flow is to be named, sees at most 8 packets of a flow, guesses nothing
 * from port numbers and holds a bounded number of flows; over the limit, flows that wait give way in
 * turn and stay unnamed.
 */
#ifndef IO_LABELLER_H
#define IO_LABELLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct labeller;

/** What became of the flow a packet belongs to. */
enum labeller_state {
	LABELLER_STRANGER, /**< not asked about, or nDPI could not be started */
	LABELLER_WAITING,  /**< more packets are needed */
	LABELLER_NAMED,    /**< this packet settled it; said once */
	LABELLER_UNKNOWN   /**< nDPI gave up with this packet; said once */
};

/** A labeller that has not loaded nDPI yet; NULL if memory is short. */
struct labeller *labeller_new(void);
/** Let it go; NULL is fine. */
void labeller_free(struct labeller *labeller);

/**
 * Show a packet.
 * @param flow_id  names the flow, not 0
 * @param start    ask about this flow from now on; otherwise only flows already asked about count
 * @param ip       IP header and what follows, @p n octets; may be NULL with @p n 0
 * @param time_ns  packet time
 */
enum labeller_state labeller_packet(struct labeller *labeller, uint64_t flow_id, bool start,
				    const uint8_t *ip, size_t n, uint64_t time_ns);

/** The name found for a flow, while it is remembered; else NULL.  Valid until labeller_free(). */
const char *labeller_name(const struct labeller *labeller, uint64_t flow_id);

/** Flows that were asked about and have no name, or none yet. */
size_t labeller_unnamed(const struct labeller *labeller);

#endif
