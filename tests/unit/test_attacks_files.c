/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks by strings and by files, L1, F1 and F2: what strangers wrote adds nothing to a record, a
 * damaged file loses nothing that came before, and what a capture cut off is a hole.
 */
#include "play.h"

#include "rows.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "json.h"
#include "text.h"

/* --------------------------------------------------------------- L1 strings */

static const struct {
	const char *trick;
	const char *text;
	const char *shown; /* NULL: as it is */
} strings[] = {
	{ "harmless", "Remote Fw APIs", NULL },
	{ "a percent is only that", "%n%s%n%08x", NULL },
	{ "quotes end nothing", "x\",\"event_type\":\"stats", "x\",\"event_type\":\"stats" },
	{ "a line end", "x\n{\"event_type\":\"alert\"}", "x\\u000a{\"event_type\":\"alert\"}" },
	{ "terminal escapes", "\033]0;owned\007\033[2J", "\\u001b]0;owned\\u0007\\u001b[2J" },
	{ "C1 controls", "\302\233\302\205", "\\u009b\\u0085" },
	{ "octets that are no UTF-8", "\xff\xc0\xaf", "\\u00ff\\u00c0\\u00af" },
	{ "a surrogate", "\355\240\200", "\\u00ed\\u00a0\\u0080" },
	{ "bidi marks", "\342\200\256txt.exe", "\\u202etxt.exe" },
	{ "a backslash", "\\u000a", "\\\\u000a" },
	{ "longer than there is room for",
	  "0123456789012345678901234567890123456789012345678901234567890123456789", NULL },
};

/* One line, printable ASCII, one object with the keys that were meant */
static void must_be_one_record(const char *line, size_t n)
{
	json_t *root = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);

	assert_true(n && line[n - 1] == '\n');
	for (size_t i = 0; i + 1 < n; i++)
		assert_true(line[i] >= ' ' && line[i] <= '~');
	assert_non_null(root);
	json_decref(root);
}

static void l1_what_strangers_wrote(void **state)
{
	const struct json_origin nowhere = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(strings); i++) {
		struct entry entry = { .annotation = strings[i].text };
		const struct call response = { .type = PTYPE_RESPONSE };
		const struct head head = { 0, 3, false, 2 };
		struct octets stub = { 0 }, pdu = { 0 };
		char shown[1024], *line = NULL;
		bool found = false;
		struct conn c;
		struct play p;
		size_t n;

		play_begin(&p, strings[i].trick);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 135);
		conn_open(&c);
		talk_bind(&c, &iface_epm, 1);
		epm_lookup_request(&stub, (struct ndr){ 0 }, 1);
		pdu_call(&pdu, &head, &(struct call){ .type = PTYPE_REQUEST, .opnum = EPT_LOOKUP },
			 stub.p, stub.n);
		conn_send(&c, CLIENT, pdu.p, pdu.n);
		octets_clear(&stub);
		octets_clear(&pdu);
		/* the pipe and the host of the tower are foreign, too */
		tower_pipe(&entry.tower, &iface_samr, strings[i].text, strings[i].text);
		epm_lookup_response(&stub, (struct ndr){ 0 }, &entry, 1, 1, 0);
		pdu_call(&pdu, &head, &response, stub.p, stub.n);
		conn_send(&c, SERVER, pdu.p, pdu.n);
		play_judge(&p);
		for (size_t k = 0; k < p.observe.n; k++) {
			const struct rpcgate_event *e = &p.observe.at[k].event;
			FILE *out = open_memstream(&line, &n);

			assert_non_null(out);
			assert_true(json_write_event(out, NULL, e, &nowhere));
			fclose(out);
			must_be_one_record(line, n);
			found |= e->type == RPCGATE_EVENT_BINDING &&
				 strstr(line, "\"annotation\"") && strstr(line, "\"endpoint\"");
			free(line);
		}
		/* C706 has 64 octets for it: more is no listing */
		assert_int_equal(found, strlen(strings[i].text) < RPCGATE_ANNOTATION_MAX);
		text_show(strings[i].text, shown, sizeof(shown));
		assert_string_equal(shown, strings[i].shown ? strings[i].shown : strings[i].text);
		play_end(&p);
		octets_free(&entry.tower);
		octets_free(&stub);
		octets_free(&pdu);
	}
}

