/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sched.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json.h"
#include "kernel.h"
#include "notify.h"
#include "plan.h"
#include "run.h"
#include "run_parts.h"
#include "state.h"

#define SAVE_EVERY_S 60U
#define BURST_S 5U /* seconds of events that may come at once */
#define METRICS_EVERY_S 15U
#define YIELDS_BELOW 256U    /* events that wait: with more, on a busy machine, turns count */
#define EVENTS_AT_ONCE 1024U /* told before signals and timers are looked at again */

/* ------------------------------------------------------------------------ telling */

/* Engines number their flows and pinholes alone: the worker's number stands above theirs */
static uint64_t global_id(uint64_t id, size_t worker)
{
	return id ? (uint64_t)worker << RUN_ID_SHIFT | id : 0;
}

static void shift_clock(struct rpcgate_event *e, int64_t offset_ns)
{
	e->time_ns += (uint64_t)offset_ns;
	if (e->type == RPCGATE_EVENT_FLOW) {
		e->u.flow.start_ns += (uint64_t)offset_ns;
		e->u.flow.end_ns += (uint64_t)offset_ns;
	} else if (e->type == RPCGATE_EVENT_PINHOLE) {
		e->u.pinhole.until_ns += (uint64_t)offset_ns;
	}
}

static void end_line(struct service *s, bool good)
{
	if (!line_stream_end(&s->lines, good))
		return;
	for (size_t i = 0; i < CONF_EVENTS_MAX && s->sink[i]; i++)
		sink_write(s->sink[i], s->lines.text, s->lines.n);
}

static void write_event(struct service *s, const struct rpcgate_event *event, size_t worker)
{
	const struct json_origin nowhere = { 0 };
	struct rpcgate_event e = *event;
	FILE *out;

	if (!s->sink[0])
		return;
	shift_clock(&e, worker_clock_offset_ns());
	e.flow_id = global_id(e.flow_id, worker);
	e.parent_id = global_id(e.parent_id, worker);
	if (e.type == RPCGATE_EVENT_PINHOLE)
		e.u.pinhole.id = global_id(e.u.pinhole.id, worker);
	if (e.type == RPCGATE_EVENT_BIND)
		e.u.bind.pinhole_id = global_id(e.u.bind.pinhole_id, worker);
	out = line_stream_begin(&s->lines);
	end_line(s, out && json_write_event(out, &s->memory, &e, &nowhere));
}

void run_tell(struct service *s, const char *event, const char *detail)
{
	uint64_t now = worker_now_ns() + (uint64_t)worker_clock_offset_ns();
	FILE *out = line_stream_begin(&s->lines);

	end_line(s, out && json_write_engine(out, now, NULL, event, detail));
}

static void flush_sinks(struct service *s)
{
	for (size_t i = 0; i < CONF_EVENTS_MAX && s->sink[i]; i++)
		sink_flush(s->sink[i]);
}

/* One event, unless too many of its kind came lately; how many were left out is told */
static void tell_event(struct service *s, const struct rpcgate_event *event, size_t worker)
{
	char text[LIMITER_TEXT];
	struct limiter_gap gap;

	while (limiter_told(&s->limiter, event->time_ns, &gap))
		run_tell(s, "suppressed", limiter_text(&gap, text));
	if (limiter_passes(&s->limiter, event))
		write_event(s, event, worker);
}

/* True if more waits */
static bool drain(struct service *s)
{
	size_t left = EVENTS_AT_ONCE;

	for (size_t i = 0; i < s->n_workers; i++) {
		struct outbox *box = worker_outbox(s->worker[i]);
		const struct rpcgate_event *event;

		while (left && (event = outbox_peek(box))) {
			tell_event(s, event, i);
			outbox_drop(box);
			left--;
			/* to who judges packets, if that is on this processor */
			if (outbox_waiting(box) < YIELDS_BELOW)
				(void)sched_yield();
		}
	}
	flush_sinks(s);
	return !left;
}

/* -------------------------------------------------------------------------- reload */

/* A policy is referred to by events that are not written yet */
static void retire(struct service *s, struct rpcgate_policy *policy)
{
	struct retired *r = &s->retired[s->n_retired % RUN_RETIRED_MAX];

	while (r->policy && drain(s))
		; /* sixteen reloads ago: what refers to it is written first */
	rpcgate_policy_free(r->policy);
	r->policy = policy;
	for (size_t i = 0; i < s->n_workers; i++)
		r->put[i] = outbox_put_count(worker_outbox(s->worker[i]));
	s->n_retired++;
}

