/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenes.h"

#include "builder.h"

#include <string.h>

#define START_NS 1700000000000000000U
#define CLIENT4 "192.0.2.10"
#define SERVER4 "192.0.2.20"
#define CLIENT6 "2001:db8::10"
#define SERVER6 "2001:db8::20"
#define PORT 49160

static const struct offer epm_both[] = {
	{ 0, { .major = 0 }, 1, &syntax_ndr }, /* abstract is filled in by bind_epm() */
	{ 1, { .major = 0 }, 1, &syntax_ndr64 },
};

struct stage {
	struct packets *out;
	uint64_t clock;
	uint16_t port; /* of the next client connection */
	bool ip6;
};

static struct stage stage(struct packets *out)
{
	packets_clear(out);
	out->linktype = RPCGATE_LINK_ETHERNET;
	return (struct stage){ out, START_NS, 40001, false };
}

static struct conn dial(struct stage *s, uint16_t server_port)
{
	struct conn c;

	conn_init(&c, s->out, &s->clock, s->ip6 ? CLIENT6 : CLIENT4, s->port++,
		  s->ip6 ? SERVER6 : SERVER4, server_port);
	s->clock += 1000000;
	return c;
}

static const char *tower_address(const struct stage *s)
{
	return s->ip6 ? "0.0.0.0" : SERVER4;
}

static void service(struct stage *s, uint16_t port, const struct rpcgate_syntax *iface)
{
	struct conn c = dial(s, port);

	talk_service(&c, iface);
}

static void map(struct stage *s, const struct rpcgate_syntax *iface, uint16_t port)
{
	struct conn c = dial(s, 135);

	talk_map(&c, iface, port, tower_address(s));
}

/* ask, answer, bind; then an interface that was not announced */
static void plain(struct packets *out)
{
	struct stage s = stage(out);

	map(&s, &iface_samr, PORT);
	service(&s, PORT, &iface_samr);
	service(&s, PORT, &iface_drsuapi);
}

static void plain_ip6(struct packets *out)
{
	struct stage s = stage(out);

	s.ip6 = true;
	map(&s, &iface_samr, PORT);
	service(&s, PORT, &iface_samr);
	service(&s, PORT + 1, &iface_samr);
}

/* One mapper connection asked four times; then four services, one with an alter_context */
static void long_mapper(struct packets *out)
{
	static const struct rpcgate_syntax *const ifaces[] = { &iface_samr, &iface_lsarpc,
							       &iface_drsuapi, &iface_svcctl };
	struct stage s = stage(out);
	struct conn m = dial(&s, 135), c;

	conn_open(&m);
	talk_bind(&m, &iface_epm, 1);
	for (uint16_t i = 0; i < COUNT(ifaces); i++) {
		talk_ask(&m, ifaces[i], 2U + i);
		talk_answer(&m, ifaces[i], 2U + i, (uint16_t)(PORT + i / 2), SERVER4);
	}
	conn_close(&m, CLIENT);
	for (uint16_t i = 0; i < COUNT(ifaces); i++)
		service(&s, (uint16_t)(PORT + i / 2), ifaces[i]);
	c = dial(&s, PORT);
	conn_open(&c);
	talk_bind(&c, &iface_samr, 1);
	talk_alter(&c, &iface_lsarpc, 1, 2);
	talk_alter(&c, &iface_svcctl, 2, 3); /* lives on the other port */
	conn_close(&c, SERVER);
}

/* Bind, request and answer with the layout of @ndr, stubs in fragments of @most octets */
static void mapped_with(struct stage *s, struct ndr ndr, size_t most, uint16_t port)
{
	struct offer offers[COUNT(epm_both)];
	const struct answer answers[] = {
		{ ndr.wide ? 2 : 0, ndr.wide ? 2 : 0, ndr.wide ? syntax_nil : syntax_ndr },
		{ ndr.wide ? 0 : 2, ndr.wide ? 0 : 2, ndr.wide ? syntax_ndr64 : syntax_nil }
	};
	const struct head h = { .flags = 3, .big = ndr.big, .call_id = 7 };
	const struct call ask = { .type = PTYPE_REQUEST,
				  .opnum = EPT_MAP,
				  .context_id = ndr.wide ? 1 : 0 };
	const struct call reply = { .type = PTYPE_RESPONSE, .context_id = ndr.wide ? 1 : 0 };
	struct octets towers[3] = { { 0 } }, o = { 0 }, stub = { 0 };
	struct conn c = dial(s, 135);

	memcpy(offers, epm_both, sizeof(offers));
	offers[0].abstract = offers[1].abstract = iface_epm;
	conn_open(&c);
	pdu_bind(&o, &h, PTYPE_BIND, offers, COUNT(offers), NULL);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &h, PTYPE_BIND_ACK, "135", answers, COUNT(answers), NULL);
	conn_send(&c, SERVER, o.p, o.n);
	octets_clear(&o);
	tower_ip(&towers[0], &iface_samr, FLOOR_TCP, port, tower_address(s));
	tower_pipe(&towers[1], &iface_samr, "\\pipe\\samr", "\\\\HOST");
	tower_ip(&towers[2], &iface_samr, FLOOR_TCP, (uint16_t)(port + 1), "0.0.0.0");
	epm_map_request(&stub, ndr, &towers[0], 4);
	pdu_call_fragments(&o, &h, &ask, stub.p, stub.n, most);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	octets_clear(&stub);
	epm_map_response(&stub, ndr, towers, COUNT(towers), 4, 0);
	pdu_call_fragments(&o, &h, &reply, stub.p, stub.n, most);
	conn_send(&c, SERVER, o.p, o.n);
	conn_close(&c, CLIENT);
	octets_free(&o);
	octets_free(&stub);
	for (size_t i = 0; i < COUNT(towers); i++)
		octets_free(&towers[i]);
}

