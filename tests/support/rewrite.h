/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rewrite.h - other packets with the same meaning
 *
 * A capture is taken apart into TCP segments once.  A rewriter changes the segments, or how they
 * are wrapped, in a way that no TCP receiver could notice in the octets it reads: nothing is lost,
 * nothing comes after an acknowledgement that it came before, content never contradicts itself.
 * Packets that are not whole TCP segments with right checksums stay where and as they are.
 */
#ifndef SUPPORT_REWRITE_H
#define SUPPORT_REWRITE_H

#include "packets.h"

#define NO_FLOW SIZE_MAX

/** One packet: a segment and its wrapping, or (flow == NO_FLOW) a packet left alone. */
struct item {
	size_t flow;
	unsigned side; /* 0: sent by the end that was seen first */
	size_t raw;    /* index of the packet left alone */
	struct framing how;
	struct segment seg;
};

struct capture {
	const char *name;
	struct packets packets;
	struct item *item;
	size_t n;
	size_t n_flows;
	bool *midstream;  /* of each flow: no SYN was seen first */
	bool opaque;      /* some TCP could not be taken apart */
	bool contradicts; /* octets were sent twice with different content */
	bool all_ip;      /* every packet is IP */
};

/** Take capture->packets apart. */
void rewrite_open(struct capture *capture);
void rewrite_close(struct capture *capture);

struct rewriter;
/** The @p i-th rewriter, NULL past the last. */
const struct rewriter *rewriter_at(size_t i);
const char *rewriter_name(const struct rewriter *rewriter);
/** True if the rewriter keeps the meaning of this capture. */
bool rewriter_fits(const struct rewriter *rewriter, const struct capture *capture);

#define REWRITE_MOST 5

/** Apply rewriters in the order of their table; append the packets to @p out. */
void rewrite(const struct capture *capture, const struct rewriter *const *rewriters, size_t n,
	     struct random *random, struct packets *out);

#endif
