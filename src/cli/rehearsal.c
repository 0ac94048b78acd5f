/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "rehearsal.h"

#define PACKET_MAX 512
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP_HEADER 20
#define MAPPER_PORT 135

enum tcp_flag { TCP_SYN = 2, TCP_PUSH = 8, TCP_ACK = 16 };
enum ptype { PTYPE_REQUEST = 0, PTYPE_RESPONSE = 2, PTYPE_BIND = 11, PTYPE_BIND_ACK = 12 };

struct octets {
	uint8_t at[PACKET_MAX];
	size_t n;
};

struct stage {
	const struct rehearsal *play;
	struct rpcgate *gate;
	struct rpcgate_bind_event *verdict;
	uint64_t now_ns;
	uint16_t client_port;
	uint16_t server_port;
	uint32_t seq[2]; /* of the client, of the server */
	bool heard;
};

/* -------------------------------------------------------------------- octets */

static void put(struct octets *o, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n && o->n < PACKET_MAX; i++)
		o->at[o->n++] = (uint8_t)(value >> 8 * i);
}

static void put_big(struct octets *o, uint64_t value, size_t n)
{
	while (n-- && o->n < PACKET_MAX)
		o->at[o->n++] = (uint8_t)(value >> 8 * n);
}

static void put_octets(struct octets *o, const uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < n && o->n < PACKET_MAX; i++)
		o->at[o->n++] = octets[i];
}

/* A UUID as little-endian NDR has it (C706 14.3.1); its octets stand as printed */
static void put_uuid(struct octets *o, const struct rpcgate_uuid *uuid)
{
	static const uint8_t order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (size_t i = 0; i < sizeof(order); i++)
		put(o, uuid->octet[order[i]], 1);
}

static void put_syntax(struct octets *o, const struct rpcgate_syntax *id)
{
	put_uuid(o, &id->uuid);
	put(o, id->major, 2);
	put(o, id->minor, 2);
}

static void align(struct octets *o, size_t start, size_t n)
{
	while ((o->n - start) % n)
		put(o, 0, 1);
}

static const struct rpcgate_syntax ndr = {
	{ { 0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10,
	    0x48, 0x60 } },
	2,
	0,
};
static const struct rpcgate_syntax epmapper = {
	{ { 0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14,
	    0xa0, 0xfa } },
	3,
	0,
};

/* ---------------------------------------------------------------------- PDUs */

/* C706 12.6.3.1; the length is filled in by finish() */
static struct octets begin(enum ptype ptype)
{
	struct octets o = { .n = 0 };

	put(&o, 5, 2); /* version 5.0 */
	put(&o, ptype, 1);
	put(&o, 3, 1);    /* first and last fragment */
	put(&o, 0x10, 4); /* little-endian, ASCII, IEEE */
	put(&o, 0, 4);
	put(&o, 1, 4); /* call id */
	return o;
}

static void finish(struct octets *o)
{
	o->at[8] = (uint8_t)o->n;
	o->at[9] = (uint8_t)(o->n >> 8);
}

static struct octets bind_pdu(const struct rpcgate_syntax *id)
{
	struct octets o = begin(PTYPE_BIND);

	put(&o, 5840, 2);
	put(&o, 5840, 2);
	put(&o, 0, 4);
	put(&o, 1, 4); /* one context */
	put(&o, 0, 2);
	put(&o, 1, 2); /* one transfer syntax */
	put_syntax(&o, id);
	put_syntax(&o, &ndr);
	finish(&o);
	return o;
}

static struct octets bind_ack_pdu(void)
{
	static const char address[] = "135";
	struct octets o = begin(PTYPE_BIND_ACK);

	put(&o, 5840, 2);
	put(&o, 5840, 2);
	put(&o, 1, 4);
	put(&o, sizeof(address), 2);
	put_octets(&o, (const uint8_t *)address, sizeof(address));
	align(&o, 0, 4);
	put(&o, 1, 4); /* one result: accepted */
	put(&o, 0, 4);
	put_syntax(&o, &ndr);
	finish(&o);
	return o;
}

