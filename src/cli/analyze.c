/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analyze.c - captures in, events and a report out
 *
 * The loop is the same as inline: a packet is fed, its events are used, then the next one.  Only
 * that nothing is held up: the engine observes, and says what it would have done.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "json.h"
#include "labeller.h"
#include "options.h"
#include "policy_file.h"
#include "progress.h"
#include "report.h"
#include "rpcgate.h"
#include "table.h"
#include "text.h"
#include "timeline.h"

#define SHOWN_NAME 1024 /* octets of a file name in a message */

/* Set by a signal, and nothing else can be: the one variable that is not somebody's. */
static volatile sig_atomic_t interrupted;

struct analyze_options {
	const char *json;
	const char *policy;
	struct option_list set;
	unsigned int checksum; /* index in checksum_choices */
	bool exit_code;
	bool no_ndpi;
	bool all;
	bool quiet;
	bool help;
};

static const char *const checksum_choices[] = { "verify", "ignore", NULL };
static const enum rpcgate_checksum checksum_values[] = {
	RPCGATE_CHECKSUM_VERIFY,
	RPCGATE_CHECKSUM_IGNORE,
};

#define PLACE(member) offsetof(struct analyze_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "json", OPTION_TEXT, PLACE(json), "FILE|-",
	  "write events as lines of JSON; with '-' to standard output, and no report", NULL },
	{ "policy", OPTION_TEXT, PLACE(policy), "FILE",
	  "judge by the rules of this file, as rpcgate-policy(5) describes; without one everything "
	  "that was announced is allowed", NULL },
	{ "set", OPTION_LIST, PLACE(set), "KEY=VALUE",
	  "change a setting; may be given many times, keys are listed below", NULL },
	{ "checksum", OPTION_CHOICE, PLACE(checksum), "verify|ignore",
	  "verify (preset): packets with a wrong checksum move nothing; ignore: for captures made on "
	  "the sending host", checksum_choices },
	{ "exit-code", OPTION_FLAG, PLACE(exit_code), NULL,
	  "exit with status 10 if anything would be refused or is suspicious", NULL },
	{ "no-ndpi", OPTION_FLAG, PLACE(no_ndpi), NULL,
	  "do not ask nDPI what the connections are that are not RPC", NULL },
	{ "all", OPTION_FLAG, PLACE(all), NULL, "do not shorten long listings", NULL },
	{ "quiet", OPTION_FLAG, PLACE(quiet), NULL, "no report, no progress; errors only", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

/* An input that was reported: told again in the events, in order of names */
struct faulty {
	char *name;
	char *text;
};

struct analysis {
	struct analyze_options options;
	struct rpcgate_config cfg;
	struct rpcgate *gate;
	struct rpcgate_policy *policy; /* NULL if not wanted; events point into it */
	struct timeline *timeline;
	struct labeller *labeller; /* NULL if not wanted */
	struct report *report;     /* NULL if not wanted */
	struct progress progress;
	FILE *json;     /* NULL if not wanted */
	bool json_live; /* somebody may be reading along */
	bool failed;    /* a failure at run time was reported */
	bool violations;
	uint64_t packets;
	uint64_t first_ns, last_ns;
	struct faulty *faulty;
	size_t n_faulty;
};

/* ----------------------------------------------------------------- messages */

static void usage(FILE *out)
{
	const struct rpcgate_config_key *key;

	fputs("usage: rpcgate analyze [OPTION]... FILE|DIR...\n\n"
	      "Read captures (pcap, pcapng, also packed with gzip or zstd; '-' is standard input) as\n"
	      "one timeline, and say what servers announced, what was open to whom, and what clients\n"
	      "bound, with a verdict and a reason.  Needs no rights, changes nothing.\n\n",
	      out);
	options_help(rows, out);
	fputs("\nsettings for --set:\n", out);
	for (size_t i = 0; (key = rpcgate_config_key(i)); i++) {
		fprintf(out, "  %s=%s\n      ", key->name, key->values);
		options_wrap(out, key->help, 6, 100);
		fprintf(out, "      preset: %s\n", key->preset);
	}
	fputs("\nexit status: 0 done; 1 failure at run time, or interrupted; 2 wrong usage; 3 bad\n"
	      "setting; 4 an input is unreadable or cut short (what came before was used); 10 something\n"
	      "would be refused or is suspicious (only with --exit-code, and only if nothing above\n"
	      "applies)\n",
	      out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate analyze: %s; 'rpcgate analyze --help' says more\n", what);
	return EXIT_USAGE;
}

/* Say once what went wrong; the first failure is the one that counts. */
static void fail(struct analysis *a, const char *what, const char *why)
{
	char shown[SHOWN_NAME];

	if (a->failed)
		return;
	progress_end(&a->progress);
	fprintf(stderr, "rpcgate: %s: %s\n", text_show(what, shown, sizeof(shown)), why);
	a->failed = true;
}

static void json_failed(struct analysis *a)
{
	bool standard = strcmp(a->options.json, "-") == 0;

	fail(a, standard ? "standard output" : a->options.json, strerror(errno));
}

static bool remember_fault(struct analysis *a, const char *name, const char *text)
{
	struct faulty *more = reallocarray(a->faulty, a->n_faulty + 1, sizeof(*more));

	if (!more)
		return false;
	a->faulty = more;
	more[a->n_faulty] = (struct faulty){ strdup(name), strdup(text) };
	if (!more[a->n_faulty].name || !more[a->n_faulty].text) {
		free(more[a->n_faulty].name);
		free(more[a->n_faulty].text);
		return false;
	}
	a->n_faulty++;
	return true;
}

static void on_fault(void *ctx, const char *name, const struct capture_fault *fault)
{
	struct analysis *a = ctx;
	char shown[SHOWN_NAME];
	char text[SHOWN_NAME];

	/* A read that a signal broke off is no damage. */
	if (interrupted)
		return;
	progress_end(&a->progress);
	fprintf(stderr, "rpcgate: %s %s\n", text_show(name, shown, sizeof(shown)),
		text_show(fault->text, text, sizeof(text)));
	if (!remember_fault(a, name, fault->text))
		fail(a, "analyze", "not enough memory");
}

/* ------------------------------------------------------------------ the start */

/* The policy's settings come first, so that --set can change them for a trial */
static bool read_policy(struct analysis *a, int *status)
{
	char err[RPCGATE_ERROR_SIZE];
	char shown[SHOWN_NAME];

	if (!a->options.policy)
		return true;
	*status = EXIT_CONFIG;
	a->policy = policy_file_read("analyze", a->options.policy);
	if (!a->policy)
		return false;
	if (rpcgate_policy_configure(a->policy, &a->cfg, err))
		return true;
	fprintf(stderr, "rpcgate analyze: %s\n", text_show(err, shown, sizeof(shown)));
	return false;
}

static bool configure(struct analysis *a, int *status)
{
	char err[RPCGATE_ERROR_SIZE];

	rpcgate_config_default(&a->cfg);
	a->cfg.mode = RPCGATE_OBSERVE;
	a->cfg.checksum = checksum_values[a->options.checksum];
	if (!read_policy(a, status))
		return false;
	for (size_t i = 0; i < a->options.set.n; i++) {
		const char *pair = a->options.set.value[i];
		const char *equals = strchr(pair, '=');
		char shown[SHOWN_NAME];
		char key[64];

		if (!equals || equals - pair >= (ptrdiff_t)sizeof(key)) {
			*status = wrong_usage("--set takes KEY=VALUE");
			return false;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(equals - pair), pair);
		if (!rpcgate_config_set(&a->cfg, key, equals + 1, err)) {
			fprintf(stderr, "rpcgate analyze: --set: %s\n",
				text_show(err, shown, sizeof(shown)));
			*status = EXIT_CONFIG;
			return false;
		}
	}
	/* Also in a capture somebody else wrote the addresses that the tables are keyed with. */
	if (getrandom(a->cfg.hash_key, sizeof(a->cfg.hash_key), 0) !=
	    (ssize_t)sizeof(a->cfg.hash_key)) {
		fail(a, "getrandom", strerror(errno));
		*status = EXIT_RUN_TIME;
		return false;
	}
	a->gate = rpcgate_new(&a->cfg, err);
	if (!a->gate) {
		fprintf(stderr, "rpcgate analyze: %s\n", err);
		*status = EXIT_CONFIG;
		return false;
	}
	rpcgate_set_policy(a->gate, a->policy);
	return true;
}

/* An events file that is one of the inputs would be destroyed before it is read. */
static bool is_an_input(const struct stat *output, char **names, int n)
{
	struct stat input;

	for (int i = 0; i < n; i++)
		if (stat(names[i], &input) == 0 && S_ISREG(input.st_mode) &&
		    input.st_dev == output->st_dev && input.st_ino == output->st_ino)
			return true;
	return false;
}

static bool open_json(struct analysis *a, char **names, int n)
{
	const char *path = a->options.json;
	struct stat status;
	int fd;

	if (!path)
		return true;
	if (strcmp(path, "-") == 0) {
		a->json = stdout;
		return true;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || fstat(fd, &status) < 0) {
		json_failed(a);
	} else if (is_an_input(&status, names, n)) {
		fail(a, path, "is also an input, and would be overwritten");
	} else if (S_ISREG(status.st_mode) && ftruncate(fd, 0) < 0) {
		json_failed(a);
	} else {
		a->json = fdopen(fd, "w");
		if (a->json)
			return true;
		json_failed(a);
	}
	if (fd >= 0)
		close(fd);
	return false;
}

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* No SA_RESTART: a read that waits for a pipe shall end.  SA_RESETHAND: a second signal ends the
 * program at once. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static bool start(struct analysis *a, char **names, int n, int *status)
{
	if (!configure(a, status))
		return false;
	*status = EXIT_RUN_TIME;
	if (!open_json(a, names, n))
		return false;
	if (!a->options.no_ndpi)
		a->labeller = labeller_new();
	if (!a->options.quiet && a->json != stdout)
		a->report = report_new();
	catch_signals();
	a->timeline = timeline_open((const char *const *)names, (size_t)n, on_fault, a);
	if (!a->timeline || (!a->labeller && !a->options.no_ndpi)) {
		fail(a, "analyze", "not enough memory");
		return false;
	}
	a->json_live = !timeline_extent(a->timeline).size_known;
	progress_start(&a->progress, a->timeline, a->options.quiet);
	return true;
}

/* ------------------------------------------------------------------- the loop */

/* Whether the packet at hand caused an event, or time that passed with it: flows are told of when
 * they are let go, pinholes run out by themselves. */
static bool caused_by_packet(const struct rpcgate_event *event)
{
	return event->type != RPCGATE_EVENT_FLOW &&
	       !(event->type == RPCGATE_EVENT_PINHOLE &&
		 event->u.pinhole.action == RPCGATE_PINHOLE_EXPIRE);
}

static void use_event(struct analysis *a, const struct rpcgate_event *event,
		      const struct timeline_place *place)
{
	struct json_origin origin = { 0 };

	a->violations =
		a->violations || event->type == RPCGATE_EVENT_ALERT ||
		(event->type == RPCGATE_EVENT_BIND && event->u.bind.verdict == RPCGATE_DENY);
	if (a->report)
		report_event(a->report, event);
	if (!a->json)
		return;
	if (place && caused_by_packet(event)) {
		origin.file = place->file;
		origin.frame = place->frame;
	}
	if (a->labeller && event->flow_id &&
	    (event->type == RPCGATE_EVENT_ALERT || event->type == RPCGATE_EVENT_FLOW))
		origin.ndpi = labeller_name(a->labeller, event->flow_id);
	if (!json_write_event(a->json, event, &origin))
		json_failed(a);
}

static void use_result(struct analysis *a, const struct rpcgate_result *result,
		       const struct timeline_place *place)
{
	for (size_t i = 0; i < result->n_events; i++)
		use_event(a, &result->events[i], place);
	if (a->json && a->json_live && result->n_events && fflush(a->json) != 0)
		json_failed(a);
}

static void label(struct analysis *a, const struct rpcgate_packet *packet,
		  const struct rpcgate_result *result)
{
	size_t skip = result->l3_offset < packet->caplen ? result->l3_offset : packet->caplen;
	enum labeller_state state;

	if (!a->labeller || !result->flow_id)
		return;
	state = labeller_packet(a->labeller, result->flow_id, result->not_rpc, packet->data + skip,
				packet->caplen - skip, packet->time_ns);
	if (a->report && state == LABELLER_NAMED)
		report_label(a->report, labeller_name(a->labeller, result->flow_id));
}

static void note_time(struct analysis *a, uint64_t time_ns)
{
	if (!a->packets++)
		a->first_ns = a->last_ns = time_ns;
	if (time_ns < a->first_ns)
		a->first_ns = time_ns;
	if (time_ns > a->last_ns)
		a->last_ns = time_ns;
}

static void read_all(struct analysis *a)
{
	struct timeline_place place;
	struct rpcgate_packet packet;
	struct rpcgate_result result;

	while (!interrupted && !a->failed && timeline_next(a->timeline, &packet, &place)) {
		note_time(a, packet.time_ns);
		result = rpcgate_feed(a->gate, &packet);
		label(a, &packet, &result);
		use_result(a, &result, &place);
		progress_packet(&a->progress, a->timeline);
	}
	do {
		result = rpcgate_finish(a->gate);
		use_result(a, &result, NULL);
	} while (result.n_events && !a->failed);
	progress_end(&a->progress);
}

/* -------------------------------------------------------------------- the end */

static int by_name(const void *left, const void *right)
{
	const struct faulty *a = left;
	const struct faulty *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->text, b->text);
}

static bool write_json_end(struct analysis *a, const struct rpcgate_stats *stats)
{
	const char *why = interrupted ? "interrupted" : "all inputs were read";

	if (a->n_faulty)
		qsort(a->faulty, a->n_faulty, sizeof(*a->faulty), by_name);
	for (size_t i = 0; i < a->n_faulty; i++)
		if (!json_write_engine(a->json, a->last_ns, a->faulty[i].name, "input",
				       a->faulty[i].text))
			return false;
	return json_write_stats(a->json, a->last_ns, stats) &&
	       json_write_engine(a->json, a->last_ns, NULL, "stop", why) && fflush(a->json) == 0;
}

static void print_report(struct analysis *a, const struct rpcgate_stats *stats)
{
	struct report_input input = {
		.extent = timeline_extent(a->timeline),
		.stats = *stats,
		.first_ns = a->first_ns,
		.last_ns = a->last_ns,
		.unnamed = a->labeller ? labeller_unnamed(a->labeller) : 0,
		.checksums_ignored = a->cfg.checksum == RPCGATE_CHECKSUM_IGNORE,
	};

	if (!input.extent.files)
		return;
	if (!report_print(a->report, &input, stdout, table_page_width(stdout), a->options.all))
		fail(a, "report", "not enough memory");
}

static void say_what_was_skipped(const struct analysis *a)
{
	struct timeline_extent extent = timeline_extent(a->timeline);

	if (extent.skipped && !a->options.quiet)
		fprintf(stderr, "rpcgate: %zu %s skipped that %s no capture%s\n", extent.skipped,
			extent.skipped == 1 ? "file was" : "files were",
			extent.skipped == 1 ? "is" : "are", extent.skipped == 1 ? "" : "s");
	if (!extent.files && !extent.faults)
		fputs("rpcgate: there is no capture among the inputs\n", stderr);
}

static int exit_status_of(const struct analysis *a)
{
	struct timeline_extent extent = timeline_extent(a->timeline);

	if (a->failed || interrupted)
		return EXIT_RUN_TIME;
	if (extent.faults || !extent.files)
		return EXIT_INPUT;
	return a->options.exit_code && a->violations ? EXIT_VIOLATIONS : EXIT_DONE;
}

static int run(struct analysis *a)
{
	struct rpcgate_stats stats;

	read_all(a);
	rpcgate_stats(a->gate, &stats);
	if (a->json && !a->failed && !write_json_end(a, &stats))
		json_failed(a);
	/* what was wrong with the input is read before what was in it */
	say_what_was_skipped(a);
	if (interrupted)
		fprintf(stderr, "rpcgate: interrupted after %" PRIu64 " packets\n", a->packets);
	if (a->report && !a->failed)
		print_report(a, &stats);
	return exit_status_of(a);
}

static int let_go(struct analysis *a, int status)
{
	if (a->json && a->json != stdout && fclose(a->json) != 0) {
		json_failed(a);
		status = EXIT_RUN_TIME;
	}
	for (size_t i = 0; i < a->n_faulty; i++) {
		free(a->faulty[i].name);
		free(a->faulty[i].text);
	}
	free(a->faulty);
	report_free(a->report);
	labeller_free(a->labeller);
	timeline_close(a->timeline);
	rpcgate_free(a->gate);
	rpcgate_policy_free(a->policy);
	return status;
}

int command_analyze(int argc, char **argv)
{
	struct analysis a = { 0 };
	char error[OPTIONS_ERROR_SIZE];
	int n = options_parse(rows, argc, argv, &a.options, error);
	int status = EXIT_USAGE;

	if (n < 0)
		return wrong_usage(error);
	if (a.options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (!n)
		return wrong_usage("at least one FILE or DIR is needed");
	if (start(&a, argv, n, &status))
		status = run(&a);
	return let_go(&a, status);
}
