/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http.c - the text and the control PDUs of RPC over HTTP: read in one way, or refused */
#include <string.h>

#include "guard.h"
#include "http.h"
#include "rows.h"

static struct bytes text_of(const char *text)
{
	return guarded(text, strlen(text));
}

/* ------------------------------------------------------------------- requests */

struct request_row {
	const char *name;
	const char *head;
	const char *host; /* NULL: refused */
	uint16_t port;
	uint64_t length;
	bool out;
};

#define IN "RPC_IN_DATA /rpc/rpcproxy.dll?"
#define OUT "RPC_OUT_DATA /rpc/rpcproxy.dll?"
#define V " HTTP/1.1\r\n"
#define END "\r\n"

static const struct request_row request_rows[] = {
	{ "an IN channel", IN "srv:593" V "Content-Length: 1073741824" END END, "srv", 593,
	  1073741824, false },
	{ "an OUT channel", OUT "srv:6001" V "Content-Length: 76" END END, "srv", 6001, 76, true },
	{ "another path", "RPC_IN_DATA /rpcwithcert/rpcproxy.dll?a.example:1" V END, "a.example", 1,
	  0, false },
	{ "an address", IN "192.0.2.1:65535" V END, "192.0.2.1", 65535, 0, false },
	{ "HTTP 1.0", IN "srv:593 HTTP/1.0" END END, "srv", 593, 0, false },
	{ "a length in other letters", IN "srv:593" V "cOnTeNt-LeNgTh:\t5 " END END, "srv", 593, 5,
	  false },
	{ "the same length twice",
	  IN "srv:593" V "Content-Length: 5" END "Content-Length: 5" END END, "srv", 593, 5,
	  false },
	{ "two lengths", IN "srv:593" V "Content-Length: 5" END "Content-Length: 6" END END, NULL,
	  0, 0, false },
	{ "two lengths in one", IN "srv:593" V "Content-Length: 5, 5" END END, NULL, 0, 0, false },
	{ "no length", IN "srv:593" V "Content-Length:" END END, NULL, 0, 0, false },
	{ "a length with a sign", IN "srv:593" V "Content-Length: +5" END END, NULL, 0, 0, false },
	{ "a length beyond all", IN "srv:593" V "Content-Length: 99999999999999999999" END END,
	  NULL, 0, 0, false },
	{ "a blank before the colon", IN "srv:593" V "Content-Length : 5" END END, NULL, 0, 0,
	  false },
	{ "a line that goes on", IN "srv:593" V "X: y" END " Content-Length: 5" END END, NULL, 0, 0,
	  false },
	{ "a coded body", IN "srv:593" V "Transfer-Encoding: chunked" END END, NULL, 0, 0, false },
	{ "a line without a colon", IN "srv:593" V "Content-Length" END END, NULL, 0, 0, false },
	{ "a bare line feed", IN "srv:593" V "X: y\nContent-Length: 5" END END, NULL, 0, 0, false },
	{ "a bare carriage return", IN "srv:593" V "X: y\rz: a" END END, NULL, 0, 0, false },
	{ "no empty line", IN "srv:593" V "X: y" END, NULL, 0, 0, false },
	{ "octets behind the empty line", IN "srv:593" V END "x", NULL, 0, 0, false },
	{ "no target", "RPC_IN_DATA /rpc/rpcproxy.dll HTTP/1.1" END END, NULL, 0, 0, false },
	{ "no port", IN "srv" V END, NULL, 0, 0, false },
	{ "an empty port", IN "srv:" V END, NULL, 0, 0, false },
	{ "port zero", IN "srv:0" V END, NULL, 0, 0, false },
	{ "a port too large", IN "srv:65536" V END, NULL, 0, 0, false },
	{ "a port and more", IN "srv:593&x" V END, NULL, 0, 0, false },
	{ "two ports", IN "srv:593:6001" V END, NULL, 0, 0, false },
	{ "no host", IN ":593" V END, NULL, 0, 0, false },
	{ "an address of IPv6", IN "[fd00::1]:593" V END, NULL, 0, 0, false },
	{ "a host that is coded", IN "s%72v:593" V END, NULL, 0, 0, false },
	{ "a host with a user", IN "a@srv:593" V END, NULL, 0, 0, false },
	{ "a second question mark", IN "a?srv:593" V END, NULL, 0, 0, false },
	{ "no version", IN "srv:593" END END, NULL, 0, 0, false },
	{ "another version", IN "srv:593 HTTP/2.0" END END, NULL, 0, 0, false },
	{ "another method", "GET /rpc/rpcproxy.dll?srv:593" V END, NULL, 0, 0, false },
};

