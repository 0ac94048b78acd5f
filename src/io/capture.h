/* SPDX-License-Identifier: GPL-3.0-or-later */
/* capture.h - one capture file, packet by packet
 *
 * pcap and pcapng in both byte orders, with microseconds or nanoseconds, plain or packed with gzip
 * or zstd.  Ordinary records of classic pcap are read in place, which costs a tenth of what libpcap
 * takes; whatever is odd about such a file or a record, libpcap judges.  pcapng is read in place
 * (pcapng.h).  A file can be cut, corrupt or hostile: everything before the damage is delivered,
 * then one line says what is wrong and where.
 */
#ifndef IO_CAPTURE_H
#define IO_CAPTURE_H

#include <stdint.h>

#include "rpcgate.h"

#define CAPTURE_FAULT_TEXT 384
#define CAPTURE_ROOM (321 * 1024) /**< packets of a batch have no more octets together */

/**
 * What is wrong with a file
 *
 *  NONE        - nothing
 *  UNREADABLE  - cannot be opened or read at all
 *  FOREIGN     - readable, but its first octets are not those of a capture (or there are none)
 *  DAMAGED     - a capture, cut short or corrupt; what came before was delivered
 *  UNSUPPORTED - a capture of a kind this program does not decode
 *  ODD         - readable, although it contradicts itself or has packets that are not decoded
 */
enum capture_fault_kind {
	CAPTURE_FINE,
	CAPTURE_UNREADABLE,
	CAPTURE_FOREIGN,
	CAPTURE_DAMAGED,
	CAPTURE_UNSUPPORTED,
	CAPTURE_ODD
};

struct capture_fault {
	enum capture_fault_kind kind;
	char text[CAPTURE_FAULT_TEXT]; /**< one line, without the name of the file */
};

struct capture;

/**
 * Open a capture.
 * @param name   a path, or "-" for standard input
 * @param fault  says why, on failure
 * @return the capture, to be closed with capture_close(); NULL on failure
 */
struct capture *capture_open(const char *name, struct capture_fault *fault);
/** The same with libpcap for each record: what the quick way must agree with. */
struct capture *capture_open_slow(const char *name, struct capture_fault *fault);
/** Close and free; NULL is fine. */
void capture_close(struct capture *capture);

/**
 * Read the next packet.
 * @param packet  filled on success; its octets are valid until the next call for this capture
 * @param fault   on false: kind CAPTURE_FINE at the proper end, else what is wrong
 * @return true with a packet; false at the end, and ever after
 */
bool capture_next(struct capture *capture, struct rpcgate_packet *packet,
		  struct capture_fault *fault);

/**
 * Read packets that lie one behind the other and are there at once.
 * @param packets  their octets are valid until the next call for this capture
 * @return how many; at least one, or 0 as capture_next() says false
 */
size_t capture_next_batch(struct capture *capture, struct rpcgate_packet *packets, size_t max,
			  struct capture_fault *fault);

/**
 * From now on read into @p room, so that packets stay there when others are read into another one.
 * @param room  borrowed until it is another one's turn; NULL: the capture's own again
 * @return false, and nothing has changed, where libpcap reads
 */
bool capture_read_into(struct capture *capture, uint8_t room[CAPTURE_ROOM]);
/** True if the next packet is there already: capture_next_batch() will read nothing over others. */
bool capture_has_record(const struct capture *capture);
/** At the end: what was odd although the end was reached.  @return false if nothing was. */
bool capture_remark(const struct capture *capture, struct capture_fault *remark);

/** Number of the packet read last; the first frame of a file has number 1. */
uint64_t capture_frame(const struct capture *capture);
/** Octets taken from the file so far, as they lie on disk. */
uint64_t capture_taken(const struct capture *capture);
/** True if the file can be closed and opened again without losing anything: a regular file. */
bool capture_can_reopen(const struct capture *capture);

#endif
