/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scenes.h - whole captures made to order, shared by the tests that need many
 *
 * Each scene is valid traffic between 192.0.2.10 (or its IPv6 twin) and 192.0.2.20, with at least
 * one announcement and one bind.
 */
#ifndef SUPPORT_SCENES_H
#define SUPPORT_SCENES_H

#include "packets.h"

struct scene {
	const char *name;
	void (*make)(struct packets *out);
	size_t bindings; /* events it must lead to */
	size_t allowed;
	size_t denied;
};

/** The @p i-th scene, NULL past the last. */
const struct scene *scene_at(size_t i);

#endif
