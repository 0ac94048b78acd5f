/* SPDX-License-Identifier: BSD-2-Clause */
/* ports.h - which ports have something: a count of each, and a bit that says whether it is zero
 *
 * The bits of all ports are 8 KiB, which stay in the first cache; the counts are touched only when
 * something comes or goes.
 */
#ifndef BASE_PORTS_H
#define BASE_PORTS_H

#include <stdlib.h>

#include "bytes.h"

#define PORTS_ALL 65536U

struct ports {
	uint32_t *count;
	uint64_t used[PORTS_ALL / 64];
};

/** False if memory is short. */
MUST_USE static inline bool ports_init(struct ports *ports)
{
	*ports = (struct ports){ .count = calloc(PORTS_ALL, sizeof(*ports->count)) };
	return ports->count;
}

static inline void ports_done(struct ports *ports)
{
	free(ports->count);
	ports->count = NULL;
}

/** One more or one less on this port; the caller takes away what was added. */
static inline void ports_count(struct ports *ports, uint16_t port, bool more)
{
	uint64_t bit = UINT64_C(1) << (port % 64);

	if (more ? ++ports->count[port] : --ports->count[port])
		ports->used[port / 64] |= bit;
	else
		ports->used[port / 64] &= ~bit;
}

static inline bool ports_has(const struct ports *ports, uint16_t port)
{
	return ports->used[port / 64] >> (port % 64) & 1;
}

#endif
