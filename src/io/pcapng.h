/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pcapng.h - blocks of a pcapng capture, in place (draft-ietf-opsawg-pcapng)
 *
 * Read here and not by libpcap because that takes three times as long for a packet, and stops at
 * the second link type, snap length or byte order of a file, all of which Wireshark writes.
 */
#ifndef IO_PCAPNG_H
#define IO_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAPNG_FAULT_TEXT 128
#define PCAPNG_INTERFACES_MAX 65536U /**< of a section; one more is a fault */

enum pcapng_outcome {
	PCAPNG_PACKET,
	PCAPNG_OTHER, /**< octets that bring none */
	PCAPNG_MORE,  /**< more octets are needed to tell */
	PCAPNG_BAD    /**< nothing behind can be read; pcapng_fault() says why */
};

struct pcapng_found {
	size_t take;          /**< PACKET, OTHER: octets to go on behind */
	size_t want;          /**< MORE: octets that must be there, counted from the same place */
	const uint8_t *data;  /**< PACKET: inside of the octets that were given */
	uint32_t captured;    /**< octets at data */
	uint32_t length;      /**< on the wire */
	uint32_t snap_length; /**< of its interface; 0: none */
	uint32_t linktype;
	uint64_t time_ns; /**< since 1970; a simple packet block has none: as if it said 0 */
};

struct pcapng;

/**
 * @param room  octets that can be given at once; what is longer is read by its beginning
 * @return NULL if memory is short
 */
struct pcapng *pcapng_new(size_t room);
void pcapng_free(struct pcapng *p);

/**
 * Read what is at hand: a block, its beginning, or more of one that is longer than the room.
 * @param block  @p n octets from where the last call let go on
 */
enum pcapng_outcome pcapng_read(struct pcapng *p, const uint8_t *block, size_t n,
				struct pcapng_found *found);
/** True if a whole packet is at hand: pcapng_read() will not ask for more. */
bool pcapng_has_packet(const struct pcapng *p, const uint8_t *octets, size_t n);
/** Inside of a block of which a part was taken. */
bool pcapng_is_inside(const struct pcapng *p);
/** What is wrong, one line; "" while nothing is. */
const char *pcapng_fault(const struct pcapng *p);

/** Interfaces of the section so far. */
uint32_t pcapng_interfaces(const struct pcapng *p);
/** LINKTYPE_ number of one of them. */
uint32_t pcapng_linktype(const struct pcapng *p, uint32_t interface);

#endif