static void free_retired(struct service *s)
{
	for (size_t k = 0; k < RUN_RETIRED_MAX; k++) {
		struct retired *r = &s->retired[k];
		bool told = r->policy != NULL;

		for (size_t i = 0; i < s->n_workers; i++)
			told &= outbox_drop_count(worker_outbox(s->worker[i])) >= r->put[i];
		if (told) {
			rpcgate_policy_free(r->policy);
			r->policy = NULL;
		}
	}
}

struct change_task {
	const struct worker_setup *setup;
	const struct plan *plan;
	uint64_t cursor;
};

static void change(struct worker *w, void *ctx)
{
	const struct change_task *t = ctx;

	worker_change(w, t->setup, &t->plan->engine, t->plan->policy);
}

static void rejudge(struct worker *w, void *ctx)
{
	struct change_task *t = ctx;
	struct rpcgate_result r = rpcgate_rejudge(worker_gate(w), &t->cursor, 256, worker_now_ns());

	worker_take(w, &r);
}

/* What a queue's thread looks for packets with, nothing else has a use for */
static bool has_spare_processor(const struct conf *conf)
{
	cpu_set_t ours;

	return sched_getaffinity(0, sizeof(ours), &ours) == 0 &&
	       (uint32_t)CPU_COUNT(&ours) > conf->queue_last - conf->queue_first + 1;
}

static uint64_t spin_ns(const struct service *s, const struct conf *conf)
{
	return s->spare_processor ? conf->spin_us * UINT64_C(1000) : 0;
}

static bool reload(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	struct change_task task = { .setup = &s->setup };
	struct plan plan;

	snprintf(err, RPCGATE_ERROR_SIZE, "the configuration is wrong, the old one stays");
	if (!plan_read(&plan, s->path, CONF_FOR_RELOAD, s->observe))
		return false;
	plan_keep(&plan, &s->plan);
	if (s->kernel && !(s->keeper_fd >= 0 ? kernel_reload_there(s->kernel, err) :
					       kernel_change(s->kernel, &plan.rules, err))) {
		rpcgate_policy_free(plan.policy);
		plan_free(&plan);
		return false;
	}
	s->setup.enforce = plan.rules.enforce;
	s->setup.reset = plan.rules.reset;
	s->setup.first_bind = plan.rules.first_bind;
	s->setup.spin_ns = spin_ns(s, &plan.conf);
	pthread_mutex_lock(&s->lock);
	task.plan = &plan;
	for (size_t i = 0; i < s->n_workers; i++)
		worker_do(s->worker[i], change, &task);
	for (size_t i = 0; i < s->n_workers; i++)
		do
			worker_do(s->worker[i], rejudge, &task);
		while (task.cursor);
	retire(s, s->plan.policy);
	if (plan.conf.event_rate != s->plan.conf.event_rate)
		limiter_init(&s->limiter, plan.conf.event_rate, plan.conf.event_rate * BURST_S);
	plan_free(&s->plan);
	s->plan = plan;
	pthread_mutex_unlock(&s->lock);
	return true;
}

static void reopen_sinks(struct service *s)
{
	char err[RPCGATE_ERROR_SIZE];

	for (size_t i = 0; i < CONF_EVENTS_MAX && s->sink[i]; i++)
		if (!sink_reopen(s->sink[i], err))
			fprintf(stderr, "rpcgate: %s\n", err);
}

/* The loop's thread alone changes what it works with; who asks from another one waits for it */
static void on_reload(struct service *s)
{
	char err[RPCGATE_ERROR_SIZE];
	bool good;

	notify_reloading(&s->notify);
	reopen_sinks(s);
	good = reload(s, err);
	if (!good)
		fprintf(stderr, "rpcgate: reload: %s\n", err);
	run_tell(s, "reload", good ? "the new configuration is in force" : err);
	notify_ready(&s->notify, good ? "running" : "running; the last reload failed");
	pthread_mutex_lock(&s->lock);
	if (s->reload_wanted) {
		s->reload_wanted = false;
		s->reload_good = good;
		memcpy(s->reload_err, err, sizeof(err));
		pthread_cond_signal(&s->reloaded);
	}
	pthread_mutex_unlock(&s->lock);
}

