/* SPDX-License-Identifier: BSD-2-Clause */
/* peek.h - where things are in a plain frame, and whether anybody may want it, in fifty instructions */
#ifndef WIRE_PEEK_H
#define WIRE_PEEK_H

#include "packet.h"
#include "ports.h"

/**
 * struct rpcgate_ahead.kind: what a frame is, and the bits that make it somebody's, in the places of
 * those that peek_wanted() adds up
 */
enum peek_kind {
	PEEK_SYN = TCP_SYN,             /**< in any case */
	PEEK_FLOWS = PORTS_FLOWS,       /**< if both of its ports have flows */
	PEEK_PINHOLES = PORTS_PINHOLES, /**< if one of its ports has a pinhole */
	PEEK_BEGINS = 0x40,    /**< in any case: its first octet may begin a conversation */
	PEEK_UDP_ASKED = 0x80, /**< if UDP is read */
	PEEK_TCP =
		0x1000, /**< the kinds of PEEK_SUM packets may be added up to count them: no bit */
	PEEK_UDP = 0x100000, /**< below carries into them */
	PEEK_IPV6 = 0x4000000,
	PEEK_TAGGED = 0x8000000
};

#define PEEK_SUM 16U
#define PEEK_LEAST 54U       /**< octets of a plain frame: Ethernet, IPv4, TCP */
#define PEEK_ODD PEEK_BEGINS /**< not a plain frame: everything else is 0 */
#define PEEK_ALWAYS (PEEK_BEGINS | PEEK_SYN)

static inline uint32_t peek_sum_tcp(uint32_t sum)
{
	return sum / PEEK_TCP % 32;
}

static inline uint32_t peek_sum_udp(uint32_t sum)
{
	return sum / PEEK_UDP % 32;
}

/** Where the IP header is, and TCP's or UDP's. */
static inline uint32_t peek_l3(const struct rpcgate_ahead *a)
{
	return a->kind & PEEK_TAGGED ? 18 : 14;
}

static inline uint32_t peek_l4(const struct rpcgate_ahead *a)
{
	return peek_l3(a) + (a->kind & PEEK_IPV6 ? 40 : 20);
}

static inline bool peek_is_plain(const struct rpcgate_ahead *a)
{
	return a->kind & (PEEK_TCP | PEEK_UDP);
}

static inline uint16_t peek_src_port(const struct rpcgate_ahead *a)
{
	return (uint16_t)(a->ports >> 16);
}

static inline uint16_t peek_dst_port(const struct rpcgate_ahead *a)
{
	return (uint16_t)a->ports;
}

/**
 * Bits that make it somebody's.  0 if no pinhole has one of its ports, no flow both, and it begins
 * nothing: most packets, since one port is an ephemeral one that nobody uses for RPC.  Without a
 * branch: half of these cannot be predicted.
 * @param asked  PEEK_ALWAYS, and PEEK_UDP_ASKED where UDP is read
 */
static inline uint32_t peek_wanted(const struct rpcgate_ahead *a, const struct ports *ports,
				   uint32_t asked)
{
	uint32_t uses = ports->use[peek_src_port(a)] + ports->use[peek_dst_port(a)] + asked;

	_Static_assert(2 * (PORTS_FLOW + PORTS_PINHOLE) < PEEK_BEGINS, "sums of uses");
	return uses & a->kind;
}

/* Four octets in the order of the machine: what is only compared needs no other */
static inline uint32_t peek_word(const uint8_t octet[4])
{
	uint32_t word;

	memcpy(&word, octet, sizeof(word));
	return word;
}

static inline bool peek_matches(const uint8_t *p, const uint8_t counts[4], const uint8_t wanted[4])
{
	return (peek_word(p) & peek_word(counts)) == peek_word(wanted);
}

/* What is known of a frame before its TCP or UDP header is read: all constants but the end */
struct peek_place {
	uint32_t end;
	uint32_t l4;
	uint32_t kind; /* PEEK_IPV6, PEEK_TAGGED */
};

/* Whether a segment carries octets cannot be predicted: where it does not, an octet is read that begins
 * nothing, one of the Ethernet type */
__attribute__((always_inline)) static inline bool peek_tcp(const struct rpcgate_packet *in,
							   struct peek_place at,
							   const uint8_t begins[256],
							   struct rpcgate_ahead *out)
{
	const uint8_t *l4 = in->data + at.l4;
	uint32_t payload;

