/* SPDX-License-Identifier: BSD-2-Clause */
/* catalogue.c - the known RPC interfaces, sorted by UUID and version
 *
 * The table is made from interfaces.csv while building (catalogue_gen.c), so finding is a binary
 * search in constants: no start-up, no memory, no lock.
 */
#include <string.h>

#include "rpcgate.h"

#include "catalogue_table.h"

#define CATALOGUE_COUNT (sizeof(catalogue) / sizeof(catalogue[0]))

/* The first entry whose UUID is not below @p uuid; CATALOGUE_COUNT where all are. */
static size_t first_not_below(const struct rpcgate_uuid *uuid)
{
	size_t low = 0;
	size_t high = CATALOGUE_COUNT;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(&catalogue[mid].id.uuid, uuid, sizeof(*uuid)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool same_uuid(size_t i, const struct rpcgate_uuid *uuid)
{
	return i < CATALOGUE_COUNT && memcmp(&catalogue[i].id.uuid, uuid, sizeof(*uuid)) == 0;
}

const struct rpcgate_interface *rpcgate_interface_find(const struct rpcgate_syntax *id)
{
	size_t first = first_not_below(&id->uuid);

	if (!same_uuid(first, &id->uuid))
		return NULL;
	for (size_t i = first; same_uuid(i, &id->uuid); i++)
		if (catalogue[i].id.major == id->major)
			return &catalogue[i];
	return &catalogue[first];
}

const struct rpcgate_interface *rpcgate_interface_at(size_t i)
{
	return i < CATALOGUE_COUNT ? &catalogue[i] : NULL;
}
