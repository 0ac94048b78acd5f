/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event lines, octet by octet; and that nothing a stranger writes gets into them unescaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "json.h"
#include "signature.h"
#include "text.h"

#define T0 UINT64_C(1795233730868427123) /* 2026-11-21T04:02:10.868427 */

static const struct json_origin nowhere;

static struct rpcgate_addr ipv4(uint8_t last)
{
	return (struct rpcgate_addr){ { [10] = 0xff, 0xff, 192, 168, 1, last } };
}

static struct rpcgate_syntax syntax_of(const char *uuid, uint16_t major, uint16_t minor)
{
	struct rpcgate_syntax syntax = { .major = major, .minor = minor };

	assert_true(rpcgate_uuid_parse(uuid, &syntax.uuid));
	return syntax;
}

static struct rpcgate_event event_of(enum rpcgate_event_type type)
{
	return (struct rpcgate_event){
		.type = type,
		.proto = 6,
		.time_ns = T0,
		.flow_id = 7,
		.src = ipv4(5),
		.dest = ipv4(10),
		.src_port = 50123,
		.dest_port = 135,
	};
}

/* The line an event becomes, in a buffer that lives until the next call */
static const char *line_with(struct json_memory *memory, const struct rpcgate_event *event,
			     const struct json_origin *origin)
{
	static char line[16384];
	FILE *out = fmemopen(line, sizeof(line), "w");

	assert_non_null(out);
	assert_true(json_write_event(out, memory, event, origin));
	assert_int_equal(fclose(out), 0);
	return line;
}

static const char *line_of(const struct rpcgate_event *event, const struct json_origin *origin)
{
	return line_with(NULL, event, origin);
}

/* The object under a key of the line */
static json_t *body_of(const struct rpcgate_event *event, const char *key)
{
	json_t *root = json_loads(line_of(event, &nowhere), JSON_ALLOW_NUL, NULL);
	json_t *body;

	assert_non_null(root);
	body = json_incref(json_object_get(root, key));
	json_decref(root);
	assert_non_null(body);
	return body;
}

static void a_bind_is_this_line(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
	const struct json_origin origin = { "a.pcap", 42, NULL };

	(void)state;
	event.parent_id = 3;
	event.n_vlan = 2;
	event.vlan[0] = 100;
	event.vlan[1] = 4000;
	event.u.bind = (struct rpcgate_bind_event){
		.pdu = RPCGATE_PDU_ALTER_CONTEXT,
		.verdict = RPCGATE_DENY,
		.action = RPCGATE_NONE,
		.reason = RPCGATE_REASON_UUID_NOT_GRANTED,
		.interface = syntax_of("e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3, 0),
		.context_id = 1,
		.n_transfer = 1,
		.auth_type = 9,
		.auth_level = 6,
		.has_age = true,
		.call_id = 2,
		.pinhole_id = 4,
		.age_ns = 3012000,
		.transfer = { syntax_of("8a885d04-1ceb-11c9-9fe8-08002b104860", 2, 0) },
	};
	assert_string_equal(
		line_of(&event, &origin),
		"{\"timestamp\":\"2026-11-21T04:02:10.868427+0000\",\"event_type\":\"rpc_bind\","
		"\"flow_id\":7,\"parent_id\":3,\"vlan\":[100,4000],\"src_ip\":\"192.168.1.5\","
		"\"src_port\":50123,\"dest_ip\":\"192.168.1.10\",\"dest_port\":135,\"proto\":\"TCP\","
		"\"community_id\":\"1:6q9lnJ4M/eJqpAOxWpuQeoUEVUI=\",\"pcap_cnt\":42,"
		"\"pcap_filename\":\"a.pcap\",\"rpc_bind\":{\"pdu\":\"alter_context\",\"call_id\":2,"
		"\"context_id\":1,\"uuid\":\"e1af8308-5d1f-11c9-91a4-08002b14a0fa\","
		"\"version\":\"3.0\",\"name\":\"epmapper\",\"service\":\"RpcEptMapper/RpcSs\","
		"\"transfer_syntaxes\":[{\"uuid\":\"8a885d04-1ceb-11c9-9fe8-08002b104860\","
		"\"version\":\"2.0\"}],\"auth_type\":9,\"auth_level\":6,\"verdict\":\"deny\","
		"\"action\":\"none\",\"reason\":\"uuid-not-granted\",\"pinhole_id\":4,"
		"\"age\":0.003012}}\n");
}

static void an_age_has_no_rounding_of_binary_fractions(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "\"age\":0.0}" },
		{ 1, "\"age\":1e-9}" },
		{ 100000000, "\"age\":0.1}" },
		{ 259200123456789, "\"age\":259200.123456789}" },
	};
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);

	(void)state;
	event.u.bind.has_age = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		event.u.bind.age_ns = rows[i].ns;
		assert_non_null(strstr(line_of(&event, &nowhere), rows[i].text));
	}
}

