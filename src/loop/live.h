/* SPDX-License-Identifier: GPL-3.0-or-later */
/* live.h - packets of an interface, as they come, without touching them
 *
 * Through libpcap, promiscuous, in both directions.  Packets are handed over some 50 ms after they
 * came, many at once.
 */
#ifndef LOOP_LIVE_H
#define LOOP_LIVE_H

#include "rpcgate.h"

#define LIVE_BUFFER (32U << 20) /* octets: what may wait for us; more is dropped, and counted */

struct live;

enum live_result {
	LIVE_PACKET,
	LIVE_NONE,  /**< none now */
	LIVE_FAILED /**< and there will be none: the interface is gone or was set down */
};

/**
 * Open an interface.
 * @param name    "eth0", or "any"
 * @param filter  pcap-filter(7), or NULL
 * @param err     one line, on failure
 * @return NULL on failure
 */
struct live *live_open(const char *name, const char *filter, char err[RPCGATE_ERROR_SIZE]);
/** Close and free; NULL is fine. */
void live_close(struct live *live);

/** Readable when there may be packets. */
int live_fd(const struct live *live);
/**
 * The next packet.
 * @param packet  its octets are valid until the next call
 * @param err     one line, for LIVE_FAILED
 */
enum live_result live_next(struct live *live, struct rpcgate_packet *packet,
			   char err[RPCGATE_ERROR_SIZE]);
/** Packets that the kernel dropped because we were too slow. */
uint64_t live_dropped(const struct live *live);

#endif
