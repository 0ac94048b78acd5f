/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "builder.h"

#include <string.h>

/* -------------------------------------------------------------------- TCP */

#define CLIENT_ISN 1000U
#define SERVER_ISN 5000U
#define STEP_NS 100000U
#define WINDOW 64240

void conn_init(struct conn *c, struct packets *out, uint64_t *clock_ns, const char *client,
	       uint16_t client_port, const char *server, uint16_t server_port)
{
	*c = (struct conn){
		.out = out,
		.how = framing_plain,
		.peer = { { addr_of(client), client_port, CLIENT_ISN, 0 },
			  { addr_of(server), server_port, SERVER_ISN, 0 } },
		.clock_ns = clock_ns,
		.step_ns = STEP_NS,
		.mss = 1460,
		.id = 1,
	};
}

struct segment conn_segment(struct conn *c, enum side from, const void *data, size_t n)
{
	const struct peer *me = &c->peer[from], *you = &c->peer[!from];

	return (struct segment){
		.time_ns = *c->clock_ns,
		.src = me->addr,
		.dst = you->addr,
		.sport = me->port,
		.dport = you->port,
		.seq = me->seq,
		.ack = you->seq,
		.window = WINDOW,
		.flags = n ? ACK | PSH : ACK,
		.id = c->id,
		.data = data,
		.len = n,
	};
}

void conn_put(struct conn *c, const struct segment *seg)
{
	packets_segment(c->out, &c->how, seg);
	*c->clock_ns += c->step_ns;
	c->id++;
}

void conn_at(struct conn *c, enum side from, int32_t offset, const void *data, size_t n)
{
	struct segment seg = conn_segment(c, from, data, n);

	seg.seq += (uint32_t)offset;
	conn_put(c, &seg);
}

void conn_skip(struct conn *c, enum side from, size_t n)
{
	c->peer[from].seq += (uint32_t)n;
}

/* A segment without data that takes one sequence number */
static void control(struct conn *c, enum side from, unsigned flags)
{
	struct segment seg = conn_segment(c, from, NULL, 0);

	seg.flags = (uint8_t)flags;
	if (flags == SYN)
		seg.ack = 0;
	if (flags & SYN) {
		static const uint8_t mss_option[4] = { 2, 4, 1460 >> 8, 1460 & 0xff };

		seg.n_options = sizeof(mss_option);
		memcpy(seg.options, mss_option, sizeof(mss_option));
	}
	conn_put(c, &seg);
	c->peer[from].seq++;
}

void conn_open(struct conn *c)
{
	control(c, CLIENT, SYN);
	control(c, SERVER, SYN | ACK);
	conn_ack(c, CLIENT);
}

void conn_data(struct conn *c, enum side from, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t off = 0; off < n; off += c->mss) {
		size_t part = n - off < c->mss ? n - off : c->mss;

		conn_at(c, from, 0, p + off, part);
		conn_skip(c, from, part);
	}
}

void conn_ack(struct conn *c, enum side from)
{
	c->peer[from].acked = c->peer[!from].seq;
	conn_at(c, from, 0, NULL, 0);
}

void conn_send(struct conn *c, enum side from, const void *data, size_t n)
{
	conn_data(c, from, data, n);
	conn_ack(c, !from);
}

void conn_close(struct conn *c, enum side from)
{
	control(c, from, FIN | ACK);
	control(c, !from, FIN | ACK);
	conn_ack(c, from);
}

void conn_reset(struct conn *c, enum side from)
{
	control(c, from, RST | ACK);
}

/* ------------------------------------------------------------------- PDUs */

#define FRAGMENT_SIZE 5840 /* what Windows and Samba offer */
#define GROUP 0x00012345U

const struct head head_plain = { .flags = 0x03, .call_id = 1 };

#define UUID(a, b, c, ...)                                                                         \
	{                                                                                          \
		{                                                                                  \
			(a) >> 24 & 0xff, (a) >> 16 & 0xff, (a) >> 8 & 0xff, (a)&0xff, (b) >> 8,   \
				(b)&0xff, (c) >> 8, (c)&0xff, __VA_ARGS__                          \
		}                                                                                  \
	}