/* As "%.15g" has them, with one digit less in an exponent and a fraction in any case */
static void check_age(uint64_t ns)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
	char text[64], number[32];
	char *exponent;

	snprintf(number, sizeof(number), "%.15g", (double)ns / 1e9);
	exponent = strstr(number, "e-0");
	if (exponent)
		memmove(exponent + 2, exponent + 3, strlen(exponent + 3) + 1);
	snprintf(text, sizeof(text), "\"age\":%s%s}", number, strpbrk(number, ".e") ? "" : ".0");
	event.u.bind.has_age = true;
	event.u.bind.age_ns = ns;
	assert_non_null(strstr(line_of(&event, &nowhere), text));
}

static void ages_of_every_size(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (uint64_t ns = 1; ns < UINT64_MAX / 10; ns *= 10)
		for (uint64_t factor = 1; factor < 10; factor++) {
			check_age(ns * factor);
			check_age(ns * factor - 1);
			check_age(ns * factor + 1);
		}
	check_age(UINT64_MAX);
	for (unsigned i = 0; i < 20000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		check_age(seed >> i % 64);
	}
}

static void check_time(struct json_memory *memory, uint64_t time_ns)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
	time_t s = (time_t)(time_ns / 1000000000);
	char text[64], date[32];
	struct tm tm;

	assert_non_null(gmtime_r(&s, &tm));
	assert_int_not_equal(strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm), 0);
	snprintf(text, sizeof(text), "{\"timestamp\":\"%s.%06u+0000\",", date,
		 (unsigned)(time_ns / 1000 % 1000000));
	event.time_ns = time_ns;
	assert_memory_equal(line_with(memory, &event, &nowhere), text, strlen(text));
}

/* Each day of the years around a leap day, 2038, a century that is no leap year, and the end: its
 * first and last moments, forwards and then backwards through one memory */
static void times_are_what_the_calendar_says(void **state)
{
	static const uint64_t years[] = { 1970, 2000, 2024, 2038, 2100, 2552 };
	const uint64_t day_ns = UINT64_C(86400) * 1000000000;
	struct json_memory memory = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(years) / sizeof(years[0]); i++) {
		uint64_t first = (years[i] - 1970) * 36525 / 100;

		for (uint64_t day = first; day < first + 800; day++) {
			check_time(&memory, day * day_ns);
			check_time(&memory, day * day_ns + day_ns - 1);
			check_time(NULL, day * day_ns + day * 1000001);
		}
		for (uint64_t day = first + 800; day-- > first;)
			check_time(&memory, day * day_ns + day_ns / 2 - 1);
	}
	check_time(&memory, (UINT64_C(1) << 31) * 1000000000 - 1);
	check_time(&memory, (UINT64_C(1) << 31) * 1000000000);
	check_time(&memory, UINT64_MAX);
	check_time(&memory, 0);
}

/* Few different ends and interfaces, so that each comes again, and more than there is room for */
static struct rpcgate_event random_event(uint32_t *seed)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
	uint32_t r = *seed = *seed * 1664525 + 1013904223;

	r >>= 8;
	event.time_ns = T0 + (uint64_t)(r % 7) * 43200 * 1000000000;
	event.proto = r >> 3 & 1 ? 6 : 17;
	event.src_port = (uint16_t)(r >> 4 & 3);
	event.dest_port = (uint16_t)(r >> 6 & 1);
	event.src.octet[15] = (uint8_t)(r >> 7 & 3);
	event.dest.octet[15] = (uint8_t)(r >> 9 & 3);
	event.src.octet[0] = (uint8_t)(r >> 11 & 1);
	event.dest.octet[0] = (uint8_t)(r >> 12 & 1);
	event.u.bind.interface = syntax_of(r >> 13 & 1 ? "e1af8308-5d1f-11c9-91a4-08002b14a0fa" :
							 "00000001-5d1f-11c9-91a4-08002b14a0fa",
					   (uint16_t)(r >> 14 & 3), (uint16_t)(r >> 16 & 1));
	event.u.bind.n_transfer = 1;
	event.u.bind.transfer[0] = event.u.bind.interface;
	return event;
}

