/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mix.h - captures for benchmarks: deterministic, with a plan of what is in them
 *
 * Sixty-four conversations at a time are interleaved packet by packet.  Every capture ends with
 * all of them finished, so the plan is exact: an engine that counts otherwise is wrong, however
 * fast it was.
 */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include <stdbool.h>
#include <stdint.h>

enum mix_kind {
	MIX_MIXED, /* 95 % of the packets are not RPC; 9 % of flows IPv6, 5 % VLAN */
	MIX_RPC,   /* nothing but RPC: an endpoint is asked for, then used */
	MIX_SMALL, /* packets of 60 to 100 octets, nearly all foreign, short flows */
	MIX_EPM,   /* learning load: ask, bind once, go */
	MIX_SHORT, /* foreign connections with one exchange each */
	MIX_LONG,  /* one connection that transfers all there is, in RPC calls */
	MIX_TORN,  /* RPC in segments of one to eight octets */
	MIX_KINDS
};

/** What a capture holds. */
struct mix_plan {
	uint64_t packets;
	uint64_t octets; /* of packets, without the file's own headers */
	uint64_t answers;
	uint64_t bindings_accepted;
	uint64_t binds_allowed;
	uint64_t binds_denied;
};

const char *mix_name(enum mix_kind kind);
/** MIX_KINDS if there is none of that name. */
enum mix_kind mix_kind_of(const char *name);

/**
 * Write a capture of about @p octets to @p path and its plan to @p path.plan.
 * @return false, with errno set, if a file could not be written
 */
bool mix_write(const char *path, enum mix_kind kind, uint64_t octets, uint64_t seed,
	       struct mix_plan *plan);
/** Read the plan beside a capture; false if there is none. */
bool mix_read_plan(const char *path, struct mix_plan *plan);

#endif
