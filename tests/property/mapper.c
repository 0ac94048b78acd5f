/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mapper's adversary: questions and answers in any order, on any context, by either side.
 *
 *     mapper [--seed N] [--count N]
 *
 * Each answer names a port of its own, so that what opens tells which answer opened it.  A model of
 * a few lines says which answers may: the first to a question that this client asked completely,
 * with its call id and context, for its interface, by the server, with status 0, where the context
 * stands for the mapper and was accepted.  Nothing else opens anything; and where only such things
 * are said, all of them do.
 */
#include "play.h"
#include "rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_DEFAULT 300U
#define CALLS 4U
#define FIRST_PORT 50000U
#define MOST 200U

enum { ACCEPTED, REFUSED, OTHER, UNANSWERED, CONTEXTS }; /* contexts of the connection */

struct question {
	bool asked;
	unsigned context;
	const struct rpcgate_syntax *iface;
};

struct talk {
	struct random random;
	struct play play;
	struct conn conn;
	struct question question[CALLS];
	bool may_open[MOST];
	unsigned n; /* answers */
	bool honest;
};

static uint64_t below(struct talk *t, uint64_t n)
{
	return random_below(&t->random, n);
}

static const struct rpcgate_syntax *any_interface(struct talk *t)
{
	static const struct rpcgate_syntax *const all[] = { &iface_samr, &iface_lsarpc,
							    &iface_drsuapi };

	return all[below(t, COUNT(all))];
}

static void begin_talk(struct talk *t)
{
	const struct offer offers[CONTEXTS] = { { ACCEPTED, iface_epm, 1, &syntax_ndr },
						{ REFUSED, iface_epm, 1, &syntax_ndr64 },
						{ OTHER, iface_oxid, 1, &syntax_ndr } };
	const struct answer answers[] = { { 0, 0, syntax_ndr },
					  { 2, 2, syntax_nil },
					  { 0, 0, syntax_ndr } };
	const struct offer late = { UNANSWERED, iface_epm, 1, &syntax_ndr };
	const struct head first = { 0, 3, false, 100 }, second = { 0, 3, false, 101 };
	struct octets o = { 0 };

	t->conn = play_dial(&t->play, CLIENT_HOST, SERVER_HOST, 135);
	conn_open(&t->conn);
	pdu_bind(&o, &first, PTYPE_BIND, offers, 3, NULL);
	conn_send(&t->conn, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &first, PTYPE_BIND_ACK, "135", answers, COUNT(answers), NULL);
	conn_send(&t->conn, SERVER, o.p, o.n);
	octets_clear(&o);
	pdu_bind(&o, &second, PTYPE_ALTER, &late, 1, NULL);
	if (!t->honest)
		conn_send(&t->conn, CLIENT, o.p, o.n);
	octets_free(&o);
}

/* The byte order of a stub is that of its PDUs, so it is made for both */
static void ask(struct talk *t)
{
	unsigned id = (unsigned)below(t, CALLS);
	struct question q = { true, t->honest ? ACCEPTED : (unsigned)below(t, CONTEXTS),
			      any_interface(t) };
	const struct call call = { .type = PTYPE_REQUEST,
				   .context_id = (uint16_t)q.context,
				   .opnum = EPT_MAP };
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };
	const struct head head = { 0, 3, below(t, 2), id + 1 };

	if (t->honest && t->question[id].asked)
		return;
	tower_ip(&tower, q.iface, FLOOR_TCP, 0, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ .big = head.big }, &tower, 4);
	pdu_call_fragments(&o, &head, &call, stub.p, stub.n,
			   below(t, 2) ? stub.n : 1 + (size_t)below(t, stub.n));
	t->conn.mss = 1 + (size_t)below(t, 1460);
	conn_send(&t->conn, CLIENT, o.p, o.n);
	t->question[id] = q;
	octets_free(&tower);
	octets_free(&stub);
	octets_free(&o);
}

static void answer(struct talk *t)
{
	unsigned id = (unsigned)below(t, CALLS);
	struct question *q = &t->question[id];
	bool as_asked = t->honest || below(t, 2);
	unsigned context = as_asked ? q->context : (unsigned)below(t, CONTEXTS);
	const struct rpcgate_syntax *iface = as_asked && q->iface ? q->iface : any_interface(t);
	enum side from = t->honest || below(t, 8) ? SERVER : CLIENT;
	uint32_t status = t->honest || below(t, 4) ? 0 : 0x16c9a0d6U;
	const struct call call = { .type = PTYPE_RESPONSE, .context_id = (uint16_t)context };
	const struct head head = { 0, 3, below(t, 2), id + 1 };
	uint16_t port = (uint16_t)(FIRST_PORT + t->n);
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };

	if (t->n == MOST || (t->honest && !q->asked))
		return;
	tower_ip(&tower, iface, FLOOR_TCP, port, SERVER_HOST);
	epm_map_response(&stub, (struct ndr){ .big = head.big }, &tower, 1, 4, status);
	pdu_call_fragments(&o, &head, &call, stub.p, stub.n,
			   below(t, 2) ? stub.n : 1 + (size_t)below(t, stub.n));
	t->conn.mss = 1 + (size_t)below(t, 1460);
	conn_send(&t->conn, from, o.p, o.n);
	t->may_open[t->n++] = from == SERVER && q->asked && q->context == context &&
			      context == ACCEPTED && iface == q->iface && !status;
	if (from == SERVER) /* a call is answered once, whatever the answer was like */
		q->asked = false;
	octets_free(&tower);
	octets_free(&stub);
	octets_free(&o);
}

static bool judge(struct talk *t, uint64_t seed, size_t *opened)
{
	bool good = true;

	play_judge(&t->play);
	for (unsigned i = 0; i < t->n; i++) {
		bool open = play_grants(&t->play.observe, (uint16_t)(FIRST_PORT + i)) > 0;

		*opened += open;
		if (open && !t->may_open[i]) {
			printf("seed %llu: answer %u opened a port and may not\n",
			       (unsigned long long)seed, i);
			good = false;
		}
		if (t->honest && !open) {
			printf("seed %llu: answer %u of an honest talk opened nothing\n",
			       (unsigned long long)seed, i);
			good = false;
		}
	}
	return good;
}

static bool one(uint64_t seed, bool honest, size_t *opened)
{
	struct talk t = { .random = { seed * 2 + honest + 1 }, .honest = honest };
	bool good;

	play_begin(&t.play, "the mapper's adversary");
	begin_talk(&t);
	for (uint64_t n = 2 + below(&t, 12); n; n--) {
		ask(&t);
		if (below(&t, 2))
			answer(&t);
	}
	answer(&t);
	good = judge(&t, seed, opened);
	play_end(&t.play);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, count = COUNT_DEFAULT;
	size_t hostile = 0, honest = 0;
	unsigned failures = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--count") == 0)
			count = strtoull(argv[i + 1], NULL, 10);
	}
	for (uint64_t k = 0; k < count; k++) {
		failures += !one(seed + k, false, &hostile);
		failures += !one(seed + k, true, &honest);
	}
	printf("%llu talks from seed %llu: %zu ports opened by hostile ones, %zu by honest ones, "
	       "%u failures\n",
	       (unsigned long long)count, (unsigned long long)seed, hostile, honest, failures);
	/* a test in which nothing opens has shown nothing */
	return failures || hostile < count / 20 || honest < count ? EXIT_FAILURE : EXIT_SUCCESS;
}