static void what_is_remembered_changes_no_line(void **state)
{
	struct json_memory memory = { 0 };
	uint32_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct rpcgate_event event = random_event(&seed);
		char fresh[4096];

		snprintf(fresh, sizeof(fresh), "%s", line_of(&event, &nowhere));
		assert_string_equal(line_with(&memory, &event, &nowhere), fresh);
	}
}

/* The longest that the ends of a flow can become is remembered whole */
static void long_ends_are_whole(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
	struct json_memory memory = { 0 };
	char fresh[4096];

	(void)state;
	memset(&event.src, 0xff, sizeof(event.src));
	memset(&event.dest, 0xfe, sizeof(event.dest));
	event.src_port = event.dest_port = UINT16_MAX;
	snprintf(fresh, sizeof(fresh), "%s", line_of(&event, &nowhere));
	assert_non_null(strstr(
		fresh,
		"\"src_ip\":\"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\",\"src_port\":65535,"
		"\"dest_ip\":\"fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe\",\"dest_port\":65535,"
		"\"proto\":\"TCP\",\"community_id\":\"1:"));
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(line_with(&memory, &event, &nowhere), fresh);
}

/* A text of every length up to some more than is copied quickly, an escape at each of its places */
static void an_escape_is_found_wherever_it_is(void **state)
{
	static const char *const special[] = {
		"\"", "\\", "\n", "\x01", "\x1f", "\x7f", "\xc3\xa9"
	};
	struct json_origin origin = { .frame = 1 };
	char name[320];

	(void)state;
	for (size_t n = 2; n < 300; n += 1 + n / 16)
		for (size_t at = 0; at + 2 <= n; at++) {
			const char *c = special[(n + at) % (sizeof(special) / sizeof(special[0]))];
			struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
			json_t *root;

			memset(name, 'a' + (int)(n % 26), n);
			memcpy(name + at, c, strlen(c));
			name[n] = '\0';
			origin.file = name;
			root = json_loads(line_of(&event, &origin), 0, NULL);
			assert_non_null(root);
			assert_string_equal(
				json_string_value(json_object_get(root, "pcap_filename")), name);
			json_decref(root);
		}
}

/* FILE:LINE is cut at the length of a path */
static void a_rule_says_where_it_stands(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
	char file[5000], end[32];

	(void)state;
	event.u.bind.rule_line = UINT32_MAX;
	event.u.bind.rule_file = "a\"b";
	event.u.bind.rule_name = "n";
	assert_non_null(strstr(line_of(&event, &nowhere),
			       "\"rule\":\"a\\\"b:4294967295\",\"rule_name\":\"n\""));
	event.u.bind.rule_file = NULL;
	assert_non_null(strstr(line_of(&event, &nowhere), "\"rule\":\":4294967295\""));
	event.u.bind.rule_name = NULL;
	for (size_t n = 4080; n < 4100; n++) {
		const size_t left = n < 4095 ? 4095 - n : 0;

		memset(file, 'f', n);
		file[n] = '\0';
		event.u.bind.rule_file = file;
		snprintf(end, sizeof(end), "f%.*s\"}", (int)left, ":4294967295");
		assert_non_null(strstr(line_of(&event, &nowhere), end));
	}
}

static void a_tunnel_says_where_it_leads(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);

	(void)state;
	assert_null(strstr(line_of(&event, &nowhere), "\"target\""));
	event.u.bind.target_port = 593;
	event.u.bind.target_len = 4;
	memcpy(event.u.bind.target, "sr\"v", 4);
	assert_non_null(strstr(line_of(&event, &nowhere),
			       "\"target\":{\"host\":\"sr\\\"v\",\"port\":593}}"));
}

