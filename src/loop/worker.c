/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "rst.h"
#include "worker.h"

#define OUTBOX_SIZE 8192U
#define TELL_AT 64U       /* events that wait: half a millisecond of writing them */
#define SPINS_LOST 16U    /* in a row: from then on one time in so many is tried */
#define TICK_MS 25        /* expiry is exact without it; it tells, and makes room */
#define CHANGES_MAX 4096U /* of the kernel, for one batch; more are made before it is done */
#define PAST_MAX 1024U    /* ports to remember, until the next tick */
#define PAST_MS (24 * 3600 * UINT64_C(1000))
#define SLACK_PARTS 4U /* a kernel element outlives its pinhole by a quarter of a life */
#define PROTO_UDP 17
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* What the kernel has of one pinhole, so that a refresh that it need not know of costs nothing.
 * An element lives a little longer than its pinhole: until then the engine refuses, and can say
 * why. */
struct published {
	uint64_t id;
	uint64_t until_ns;
};

struct worker {
	struct worker_setup setup;
	struct rpcgate *gate;
	struct rpcgate_config cfg;
	struct queue *queue; /* one of these three feeds it, or nothing does */
	struct bridge *bridge;
	struct refused *refused; /* beside a queue */
	struct outbox outbox;
	struct published *published; /* by slot */
	struct kernel_change *change;
	uint64_t *change_id; /* pinhole of each change; 0: none */
	size_t n_changes;
	struct kernel_change *past; /* no packet waits for these */
	size_t n_past;
	struct worker_stats stats;
	pthread_t thread;
	bool running;
	bool split;          /* see worker_set_split() */
	bool untold;         /* events wait, and nobody was woken for them */
	bool warm;           /* a packet came, and no time has passed since */
	uint32_t spins_lost; /* in a row */
	_Atomic bool stop;
	_Atomic bool failed;
	uint64_t last_tick_ns;
	int bell;               /* eventfd: a task, or the end */
	pthread_mutex_t askers; /* one at a time */
	pthread_mutex_t lock;
	pthread_cond_t done;
	worker_task *task;
	void *task_ctx;
};

/* --------------------------------------------------------------------- clock */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* The wall clock minus the one that never steps, when we started */
static uint64_t start_offset(void)
{
	static _Atomic uint64_t offset;
	uint64_t was = 0;

	if (!atomic_load(&offset)) {
		uint64_t now = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);

		atomic_compare_exchange_strong(&offset, &was, now);
	}
	return atomic_load(&offset);
}

uint64_t worker_now_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME) + start_offset();
}

int64_t worker_clock_offset_ns(void)
{
	return (int64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) - start_offset());
}

/* ---------------------------------------------------------------------- life */

static bool reserve(struct worker *w)
{
	w->published = calloc((size_t)w->cfg.max_pinholes + 1, sizeof(*w->published));
	w->change = calloc(CHANGES_MAX, sizeof(*w->change));
	w->change_id = calloc(CHANGES_MAX, sizeof(*w->change_id));
	w->past = calloc(PAST_MAX, sizeof(*w->past));
	w->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return w->published && w->change && w->change_id && w->past && w->bell >= 0 &&
	       outbox_init(&w->outbox, OUTBOX_SIZE);
}

static struct worker *make(const struct worker_setup *setup, const struct rpcgate_config *cfg,
			   struct queue *queue, struct refused *refused, struct bridge *bridge,
			   char err[RPCGATE_ERROR_SIZE])
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w) {
		queue_free(queue);
		refused_free(refused);
		bridge_close(bridge);
		snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory");
		return NULL;
	}
	w->setup = *setup;
	w->cfg = *cfg;
	w->queue = queue;
	w->refused = refused;
	w->bridge = bridge;
	w->bell = -1;
	pthread_mutex_init(&w->askers, NULL);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->done, NULL);
	w->gate = rpcgate_new(cfg, err);
	if (w->gate && reserve(w)) {
		while (rpcgate_prepare(w->gate))
			;
		return w;
	}
	if (w->gate)
		snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory for the configured limits");
	worker_free(w);
	return NULL;
}

struct worker *worker_new(const struct worker_setup *setup, const struct rpcgate_config *cfg,
			  struct queue *queue, struct refused *refused,
			  char err[RPCGATE_ERROR_SIZE])
{
	return make(setup, cfg, queue, refused, NULL, err);
}

