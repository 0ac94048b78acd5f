/* SPDX-License-Identifier: BSD-2-Clause */
/* group.c - interfaces that belong together, by service and by purpose
 *
 * The tables are made from groups.csv and services_ports.csv while building (group_gen.c).
 */
#include <string.h>

#include "policy.h"

#include "group_table.h"

_Static_assert(ARRAY_SIZE(groups) <= 64, "a set of groups is a word");

const struct rpcgate_group *rpcgate_group_at(size_t i)
{
	return i < ARRAY_SIZE(groups) ? &groups[i] : NULL;
}

const struct rpcgate_group *rpcgate_group_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (word_equal(groups[i].name, strlen(groups[i].name), name, strlen(name)))
			return &groups[i];
	return NULL;
}

uint64_t groups_of(const struct rpcgate_uuid *uuid)
{
	size_t low = 0;
	size_t high = ARRAY_SIZE(group_sets);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = memcmp(&group_sets[mid].uuid, uuid, sizeof(*uuid));

		if (order == 0)
			return group_sets[mid].groups;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

unsigned group_index(const struct rpcgate_group *group)
{
	return (unsigned)(group - groups);
}

bool rpcgate_group_has(const struct rpcgate_group *group, const struct rpcgate_uuid *uuid)
{
	return groups_of(uuid) >> group_index(group) & 1;
}

uint64_t groups_within(unsigned group)
{
	uint64_t within = UINT64_MAX;

	for (size_t i = 0; i < groups[group].n_members; i++)
		within &= groups_of(&groups[group].member[i].id.uuid);
	return within;
}
