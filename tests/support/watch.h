/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch.h - an engine whose promises are checked with every packet
 *
 * For input nobody has looked at: fuzz targets and random conversations.  A broken promise ends
 * the program.  The promises:
 *
 *  - nothing opens that was not announced to this client in the same step, on a usable port;
 *  - nothing is allowed as learned that was never opened;
 *  - observing, every packet passes;
 *  - counters are the sums of what was told;
 *  - an engine that has finished holds no flow and no octet of one.
 */
#ifndef SUPPORT_WATCH_H
#define SUPPORT_WATCH_H

#include "rpcgate.h"

struct watch;

/** Ends the program if there is no engine with this configuration. */
struct watch *watch_new(const struct rpcgate_config *cfg);
/** Judge by rules from now on; they must outlive the engine. */
void watch_policy(struct watch *w, const struct rpcgate_policy *policy);
enum rpcgate_action watch_feed(struct watch *w, const struct rpcgate_packet *packet);
void watch_tick(struct watch *w, uint64_t now_ns);
/** Finish, check the sums, let go. */
void watch_end(struct watch *w);

/** Tables as small as they may be, so that limits are reached and engines are cheap. */
void watch_config(struct rpcgate_config *cfg);

#endif