struct worker *worker_new_bridge(const struct worker_setup *setup, const struct rpcgate_config *cfg,
				 struct bridge *bridge, char err[RPCGATE_ERROR_SIZE])
{
	return make(setup, cfg, NULL, NULL, bridge, err);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	worker_stop(worker);
	queue_free(worker->queue);
	refused_free(worker->refused);
	bridge_close(worker->bridge);
	rpcgate_free(worker->gate);
	outbox_done(&worker->outbox);
	free(worker->published);
	free(worker->change);
	free(worker->change_id);
	free(worker->past);
	if (worker->bell >= 0)
		close(worker->bell);
	pthread_cond_destroy(&worker->done);
	pthread_mutex_destroy(&worker->lock);
	pthread_mutex_destroy(&worker->askers);
	free(worker);
}

struct rpcgate *worker_gate(struct worker *worker)
{
	return worker->gate;
}

void worker_set_split(struct worker *worker)
{
	worker->split = true;
}

struct queue *worker_queue(struct worker *worker)
{
	return worker->queue;
}

struct outbox *worker_outbox(struct worker *worker)
{
	return &worker->outbox;
}

bool worker_failed(const struct worker *worker)
{
	return atomic_load(&worker->failed);
}

/* ----------------------------------------------------------------- the kernel */

static void tell(struct worker *w, const struct rpcgate_event *event)
{
	outbox_put(&w->outbox, event);
}

/* The kernel had no room for a pinhole: what cannot be connected to is not open */
static void give_up(struct worker *w, uint64_t id)
{
	struct rpcgate_result r = rpcgate_close_pinhole(w->gate, id, worker_now_ns());
	struct rpcgate_event e = {
		.type = RPCGATE_EVENT_ENGINE,
		.time_ns = worker_now_ns(),
		.u.engine = { RPCGATE_REASON_LIMIT, "limit",
			      "a set of the kernel is full: a pinhole was closed again" },
	};

	if (!w->stats.kernel_full++)
		tell(w, &e);
	for (size_t i = 0; i < r.n_events; i++)
		tell(w, &r.events[i]);
}

/* What can be changed while running */
void worker_change(struct worker *worker, const struct worker_setup *setup,
		   const struct rpcgate_config *cfg, const struct rpcgate_policy *policy)
{
	worker->setup.enforce = setup->enforce;
	worker->setup.reset = setup->reset;
	worker->setup.first_bind = setup->first_bind;
	worker->setup.spin_ns = setup->spin_ns;
	if (rpcgate_set_config(worker->gate, cfg))
		worker->cfg.pinhole_ttl_s = cfg->pinhole_ttl_s;
	rpcgate_set_policy(worker->gate, policy);
}

/* Make the kernel know, and wait until it does */
static void publish(struct worker *w)
{
	size_t n = w->n_changes;

	w->n_changes = 0;
	if (!n)
		return;
	kernel_apply(w->setup.kernel, w->change, n);
	for (size_t i = 0; i < n; i++)
		if (!w->change[i].remove && !w->change[i].element.timeout_ms && w->change_id[i])
			give_up(w, w->change_id[i]);
}

static struct kernel_change *new_change(struct worker *w, uint64_t id)
{
	if (w->n_changes == CHANGES_MAX)
		publish(w);
	w->change_id[w->n_changes] = id;
	w->change[w->n_changes] = (struct kernel_change){ .known = false };
	return &w->change[w->n_changes++];
}

static uint64_t ms_until(uint64_t until_ns, uint64_t now_ns)
{
	return until_ns > now_ns ? (until_ns - now_ns) / NS_PER_MS + 1 : 1;
}

static void publish_past(struct worker *w)
{
	size_t n = w->n_past;

	w->n_past = 0;
	if (n)
		kernel_apply(w->setup.kernel, w->past, n);
}

/* A connection outlives its pinhole, and the kernel's knowledge of it may be lost: packets that could
 * belong to it are asked about for a day more.  That is long after the next tick, and until then
 * a connection is known by its mark: what is announced need not wait for it. */
