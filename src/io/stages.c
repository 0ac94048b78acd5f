/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "stages.h"

/* Waking a thread takes as long as some hundred packets: blocks are long, and a reader who found no
 * room comes back when half of it is free */
#define BLOCKS 8
#define PACKETS 4096 /* of a block */
#define BATCH 64U    /* asked of the timeline, and shown to the engine, at once */
#define AHEAD 2U     /* blocks the engine has, before who reads does more than that */

struct fault {
	const char *name; /* the timeline's */
	struct capture_fault fault;
	size_t behind; /* packets of the block that come before */
};

struct run {
	struct timeline_place place;
	size_t n;
};

/* Packets of one run up to those that told events together */
struct step {
	size_t at, n; /* packets */
	struct timeline_place place;
	size_t told, n_told;
	size_t events, n_events;
};

struct block {
	/* what was read */
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
	bool looked; /* ahead says something */
	/* what was judged */
	struct step *steps;
	struct rpcgate_told *told;
	struct rpcgate_event *events;
	size_t n_steps, n_told, n_events;
	size_t steps_room, told_room, events_room;
	bool failed;
};

struct stages {
	struct timeline *timeline;
	struct rpcgate *gate;
	timeline_fault *on_fault;
	void *ctx;
	bool reads_itself; /* the caller does */
	pthread_t reader, judge;
	/* block i is blocks[i % BLOCKS], and belongs to who has not counted it yet */
	pthread_mutex_t lock;
	pthread_cond_t for_reader, for_judge, for_teller;
	size_t filled, judged, told;
	bool all_read; /* nothing more is filled */
	bool all_judged;
	bool cut_short;
	struct block blocks[BLOCKS];
	/* of who reads */
	struct block *into;
	struct timeline_extent reached; /* behind the last packet that a block took */
	struct pending {
		struct rpcgate_packet packets[BATCH];
		struct timeline_place place;
		size_t n;
	} pending; /* what the timeline gave and no block has taken yet: at most one batch */
	/* the caller's own */
	struct block *from; /* NULL: none is held */
	size_t step, fault;
	struct timeline_extent extent;
	bool failed;
};

/* ------------------------------------------------------------------- reading */

/* The timeline's faults: kept for their turn */
static void keep_fault(void *ctx, const char *name, const struct capture_fault *fault)
{
	struct block *b = ((struct stages *)ctx)->into;
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

/* The @p n packets behind the last are its, too: as far as what was taken, not what is read next */
static void take(struct stages *s, size_t n, const struct timeline_place *place)
{
	struct block *b = s->into;

	b->n += n;
	if (goes_on(b, place))
		b->runs[b->n_runs - 1].n += n;
	else
		b->runs[b->n_runs++] = (struct run){ *place, n };
	s->reached = timeline_extent(s->timeline);
}

/* There are no more */
static void end_reading(struct stages *s)
{
	s->into->last = true;
	s->reached = timeline_extent(s->timeline);
}

static void copy_octets(struct block *b, struct rpcgate_packet *packets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		memcpy(b->room + b->used, packets[i].data, packets[i].caplen);
		packets[i].data = b->room + b->used;
		b->used += packets[i].caplen;
	}
}

static bool ask(struct stages *s)
{
	struct pending *p = &s->pending;

	p->n = timeline_next_batch(s->timeline, p->packets, BATCH, &p->place);
	return p->n;
}

static void copy_pending(struct stages *s)
{
	struct pending *p = &s->pending;
	struct block *b = s->into;

	copy_octets(b, p->packets, p->n);
	memcpy(b->packets + b->n, p->packets, p->n * sizeof(*p->packets));
	take(s, p->n, &p->place);
	p->n = 0;
}

/* Packets that are valid until the next call are copied */
static void fill_with_copies(struct stages *s)
{
	struct pending *p = &s->pending;
	struct block *b = s->into;

	while (ask(s)) {
		if (b->failed || b->n + p->n > PACKETS ||
		    b->used + octets_of(p->packets, p->n) > CAPTURE_ROOM)
			return;
		copy_pending(s);
	}
	end_reading(s);
}