static void layouts(struct packets *out)
{
	struct stage s = stage(out);

	mapped_with(&s, (struct ndr){ .wide = true }, 5000, PORT);
	mapped_with(&s, (struct ndr){ .big = true }, 5000, PORT + 10);
	mapped_with(&s, (struct ndr){ .wide = true }, 24, PORT + 20);
	mapped_with(&s, (struct ndr){ 0 }, 8, PORT + 30);
	for (uint16_t port = PORT; port < PORT + 40; port = (uint16_t)(port + 10)) {
		service(&s, port, &iface_samr);
		service(&s, (uint16_t)(port + 1), &iface_samr);
	}
	service(&s, PORT + 2, &iface_samr);
}

/* A listing of 60 entries in fragments, several in one segment */
static void listing(struct packets *out)
{
	struct stage s = stage(out);
	struct conn c = dial(&s, 135);
	const struct head h = { .flags = 3, .call_id = 3 };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = EPT_LOOKUP };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct entry entries[60] = { 0 };
	struct octets o = { 0 }, stub = { 0 };

	for (unsigned i = 0; i < COUNT(entries); i++) {
		entries[i].annotation = i % 2 ? "a service" : "";
		if (i % 3 == 0)
			tower_lrpc(&entries[i].tower, &iface_samr, "LRPC-1234");
		else
			tower_ip(&entries[i].tower, &iface_samr, FLOOR_TCP, (uint16_t)(PORT + i),
				 SERVER4);
	}
	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	epm_lookup_request(&stub, (struct ndr){ 0 }, 500);
	pdu_call(&o, &h, &ask, stub.p, stub.n);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&stub);
	octets_clear(&o);
	epm_lookup_response(&stub, (struct ndr){ 0 }, entries, COUNT(entries), 500,
			    EPT_NOT_REGISTERED);
	pdu_call_fragments(&o, &h, &reply, stub.p, stub.n, 600);
	conn_send(&c, SERVER, o.p, o.n);
	conn_close(&c, CLIENT);
	service(&s, PORT + 1, &iface_samr); /* listed only */
	map(&s, &iface_samr, PORT + 1);
	service(&s, PORT + 1, &iface_samr);
	octets_free(&o);
	octets_free(&stub);
	for (size_t i = 0; i < COUNT(entries); i++)
		octets_free(&entries[i].tower);
}

/* A Bind the size of a Kerberos ticket, with two requests behind it in the same segments */
static void big_bind(struct packets *out)
{
	static const uint8_t ticket[4500];
	const struct auth auth = { .type = 9, .level = 5, .value = ticket, .len = 4500 };
	const struct offer offers[] = { { 0, iface_samr, 1, &syntax_ndr },
					{ 1, iface_lsarpc, 1, &syntax_ndr } };
	const struct answer answers[] = { { 0, 0, syntax_ndr }, { 0, 0, syntax_ndr } };
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 1 };
	const struct head h = head_plain;
	struct stage s = stage(out);
	struct octets o = { 0 };
	struct conn c;

	map(&s, &iface_samr, PORT);
	map(&s, &iface_lsarpc, PORT);
	c = dial(&s, PORT);
	conn_open(&c);
	pdu_bind(&o, &h, PTYPE_BIND, offers, COUNT(offers), &auth);
	pdu_call(&o, &h, &ask, ticket, 300);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &h, PTYPE_BIND_ACK, NULL, answers, COUNT(answers), &auth);
	conn_send(&c, SERVER, o.p, o.n);
	conn_reset(&c, CLIENT);
	octets_free(&o);
}

