/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analyze.c - captures in, events and a report out */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "html.h"
#include "json.h"
#include "labeller.h"
#include "limiter.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "report.h"
#include "report_page.h"
#include "rpcgate.h"
#include "table.h"

struct analyze_options {
	const char *json;
	const char *html;
	const char *policy;
	struct option_list set;
	const char *event_rate;
	const char *jobs;
	unsigned int checksum; /* index in checksum_choices */
	bool exit_code;
	bool no_ndpi;
	bool all;
	bool quiet;
	bool help;
};

#define JOBS_MAX 1024U
#define BURST_S 5U /* seconds' worth of events that may be written at once */

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
	{ "event-rate", OPTION_TEXT, PLACE(event_rate), "N",
	  "with --json: write at most N events a second of each type and reason, five seconds' worth "
	  "at once; what is left out is counted and told; without it everything is written", NULL },
	{ "html", OPTION_TEXT, PLACE(html), "FILE",
	  "write a report for a browser: one file that loads nothing", NULL },
	{ "policy", OPTION_TEXT, PLACE(policy), "FILE",
	  "judge by the rules of this file, as rpcgate-policy(5) describes; without one everything "
	  "that was announced is allowed", NULL },
	{ "set", OPTION_LIST, PLACE(set), "KEY=VALUE",
	  "change a setting; may be given many times, keys are listed below", NULL },
	{ "checksum", OPTION_CHOICE, PLACE(checksum), "verify|ignore",
	  "verify (preset): packets with a wrong checksum move nothing; ignore: for captures made on "
	  "the sending host", checksum_choices },
	{ "jobs", OPTION_TEXT, PLACE(jobs), "N",
	  "how many threads may work, 1 to 1024 (preset: 1); with 2, the engine has one of its own, and "
	  "the other reads files and writes events; with 3 these two are apart, and more change nothing; "
	  "the output is the same",
	  NULL },
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