const struct rpcgate_syntax syntax_ndr = {
	UUID(0x8a885d04, 0x1ceb, 0x11c9, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60), 2, 0
};
const struct rpcgate_syntax syntax_ndr64 = {
	UUID(0x71710533, 0xbeba, 0x4937, 0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36), 1, 0
};
const struct rpcgate_syntax syntax_features = {
	UUID(0x6cb71c2c, 0x9812, 0x4540, 3, 0, 0, 0, 0, 0, 0, 0), 1, 0
};
const struct rpcgate_syntax syntax_nil = { { { 0 } }, 0, 0 };
const struct rpcgate_syntax iface_epm = {
	UUID(0xe1af8308, 0x5d1f, 0x11c9, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa), 3, 0
};
const struct rpcgate_syntax iface_mgmt = {
	UUID(0xafa8bd80, 0x7d8a, 0x11c9, 0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89), 1, 0
};
const struct rpcgate_syntax iface_samr = {
	UUID(0x12345778, 0x1234, 0xabcd, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac), 1, 0
};
const struct rpcgate_syntax iface_lsarpc = {
	UUID(0x12345778, 0x1234, 0xabcd, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab), 0, 0
};
const struct rpcgate_syntax iface_drsuapi = {
	UUID(0xe3514235, 0x4b06, 0x11d1, 0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2), 4, 0
};
const struct rpcgate_syntax iface_svcctl = {
	UUID(0x367abb81, 0x9844, 0x35f1, 0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03), 2, 0
};
const struct rpcgate_syntax iface_oxid = {
	UUID(0x99fcfec4, 0x5260, 0x101b, 0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a), 0, 0
};

