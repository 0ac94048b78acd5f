/* SPDX-License-Identifier: GPL-3.0-or-later */
/* write_scenes.c - plays of the attack tests as captures, for those who play them on a wire
 *
 * Linked in front of feed_judged() (ld --wrap): what a test judges while enforcing is judged as
 * ever, and written to $RPCGATE_SCENES_DIR as NAME-0001.pcap with a plan beside it:
 *
 *	# the trick
 *	set KEY=VALUE          settings that differ from the defaults
 *	unplayable WHY         it takes more than settings
 *	pass REASON            one line for each packet: what the engine did with it
 */
#include "feed.h"
#include "play.h"
#include "write_scenes.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *scene_told = "scene";

/* ld's own names */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __real_feed_judged(const struct rpcgate_config *cfg, const struct rpcgate_policy *policy,
			const struct packets *list, struct outcome *out);
void __wrap_feed_judged(const struct rpcgate_config *cfg, const struct rpcgate_policy *policy,
			const struct packets *list, struct outcome *out);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* The list of a play is its first member, and its settings are beside it */
static const struct play *play_of(const struct rpcgate_config *cfg, const struct packets *list)
{
	const struct play *p = (const struct play *)(const void *)list;

	_Static_assert(offsetof(struct play, packets) == 0, "a play begins with its packets");
	return cfg == &p->cfg ? p : NULL;
}

/* What can be said in a configuration is written and taken out of @p cfg; true if nothing is left */
static bool write_settings(FILE *plan, struct rpcgate_config cfg)
{
	static const char *const dcom[] = {
		[RPCGATE_DCOM_ASKED] = "asked", [RPCGATE_DCOM_ANY] = "any"
	};
	static const char *const lookup[] = {
		[RPCGATE_LOOKUP_LEARN] = "learn", [RPCGATE_LOOKUP_GRANT] = "grant"
	};
	struct rpcgate_config usual;

	feed_config(&usual);
	if (cfg.dcom != usual.dcom)
		fprintf(plan, "set dcom=%s\n", dcom[cfg.dcom]);
	if (cfg.lookup != usual.lookup)
		fprintf(plan, "set lookup=%s\n", lookup[cfg.lookup]);
	if (cfg.pinhole_ttl_s != usual.pinhole_ttl_s)
		fprintf(plan, "set pinhole.ttl=%us\n", cfg.pinhole_ttl_s);
	if (cfg.dynamic_range.n == 1 && usual.dynamic_range.n != 1)
		fprintf(plan, "set dynamic-range=%u-%u\n", cfg.dynamic_range.range[0].first,
			cfg.dynamic_range.range[0].last);
	cfg.dcom = usual.dcom;
	cfg.lookup = usual.lookup;
	cfg.pinhole_ttl_s = usual.pinhole_ttl_s;
	cfg.dynamic_range = usual.dynamic_range;
	cfg.mode = usual.mode;
	return memcmp(&cfg, &usual, sizeof(cfg)) == 0;
}

static void write_plan(FILE *plan, const char *trick, const struct rpcgate_config *cfg,
		       const struct rpcgate_policy *policy, const struct outcome *out)
{
	static const char *const actions[] = { [RPCGATE_PASS] = "pass",
					       [RPCGATE_DROP] = "drop",
					       [RPCGATE_REJECT] = "reject",
					       [RPCGATE_NONE] = "none" };

	fprintf(plan, "# %s\n", trick);
	if (!write_settings(plan, *cfg))
		fputs("unplayable limits\n", plan);
	if (policy)
		fputs("unplayable policy\n", plan);
	for (size_t i = 0; i < out->n_packets; i++)
		fprintf(plan, "%s %s\n", actions[out->action[i]],
			rpcgate_reason_name((enum rpcgate_reason)out->reason[i]));
}

/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __wrap_feed_judged(const struct rpcgate_config *cfg, const struct rpcgate_policy *policy,
			const struct packets *list, struct outcome *out)
{
	static unsigned n;
	const char *dir = getenv("RPCGATE_SCENES_DIR");
	const struct play *p = play_of(cfg, list);
	char path[512];
	FILE *plan;

	__real_feed_judged(cfg, policy, list, out);
	if (!dir || cfg->mode != RPCGATE_ENFORCE)
		return;
	snprintf(path, sizeof(path), "%s/%s-%05u.pcap", dir, program_invocation_short_name, ++n);
	if (!packets_save(list, path))
		abort();
	snprintf(path, sizeof(path), "%s/%s-%05u.plan", dir, program_invocation_short_name, n);
	plan = fopen(path, "w");
	if (!plan)
		abort();
	write_plan(plan, p && p->trick ? p->trick : scene_told, cfg, policy, out);
	if (fclose(plan))
		abort();
}
