/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small catalogue with one UUID in three versions; test_catalogue_versions.c searches it. */
static const struct rpcgate_interface catalogue[] = {
	{ .id = { .uuid = { { 1 } }, .major = 5 }, .name = "only" },
	{ .id = { .uuid = { { 2 } }, .major = 1 }, .name = "one" },
	{ .id = { .uuid = { { 2 } }, .major = 2, .minor = 1 }, .name = "two" },
	{ .id = { .uuid = { { 2 } }, .major = 4 }, .name = "four" },
	{ .id = { .uuid = { { 3 } }, .major = 0 }, .name = "last" },
};