/* A Bind on its way through an RPC proxy: two legs of text, a control PDU, the Bind */
static void tunnel(struct packets *out)
{
	static const char first[] = "RPC_IN_DATA /rpc/rpcproxy.dll?srv:593 HTTP/1.1\r\n"
				    "Content-Length: 0\r\n\r\n";
	static const char second[] = "RPC_IN_DATA /rpc/rpcproxy.dll?srv:593 HTTP/1.1\r\n"
				     "Content-Length: 1073741824\r\n\r\n";
	static const uint8_t rts[28] = { 5, 0, 20, 3, 0x10, 0, 0, 0, 28, [18] = 1, [20] = 6 };
	struct stage s = stage(out);
	struct conn c = dial(&s, 80);

	conn_open(&c);
	conn_send(&c, CLIENT, first, sizeof(first) - 1);
	conn_send(&c, SERVER, "HTTP/1.1 401 No\r\n\r\n", 19);
	conn_send(&c, CLIENT, second, sizeof(second) - 1);
	conn_send(&c, CLIENT, rts, sizeof(rts));
	talk_bind(&c, &iface_samr, 1);
	conn_close(&c, CLIENT);
}

/* A question to a mapper behind a proxy by one channel, its answer by the other */
static void tunnel_pair(struct packets *out)
{
	static const char in_head[] = "RPC_IN_DATA /?srv:593 HTTP/1.1\r\n"
				      "Content-Length: 1073741824\r\n\r\n";
	static const char out_head[] = "RPC_OUT_DATA /?srv:593 HTTP/1.1\r\n"
				       "Content-Length: 48\r\n\r\n";
	static const char success[] = "HTTP/1.1 200 Success\r\n"
				      "Content-Length: 1073741824\r\n\r\n";
	static const uint8_t rts[48] = { 5, 0,  20,       3,        0x10,     0,        0,
					 0, 48, [18] = 2, [20] = 6, [24] = 1, [28] = 3, [32] = 7 };
	const struct answer accepted = { 0, 0, syntax_ndr };
	const struct offer offer = { 0, iface_epm, 1, &syntax_ndr };
	const struct call request = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	const struct call response = { .type = PTYPE_RESPONSE };
	struct octets o = { 0 }, tower = { 0 }, stub = { 0 };
	struct stage s = stage(out);
	struct conn back = dial(&s, 80);
	struct conn c = dial(&s, 80);

	conn_open(&back);
	conn_send(&back, CLIENT, out_head, sizeof(out_head) - 1);
	conn_send(&back, CLIENT, rts, sizeof(rts));
	conn_open(&c);
	conn_send(&c, CLIENT, in_head, sizeof(in_head) - 1);
	conn_send(&c, CLIENT, rts, sizeof(rts));
	conn_send(&back, SERVER, success, sizeof(success) - 1);
	pdu_bind(&o, &head_plain, PTYPE_BIND, &offer, 1, NULL);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &head_plain, PTYPE_BIND_ACK, "", &accepted, 1, NULL);
	conn_send(&back, SERVER, o.p, o.n);
	octets_clear(&o);
	tower_ip(&tower, &iface_samr, FLOOR_TCP, 0, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
	pdu_call(&o, &head_plain, &request, stub.p, stub.n);
	conn_send(&c, CLIENT, o.p, o.n);
	octets_clear(&o);
	octets_clear(&tower);
	octets_clear(&stub);
	tower_ip(&tower, &iface_samr, FLOOR_TCP, PORT, "192.0.2.30");
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	pdu_call(&o, &head_plain, &response, stub.p, stub.n);
	conn_send(&back, SERVER, o.p, o.n);
	conn_close(&c, CLIENT);
	conn_close(&back, SERVER);
	octets_free(&o);
	octets_free(&tower);
	octets_free(&stub);
}

static const struct scene scenes[] = {
	{ "plain", plain, 1, 2, 1 },
	{ "plain-ip6", plain_ip6, 1, 2, 1 },
	{ "long-mapper", long_mapper, 4, 1 + 4 + 2, 1 },
	{ "layouts", layouts, 12, 4 * 2 + 8, 1 },
	{ "listing", listing, 61, 3, 1 },
	{ "big-bind", big_bind, 2, 4, 0 },
	{ "tunnel", tunnel, 0, 0, 1 },
	{ "tunnel-pair", tunnel_pair, 1, 0, 1 },
};

const struct scene *scene_at(size_t i)
{
	return i < COUNT(scenes) ? &scenes[i] : NULL;
}
