/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of events as entries of the journal, read back as journald reads them */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "journal.h"
#include "json.h"
#include "rows.h"

#define ENTRY_SIZE 65536

/* The value of a field, by the rules of the protocol; ends the test where they are broken */
static const char *field(const char *entry, size_t n, const char *name, size_t *value_n)
{
	const char *end = entry + n;
	const char *found = NULL;

	while (entry < end) {
		const char *stop = memchr(entry, '\n', (size_t)(end - entry));
		const char *equals = memchr(entry, '=', (size_t)(stop - entry));
		size_t name_n = (size_t)((equals ? equals : stop) - entry);
		const char *value;
		size_t length = 0;

		assert_non_null(stop);
		if (equals) {
			value = equals + 1;
			length = (size_t)(stop - value);
		} else {
			assert_true(end - stop > 9);
			for (int i = 0; i < 8; i++)
				length |= (size_t)(unsigned char)stop[1 + i] << (8 * i);
			value = stop + 9;
			assert_true(length < (size_t)(end - value));
		}
		assert_int_equal(value[length], '\n');
		if (strlen(name) == name_n && memcmp(entry, name, name_n) == 0) {
			assert_null(found);
			found = value;
			*value_n = length;
		}
		entry = value + length + 1;
	}
	return found;
}

static void assert_field(const char *entry, size_t n, const char *name, const char *want)
{
	size_t length = 0;
	const char *value = field(entry, n, name, &length);

	if (!want) {
		assert_null(value);
		return;
	}
	if (!value || length != strlen(want) || memcmp(value, want, length) != 0)
		fail_msg("%s is '%.*s', wanted '%s'", name, value ? (int)length : 4,
			 value ? value : "none", want);
}

/* ------------------------------------------------------------------- real events */

static struct rpcgate_event bind_event(void)
{
	struct rpcgate_event e = {
		.type = RPCGATE_EVENT_BIND,
		.proto = 6,
		.flow_id = 7,
		.time_ns = UINT64_C(1700000000000000000),
		.src.octet = { [10] = 0xff, 0xff, 10, 0, 0, 9 },
		.dest.octet = { [10] = 0xff, 0xff, 10, 0, 0, 5 },
		.src_port = 50000,
		.dest_port = 49664,
	};

	e.u.bind.verdict = RPCGATE_DENY;
	e.u.bind.action = RPCGATE_DROP;
	e.u.bind.reason = RPCGATE_REASON_NO_PINHOLE;
	assert_true(rpcgate_uuid_parse("e3514235-4b06-11d1-ab04-00c04fc2dcd2",
				       &e.u.bind.interface.uuid));
	e.u.bind.interface.major = 4;
	return e;
}

static char *line_of(const struct rpcgate_event *event, size_t *n)
{
	const struct json_origin nowhere = { 0 };
	char *line = NULL;
	FILE *out = open_memstream(&line, n);

	assert_non_null(out);
	assert_true(json_write_event(out, NULL, event, &nowhere));
	assert_int_equal(fclose(out), 0);
	return line;
}

static char *entry_of(const struct rpcgate_event *event, size_t *n)
{
	size_t line_n = 0;
	char *line = line_of(event, &line_n);
	char *entry = journal_entry(line, line_n, n);

	assert_non_null(entry);
	line[line_n - 1] = '\0';
	assert_field(entry, *n, "RPCGATE_JSON", line);
	assert_field(entry, *n, "SYSLOG_IDENTIFIER", "rpcgate");
	free(line);
	return entry;
}

static void a_bind_is_told_field_by_field(void **state)
{
	struct rpcgate_event e = bind_event();
	size_t n = 0;
	char *entry = entry_of(&e, &n);

	(void)state;
	assert_field(entry, n, "MESSAGE",
		     "10.0.0.9 asks for drsuapi 4.0 at 10.0.0.5 port 49664: deny (no-pinhole)");
	assert_field(entry, n, "PRIORITY", "4");
	assert_field(entry, n, "RPCGATE_EVENT", "rpc_bind");
	assert_field(entry, n, "RPCGATE_VERDICT", "deny");
	assert_field(entry, n, "RPCGATE_REASON", "no-pinhole");
	assert_field(entry, n, "RPCGATE_CLIENT", "10.0.0.9");
	assert_field(entry, n, "RPCGATE_SERVER", "10.0.0.5");
	assert_field(entry, n, "RPCGATE_PORT", "49664");
	assert_field(entry, n, "RPCGATE_INTERFACE", "drsuapi");
	free(entry);
}