/* The first packet behind the last that is plain comes from elsewhere: for the next block */
static void put_off(struct stages *s, const struct rpcgate_packet *packets, size_t n,
		    const struct timeline_place *place)
{
	memcpy(s->pending.packets, packets, n * sizeof(*packets));
	s->pending.place = *place;
	s->pending.n = n;
}

/* Packets stay in the room: until the next would be read over them */
static void fill_in_place(struct stages *s)
{
	struct block *b = s->into;

	do {
		struct rpcgate_packet *packets = b->packets + b->n;
		struct timeline_place place;
		size_t n = timeline_next_batch(s->timeline, packets, BATCH, &place);

		if (!n) {
			end_reading(s);
			return;
		}
		if (b->failed || !is_in(b->room, packets[0].data)) {
			put_off(s, packets, n, &place);
			return;
		}
		take(s, n, &place);
	} while (b->n + BATCH <= PACKETS && timeline_is_ready(s->timeline));
}

static void fill(struct stages *s)
{
	struct block *b = s->into;

	b->looked = false;
	b->n = b->n_runs = b->used = b->n_faults = 0;
	b->n_steps = b->n_told = b->n_events = 0;
	if (s->pending.n) {
		copy_pending(s);
		if (!timeline_read_into(s->timeline, NULL)) /* else the next block has its room */
			fill_with_copies(s);
	} else if (timeline_read_into(s->timeline, b->room)) {
		fill_in_place(s);
	} else {
		fill_with_copies(s);
	}
}

static void look(struct block *b)
{
	rpcgate_look_ahead(b->packets, b->n, b->ahead);
	b->looked = true;
}

