/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways to a Bind that combine what the other tests try alone; each is walked twice, by a Bind that
 * is not granted, which must not get through, and by one that is, which must.
 */
#include "play.h"

#include "rows.h"

#include <string.h>

static void put(struct conn *c, enum side from, const struct octets *o)
{
	conn_send(c, from, o->p, o->n);
}

/* A granted interface, bound and accepted; returns what the client sent.  A connection has one Bind:
 * the next one becomes an alter_context. */
static struct octets bound(struct conn *c, bool big, const struct octets *next)
{
	const struct head head = { 0, 3, big, 1 };
	const struct offer offer = { 0, iface_samr, 1, &syntax_ndr };
	const struct answer yes = { 0, 0, syntax_ndr };
	struct octets bind = { 0 }, ack = { 0 };

	pdu_bind(&bind, &head, PTYPE_BIND, &offer, 1, NULL);
	put(c, CLIENT, &bind);
	pdu_bind_ack(&ack, &head, PTYPE_BIND_ACK, "", &yes, 1, NULL);
	put(c, SERVER, &ack);
	octets_free(&ack);
	next->p[2] = PTYPE_ALTER;
	return bind;
}

static void last(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_data(c, CLIENT, bind->p, bind->n);
	play_mark(p);
}

/* The segment that completes it also ends the stream */
static void with_its_end(struct play *p, struct conn *c, const struct octets *bind)
{
	struct segment seg;

	conn_open(c);
	conn_data(c, CLIENT, bind->p, 40);
	seg = conn_segment(c, CLIENT, bind->p + 40, bind->n - 40);
	seg.flags |= FIN;
	conn_put(c, &seg);
	play_mark(p);
}

/* The end comes first, then what fills the hole before it */
static void behind_its_end(struct play *p, struct conn *c, const struct octets *bind)
{
	struct segment seg;

	conn_open(c);
	seg = conn_segment(c, CLIENT, bind->p + 40, bind->n - 40);
	seg.seq += 40;
	seg.flags |= FIN;
	conn_put(c, &seg);
	conn_at(c, CLIENT, 0, bind->p, 40);
	play_mark(p);
}

/* A copy of what was acknowledged, and it behind that in the same segment */
static void behind_a_copy(struct play *p, struct conn *c, const struct octets *bind)
{
	struct octets both;

	conn_open(c);
	both = bound(c, false, bind);
	octets_put(&both, bind->p, bind->n);
	conn_at(c, CLIENT, -(int32_t)(both.n - bind->n), both.p, both.n);
	play_mark(p);
	octets_free(&both);
}

static void in_the_other_order(struct play *p, struct conn *c, const struct octets *bind)
{
	struct octets first;

	conn_open(c);
	first = bound(c, true, bind);
	last(p, c, bind);
	octets_free(&first);
}

static void behind_auth3(struct play *p, struct conn *c, const struct octets *bind)
{
	static const uint8_t token[] = "NTLMSSP";
	const struct auth auth = { 10, 5, 1, token, sizeof(token) };
	struct octets first, o = { 0 };

	conn_open(c);
	first = bound(c, false, bind);
	pdu_auth3(&o, &head_plain, &auth);
	octets_put(&o, bind->p, bind->n);
	last(p, c, &o);
	octets_free(&first);
	octets_free(&o);
}

/* Refused as a whole first: the client tries again on the same connection */
static void behind_a_nak(struct play *p, struct conn *c, const struct octets *bind)
{
	const struct head head = { 0, 3, false, 1 };
	struct octets nak = { 0 }, first = { 0 };

	conn_open(c);
	play_bind_pdu(&first, &iface_samr);
	put(c, CLIENT, &first);
	pdu_bind_nak(&nak, &head, 8); /* authentication type not recognised */
	put(c, SERVER, &nak);
	last(p, c, bind);
	octets_free(&first);
	octets_free(&nak);
}

/* Behind a call whose stub spells a Bind of the other kind */
static void behind_a_stub_that_spells_one(struct play *p, struct conn *c, const struct octets *bind)
{
	const struct call call = { .type = PTYPE_REQUEST, .opnum = 1 };
	struct octets first, o = { 0 }, decoy = { 0 };

	conn_open(c);
	first = bound(c, false, bind);
	play_bind_pdu(&decoy, &iface_lsarpc);
	pdu_call(&o, &head_plain, &call, decoy.p, decoy.n);
	octets_put(&o, bind->p, bind->n);
	last(p, c, &o);
	octets_free(&first);
	octets_free(&decoy);
	octets_free(&o);
}