static void remember(struct worker *w, const struct ruleset_element *open, bool known)
{
	struct ruleset_element e = *open;

	e.set = rpcgate_addr_is_ipv4(&e.client) ? SET_PAST4 : SET_PAST6;
	e.timeout_ms += PAST_MS;
	if (w->n_past == PAST_MAX)
		publish_past(w);
	w->past[w->n_past++] = (struct kernel_change){ .element = e, .known = known };
}

static enum ruleset_set set_of(const struct rpcgate_addr *client, uint8_t proto)
{
	bool ipv4 = rpcgate_addr_is_ipv4(client);

	if (proto == PROTO_UDP)
		return ipv4 ? SET_UDP4 : SET_UDP6;
	return ipv4 ? SET_PIN4 : SET_PIN6;
}

static void publish_pinhole(struct worker *w, const struct rpcgate_pinhole_event *e,
			    uint64_t now_ns)
{
	const uint64_t slack = (uint64_t)w->cfg.pinhole_ttl_s * NS_PER_S / SLACK_PARTS;
	struct published *p = &w->published[e->slot];
	struct kernel_change *c;
	bool known = p->id == e->id && p->until_ns > now_ns;

	if (!w->setup.kernel || !e->slot || e->action == RPCGATE_PINHOLE_EXPIRE ||
	    (known && e->port_until_ns && e->port_until_ns <= p->until_ns))
		return;
	if (!e->port_until_ns && !known)
		return;
	c = new_change(w, e->id);
	c->element.set = set_of(&e->client, e->proto);
	c->element.client = e->client;
	c->element.server = e->server;
	c->element.port = e->port;
	c->remove = !e->port_until_ns;
	c->known = known;
	p->id = e->id;
	p->until_ns = c->remove ? 0 : e->port_until_ns + slack;
	c->element.timeout_ms = ms_until(p->until_ns, now_ns);
	if (!c->remove && e->proto != PROTO_UDP)
		remember(w, &c->element, known);
}

static void publish_pair(struct worker *w, const struct rpcgate_event *e, uint64_t now_ns)
{
	struct kernel_change *c;

	if (!w->setup.kernel)
		return;
	c = new_change(w, 0);
	c->element.set = rpcgate_addr_is_ipv4(&e->src) ? SET_PAIR4 : SET_PAIR6;
	c->element.client = e->src;
	c->element.server = e->dest;
	c->element.timeout_ms = ms_until(e->u.expect.until_ns, now_ns);
	c->known = true; /* most are there already; where not, that costs a transaction */
}

static void take_events(struct worker *w, const struct rpcgate_result *result)
{
	uint64_t now = worker_now_ns();

	for (size_t i = 0; i < result->n_events; i++) {
		const struct rpcgate_event *e = &result->events[i];

		if (e->type == RPCGATE_EVENT_PINHOLE)
			publish_pinhole(w, &e->u.pinhole, now);
		else if (e->type == RPCGATE_EVENT_EXPECT)
			publish_pair(w, e, now);
		tell(w, e);
	}
}

static void ring(const struct worker *w)
{
	uint64_t one = 1;

	if (write(w->setup.wake_fd, &one, sizeof(one)) < 0)
		return; /* it is rung already */
}

/* Others write while nothing waits for us, not between two packets of a dialog: they may run on our
 * processor.  The next tick is soon enough. */
static void tell_at_leisure(struct worker *w, bool now)
{
	if (!w->untold || (!now && outbox_waiting(&w->outbox) < TELL_AT))
		return;
	w->untold = false;
	ring(w);
}

void worker_gather(struct worker *worker, const struct rpcgate_result *result)
{
	take_events(worker, result);
}

void worker_publish(struct worker *worker)
{
	publish(worker);
	publish_past(worker);
	ring(worker);
}

void worker_take(struct worker *worker, const struct rpcgate_result *result)
{
	worker_gather(worker, result);
	publish(worker);
	if (result->n_events)
		ring(worker);
}