void put_uuid(struct octets *o, const struct rpcgate_uuid *uuid, bool big)
{
	static const uint8_t little[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	uint8_t *at = octets_room(o, 16);

	for (size_t i = 0; i < 16; i++)
		at[i] = uuid->octet[big ? i : little[i]];
}

void put_syntax(struct octets *o, const struct rpcgate_syntax *s, bool big)
{
	put_uuid(o, &s->uuid, big);
	octets_u32(o, (uint32_t)s->minor << 16 | s->major, big);
}

/* Write the common header; lengths are filled in by end_pdu().  Returns where the PDU starts. */
static size_t begin_pdu(struct octets *o, const struct head *h, enum ptype type)
{
	size_t at = o->n;

	octets_u8(o, 5);
	octets_u8(o, h->minor);
	octets_u8(o, type);
	octets_u8(o, h->flags);
	octets_u32(o, h->big ? 0U : 0x10U, false);
	octets_u32(o, 0, false);
	octets_u32(o, h->call_id, h->big);
	return at;
}

/* Append the trailer, aligned to 4, and fill in frag_length and auth_length */
static void end_pdu(struct octets *o, size_t at, const struct head *h, const struct auth *auth)
{
	if (auth) {
		size_t body = o->n;

		octets_align(o, at, 4);
		octets_u8(o, auth->type);
		octets_u8(o, auth->level);
		octets_u8(o, (unsigned)(o->n - 2 - body));
		octets_u8(o, 0);
		octets_u32(o, auth->context, h->big);
		octets_put(o, auth->value, auth->len);
		octets_set16(o, at + 10, auth->len, h->big);
	}
	octets_set16(o, at + 8, (unsigned)(o->n - at), h->big);
}

static void sizes_and_group(struct octets *o, bool big, uint32_t group)
{
	octets_u16(o, FRAGMENT_SIZE, big);
	octets_u16(o, FRAGMENT_SIZE, big);
	octets_u32(o, group, big);
}

void pdu_bind(struct octets *o, const struct head *h, enum ptype type, const struct offer *offers,
	      size_t n, const struct auth *auth)
{
	size_t at = begin_pdu(o, h, type);

	sizes_and_group(o, h->big, 0);
	octets_u8(o, (unsigned)n);
	octets_room(o, 3);
	for (size_t i = 0; i < n; i++) {
		octets_u16(o, offers[i].id, h->big);
		octets_u8(o, offers[i].n_transfer);
		octets_u8(o, 0);
		put_syntax(o, &offers[i].abstract, h->big);
		for (size_t k = 0; k < offers[i].n_transfer; k++)
			put_syntax(o, &offers[i].transfer[k], h->big);
	}
	end_pdu(o, at, h, auth);
}

void pdu_bind_ack(struct octets *o, const struct head *h, enum ptype type, const char *secondary,
		  const struct answer *answers, size_t n, const struct auth *auth)
{
	size_t at = begin_pdu(o, h, type);
	size_t len = secondary ? strlen(secondary) + 1 : 0;

	sizes_and_group(o, h->big, GROUP);
	octets_u16(o, (unsigned)len, h->big);
	octets_put(o, secondary, len);
	octets_align(o, at, 4);
	octets_u8(o, (unsigned)n);
	octets_room(o, 3);
	for (size_t i = 0; i < n; i++) {
		octets_u16(o, answers[i].result, h->big);
		octets_u16(o, answers[i].reason, h->big);
		put_syntax(o, &answers[i].transfer, h->big);
	}
	end_pdu(o, at, h, auth);
}

void pdu_bind_nak(struct octets *o, const struct head *h, uint16_t reason)
{
	size_t at = begin_pdu(o, h, PTYPE_BIND_NAK);

	octets_u16(o, reason, h->big);
	octets_put(o, "\1\5\0\0\0\0", 6); /* one version, 5.0, and what servers pad with */
	end_pdu(o, at, h, NULL);
}

void pdu_auth3(struct octets *o, const struct head *h, const struct auth *auth)
{
	size_t at = begin_pdu(o, h, PTYPE_AUTH3);

	octets_u16(o, FRAGMENT_SIZE, h->big);
	octets_u16(o, FRAGMENT_SIZE, h->big);
	end_pdu(o, at, h, auth);
}

void pdu_call(struct octets *o, const struct head *h, const struct call *call, const void *stub,
	      size_t n)
{
	struct head head = *h;
	size_t at;

	if (call->object)
		head.flags |= 0x80;
	at = begin_pdu(o, &head, call->type);
	octets_u32(o, (uint32_t)n, h->big);
	octets_u16(o, call->context_id, h->big);
	octets_u16(o, call->type == PTYPE_REQUEST ? call->opnum : 0, h->big);
	if (call->object)
		put_uuid(o, call->object, h->big);
	octets_put(o, stub, n);
	end_pdu(o, at, h, call->auth);
}

void pdu_call_fragments(struct octets *o, const struct head *h, const struct call *call,
			const void *stub, size_t n, size_t most)
{
	const uint8_t *p = stub;
	size_t off = 0;

	do {
		size_t part = n - off < most ? n - off : most;
		struct head head = *h;

		head.flags =
			(uint8_t)((h->flags & ~3U) | (off ? 0U : 1U) | (off + part == n ? 2U : 0U));
		pdu_call(o, &head, call, p + off, part);
		off += part;
	} while (off < n);
}

void pdu_fault(struct octets *o, const struct head *h, uint16_t context_id, uint32_t status)
{
	struct head head = *h;
	size_t at;

	head.flags |= 0x20;
	at = begin_pdu(o, &head, PTYPE_FAULT);
	octets_u32(o, 24, h->big);
	octets_u16(o, context_id, h->big);
	octets_u16(o, 0, h->big);
	octets_u32(o, status, h->big);
	octets_u32(o, 0, h->big);
	end_pdu(o, at, h, NULL);
}

/* ----------------------------------------------------------------- towers */

void tower_begin(struct octets *o, unsigned floors)
{
	octets_u16(o, floors, false);
}

void tower_syntax(struct octets *o, const struct rpcgate_syntax *s)
{
	octets_u16(o, 19, false);
	octets_u8(o, FLOOR_UUID);
	put_uuid(o, &s->uuid, false);
	octets_u16(o, s->major, false);
	octets_u16(o, 2, false);
	octets_u16(o, s->minor, false);
}

void tower_floor(struct octets *o, unsigned protocol, const void *rhs, size_t n)
{
	octets_u16(o, 1, false);
	octets_u8(o, protocol);
	octets_u16(o, (unsigned)n, false);
	octets_put(o, rhs, n);
}

void tower_ip(struct octets *o, const struct rpcgate_syntax *iface, unsigned protocol,
	      uint16_t port, const char *address)
{
	const struct rpcgate_addr a = addr_of(address);
	const uint8_t big_port[2] = { (uint8_t)(port >> 8), (uint8_t)port };

	tower_begin(o, 5);
	tower_syntax(o, iface);
	tower_syntax(o, &syntax_ndr);
	tower_floor(o, protocol == FLOOR_UDP ? FLOOR_DATAGRAM : FLOOR_CONNECTION, "\0\0", 2);
	tower_floor(o, protocol, big_port, 2);
	tower_floor(o, FLOOR_IP, a.octet + 12, 4);
}

void tower_pipe(struct octets *o, const struct rpcgate_syntax *iface, const char *pipe,
		const char *host)
{
	tower_begin(o, 5);
	tower_syntax(o, iface);
	tower_syntax(o, &syntax_ndr);
	tower_floor(o, FLOOR_CONNECTION, "\0\0", 2);
	tower_floor(o, FLOOR_PIPE, pipe, strlen(pipe) + 1);
	tower_floor(o, FLOOR_NETBIOS, host, strlen(host) + 1);
}

void tower_lrpc(struct octets *o, const struct rpcgate_syntax *iface, const char *name)
{
	tower_begin(o, 4);
	tower_syntax(o, iface);
	tower_syntax(o, &syntax_ndr);
	tower_floor(o, FLOOR_LOCAL, "\0\0", 2);
	tower_floor(o, FLOOR_LRPC, name, strlen(name) + 1);
}

/* -------------------------------------------------------- endpoint mapper */

#define HANDLE 20

/* A pointer, count or offset: four octets in NDR, eight in NDR64 */
static void word(struct octets *o, struct ndr ndr, size_t base, uint32_t v)
{
	octets_align(o, base, ndr.wide ? 8 : 4);
	if (ndr.wide)
		octets_u64(o, v, ndr.big);
	else
		octets_u32(o, v, ndr.big);
}

static void twr(struct octets *o, struct ndr ndr, size_t base, const struct octets *tower)
{
	word(o, ndr, base, (uint32_t)tower->n);
	octets_u32(o, (uint32_t)tower->n, ndr.big);
	octets_put(o, tower->p, tower->n);
	if (ndr.wide)
		octets_align(o, base, 4);
}

void epm_map_request(struct octets *o, struct ndr ndr, const struct octets *tower,
		     uint32_t max_towers)
{
	size_t base = o->n;

	word(o, ndr, base, 1);
	put_uuid(o, &syntax_nil.uuid, ndr.big);
	word(o, ndr, base, 2);
	twr(o, ndr, base, tower);
	octets_align(o, base, 4);
	octets_room(o, HANDLE);
	octets_u32(o, max_towers, ndr.big);
}

void epm_map_response(struct octets *o, struct ndr ndr, const struct octets *towers, size_t n,
		      uint32_t max_towers, uint32_t status)
{
	size_t base = o->n;

	octets_room(o, HANDLE);
	octets_u32(o, (uint32_t)n, ndr.big);
	word(o, ndr, base, max_towers);
	word(o, ndr, base, 0);
	word(o, ndr, base, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		word(o, ndr, base, (uint32_t)(3 + i));
	for (size_t i = 0; i < n; i++)
		twr(o, ndr, base, &towers[i]);
	octets_align(o, base, 4);
	octets_u32(o, status, ndr.big);
}

void epm_lookup_request(struct octets *o, struct ndr ndr, uint32_t max_entries)
{
	size_t base = o->n;

	octets_u32(o, 0, ndr.big);
	word(o, ndr, base, 0);
	word(o, ndr, base, 0);
	octets_u32(o, 0, ndr.big);
	octets_room(o, HANDLE);
	octets_u32(o, max_entries, ndr.big);
}

void epm_lookup_response(struct octets *o, struct ndr ndr, const struct entry *entries, size_t n,
			 uint32_t max_entries, uint32_t status)
{
	size_t base = o->n;

	octets_room(o, HANDLE);
	octets_u32(o, (uint32_t)n, ndr.big);
	word(o, ndr, base, max_entries);
	word(o, ndr, base, 0);
	word(o, ndr, base, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(entries[i].annotation) + 1;

		octets_align(o, base, ndr.wide ? 8 : 4);
		put_uuid(o, &syntax_nil.uuid, ndr.big);
		word(o, ndr, base, (uint32_t)(1 + i));
		word(o, ndr, base, 0);
		word(o, ndr, base, (uint32_t)len);
		octets_put(o, entries[i].annotation, len);
		octets_align(o, base, ndr.wide ? 8 : 4);
	}
	for (size_t i = 0; i < n; i++)
		twr(o, ndr, base, &entries[i].tower);
	octets_align(o, base, 4);
	octets_u32(o, status, ndr.big);
}

/* ---------------------------------------------------------- conversations */

static struct head call_head(uint32_t call_id)
{
	struct head h = head_plain;

	h.call_id = call_id;
	return h;
}

static void offer_and_accept(struct conn *c, const struct rpcgate_syntax *iface, uint16_t id,
			     uint32_t call_id, enum ptype ask, enum ptype reply)
{
	const struct offer offer = { id, *iface, 1, &syntax_ndr };
	const struct answer yes = { 0, 0, syntax_ndr };
	const struct head h = call_head(call_id);
	struct octets o = { 0 };

	pdu_bind(&o, &h, ask, &offer, 1, NULL);
	conn_send(c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &h, reply, ask == PTYPE_BIND ? "135" : NULL, &yes, 1, NULL);
	conn_send(c, SERVER, o.p, o.n);
	octets_free(&o);
}

void talk_bind(struct conn *c, const struct rpcgate_syntax *iface, uint32_t call_id)
{
	offer_and_accept(c, iface, 0, call_id, PTYPE_BIND, PTYPE_BIND_ACK);
}

void talk_alter(struct conn *c, const struct rpcgate_syntax *iface, uint16_t id, uint32_t call_id)
{
	offer_and_accept(c, iface, id, call_id, PTYPE_ALTER, PTYPE_ALTER_RESP);
}

void talk_ask(struct conn *c, const struct rpcgate_syntax *iface, uint32_t call_id)
{
	const struct call call = { .type = PTYPE_REQUEST, .opnum = EPT_MAP };
	const struct head h = call_head(call_id);
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };

	tower_ip(&tower, iface, FLOOR_TCP, 135, "0.0.0.0");
	epm_map_request(&stub, (struct ndr){ 0 }, &tower, 4);
	pdu_call(&o, &h, &call, stub.p, stub.n);
	conn_send(c, CLIENT, o.p, o.n);
	octets_free(&o);
	octets_free(&stub);
	octets_free(&tower);
}

void talk_answer(struct conn *c, const struct rpcgate_syntax *iface, uint32_t call_id,
		 uint16_t port, const char *address)
{
	const struct call call = { .type = PTYPE_RESPONSE };
	const struct head h = call_head(call_id);
	struct octets tower = { 0 }, stub = { 0 }, o = { 0 };

	tower_ip(&tower, iface, FLOOR_TCP, port, address);
	epm_map_response(&stub, (struct ndr){ 0 }, &tower, 1, 4, 0);
	pdu_call(&o, &h, &call, stub.p, stub.n);
	conn_send(c, SERVER, o.p, o.n);
	octets_free(&o);
	octets_free(&stub);
	octets_free(&tower);
}

void talk_map(struct conn *c, const struct rpcgate_syntax *iface, uint16_t port,
	      const char *address)
{
	conn_open(c);
	talk_bind(c, &iface_epm, 1);
	talk_ask(c, iface, 2);
	talk_answer(c, iface, 2, port, address);
	conn_close(c, CLIENT);
}

void talk_service(struct conn *c, const struct rpcgate_syntax *iface)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 1 };
	const struct call reply = { .type = PTYPE_RESPONSE };
	const struct head h = call_head(2);
	static const uint8_t stub[200];
	struct octets o = { 0 };

	conn_open(c);
	talk_bind(c, iface, 1);
	pdu_call(&o, &h, &ask, stub, sizeof(stub));
	conn_send(c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_call(&o, &h, &reply, stub, sizeof(stub));
	conn_send(c, SERVER, o.p, o.n);
	octets_free(&o);
	conn_close(c, CLIENT);
}
