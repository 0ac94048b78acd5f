/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START_NS 1700000000000000000U
#define MAPPER_PORT 135

void play_begin(struct play *p, const char *trick)
{
	*p = (struct play){
		.clock_ns = START_NS,
		.next_port = 40001,
		.marked = SIZE_MAX,
		.trick = trick,
	};
	feed_config(&p->cfg);
	p->packets.linktype = RPCGATE_LINK_ETHERNET;
}

void play_end(struct play *p)
{
	packets_free(&p->packets);
	outcome_free(&p->observe);
	outcome_free(&p->enforce);
}

struct conn play_dial(struct play *p, const char *client, const char *server, uint16_t port)
{
	struct conn c;

	conn_init(&c, &p->packets, &p->clock_ns, client, p->next_port++, server, port);
	p->clock_ns += 1000000;
	return c;
}

void play_map(struct play *p, const struct rpcgate_syntax *iface, uint16_t port)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, MAPPER_PORT);

	talk_map(&c, iface, port, SERVER_HOST);
}

void play_mark(struct play *p)
{
	p->marked = p->packets.n - 1;
}

void play_bind_pdu(struct octets *o, const struct rpcgate_syntax *iface)
{
	const struct offer offer = { 0, *iface, 1, &syntax_ndr };

	pdu_bind(o, &head_plain, PTYPE_BIND, &offer, 1, NULL);
}

void play_service(struct play *p, uint16_t port, const struct rpcgate_syntax *iface)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, port);
	struct octets bind = { 0 };

	conn_open(&c);
	play_bind_pdu(&bind, iface);
	conn_data(&c, CLIENT, bind.p, bind.n);
	play_mark(p);
	octets_free(&bind);
}

/* ------------------------------------------------------------------ judging */

void play_judge(struct play *p)
{
	outcome_free(&p->observe);
	outcome_free(&p->enforce);
	p->cfg.mode = RPCGATE_OBSERVE;
	feed_judged(&p->cfg, p->policy, &p->packets, &p->observe);
	p->cfg.mode = RPCGATE_ENFORCE;
	feed_judged(&p->cfg, p->policy, &p->packets, &p->enforce);
	if (p->marked == SIZE_MAX)
		play_mark(p);
}

static bool same_interface(const struct rpcgate_syntax *a, const struct rpcgate_syntax *b)
{
	return memcmp(&a->uuid, &b->uuid, sizeof(a->uuid)) == 0;
}

size_t play_binds(const struct outcome *out, const struct rpcgate_syntax *iface, uint16_t port,
		  enum rpcgate_verdict verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		n += e->type == RPCGATE_EVENT_BIND && e->u.bind.verdict == verdict &&
		     (!port || e->dest_port == port) &&
		     (!iface || same_interface(&e->u.bind.interface, iface));
	}
	return n;
}

size_t play_alerts(const struct outcome *out, enum rpcgate_reason reason)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++)
		n += out->at[i].event.type == RPCGATE_EVENT_ALERT &&
		     (reason == RPCGATE_REASON_COUNT || out->at[i].event.u.alert.reason == reason);
	return n;
}

size_t play_grants(const struct outcome *out, uint16_t port)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		n += e->type == RPCGATE_EVENT_BINDING && e->u.binding.accepted &&
		     e->u.binding.port == port;
		n += e->type == RPCGATE_EVENT_PINHOLE && e->u.pinhole.port == port &&
		     e->u.pinhole.action == RPCGATE_PINHOLE_OPEN;
	}
	return n;
}

bool play_told(const struct outcome *out, enum rpcgate_reason reason)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		if ((e->type == RPCGATE_EVENT_BIND && e->u.bind.reason == reason) ||
		    (e->type == RPCGATE_EVENT_ALERT && e->u.alert.reason == reason) ||
		    (e->type == RPCGATE_EVENT_BINDING && e->u.binding.reason == reason) ||
		    (e->type == RPCGATE_EVENT_FLOW && e->u.flow.reason == reason))
			return true;
	}
	return false;
}

static bool stopped(const struct play *p)
{
	return p->enforce.action[p->marked] != RPCGATE_PASS;
}

static bool allowed_anywhere(const struct outcome *out, const struct rpcgate_syntax *iface)
{
	return play_binds(out, iface, 0, RPCGATE_ALLOW) + play_binds(out, iface, 0, RPCGATE_LOG);
}

