/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct conn ask_as(struct play *p, const char *client, uint16_t port,
		   const struct rpcgate_syntax *iface, uint64_t at_ns)
{
	struct conn c = play_dial(p, client, SERVER_HOST, port);
	struct octets bind = { 0 };

	conn_open(&c);
	if (at_ns) {
		/* a packet just before it: no sweep is due when the Bind comes */
		p->clock_ns = at_ns - 1000000;
		conn_ack(&c, CLIENT);
		p->clock_ns = at_ns;
	}
	play_bind_pdu(&bind, iface);
	conn_data(&c, CLIENT, bind.p, bind.n);
	play_mark(p);
	octets_free(&bind);
	return c;
}

static void answer_bind(struct conn *c, const struct answer *answer)
{
	struct octets o = { 0 };

	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "135", answer, 1, NULL);
	conn_send(c, SERVER, o.p, o.n);
	octets_free(&o);
}

void accept_bind(struct conn *c)
{
	answer_bind(c, &(const struct answer){ 0, 0, syntax_ndr });
}

void refuse_bind(struct conn *c, uint16_t result, uint16_t reason)
{
	answer_bind(c, &(const struct answer){ result, reason, syntax_nil });
}

void nak_bind(struct conn *c, uint16_t reason)
{
	struct octets o = { 0 };

	pdu_bind_nak(&o, &head_plain, reason);
	conn_send(c, SERVER, o.p, o.n);
	octets_free(&o);
}

void list_one(struct play *p, const struct rpcgate_syntax *iface, uint16_t port)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = EPT_LOOKUP };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct entry entry = { .annotation = "listed" };
	struct octets o = { 0 }, stub = { 0 };

	tower_ip(&entry.tower, iface, FLOOR_TCP, port, SERVER_HOST);
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	epm_lookup_request(&stub, (struct ndr){ 0 }, 500);
	pdu_call(&o, &h, &ask, stub.p, stub.n);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&stub);
	octets_clear(&o);
	epm_lookup_response(&stub, (struct ndr){ 0 }, &entry, 1, 500, 0);
	pdu_call(&o, &h, &reply, stub.p, stub.n);
	conn_send(&c, SERVER, o.p, o.n);
	conn_close(&c, CLIENT);
	octets_free(&entry.tower);
	octets_free(&stub);
	octets_free(&o);
}

const struct rpcgate_event *last_bind(const struct outcome *out)
{
	for (size_t i = out->n; i--;)
		if (out->at[i].event.type == RPCGATE_EVENT_BIND)
			return &out->at[i].event;
	fail_msg("nothing was said of a bind");
	return NULL;
}

size_t pinhole_events(const struct outcome *out, enum rpcgate_pinhole_action action)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++)
		n += out->at[i].event.type == RPCGATE_EVENT_PINHOLE &&
		     out->at[i].event.u.pinhole.action == action;
	return n;
}

const struct rpcgate_event *last_pinhole(const struct outcome *out,
					 enum rpcgate_pinhole_action action)
{
	for (size_t i = out->n; i--;) {
		const struct rpcgate_event *e = &out->at[i].event;

		if (e->type == RPCGATE_EVENT_PINHOLE && e->u.pinhole.action == action)
			return e;
	}
	fail_msg("nothing was said of a pinhole");
	return NULL;
}

size_t limit_events(const struct outcome *out, const char *word)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		n += e->type == RPCGATE_EVENT_ENGINE && strcmp(e->u.engine.event, "limit") == 0 &&
		     strstr(e->u.engine.detail, word);
	}
	return n;
}

static void check(const struct play *p, const struct outcome *out, enum rpcgate_verdict verdict,
		  enum rpcgate_reason reason)
{
	static const char *const verdicts[] = { "allow", "log", "deny" };
	static const char *const modes[] = { "observing", "enforcing" };
	const struct rpcgate_bind_event *e = &last_bind(out)->u.bind;
	bool enforcing = out == &p->enforce;
	bool stopped = out->action[p->marked] != RPCGATE_PASS;

	if (e->verdict != verdict || e->reason != reason)
		fail_msg("%s: %s %s instead of %s %s, %s", p->trick, verdicts[e->verdict],
			 rpcgate_reason_name(e->reason), verdicts[verdict],
			 rpcgate_reason_name(reason), modes[enforcing]);
	if (stopped != (enforcing && verdict == RPCGATE_DENY))
		fail_msg("%s: the packet was %s, %s", p->trick, stopped ? "stopped" : "let go",
			 modes[enforcing]);
}

void must_say(struct play *p, enum rpcgate_verdict verdict, enum rpcgate_reason reason)
{
	play_judge(p);
	check(p, &p->observe, verdict, reason);
	check(p, &p->enforce, verdict, reason);
}
