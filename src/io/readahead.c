/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "readahead.h"

/* Waking a thread takes as long as some hundred packets: blocks are long, and who found no room
 * comes back when half of it is free */
#define BLOCKS 8
#define PACKETS 4096 /* of a block */
#define BATCH 64U    /* asked of the timeline at once */

struct fault {
	const char *name; /* the timeline's */
	struct capture_fault fault;
	size_t behind; /* packets of the block that come before */
};

struct run {
	struct timeline_place place;
	size_t n;
};

struct block {
	struct rpcgate_packet *packets;
	struct rpcgate_ahead *ahead;
	struct run *runs;
	uint8_t *room; /* [CAPTURE_ROOM]: packets lie where they were read, or are copied here */
	size_t used;   /* by copies */
	size_t n, n_runs;
	struct fault *faults;
	size_t n_faults;
	struct timeline_extent extent; /* behind its last packet */
	bool last;
	bool failed;
};

struct readahead {
	struct timeline *timeline;
	timeline_fault *on_fault;
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t filled; /* blocks read so far; block i is blocks[i % BLOCKS] */
	size_t freed;  /* blocks used so far */
	bool stop;
	struct block blocks[BLOCKS];
	/* the thread's own */
	struct block *into;
	/* the caller's own */
	size_t run, at, fault; /* of the block that is used */
	struct timeline_extent extent;
	bool ended;
	bool failed;
};

/* ----------------------------------------------------------------- the thread */

/* The timeline's faults, in the thread: kept for the caller's turn */
static void keep_fault(void *ctx, const char *name, const struct capture_fault *fault)
{
	struct block *b = ((struct readahead *)ctx)->into;
	struct fault *more = reallocarray(b->faults, b->n_faults + 1, sizeof(*more));

	if (!more) {
		b->failed = true;
		return;
	}
	b->faults = more;
	more[b->n_faults++] = (struct fault){ name, *fault, b->n };
}

static size_t octets_of(const struct rpcgate_packet *packets, size_t n)
{
	size_t octets = 0;

	for (size_t i = 0; i < n; i++)
		octets += packets[i].caplen;
	return octets;
}

static bool is_in(const uint8_t room[CAPTURE_ROOM], const uint8_t *at)
{
	return (uintptr_t)at - (uintptr_t)room < CAPTURE_ROOM;
}

static bool goes_on(const struct block *b, const struct timeline_place *place)
{
	const struct run *last = b->n_runs ? &b->runs[b->n_runs - 1] : NULL;

	return last && !b->n_faults && last->place.file == place->file &&
	       last->place.frame + last->n == place->frame;
}

static void add_run(struct block *b, const struct rpcgate_packet *packets, size_t n,
		    const struct timeline_place *place)
{
	memcpy(b->packets + b->n, packets, n * sizeof(*packets));
	b->n += n;
	if (goes_on(b, place))
		b->runs[b->n_runs - 1].n += n;
	else
		b->runs[b->n_runs++] = (struct run){ *place, n };
}

static void copy_octets(struct block *b, struct rpcgate_packet *packets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		memcpy(b->room + b->used, packets[i].data, packets[i].caplen);
		packets[i].data = b->room + b->used;
		b->used += packets[i].caplen;
	}
}

/* What the timeline gave and no block has taken yet: at most one batch */
struct pending {
	struct rpcgate_packet packets[BATCH];
	struct timeline_place place;
	size_t n;
};

static bool ask(struct readahead *r, struct pending *p)
{
	p->n = timeline_next_batch(r->timeline, p->packets, BATCH, &p->place);
	return p->n;
}

/* As far as what was taken, not what is read next */
static void take(struct readahead *r, struct pending *p)
{
	add_run(r->into, p->packets, p->n, &p->place);
	r->into->extent = timeline_extent(r->timeline);
	p->n = 0;
}

/* Packets that are valid until the next call are copied */
static void fill_with_copies(struct readahead *r, struct pending *p)
{
	struct block *b = r->into;

	while (p->n || ask(r, p)) {
		if (b->failed || b->n + p->n > PACKETS ||
		    b->used + octets_of(p->packets, p->n) > CAPTURE_ROOM)
			return;
		copy_octets(b, p->packets, p->n);
		take(r, p);
	}
	b->last = true;
}

