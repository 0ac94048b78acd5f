/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bridge.h - a bump in the wire: frames in at one port, out at the other, if the caller wants so
 *
 * libpcap in immediate mode reads and writes whole Ethernet frames: ARP, multicast and what nobody
 * knows pass like everything else.  The caller decides about each frame:
 *
 *	wait for bridge_fd() to be readable
 *	while (bridge_receive(bridge, &side, &packet))
 *		... judge it, make pinholes true ...
 *		bridge_forward(bridge, side, &packet)  or not
 *
 * What joins frames on their way in (GRO, LRO) and leaves work for the way out (TSO, GSO) is switched
 * off at both ports while the bridge is open: a joined frame is too long for the other wire.
 * Checksums that hosts leave to their card are for the other end of a veth pair to switch off.
 *
 * A port that disappears or is set down closes the bridge, which is said once; it is opened again
 * when the port is back, tried after 0.1 s and then less and less often, at least each 5 s.
 */
#ifndef LOOP_BRIDGE_H
#define LOOP_BRIDGE_H

#include "rpcgate.h"

enum bridge_side { BRIDGE_LEFT, BRIDGE_RIGHT, BRIDGE_SIDES };

struct bridge_config {
	const char *name[BRIDGE_SIDES]; /**< of the interfaces; borrowed while the bridge is open */
	bool link_state; /**< a port without carrier sets the other one down until it has it again */
	uint32_t buffer_octets; /**< of each port, for frames that wait for us; 0: 16 MiB.  When it is
				 *   full the kernel drops frames and counts them */
	void (*say)(void *ctx, const char *line); /**< what an operator should know; NULL: nobody */
	void *ctx;
};

/** Counted for a port. */
struct bridge_stats {
	uint64_t received, octets; /**< frames that came in here */
	uint64_t forwarded;        /**< frames that went out here */
	uint64_t too_long; /**< dropped: longer than the MTU of this port, where they should out */
	uint64_t cut;      /**< dropped: not received whole */
	uint64_t away;     /**< dropped: came in while the other port was away */
	uint64_t failed;   /**< dropped: could not be sent here */
	uint64_t kernel_dropped; /**< dropped by the kernel before we saw them */
	bool open;
};

struct bridge;

/**
 * Open both ports, and set them up.
 * @param err  one line, on failure: what is wrong with which interface
 * @return NULL on failure, with both interfaces as before
 */
struct bridge *bridge_open(const struct bridge_config *config, char err[RPCGATE_ERROR_SIZE]);
/** Close, and set back what was changed; NULL is fine. */
void bridge_close(struct bridge *bridge);

/** Readable when bridge_receive() should be called; the same as long as the bridge lives. */
int bridge_fd(const struct bridge *bridge);

/**
 * The next frame, of the two ports in turn.
 * @param side    where it came in
 * @param packet  its octets are valid until the next call
 * @return false if there is none now
 */
bool bridge_receive(struct bridge *bridge, enum bridge_side *side, struct rpcgate_packet *packet);

/** Send a frame on; @p from is where it came in.  False if it was dropped, and counted. */
bool bridge_forward(struct bridge *bridge, enum bridge_side from,
		    const struct rpcgate_packet *packet);
/** Send a frame of our own out at a port, such as a reset.  False if it was dropped, and counted. */
bool bridge_send(struct bridge *bridge, enum bridge_side to, const uint8_t *frame, size_t n);

struct bridge_stats bridge_stats(const struct bridge *bridge, enum bridge_side side);

#endif
