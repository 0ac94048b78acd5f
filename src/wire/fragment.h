/* SPDX-License-Identifier: BSD-2-Clause */
/* fragment.h - IP datagrams joined from their fragments (RFC 791 3.2, RFC 8200 4.5, RFC 5722)
 *
 * Receivers differ in what they make of overlapping fragments; a datagram with an overlap is
 * dropped whole, whatever comes later.  An exact repetition of a fragment is not an overlap.
 */
#ifndef WIRE_FRAGMENT_H
#define WIRE_FRAGMENT_H

#include "arena.h"
#include "hash.h"
#include "packet.h"
#include "pool.h"
#include "table.h"

#define DATAGRAM_MAX_OCTETS 65535U
/* As long as any receiver waits (RFC 1122 3.3.2; Linux 30 s, Windows 60 s): what is forgotten
 * earlier could be completed by a piece that is looked at alone */
#define DATAGRAM_TIMEOUT_NS (120 * UINT64_C(1000000000))

struct fragments {
	struct pool datagrams;
	struct table table;
	struct hash_key key;
	struct arena *arena;
	uint32_t oldest; /**< age list: the limit lets the oldest go */
	uint32_t newest;
	uint64_t dropped; /**< datagrams given up */
	bool refuse_new;  /**< at the limit: what was forgotten could be completed behind us */
};

/** False if memory is short.  @p arena is borrowed. */
MUST_USE bool fragments_init(struct fragments *f, uint32_t max_datagrams, struct hash_key key,
			     struct arena *arena);
void fragments_done(struct fragments *f);

/**
 * Add the fragment in @p packet.
 * @param joined  on PARSE_OK the octets of the datagram; valid until fragments_release()
 * @param handle  what to release afterwards
 * @return PARSE_OK when it completes its datagram; packet->proto becomes that of the first
 *	   fragment.  PARSE_MORE when pieces are missing.  PARSE_BAD when the datagram is refused.
 */
MUST_USE enum parse fragments_add(struct fragments *f, uint32_t zone, uint64_t now_ns,
				  struct packet *packet, struct bytes *joined, uint32_t *handle);
void fragments_release(struct fragments *f, uint32_t handle);
/** Give up datagrams that waited too long. */
void fragments_expire(struct fragments *f, uint64_t now_ns);

#endif