void worker_republish(struct worker *worker)
{
	struct rpcgate_pinhole_record record[256];
	uint64_t cursor = 0, now = worker_now_ns();
	size_t n;

	memset(worker->published, 0,
	       ((size_t)worker->cfg.max_pinholes + 1) * sizeof(*worker->published));
	while (worker->setup.kernel && (n = rpcgate_pinholes(worker->gate, &cursor, record, 256)))
		for (size_t i = 0; i < n; i++) {
			struct kernel_change *c;

			if (!record[i].open)
				continue;
			c = new_change(worker, record[i].id);
			c->element.set = set_of(&record[i].client, record[i].proto);
			c->element.client = record[i].client;
			c->element.server = record[i].server;
			c->element.port = record[i].port;
			c->element.timeout_ms = ms_until(record[i].until_ns, now);
			c->known = true;
			if (record[i].proto != PROTO_UDP)
				remember(worker, &c->element, true);
		}
	publish(worker);
	publish_past(worker);
}

/* -------------------------------------------------------------------- packets */

static enum rpcgate_standing standing_of(const struct worker *w, uint32_t mark)
{
	static const enum rpcgate_standing standing[] = {
		[MARK_ADMITTED] = RPCGATE_STANDING_ADMITTED,
		[MARK_APPROVED] = RPCGATE_STANDING_APPROVED,
		[MARK_STRAY] = RPCGATE_STANDING_NONE,
		[MARK_SERVED] = RPCGATE_STANDING_SERVED,
	};

	return standing[mark >> w->setup.mark_shift & MARK_STATES];
}

/* What is kept of an approved connection.  Which side is the server's, the kernel knows where it saw
 * the first packet; one that was picked up in the middle is inspected in both directions for life,
 * and nothing that happens to it makes it one whose first packet was seen.
 * Until the server has accepted a bind there is nothing that need outlive us. */
static uint32_t approved(const struct worker *w, uint32_t was, bool served)
{
	if (was == MARK_SERVED)
		return MARK_SERVED;
	if (was != MARK_ADMITTED)
		return MARK_APPROVED;
	if (!served)
		return MARK_ADMITTED;
	return w->setup.first_bind ? MARK_LETGO : MARK_SERVED;
}

/* What is kept of a connection; 0: leave it as it was */
static uint32_t state_of(const struct worker *w, uint32_t was, enum rpcgate_standing standing)
{
	switch (standing) {
	case RPCGATE_STANDING_ADMITTED:
		return was == MARK_STRAY ? 0 : was == MARK_APPROVED ? MARK_APPROVED : MARK_ADMITTED;
	case RPCGATE_STANDING_APPROVED:
		return approved(w, was, false);
	case RPCGATE_STANDING_SERVED:
		return approved(w, was, true);
	case RPCGATE_STANDING_REFUSED:
		return MARK_REFUSED;
	case RPCGATE_STANDING_FOREIGN: /* nothing is held up where we only look */
		return w->setup.enforce ? MARK_FOREIGN : MARK_LETGO;
	case RPCGATE_STANDING_NONE:
		break;
	}
	return 0;
}

static void settle(struct worker *w, const struct queue_packet *p, const struct rpcgate_result *r)
{
	uint32_t ours = (uint32_t)MARK_ALL << w->setup.mark_shift;
	uint32_t was = p->mark >> w->setup.mark_shift & MARK_STATES;
	uint32_t bits = MARK_PASS | state_of(w, was, r->standing);

	if (r->action == RPCGATE_REJECT)
		bits = MARK_REFUSED;
	queue_settle(w->queue, p->id, r->action != RPCGATE_DROP,
		     (p->mark & ~ours) | bits << w->setup.mark_shift);
}

uint32_t worker_bucket_us(size_t bucket)
{
	static const uint32_t us[WORKER_BUCKETS] = { 2, 5, 10, 15, 20, 30, 50, 100, 200, 1000 };

	return bucket < WORKER_BUCKETS ? us[bucket] : 0;
}

static void note_learning(struct worker_stats *stats, uint64_t took_ns)
{
	size_t i = 0;

	while (worker_bucket_us(i) && took_ns > worker_bucket_us(i) * UINT64_C(1000))
		i++;
	stats->learn_bucket[i]++;
	stats->learned++;
	stats->learn_ns_sum += took_ns;
	if (took_ns > stats->learn_ns_max)
		stats->learn_ns_max = took_ns;
}

/* To be woken takes longer than to judge a packet: what follows at once is had without.  Where that
 * is lost time it is hardly ever tried. */