void play_must_refuse(struct play *p, const struct rpcgate_syntax *iface)
{
	play_judge(p);
	if (allowed_anywhere(&p->observe, iface) || allowed_anywhere(&p->enforce, iface))
		fail_msg("%s: the interface was allowed", p->trick);
	if (!play_binds(&p->observe, NULL, 0, RPCGATE_DENY) &&
	    !play_alerts(&p->observe, RPCGATE_REASON_COUNT))
		fail_msg("%s: nobody was told (observing)", p->trick);
	if (!play_binds(&p->enforce, NULL, 0, RPCGATE_DENY) &&
	    !play_alerts(&p->enforce, RPCGATE_REASON_COUNT))
		fail_msg("%s: nobody was told (enforcing)", p->trick);
	if (!stopped(p))
		fail_msg("%s: packet %zu of %zu went through", p->trick, p->marked, p->packets.n);
	for (size_t i = 0; i < p->observe.n_packets; i++)
		if (p->observe.action[i] != RPCGATE_PASS)
			fail_msg("%s: packet %zu was stopped while observing", p->trick, i);
}

void play_must_refuse_for(struct play *p, const struct rpcgate_syntax *iface,
			  enum rpcgate_reason reason)
{
	play_must_refuse(p, iface);
	if (!play_told(&p->observe, reason) || !play_told(&p->enforce, reason))
		fail_msg("%s: the reason is not %s", p->trick, rpcgate_reason_name(reason));
}

static void must_be_quiet(const struct play *p, const struct outcome *out, const char *mode)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		if (e->type == RPCGATE_EVENT_ALERT)
			fail_msg("%s: harmless, but alert %s at packet %zu (%s)", p->trick,
				 rpcgate_reason_name(e->u.alert.reason), out->at[i].packet, mode);
		if (e->type == RPCGATE_EVENT_BIND && e->u.bind.verdict == RPCGATE_DENY)
			fail_msg("%s: harmless, but bind denied, %s, at packet %zu (%s)", p->trick,
				 rpcgate_reason_name(e->u.bind.reason), out->at[i].packet, mode);
	}
}

void play_must_allow(struct play *p, const struct rpcgate_syntax *iface)
{
	play_judge(p);
	must_be_quiet(p, &p->observe, "observing");
	must_be_quiet(p, &p->enforce, "enforcing");
	if (!allowed_anywhere(&p->observe, iface) || !allowed_anywhere(&p->enforce, iface))
		fail_msg("%s: harmless, but never allowed", p->trick);
	if (stopped(p))
		fail_msg("%s: harmless, but packet %zu was stopped, %s", p->trick, p->marked,
			 rpcgate_reason_name((enum rpcgate_reason)p->enforce.reason[p->marked]));
}

void play_must_not_learn(struct play *p, uint16_t port, const struct rpcgate_syntax *iface)
{
	play_service(p, port, iface);
	play_judge(p);
	if (play_grants(&p->observe, port) || play_grants(&p->enforce, port))
		fail_msg("%s: port %u was granted", p->trick, port);
	if (play_binds(&p->observe, iface, port, RPCGATE_ALLOW) ||
	    play_binds(&p->enforce, iface, port, RPCGATE_ALLOW))
		fail_msg("%s: a bind on port %u was allowed", p->trick, port);
	if (!stopped(p))
		fail_msg("%s: a bind on port %u went through", p->trick, port);
}

void play_must_learn(struct play *p, uint16_t port, const struct rpcgate_syntax *iface)
{
	play_service(p, port, iface);
	play_judge(p);
	if (!play_grants(&p->observe, port) || !play_grants(&p->enforce, port))
		fail_msg("%s: harmless, but port %u was not granted", p->trick, port);
	if (!play_binds(&p->observe, iface, port, RPCGATE_ALLOW) ||
	    !play_binds(&p->enforce, iface, port, RPCGATE_ALLOW) || stopped(p))
		fail_msg("%s: harmless, but the bind on port %u was refused", p->trick, port);
}

/* ------------------------------------------------------------------- twins */

static void twin(play_deliver *deliver, const char *trick, const struct rpcgate_syntax *iface,
		 void (*verdict)(struct play *, const struct rpcgate_syntax *))
{
	struct octets bind = { 0 };
	struct play p;
	struct conn c;

	play_begin(&p, trick);
	play_map(&p, &iface_samr, PORT);
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, PORT);
	play_bind_pdu(&bind, iface);
	deliver(&p, &c, &bind);
	verdict(&p, iface);
	octets_free(&bind);
	play_end(&p);
}

void play_twins(play_deliver *deliver, const char *trick)
{
	twin(deliver, trick, &iface_drsuapi, play_must_refuse);
	twin(deliver, trick, &iface_samr, play_must_allow);
}

struct conn play_ask(struct play *p)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, MAPPER_PORT);

	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	talk_ask(&c, &iface_samr, 2);
	return c;
}

void play_answer_pdu(struct octets *o)
{
	const struct head h = { .flags = 3, .call_id = 2 };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct octets tower = { 0 }, stub = { 0 };

	tower_ip(&tower, &iface_samr, FLOOR_TCP, PORT, SERVER_HOST);
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	pdu_call(o, &h, &reply, stub.p, stub.n);
	octets_free(&tower);
	octets_free(&stub);
}
