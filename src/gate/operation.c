/* SPDX-License-Identifier: BSD-2-Clause */
/* operation.c - the known operations of interfaces, sorted by UUID and number
 *
 * The table is made from operations.csv while building (operation_gen.c).  An operation that no
 * document confirms is not in it: a number without a name is better than a wrong one.
 */
#include <string.h>

#include "rpcgate.h"

#include "operation_table.h"

#define OPERATIONS_COUNT (sizeof(operations) / sizeof(operations[0]))

static int compare(const struct rpcgate_operation *o, const struct rpcgate_uuid *interface,
		   uint32_t opnum)
{
	int order = memcmp(&o->interface, interface, sizeof(*interface));

	return order ? order : (o->opnum > opnum) - (o->opnum < opnum);
}

/* The first entry that is not below; OPERATIONS_COUNT where all are */
static size_t first_not_below(const struct rpcgate_uuid *interface, uint32_t opnum)
{
	size_t low = 0;
	size_t high = OPERATIONS_COUNT;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&operations[mid], interface, opnum) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const char *rpcgate_operation_name(const struct rpcgate_uuid *interface, uint16_t opnum)
{
	size_t i = first_not_below(interface, opnum);

	if (i == OPERATIONS_COUNT || compare(&operations[i], interface, opnum) != 0)
		return NULL;
	return operations[i].name;
}

const struct rpcgate_operation *rpcgate_operations_of(const struct rpcgate_uuid *interface,
						      size_t *n)
{
	size_t first = first_not_below(interface, 0);

	*n = first_not_below(interface, UINT16_MAX + 1U) - first;
	return *n ? &operations[first] : NULL;
}