/* A floor of a tower that names a syntax (C706 appendix L) */
static void put_floor(struct octets *o, const struct rpcgate_syntax *id)
{
	put(o, 19, 2);
	put(o, 0x0d, 1);
	put_uuid(o, &id->uuid);
	put(o, id->major, 2);
	put(o, 2, 2);
	put(o, id->minor, 2);
}

/* A tower behind its length, twice: conformance and member */
static void put_tower(struct octets *o, const struct rpcgate_syntax *id, uint16_t port)
{
	struct octets tower = { .n = 0 };

	put(&tower, 5, 2);
	put_floor(&tower, id);
	put_floor(&tower, &ndr);
	put(&tower, 1, 2);
	put(&tower, 0x0b, 1); /* connection-oriented */
	put(&tower, 2, 2);
	put(&tower, 0, 2);
	put(&tower, 1, 2);
	put(&tower, 0x07, 1); /* TCP */
	put(&tower, 2, 2);
	put_big(&tower, port, 2);
	put(&tower, 1, 2);
	put(&tower, 0x09, 1); /* IP: the server's own */
	put(&tower, 4, 2);
	put(&tower, 0, 4);
	put(o, tower.n, 4);
	put(o, tower.n, 4);
	put_octets(o, tower.at, tower.n);
}

/* ept_map (C706 appendix O) */
static struct octets question_pdu(const struct rpcgate_syntax *id)
{
	struct octets o = begin(PTYPE_REQUEST);
	size_t stub;

	put(&o, 0, 4);
	put(&o, 0, 2);
	put(&o, 3, 2);
	stub = o.n;
	put(&o, 0, 4); /* no object */
	put(&o, 1, 4);
	put_tower(&o, id, 0);
	align(&o, stub, 4);
	put(&o, 0, 8); /* entry handle */
	put(&o, 0, 8);
	put(&o, 0, 4);
	put(&o, 1, 4); /* one tower will do */
	finish(&o);
	return o;
}

static struct octets answer_pdu(const struct rpcgate_syntax *id, uint16_t port)
{
	struct octets o = begin(PTYPE_RESPONSE);
	size_t stub;

	put(&o, 0, 4);
	put(&o, 0, 4);
	stub = o.n;
	put(&o, 0, 8);
	put(&o, 0, 8);
	put(&o, 0, 4);
	put(&o, 1, 4); /* towers */
	put(&o, 1, 4); /* room, offset, length */
	put(&o, 0, 4);
	put(&o, 1, 4);
	put(&o, 3, 4);
	put_tower(&o, id, port);
	align(&o, stub, 4);
	put(&o, 0, 4); /* status */
	finish(&o);
	return o;
}

/* ------------------------------------------------------------------- packets */

static void put_ip(struct octets *o, const struct rpcgate_addr *from, const struct rpcgate_addr *to,
		   size_t payload)
{
	if (rpcgate_addr_is_ipv4(from)) {
		put_big(o, 0x4500, 2);
		put_big(o, IPV4_HEADER + payload, 2);
		put_big(o, 0, 4);
		put_big(o, 64, 1);
		put_big(o, 6, 1);
		put_big(o, 0, 2); /* nobody looks at this checksum: it is said to be right */
		put_octets(o, from->octet + 12, 4);
		put_octets(o, to->octet + 12, 4);
		return;
	}
	put_big(o, 0x60000000, 4);
	put_big(o, payload, 2);
	put_big(o, 6, 1);
	put_big(o, 64, 1);
	put_octets(o, from->octet, 16);
	put_octets(o, to->octet, 16);
}

static void listen_for(struct stage *stage, const struct rpcgate_result *result)
{
	for (size_t i = 0; i < result->n_events; i++) {
		const struct rpcgate_event *event = &result->events[i];

		if (event->type != RPCGATE_EVENT_BIND || stage->heard ||
		    event->u.bind.interface.major != stage->play->id.major ||
		    memcmp(&event->u.bind.interface.uuid, &stage->play->id.uuid,
			   sizeof(stage->play->id.uuid)) != 0)
			continue;
		*stage->verdict = event->u.bind;
		stage->heard = true;
	}
}

