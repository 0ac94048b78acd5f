/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was written as JSON is read back as it was; what strangers wrote is looked at first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "events_in.h"

#define T0 UINT64_C(1795233730868427000) /* 2026-11-21T04:02:10.868427 */

static struct rpcgate_addr ipv4(uint8_t last)
{
	return (struct rpcgate_addr){ { [10] = 0xff, 0xff, 192, 168, 1, last } };
}

static struct rpcgate_syntax samr(void)
{
	struct rpcgate_syntax syntax = { .major = 1, .minor = 2 };

	assert_true(rpcgate_uuid_parse("12345778-1234-abcd-ef00-0123456789ac", &syntax.uuid));
	return syntax;
}

static struct rpcgate_event event_of(enum rpcgate_event_type type)
{
	return (struct rpcgate_event){
		.type = type,
		.proto = 6,
		.time_ns = T0,
		.flow_id = 7,
		.parent_id = 3,
		.src = ipv4(5),
		.dest = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 } },
		.src_port = 50123,
		.dest_port = 49664,
		.n_vlan = 2,
		.vlan = { 4095, 1 },
	};
}

/* A file of text, gone when closed */
struct scratch {
	char path[32];
	FILE *out;
};

static struct scratch scratch_open(void)
{
	struct scratch s = { "/tmp/events_in.XXXXXX", NULL };
	int fd = mkstemp(s.path);

	assert_true(fd >= 0);
	s.out = fdopen(fd, "w");
	assert_non_null(s.out);
	return s;
}

static struct events_in *scratch_read(struct scratch *s)
{
	struct events_in *in;

	assert_int_equal(fclose(s->out), 0);
	in = events_in_open(s->path);
	assert_non_null(in);
	unlink(s->path);
	return in;
}

static void write_to(char *text, size_t size, const struct rpcgate_event *event,
		     const struct json_origin *origin)
{
	FILE *out = fmemopen(text, size, "w");

	assert_non_null(out);
	assert_true(json_write_event(out, NULL, event, origin));
	assert_int_equal(fclose(out), 0);
}

/* Written, read and written again: the same octets */
static void there_and_back(const struct rpcgate_event *event)
{
	const struct json_origin origin = { .file = "a \"b\".pcap", .frame = 12 };
	struct scratch s = scratch_open();
	char error[EVENTS_IN_ERROR_SIZE] = "";
	struct rpcgate_event again;
	struct json_origin place;
	char first[8192], second[8192];
	struct events_in *in;

	write_to(first, sizeof(first), event, &origin);
	assert_true(fputs(first, s.out) >= 0);
	in = scratch_read(&s);
	if (events_in_next(in, &again, &place, error) != EVENTS_IN_EVENT)
		fail_msg("%s: %s", error, first);
	write_to(second, sizeof(second), &again, &place);
	assert_string_equal(first, second);
	assert_int_equal(events_in_next(in, &again, &place, error), EVENTS_IN_END);
	events_in_close(in);
}

static void test_bindings(void **state)
{
	struct rpcgate_event e = event_of(RPCGATE_EVENT_BINDING);
	struct rpcgate_binding_event *b = &e.u.binding;

	(void)state;
	b->interface = samr();
	b->server = ipv4(9);
	b->port = 49664;
	for (int i = 0; i <= RPCGATE_ACTIVATION; i++) {
		b->source = (enum rpcgate_source)i;
		there_and_back(&e);
	}
	for (int i = 0; i <= RPCGATE_PROTSEQ_OTHER; i++) {
		b->protseq = (enum rpcgate_protseq)i;
		there_and_back(&e);
	}
	b->object.octet[3] = 1;
	b->any_interface = b->accepted = b->has_tower_ip = true;
	b->tower_ip = e.dest;
	b->moved_from = 49152;
	memcpy(b->annotation, "what\n\"is\"", b->annotation_len = 9);
	memcpy(b->endpoint, "\\pipe\\lsass", b->endpoint_len = 11);
	there_and_back(&e);
	for (int i = 0; i < RPCGATE_REASON_COUNT; i++) {
		b->reason = (enum rpcgate_reason)i;
		there_and_back(&e);
	}
}

