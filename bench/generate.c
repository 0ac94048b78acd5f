/* SPDX-License-Identifier: GPL-3.0-or-later */
/* generate MIX FILE [MEGABYTES [SEED]] - write a capture for benchmarks, and FILE.plan beside it */
#include "mix.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct mix_plan plan;
	enum mix_kind kind = argc > 2 ? mix_kind_of(argv[1]) : MIX_KINDS;
	uint64_t megabytes = argc > 3 ? strtoull(argv[3], NULL, 10) : 200;
	uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;

	if (kind == MIX_KINDS) {
		fprintf(stderr, "usage: %s mixed|rpc|small|epm FILE [MEGABYTES [SEED]]\n", argv[0]);
		return 2;
	}
	if (!mix_write(argv[2], kind, megabytes * 1000000, seed, &plan)) {
		perror(argv[2]);
		return 1;
	}
	printf("%s: %s, %llu packets, %llu octets (mean %llu), %llu answers, %llu binds allowed, "
	       "%llu denied\n",
	       argv[2], mix_name(kind), (unsigned long long)plan.packets,
	       (unsigned long long)plan.octets,
	       (unsigned long long)(plan.octets / (plan.packets ? plan.packets : 1)),
	       (unsigned long long)plan.answers, (unsigned long long)plan.binds_allowed,
	       (unsigned long long)plan.binds_denied);
	return 0;
}