static void a_bind_in_a_pipe_has_no_verdict(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_PIPE);

	(void)state;
	event.flow_id = 0;
	event.u.pipe = (struct rpcgate_pipe_event){
		.interface = syntax_of("367abb81-9844-35f1-ad32-98f038001003", 2, 0),
		.context_id = 1,
		.call_id = 2,
		.pipe_len = 6,
		.pipe = "svcctl",
	};
	assert_string_equal(
		strstr(line_of(&event, &nowhere), "\"rpc_pipe\":{"),
		"\"rpc_pipe\":{\"pipe\":\"svcctl\",\"pdu\":\"bind\",\"call_id\":2,"
		"\"context_id\":1,\"uuid\":\"367abb81-9844-35f1-ad32-98f038001003\","
		"\"version\":\"2.0\",\"name\":\"svcctl\",\"service\":\"SCM (services.exe)\","
		"\"transfer_syntaxes\":[],\"auth_type\":0,\"auth_level\":0}}\n");
	event.u.pipe.pipe_len = 0;
	assert_null(strstr(line_of(&event, &nowhere), "\"pipe\""));
}

static void an_alert_has_suricatas_body(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_ALERT);
	const struct json_origin origin = { .ndpi = "TLS" };

	(void)state;
	event.u.alert = (struct rpcgate_alert_event){
		.reason = RPCGATE_REASON_OPNUM_DENIED,
		.action = RPCGATE_REJECT,
		.has_interface = true,
		.interface = syntax_of("367abb81-9844-35f1-ad32-98f038001003", 2, 0),
		.ptype = 0,
		.rpc_minor = 1,
		.opnum = 12,
		.call_id = 5,
	};
	assert_string_equal(
		strstr(line_of(&event, &origin), "\"alert\":{"),
		"\"alert\":{\"action\":\"blocked\",\"gid\":13500,\"signature_id\":13,\"rev\":1,"
		"\"signature\":\"RPC operation refused by a rule\","
		"\"category\":\"Potential Corporate Privacy Violation\",\"severity\":1,"
		"\"metadata\":{\"rpc_reason\":[\"opnum-denied\"],"
		"\"mitre_technique_id\":[\"T1021\",\"T1569.002\"]}},"
		"\"dcerpc\":{\"request\":\"REQUEST\",\"response\":\"UNREPLIED\",\"call_id\":5,"
		"\"rpc_version\":\"5.1\",\"req\":{\"opnum\":12,\"operation\":\"RCreateServiceW\"},\"interfaces\":[{"
		"\"uuid\":\"367abb81-9844-35f1-ad32-98f038001003\",\"version\":\"2.0\","
		"\"name\":\"svcctl\",\"service\":\"SCM (services.exe)\"}]},"
		"\"ndpi\":{\"proto\":\"TLS\"}}\n");
}

static void an_alert_without_pdu_has_no_dcerpc(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_ALERT);

	(void)state;
	event.u.alert.ptype = 0xff;
	event.u.alert.action = RPCGATE_NONE;
	assert_null(strstr(line_of(&event, &nowhere), "dcerpc"));
	assert_non_null(strstr(line_of(&event, &nowhere), "\"action\":\"allowed\""));
}

static void a_pinhole_is_not_a_flow(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_PINHOLE);

	(void)state;
	event.src_port = 0;
	event.flow_id = 0;
	event.u.pinhole = (struct rpcgate_pinhole_event){
		.action = RPCGATE_PINHOLE_EXPIRE,
		.source = RPCGATE_OXID,
		.id = 9,
		.client = ipv4(5),
		.server = ipv4(10),
		.interface = syntax_of("00000143-0000-0000-c000-000000000046", 0, 0),
		.port = 49670,
		.proto = 17,
		.ttl_s = 300,
		.uses = 2,
	};
	assert_string_equal(
		line_of(&event, &nowhere),
		"{\"timestamp\":\"2026-11-21T04:02:10.868427+0000\",\"event_type\":\"rpc_pinhole\","
		"\"src_ip\":\"192.168.1.5\",\"dest_ip\":\"192.168.1.10\",\"dest_port\":135,"
		"\"proto\":\"TCP\",\"rpc_pinhole\":{\"action\":\"expire\",\"id\":9,"
		"\"client_ip\":\"192.168.1.5\",\"server_ip\":\"192.168.1.10\",\"port\":49670,\"proto\":\"UDP\","
		"\"uuid\":\"00000143-0000-0000-c000-000000000046\",\"version\":\"0.0\","
		"\"name\":\"IRemUnknown2\",\"service\":\"DCOM server\",\"source\":\"oxid\",\"ttl\":300,"
		"\"uses\":2,\"reason\":\"none\"}}\n");
}