static void test_pinholes(void **state)
{
	struct rpcgate_event e = event_of(RPCGATE_EVENT_PINHOLE);
	struct rpcgate_pinhole_event *p = &e.u.pinhole;

	(void)state;
	e.src_port = 0;
	e.flow_id = 0;
	*p = (struct rpcgate_pinhole_event){ .id = UINT32_MAX,
					     .client = ipv4(5),
					     .server = e.dest,
					     .interface = samr(),
					     .port = 1025,
					     .ttl_s = 259200,
					     .uses = 3,
					     .until_ns = T0 + 5000 };
	for (int i = 0; i <= RPCGATE_PINHOLE_REFUSE; i++) {
		p->action = (enum rpcgate_pinhole_action)i;
		there_and_back(&e);
	}
}

static void test_binds(void **state)
{
	struct rpcgate_event e = event_of(RPCGATE_EVENT_BIND);
	struct rpcgate_bind_event *b = &e.u.bind;

	(void)state;
	b->interface = samr();
	b->n_transfer = 9;
	for (size_t i = 0; i < RPCGATE_SYNTAXES_MAX; i++)
		b->transfer[i] = samr();
	for (int i = 0; i <= RPCGATE_PDU_ALTER_CONTEXT; i++) {
		b->pdu = (enum rpcgate_bind_pdu)i;
		there_and_back(&e);
	}
	for (int i = 0; i <= RPCGATE_DENY; i++) {
		b->verdict = (enum rpcgate_verdict)i;
		there_and_back(&e);
	}
	for (int i = 0; i <= RPCGATE_NONE; i++) {
		b->action = (enum rpcgate_action)i;
		there_and_back(&e);
	}
	b->call_id = UINT32_MAX;
	b->auth_type = 10;
	b->auth_level = 6;
	b->pinhole_id = 4;
	b->rule_line = 17;
	b->rule_file = "/etc/rpcgate/a:b";
	there_and_back(&e);
	b->rule_name = "no \"replication\"";
	there_and_back(&e);
	b->has_age = true;
	for (b->age_ns = 1; b->age_ns < UINT64_C(260000000000000); b->age_ns = b->age_ns * 7 + 1)
		there_and_back(&e);
}

static void test_pipes(void **state)
{
	struct rpcgate_event e = event_of(RPCGATE_EVENT_PIPE);
	struct rpcgate_pipe_event *p = &e.u.pipe;

	(void)state;
	p->interface = samr();
	there_and_back(&e);
	memcpy(p->pipe, "ls\"ass", p->pipe_len = 6);
	p->pdu = RPCGATE_PDU_ALTER_CONTEXT;
	p->n_transfer = 1;
	p->transfer[0] = samr();
	p->auth_type = 9;
	p->auth_level = 5;
	p->context_id = 7;
	p->call_id = 3;
	there_and_back(&e);
}

static void test_calls_and_alerts(void **state)
{
	struct rpcgate_event call = event_of(RPCGATE_EVENT_CALL);
	struct rpcgate_event alert = event_of(RPCGATE_EVENT_ALERT);
	struct rpcgate_alert_event *a = &alert.u.alert;

	(void)state;
	call.u.call = (struct rpcgate_call_event){ .verdict = RPCGATE_DENY,
						   .action = RPCGATE_DROP,
						   .reason = RPCGATE_REASON_OPNUM_DENIED,
						   .interface = samr(),
						   .context_id = 2,
						   .opnum = 3,
						   .auth_level = 6,
						   .call_id = 9,
						   .rule_line = 2,
						   .rule_file = "p" };
	there_and_back(&call);
	a->ptype = 0xff;
	there_and_back(&alert);
	for (a->ptype = 0; a->ptype <= 20; a->ptype++) {
		a->opnum = a->ptype ? 0 : 4;
		there_and_back(&alert);
	}
	a->ptype = 11;
	a->rpc_minor = 1;
	a->call_id = 8;
	a->has_interface = true;
	a->interface = samr();
	a->action = RPCGATE_DROP;
	a->reason = RPCGATE_REASON_NO_PINHOLE;
	there_and_back(&alert);
}