static void request_row(void **state)
{
	const struct request_row *row = *state;
	struct http_request q, before;

	memset(&before, 0xa5, sizeof(before));
	q = before;
	if (!row->host) {
		assert_int_equal(http_request_parse(text_of(row->head), &q), PARSE_BAD);
		assert_memory_equal(&q, &before, sizeof(q));
		return;
	}
	assert_int_equal(http_request_parse(text_of(row->head), &q), PARSE_OK);
	assert_int_equal(q.host.n, strlen(row->host));
	assert_memory_equal(q.host.p, row->host, q.host.n);
	assert_int_equal(q.port, row->port);
	assert_true(q.length == row->length);
	assert_int_equal(q.out, row->out);
}

static void the_longest_host(void **state)
{
	char head[512] = IN;
	struct http_request q;

	(void)state;
	memset(head + strlen(IN), 'a', 256);
	strcpy(head + strlen(IN) + 255, ":593" V END);
	assert_int_equal(http_request_parse(text_of(head), &q), PARSE_OK);
	assert_int_equal(q.host.n, 255);
	strcpy(head + strlen(IN) + 255, "a:593" V END);
	assert_int_equal(http_request_parse(text_of(head), &q), PARSE_BAD);
}

/* ------------------------------------------------------------------- responses */

struct response_row {
	const char *name;
	const char *head;
	enum parse want;
	uint16_t status;
	uint64_t length;
};

static const struct response_row response_rows[] = {
	{ "success", "HTTP/1.1 200 Success" END "Content-Length: 1073741824" END END, PARSE_OK, 200,
	  1073741824 },
	{ "no length", "HTTP/1.0 200" END END, PARSE_OK, 200, HTTP_NO_LENGTH },
	{ "who are you", "HTTP/1.1 401 Unauthorized" END "Content-Length: 0" END END, PARSE_OK, 401,
	  0 },
	{ "a coded body", "HTTP/1.1 200 OK" END "Transfer-Encoding: chunked" END END, PARSE_BAD, 0,
	  0 },
	{ "a status of four", "HTTP/1.1 2000 OK" END END, PARSE_BAD, 0, 0 },
	{ "a status of two", "HTTP/1.1 20 OK   " END END, PARSE_BAD, 0, 0 },
	{ "no HTTP", "ncacn_http/1.0 200 OK" END END, PARSE_BAD, 0, 0 },
	{ "nothing", "", PARSE_BAD, 0, 0 },
};

static void response_row(void **state)
{
	const struct response_row *row = *state;
	struct http_response a;

	assert_int_equal(http_response_parse(text_of(row->head), &a), row->want);
	if (row->want != PARSE_OK)
		return;
	assert_int_equal(a.status, row->status);
	assert_true(a.length == row->length);
}

/* ------------------------------------------------------------------------- RTS */

#define RTS(length, commands) "05 00 14 03 10 00 00 00 " length "00 00 00 00 00 00 00 00 " commands

struct rts_row {
	const char *name;
	const char *octets;
	enum parse want;
};