/* Blocks that wait for the engine */
static size_t waiting(struct stages *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->filled - s->judged;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* The next block, by who has the reader's turn; without the lock.  An engine that waits for packets
 * looks at them itself. */
static void read_block(struct stages *s)
{
	struct block *b = s->into = &s->blocks[s->filled % BLOCKS];

	fill(s);
	b->extent = s->reached;
	if (waiting(s) >= AHEAD) {
		look(b);
		rpcgate_sum_ahead(s->gate, b->packets, b->n, b->ahead);
	}
	pthread_mutex_lock(&s->lock);
	s->filled++;
	s->all_read = s->into->last || s->into->failed;
	pthread_cond_signal(&s->for_judge);
	pthread_mutex_unlock(&s->lock);
}

/* False if nobody wants more */
static bool wait_for_room(struct stages *s)
{
	bool go_on;

	pthread_mutex_lock(&s->lock);
	if (s->filled - s->told == BLOCKS)
		while (!s->cut_short && s->filled - s->told > BLOCKS / 2)
			pthread_cond_wait(&s->for_reader, &s->lock);
	go_on = !s->cut_short;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

static void *read_on(void *arg)
{
	struct stages *s = arg;

	pthread_setname_np(pthread_self(), "read");
	while (!s->all_read && wait_for_room(s))
		read_block(s);
	return NULL;
}

/* ------------------------------------------------------------------- judging */

/* The array with room for one more than @p n.  NULL if memory is short: it is as it was. */
static void *with_room(void *array, size_t *room, size_t n, size_t size)
{
	size_t wanted = *room ? *room : 256;
	void *grown;

	if (n < *room)
		return array;
	while (wanted <= n)
		wanted *= 2;
	grown = reallocarray(array, wanted, size);
	if (grown)
		*room = wanted;
	return grown;
}

/* The one to which packets from @p at are to be added: the last, unless that is closed by events */
static struct step *step_at(struct block *b, const struct run *run, size_t first, size_t at)
{
	struct step *last = b->n_steps ? &b->steps[b->n_steps - 1] : NULL;
	struct step *steps;

	if (last && at > first && !last->n_events)
		return last;
	steps = with_room(b->steps, &b->steps_room, b->n_steps, sizeof(*steps));
	if (!steps)
		return NULL;
	b->steps = steps;
	last = &b->steps[b->n_steps++];
	*last = (struct step){
		.at = at, .place = run->place, .told = b->n_told, .events = b->n_events
	};
	last->place.frame += at - first;
	return last;
}

/* Events are the engine's own until the next call.  Where they will lie is known when there are no
 * more: show(). */
static bool keep_events(struct block *b, struct step *step, const struct rpcgate_result *told)
{
	struct rpcgate_event *events = with_room(b->events, &b->events_room,
						 b->n_events + told->n_events, sizeof(*events));

	if (!events)
		return false;
	b->events = events;
	if (told->n_events)
		memcpy(events + b->n_events, told->events, told->n_events * sizeof(*events));
	b->n_events += told->n_events;
	step->n_events += told->n_events;
	return true;
}

static bool judge_some(struct stages *s, struct block *b, const struct run *run, size_t first,
		       size_t at, size_t *n)
{
	struct step *step = step_at(b, run, first, at);
	struct rpcgate_told *told =
		with_room(b->told, &b->told_room, b->n_told + *n, sizeof(*told));
	size_t n_told;

	b->told = told ? told : b->told;
	if (!step || !told)
		return false;
	told += b->n_told;
	*n = rpcgate_feed_told(s->gate, b->packets + at, b->ahead + at, *n, told, &n_told);
	b->n_told += n_told;
	step->n_told += n_told;
	step->n += *n;
	for (size_t i = 0; i < n_told; i++) {
		told[i].at += at - step->at;
		if (!keep_events(b, step, &told[i].result))
			return false;
	}
	return true;
}

static bool judge_run(struct stages *s, struct block *b, const struct run *run, size_t first)
{
	const size_t behind = first + run->n;

	for (size_t at = first, n; at < behind; at += n) {
		n = behind - at < BATCH ? behind - at : BATCH;
		if (!judge_some(s, b, run, first, at, &n))
			return false;
	}
	return true;
}

static void judge_block(struct stages *s, struct block *b)
{
	size_t at = 0;

	if (!b->looked)
		look(b);
	for (size_t i = 0; i < b->n_runs && !b->failed; i++) {
		b->failed = !judge_run(s, b, &b->runs[i], at);
		at += b->runs[i].n;
	}
}

/* NULL if there is no more */
static struct block *wait_for_packets(struct stages *s)
{
	struct block *b = NULL;

	pthread_mutex_lock(&s->lock);
	while (!s->cut_short && s->judged == s->filled && !s->all_read)
		pthread_cond_wait(&s->for_judge, &s->lock);
	if (!s->cut_short && s->judged != s->filled)
		b = &s->blocks[s->judged % BLOCKS];
	pthread_mutex_unlock(&s->lock);
	return b;
}

static void pass_on(struct stages *s, bool block)
{
	pthread_mutex_lock(&s->lock);
	s->judged += block;
	s->all_judged = !block;
	pthread_cond_signal(&s->for_teller);
	pthread_mutex_unlock(&s->lock);
}

static void *judge_on(void *arg)
{
	struct stages *s = arg;
	struct block *b;

	pthread_setname_np(pthread_self(), "judge");
	while ((b = wait_for_packets(s))) {
		judge_block(s, b);
		pass_on(s, true);
	}
	pass_on(s, false);
	return NULL;
}

/* ------------------------------------------------------------------- telling */

static bool block_init(struct block *b)
{
	b->packets = calloc(PACKETS, sizeof(*b->packets));
	b->ahead = calloc(PACKETS, sizeof(*b->ahead));
	b->runs = calloc(PACKETS, sizeof(*b->runs));
	b->room = malloc(CAPTURE_ROOM);
	return b->packets && b->ahead && b->runs && b->room;
}

static void let_go(struct stages *s)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		struct block *b = &s->blocks[i];

		free(b->packets);
		free(b->ahead);
		free(b->runs);
		free(b->room);
		free(b->faults);
		free(b->steps);
		free(b->told);
		free(b->events);
	}
	pthread_cond_destroy(&s->for_reader);
	pthread_cond_destroy(&s->for_judge);
	pthread_cond_destroy(&s->for_teller);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool start_threads(struct stages *s)
{
	if (pthread_create(&s->judge, NULL, judge_on, s) != 0)
		return false;
	if (s->reads_itself || pthread_create(&s->reader, NULL, read_on, s) == 0)
		return true;
	stages_cut_short(s);
	pthread_join(s->judge, NULL);
	return false;
}

struct stages *stages_start(struct timeline *timeline, struct rpcgate *gate, unsigned threads,
			    timeline_fault *on_fault, void *ctx)
{
	struct stages *s = calloc(1, sizeof(*s));
	bool good = true;

	if (!s)
		return NULL;
	s->timeline = timeline;
	s->gate = gate;
	s->on_fault = on_fault;
	s->ctx = ctx;
	s->reads_itself = threads < 3;
	s->extent = s->reached = timeline_extent(timeline);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->for_reader, NULL);
	pthread_cond_init(&s->for_judge, NULL);
	pthread_cond_init(&s->for_teller, NULL);
	for (size_t i = 0; i < BLOCKS; i++)
		good = block_init(&s->blocks[i]) && good;
	timeline_report(timeline, keep_fault, s);
	if (good && start_threads(s))
		return s;
	timeline_report(timeline, on_fault, ctx);
	let_go(s);
	return NULL;
}

