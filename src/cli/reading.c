/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "command.h"
#include "policy_file.h"
#include "reading.h"
#include "stages.h"
#include "text.h"

#define BATCH 64U /* packets judged at once, where a capture gives as many */

/* Set by a signal, and nothing else can be: the one variable that is not somebody's. */
static volatile sig_atomic_t interrupted;

bool reading_interrupted(void)
{
	return interrupted;
}

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* No SA_RESTART: a read that waits for a pipe shall end.  SA_RESETHAND: a second signal ends the
 * program at once. */
void reading_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ----------------------------------------------------------------- messages */

void reading_fail(struct reading *r, const char *what, const char *why)
{
	char shown[READING_SHOWN];

	if (r->failed)
		return;
	progress_end(&r->progress);
	fprintf(stderr, "rpcgate: %s: %s\n", text_show(what, shown, sizeof(shown)), why);
	r->failed = true;
}

static bool remember_fault(struct reading *r, const char *name, const char *text)
{
	struct faulty *more = reallocarray(r->faulty, r->n_faulty + 1, sizeof(*more));

	if (!more)
		return false;
	r->faulty = more;
	more[r->n_faulty] = (struct faulty){ strdup(name), strdup(text) };
	if (!more[r->n_faulty].name || !more[r->n_faulty].text) {
		free(more[r->n_faulty].name);
		free(more[r->n_faulty].text);
		return false;
	}
	r->n_faulty++;
	return true;
}

static void on_fault(void *ctx, const char *name, const struct capture_fault *fault)
{
	struct reading *r = ctx;
	char shown[READING_SHOWN];
	char text[READING_SHOWN];

	/* A read that a signal broke off is no damage. */
	if (interrupted)
		return;
	progress_end(&r->progress);
	if (fault->kind != CAPTURE_ODD || !r->quiet)
		fprintf(stderr, "rpcgate: %s %s\n", text_show(name, shown, sizeof(shown)),
			text_show(fault->text, text, sizeof(text)));
	if (!remember_fault(r, name, fault->text))
		reading_fail(r, r->command, "not enough memory");
}

/* ------------------------------------------------------------------ the start */

void reading_init(struct reading *r, const char *command, bool quiet)
{
	*r = (struct reading){ .command = command, .quiet = quiet };
	rpcgate_config_default(&r->cfg);
	r->cfg.mode = RPCGATE_OBSERVE;
}

bool reading_set(const char *command, struct rpcgate_config *cfg, const char *pair, int *status)
{
	const char *equals = strchr(pair, '=');
	char err[RPCGATE_ERROR_SIZE];
	char shown[READING_SHOWN];
	char key[64];

	if (!equals || equals - pair >= (ptrdiff_t)sizeof(key)) {
		fprintf(stderr,
			"rpcgate %s: --set takes KEY=VALUE; 'rpcgate %s --help' says more\n",
			command, command);
		*status = EXIT_USAGE;
		return false;
	}
	snprintf(key, sizeof(key), "%.*s", (int)(equals - pair), pair);
	if (rpcgate_config_set(cfg, key, equals + 1, err))
		return true;
	fprintf(stderr, "rpcgate %s: --set: %s\n", command, text_show(err, shown, sizeof(shown)));
	*status = EXIT_CONFIG;
	return false;
}

/* The policy's settings come first, so that --set can change them for a trial */
static bool read_policy(struct reading *r, const char *path)
{
	char err[RPCGATE_ERROR_SIZE];
	char shown[READING_SHOWN];

	if (!path)
		return true;
	r->policy = policy_file_read(r->command, path);
	if (!r->policy)
		return false;
	if (rpcgate_policy_configure(r->policy, &r->cfg, err))
		return true;
	fprintf(stderr, "rpcgate %s: %s\n", r->command, text_show(err, shown, sizeof(shown)));
	return false;
}