/* Each octet of a call and of it in a segment of its own, from the last to the first */
static void backwards_behind_a_call(struct play *p, struct conn *c, const struct octets *bind)
{
	const struct call call = { .type = PTYPE_REQUEST, .opnum = 1 };
	struct octets first, o = { 0 };

	conn_open(c);
	first = bound(c, false, bind);
	pdu_call(&o, &head_plain, &call, "12345678", 8);
	octets_put(&o, bind->p, bind->n);
	for (size_t i = o.n; i--;)
		conn_at(c, CLIENT, (int32_t)i, o.p + i, 1);
	play_mark(p);
	octets_free(&first);
	octets_free(&o);
}

/* In IP fragments, each of them twice, the second half of the segment first */
static void in_fragments_in_disorder(struct play *p, struct conn *c, const struct octets *bind)
{
	conn_open(c);
	c->how.fragment = 24;
	c->how.order = FRAGMENTS_BACKWARD;
	conn_at(c, CLIENT, 30, bind->p + 30, bind->n - 30);
	conn_at(c, CLIENT, 0, bind->p, 30);
	play_mark(p);
}

/* While an answer of the server is on its way, torn */
static void amid_an_answer(struct play *p, struct conn *c, const struct octets *bind)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 1 };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct octets first, o = { 0 }, r = { 0 };

	conn_open(c);
	first = bound(c, false, bind);
	pdu_call(&o, &head_plain, &ask, "12345678", 8);
	put(c, CLIENT, &o);
	pdu_call(&r, &head_plain, &reply, "12345678", 8);
	conn_data(c, SERVER, r.p, 11);
	last(p, c, bind);
	octets_free(&first);
	octets_free(&o);
	octets_free(&r);
}

static const struct way {
	const char *name;
	play_deliver *deliver;
} ways[] = {
	{ "with the end of the stream", with_its_end },
	{ "the end of the stream first", behind_its_end },
	{ "behind a copy of what was acknowledged", behind_a_copy },
	{ "behind a Bind in the other byte order", in_the_other_order },
	{ "behind the third leg of authentication", behind_auth3 },
	{ "behind a bind_nak", behind_a_nak },
	{ "behind a stub that spells a Bind", behind_a_stub_that_spells_one },
	{ "backwards, octet by octet, behind a call", backwards_behind_a_call },
	{ "in IP fragments in disorder", in_fragments_in_disorder },
	{ "amid an answer", amid_an_answer },
};

static void a_way(void **state)
{
	const struct way *way = *state;

	play_twins(way->deliver, way->name);
}

/* ---------------------------------------------- trailers that cover the contexts */

/* The padding before a trailer, and what is left for the contexts then */
static const struct trailer {
	const char *name;
	unsigned pad;
	unsigned auth_length;
	bool harmless;
} trailers[] = {
	{ "a trailer with its padding", 0, 16, true },
	{ "padding that claims a context", 44, 16, false },
	{ "padding that claims all", 255, 16, false },
	{ "a trailer longer than it is", 0, 60, false },
	{ "a trailer shorter than it is", 0, 8, false },
};

static void a_trailer(void **state)
{
	const struct trailer *t = *state;
	static const uint8_t token[16] = "NTLMSSP";
	const struct auth auth = { 10, 5, 1, token, sizeof(token) };
	const struct offer forbidden = { 0, iface_drsuapi, 1, &syntax_ndr };
	const struct offer granted = { 0, iface_samr, 1, &syntax_ndr };

	for (unsigned hostile = t->harmless ? 0 : 1; hostile < 2; hostile++) {
		struct octets o = { 0 };
		struct conn c;
		struct play p;

		play_begin(&p, t->name);
		play_map(&p, &iface_samr, PORT);
		c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
		conn_open(&c);
		pdu_bind(&o, &head_plain, PTYPE_BIND, hostile ? &forbidden : &granted, 1, &auth);
		octets_set16(&o, 10, t->auth_length, false);
		if (t->pad)
			o.p[o.n - sizeof(token) - 8 + 2] = (uint8_t)t->pad;
		last(&p, &c, &o);
		if (hostile)
			play_must_refuse(&p, &iface_drsuapi);
		else
			play_must_allow(&p, &iface_samr);
		octets_free(&o);
		play_end(&p);
	}
}

int main(void)
{
	static struct CMUnitTest tests[COUNT(ways) + COUNT(trailers)];
	size_t n = 0;

	ROWS(tests, n, ways, a_way);
	ROWS(tests, n, trailers, a_trailer);
	return cmocka_run_group_tests_name("ways to a Bind, and their twins", tests, NULL, NULL);
}