static void say(struct stage *stage, bool server, unsigned int flags, const struct octets *payload)
{
	const struct rehearsal *play = stage->play;
	uint16_t ports[] = { stage->client_port, stage->server_port };
	size_t n = payload ? payload->n : 0;
	struct octets o = { .n = 0 };
	struct rpcgate_packet packet = { .linktype = 101, .checksum = RPCGATE_CSUM_OK };
	struct rpcgate_result result;

	put_ip(&o, server ? &play->server : &play->client, server ? &play->client : &play->server,
	       TCP_HEADER + n);
	put_big(&o, ports[server], 2);
	put_big(&o, ports[!server], 2);
	put_big(&o, stage->seq[server], 4);
	put_big(&o, flags & TCP_ACK ? stage->seq[!server] : 0, 4);
	put_big(&o, 0x50, 1);
	put_big(&o, flags, 1);
	put_big(&o, 65535, 2);
	put_big(&o, 0, 4);
	if (payload)
		put_octets(&o, payload->at, payload->n);
	stage->seq[server] += (uint32_t)n + (flags & TCP_SYN ? 1 : 0);
	packet.data = o.at;
	packet.len = packet.caplen = (uint32_t)o.n;
	packet.time_ns = stage->now_ns += 1000000;
	result = rpcgate_feed(stage->gate, &packet);
	listen_for(stage, &result);
}

static void dial(struct stage *stage, uint16_t port)
{
	stage->client_port++;
	stage->server_port = port;
	stage->seq[0] = 1000;
	stage->seq[1] = 2000;
	say(stage, false, TCP_SYN, NULL);
	say(stage, true, TCP_SYN | TCP_ACK, NULL);
	say(stage, false, TCP_ACK, NULL);
}

static void ask_mapper(struct stage *stage, const struct rpcgate_config *cfg)
{
	const struct rehearsal *play = stage->play;
	const struct octets bind = bind_pdu(&epmapper);
	const struct octets ack = bind_ack_pdu();
	const struct octets question = question_pdu(&play->id);
	const struct octets answer = answer_pdu(&play->id, play->port);
	uint16_t port = cfg->mapper_ports.n ? cfg->mapper_ports.range[0].first : MAPPER_PORT;

	dial(stage, port);
	say(stage, false, TCP_PUSH | TCP_ACK, &bind);
	say(stage, true, TCP_PUSH | TCP_ACK, &ack);
	say(stage, false, TCP_PUSH | TCP_ACK, &question);
	say(stage, true, TCP_PUSH | TCP_ACK, &answer);
}

/* The policy's settings, with tables for one conversation */
static bool configure(const struct rpcgate_policy *policy, struct rpcgate_config *cfg)
{
	static const char *const small[][2] = {
		{ "limit.flows", "16" },    { "limit.pinholes", "16" },
		{ "limit.bindings", "16" }, { "limit.buffers", "2097152" },
		{ "limit.datagrams", "1" }, { "limit.events", "64" },
		{ "limit.udp-calls", "1" }, { "limit.udp-talks", "1" },
		{ "limit.pipes", "16" },    { "midstream", "inspect" },
	};
	char err[RPCGATE_ERROR_SIZE];

	rpcgate_config_default(cfg);
	if (!rpcgate_policy_configure(policy, cfg, err))
		return false;
	cfg->mode = RPCGATE_OBSERVE;
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (!rpcgate_config_set(cfg, small[i][0], small[i][1], err))
			return false;
	return true;
}

bool rehearse(const struct rehearsal *play, const struct rpcgate_policy *policy,
	      struct rpcgate_bind_event *verdict)
{
	const struct octets bind = bind_pdu(&play->id);
	struct stage stage = { .play = play, .verdict = verdict, .client_port = 50000 };
	struct rpcgate_config cfg;
	char err[RPCGATE_ERROR_SIZE];

	if (!configure(policy, &cfg))
		return false;
	stage.gate = rpcgate_new(&cfg, err);
	if (!stage.gate)
		return false;
	/* announced it was, whoever announced it: what rules say to mappers is another question */
	if (play->announced)
		ask_mapper(&stage, &cfg);
	rpcgate_set_policy(stage.gate, policy);
	stage.heard = false;
	dial(&stage, play->port);
	say(&stage, false, TCP_PUSH | TCP_ACK, &bind);
	rpcgate_free(stage.gate);
	return stage.heard;
}
