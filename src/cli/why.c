/* SPDX-License-Identifier: GPL-3.0-or-later */
/* why.c - the story of a verdict */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "daemon.h"
#include "options.h"
#include "rpcgate.h"
#include "source.h"
#include "story.h"
#include "table.h"
#include "text.h"

#define PAIRS_SHOWN 5

struct why_options {
	const char *socket;
	const char *events;
	const char *policy;
	struct option_list set;
	bool quiet;
	bool help;
};

#define PLACE(member) offsetof(struct why_options, member)
/* clang-format off */
static const struct option_row rows[] = {
	{ "events", OPTION_TEXT, PLACE(events), "FILE|-",
	  "read events that 'rpcgate analyze --json' wrote, packed or not, instead of captures",
	  NULL },
	{ "socket", OPTION_TEXT, PLACE(socket), "PATH",
	  "where the running gateway answers, /run/rpcgate/control; -s is short for it", NULL },
	{ "policy", OPTION_TEXT, PLACE(policy), "FILE",
	  "judge captures by the rules of this file; events were judged when they were written", NULL },
	{ "set", OPTION_LIST, PLACE(set), "KEY=VALUE",
	  "change a setting for captures; may be given many times, 'rpcgate analyze --help' lists keys",
	  NULL },
	{ "quiet", OPTION_FLAG, PLACE(quiet), NULL, "no progress; the story and errors only", NULL },
	{ "help", OPTION_FLAG, PLACE(help), NULL, "show this", NULL },
	{ 0 },
};
/* clang-format on */
#undef PLACE

static void usage(FILE *out)
{
	fputs("usage: rpcgate why CLIENT SERVER [PORT] [OPTION]... FILE|DIR...\n"
	      "       rpcgate why CLIENT SERVER [PORT] --events FILE|-\n"
	      "       rpcgate why CLIENT SERVER [PORT] [-s PATH]\n\n"
	      "Tell why a bind was allowed or refused: what the client asked the mapper, what it was\n"
	      "told, which pinhole that opened and for how long, what it bound, which rule decided,\n"
	      "and the nearest rule that would have allowed what was refused.  CLIENT and SERVER are\n"
	      "addresses or 'any'; PORT is that of the service.  The number beside a time is that of\n"
	      "the packet in its capture.  Without captures and --events the running 'rpcgate run' is\n"
	      "asked where it writes its events, and the story is told from that file.\n\n",
	      out);
	options_help(rows, out);
	fputs("\nexit status: 0 there is something to tell; 1 there is nothing, or a failure at run\n"
	      "time; 2 wrong usage; 3 bad setting or policy; 4 an input is unreadable or cut short\n"
	      "(what came before was used)\n",
	      out);
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "rpcgate why: %s; 'rpcgate why --help' says more\n", what);
	return EXIT_USAGE;
}

/* ------------------------------------------------------------------- operands */

static bool read_host(const char *text, bool *given, struct rpcgate_addr *addr)
{
	*given = strcmp(text, "any") != 0;
	if (!*given)
		return true;
	addr->octet[10] = addr->octet[11] = 0xff;
	return inet_pton(AF_INET, text, addr->octet + 12) == 1 ||
	       inet_pton(AF_INET6, text, addr->octet) == 1;
}

/* Other words are files; a file with such a name may be given as ./135 */
static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* 0: there is no such port */
static uint16_t port_of(const char *number)
{
	unsigned long value = strlen(number) <= 5 ? strtoul(number, NULL, 10) : 0;

	return value <= UINT16_MAX ? (uint16_t)value : 0;
}

static int no_host(const char *what, const char *text)
{
	char error[256];
	char shown[128];

	snprintf(error, sizeof(error), "%s '%s' is no address; an address or 'any' is needed", what,
		 text_show(text, shown, sizeof(shown)));
	return wrong_usage(error);
}

static int no_port(const char *text)
{
	char error[256];
	char shown[128];

	snprintf(error, sizeof(error), "'%s' is no port; 1 to 65535 is, and a file is ./%.20s",
		 text_show(text, shown, sizeof(shown)), text);
	return wrong_usage(error);
}