static int spin(struct worker *w, struct queue_packet *packet)
{
	uint64_t end;
	int n;

	if (!w->setup.spin_ns || !w->warm ||
	    (w->spins_lost >= SPINS_LOST && w->spins_lost++ % SPINS_LOST))
		return 0;
	end = worker_now_ns() + w->setup.spin_ns;
	while (!(n = queue_receive(w->queue, packet, false)) && worker_now_ns() < end)
		if (!w->untold && outbox_waiting(&w->outbox))
			(void)sched_yield(); /* to who was woken for them, and gives it back */
	w->spins_lost = n ? 0 : w->spins_lost + 1;
	return n;
}

static int next_packets(struct worker *w, struct queue_packet *packet)
{
	int n = spin(w, packet);

	if (!n) {
		tell_at_leisure(w, true);
		n = queue_receive(w->queue, packet, true);
	}
	w->warm = n > 0;
	return n;
}

/* Judge a batch, make the kernel know, let it go.  False if the queue is lost. */
static bool batch(struct worker *w)
{
	struct queue_packet packet[QUEUE_BATCH];
	int n = next_packets(w, packet);
	bool flushed;
	uint64_t start;

	if (n <= 0)
		return n == 0;
	start = worker_now_ns();
	for (int i = 0; i < n; i++) {
		struct rpcgate_result r;

		packet[i].packet.time_ns = start;
		packet[i].packet.standing = standing_of(w, packet[i].mark);
		r = rpcgate_feed(w->gate, &packet[i].packet);
		if (r.n_events) {
			take_events(w, &r);
			w->untold = true;
		}
		settle(w, &packet[i], &r);
	}
	if (w->n_changes) {
		publish(w);
		note_learning(&w->stats, worker_now_ns() - start);
	}
	flushed = queue_flush(w->queue);
	tell_at_leisure(w, false);
	return flushed || !w->split;
}

/* Both ends learn that a connection is refused; without a reset they have to find out */
static void reset_ends(struct worker *w, enum bridge_side from, const struct rpcgate_packet *packet)
{
	struct rst rst;

	if (!w->setup.reset || !rst_make(packet->data, packet->caplen, &rst))
		return;
	if (rst.to_sender.n)
		bridge_send(w->bridge, from, rst.to_sender.octet, rst.to_sender.n);
	if (rst.to_receiver.n)
		bridge_send(w->bridge, from == BRIDGE_LEFT ? BRIDGE_RIGHT : BRIDGE_LEFT,
			    rst.to_receiver.octet, rst.to_receiver.n);
}

/* The same with nothing but ourselves between two wires */
static void frames(struct worker *w)
{
	struct rpcgate_packet packet;
	enum bridge_side from;

	for (unsigned n = 0; n < QUEUE_BATCH && bridge_receive(w->bridge, &from, &packet); n++) {
		struct rpcgate_result r;

		packet.time_ns = worker_now_ns();
		/* a frame comes in on the one wire and goes out on the other */
		packet.indev = (uint32_t)from + 1;
		packet.outdev = 2 - (uint32_t)from;
		r = rpcgate_feed(w->gate, &packet);
		if (r.n_events)
			worker_take(w, &r);
		if (r.action == RPCGATE_PASS)
			bridge_forward(w->bridge, from, &packet);
		else if (r.action == RPCGATE_REJECT)
			reset_ends(w, from, &packet);
	}
}

/* What the kernel refused: the engine says why, and lets nothing follow from it */
static void tell_refused(struct worker *w)
{
	struct rpcgate_packet packet;

	for (unsigned n = 0; n < QUEUE_BATCH && refused_next(w->refused, &packet); n++) {
		struct rpcgate_result r;

		packet.time_ns = worker_now_ns();
		r = rpcgate_feed(w->gate, &packet);
		w->stats.told_refused++;
		worker_take(w, &r);
	}
}

static void tick(struct worker *w)
{
	struct rpcgate_result r = rpcgate_tick(w->gate, worker_now_ns());

	worker_take(w, &r);
}

/* ---------------------------------------------------------------------- tasks */

static void do_task(struct worker *w)
{
	uint64_t rung;

	if (read(w->bell, &rung, sizeof(rung)) < 0)
		return;
	pthread_mutex_lock(&w->lock);
	if (w->task) {
		w->task(w, w->task_ctx);
		w->task = NULL;
		pthread_cond_signal(&w->done);
	}
	pthread_mutex_unlock(&w->lock);
}