bool run_reload(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	uint64_t one = 1;
	bool good;

	pthread_mutex_lock(&s->lock);
	s->reload_wanted = true;
	while (s->reload_wanted && !s->ending &&
	       write(s->setup.wake_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_cond_wait(&s->reloaded, &s->lock);
	good = !s->reload_wanted && s->reload_good;
	snprintf(err, RPCGATE_ERROR_SIZE, "%s",
		 s->reload_wanted ? "the program is ending" : s->reload_err);
	s->reload_wanted = false;
	pthread_mutex_unlock(&s->lock);
	return good;
}

static bool reload_is_wanted(struct service *s)
{
	bool wanted;

	pthread_mutex_lock(&s->lock);
	wanted = s->reload_wanted;
	pthread_mutex_unlock(&s->lock);
	return wanted;
}

/* ---------------------------------------------------------------------- time and signals */

bool run_save(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	struct state_counts counts;

	if (!s->plan.conf.state) {
		snprintf(err, RPCGATE_ERROR_SIZE, "no state file is configured");
		return false;
	}
	return state_save(s->plan.conf.state, s->worker, s->n_workers, &counts, err);
}

static void save_state(struct service *s)
{
	char err[RPCGATE_ERROR_SIZE];
	bool good;

	good = !s->plan.conf.state || run_save(s, err);
	if (!good && !s->save_failed) {
		fprintf(stderr, "rpcgate: state: %s\n", err);
		run_tell(s, "state", err);
	}
	s->save_failed = !good;
}

/* Nobody can take an owned table away; where the kernel cannot guard it, we look */
static void look_after_table(struct service *s)
{
	char err[RPCGATE_ERROR_SIZE] = "";

	if (!s->kernel || kernel_is_there(s->kernel))
		return;
	fputs("rpcgate: the table inet rpcgate was taken away; putting it back\n", stderr);
	run_tell(s, "table", "taken away by somebody, and put back");
	if (!(s->keeper_fd >= 0 ? kernel_install_there(s->kernel, err) :
				  kernel_install(s->kernel, &s->plan.rules, err))) {
		fprintf(stderr, "rpcgate: %s\n", err);
		return;
	}
	for (size_t i = 0; i < s->n_workers; i++)
		worker_do(s->worker[i], run_republish, NULL);
}

void run_republish(struct worker *worker, void *ctx)
{
	(void)ctx;
	worker_republish(worker);
}

static void tell_left_out(struct service *s, bool all)
{
	char text[LIMITER_TEXT];
	struct limiter_gap gap;

	while (all ? limiter_left(&s->limiter, &gap) :
		     limiter_told(&s->limiter, worker_now_ns(), &gap))
		run_tell(s, "suppressed", limiter_text(&gap, text));
}

static void write_stats(struct service *s)
{
	const uint64_t now = worker_now_ns() + (uint64_t)worker_clock_offset_ns();
	struct rpcgate_stats sum;
	FILE *out;

	run_stats(s, &sum, NULL);
	out = line_stream_begin(&s->lines);
	end_line(s, out && json_write_stats(out, now, &sum));
	flush_sinks(s);
}

static void every_second(struct service *s)
{
	const uint32_t interval_s = s->plan.conf.stats_interval_s;
	uint64_t ticks;

	if (read(s->timer, &ticks, sizeof(ticks)) < 0)
		return;
	s->seconds++;
	tell_left_out(s, false);
	flush_sinks(s); /* a full disk may have room again */
	look_after_table(s);
	free_retired(s);
	if (s->notify.watchdog_ns)
		notify_watchdog(&s->notify);
	if (s->seconds % METRICS_EVERY_S == 0)
		run_metrics(s);
	if (interval_s && s->seconds % interval_s == 0)
		write_stats(s);
	if (s->seconds % SAVE_EVERY_S == 0)
		save_state(s);
}

/* False: the end */
static bool on_signal(struct service *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	switch (info.ssi_signo) {
	case SIGHUP:
		on_reload(s);
		return true;
	case SIGUSR1:
		write_stats(s);
		return true;
	case SIGCHLD:
		fputs("rpcgate: the process that changes the kernel has ended\n", stderr);
		s->keeper_lost = true;
		return false;
	default:
		return false;
	}
}

static bool workers_live(const struct service *s)
{
	for (size_t i = 0; i < s->n_workers; i++)
		if (worker_failed(s->worker[i]))
			return false;
	return true;
}

static enum run_end loop(struct service *s)
{
	struct pollfd fd[] = {
		{ s->setup.wake_fd, POLLIN, 0 },
		{ s->signals, POLLIN, 0 },
		{ s->timer, POLLIN, 0 },
	};
	bool more = false;

	for (;;) {
		uint64_t rung;

		if (poll(fd, sizeof(fd) / sizeof(fd[0]), more ? 0 : -1) < 0 && errno != EINTR)
			return RUN_FAILED;
		if (fd[0].revents && read(s->setup.wake_fd, &rung, sizeof(rung)) < 0)
			continue;
		more = drain(s);
		if (reload_is_wanted(s))
			on_reload(s);
		if (fd[2].revents)
			every_second(s);
		if (fd[1].revents && !on_signal(s))
			return s->keeper_lost ? RUN_FAILED : RUN_DONE;
		if (!workers_live(s)) {
			fputs("rpcgate: a queue or a bridge cannot be read any more\n", stderr);
			return RUN_FAILED;
		}
	}
}

/* -------------------------------------------------------------------------- start */

static bool open_clocks(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	const struct sigaction ended = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };
	const struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD); /* the keeper has ended, not only stopped */
	sigaction(SIGCHLD, &ended, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* also for the threads to come */
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	s->setup.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->signals >= 0 && s->timer >= 0 && s->setup.wake_fd >= 0 &&
	    timerfd_settime(s->timer, 0, &second, NULL) == 0)
		return true;
	snprintf(err, RPCGATE_ERROR_SIZE, "timers and signals: %s", strerror(errno));
	return false;
}