/* Under the lock: the caller has the reader's turn, and the engine little to do */
static bool shall_read(const struct stages *s, size_t waiting)
{
	return s->reads_itself && !s->all_read && !s->cut_short && s->filled - s->told < BLOCKS &&
	       s->filled - s->judged < waiting;
}

/* NULL if there is no more.  Who reads sees to the engine first, and then to what it did. */
static struct block *next_block(struct stages *s)
{
	struct block *b = NULL;

	pthread_mutex_lock(&s->lock);
	while (!b) {
		if (shall_read(s, s->told == s->judged ? BLOCKS : AHEAD)) {
			pthread_mutex_unlock(&s->lock);
			read_block(s);
			pthread_mutex_lock(&s->lock);
		} else if (s->told != s->judged) {
			b = &s->blocks[s->told % BLOCKS];
		} else if (s->all_judged) {
			break;
		} else {
			pthread_cond_wait(&s->for_teller, &s->lock);
		}
	}
	pthread_mutex_unlock(&s->lock);
	s->step = s->fault = 0;
	return b;
}

static void give_back(struct stages *s)
{
	s->extent = s->from->extent;
	s->failed = s->failed || s->from->failed;
	s->from = NULL;
	pthread_mutex_lock(&s->lock);
	s->told++;
	pthread_cond_signal(&s->for_reader);
	pthread_mutex_unlock(&s->lock);
}

static void tell_faults(struct stages *s, size_t at)
{
	const struct block *b = s->from;

	for (; s->fault < b->n_faults && b->faults[s->fault].behind <= at; s->fault++)
		s->on_fault(s->ctx, b->faults[s->fault].name, &b->faults[s->fault].fault);
}

static void show(struct block *b, const struct step *step, struct judged *judged)
{
	struct rpcgate_told *told = b->told + step->told;
	size_t at = step->events;

	for (size_t i = 0; step->n_events && i < step->n_told; i++) {
		told[i].result.events = b->events + at;
		at += told[i].result.n_events;
	}
	*judged =
		(struct judged){ b->packets + step->at, step->n, step->place, told, step->n_told };
}

bool stages_next(struct stages *s, struct judged *judged)
{
	while (!s->failed && (s->from || (s->from = next_block(s)))) {
		struct block *b = s->from;

		if (s->step < b->n_steps) {
			const struct step *step = &b->steps[s->step++];

			tell_faults(s, step->at);
			show(b, step, judged);
			return true;
		}
		tell_faults(s, b->n);
		give_back(s);
	}
	return false;
}

void stages_cut_short(struct stages *s)
{
	pthread_mutex_lock(&s->lock);
	s->cut_short = true;
	pthread_cond_signal(&s->for_reader);
	pthread_cond_signal(&s->for_judge);
	pthread_mutex_unlock(&s->lock);
}

struct timeline_extent stages_extent(const struct stages *s)
{
	return s->extent;
}

bool stages_failed(const struct stages *s)
{
	return s->failed;
}

void stages_stop(struct stages *s)
{
	if (!s)
		return;
	stages_cut_short(s);
	pthread_join(s->judge, NULL);
	if (!s->reads_itself)
		pthread_join(s->reader, NULL);
	timeline_report(s->timeline, s->on_fault, s->ctx);
	(void)timeline_read_into(s->timeline, NULL);
	let_go(s);
}
