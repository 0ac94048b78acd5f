/* SPDX-License-Identifier: BSD-2-Clause */
/* ports.h - which ports have something: a count for each use, and a bit that says whether it is zero
 *
 * The bits of a port are one octet: what a packet's two ports are used for is two reads.  The counts
 * are touched only when something comes or goes.
 */
#ifndef BASE_PORTS_H
#define BASE_PORTS_H

#include <stdlib.h>

#include "bytes.h"

#define PORTS_ALL 65536U

/* Two octets may be added up: PORTS_FLOW of both ports is PORTS_FLOWS then, and nothing else is. */
enum ports_use {
	PORTS_FLOW = 4,     /**< an end of a flow */
	PORTS_PINHOLE = 16, /**< a pinhole, or what else makes packets matter that are of no flow */
	PORTS_USES = 2
};

#define PORTS_FLOWS (2U * PORTS_FLOW)
#define PORTS_PINHOLES (3U * PORTS_PINHOLE) /**< the bits that one or two of them may set */

struct ports {
	uint32_t *count;        /**< [PORTS_USES][PORTS_ALL] */
	uint64_t firsts;        /**< grows whenever a port gets its first of some use */
	uint8_t use[PORTS_ALL]; /**< set of enum ports_use */
};

/** False if memory is short. */
MUST_USE static inline bool ports_init(struct ports *ports)
{
	*ports = (struct ports){
		.count = calloc((size_t)PORTS_USES * PORTS_ALL, sizeof(*ports->count)),
	};
	return ports->count;
}

static inline void ports_done(struct ports *ports)
{
	free(ports->count);
	ports->count = NULL;
}

/* Whole: another thread may look (ports_hint()) */
static inline void ports_mark(struct ports *ports, uint16_t port, unsigned use)
{
	__atomic_store_n(&ports->use[port], (uint8_t)use, __ATOMIC_RELAXED);
}

/** One more or one less on this port; the caller takes away what was added. */
static inline void ports_count(struct ports *ports, enum ports_use use, uint16_t port, bool more)
{
	uint32_t *count = &ports->count[(use == PORTS_PINHOLE) * PORTS_ALL + port];

	if (!more) {
		if (!--*count)
			ports_mark(ports, port, ports->use[port] & ~(unsigned)use);
	} else if (!(*count)++) {
		ports_mark(ports, port, ports->use[port] | use);
		ports->firsts++;
	}
}

static inline bool ports_has(const struct ports *ports, enum ports_use use, uint16_t port)
{
	return ports->use[port] & use;
}

/** What it is used for, seen from another thread: true now, or a moment ago. */
static inline unsigned ports_hint(const struct ports *ports, uint16_t port)
{
	return __atomic_load_n(&ports->use[port], __ATOMIC_RELAXED);
}

#endif
