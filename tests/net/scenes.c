/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scenes.c - the scenes of tests/support judged one by one, so that write_scenes.c can write them */
#include "feed.h"
#include "scenes.h"
#include "write_scenes.h"

#include <stdlib.h>

int main(void)
{
	struct packets list = { 0 };
	const struct scene *scene;
	struct rpcgate_config cfg;

	feed_config(&cfg);
	cfg.mode = RPCGATE_ENFORCE;
	for (size_t i = 0; (scene = scene_at(i)); i++) {
		struct outcome out;

		scene_told = scene->name;
		scene->make(&list);
		feed_judged(&cfg, NULL, &list, &out);
		outcome_free(&out);
	}
	packets_free(&list);
	return EXIT_SUCCESS;
}