static bool open_sinks(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	for (size_t i = 0; i < CONF_EVENTS_MAX && s->plan.conf.events[i]; i++) {
		s->sink[i] = sink_open(s->plan.conf.events[i], err);
		if (!s->sink[i])
			return false;
	}
	return true;
}

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "rpcgate: %s\n", line);
}

static bool random_key(struct rpcgate_config *cfg, char err[RPCGATE_ERROR_SIZE])
{
	if (getrandom(cfg->hash_key, sizeof(cfg->hash_key), 0) == (ssize_t)sizeof(cfg->hash_key))
		return true;
	snprintf(err, RPCGATE_ERROR_SIZE, "no random key: %s", strerror(errno));
	return false;
}

static bool open_bridge(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	const struct conf *conf = &s->plan.conf;
	const struct bridge_config config = { .name = { conf->port[0], conf->port[1] },
					      .link_state = true,
					      .say = say };
	struct rpcgate_config cfg = s->plan.engine;
	struct bridge *bridge = random_key(&cfg, err) ? bridge_open(&config, err) : NULL;

	if (bridge)
		s->worker[0] = worker_new_bridge(&s->setup, &cfg, bridge, err);
	s->n_workers = s->worker[0] != NULL;
	if (s->worker[0])
		rpcgate_set_policy(worker_gate(s->worker[0]), s->plan.policy);
	return s->worker[0] != NULL;
}

static bool open_workers(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	const struct conf *conf = &s->plan.conf;
	struct rpcgate_config cfg = s->plan.engine;

	if (conf->mode == CONF_BRIDGE)
		return open_bridge(s, err);
	if (!random_key(&cfg, err))
		return false;
	for (uint32_t q = conf->queue_first; q <= conf->queue_last; q++) {
		struct queue *queue = queue_open((uint16_t)q, conf->queue_length, err);
		struct refused *refused = NULL;

		if (queue && q == conf->queue_first)
			refused = refused_open((uint16_t)conf->log_group, err);
		if (!queue || (q == conf->queue_first && !refused)) {
			queue_free(queue);
			return false;
		}
		s->worker[s->n_workers] = worker_new(&s->setup, &cfg, queue, refused, err);
		if (!s->worker[s->n_workers])
			return false;
		rpcgate_set_policy(worker_gate(s->worker[s->n_workers]), s->plan.policy);
		s->n_workers++;
	}
	return true;
}

