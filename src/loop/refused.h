/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refused.h - first packets that the kernel turned away by itself, told after the fact (NFLOG)
 *
 * For the record only: the packets are gone, and not all of them come here, as the kernel tells a
 * limited number each second.  It counts all of them.
 */
#ifndef LOOP_REFUSED_H
#define LOOP_REFUSED_H

#include "rpcgate.h"

struct refused;

/** NULL, with one line in @p err, if another process listens to the group or rights are missing. */
struct refused *refused_open(uint16_t group, char err[RPCGATE_ERROR_SIZE]);
void refused_free(struct refused *refused);
int refused_fd(const struct refused *refused);
/** The next packet's headers, borrowed until the next call; false if none waits. */
bool refused_next(struct refused *refused, struct rpcgate_packet *out);

#endif