static const struct rts_row rts_rows[] = {
	{ "no command", RTS("14 00 ", "00 00 "), PARSE_OK },
	{ "a version", RTS("1c 00 ", "01 00 ") "06 00 00 00 01 00 00 00", PARSE_OK },
	{ "an empty one", RTS("18 00 ", "01 00 ") "07 00 00 00", PARSE_OK },
	{ "padding", RTS("1f 00 ", "01 00 ") "08 00 00 00 03 00 00 00 aa(3)", PARSE_OK },
	{ "a client of IPv4", RTS("2c 00 ", "01 00 ") "0b 00 00 00 00 00 00 00 00(16)", PARSE_OK },
	{ "a client of IPv6", RTS("38 00 ", "01 00 ") "0b 00 00 00 01 00 00 00 00(28)", PARSE_OK },
	{ "16 commands",
	  RTS("54 00 ", "10 00 ") "07 00 00 00 07 00 00 00 07 00 00 00 07 00 00 00 "
				  "07 00 00 00 07 00 00 00 07 00 00 00 07 00 00 00 "
				  "07 00 00 00 07 00 00 00 07 00 00 00 07 00 00 00 "
				  "07 00 00 00 07 00 00 00 07 00 00 00 07 00 00 00",
	  PARSE_OK },
	{ "17 commands",
	  RTS("58 00 ", "11 00 ") "07 00 00 00 07 00 00 00 07 00 00 00 07 00 00 00 "
				  "07 00 00 00 07 00 00 00 07 00 00 00 07 00 00 00 "
				  "07 00 00 00 07 00 00 00 07 00 00 00 07 00 00 00 "
				  "07 00 00 00 07 00 00 00 07 00 00 00 07 00 00 00 "
				  "07 00 00 00",
	  PARSE_BAD },
	{ "a client of another family", RTS("2c 00 ", "01 00 ") "0b 00 00 00 02 00 00 00 00(16)",
	  PARSE_BAD },
	{ "padding past the end", RTS("1f 00 ", "01 00 ") "08 00 00 00 04 00 00 00 aa(3)",
	  PARSE_BAD },
	{ "a command that is not there", RTS("14 00 ", "01 00 "), PARSE_BAD },
	{ "octets behind the commands", RTS("18 00 ", "00 00 ") "07 00 00 00", PARSE_BAD },
	{ "an unknown command", RTS("1c 00 ", "01 00 ") "0f 00 00 00 01 00 00 00", PARSE_BAD },
	{ "a length below the head", RTS("13 00 ", "00 00 "), PARSE_BAD },
	{ "another length", RTS("15 00 ", "00 00 "), PARSE_BAD },
	{ "other flags", "05 00 14 01 10 00 00 00 14 00 00 00 00 00 00 00 00 00 00 00", PARSE_BAD },
	{ "the other byte order", "05 00 14 03 00 00 00 00 00 14 00 00 00 00 00 00 00 00 00 00",
	  PARSE_BAD },
	{ "a trailer", "05 00 14 03 10 00 00 00 14 00 01 00 00 00 00 00 00 00 00 00", PARSE_BAD },
	{ "a call", "05 00 14 03 10 00 00 00 14 00 00 00 01 00 00 00 00 00 00 00", PARSE_BAD },
};

static void rts_row(void **state)
{
	const struct rts_row *row = *state;
	struct rts rts;

	assert_int_equal(rts_parse(octets_of(row->octets), &rts), row->want);
}

/* ------------------------------------------------------------------ properties */

static void a_beginning_is_known_by_each_octet(void **state)
{
	static const char *const methods[] = { "RPC_IN_DATA ", "RPC_OUT_DATA " };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		for (size_t n = 0; n <= strlen(methods[i]); n++) {
			struct bytes in = prefix(text_of(methods[i]), n);

			assert_int_equal(http_begins(in),
					 n == strlen(methods[i]) ? PARSE_OK : PARSE_MORE);
			if (n)
				assert_int_equal(http_begins(edited(in, n - 1, "58")), PARSE_BAD);
		}
}