void worker_do(struct worker *worker, worker_task *task, void *ctx)
{
	uint64_t one = 1;

	pthread_mutex_lock(&worker->askers);
	pthread_mutex_lock(&worker->lock);
	if (!worker->running || worker_failed(worker)) {
		task(worker, ctx);
	} else {
		worker->task = task;
		worker->task_ctx = ctx;
		if (write(worker->bell, &one, sizeof(one)) == (ssize_t)sizeof(one))
			while (worker->task)
				pthread_cond_wait(&worker->done, &worker->lock);
	}
	pthread_mutex_unlock(&worker->lock);
	pthread_mutex_unlock(&worker->askers);
}

static void pinholes_task(struct worker *w, void *ctx)
{
	struct worker_slice *s = ctx;

	s->n = rpcgate_pinholes(w->gate, &s->cursor, s->pinhole, WORKER_SLICE);
}

static void bindings_task(struct worker *w, void *ctx)
{
	struct worker_slice *s = ctx;

	s->n = rpcgate_bindings(w->gate, &s->cursor, s->binding, WORKER_SLICE);
}

void worker_next_pinholes(struct worker *worker, struct worker_slice *slice)
{
	worker_do(worker, pinholes_task, slice);
}

void worker_next_bindings(struct worker *worker, struct worker_slice *slice)
{
	worker_do(worker, bindings_task, slice);
}

static void stats_task(struct worker *w, void *ctx)
{
	struct worker_stats *stats = ctx;

	*stats = w->stats;
	rpcgate_stats(w->gate, &stats->engine);
	if (w->queue)
		queue_stats(w->queue, &stats->queue);
	for (unsigned side = 0; w->bridge && side < BRIDGE_SIDES; side++)
		stats->bridge[side] = bridge_stats(w->bridge, (enum bridge_side)side);
	stats->events_lost = atomic_load(&w->outbox.lost);
}

void worker_stats(struct worker *worker, struct worker_stats *stats)
{
	worker_do(worker, stats_task, stats);
}

/* --------------------------------------------------------------------- thread */

/* What is done beside packets, a few times a second */
static void now_and_then(struct worker *w)
{
	uint64_t now = worker_now_ns();

	if (now - w->last_tick_ns < TICK_MS * NS_PER_MS)
		return;
	w->last_tick_ns = now;
	if (w->refused)
		tell_refused(w);
	do_task(w);
	tick(w);
	publish_past(w);
	rpcgate_prepare(w->gate);
	tell_at_leisure(w, true);
}

/* Packets of a queue come with one system call a batch, and nothing else is asked in between */
static void run_queue(struct worker *w)
{
	while (!atomic_load(&w->stop) && batch(w))
		now_and_then(w);
	if (w->refused)
		tell_refused(w); /* what came since */
}

static void run_poll(struct worker *w)
{
	struct pollfd fd[] = { { w->bridge ? bridge_fd(w->bridge) : -1, POLLIN, 0 },
			       { w->bell, POLLIN, 0 } };

	while (!atomic_load(&w->stop)) {
		if (poll(fd, sizeof(fd) / sizeof(fd[0]), TICK_MS) < 0 && errno != EINTR)
			return;
		if (fd[0].revents)
			frames(w);
		if (fd[1].revents)
			do_task(w);
		now_and_then(w);
	}
}

static void *run(void *ctx)
{
	struct worker *w = ctx;

	if (w->queue)
		run_queue(w);
	else
		run_poll(w);
	publish_past(w);
	/* whoever waits for a task must not wait for ever */
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->failed, !atomic_load(&w->stop));
	if (w->task)
		w->task(w, w->task_ctx);
	w->task = NULL;
	pthread_cond_signal(&w->done);
	pthread_mutex_unlock(&w->lock);
	ring(w);
	return NULL;
}

bool worker_start(struct worker *worker)
{
	atomic_store(&worker->stop, false);
	worker->running = pthread_create(&worker->thread, NULL, run, worker) == 0;
	return worker->running;
}

void worker_stop(struct worker *worker)
{
	uint64_t one = 1;

	if (!worker->running)
		return;
	atomic_store(&worker->stop, true);
	if (write(worker->bell, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_join(worker->thread, NULL);
	worker->running = false;
}