static void allowed_is_less_urgent_than_refused(void **state)
{
	static const struct {
		enum rpcgate_verdict verdict;
		const char *priority;
	} rows[] = {
		{ RPCGATE_ALLOW, "6" },
		{ RPCGATE_LOG, "5" },
		{ RPCGATE_DENY, "4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rpcgate_event e = bind_event();
		size_t n = 0;
		char *entry;

		e.u.bind.verdict = rows[i].verdict;
		entry = entry_of(&e, &n);
		assert_field(entry, n, "PRIORITY", rows[i].priority);
		free(entry);
	}
}

static void an_alert_has_its_reason_and_interface(void **state)
{
	struct rpcgate_event e = bind_event();
	struct rpcgate_syntax drsuapi = e.u.bind.interface;
	size_t n = 0;
	char *entry;

	(void)state;
	e.type = RPCGATE_EVENT_ALERT;
	e.u.alert = (struct rpcgate_alert_event){
		.reason = RPCGATE_REASON_NO_PINHOLE,
		.action = RPCGATE_DROP,
		.has_interface = true,
		.interface = drsuapi,
		.ptype = 11,
	};
	entry = entry_of(&e, &n);
	assert_field(entry, n, "PRIORITY", "4");
	assert_field(entry, n, "RPCGATE_EVENT", "alert");
	assert_field(entry, n, "RPCGATE_VERDICT", "blocked");
	assert_field(entry, n, "RPCGATE_REASON", "no-pinhole");
	assert_field(entry, n, "RPCGATE_INTERFACE", "e3514235-4b06-11d1-ab04-00c04fc2dcd2");
	free(entry);
}

static void a_binding_is_about_the_port_announced(void **state)
{
	struct rpcgate_event e = bind_event();
	struct rpcgate_syntax drsuapi = e.u.bind.interface;
	size_t n = 0;
	char *entry;

	(void)state;
	e.type = RPCGATE_EVENT_BINDING;
	e.dest_port = 135;
	e.u.binding = (struct rpcgate_binding_event){
		.interface = drsuapi,
		.server = e.dest,
		.accepted = true,
		.port = 49700,
		.annotation_len = 4,
		.annotation = { 'a', '\n', 0x1b, 'b' },
	};
	entry = entry_of(&e, &n);
	assert_field(entry, n, "MESSAGE",
		     "10.0.0.5 announces drsuapi at port 49700 to 10.0.0.9: accepted");
	assert_field(entry, n, "RPCGATE_PORT", "49700");
	assert_field(entry, n, "RPCGATE_SERVER", "10.0.0.5");
	free(entry);
}

static void the_other_kinds_have_a_sentence(void **state)
{
	static const enum rpcgate_event_type types[] = { RPCGATE_EVENT_PINHOLE, RPCGATE_EVENT_FLOW,
							 RPCGATE_EVENT_CALL, RPCGATE_EVENT_PIPE };
	static const char *const want[] = { "pinhole open", "connection of 10.0.0.9",
					    "10.0.0.9 asks for", "10.0.0.9 asks for" };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct rpcgate_event e = bind_event();
		const char *message;
		size_t value_n = 0;
		size_t n = 0;
		char *entry;

		memset(&e.u, 0, sizeof(e.u));
		e.type = types[i];
		entry = entry_of(&e, &n);
		message = field(entry, n, "MESSAGE", &value_n);
		assert_non_null(message);
		assert_memory_equal(message, want[i], strlen(want[i]));
		free(entry);
	}
}

/* ------------------------------------------------------------------ foreign texts */

static const struct text_row {
	const char *name;
	const char *line;
	const char *message;
	const char *reason;
} texts[] = {
	{ "a line end in a value is framed by its length, and harmless in the sentence",
	  "{\"event_type\":\"rpc_engine\",\"rpc_engine\":{\"event\":\"in\\nput\",\"detail\":\"x\","
	  "\"reason\":\"a\\nPRIORITY=0\\n\"}}",
	  "in\\u000aput: x", "a\nPRIORITY=0\n" },
	{ "a terminal escape is shown, not sent",
	  "{\"event_type\":\"rpc_engine\",\"rpc_engine\":{\"event\":\"\\u001b[2J\",\"detail\":\"x\"}}",
	  "\\u001b[2J: x", NULL },
	{ "marks that turn text around are shown, not sent",
	  "{\"event_type\":\"rpc_engine\",\"rpc_engine\":{\"event\":\"a\\u202e\\u2066\","
	  "\"detail\":\"<b>\\u009b\\u007f\"}}",
	  "a\\u202e\\u2066: <b>\\u009b\\u007f", NULL },
	{ "a kind that is not known is named",
	  "{\"event_type\":\"dns\",\"dns\":{\"reason\":\"r\"}}", "dns", "r" },
	{ "what is no event is sent as it is", "no JSON at all", "event", NULL },
	{ "numbers where texts should be are passed over",
	  "{\"event_type\":\"flow\",\"src_ip\":5,\"flow\":[1]}",
	  "connection of ? to ? port 0 ended: ?", NULL },
};

static void check_text(void **state)
{
	const struct text_row *row = *state;
	size_t n = 0;
	char *entry = journal_entry(row->line, strlen(row->line), &n);

	assert_non_null(entry);
	assert_field(entry, n, "MESSAGE", row->message);
	assert_field(entry, n, "RPCGATE_REASON", row->reason);
	assert_field(entry, n, "RPCGATE_JSON", row->line);
	free(entry);
}