/* All that can fail, before anything is changed */
static bool prepare(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	const struct conf *conf = &s->plan.conf;

	s->kernel = conf->mode == CONF_ROUTE ? kernel_open(err) : NULL;
	if (conf->mode == CONF_ROUTE && !s->kernel)
		return false;
	s->setup.kernel = s->kernel;
	s->setup.reset = s->plan.rules.reset;
	s->setup.enforce = s->plan.rules.enforce;
	s->setup.first_bind = s->plan.rules.first_bind;
	s->setup.mark_shift = s->plan.rules.mark_shift;
	s->spare_processor = has_spare_processor(conf);
	s->setup.spin_ns = spin_ns(s, conf);
	if (!open_clocks(s, err) || !open_workers(s, err) || !open_sinks(s, err))
		return false;
	if (conf->control) {
		s->control = control_open(conf->control, run_commands, s, err);
		if (!s->control)
			return false;
	}
	return run_open_metrics(s, err);
}

static void restore(struct service *s)
{
	char err[RPCGATE_ERROR_SIZE] = "";

	if (!s->plan.conf.state)
		return;
	if (!state_load(s->plan.conf.state, s->worker, s->n_workers, &s->restored, err))
		fprintf(stderr, "rpcgate: state: %s\n", err);
	if (s->restored.wrong || s->restored.refused)
		fprintf(stderr, "rpcgate: state: %zu lines not understood, %zu not restored\n",
			s->restored.wrong, s->restored.refused);
}

static const char *const keepings[] = {
	[KERNEL_PERSISTENT] = "persistent: nobody else can change it, and it stays when this ends",
	[KERNEL_OWNED] = "owned: nobody else can change it; this kernel cannot keep it when this "
			 "ends, so a crash would open the gateway",
	[KERNEL_PLAIN] = "plain: this kernel cannot guard it; somebody else's 'nft flush ruleset' "
			 "would open the gateway for up to a second",
};

static void announce_bridge(const struct service *s)
{
	fprintf(stderr,
		"rpcgate: frames between %s and %s pass through this process, and stop when it ends\n"
		"rpcgate: to undo: stop this process, and connect the two wires some other way\n",
		s->plan.conf.port[0], s->plan.conf.port[1]);
}

/* What will happen to whom, and how to undo it */
static void announce(const struct service *s)
{
	const struct ruleset_plan *r = &s->plan.rules;
	char dynamic[256], mapper[256];

	plan_ports(&r->dynamic, dynamic, sizeof(dynamic));
	plan_ports(&r->mapper, mapper, sizeof(mapper));
	if (r->enforce)
		fprintf(stderr,
			"rpcgate: enforcing: forwarded TCP connections to ports %s pass only where a "
			"mapper (port %s) announced the port to that client; others are %s\n",
			dynamic, mapper, r->reset ? "reset" : "dropped");
	else
		fprintf(stderr,
			"rpcgate: observing: everything passes, also when this ends; RPC on ports "
			"%s and %s is judged and told\n",
			mapper, dynamic);
	if (r->first_bind)
		fputs("rpcgate: first-bind: once a server has accepted a bind nothing more of that "
		      "connection is looked at: no alter_context, no operation, no authentication level\n",
		      stderr);
	if (!s->kernel) {
		announce_bridge(s);
		return;
	}
	fprintf(stderr,
		"rpcgate: a forward chain elsewhere that is closed must accept what was inspected: "
		"meta mark & 0x%08x == 0x%08x accept\n",
		MARK_PASS << r->mark_shift, MARK_PASS << r->mark_shift);
	fprintf(stderr,
		"rpcgate: to undo: stop this process, then: nft delete table inet " RULESET_TABLE
		" (until then the ports stay %s)\n",
		r->enforce ? "closed" : "open");
}

static void ready(struct service *s)
{
	char status[160];

	snprintf(status, sizeof(status), "%zu engine%s, %s, %s, %zu pinholes restored",
		 s->n_workers, s->n_workers == 1 ? "" : "s",
		 s->plan.rules.enforce ? "enforcing" : "observing",
		 s->plan.rules.first_bind ? "first-bind" : "every-bind", s->restored.pinholes);
	fprintf(stderr, "rpcgate: ready: %s%s%s\n", status, s->kernel ? "; the table is " : "",
		s->kernel ? keepings[kernel_keeping(s->kernel)] : "");
	run_tell(s, "start", status);
	if (s->kernel && kernel_replaced(s->kernel)) {
		fputs("rpcgate: a table inet " RULESET_TABLE
		      " that was there could not be taken over; it was replaced\n",
		      stderr);
		run_tell(s, "table",
			 "one that was there could not be taken over, and was replaced");
	}
	notify_ready(&s->notify, status);
}

