/* SPDX-License-Identifier: BSD-2-Clause */
/* suspect.h - binds in a connection whose beginning an earlier engine saw
 *
 * Nothing in it tells for sure where a PDU begins: octets that look like a header may be part of a
 * stub, chosen to hide an alter_context behind them as their body.  So wherever one may begin, it
 * is read, or the connection is cut.  In octets of chance that is once in 32 gigabytes.
 */
#ifndef GATE_SUSPECT_H
#define GATE_SUSPECT_H

#include "bytes.h"

#define SUSPECT_OCTETS 12U /* of a header, up to its lengths, tell enough */

/** The last octets of one direction: too few to tell whether a header begins in them. */
struct suspect {
	uint8_t tail[SUSPECT_OCTETS - 1];
	uint8_t n;
};

/** Offset of the first header of a bind or an alter_context that may begin at @p from or behind it;
 *  @p octets.n if there is none. */
size_t suspect_find(struct bytes octets, size_t from);
/** True if one may begin in what came before and go on in @p octets, but for one that begins
 *  @p known octets before them: that is being read (0: none is). */
bool suspect_torn(const struct suspect *s, struct bytes octets, size_t known);
/** The first octets that this engine sees, @p octets, may be the rest of one of which an earlier
 *  engine saw one octet or two: as many as suspect_pending() lets pass. */
bool suspect_begun_before(struct bytes octets);
/** True if three octets or more of one may stand at the end: another engine would not know them. */
bool suspect_pending(const struct suspect *s);
/** These octets have come. */
void suspect_keep(struct suspect *s, struct bytes octets);

#endif