/* Annotation octets in, text of the parsed JSON out */
static void check_annotation(const char *in, size_t n, const char *text)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BINDING);
	const char *line;
	json_t *body;

	memcpy(event.u.binding.annotation, in, n);
	event.u.binding.annotation_len = (uint8_t)n;
	line = line_of(&event, &nowhere);
	for (const char *c = line; *c && *c != '\n'; c++)
		assert_in_range(*c, 0x20, 0x7e);
	assert_null(strchr(strchr(line, '\n') + 1, '\n'));
	body = body_of(&event, "rpc_binding");
	assert_string_equal(json_string_value(json_object_get(body, "annotation")), text);
	json_decref(body);
}

static void foreign_octets_are_harmless(void **state)
{
	(void)state;
	check_annotation("plain\0\0\0", 8, "plain");
	check_annotation("\"},{\\\n\r\x1b[2J%n%s", 15, "\"},{\\\n\r\x1b[2J%n%s");
	check_annotation("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
			 "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	check_annotation("\xff\x80", 2, "\xc3\xbf\xc2\x80");             /* no UTF-8 at all */
	check_annotation("\xc0\xaf", 2, "\xc3\x80\xc2\xaf");             /* over-long */
	check_annotation("\xed\xa0\x80", 3, "\xc3\xad\xc2\xa0\xc2\x80"); /* a surrogate */
	check_annotation("\xf4\x90\x80\x80", 4, "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80"); /* too far */
	check_annotation("a\xe2\x82", 3, "a\xc3\xa2\xc2\x82");                       /* cut short */
	check_annotation("\xe2\x80\xae"
			 "txt",
			 6,
			 "\xe2\x80\xae"
			 "txt"); /* right-to-left override */
}

/* Longer than what is written at once, wherever an escape falls on its end */
static void a_long_line_is_whole(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
	char name[4096];

	(void)state;
	for (size_t n = 3000; n < sizeof(name); n += 1 + n % 3) {
		struct json_origin origin = { .file = name, .frame = 1 };
		json_t *root;

		memset(name, 'n', n);
		memcpy(name + n / 2, "\xc3\xa9\n\"", 4);
		name[n] = '\0';
		root = json_loads(line_of(&event, &origin), 0, NULL);
		assert_non_null(root);
		assert_string_equal(json_string_value(json_object_get(root, "pcap_filename")),
				    name);
		json_decref(root);
	}
}

static void every_octet_string_becomes_valid_json(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct rpcgate_event event = event_of(RPCGATE_EVENT_BINDING);

		for (size_t k = 0; k < RPCGATE_ANNOTATION_MAX; k++) {
			seed = seed * 1664525 + 1013904223;
			event.u.binding.annotation[k] = (uint8_t)(seed >> 24);
			event.u.binding.endpoint[k] = (uint8_t)(seed >> 16);
		}
		event.u.binding.annotation_len = RPCGATE_ANNOTATION_MAX;
		event.u.binding.endpoint_len = RPCGATE_ENDPOINT_MAX;
		json_decref(body_of(&event, "rpc_binding"));
	}
}

static void values_outside_of_their_lists_do_no_harm(void **state)
{
	struct rpcgate_event events[] = {
		event_of(RPCGATE_EVENT_BINDING),
		event_of(RPCGATE_EVENT_PINHOLE),
		event_of(RPCGATE_EVENT_BIND),
		event_of(RPCGATE_EVENT_ALERT),
		event_of(RPCGATE_EVENT_FLOW),
		event_of(RPCGATE_EVENT_ENGINE),
		event_of(99),
	};

	(void)state;
	events[0].n_vlan = 200;
	events[0].time_ns = UINT64_MAX;
	events[0].u.binding.source = 99;
	events[0].u.binding.protseq = 99;
	events[0].u.binding.reason = 99;
	events[1].u.pinhole.action = 99;
	events[2].u.bind.pdu = 99;
	events[2].u.bind.verdict = 99;
	events[2].u.bind.action = 99;
	events[2].u.bind.n_transfer = 255;
	events[3].u.alert.reason = 99;
	events[3].u.alert.ptype = 99;
	events[4].u.flow.state = 99;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		line_of(&events[i], &nowhere);
	assert_non_null(strstr(line_of(&events[1], &nowhere), "\"action\":\"unknown\""));
}