/* Packets stay in the room: until the next would be read over them */
static void fill_in_place(struct readahead *r, struct pending *p)
{
	struct block *b = r->into;

	do {
		if (!ask(r, p)) {
			b->last = true;
			return;
		}
		/* the first behind the last that is plain comes from elsewhere: for the next block */
		if (b->failed || !is_in(b->room, p->packets[0].data))
			return;
		take(r, p);
	} while (b->n + BATCH <= PACKETS && timeline_is_ready(r->timeline));
}

static void fill(struct readahead *r, struct pending *p)
{
	struct block *b = r->into;

	b->n = b->n_runs = b->used = b->n_faults = 0;
	if (!p->n && timeline_read_into(r->timeline, b->room))
		fill_in_place(r, p);
	else
		fill_with_copies(r, p);
	rpcgate_look_ahead(b->packets, b->n, b->ahead);
}

/* False if nobody wants more */
static bool wait_for_room(struct readahead *r)
{
	bool go_on;

	pthread_mutex_lock(&r->lock);
	if (r->filled - r->freed == BLOCKS)
		while (!r->stop && r->filled - r->freed > BLOCKS / 2)
			pthread_cond_wait(&r->changed, &r->lock);
	go_on = !r->stop;
	pthread_mutex_unlock(&r->lock);
	return go_on;
}

static void *read_on(void *arg)
{
	struct pending pending = { .n = 0 };
	struct readahead *r = arg;
	bool more = true;

	while (more && wait_for_room(r)) {
		r->into = &r->blocks[r->filled % BLOCKS];
		fill(r, &pending);
		more = !r->into->last && !r->into->failed;
		pthread_mutex_lock(&r->lock);
		r->filled++;
		pthread_cond_signal(&r->changed);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

/* ------------------------------------------------------------------ the caller */

static bool block_init(struct block *b)
{
	b->packets = calloc(PACKETS, sizeof(*b->packets));
	b->ahead = calloc(PACKETS, sizeof(*b->ahead));
	b->runs = calloc(PACKETS, sizeof(*b->runs));
	b->room = malloc(CAPTURE_ROOM);
	return b->packets && b->ahead && b->runs && b->room;
}

static void let_go(struct readahead *r)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		free(r->blocks[i].packets);
		free(r->blocks[i].ahead);
		free(r->blocks[i].runs);
		free(r->blocks[i].room);
		free(r->blocks[i].faults);
	}
	free(r);
}

struct readahead *readahead_start(struct timeline *timeline, timeline_fault *on_fault, void *ctx)
{
	struct readahead *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->timeline = timeline;
	r->on_fault = on_fault;
	r->ctx = ctx;
	r->extent = timeline_extent(timeline);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	for (size_t i = 0; i < BLOCKS; i++)
		if (!block_init(&r->blocks[i])) {
			let_go(r);
			return NULL;
		}
	timeline_report(timeline, keep_fault, r);
	if (pthread_create(&r->thread, NULL, read_on, r) == 0)
		return r;
	timeline_report(timeline, on_fault, ctx);
	let_go(r);
	return NULL;
}

static const struct block *wait_for_block(struct readahead *r)
{
	pthread_mutex_lock(&r->lock);
	while (r->filled == r->freed)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	return &r->blocks[r->freed % BLOCKS];
}

static void give_back(struct readahead *r)
{
	r->run = r->at = r->fault = 0;
	pthread_mutex_lock(&r->lock);
	r->freed++;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

static void tell_faults(struct readahead *r, const struct block *b)
{
	for (; r->fault < b->n_faults && b->faults[r->fault].behind <= r->at; r->fault++)
		r->on_fault(r->ctx, b->faults[r->fault].name, &b->faults[r->fault].fault);
}

bool readahead_next(struct readahead *r, struct readahead_run *run)
{
	while (!r->ended) {
		const struct block *b = wait_for_block(r);

		tell_faults(r, b);
		if (r->run < b->n_runs) {
			const struct run *next = &b->runs[r->run++];

			*run = (struct readahead_run){ b->packets + r->at, b->ahead + r->at,
						       next->n, next->place };
			r->at += next->n;
			return true;
		}
		r->extent = b->extent;
		r->ended = b->last || b->failed;
		r->failed = b->failed;
		give_back(r);
	}
	return false;
}

struct timeline_extent readahead_extent(const struct readahead *r)
{
	return r->extent;
}

bool readahead_failed(const struct readahead *r)
{
	return r->failed;
}

void readahead_stop(struct readahead *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	timeline_report(r->timeline, r->on_fault, r->ctx);
	(void)timeline_read_into(r->timeline, NULL);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	let_go(r);
}