/* What stands before the captures; @return EXIT_DONE, and how many words it took */
static int read_operands(char **argv, int n, struct story_filter *filter, int *taken)
{
	if (n < 2)
		return wrong_usage("CLIENT and SERVER are needed, addresses or 'any'");
	if (!read_host(argv[0], &filter->has_client, &filter->client))
		return no_host("the client", argv[0]);
	if (!read_host(argv[1], &filter->has_server, &filter->server))
		return no_host("the server", argv[1]);
	*taken = 2;
	if (n == 2 || !is_number(argv[2]))
		return EXIT_DONE;
	*taken = 3;
	filter->port = port_of(argv[2]);
	return filter->port ? EXIT_DONE : no_port(argv[2]);
}

/* ------------------------------------------------------------------- the story */

static bool is_near(const struct story *s, const struct pair *pair)
{
	const struct story_filter *f = &s->filter;

	return (f->has_client && memcmp(&pair->client, &f->client, sizeof(f->client)) == 0) ||
	       (f->has_server && memcmp(&pair->server, &f->server, sizeof(f->server)) == 0);
}

/* Nothing was found: who did talk to whom */
static void suggest_pairs(struct story *s)
{
	size_t shown = 0;

	rows_sort_by_key(&s->pairs);
	for (size_t i = 0; i < s->pairs.n && shown < PAIRS_SHOWN; i++) {
		const struct pair *pair = s->pairs.all[i];
		char client[RPCGATE_ADDR_TEXT];
		char server[RPCGATE_ADDR_TEXT];

		if (!is_near(s, pair))
			continue;
		fprintf(stderr, "%s%s to %s", shown++ ? ", " : "rpcgate: there is RPC from ",
			rpcgate_addr_format(&pair->client, client),
			rpcgate_addr_format(&pair->server, server));
	}
	if (shown)
		putc('\n', stderr);
}

static int tell(struct story *s, int status)
{
	if (s->out_of_memory || s->heard.lost || s->holes.lost) {
		fputs("rpcgate why: there is more than can be kept; the story has gaps\n", stderr);
		status = status == EXIT_DONE ? EXIT_RUN_TIME : status;
	}
	if (s->n) {
		story_print(s, stdout, table_page_width(stdout));
		printf("\n%" PRIu64 " interfaces asked for, %" PRIu64 " of them refused\n",
		       s->binds, s->refused);
		return status;
	}
	fputs("rpcgate why: nothing was seen between these hosts\n", stderr);
	suggest_pairs(s);
	return status == EXIT_DONE ? EXIT_RUN_TIME : status;
}

static int check_inputs(const struct why_options *options, int n)
{
	if (options->events && n)
		return wrong_usage("captures and --events do not go together");
	if (options->events && options->policy)
		return wrong_usage("--policy judges captures; events were judged when they were "
				   "written");
	if (options->socket && (options->events || n))
		return wrong_usage(
			"--socket asks the running gateway: captures and --events do not "
			"go with it");
	if (!options->events && !n && (options->policy || options->set.n))
		return wrong_usage("--policy and --set judge captures: at least one FILE or DIR is "
				   "needed");
	return EXIT_DONE;
}

/* The file to which the running gateway writes, to be freed */
static char *ask(const struct why_options *options)
{
	const char *socket = options->socket ? options->socket : DAEMON_SOCKET;
	char err[RPCGATE_ERROR_SIZE];
	char *file = daemon_events(socket, err);

	if (!file)
		fprintf(stderr, "rpcgate why: %s; captures or --events FILE tell the story, too\n",
			err);
	return file;
}

int command_why(int argc, char **argv)
{
	struct why_options options = { 0 };
	struct story_filter filter = { 0 };
	struct source source = { .command = "why" };
	char *asked = NULL;
	char error[OPTIONS_ERROR_SIZE];
	struct story story;
	int taken = 0;
	int status;
	int n;

	options_lengthen(argc, argv, "-s", "--socket");
	n = options_parse(rows, argc, argv, &options, error);
	if (n < 0)
		return wrong_usage(error);
	if (options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	status = read_operands(argv, n, &filter, &taken);
	if (status == EXIT_DONE)
		status = check_inputs(&options, n - taken);
	if (status != EXIT_DONE)
		return status;
	if (!options.events && n == taken) {
		asked = ask(&options);
		if (!asked)
			return EXIT_RUN_TIME;
	}
	source.events = asked ? asked : options.events;
	source.growing = asked != NULL;
	source.policy = options.policy;
	source.set = &options.set;
	source.names = argv + taken;
	source.n = n - taken;
	source.quiet = options.quiet;
	story_init(&story, &filter);
	if (source_read(&source, story_event, &story, &status))
		status = tell(&story, status);
	story_free(&story);
	free(asked);
	return status;
}
