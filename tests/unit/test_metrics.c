/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics: the text by the rules of its format, and who gets it */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics.h"
#include "rows.h"

#define ANSWER_SIZE 65536
#define FAMILIES_MAX 256
#define NAME_SIZE 128

/* ----------------------------------------------------------- the rules, strictly */

/* What is known of the family at hand, and which ones were there before */
struct checker {
	char done[FAMILIES_MAX][NAME_SIZE];
	size_t n_done;
	char name[NAME_SIZE];
	char type[16];
	char series[ANSWER_SIZE]; /* name and labels of each sample, one a line */
	bool has_help, has_type;
	double last_bucket;
	double last_le;
	unsigned samples;
};

static const char *complaint;

static bool bad(const char *what)
{
	complaint = what;
	return false;
}

static size_t name_length(const char *p, bool colon)
{
	size_t n = 0;

	while ((p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z') || p[n] == '_' ||
	       (colon && p[n] == ':') || (n && p[n] >= '0' && p[n] <= '9'))
		n++;
	return n;
}

static bool start_family(struct checker *c, const char *name, size_t n)
{
	if (n >= NAME_SIZE || !n)
		return bad("no name");
	for (size_t i = 0; i < c->n_done; i++)
		if (strlen(c->done[i]) == n && memcmp(c->done[i], name, n) == 0)
			return bad("a family comes twice");
	memcpy(c->done[c->n_done++], name, n);
	memcpy(c->name, name, n);
	c->name[n] = '\0';
	c->has_type = false;
	c->type[0] = '\0';
	return true;
}

/* "# HELP name text" or "# TYPE name type", HELP first, each once */
static bool check_comment(struct checker *c, const char *line)
{
	bool help = strncmp(line, "# HELP ", 7) == 0;
	size_t n = name_length(line + 7, true);

	if (!help && strncmp(line, "# TYPE ", 7) != 0)
		return bad("a comment that is none of the two");
	if (line[7 + n] != ' ')
		return bad("no name in a comment");
	if (help) {
		c->has_help = true;
		for (const char *p = line + 8 + n; *p; p++)
			if (*p == '\\' && *++p != '\\' && *p != 'n')
				return bad("a wrong escape in HELP");
		return start_family(c, line + 7, n);
	}
	if (!c->has_help || c->has_type || strncmp(c->name, line + 7, n) != 0 || c->name[n])
		return bad("TYPE without its HELP");
	snprintf(c->type, sizeof(c->type), "%s", line + 8 + n);
	c->has_type = true;
	c->has_help = false;
	c->samples = 0;
	return strcmp(c->type, "counter") == 0 || strcmp(c->type, "gauge") == 0 ||
	       strcmp(c->type, "histogram") == 0 || bad("a type that is none");
}

/* {name="value",...}; returns what is behind it, NULL if it is wrong */
static const char *check_labels(const char *p, char le[64])
{
	if (*p != '{')
		return p;
	do {
		size_t n = name_length(++p, false);
		bool is_le = n == 2 && memcmp(p, "le", 2) == 0;
		const char *value;

		if (!n || p[n] != '=' || p[n + 1] != '"')
			return NULL;
		value = p += n + 2;
		for (; *p && *p != '"'; p++)
			if (*p == '\\' && *++p != '\\' && *p != 'n' && *p != '"')
				return NULL;
		if (*p != '"')
			return NULL;
		if (is_le)
			snprintf(le, 64, "%.*s", (int)(p - value), value);
		p++;
	} while (*p == ',');
	return *p == '}' ? p + 1 : NULL;
}

static bool check_bucket(struct checker *c, const char *le, double value)
{
	double bound = strcmp(le, "+Inf") == 0 ? INFINITY : strtod(le, NULL);

	if (!*le)
		return bad("a bucket without le");
	if (!isnan(c->last_le) && (bound <= c->last_le || value < c->last_bucket))
		return bad("buckets do not rise");
	c->last_le = bound == INFINITY ? NAN : bound;
	c->last_bucket = value;
	return true;
}

static bool suffix_is_good(struct checker *c, const char *rest, size_t n, const char *le,
			   double value)
{
	if (strcmp(c->type, "histogram") != 0)
		return n == 0 && !*le;
	if (n == 7 && memcmp(rest, "_bucket", 7) == 0)
		return check_bucket(c, le, value);
	if (*le)
		return false;
	if (n == 6 && memcmp(rest, "_count", 6) == 0)
		return value == c->last_bucket || bad("the count is not the last bucket");
	return n == 4 && memcmp(rest, "_sum", 4) == 0;
}

static bool check_sample(struct checker *c, const char *line)
{
	size_t base = strlen(c->name);
	size_t n = name_length(line, true);
	char le[64] = "";
	const char *value = check_labels(line + n, le);
	size_t key = value ? (size_t)(value - line) : 0;
	double number;
	char *end;

	if (!c->has_type || n < base || strncmp(line, c->name, base) != 0)
		return bad("a sample outside its family");
	if (!value || *value != ' ')
		return bad("labels that are none");
	number = strtod(value + 1, &end);
	if (end == value + 1 || *end)
		return bad("a value that is no number");
	if (strcmp(c->type, "counter") == 0 &&
	    (number < 0 || base < 6 || strcmp(c->name + base - 6, "_total") != 0))
		return bad("no counter");
	for (const char *p = c->series; *p; p = strchr(p, '\n') + 1)
		if (strncmp(p, line, key) == 0 && p[key] == '\n')
			return bad("a series comes twice");
	strncat(c->series, line, key);
	strcat(c->series, "\n");
	c->samples++;
	return suffix_is_good(c, line + base, n - base, le, number) || bad("a wrong suffix");
}

static bool follows_the_rules(const char *text)
{
	struct checker *c = calloc(1, sizeof(*c));
	bool good = true;
	char line[4096];

	complaint = NULL;
	c->last_le = NAN;
	while (good && *text) {
		const char *end = strchr(text, '\n');

		if (!end || end - text >= (ptrdiff_t)sizeof(line)) {
			good = bad("no line end");
			break;
		}
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		good = line[0] == '#' ? check_comment(c, line) : check_sample(c, line);
		text = end + 1;
	}
	free(c);
	return good;
}

static const struct rule_row {
	const char *name;
	const char *text;
	bool good;
} rules[] = {
	{ "nothing", "", true },
	{ "a counter", "# HELP a_total x\n# TYPE a_total counter\na_total 1\n", true },
	{ "labels", "# HELP a x\n# TYPE a gauge\na{b=\"c\\\"\",d=\"\"} 1\na{b=\"d\"} 1e3\n", true },
	{ "no line end", "# HELP a x\n# TYPE a gauge\na 1", false },
	{ "no type", "# HELP a x\na 1\n", false },
	{ "no help", "# TYPE a gauge\na 1\n", false },
	{ "a series twice", "# HELP a x\n# TYPE a gauge\na 1\na 2\n", false },
	{ "a family twice",
	  "# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\nb 1\n# HELP a x\n", false },
	{ "a counter without _total", "# HELP a x\n# TYPE a counter\na 1\n", false },
	{ "a foreign sample", "# HELP a x\n# TYPE a gauge\nb 1\n", false },
	{ "an open label", "# HELP a x\n# TYPE a gauge\na{b=\"c} 1\n", false },
	{ "a wrong escape", "# HELP a x\n# TYPE a gauge\na{b=\"\\t\"} 1\n", false },
	{ "no number", "# HELP a x\n# TYPE a gauge\na x\n", false },
	{ "a histogram that falls",
	  "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n",
	  false },
	{ "a histogram whose count is another",
	  "# HELP a x\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n", false },
};

static void the_checker_itself(void **state)
{
	const struct rule_row *row = *state;

	if (follows_the_rules(row->text) != row->good)
		fail_msg("%s", complaint ? complaint : "accepted");
}

/* ------------------------------------------------------------------------ text */

static struct metrics *filled(void)
{
	static const double bound[] = { 0.0001, 0.001, 0.01 };
	static const uint64_t bucket[] = { 5, 0, 2, 1 };
	static const struct metric_histogram latency = { 3, bound, bucket, 0.25 };
	const struct metric list[] = {
		{ "rpcgate_queue_dropped_total",
		  "packets the kernel\ndropped \\",
		  METRIC_COUNTER,
		  { { "queue", "0" } },
		  7,
		  NULL },
		{ "rpcgate_set_elements",
		  "elements",
		  METRIC_GAUGE,
		  { { "set", "a\"b\\c\nd" }, { "family", "ipv4" } },
		  1.5,
		  NULL },
		{ "rpcgate_latency_seconds",
		  "time to a verdict",
		  METRIC_HISTOGRAM,
		  { { "queue", "0" } },
		  0,
		  &latency },
		{ "rpcgate_queue_dropped_total",
		  "again",
		  METRIC_COUNTER,
		  { { "queue", "1" } },
		  8,
		  NULL },
		{ "rpcgate_latency_seconds",
		  "again",
		  METRIC_HISTOGRAM,
		  { { "queue", "1" } },
		  0,
		  &latency },
		{ "rpcgate_big_total",
		  "2^53",
		  METRIC_COUNTER,
		  { { NULL, NULL } },
		  9007199254740992.0,
		  NULL },
	};
	struct rpcgate_stats stats = { .packets = UINT64_MAX, .flows_live = 3 };
	struct metrics *m = metrics_new();

	assert_non_null(m);
	assert_true(metrics_update(m, &stats, list, sizeof(list) / sizeof(list[0])));
	return m;
}

static void all_values_follow_the_rules_of_the_format(void **state)
{
	struct metrics *m = filled();
	size_t n = 0;
	char *text = metrics_render(m, &n);

	(void)state;
	assert_non_null(text);
	assert_int_equal(strlen(text), n);
	if (!follows_the_rules(text))
		fail_msg("%s", complaint);
	assert_non_null(strstr(text, "\nrpcgate_octets_total 0\n"));
	assert_non_null(strstr(text, "rpcgate_packets_total 18446744073709551615\n"));
	assert_non_null(strstr(text, "# TYPE rpcgate_flows_live gauge\nrpcgate_flows_live 3\n"));
	assert_non_null(strstr(text, "\n# TYPE rpcgate_buffer_octets_peak gauge\n"));
	assert_non_null(strstr(text, "\n# TYPE rpcgate_buffer_octets_used gauge\n"));
	assert_non_null(strstr(text, "_dropped_total packets the kernel\\ndropped \\\\\n"));
	assert_non_null(strstr(text, "rpcgate_queue_dropped_total{queue=\"0\"} 7\n"
				     "rpcgate_queue_dropped_total{queue=\"1\"} 8\n"));
	assert_non_null(strstr(
		text, "rpcgate_set_elements{set=\"a\\\"b\\\\c\\nd\",family=\"ipv4\"} 1.5\n"));
	assert_non_null(strstr(text, "rpcgate_latency_seconds_bucket{queue=\"0\",le=\"0.0001\"} 5\n"
				     "rpcgate_latency_seconds_bucket{queue=\"0\",le=\"0.001\"} 5\n"
				     "rpcgate_latency_seconds_bucket{queue=\"0\",le=\"0.01\"} 7\n"
				     "rpcgate_latency_seconds_bucket{queue=\"0\",le=\"+Inf\"} 8\n"
				     "rpcgate_latency_seconds_sum{queue=\"0\"} 0.25\n"
				     "rpcgate_latency_seconds_count{queue=\"0\"} 8\n"));
	assert_non_null(strstr(text, "rpcgate_big_total 9007199254740992\n"));
	free(text);
	metrics_free(m);
}

static void before_the_first_update_there_is_nothing(void **state)
{
	struct metrics *m = metrics_new();
	size_t n = 1;
	char *text = metrics_render(m, &n);

	(void)state;
	assert_int_equal(n, 0);
	assert_string_equal(text, "");
	free(text);
	metrics_free(m);
}

static void engines_are_summed(void **state)
{
	struct rpcgate_stats one = { .packets = 2, .events_lost = 3, .pinholes_live = 1 };
	struct rpcgate_stats sum = { .packets = 5 };

	(void)state;
	metrics_add(&sum, &one);
	metrics_add(&sum, &one);
	assert_int_equal(sum.packets, 9);
	assert_int_equal(sum.events_lost, 6);
	assert_int_equal(sum.pinholes_live, 2);
}

static const struct name_row {
	const char *name;
	struct metric metric;
} wrong_names[] = {
	{ "no name", { "", "x", METRIC_GAUGE, { { 0 } }, 0, NULL } },
	{ "a name that begins with a digit", { "9a", "x", METRIC_GAUGE, { { 0 } }, 0, NULL } },
	{ "a name with a dash", { "a-b", "x", METRIC_GAUGE, { { 0 } }, 0, NULL } },
	{ "a counter without _total", { "a", "x", METRIC_COUNTER, { { 0 } }, 0, NULL } },
	{ "a gauge with _total", { "a_total", "x", METRIC_GAUGE, { { 0 } }, 0, NULL } },
	{ "a label with a colon", { "a", "x", METRIC_GAUGE, { { "b:c", "d" } }, 0, NULL } },
	{ "a label without value", { "a", "x", METRIC_GAUGE, { { "b", NULL } }, 0, NULL } },
	{ "a label that buckets have", { "a", "x", METRIC_GAUGE, { { "le", "1" } }, 0, NULL } },
	{ "a histogram without buckets", { "a", "x", METRIC_HISTOGRAM, { { 0 } }, 0, NULL } },
};

static void a_wrong_name_changes_nothing(void **state)
{
	const struct name_row *row = *state;
	const struct rpcgate_stats stats = { .packets = 12345 };
	struct metrics *m = filled();
	size_t n = 0;
	char *text;

	assert_false(metrics_update(m, &stats, &row->metric, 1));
	text = metrics_render(m, &n);
	assert_null(strstr(text, "12345"));
	assert_non_null(strstr(text, "rpcgate_big_total"));
	free(text);
	metrics_free(m);
}

/* ------------------------------------------------------------------------ HTTP */

static struct metrics *serving(const char *where)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct metrics *m = filled();

	if (!metrics_listen(m, where, err) || !metrics_serve(m, err))
		fail_msg("%s", err);
	return m;
}