/* 64 KiB of line ends and escapes where a name should be: framed by length, cut in the sentence */
static void a_name_without_end_is_framed_and_cut(void **state)
{
	enum { LONG = 65536 };
	static char line[6 * LONG + 128];
	const char *message;
	size_t length = 0;
	size_t n = 0;
	char *entry;
	int used = snprintf(line, sizeof(line),
			    "{\"event_type\":\"rpc_engine\",\"rpc_engine\":{\"event\":\"");

	(void)state;
	for (int i = 0; i < LONG; i += 2)
		used += snprintf(line + used, sizeof(line) - (size_t)used, "\\n\\u001b");
	snprintf(line + used, sizeof(line) - (size_t)used, "\",\"detail\":\"x\"}}");
	entry = journal_entry(line, strlen(line), &n);
	assert_non_null(entry);
	message = field(entry, n, "MESSAGE", &length);
	assert_non_null(message);
	assert_in_range(length, 1, 4096);
	for (size_t i = 0; i < length; i++)
		assert_in_range((unsigned char)message[i], 0x20, 0x7e);
	assert_field(entry, n, "PRIORITY", "5");
	free(entry);
}

/* ----------------------------------------------------------------------- sending */

struct journald {
	int fd;
	char dir[64];
	char path[80];
	char got[ENTRY_SIZE];
};

static void start(struct journald *d)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	strcpy(at.sun_path, d->path);
	d->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(d->fd >= 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&at, sizeof(at)), 0);
}

static int make_journald(void **state)
{
	struct journald *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	strcpy(d->dir, "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->path, sizeof(d->path), "%s/socket", d->dir);
	start(d);
	*state = d;
	return 0;
}

static int drop_journald(void **state)
{
	struct journald *d = *state;

	close(d->fd);
	unlink(d->path);
	assert_int_equal(rmdir(d->dir), 0);
	free(d);
	return 0;
}

static void an_entry_arrives_as_one_datagram(void **state)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct journald *d = *state;
	struct journal *journal = journal_open(d->path, err);
	ssize_t n;

	assert_non_null(journal);
	assert_true(journal_send(journal, "{\"event_type\":\"stats\"}\n", 23));
	n = recv(d->fd, d->got, sizeof(d->got), 0);
	assert_true(n > 0);
	assert_field(d->got, (size_t)n, "PRIORITY", "7");
	assert_field(d->got, (size_t)n, "RPCGATE_JSON", "{\"event_type\":\"stats\"}");
	assert_int_equal(journal_lost(journal), 0);
	journal_close(journal);
}

static void a_journal_that_does_not_read_costs_entries_not_time(void **state)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct journald *d = *state;
	struct journal *journal = journal_open(d->path, err);
	unsigned sent = 0;

	assert_non_null(journal);
	alarm(20);
	for (int i = 0; i < 3000; i++)
		sent += journal_send(journal, "{\"event_type\":\"stats\"}", 22);
	alarm(0);
	assert_true(sent > 0 && sent < 3000);
	assert_int_equal(journal_lost(journal), 3000 - sent);
	journal_close(journal);
}

static void a_journal_started_anew_is_found_again(void **state)
{
	char err[RPCGATE_ERROR_SIZE] = "";
	struct journald *d = *state;
	struct journal *journal = journal_open(d->path, err);

	assert_non_null(journal);
	close(d->fd);
	unlink(d->path);
	assert_false(journal_send(journal, "{}", 2));
	assert_int_equal(errno, ENOENT);
	start(d);
	assert_true(journal_send(journal, "{}", 2));
	assert_true(recv(d->fd, d->got, sizeof(d->got), 0) > 0);
	assert_int_equal(journal_lost(journal), 1);
	journal_close(journal);
}

static void no_journal_is_said(void **state)
{
	char err[RPCGATE_ERROR_SIZE] = "";

	(void)state;
	assert_null(journal_open("/nowhere/at/all", err));
	assert_string_equal(err, "journal /nowhere/at/all: No such file or directory");
}

int main(void)
{
	struct CMUnitTest tests[24] = {
		cmocka_unit_test(a_bind_is_told_field_by_field),
		cmocka_unit_test(allowed_is_less_urgent_than_refused),
		cmocka_unit_test(an_alert_has_its_reason_and_interface),
		cmocka_unit_test(a_binding_is_about_the_port_announced),
		cmocka_unit_test(the_other_kinds_have_a_sentence),
		cmocka_unit_test_setup_teardown(an_entry_arrives_as_one_datagram, make_journald,
						drop_journald),
		cmocka_unit_test_setup_teardown(a_journal_that_does_not_read_costs_entries_not_time,
						make_journald, drop_journald),
		cmocka_unit_test_setup_teardown(a_journal_started_anew_is_found_again,
						make_journald, drop_journald),
		cmocka_unit_test(no_journal_is_said),
		cmocka_unit_test(a_name_without_end_is_framed_and_cut),
	};
	size_t n = 10;

	ROWS(tests, n, texts, check_text);
	return _cmocka_run_group_tests("journal", tests, n, NULL, NULL);
}