static void counters_are_flat(void **state)
{
	struct rpcgate_stats stats = { .packets = 3, .events_lost = UINT64_C(1) << 40 };
	char line[4096];
	FILE *out = fmemopen(line, sizeof(line), "w");
	size_t n = 0;
	json_t *root;

	(void)state;
	assert_true(json_write_stats(out, 0, &stats));
	fclose(out);
	root = json_loads(line, 0, NULL);
	assert_non_null(root);
#define COUNT_ONE(member, text)                                                                    \
	n++;                                                                                       \
	assert_true(json_is_integer(json_object_get(json_object_get(root, "stats"), #member)));
	RPCGATE_COUNTERS(COUNT_ONE)
#undef COUNT_ONE
	assert_int_equal(json_object_size(json_object_get(root, "stats")), n);
	assert_non_null(strstr(line, "\"events_lost\":1099511627776"));
	assert_non_null(strstr(line, "\"timestamp\":\"1970-01-01T00:00:00.000000+0000\""));
	json_decref(root);
}

static void what_cannot_be_written_is_told(void **state)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	assert_false(json_write_event(full, NULL, &event, &nowhere));
	fclose(full);
}

static void every_reason_has_a_signature_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < RPCGATE_REASON_COUNT; i++) {
		const struct signature *s = signature_of((enum rpcgate_reason)i);

		assert_non_null(s->text);
		assert_non_null(s->category);
		assert_in_range(s->severity, 1, 3);
		for (int k = 0; k < i; k++)
			assert_int_not_equal(s->id, signature_of((enum rpcgate_reason)k)->id);
	}
}

static void techniques_belong_to_known_interfaces(void **state)
{
	static const char *const names[] = { "svcctl", "drsuapi", "ITaskSchedulerService" };
	const struct rpcgate_interface *interface;
	size_t found = 0;

	(void)state;
	for (size_t i = 0; (interface = rpcgate_interface_at(i)); i++)
		for (size_t k = 0; k < 3; k++)
			found += strcmp(interface->name, names[k]) == 0 &&
				 technique_of(interface->name);
	assert_true(found >= 3);
	assert_null(technique_of("no such interface"));
}

static void text_is_shown_in_ascii_and_never_cut_inside_an_escape(void **state)
{
	char out[32];
	char tight[8];

	(void)state;
	assert_string_equal(text_show("a\\b\x1b\n\xc3\xa9", out, sizeof(out)),
			    "a\\\\b\\u001b\\u000a\\u00e9");
	assert_string_equal(text_show("\xf0\x9f\x98\x80", out, sizeof(out)), "\\ud83d\\ude00");
	assert_string_equal(text_show("ab\xff\xff", tight, sizeof(tight)), "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bind_is_this_line),
		cmocka_unit_test(an_age_has_no_rounding_of_binary_fractions),
		cmocka_unit_test(ages_of_every_size),
		cmocka_unit_test(times_are_what_the_calendar_says),
		cmocka_unit_test(what_is_remembered_changes_no_line),
		cmocka_unit_test(long_ends_are_whole),
		cmocka_unit_test(an_escape_is_found_wherever_it_is),
		cmocka_unit_test(a_rule_says_where_it_stands),
		cmocka_unit_test(a_tunnel_says_where_it_leads),
		cmocka_unit_test(a_bind_in_a_pipe_has_no_verdict),
		cmocka_unit_test(an_alert_has_suricatas_body),
		cmocka_unit_test(an_alert_without_pdu_has_no_dcerpc),
		cmocka_unit_test(a_pinhole_is_not_a_flow),
		cmocka_unit_test(foreign_octets_are_harmless),
		cmocka_unit_test(a_long_line_is_whole),
		cmocka_unit_test(every_octet_string_becomes_valid_json),
		cmocka_unit_test(values_outside_of_their_lists_do_no_harm),
		cmocka_unit_test(counters_are_flat),
		cmocka_unit_test(what_cannot_be_written_is_told),
		cmocka_unit_test(every_reason_has_a_signature_of_its_own),
		cmocka_unit_test(techniques_belong_to_known_interfaces),
		cmocka_unit_test(text_is_shown_in_ascii_and_never_cut_inside_an_escape),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