static int connected(const struct metrics *m)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(metrics_port(m)) };
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static char answer[ANSWER_SIZE];

/* Ask, and read until the other side closes */
static const char *ask(const struct metrics *m, const char *request)
{
	int fd = connected(m);
	size_t n = 0;
	ssize_t got;

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	while ((got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	close(fd);
	return answer;
}

static void curl_gets_the_text(void **state)
{
	struct metrics *m = serving("127.0.0.1:0");
	size_t n = 0;
	char *text = metrics_render(m, &n);
	const char *body;

	(void)state;
	ask(m, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl\r\nAccept: */*\r\n"
	       "Connection: close\r\n\r\n");
	assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strcasestr(
		answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	body = strstr(answer, "\r\n\r\n");
	assert_non_null(body);
	assert_string_equal(body + 4, text);
	free(text);
	metrics_free(m);
}

static const struct request_row {
	const char *name;
	const char *request;
	const char *status;
	const char *with;
} requests[] = {
	{ "HEAD", "HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ",
	  "Content-Length" },
	{ "a question mark behind",
	  "GET /metrics?a=b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ",
	  "rpcgate_packets_total" },
	{ "another path", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 ",
	  "GET /metrics is what there is" },
	{ "a path that goes up",
	  "GET /metrics/../x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 ",
	  "" },
	{ "a method that would change something",
	  "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	  "HTTP/1.1 405 ", "Allow: GET, HEAD" },
	{ "DELETE", "DELETE /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	  "HTTP/1.1 405 ", "Allow: GET, HEAD" },
	{ "no HTTP at all", "\x16\x03\x01\r\n\r\n", "", "" },
};

static void check_request(void **state)
{
	const struct request_row *row = *state;
	struct metrics *m = serving("127.0.0.1:0");

	ask(m, row->request);
	if (strncmp(answer, row->status, strlen(row->status)) != 0 || !strstr(answer, row->with))
		fail_msg("%s", answer);
	assert_null(strcmp(row->with, "rpcgate_packets_total") ? strstr(answer, "rpcgate_") : NULL);
	metrics_free(m);
}

/* Who holds connections open does not keep others out for longer than the time-out */
static void connections_are_bounded(void **state)
{
	struct metrics *m = serving("127.0.0.1:0");
	int fd[METRICS_CONNECTIONS + 8];
	unsigned closed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		fd[i] = connected(m);
		send(fd[i], "GET /met", 8, MSG_NOSIGNAL);
	}
	/* each of them ends: at the limit, or because nothing more comes */
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		char octet;

		closed += recv(fd[i], &octet, 1, 0) <= 0 && errno != EAGAIN;
		close(fd[i]);
	}
	assert_true(closed >= 8);
	ask(m, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
	metrics_free(m);
}

static const struct place_row {
	const char *name;
	const char *where;
	const char *err; /* NULL: good */
} places[] = {
	{ "IPv4 loopback", "127.0.0.1:0", NULL },
	{ "any of 127/8", "127.1.2.3:0", NULL },
	{ "IPv6 loopback", "[::1]:0", NULL },
	{ "all addresses", "0.0.0.0:9135",
	  "metrics 0.0.0.0:9135: only loopback addresses are served" },
	{ "all of IPv6", "[::]:9135", "metrics [::]:9135: only loopback addresses are served" },
	{ "a routed address", "192.0.2.1:9135",
	  "metrics 192.0.2.1:9135: only loopback addresses are served" },
	{ "mapped loopback", "[::ffff:127.0.0.1]:9135",
	  "metrics [::ffff:127.0.0.1]:9135: only loopback addresses are served" },
	{ "a name", "localhost:9135",
	  "metrics localhost:9135: expected ADDRESS:PORT, such as 127.0.0.1:9135 or [::1]:9135" },
	{ "no port", "127.0.0.1",
	  "metrics 127.0.0.1: expected ADDRESS:PORT, such as 127.0.0.1:9135 or [::1]:9135" },
	{ "a port too high", "127.0.0.1:65536",
	  "metrics 127.0.0.1:65536: expected ADDRESS:PORT, such as 127.0.0.1:9135 or [::1]:9135" },
	{ "nothing", "", "metrics : expected ADDRESS:PORT, such as 127.0.0.1:9135 or [::1]:9135" },
};

static void check_place(void **state)
{
	const struct place_row *row = *state;
	char err[RPCGATE_ERROR_SIZE] = "";
	struct metrics *m = metrics_new();
	bool good = metrics_listen(m, row->where, err);

	assert_string_equal(err, row->err ? row->err : "");
	assert_int_equal(good, !row->err);
	if (good)
		assert_true(metrics_port(m) > 0);
	metrics_free(m);
}

static void a_port_in_use_is_said(void **state)
{
	struct metrics *m = serving("127.0.0.1:0");
	struct metrics *other = metrics_new();
	char err[RPCGATE_ERROR_SIZE] = "";
	char where[32];

	(void)state;
	snprintf(where, sizeof(where), "127.0.0.1:%u", metrics_port(m));
	assert_false(metrics_listen(other, where, err));
	assert_non_null(strstr(err, ": Address already in use"));
	metrics_free(other);
	metrics_free(m);
}

/* ------------------------------------------------------------------------ a file */

static void a_file_is_replaced_as_a_whole(void **state)
{
	char dir[] = "/tmp/test_metrics.XXXXXX";
	char err[RPCGATE_ERROR_SIZE] = "";
	struct metrics *m = filled();
	struct stat status;
	char path[64];
	char other[80];
	size_t n = 0;
	char *text = metrics_render(m, &n);
	mode_t before = umask(0077);
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/rpcgate.prom", dir);
	snprintf(other, sizeof(other), "%s.tmp", path);
	for (int i = 0; i < 2; i++) {
		assert_true(metrics_file(m, path, err));
		assert_int_equal(access(other, F_OK), -1);
	}
	umask(before);
	file = fopen(path, "r");
	assert_non_null(file);
	memset(answer, 0, sizeof(answer));
	assert_int_equal(fread(answer, 1, sizeof(answer), file), n);
	fclose(file);
	assert_string_equal(answer, text);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0644);
	/* a link in the way of the temporary name is not followed */
	assert_int_equal(symlink("/dev/null", other), 0);
	assert_false(metrics_file(m, path, err));
	assert_non_null(strstr(err, "Too many levels of symbolic links"));
	unlink(other);
	assert_false(metrics_file(m, "/nowhere/at/all", err));
	assert_string_equal(err, "metrics /nowhere/at/all: No such file or directory");
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	free(text);
	metrics_free(m);
}

int main(void)
{
	struct CMUnitTest tests[96] = {
		cmocka_unit_test(all_values_follow_the_rules_of_the_format),
		cmocka_unit_test(before_the_first_update_there_is_nothing),
		cmocka_unit_test(engines_are_summed),
		cmocka_unit_test(curl_gets_the_text),
		cmocka_unit_test(connections_are_bounded),
		cmocka_unit_test(a_port_in_use_is_said),
		cmocka_unit_test(a_file_is_replaced_as_a_whole),
	};
	size_t n = 7;

	signal(SIGPIPE, SIG_IGN);
	ROWS(tests, n, rules, the_checker_itself);
	ROWS(tests, n, wrong_names, a_wrong_name_changes_nothing);
	ROWS(tests, n, requests, check_request);
	ROWS(tests, n, places, check_place);
	return _cmocka_run_group_tests("metrics", tests, n, NULL, NULL);
}