bool reading_configure(struct reading *r, const char *policy, const struct option_list *set,
		       int *status)
{
	char err[RPCGATE_ERROR_SIZE];

	*status = EXIT_CONFIG;
	if (!read_policy(r, policy))
		return false;
	for (size_t i = 0; i < set->n; i++)
		if (!reading_set(r->command, &r->cfg, set->value[i], status))
			return false;
	/* Also in a capture somebody else wrote the addresses that the tables are keyed with. */
	if (getrandom(r->cfg.hash_key, sizeof(r->cfg.hash_key), 0) !=
	    (ssize_t)sizeof(r->cfg.hash_key)) {
		reading_fail(r, "getrandom", strerror(errno));
		*status = EXIT_RUN_TIME;
		return false;
	}
	r->gate = rpcgate_new(&r->cfg, err);
	if (!r->gate) {
		fprintf(stderr, "rpcgate %s: %s\n", r->command, err);
		return false;
	}
	rpcgate_set_policy(r->gate, r->policy);
	return true;
}

bool reading_open(struct reading *r, char **names, int n)
{
	reading_catch_signals();
	r->timeline = timeline_open((const char *const *)names, (size_t)n, on_fault, r);
	if (!r->timeline) {
		reading_fail(r, r->command, "not enough memory");
		return false;
	}
	progress_start(&r->progress, r->timeline, r->quiet);
	return true;
}

/* ------------------------------------------------------------------- the loop */

/* Flows are told of when they are let go, pinholes run out by themselves. */
bool reading_caused_by_packet(const struct rpcgate_event *event)
{
	return event->type != RPCGATE_EVENT_FLOW &&
	       !(event->type == RPCGATE_EVENT_PINHOLE &&
		 event->u.pinhole.action == RPCGATE_PINHOLE_EXPIRE);
}

static void tell_events(const struct reading_user *user, const struct rpcgate_result *result,
			const struct timeline_place *place)
{
	for (size_t i = 0; i < result->n_events; i++) {
		const struct rpcgate_event *event = &result->events[i];

		user->event(user->ctx, event, reading_caused_by_packet(event) ? place : NULL);
	}
	if (user->batch && result->n_events)
		user->batch(user->ctx);
}

/* The span of time, in variables: this runs for every packet */
static void note_times(struct reading *r, const struct rpcgate_packet *packets, size_t n)
{
	uint64_t first = r->packets ? r->first_ns : packets[0].time_ns;
	uint64_t last = r->packets ? r->last_ns : packets[0].time_ns;

#pragma GCC unroll 4
	for (size_t i = 0; i < n; i++) {
		first = packets[i].time_ns < first ? packets[i].time_ns : first;
		last = packets[i].time_ns > last ? packets[i].time_ns : last;
	}
	r->first_ns = first;
	r->last_ns = last;
	r->packets += n;
}

static bool goes_on(const struct reading *r)
{
	return !r->failed && !r->ended;
}

/* Packets from @p at up to @p behind, before the events of the last */
static void tell_read(struct reading *r, const struct reading_user *user,
		      const struct judged *judged, size_t at, size_t behind)
{
	note_times(r, judged->packets + at, behind - at);
	if (user->read)
		user->read(user->ctx, judged->packets + at, behind - at);
}

/* Tell of packets that were judged, as if they had been judged one by one */
static void tell(struct reading *r, const struct reading_user *user, const struct judged *judged)
{
	struct timeline_place place = judged->place;
	size_t at = 0;

	for (size_t i = 0; i < judged->n_told && goes_on(r); i++) {
		const struct rpcgate_told *told = &judged->told[i];

		if (user->packet && told->result.flow_id)
			user->packet(user->ctx, &judged->packets[told->at], &told->result);
		if (!told->result.n_events)
			continue;
		tell_read(r, user, judged, at, told->at + 1);
		at = told->at + 1;
		place.frame = judged->place.frame + told->at;
		tell_events(user, &told->result, &place);
	}
	if (goes_on(r) && at < judged->n)
		tell_read(r, user, judged, at, judged->n);
}