static void test_flows_and_engine(void **state)
{
	struct rpcgate_event flow = event_of(RPCGATE_EVENT_FLOW);
	struct rpcgate_event engine = event_of(RPCGATE_EVENT_ENGINE);

	(void)state;
	flow.u.flow = (struct rpcgate_flow_event){ .mapper = true,
						   .binds = 2,
						   .accepted = 1,
						   .packets_toserver = 5,
						   .packets_toclient = 6,
						   .octets_toserver = 7,
						   .octets_toclient = 8,
						   .start_ns = T0,
						   .end_ns = T0 + 1000 };
	for (int i = 0; i <= RPCGATE_FLOW_REUSED; i++) {
		flow.u.flow.state = (enum rpcgate_flow_state)i;
		there_and_back(&flow);
	}
	engine.u.engine = (struct rpcgate_engine_event){ RPCGATE_REASON_LIMIT, "limit", "flows" };
	there_and_back(&engine);
}

/* What a time is: EVE files of others have other zones and fewer digits */
static void test_times(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{ "2026-11-21T04:02:10.868427+0000", T0 },
		{ "2026-11-21T05:02:10.868427+0100", T0 },
		{ "2026-11-20T22:32:10.868427-05:30", T0 },
		{ "2026-11-21T04:02:10.868427Z", T0 },
		{ "2026-11-21T04:02:10Z", T0 - 868427000 },
		{ "2026-11-21T04:02:10.868427", 0 },
		{ "1969-11-21T04:02:10Z", 0 },
		{ "now", 0 },
		{ "2026-11-21T04:02:10.868427+01", 0 },
	};
	static const char rest[] = "\"event_type\":\"rpc_engine\",\"rpc_engine\":"
				   "{\"event\":\"a\",\"detail\":\"b\"}}";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scratch s = scratch_open();
		char error[EVENTS_IN_ERROR_SIZE];
		struct rpcgate_event event;
		struct json_origin place;
		struct events_in *in;
		enum events_in_result result;

		fprintf(s.out, "{\"timestamp\":\"%s\",%s\n", rows[i].text, rest);
		in = scratch_read(&s);
		result = events_in_next(in, &event, &place, error);
		assert_int_equal(result, rows[i].ns ? EVENTS_IN_EVENT : EVENTS_IN_BAD_LINE);
		if (rows[i].ns)
			assert_int_equal(event.time_ns, rows[i].ns);
		else
			assert_string_equal(error, "line 1: 'timestamp' is missing or wrong");
		events_in_close(in);
	}
}

#define HEAD "{\"timestamp\":\"2026-11-21T04:02:10Z\",\"event_type\":"
#define ENDS "\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\","
#define IFACE "\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\",\"version\":\"1.0\","
#define PINHOLE "\"action\":\"open\",\"id\":1,\"client_ip\":\"10.0.0.1\",\"server_ip\":\"::1\","