/* ----------------------------------------------------------------- F1 files */

#define HEAD 24   /* of a pcap file */
#define RECORD 16 /* of a record */

static char path[] = "/tmp/attack-XXXXXX";

static void write_file(const uint8_t *data, size_t n)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

/* Read a file to its end or its damage; the packets are counted, and judged where there is a list */
static size_t read_file(enum capture_fault_kind *kind, struct packets *list)
{
	struct capture_fault fault = { CAPTURE_FINE, "" };
	struct capture *capture = capture_open(path, &fault);
	struct rpcgate_packet packet;
	size_t n = 0;

	while (capture && capture_next(capture, &packet, &fault)) {
		n++;
		if (list)
			packets_add(list, packet.time_ns, packet.data, packet.caplen);
		assert_true(n < 1000000);
	}
	*kind = fault.kind;
	assert_int_equal(fault.kind == CAPTURE_FINE, !fault.text[0]);
	capture_close(capture);
	return n;
}

static void good_file(struct octets *file, size_t *first, size_t *n)
{
	uint8_t buffer[65536];
	struct play p;
	FILE *in;

	play_begin(&p, "good");
	play_map(&p, &iface_samr, PORT);
	play_service(&p, PORT, &iface_samr);
	assert_true(packets_save(&p.packets, path));
	*first = p.packets.at[0].caplen;
	*n = p.packets.n;
	in = fopen(path, "rb");
	assert_non_null(in);
	octets_put(file, buffer, fread(buffer, 1, sizeof(buffer), in));
	fclose(in);
	play_judge(&p);
	play_end(&p);
}

/* The harmless twin of all that follows */
static void f1_a_good_file(void **state)
{
	struct packets list = { .linktype = RPCGATE_LINK_ETHERNET };
	struct octets file = { 0 };
	enum capture_fault_kind kind;
	struct rpcgate_config cfg;
	struct outcome out;
	size_t first, n;

	(void)state;
	good_file(&file, &first, &n);
	assert_int_equal(read_file(&kind, &list), n);
	assert_int_equal(kind, CAPTURE_FINE);
	feed_config(&cfg);
	feed_packets(&cfg, &list, &out);
	assert_int_equal(play_binds(&out, &iface_samr, PORT, RPCGATE_ALLOW), 1);
	outcome_free(&out);
	packets_free(&list);
	octets_free(&file);
}

/* Cut anywhere: what is whole before the cut is delivered, the damage is told, nothing hangs */
static void f1_cut_anywhere(void **state)
{
	struct octets file = { 0 };
	enum capture_fault_kind kind;
	size_t first, n, whole = 0, next;

	(void)state;
	good_file(&file, &first, &n);
	next = HEAD + RECORD + first;
	for (size_t at = 0; at < file.n; at++) {
		bool border = at == HEAD;

		write_file(file.p, at);
		if (at == next) {
			uint32_t len;

			memcpy(&len, file.p + at + 8, sizeof(len)); /* our own order */
			next += RECORD + len;
			whole++;
			border = true;
		}
		assert_int_equal(read_file(&kind, NULL), whole);
		if (border)
			assert_int_equal(kind, CAPTURE_FINE);
		else
			assert_int_not_equal(kind, CAPTURE_FINE);
	}
	octets_free(&file);
}

static const struct lie {
	const char *name;
	size_t at; /* in the file */
	uint32_t value;
	size_t before; /* packets that come before the damage; SIZE_MAX: all */
	enum capture_fault_kind kind;
} lies[] = {
	{ "an unknown magic", 0, 0x12345678, 0, CAPTURE_FOREIGN },
	{ "an unknown link type", 20, 147, 0, CAPTURE_UNSUPPORTED },
	{ "incl_len of 2^31", HEAD + 8, 0x80000000U, 0, CAPTURE_DAMAGED },
	{ "incl_len of 2^32 - 1", HEAD + 8, 0xffffffffU, 0, CAPTURE_DAMAGED },
	{ "incl_len beyond the file", HEAD + 8, 200000, 0, CAPTURE_DAMAGED },
	{ "orig_len of 0", HEAD + 12, 0, SIZE_MAX, CAPTURE_FINE },
	{ "orig_len of 2^32 - 1", HEAD + 12, 0xffffffffU, SIZE_MAX, CAPTURE_FINE },
	{ "a time beyond all bounds", HEAD, 0xffffffffU, SIZE_MAX, CAPTURE_FINE },
	{ "nanoseconds beyond a second", HEAD + 4, 0xffffffffU, SIZE_MAX, CAPTURE_FINE },
};