struct analysis {
	struct analyze_options options;
	struct reading reading;
	struct labeller *labeller; /* NULL if not wanted */
	struct report *report;     /* NULL if not wanted */
	struct html *html;         /* NULL if not wanted */
	FILE *json;                /* NULL if not wanted */
	struct json_memory memory; /* of json */
	struct limiter limiter;
	FILE *page;     /* NULL if not wanted */
	bool json_live; /* somebody may be reading along */
	bool violations;
	bool started; /* the first line is written */
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

static void output_failed(struct analysis *a, const char *path)
{
	bool standard = strcmp(path, "-") == 0;

	reading_fail(&a->reading, standard ? "standard output" : path, strerror(errno));
}

static void json_failed(struct analysis *a)
{
	output_failed(a, a->options.json);
}

/* ------------------------------------------------------------- a flood of events */

/* A number from 1 to @p most; 0 if the text is none */
static uint32_t number_of(const char *text, uint32_t most)
{
	unsigned long number = 0;
	char *end = NULL;

	if (*text >= '0' && *text <= '9')
		number = strtoul(text, &end, 10);
	return !number || *end || number > most ? 0 : (uint32_t)number;
}

/* What is wrong with the numbers given; NULL: nothing */
static const char *read_numbers(struct analysis *a)
{
	uint32_t rate;

	if (a->options.event_rate) {
		rate = number_of(a->options.event_rate, LIMITER_RATE_MAX);
		if (!rate)
			return "--event-rate takes a number from 1 to 1000000";
		limiter_init(&a->limiter, rate, rate * BURST_S);
	}
	if (a->options.event_rate && !a->options.json)
		return "--event-rate is of the events that --json writes";
	if (a->options.jobs && !number_of(a->options.jobs, JOBS_MAX))
		return "--jobs takes a number from 1 to 1024";
	return NULL;
}

static void write_gap(struct analysis *a, uint64_t time_ns, const struct limiter_gap *gap)
{
	char text[LIMITER_TEXT];

	if (!json_write_engine(a->json, time_ns, NULL, "suppressed", limiter_text(gap, text)))
		json_failed(a);
}

/* ------------------------------------------------------------------ the start */

static FILE *open_output(struct analysis *a, const char *path, const char *other, char **names,
			 int n)
{
	const struct output_taken taken = { names, n, a->reading.policy, a->options.policy, other };
	char err[OUTPUT_ERROR_SIZE];
	FILE *out = output_open(path, &taken, err);

	if (!out)
		reading_fail(&a->reading, path, err);
	return out;
}

static bool open_outputs(struct analysis *a, char **names, int n)
{
	const struct analyze_options *o = &a->options;

	if (o->json)
		a->json = strcmp(o->json, "-") == 0 ? stdout :
						      open_output(a, o->json, o->html, names, n);
	if (o->html && !a->reading.failed)
		a->page = open_output(a, o->html, o->json, names, n);
	return !a->reading.failed;
}

static bool start(struct analysis *a, char **names, int n, int *status)
{
	struct reading *r = &a->reading;

	reading_init(r, "analyze", a->options.quiet);
	r->cfg.checksum = checksum_values[a->options.checksum];
	r->jobs = a->options.jobs ? number_of(a->options.jobs, JOBS_MAX) : 1;
	if (!reading_configure(r, a->options.policy, &a->options.set, status))
		return false;
	*status = EXIT_RUN_TIME;
	if (!open_outputs(a, names, n))
		return false;
	if (!a->options.no_ndpi)
		a->labeller = labeller_new();
	if (!a->options.quiet && a->json != stdout)
		a->report = report_new();
	if (a->page)
		a->html = html_new(&a->options.set);
	if ((!a->labeller && !a->options.no_ndpi) || (a->page && !a->html)) {
		reading_fail(r, "analyze", "not enough memory");
		return false;
	}
	if (!reading_open(r, names, n))
		return false;
	a->json_live = !timeline_extent(r->timeline).size_known;
	return true;
}

/* ------------------------------------------------------------------- the loop */

/* By the clock of the packets: the same input gives the same line */
static void write_start(struct analysis *a)
{
	if (a->started)
		return;
	a->started = true;
	if (!json_write_engine(a->json, a->reading.first_ns, NULL, "start", "captures are read"))
		json_failed(a);
}

static void use_event(void *ctx, const struct rpcgate_event *event,
		      const struct timeline_place *place)
{
	struct json_origin origin = { 0 };
	struct analysis *a = ctx;
	struct limiter_gap gap;

	a->violations =
		a->violations || event->type == RPCGATE_EVENT_ALERT ||
		(event->type == RPCGATE_EVENT_BIND && event->u.bind.verdict == RPCGATE_DENY);
	if (a->report)
		report_event(a->report, event);
	if (a->html)
		html_event(a->html, event, place);
	if (!a->json)
		return;
	write_start(a);
	while (limiter_told(&a->limiter, event->time_ns, &gap))
		write_gap(a, event->time_ns, &gap);
	if (!limiter_passes(&a->limiter, event))
		return;
	if (place) {
		origin.file = place->file;
		origin.frame = place->frame;
	}
	if (a->labeller && event->flow_id &&
	    (event->type == RPCGATE_EVENT_ALERT || event->type == RPCGATE_EVENT_FLOW))
		origin.ndpi = labeller_name(a->labeller, event->flow_id);
	if (!json_write_event(a->json, &a->memory, event, &origin))
		json_failed(a);
}

static void after_events(void *ctx)
{
	struct analysis *a = ctx;

	if (a->json && a->json_live && fflush(a->json) != 0)
		json_failed(a);
}

static void tell_times(void *ctx, const struct rpcgate_packet *packets, size_t n)
{
	struct analysis *a = ctx;

	for (size_t i = 0; i < n; i++)
		html_packet(a->html, packets[i].time_ns);
}

static void label(void *ctx, const struct rpcgate_packet *packet,
		  const struct rpcgate_result *result)
{
	size_t skip = result->l3_offset < packet->caplen ? result->l3_offset : packet->caplen;
	struct analysis *a = ctx;
	enum labeller_state state;

	if (!result->flow_id)
		return;
	state = labeller_packet(a->labeller, result->flow_id, result->not_rpc, packet->data + skip,
				packet->caplen - skip, packet->time_ns);
	if (a->report && state == LABELLER_NAMED)
		report_label(a->report, labeller_name(a->labeller, result->flow_id));
}

/* -------------------------------------------------------------------- the end */

static int by_name(const void *left, const void *right)
{
	const struct faulty *a = left;
	const struct faulty *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->text, b->text);
}

static struct report_input input_of(struct analysis *a, const struct rpcgate_stats *stats)
{
	struct reading *r = &a->reading;