	/* what every frame has is enough to see how long the header is */
	if (at.l4 + 12 >= PEEK_LEAST && at.end < at.l4 + 20)
		return false;
	payload = at.l4 + (l4[12] >> 2 & 0x3cU);
	if (payload < at.l4 + 20 || payload > at.end)
		return false;
	out->end = at.end;
	out->ports = load32(l4, true);
	out->kind = at.kind | PEEK_TCP | PEEK_FLOWS | PEEK_PINHOLES | (l4[13] & PEEK_SYN) |
		    begins[in->data[payload < at.end ? payload : 12]];
	out->payload = (uint16_t)payload;
	out->sum = 0;
	return true;
}

__attribute__((always_inline)) static inline bool
peek_udp(const struct rpcgate_packet *in, struct peek_place at, struct rpcgate_ahead *out)
{
	if (at.end < at.l4 + 8)
		return false;
	out->end = at.end;
	out->ports = load32(in->data + at.l4, true);
	out->kind = at.kind | PEEK_UDP | PEEK_PINHOLES | PEEK_UDP_ASKED;
	out->payload = 0;
	out->sum = 0;
	return true;
}

/* Behind an IPv4 header without options: no fragment, whatever the time to live */
__attribute__((always_inline)) static inline bool peek_ipv4(const struct rpcgate_packet *in,
							    uint32_t l3, const uint8_t begins[256],
							    struct rpcgate_ahead *out)
{
	static const uint8_t counts[4] = { 0x3f, 0xff, 0, 0xff };
	static const uint8_t tcp[4] = { 0, 0, 0, IP_PROTO_TCP };
	static const uint8_t udp[4] = { 0, 0, 0, IP_PROTO_UDP };
	const uint8_t *ip = in->data + l3;
	const struct peek_place where = { .end = l3 + load16(ip + 2, true),
					  .l4 = l3 + 20,
					  .kind = l3 == 18 ? PEEK_TAGGED : 0 };

	if (where.end > in->caplen)
		return false;
	if (peek_matches(ip + 6, counts, tcp))
		return peek_tcp(in, where, begins, out);
	return peek_matches(ip + 6, counts, udp) && peek_udp(in, where, out);
}

/* Behind an IPv6 header that nothing extends */
__attribute__((always_inline)) static inline bool peek_ipv6(const struct rpcgate_packet *in,
							    uint32_t l3, const uint8_t begins[256],
							    struct rpcgate_ahead *out)
{
	const uint8_t *ip = in->data + l3;
	struct peek_place where = { .l4 = l3 + 40,
				    .kind = PEEK_IPV6 | (l3 == 18 ? PEEK_TAGGED : 0) };
	uint32_t payload;

	if (in->caplen < where.l4)
		return false;
	payload = load16(ip + 4, true);
	where.end = where.l4 + payload;
	if (!payload || where.end > in->caplen || addr_is_mapped(ip + 8) || addr_is_mapped(ip + 24))
		return false;
	if (ip[6] == IP_PROTO_TCP)
		return peek_tcp(in, where, begins, out);
	return ip[6] == IP_PROTO_UDP && peek_udp(in, where, out);
}

/* @p l3 is a constant where this is used: then so are the places of nearly everything, which saves a
 * third */
__attribute__((always_inline)) static inline bool peek_ip(const struct rpcgate_packet *in,
							  uint32_t l3, const uint8_t begins[256],
							  struct rpcgate_ahead *out)
{
	static const uint8_t counts4[4] = { 0xff, 0xff, 0xff, 0 };
	static const uint8_t ipv4[4] = { 0x08, 0x00, 0x45, 0 };
	static const uint8_t counts6[4] = { 0xff, 0xff, 0xf0, 0 };
	static const uint8_t ipv6[4] = { 0x86, 0xdd, 0x60, 0 };
	const uint8_t *type = in->data + l3 - 2;

	if (peek_matches(type, counts4, ipv4))
		return peek_ipv4(in, l3, begins, out);
	return peek_matches(type, counts6, ipv6) && peek_ipv6(in, l3, begins, out);
}

/**
 * Nearly every packet: Ethernet with at most one tag, IPv4 without options or IPv6 without extension
 * headers behind it, no fragment, PEEK_LEAST octets or more, all of it captured, a TCP or UDP header as
 * it should be.
 * @param begins  PEEK_BEGINS for each octet that the payload of a segment that matters may begin with;
 *                none of an Ethernet type's
 * @return false, and nothing written, for all others: packet_decode() says what they are
 */
__attribute__((always_inline)) static inline bool
packet_peek(const struct rpcgate_packet *in, const uint8_t begins[256], struct rpcgate_ahead *out)
{
	if (__builtin_expect(in->linktype != RPCGATE_LINK_ETHERNET, false))
		return false;
	if (__builtin_expect(in->caplen < PEEK_LEAST, false))
		return false;
	if (peek_ip(in, 14, begins, out))
		return true;
	return load16(in->data + 12, true) == 0x8100 && peek_ip(in, 18, begins, out);
}

#endif
