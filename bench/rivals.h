/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rivals.h - tables that a user might have taken, behind one face
 *
 * All get the same keys; those that let their caller hash get the hash of ours.
 */
#ifndef BENCH_RIVALS_H
#define BENCH_RIVALS_H

#include "lease.h"

#include <stdbool.h>

struct rival {
	const char *name;
	uint32_t most; /**< keys it is asked to hold without --full */
	/** NULL with errno, if it cannot be had on this machine. */
	void *(*make)(uint32_t n, const struct leases *hash);
	/** Add keys; false if it cannot. */
	bool (*add)(void *table, const struct lease_key *key, uint32_t n);
	/** How many of them are there. */
	uint32_t (*find)(void *table, const struct lease_key *key, uint32_t n);
	void (*free)(void *table);
};

/** Those that were found when this was built; ends with NULL. */
extern const struct rival *const rivals[];

extern const struct rival rival_uthash, rival_urcu, rival_glib, rival_nft, rival_bpf;

#endif