	return (struct report_input){
		.extent = timeline_extent(r->timeline),
		.stats = *stats,
		.first_ns = r->first_ns,
		.last_ns = r->last_ns,
		.unnamed = a->labeller ? labeller_unnamed(a->labeller) : 0,
		.checksums_ignored = r->cfg.checksum == RPCGATE_CHECKSUM_IGNORE,
		.interrupted = reading_interrupted(),
		.faulty = r->faulty,
		.n_faulty = r->n_faulty,
	};
}

/* How far all the rest can be trusted, in the words of the report */
static bool write_quality(struct analysis *a, const struct rpcgate_stats *stats)
{
	const struct report_input input = input_of(a, stats);
	char line[REPORT_QUALITY];

	for (size_t i = REPORT_QUALITY_INPUTS; report_quality(&input, i, line); i++)
		if (*line && !json_write_engine(a->json, a->reading.last_ns, NULL, "input", line))
			return false;
	return true;
}

static bool write_json_end(struct analysis *a, const struct rpcgate_stats *stats)
{
	const char *why = reading_interrupted() ? "interrupted" : "all inputs were read";
	struct reading *r = &a->reading;
	struct limiter_gap gap;

	write_start(a);
	while (limiter_left(&a->limiter, &gap))
		write_gap(a, r->last_ns, &gap);
	for (size_t i = 0; i < r->n_faulty; i++)
		if (!json_write_engine(a->json, r->last_ns, r->faulty[i].name, "input",
				       r->faulty[i].text))
			return false;
	return write_quality(a, stats) && json_write_stats(a->json, r->last_ns, stats) &&
	       json_write_engine(a->json, r->last_ns, NULL, "stop", why) && fflush(a->json) == 0;
}

static void print_reports(struct analysis *a, const struct rpcgate_stats *stats)
{
	struct reading *r = &a->reading;
	const struct report_input input = input_of(a, stats);

	if (a->html && !html_write(a->html, &input, &r->cfg, a->options.policy, a->page))
		reading_fail(r, "report", "not enough memory");
	if (!a->report || !input.extent.files)
		return;
	if (!report_print(a->report, &input, stdout, table_page_width(stdout), a->options.all))
		reading_fail(r, "report", "not enough memory");
}

static int run(struct analysis *a)
{
	const struct reading_user user = { a, a->labeller ? label : NULL, use_event, after_events,
					   a->html ? tell_times : NULL };
	struct reading *r = &a->reading;
	struct rpcgate_stats stats;
	int status;

	reading_run(r, &user);
	rpcgate_stats(r->gate, &stats);
	if (r->n_faulty)
		qsort(r->faulty, r->n_faulty, sizeof(*r->faulty), by_name);
	if (a->json && !r->failed && !write_json_end(a, &stats))
		json_failed(a);
	/* what was wrong with the input is read before what was in it */
	reading_say_skipped(r);
	if (!r->failed)
		print_reports(a, &stats);
	status = reading_status(r);
	return status == EXIT_DONE && a->options.exit_code && a->violations ? EXIT_VIOLATIONS :
									      status;
}

static bool close_output(struct analysis *a, FILE *out, const char *path)
{
	bool good = !out || !ferror(out);

	if (out && out != stdout && fclose(out) != 0)
		good = false;
	if (!good && !a->reading.failed)
		output_failed(a, path);
	return good;
}

static int let_go(struct analysis *a, int status)
{
	if (!close_output(a, a->json, a->options.json) ||
	    !close_output(a, a->page, a->options.html))
		status = EXIT_RUN_TIME;
	html_free(a->html);
	report_free(a->report);
	labeller_free(a->labeller);
	reading_close(&a->reading);
	return status;
}

int command_analyze(int argc, char **argv)
{
	struct analysis a = { 0 };
	char error[OPTIONS_ERROR_SIZE];
	int n = options_parse(rows, argc, argv, &a.options, error);
	int status = EXIT_USAGE;
	const char *wrong;

	if (n < 0)
		return wrong_usage(error);
	if (a.options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (!n)
		return wrong_usage("at least one FILE or DIR is needed");
	wrong = read_numbers(&a);
	if (wrong)
		return wrong_usage(wrong);
	if (start(&a, argv, n, &status))
		status = run(&a);
	return let_go(&a, status);
}
