/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_http.c - input: what is said on two connections to an RPC proxy
 *
 *	octet 0   1 enforce, 2 with valid-ports
 *	records   octet: from the server (1), in small segments (2), on the other connection (4),
 *		  a new connection in its place (8)
 *		  u16 length, little-endian | octets
 *
 * The octets of each record also go to the parsers as they are.
 */
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "http.h"
#include "watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static void check(struct bytes in)
{
	struct http_response response;
	struct http_request request;
	struct rts rts;
	size_t end = http_head_end((struct bytes){ NULL, 0 }, in);

	must(end <= in.n);
	if (http_request_parse(in, &request) == PARSE_OK) {
		must(end == in.n && http_begins(in) == PARSE_OK);
		must(request.port && request.host.n && request.host.n <= HTTP_MAX_HOST);
		must(request.host.p > in.p && request.host.p + request.host.n < in.p + in.n);
		must(!memchr(request.host.p, ':', request.host.n));
	}
	if (http_response_parse(in, &response) == PARSE_OK)
		must(end == in.n && response.status <= 999);
	if (rts_parse(in, &rts) == PARSE_OK)
		must(rts.n_commands <= 16 && in.n >= 20);
}

static struct rpcgate_policy *policy_of(bool listed)
{
	static const char text[] = "valid-ports \"srv:593;Data*:4000-8000\"\n"
				   "deny samr opnum 7\n";
	struct rpcgate_policy_source source = { "fuzz", text, sizeof(text) - 1 };
	size_t n_errors;

	return listed ? rpcgate_policy_parse(&source, NULL, NULL, NULL, 0, &n_errors) : NULL;
}

static void dial(struct conn *c, struct packets *out, uint64_t *clock_ns, uint16_t port)
{
	conn_init(c, out, clock_ns, "10.77.0.2", port, "10.77.0.1", 80);
	conn_open(c);
}

static void talk(struct watch *w, const uint8_t *data, size_t n)
{
	uint64_t clock_ns = UINT64_C(1700000000) * 1000000000;
	struct packets out = { .linktype = RPCGATE_LINK_ETHERNET };
	uint16_t port = 40000;
	struct conn both[2];
	struct bytes in;

	dial(&both[0], &out, &clock_ns, port++);
	dial(&both[1], &out, &clock_ns, port++);
	for (size_t at = 0; n - at >= 3; at += 3 + in.n) {
		size_t len = data[at + 1] | (size_t)data[at + 2] << 8;
		struct conn *c = &both[data[at] >> 2 & 1];

		in = (struct bytes){ data + at + 3, len < n - at - 3 ? len : n - at - 3 };
		check(in);
		if (data[at] & 8)
			dial(c, &out, &clock_ns, port++);
		c->mss = data[at] & 2 ? 5 : 1460;
		conn_send(c, data[at] & 1 ? SERVER : CLIENT, in.p, in.n);
	}
	for (size_t i = 0; i < out.n; i++) {
		struct rpcgate_packet p = packets_get(&out, i);

		watch_feed(w, &p);
	}
	packets_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rpcgate_policy *policy;
	struct rpcgate_config cfg;
	struct watch *w;

	if (!n)
		return 0;
	watch_config(&cfg);
	cfg.mode = data[0] & 1 ? RPCGATE_ENFORCE : RPCGATE_OBSERVE;
	policy = policy_of(data[0] & 2);
	w = watch_new(&cfg);
	watch_policy(w, policy);
	talk(w, data + 1, n - 1);
	watch_end(w);
	rpcgate_policy_free(policy);
	return 0;
}