/* False if there are no threads to be had */
static bool run_in_stages(struct reading *r, const struct reading_user *user)
{
	struct stages *stages = stages_start(r->timeline, r->gate, r->jobs, on_fault, r);
	struct judged judged;

	if (!stages)
		return false;
	while (goes_on(r) && stages_next(stages, &judged)) {
		tell(r, user, &judged);
		if (progress_packets(&r->progress, judged.n)) {
			struct timeline_extent extent = stages_extent(stages);

			progress_draw(&r->progress, &extent);
		}
		if (interrupted)
			stages_cut_short(stages);
	}
	if (stages_failed(stages))
		reading_fail(r, r->command, "not enough memory");
	stages_stop(stages);
	return true;
}

/* Judge what was read at once; the engine stops where there is much to tell */
static void use_batch(struct reading *r, const struct reading_user *user,
		      const struct rpcgate_packet *packets, size_t n, struct timeline_place place)
{
	struct rpcgate_ahead ahead[BATCH];
	struct rpcgate_told told[BATCH];
	struct judged judged = { .place = place, .told = told };

	rpcgate_look_ahead(packets, n, ahead);
	for (size_t at = 0; at < n && !interrupted && goes_on(r); at += judged.n) {
		judged.packets = packets + at;
		judged.n = rpcgate_feed_told(r->gate, packets + at, ahead + at, n - at, told,
					     &judged.n_told);
		tell(r, user, &judged);
		judged.place.frame += judged.n;
	}
}

static void run_alone(struct reading *r, const struct reading_user *user)
{
	struct rpcgate_packet packets[BATCH];
	struct timeline_place place;
	size_t n;

	while (goes_on(r) && !interrupted &&
	       (n = timeline_next_batch(r->timeline, packets, BATCH, &place))) {
		use_batch(r, user, packets, n, place);
		if (progress_packets(&r->progress, n)) {
			struct timeline_extent extent = timeline_extent(r->timeline);

			progress_draw(&r->progress, &extent);
		}
	}
}

/* Of a pipe somebody may be waiting to see what the last packet was: nothing is read ahead there */
void reading_run(struct reading *r, const struct reading_user *user)
{
	struct rpcgate_result result;

	if (r->jobs < 2 || !timeline_extent(r->timeline).size_known || !run_in_stages(r, user))
		run_alone(r, user);
	do {
		result = rpcgate_finish(r->gate);
		tell_events(user, &result, NULL);
	} while (result.n_events && !r->failed);
	progress_end(&r->progress);
}

/* -------------------------------------------------------------------- the end */

void reading_say_skipped(const struct reading *r)
{
	struct timeline_extent extent = timeline_extent(r->timeline);

	if (extent.skipped && !r->quiet)
		fprintf(stderr, "rpcgate: %zu %s skipped that %s no capture%s\n", extent.skipped,
			extent.skipped == 1 ? "file was" : "files were",
			extent.skipped == 1 ? "is" : "are", extent.skipped == 1 ? "" : "s");
	if (!extent.files && !extent.faults)
		fputs("rpcgate: there is no capture among the inputs\n", stderr);
	if (interrupted)
		fprintf(stderr, "rpcgate: interrupted after %" PRIu64 " packets\n", r->packets);
}

int reading_status(const struct reading *r)
{
	struct timeline_extent extent = timeline_extent(r->timeline);

	if (r->failed || interrupted)
		return EXIT_RUN_TIME;
	return extent.faults || !extent.files ? EXIT_INPUT : EXIT_DONE;
}

void reading_close(struct reading *r)
{
	for (size_t i = 0; i < r->n_faulty; i++) {
		free(r->faulty[i].name);
		free(r->faulty[i].text);
	}
	free(r->faulty);
	timeline_close(r->timeline);
	rpcgate_free(r->gate);
	rpcgate_policy_free(r->policy);
}