static void an_end_is_found_however_it_is_cut(void **state)
{
	static const char head[] = "a\r\n\r\r\nb\n\r\n\r\nrest";
	const size_t end = sizeof(head) - 5; /* the first octet of "rest" */

	(void)state;
	for (size_t cut = 0; cut < end; cut++) {
		struct bytes have = guarded(head, cut);
		struct bytes more = guarded(head + cut, sizeof(head) - 1 - cut);

		assert_int_equal(http_head_end(have, more), end - cut);
		assert_int_equal(http_head_end(have, prefix(more, end - cut - 1)), 0);
	}
}

static void every_prefix_of_a_head_is_refused(void **state)
{
	struct bytes q = text_of(IN "srv:593" V "Host: a" END "Content-Length: 5" END END);
	struct bytes a = text_of("HTTP/1.1 200 OK" END "Content-Length: 5" END END);
	struct http_response response;
	struct http_request request;

	(void)state;
	for (size_t n = 0; n < q.n; n++)
		assert_int_equal(http_request_parse(prefix(q, n), &request), PARSE_BAD);
	for (size_t n = 0; n < a.n; n++)
		assert_int_equal(http_response_parse(prefix(a, n), &response), PARSE_BAD);
}

/* CONN/A1: the first cookie is that of the virtual connection, the second the channel's own */
static void the_first_cookie_counts(void **state)
{
	static const char a1[] = RTS("4c 00 ", "04 00 ") "06 00 00 00 01 00 00 00"
							 "03 00 00 00 aa(16)"
							 "03 00 00 00 bb(16)"
							 "00 00 00 00 00 00 01 00";
	struct rts rts;

	(void)state;
	assert_int_equal(rts_parse(octets_of(a1), &rts), PARSE_OK);
	assert_int_equal(rts.n_commands, 4);
	assert_true(rts.has_cookie);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(rts.cookie.octet[i], 0xaa);
	assert_int_equal(rts_parse(octets_of(RTS("1c 00 ", "01 00 ") "06 00 00 00 01 00 00 00"),
				   &rts),
			 PARSE_OK);
	assert_false(rts.has_cookie);
}

static void every_prefix_of_an_rts_pdu(void **state)
{
	struct bytes in = octets_of(RTS("1c 00 ", "01 00 ") "06 00 00 00 01 00 00 00");
	struct pdu_header h;
	struct rts rts;

	(void)state;
	for (size_t n = 0; n < in.n; n++) {
		assert_int_equal(rts_header_parse(prefix(in, n), &h),
				 n < PDU_HEADER_LEN ? PARSE_MORE : PARSE_OK);
		assert_int_equal(rts_parse(prefix(in, n), &rts), PARSE_BAD);
	}
	assert_int_equal(rts_header_parse(in, &h), PARSE_OK);
	assert_int_equal(h.ptype, PDU_RTS);
	assert_int_equal(h.frag_length, in.n);
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(the_longest_host),
		cmocka_unit_test(a_beginning_is_known_by_each_octet),
		cmocka_unit_test(an_end_is_found_however_it_is_cut),
		cmocka_unit_test(every_prefix_of_a_head_is_refused),
		cmocka_unit_test(the_first_cookie_counts),
		cmocka_unit_test(every_prefix_of_an_rts_pdu),
	};
	static struct CMUnitTest
		tests[ARRAY_SIZE(request_rows) + ARRAY_SIZE(response_rows) + ARRAY_SIZE(rts_rows)];
	size_t n = 0;

	ROWS(tests, n, request_rows, request_row);
	ROWS(tests, n, response_rows, response_row);
	ROWS(tests, n, rts_rows, rts_row);
	return cmocka_run_group_tests_name("RPC over HTTP, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("RPC over HTTP", properties, NULL, NULL);
}
