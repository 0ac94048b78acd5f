/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.h - a configuration as the parts are told of it */
#ifndef LOOP_PLAN_H
#define LOOP_PLAN_H

#include "conf.h"
#include "ruleset.h"
#include "worker.h"

struct plan {
	struct conf conf;
	struct rpcgate_policy *policy;
	struct rpcgate_config engine;
	struct ruleset_plan rules; /**< refers to the policy */
};

/** Read a file.  False after every mistake was told; then nothing is left to free. */
bool plan_read(struct plan *plan, const char *path, enum conf_reader reader, bool observe);
/** All but the policy, which others may still refer to. */
void plan_free(struct plan *plan);

/** Of a plan read again: what a running process cannot change stays as it was, and is said. */
void plan_keep(struct plan *now, const struct plan *was);

/** Ports as text, such as "135, 593" or "49152-65535", cut at @p size. */
char *plan_ports(const struct rpcgate_port_list *list, char *text, size_t size);

#endif