static bool start(struct service *s, char err[RPCGATE_ERROR_SIZE])
{
	for (size_t i = 0; i < s->n_workers; i++)
		if (!worker_start(s->worker[i])) {
			snprintf(err, RPCGATE_ERROR_SIZE, "no thread: %s", strerror(errno));
			return false;
		}
	if (s->metrics && s->plan.conf.metrics && !metrics_serve(s->metrics, err))
		return false;
	if (s->control && !control_start(s->control)) {
		snprintf(err, RPCGATE_ERROR_SIZE, "no thread: %s", strerror(errno));
		return false;
	}
	return run_lock(s, err);
}

/* ---------------------------------------------------------------------------- end */

/* Connections go on without us, and their marks stay; what was seen of them is told now.  Nothing of
 * it goes to the kernel: what is open there runs out by its own time. */
static void end_flows(struct service *s)
{
	for (size_t i = 0; i < s->n_workers; i++) {
		struct rpcgate_result r;

		do {
			r = rpcgate_finish(worker_gate(s->worker[i]));
			for (size_t k = 0; k < r.n_events; k++)
				tell_event(s, &r.events[k], i);
			flush_sinks(s);
		} while (r.n_events);
	}
}

static void end(struct service *s)
{
	if (s->n_workers)
		notify_stopping(&s->notify);
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_signal(&s->reloaded);
	pthread_mutex_unlock(&s->lock);
	control_free(s->control); /* its thread asks the workers */
	for (size_t i = 0; i < s->n_workers; i++)
		worker_stop(s->worker[i]);
	if (s->started) {
		save_state(s);
		while (drain(s))
			;
		end_flows(s);
		tell_left_out(s, true);
		write_stats(s);
		run_tell(s, "stop", "the table stays, and nothing new opens");
	}
	for (size_t i = 0; i < s->n_workers; i++)
		worker_free(s->worker[i]);
	if (s->keeper_fd >= 0) {
		close(s->keeper_fd);
		waitpid(s->keeper, NULL, 0); /* it ends, and lets go of the queues and the table */
	}
	kernel_free(s->kernel);
	metrics_free(s->metrics);
	for (size_t i = 0; i < CONF_EVENTS_MAX; i++)
		sink_close(s->sink[i]);
	line_stream_free(&s->lines);
	notify_close(&s->notify);
	for (size_t i = 0; i < RUN_RETIRED_MAX; i++)
		rpcgate_policy_free(s->retired[i].policy);
	rpcgate_policy_free(s->plan.policy);
	plan_free(&s->plan);
	pthread_cond_destroy(&s->reloaded);
	pthread_mutex_destroy(&s->lock);
}

enum run_end run(const char *path, bool observe)
{
	struct service s = {
		.path = path, .observe = observe, .keeper_fd = -1, .setup = { .wake_fd = -1 }
	};
	char err[RPCGATE_ERROR_SIZE] = "";
	enum run_end how = RUN_FAILED;

	if (!plan_read(&s.plan, path, CONF_FOR_START, observe))
		return RUN_BAD_CONFIG;
	pthread_mutex_init(&s.lock, NULL);
	pthread_cond_init(&s.reloaded, NULL);
	limiter_init(&s.limiter, s.plan.conf.event_rate, s.plan.conf.event_rate * BURST_S);
	if (!notify_open(&s.notify, err))
		fprintf(stderr, "rpcgate: %s\n", err);
	if (!prepare(&s, err) || !run_confine(&s, err) ||
	    (s.kernel && !kernel_install(s.kernel, &s.plan.rules, err))) {
		fprintf(stderr, "rpcgate: %s\n", err);
		end(&s);
		return RUN_FAILED;
	}
	announce(&s);
	restore(&s);
	if ((s.kernel && s.plan.conf.split == CONF_TWO_PROCESSES && !run_split(&s, err)) ||
	    !start(&s, err)) {
		fprintf(stderr, "rpcgate: %s\n", err);
	} else {
		s.started = true;
		run_metrics(&s);
		ready(&s);
		how = loop(&s);
	}
	end(&s);
	return how;
}

enum run_end run_print_rules(const char *path, bool observe, FILE *out)
{
	struct plan plan;

	if (!plan_read(&plan, path, CONF_FOR_START, observe))
		return RUN_BAD_CONFIG;
	ruleset_print(&plan.rules, out);
	rpcgate_policy_free(plan.policy);
	plan_free(&plan);
	return RUN_DONE;
}