static void f1_one_lie(void **state)
{
	const struct lie *lie = *state;
	struct octets file = { 0 };
	enum capture_fault_kind kind;
	size_t first, n, got;

	good_file(&file, &first, &n);
	memcpy(file.p + lie->at, &lie->value, sizeof(lie->value));
	write_file(file.p, file.n);
	got = read_file(&kind, NULL);
	assert_int_equal(kind, lie->kind);
	assert_int_equal(got, lie->before == SIZE_MAX ? n : lie->before);
	octets_free(&file);
}

/* Frames of no length, and of every length below that of their headers */
static void f1_runts(void **state)
{
	struct packets list = { .linktype = RPCGATE_LINK_ETHERNET };
	enum capture_fault_kind kind;
	struct rpcgate_config cfg;
	struct outcome out;
	struct play p;

	(void)state;
	play_begin(&p, "runts");
	play_map(&p, &iface_samr, PORT);
	for (size_t len = 0; len < 54; len++) {
		struct rpcgate_packet packet = packets_get(&p.packets, 0);

		packets_add(&list, packet.time_ns, packet.data, len);
	}
	assert_true(packets_save(&list, path));
	packets_clear(&list);
	list.linktype = RPCGATE_LINK_ETHERNET;
	assert_int_equal(read_file(&kind, &list), 54);
	assert_int_equal(kind, CAPTURE_FINE);
	feed_config(&cfg);
	feed_packets(&cfg, &list, &out);
	assert_int_equal(out.n, 0);
	outcome_free(&out);
	packets_free(&list);
	play_judge(&p);
	play_end(&p);
}

/* ------------------------------------------------------ F2 packets cut short */

/* Whatever of a Bind the capture left out, nothing is approved for what is left; all of it is */
static void f2_a_bind_cut_short(void **state)
{
	struct octets bind = { 0 };
	size_t headers = 54;

	(void)state;
	play_bind_pdu(&bind, &iface_samr);
	for (size_t cut = 0; cut <= bind.n; cut++) {
		struct play p;

		play_begin(&p, "a Bind cut short");
		play_map(&p, &iface_samr, PORT);
		play_service(&p, PORT, &iface_samr);
		p.packets.at[p.marked].caplen = (uint32_t)(headers + cut);
		play_judge(&p);
		assert_int_equal(play_binds(&p.enforce, &iface_samr, PORT, RPCGATE_ALLOW),
				 cut == bind.n);
		play_end(&p);
	}
	octets_free(&bind);
}

/* An answer of the mapper, likewise: nothing is learned past a hole */
static void f2_an_answer_cut_short(void **state)
{
	struct octets answer = { 0 };

	(void)state;
	play_answer_pdu(&answer);
	for (size_t cut = 0; cut <= answer.n; cut++) {
		struct conn c;
		struct play p;

		play_begin(&p, "an answer cut short");
		c = play_ask(&p);
		conn_data(&c, SERVER, answer.p, answer.n);
		play_mark(&p);
		conn_ack(&c, CLIENT);
		p.packets.at[p.marked].caplen = (uint32_t)(54 + cut);
		play_judge(&p);
		assert_int_equal(play_grants(&p.observe, PORT) > 0, cut == answer.n);
		play_end(&p);
	}
	octets_free(&answer);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(l1_what_strangers_wrote), cmocka_unit_test(f1_a_good_file),
		cmocka_unit_test(f1_cut_anywhere),         cmocka_unit_test(f1_runts),
		cmocka_unit_test(f2_a_bind_cut_short),     cmocka_unit_test(f2_an_answer_cut_short),
	};
	static struct CMUnitTest tests[COUNT(lies)];
	int fd = mkstemp(path);
	size_t n = 0;
	int failed;

	if (fd < 0)
		return 1;
	close(fd);
	ROWS(tests, n, lies, f1_one_lie);
	failed = cmocka_run_group_tests_name("F1, a file that lies", tests, NULL, NULL) +
		 cmocka_run_group_tests_name("attacks by strings and files", more, NULL, NULL);
	unlink(path);
	return failed;
}
