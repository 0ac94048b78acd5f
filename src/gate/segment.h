/* SPDX-License-Identifier: BSD-2-Clause */
/* segment.h - segments of TCP, whole or joined from fragments */
#ifndef GATE_SEGMENT_H
#define GATE_SEGMENT_H

#include "gate.h"

/**
 * Judge a segment: g->result tells what becomes of it.
 * @param in    of the packet that brought it (its last fragment)
 * @param hash  the half of the flow's hash that is enough to find it; NULL if it is not known yet
 */
void segment_judge(struct rpcgate *g, const struct packet *p, const struct rpcgate_packet *in,
		   const uint32_t *hash);
/** The last octets of a flow are read: holes will not be filled any more. */
void segments_flush(struct rpcgate *g, uint32_t index);

#endif
