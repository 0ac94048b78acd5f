/* SPDX-License-Identifier: GPL-3.0-or-later */
/* story.h - what happened between a client and a server, line by line in order of time
 *
 * Remembers of all traffic who was told what, so that a refusal can be explained by what happened
 * to others; keeps lines of the asked-for hosts alone.
 */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include <stdio.h>

#include "rows.h"
#include "rpcgate.h"
#include "source.h"

#define STORY_LINES_MAX 100000
#define STORY_UNBROKEN "\t" /* begins a part of a line that is not broken at the end of the page */
#define STORY_INTERFACES 4  /* of one pinhole that are remembered for an explanation */

/** Whose story; an address that is not set is any. */
struct story_filter {
	bool has_client, has_server;
	struct rpcgate_addr client, server;
	uint16_t port; /**< of the service; 0: any */
};

/* Where an interface was announced last: on a port, or (port 0) anywhere */
struct heard_key {
	struct rpcgate_addr server;
	struct rpcgate_uuid uuid;
	uint16_t major;
	uint16_t port;
};

struct heard {
	struct heard_key key;
	struct rpcgate_addr client;
	uint64_t time_ns;
	uint16_t port;
	bool granted;
};

/* What one client may reach on one port */
struct hole_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	uint16_t port;
};

struct hole_interface {
	struct rpcgate_syntax id;
	uint64_t since_ns;
	bool open;
};

struct hole {
	struct hole_key key;
	bool dcom; /* the port of an object exporter */
	size_t n;
	size_t next; /* to be forgotten */
	struct hole_interface interface[STORY_INTERFACES];
};

struct pair {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
};

struct line {
	uint64_t time_ns;
	uint64_t group; /* events of one packet */
	unsigned int rank;
	uint64_t number;
	uint64_t frame;
	const char *file; /* interned in story->files */
	char *text;
};

struct story {
	struct story_filter filter;
	struct rows heard; /* struct heard */
	struct rows holes; /* struct hole */
	struct rows pairs; /* struct pair: all that were seen */
	struct rows files; /* names, cut at their end */
	struct line *lines;
	size_t n, room;
	size_t lost; /* lines that found no room */
	bool out_of_memory;
	uint64_t group, group_time, group_flow, group_frame;
	uint64_t listed, listed_group; /* entries of a listing that were not told one by one */
	uint64_t binds, refused;
};

void story_init(struct story *story, const struct story_filter *filter);
void story_free(struct story *story);
/** Take an event; a source_use for a struct story. */
void story_event(void *ctx, const struct rpcgate_event *event, const struct source_place *place);
/** Print it; once, at the end. */
void story_print(struct story *story, FILE *out, size_t width);

/* story_memory.c: who was told what */

void story_remember(struct story *story, const struct rpcgate_event *event);
const struct heard *story_heard(const struct story *story, const struct rpcgate_addr *server,
				const struct rpcgate_syntax *id, uint16_t port);
const struct hole *story_hole(const struct story *story, const struct rpcgate_event *event);
/** True if the interface is open in it. */
bool story_hole_has(const struct hole *hole, const struct rpcgate_syntax *id);

/* story_reason.c */

/** Say, in indented lines, why a bind was refused and what would have allowed it. */
void story_explain(const struct story *story, const struct rpcgate_event *event, FILE *out);

#endif
