/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch.c - an interface in, events and a report out: live, and passive */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "html.h"
#include "json.h"
#include "labeller.h"
#include "line_stream.h"
#include "live.h"
#include "options.h"
#include "output.h"
#include "reading.h"
#include "report.h"
#include "report_page.h"
#include "rpcgate.h"
#include "sandbox.h"
#include "sink.h"
#include "table.h"
#include "text.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS 1000000
#define WAIT_NS (NS_PER_S / 4)   /* pinholes run out without packets, too */
#define BEHIND_NS (NS_PER_S / 5) /* how far packets that were not handed over yet may be back */
#define BURST 1024               /* packets, before the clock is looked at */
#define NOBODY "nobody"

struct watch_options {
	const char *interface;
	const char *json;
	const char *html;
	const char *policy;
	const char *filter;
	const char *seconds;
	const char *packets;
	struct option_list set;
	unsigned int checksum; /* index in checksum_choices */
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

#define PLACE(member) offsetof(struct watch_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "interface", OPTION_TEXT, PLACE(interface), "IF",
	  "the interface to look at, or 'any'; -i is short for it", NULL },
	{ "json", OPTION_TEXT, PLACE(json), "FILE|-",
	  "append events as lines of JSON to a file or FIFO, as they happen; with '-' to standard "
	  "output, and no report", NULL },
	{ "html", OPTION_TEXT, PLACE(html), "FILE",
	  "at the end write a report for a browser: one file that loads nothing", NULL },
	{ "policy", OPTION_TEXT, PLACE(policy), "FILE",
	  "judge by the rules of this file, as rpcgate-policy(5) describes; without one everything "
	  "that was announced is allowed", NULL },
	{ "set", OPTION_LIST, PLACE(set), "KEY=VALUE",
	  "change a setting; may be given many times, 'rpcgate analyze --help' lists the keys", NULL },
	{ "filter", OPTION_TEXT, PLACE(filter), "BPF",
	  "look only at what this filter takes, as pcap-filter(7) describes", NULL },
	{ "seconds", OPTION_TEXT, PLACE(seconds), "N", "end after so many seconds", NULL },
	{ "packets", OPTION_TEXT, PLACE(packets), "N", "end after so many packets", NULL },
	{ "checksum", OPTION_CHOICE, PLACE(checksum), "verify|ignore",
	  "verify (preset): packets with a wrong checksum move nothing; ignore: for interfaces of a "
	  "host that sends them itself", checksum_choices },
	{ "no-ndpi", OPTION_FLAG, PLACE(no_ndpi), NULL,
	  "do not ask nDPI what the connections are that are not RPC", NULL },
	{ "all", OPTION_FLAG, PLACE(all), NULL, "do not shorten long listings", NULL },
	{ "quiet", OPTION_FLAG, PLACE(quiet), NULL, "no report, no remarks; errors only", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

struct watching {
	struct watch_options options;
	struct reading reading; /* the engine and its policy; it reads no file */
	struct live *live;
	struct labeller *labeller; /* NULL if not wanted */
	struct report *report;     /* NULL if not wanted */
	struct sink *json;         /* NULL if not wanted */
	struct json_memory memory; /* of json */
	struct line_stream lines;  /* on their way to json */
	struct html *html;         /* NULL if not wanted */
	FILE *page;                /* the same */
	size_t width;              /* of the page: nobody can be asked any more later */
	uint64_t max_packets;      /* 0: no end */
	uint64_t end_ns;           /* monotonic; 0: no end */
	bool cut_short;            /* the interface failed */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------------- messages */

static void usage(FILE *out)
{
	fputs("usage: rpcgate watch -i IF [OPTION]...\n\n"
	      "Look at what passes an interface, and say what servers announced, what would be open to\n"
	      "whom, and what clients bound, with a verdict and a reason.  Changes nothing.  Needs the\n"
	      "right to capture (CAP_NET_RAW), and gives it up once the interface is open.  SIGINT ends\n"
	      "it, with the report.\n\n",
	      out);
	options_help(rows, out);
	fputs("\nexit status: 0 done; 1 failure at run time; 2 wrong usage; 3 bad setting or policy; 4 the\n"
	      "interface failed while it was watched (what came before was used)\n",
	      out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate watch: %s; 'rpcgate watch --help' says more\n", what);
	return EXIT_USAGE;
}

static void complain(const char *what)
{
	char shown[READING_SHOWN];

	fprintf(stderr, "rpcgate watch: %s\n", text_show(what, shown, sizeof(shown)));
}

/* ------------------------------------------------------------------- the start */

static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;

	if (!text)
		return true;
	errno = 0;
	*out = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
	return *out && !errno && !*end && *out <= max;
}

/* The page is written at the end, when nothing can be opened any more */
static bool open_outputs(struct watching *w, char err[RPCGATE_ERROR_SIZE])
{
	const struct watch_options *o = &w->options;
	struct output_taken taken = { .policy = w->reading.policy,
				      .policy_file = o->policy,
				      .other = o->html };
	const char *conflict = NULL;
	char why[OUTPUT_ERROR_SIZE];
	char shown[128];

	if (o->json && strcmp(o->json, "-") != 0)
		conflict = output_conflict(o->json, &taken);
	if (conflict) {
		snprintf(err, RPCGATE_ERROR_SIZE, "%s: %s",
			 text_show(o->json, shown, sizeof(shown)), conflict);
		return false;
	}
	if (o->json && !(w->json = sink_open(o->json, err)))
		return false;
	if (!o->html)
		return true;
	taken.other = o->json;
	w->page = output_open(o->html, &taken, why);
	w->html = w->page ? html_new(&o->set) : NULL;
	if (!w->html)
		snprintf(err, RPCGATE_ERROR_SIZE, "%s: %s",
			 text_show(o->html, shown, sizeof(shown)),
			 w->page ? "not enough memory" : why);
	return w->html;
}

/* Everything that needs rights, or names that are looked up */
static bool open_all(struct watching *w, char err[RPCGATE_ERROR_SIZE])
{
	const struct watch_options *o = &w->options;

	w->live = live_open(o->interface, o->filter, err);
	if (!w->live || !open_outputs(w, err))
		return false;
	if (!o->no_ndpi)
		w->labeller = labeller_new();
	if (!o->quiet && !(o->json && strcmp(o->json, "-") == 0))
		w->report = report_new();
	w->width = table_page_width(stdout);
	return true;
}

/* A FIFO is opened again for each of its readers. */
static bool may_be_opened_again(const char *path)
{
	struct stat status;

	return path && stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

static bool give_up_rights(struct watching *w, char err[RPCGATE_ERROR_SIZE])
{
	const struct sandbox_path path = { w->options.json, true };
	const struct sandbox sandbox = {
		.user = geteuid() == 0 ? NOBODY : NULL,
		.path = &path,
		.n_paths = may_be_opened_again(w->options.json),
	};
	struct sandbox_report missing;

	if (!sandbox_drop(&sandbox, &missing, err) || !sandbox_lock(SANDBOX_CAPTURE, err))
		return false;
	if (*missing.missing && !w->options.quiet)
		complain(missing.missing);
	return true;
}

static bool start(struct watching *w, int *status)
{
	struct reading *r = &w->reading;
	char err[RPCGATE_ERROR_SIZE];

	reading_init(r, "watch", w->options.quiet);
	r->cfg.checksum = checksum_values[w->options.checksum];
	if (!reading_configure(r, w->options.policy, &w->options.set, status))
		return false;
	*status = EXIT_RUN_TIME;
	if (!open_all(w, err) || !give_up_rights(w, err)) {
		complain(err);
		return false;
	}
	reading_catch_signals();
	return true;
}

/* ---------------------------------------------------------------------- output */

/* What could not be made is lost like what could not be kept: the sink counts it. */
static void end_line(struct watching *w, bool good)
{
	good = line_stream_end(&w->lines, good);
	sink_write(w->json, good ? w->lines.text : "", good ? w->lines.n : 0);
}

static void put_engine(struct watching *w, uint64_t time_ns, const char *event, const char *detail)
{
	FILE *out = line_stream_begin(&w->lines);

	end_line(w, out && json_write_engine(out, time_ns, NULL, event, detail));
}

static void put_stats(struct watching *w, const struct rpcgate_stats *stats)
{
	FILE *out = line_stream_begin(&w->lines);

	end_line(w, out && json_write_stats(out, w->reading.last_ns, stats));
}

static void put_event(struct watching *w, const struct rpcgate_event *event)
{
	struct json_origin origin = { 0 };
	FILE *out;

	if (w->report)
		report_event(w->report, event);
	if (w->html)
		html_event(w->html, event, NULL);
	if (!w->json)
		return;
	if (w->labeller && event->flow_id &&
	    (event->type == RPCGATE_EVENT_ALERT || event->type == RPCGATE_EVENT_FLOW))
		origin.ndpi = labeller_name(w->labeller, event->flow_id);
	out = line_stream_begin(&w->lines);
	end_line(w, out && json_write_event(out, &w->memory, event, &origin));
}

static void use_result(struct watching *w, const struct rpcgate_result *result)
{
	for (size_t i = 0; i < result->n_events; i++)
		put_event(w, &result->events[i]);
}

static void label(struct watching *w, const struct rpcgate_packet *packet,
		  const struct rpcgate_result *result)
{
	size_t skip = result->l3_offset < packet->caplen ? result->l3_offset : packet->caplen;

	if (w->labeller && result->flow_id &&
	    labeller_packet(w->labeller, result->flow_id, result->not_rpc, packet->data + skip,
			    packet->caplen - skip, packet->time_ns) == LABELLER_NAMED &&
	    w->report)
		report_label(w->report, labeller_name(w->labeller, result->flow_id));
}

/* -------------------------------------------------------------------- the loop */

static void use_packet(struct watching *w, const struct rpcgate_packet *packet)
{
	struct reading *r = &w->reading;
	struct rpcgate_result result;

	if (!r->packets++)
		r->first_ns = packet->time_ns;
	if (packet->time_ns > r->last_ns)
		r->last_ns = packet->time_ns;
	if (w->html)
		html_packet(w->html, packet->time_ns);
	result = rpcgate_feed(r->gate, packet);
	label(w, packet, &result);
	use_result(w, &result);
}

static bool has_ended(const struct watching *w)
{
	return reading_interrupted() || w->cut_short ||
	       (w->max_packets && w->reading.packets >= w->max_packets) ||
	       (w->end_ns && clock_ns(CLOCK_MONOTONIC) >= w->end_ns);
}

/* True if there may be more at once */
static bool use_burst(struct watching *w)
{
	struct rpcgate_packet packet;
	char err[RPCGATE_ERROR_SIZE];

	for (int i = 0; i < BURST; i++) {
		enum live_result got;

		if (w->max_packets && w->reading.packets >= w->max_packets)
			return false;
		got = live_next(w->live, &packet, err);
		if (got == LIVE_FAILED) {
			complain(err);
			w->cut_short = true;
		}
		if (got != LIVE_PACKET)
			return false;
		use_packet(w, &packet);
	}
	return true;
}

static void wait_for_packets(const struct watching *w)
{
	struct pollfd ready = { .fd = live_fd(w->live), .events = POLLIN };
	uint64_t wait_ns = WAIT_NS;

	if (w->end_ns) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		if (w->end_ns < now + wait_ns)
			wait_ns = w->end_ns > now ? w->end_ns - now : 0;
	}
	(void)poll(&ready, 1, (int)(wait_ns / NS_PER_MS) + 1);
}

static void let_time_pass(struct watching *w)
{
	struct rpcgate_result result =
		rpcgate_tick(w->reading.gate, clock_ns(CLOCK_REALTIME) - BEHIND_NS);

	use_result(w, &result);
}

static void watch(struct watching *w)
{
	while (!has_ended(w)) {
		bool more = use_burst(w);

		if (w->json)
			sink_flush(w->json);
		if (more || has_ended(w))
			continue;
		wait_for_packets(w);
		let_time_pass(w);
	}
}

/* --------------------------------------------------------------------- the end */

static const char *why_ended(const struct watching *w)
{
	if (w->cut_short)
		return "the interface failed";
	return reading_interrupted() ? "interrupted" : "as much as was asked for";
}

static struct report_input input_of(const struct watching *w, const struct rpcgate_stats *stats,
				    uint64_t dropped)
{
	return (struct report_input){
		.interface = w->options.interface,
		.kernel_dropped = dropped,
		.stats = *stats,
		.first_ns = w->reading.first_ns,
		.last_ns = w->reading.last_ns,
		.unnamed = w->labeller ? labeller_unnamed(w->labeller) : 0,
		.checksums_ignored = w->reading.cfg.checksum == RPCGATE_CHECKSUM_IGNORE,
	};
}

static void write_json_end(struct watching *w, const struct report_input *input)
{
	uint64_t last_ns = w->reading.last_ns;
	char line[REPORT_QUALITY];

	for (size_t i = 0; report_quality(input, i, line); i++)
		if (*line)
			put_engine(w, last_ns, "input", line);
	put_stats(w, &input->stats);
	put_engine(w, last_ns, "stop", why_ended(w));
	sink_flush(w->json);
}

static void print_reports(struct watching *w, const struct report_input *input)
{
	struct reading *r = &w->reading;

	if (w->html && !html_write(w->html, input, &r->cfg, w->options.policy, w->page))
		reading_fail(r, "report", "not enough memory");
	if (w->page && (fflush(w->page) != 0 || ferror(w->page)))
		reading_fail(r, w->options.html, strerror(errno));
	if (w->report && !report_print(w->report, input, stdout, w->width, w->options.all))
		reading_fail(r, "report", "not enough memory");
}

static int finish(struct watching *w)
{
	uint64_t dropped = live_dropped(w->live);
	struct rpcgate_result result;
	struct rpcgate_stats stats;
	struct report_input input;

	do {
		result = rpcgate_finish(w->reading.gate);
		use_result(w, &result);
	} while (result.n_events);
	rpcgate_stats(w->reading.gate, &stats);
	input = input_of(w, &stats, dropped);
	if (w->json)
		write_json_end(w, &input);
	print_reports(w, &input);
	if (w->json && (sink_stats(w->json).lost || sink_stats(w->json).waiting))
		reading_fail(&w->reading, w->options.json, "lines of events were lost");
	if (w->reading.failed)
		return EXIT_RUN_TIME;
	return w->cut_short ? EXIT_INPUT : EXIT_DONE;
}

int command_watch(int argc, char **argv)
{
	struct watching w = { 0 };
	char error[OPTIONS_ERROR_SIZE];
	int status = EXIT_USAGE;
	uint64_t seconds = 0;
	int n;

	options_lengthen(argc, argv, "-i", "--interface");
	n = options_parse(rows, argc, argv, &w.options, error);
	if (n < 0)
		return wrong_usage(error);
	if (w.options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (n || !w.options.interface)
		return wrong_usage("exactly one interface is needed, as -i IF");
	if (!read_number(w.options.seconds, UINT32_MAX, &seconds) ||
	    !read_number(w.options.packets, UINT64_MAX, &w.max_packets))
		return wrong_usage("--seconds and --packets take a number above 0");
	if (start(&w, &status)) {
		if (w.json)
			put_engine(&w, clock_ns(CLOCK_REALTIME), "start",
				   "an interface is watched");
		w.end_ns = seconds ? clock_ns(CLOCK_MONOTONIC) + seconds * NS_PER_S : 0;
		watch(&w);
		status = finish(&w);
	}
	sink_close(w.json);
	line_stream_free(&w.lines);
	if (w.page)
		(void)fclose(w.page);
	html_free(w.html);
	report_free(w.report);
	labeller_free(w.labeller);
	live_close(w.live);
	reading_close(&w.reading);
	return status;
}
