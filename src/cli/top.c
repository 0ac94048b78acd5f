/* SPDX-License-Identifier: GPL-3.0-or-later */
/* top.c - a live view on a terminal, of a daemon or of captures */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "options.h"
#include "reading.h"
#include "text.h"
#include "top.h"
#include "top_screen.h"
#include "top_ui.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define END_WAIT_MS 50 /* before who fills is told again to end */
#define END_TRIES 40   /* then it is left behind: it waits for somebody who does not answer */
#define LIST_ROWS_MIN 10

struct top_options {
	const char *socket;
	const char *events;
	const char *speed;
	const char *rows;
	const char *policy;
	struct option_list set;
	bool help;
};

#define PLACE(member) offsetof(struct top_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "socket", OPTION_TEXT, PLACE(socket), "PATH",
	  "where the daemon answers, /run/rpcgate/control; -s is short for it", NULL },
	{ "events", OPTION_TEXT, PLACE(events), "FILE",
	  "also follow the events that the daemon writes, from 4 MiB before their end: refusals, and "
	  "the story of a row", NULL },
	{ "speed", OPTION_TEXT, PLACE(speed), "N|max",
	  "replay captures N times as fast as they were taken (preset: 1), or as fast as can be", NULL },
	{ "policy", OPTION_TEXT, PLACE(policy), "FILE",
	  "judge captures by the rules of this file", NULL },
	{ "set", OPTION_LIST, PLACE(set), "KEY=VALUE",
	  "change a setting for captures; may be given many times, 'rpcgate analyze --help' lists keys",
	  NULL },
	{ "rows", OPTION_TEXT, PLACE(rows), "N",
	  "rows that a tab keeps, 10 to 100000 (preset: 5000); the one told of longest ago goes for a "
	  "new one, and the screen says how many went", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

static void usage(FILE *out)
{
	fputs("usage: rpcgate top [-s PATH] [--events FILE] [--rows N]\n"
	      "       rpcgate top [--speed N|max] [OPTION]... FILE|DIR...\n\n"
	      "Show on a terminal what is open, what servers announced, and what was refused: of the\n"
	      "running 'rpcgate run', or of captures that are replayed.  Key '?' says which keys there\n"
	      "are, 'q' ends it.  No colours if NO_COLOR is set.\n\n",
	      out);
	options_help(rows, out);
	fputs("\nexit status: 0 done; 1 failure at run time; 2 wrong usage, or no terminal; 3 bad setting\n"
	      "or policy; 4 an input is unreadable or cut short (what came before was shown)\n",
	      out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate top: %s; 'rpcgate top --help' says more\n", what);
	return EXIT_USAGE;
}

static void init_top(struct top *top, size_t n_rows)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&top->lock, NULL);
	pthread_cond_init(&top->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	top_model_init(&top->model, n_rows);
	top_ladder_init(&top->ladder);
}

static void free_top(struct top *top)
{
	top_model_free(&top->model);
	top_ladder_free(&top->ladder);
	pthread_cond_destroy(&top->wake);
	pthread_mutex_destroy(&top->lock);
}

/* ------------------------------------------------------------------ the two threads */

/* Only there so that a read that waits ends */
static void on_poke(int number)
{
	(void)number;
}

/* Signals are for the thread that has the terminal */
static bool start_thread(struct top *top, pthread_t *thread)
{
	struct sigaction poke = { .sa_handler = on_poke };
	sigset_t all, before;
	int failed;

	sigaction(SIGUSR1, &poke, NULL);
	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(thread, NULL, top->reading ? top_replay : top_daemon, top);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !failed;
}

/* False if it does not end, because a daemon or a pipe keeps it waiting */
static bool end_thread(struct top *top, pthread_t thread)
{
	pthread_mutex_lock(&top->lock);
	top->stop = true;
	pthread_cond_broadcast(&top->wake);
	pthread_mutex_unlock(&top->lock);
	for (int i = 0; i < END_TRIES; i++) {
		uint64_t end = top_clock(CLOCK_REALTIME) + END_WAIT_MS * NS_PER_MS;
		struct timespec until = { (time_t)(end / NS_PER_S), (long)(end % NS_PER_S) };

		if (pthread_timedjoin_np(thread, NULL, &until) == 0)
			return true;
		pthread_kill(thread, SIGUSR1);
	}
	return false;
}

static void show(struct top *top)
{
	struct top_ui ui;

	top_ui_init(&ui, top);
	while (!ui.quit && !top_screen_signal()) {
		int key;

		pthread_mutex_lock(&top->lock);
		top_screen_draw(&ui);
		pthread_mutex_unlock(&top->lock);
		key = top_screen_key();
		if (key == TOP_KEY_NONE)
			continue;
		pthread_mutex_lock(&top->lock);
		top_ui_key(&ui, key);
		pthread_mutex_unlock(&top->lock);
	}
	top_ui_free(&ui);
}

/* @return false if the other thread is still at work, and what it uses must stay */
static bool run(struct top *top, int *status)
{
	char err[RPCGATE_ERROR_SIZE];
	pthread_t thread;
	bool ended = true;

	*status = EXIT_RUN_TIME;
	if (!top_screen_open(err)) {
		fprintf(stderr, "rpcgate top: %s\n", err);
		return true;
	}
	if (start_thread(top, &thread)) {
		show(top);
		ended = end_thread(top, thread);
		*status = EXIT_DONE;
	}
	top_screen_close();
	if (*status != EXIT_DONE)
		fprintf(stderr, "rpcgate top: %s\n", strerror(EAGAIN));
	return ended;
}

/* ------------------------------------------------------------------------ commands */

static int watch_daemon(struct top *top, const struct top_options *options)
{
	int status;

	top->socket = options->socket;
	top->events = options->events;
	top->model.live = true;
	top->model.counting = options->events != NULL;
	if (run(top, &status))
		free_top(top);
	return status;
}

static int replay(struct top *top, const struct top_options *options, char **names, int n)
{
	static struct reading r; /* as long as the other thread */
	int status;

	reading_init(&r, "top", true);
	if (!reading_configure(&r, options->policy, &options->set, &status)) {
		reading_close(&r);
		return status;
	}
	status = EXIT_RUN_TIME;
	top->model.counting = true;
	top->reading = &r;
	if (!reading_open(&r, names, n)) {
		reading_close(&r);
		return status;
	}
	if (!timeline_extent(r.timeline).files) {
		reading_say_skipped(&r);
		status = reading_status(&r);
	} else if (!run(top, &status)) {
		/* it waits for input that does not come, and may go on with what it has */
		_exit(status);
	} else if (status == EXIT_DONE && top->ended) {
		status = reading_status(&r);
	}
	reading_close(&r);
	return status;
}

/* ------------------------------------------------------------------------- options */

static bool read_speed(const char *text, double *speed)
{
	char *end;

	*speed = 1;
	if (!text)
		return true;
	*speed = 0;
	if (strcmp(text, "max") == 0)
		return true;
	*speed = strtod(text, &end);
	return end != text && !*end && *speed >= 1 / TOP_SPEED_MAX && *speed <= TOP_SPEED_MAX;
}

static bool read_rows(const char *text, size_t *n)
{
	char *end;

	*n = TOP_ROWS;
	if (!text)
		return true;
	*n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
	return *n >= LIST_ROWS_MIN && *n <= TOP_ROWS_MAX && !*end;
}

static const char *mistake(const struct top_options *options, int n)
{
	if (n && (options->socket || options->events))
		return "captures do not go together with --socket and --events";
	if (!n && (options->speed || options->policy || options->set.n))
		return "--speed, --policy and --set are for captures, and there is none";
	return NULL;
}

int command_top(int argc, char **argv)
{
	struct top_options options = { 0 };
	char error[OPTIONS_ERROR_SIZE];
	static struct top top; /* outlives the call if its other thread does */
	size_t n_rows;
	int status, n;

	options_lengthen(argc, argv, "-s", "--socket");
	n = options_parse(rows, argc, argv, &options, error);
	if (n < 0)
		return wrong_usage(error);
	if (options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (mistake(&options, n))
		return wrong_usage(mistake(&options, n));
	if (!read_speed(options.speed, &top.speed))
		return wrong_usage("--speed takes a number above 0 and up to 1048576, or 'max'");
	if (!read_rows(options.rows, &n_rows))
		return wrong_usage("--rows takes a number from 10 to 100000");
	if (!isatty(STDOUT_FILENO)) {
		fputs("rpcgate top: standard output is no terminal; 'rpcgate ctl' and 'rpcgate "
		      "analyze' write to anything\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (!options.socket)
		options.socket = "/run/rpcgate/control";
	init_top(&top, n_rows);
	if (!n)
		return watch_daemon(&top, &options);
	status = replay(&top, &options, argv, n);
	free_top(&top);
	return status;
}
