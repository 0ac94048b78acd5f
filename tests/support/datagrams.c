/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "datagrams.h"

#include <string.h>

#define LENGTH_AT 74
#define HEADER 80

static void put_pdu(struct octets *o, const struct dgram *d)
{
	struct rpcgate_uuid activity = { { [3] = 1, [15] = d->activity } };
	const struct rpcgate_syntax *iface = d->iface ? d->iface : &iface_samr;

	octets_u8(o, 4);
	octets_u8(o, d->ptype);
	octets_u8(o, d->flags1);
	octets_u8(o, 0);
	octets_u8(o, d->big ? 0 : 0x10);
	octets_room(o, 3);
	put_uuid(o, &syntax_nil.uuid, d->big);
	put_uuid(o, &iface->uuid, d->big);
	put_uuid(o, &activity, d->big);
	octets_u32(o, 0, d->big);
	octets_u16(o, d->big ? iface->minor : iface->major, d->big);
	octets_u16(o, d->big ? iface->major : iface->minor, d->big);
	octets_u32(o, d->sequence, d->big);
	octets_u16(o, d->opnum, d->big);
	octets_u32(o, 0xffffffff, d->big);
	octets_room(o, 6);
	if (d->stub)
		octets_put(o, d->stub->p, d->stub->n);
	else
		octets_put(o, "12345678", 8);
	octets_set16(o, LENGTH_AT, (unsigned)(o->n - HEADER), d->big);
}

void put_dgram(struct play *p, const struct dgram *d)
{
	struct rpcgate_addr end[2] = { addr_of(d->client ? d->client : CLIENT_HOST),
				       addr_of(d->server ? d->server : SERVER_HOST) };
	uint16_t port[2] = { d->client_port ? d->client_port : DGRAM_CLIENT_PORT,
			     d->port ? d->port : DGRAM_PORT };
	struct framing how = framing_plain;
	struct segment seg = { .id = 7 };
	struct octets o = { 0 };

	if (d->raw)
		octets_put(&o, d->raw, strlen(d->raw));
	else
		put_pdu(&o, d);
	p->clock_ns += 1000000;
	seg.time_ns = p->clock_ns;
	seg.src = end[d->answer];
	seg.dst = end[!d->answer];
	seg.sport = port[d->answer];
	seg.dport = port[!d->answer];
	seg.data = o.p;
	seg.len = o.n;
	how.fragment = d->fragment;
	packets_udp(&p->packets, &how, &seg);
	octets_free(&o);
}

void play_map_udp(struct play *p, const struct rpcgate_syntax *iface, uint16_t port)
{
	struct octets tower = { 0 }, stub = { 0 }, pdu = { 0 };
	const struct ndr ndr = { false, false };
	const struct head head = { 0, 3, false, 2 };
	const struct call request = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	const struct call response = { .type = PTYPE_RESPONSE };
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);

	conn_open(&c);
	talk_bind(&c, &iface_epm, 1);
	tower_ip(&tower, iface, FLOOR_UDP, 0, "0.0.0.0");
	epm_map_request(&stub, ndr, &tower, 4);
	pdu_call(&pdu, &head, &request, stub.p, stub.n);
	conn_send(&c, CLIENT, pdu.p, pdu.n);
	octets_free(&tower);
	octets_free(&stub);
	octets_free(&pdu);
	tower_ip(&tower, iface, FLOOR_UDP, port, SERVER_HOST);
	epm_map_response(&stub, ndr, &tower, 1, 4, 0);
	pdu_call(&pdu, &head, &response, stub.p, stub.n);
	conn_send(&c, SERVER, pdu.p, pdu.n);
	conn_close(&c, CLIENT);
	octets_free(&tower);
	octets_free(&stub);
	octets_free(&pdu);
}

void play_map_udp_over_udp(struct play *p, const struct rpcgate_syntax *iface, uint16_t port)
{
	struct octets tower = { 0 }, stub = { 0 };
	struct dgram d = { .iface = &iface_epm, .port = 135, .opnum = EPT_MAP, .stub = &stub };

	tower_ip(&tower, iface, FLOOR_UDP, 0, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
	put_dgram(p, &d);
	octets_free(&tower);
	octets_free(&stub);
	tower_ip(&tower, iface, FLOOR_UDP, port, SERVER_HOST);
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	d.answer = true;
	d.ptype = CLP_RESPONSE;
	put_dgram(p, &d);
	octets_free(&tower);
	octets_free(&stub);
}
