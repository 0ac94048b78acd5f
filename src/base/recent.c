/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "recent.h"

bool recent_init(struct recent *recent, uint32_t n)
{
	/* 0, which all chains begin with, is too old already */
	*recent = (struct recent){ .n = n, .next = n + 1 };
	recent->entry = calloc(n, sizeof(*recent->entry));
	recent->youngest = calloc((size_t)n * RECENT_CHAINS, sizeof(*recent->youngest));
	if (recent->entry && recent->youngest)
		return true;
	recent_done(recent);
	return false;
}

void recent_done(struct recent *recent)
{
	free(recent->entry);
	free(recent->youngest);
	*recent = (struct recent){ 0 };
}
