/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "plan.h"

/* The engine's limit is reached first: the kernel also counts elements that have run out and are not
 * collected yet, those that an earlier process left, and ports of the last day */
#define SPARE_ELEMENTS 4096U

static const struct rpcgate_port_list windows = { 1, { { 49152, 65535 } } };

static struct ruleset_plan rules_of(const struct plan *plan)
{
	const struct conf *conf = &plan->conf;

	return (struct ruleset_plan){
		.enforce = conf->action == CONF_ENFORCE,
		.reset = conf->refuse == CONF_RESET,
		.first_bind = conf->inspect == CONF_FIRST_BIND,
		.queue_first = (uint16_t)conf->queue_first,
		.queue_last = (uint16_t)conf->queue_last,
		.log_group = (uint16_t)conf->log_group,
		.log_per_s = conf->log_rate,
		.mark_shift = conf->mark_bit,
		.max_elements = 4 * plan->engine.max_pinholes + SPARE_ELEMENTS,
		.mapper = plan->engine.mapper_ports,
		/* without a range ports are learned anywhere; closed is what Windows uses */
		.dynamic = plan->engine.dynamic_range.n ? plan->engine.dynamic_range : windows,
		.policy = plan->policy,
	};
}

bool plan_read(struct plan *plan, const char *path, enum conf_reader reader, bool observe)
{
	char err[RPCGATE_ERROR_SIZE];

	*plan = (struct plan){ .policy = NULL };
	if (!conf_read("run", path, reader, &plan->conf, &plan->policy))
		return false;
	if (observe)
		plan->conf.action = CONF_OBSERVE;
	rpcgate_config_default(&plan->engine);
	if (!rpcgate_policy_configure(plan->policy, &plan->engine, err)) {
		fprintf(stderr, "rpcgate run: %s\n", err);
		rpcgate_policy_free(plan->policy);
		plan_free(plan);
		return false;
	}
	plan->engine.mode = plan->conf.action == CONF_ENFORCE ? RPCGATE_ENFORCE : RPCGATE_OBSERVE;
	plan->engine.admission = RPCGATE_ADMIT_ANNOUNCED;
	plan->rules = rules_of(plan);
	return true;
}

void plan_free(struct plan *plan)
{
	conf_free(&plan->conf);
}

void plan_keep(struct plan *now, const struct plan *was)
{
	bool other = now->conf.mode != was->conf.mode ||
		     now->conf.queue_first != was->conf.queue_first ||
		     now->conf.queue_last != was->conf.queue_last ||
		     now->conf.mark_bit != was->conf.mark_bit ||
		     now->conf.log_group != was->conf.log_group ||
		     now->engine.max_pinholes != was->engine.max_pinholes;

	if (other)
		fputs("rpcgate: mode, queue, mark-bit, log-group and limits change with a restart\n",
		      stderr);
	now->rules.queue_first = was->rules.queue_first;
	now->rules.queue_last = was->rules.queue_last;
	now->rules.mark_shift = was->rules.mark_shift;
	now->rules.log_group = was->rules.log_group;
	now->rules.max_elements = was->rules.max_elements;
	now->rules.by = was->rules.by;
}

char *plan_ports(const struct rpcgate_port_list *list, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < list->n && n < size; i++) {
		const struct rpcgate_port_range *r = &list->range[i];
		int wrote = snprintf(text + n, size - n, r->first == r->last ? "%s%u" : "%s%u-%u",
				     i ? ", " : "", r->first, r->last);

		n += wrote > 0 ? (size_t)wrote : 0;
	}
	return text;
}