/* Each line alone: 'y' an event, 'n' none of ours, or what the message names */
static void test_lines(void **state)
{
	static const struct {
		const char *line;
		const char *want;
	} rows[] = {
		{ HEAD "\"dns\"}", "n" },
		{ HEAD "\"stats\",\"stats\":{}}", "n" },
		{ HEAD "\"alert\",\"alert\":{\"action\":\"allowed\",\"signature_id\":1}}", "n" },
		{ HEAD "\"flow\",\"flow\":{\"pkts_toserver\":1}}", "n" },
		{ HEAD "7}", "n" },
		{ "[]", "n" },
		{ "", "n" },
		{ "{", "line 1: is no JSON, or cut short" },
		{ "words", "line 1: is no JSON, or cut short" },
		{ "{\"a\":1,\"a\":2}", "line 1: is no JSON, or cut short" },
		{ HEAD "\"rpc_bind\"}", "'src_ip'" },
		{ HEAD "\"rpc_bind\"," ENDS "\"rpc_bind\":7}", "'rpc_bind'" },
		{ HEAD "\"rpc_bind\"," ENDS "\"rpc_bind\":{}}", "'rpc_bind.pdu'" },
		{ HEAD "\"rpc_pinhole\"," ENDS "\"rpc_pinhole\":{" PINHOLE IFACE
		       "\"port\":80,\"source\":\"oxid\",\"ttl\":1,\"uses\":0,"
		       "\"reason\":\"none\"}}",
		  "y" },
		{ HEAD "\"rpc_pinhole\"," ENDS "\"rpc_pinhole\":{" PINHOLE IFACE
		       "\"port\":65536,\"source\":\"oxid\",\"ttl\":1,\"uses\":0,"
		       "\"reason\":\"none\"}}",
		  "'rpc_pinhole.port'" },
		{ HEAD "\"rpc_pinhole\"," ENDS "\"rpc_pinhole\":{" PINHOLE IFACE
		       "\"port\":-1,\"source\":\"oxid\",\"ttl\":1,\"uses\":0,"
		       "\"reason\":\"none\"}}",
		  "'rpc_pinhole.port'" },
		{ HEAD "\"rpc_pinhole\"," ENDS "\"rpc_pinhole\":{" PINHOLE IFACE
		       "\"port\":80,\"source\":\"gossip\",\"ttl\":1,\"uses\":0,"
		       "\"reason\":\"none\"}}",
		  "'rpc_pinhole.source'" },
		{ HEAD "\"rpc_pinhole\"," ENDS "\"rpc_pinhole\":{" PINHOLE IFACE
		       "\"port\":80,\"source\":\"oxid\",\"ttl\":1,\"uses\":0,"
		       "\"reason\":\"because\"}}",
		  "'rpc_pinhole.reason'" },
		{ HEAD "\"rpc_pinhole\",\"src_ip\":\"10.0.0.256\",\"dest_ip\":\"10.0.0.2\","
		       "\"rpc_pinhole\":{}}",
		  "'src_ip'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scratch s = scratch_open();
		char error[EVENTS_IN_ERROR_SIZE] = "";
		struct rpcgate_event event;
		struct json_origin place;
		enum events_in_result result;
		struct events_in *in;

		fprintf(s.out, "%s\n", rows[i].line);
		in = scratch_read(&s);
		result = events_in_next(in, &event, &place, error);
		if (strcmp(rows[i].want, "y") == 0) {
			assert_int_equal(result, EVENTS_IN_EVENT);
		} else if (strcmp(rows[i].want, "n") == 0) {
			assert_int_equal(result, EVENTS_IN_END);
		} else {
			assert_int_equal(result, EVENTS_IN_BAD_LINE);
			if (!strstr(error, rows[i].want))
				fail_msg("%s: '%s'", rows[i].line, error);
		}
		events_in_close(in);
	}
}

/* A line longer than the limit is told, and the next one is read */
static void test_long_line(void **state)
{
	struct scratch s = scratch_open();
	char error[EVENTS_IN_ERROR_SIZE] = "";
	struct rpcgate_event event;
	struct json_origin place;
	struct events_in *in;

	(void)state;
	for (size_t i = 0; i <= EVENTS_IN_LINE_MAX; i++)
		putc(' ', s.out);
	fputs("\n" HEAD "\"rpc_engine\",\"rpc_engine\":{\"event\":\"a\",\"detail\":\"b\"}}", s.out);
	in = scratch_read(&s);
	assert_int_equal(events_in_next(in, &event, &place, error), EVENTS_IN_BAD_LINE);
	assert_string_equal(error, "line 1: is too long");
	assert_int_equal(events_in_next(in, &event, &place, error), EVENTS_IN_EVENT);
	assert_string_equal(event.u.engine.event, "a");
	events_in_close(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_pinholes),
		cmocka_unit_test(test_binds),
		cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_calls_and_alerts),
		cmocka_unit_test(test_flows_and_engine),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
