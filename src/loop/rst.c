/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "rst.h"

#define MAC_OCTETS 6
#define TAG_OCTETS 4
#define IPV4_OCTETS 20
#define IPV6_OCTETS 40
#define TCP_OCTETS 20
#define EXTENSIONS 8 /* headers of IPv6 before TCP */
#define HOP_LIMIT 64

enum { ETHER_IPV4 = 0x0800, ETHER_IPV6 = 0x86dd, ETHER_VLAN = 0x8100, ETHER_QINQ = 0x88a8 };
enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };
enum { PROTO_TCP = 6, PROTO_HOP = 0, PROTO_ROUTE = 43, PROTO_FRAGMENT = 44, PROTO_OPTIONS = 60 };

/* Where the parts of a segment begin, and what is in it */
struct segment {
	const uint8_t *frame;
	size_t n;
	size_t ip; /* offsets */
	size_t tcp;
	size_t payload_end; /* by the IP header: the frame may be cut, or padded */
	bool ipv6;
	uint32_t seq;
	uint32_t ack;
	uint32_t octets; /* of sequence: payload, SYN and FIN */
	uint8_t flags;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

/* ------------------------------------------------------------------- the segment */

static bool read_ethernet(struct segment *s, uint16_t *type)
{
	size_t at = 2 * MAC_OCTETS;

	/* a group has no connection */
	if (s->n < at + 2 || (s->frame[0] | s->frame[MAC_OCTETS]) & 1)
		return false;
	for (int tags = 0; tags <= RST_TAGS; tags++, at += TAG_OCTETS) {
		if (s->n < at + 2)
			return false;
		*type = get16(s->frame + at);
		if (*type != ETHER_VLAN && *type != ETHER_QINQ) {
			s->ip = at + 2;
			return true;
		}
	}
	return false;
}

static bool read_ipv4(struct segment *s)
{
	const uint8_t *ip = s->frame + s->ip;
	size_t header;

	if (s->n < s->ip + IPV4_OCTETS || ip[0] >> 4 != 4)
		return false;
	header = (size_t)(ip[0] & 0x0f) * 4;
	/* a later fragment has no TCP header */
	if (header < IPV4_OCTETS || get16(ip + 2) < header || get16(ip + 6) & 0x1fff ||
	    ip[9] != PROTO_TCP)
		return false;
	s->tcp = s->ip + header;
	s->payload_end = s->ip + get16(ip + 2);
	return true;
}

/* Octets of an extension header, 0 if it is none that may stand before TCP here */
static size_t extension_octets(uint8_t type, const uint8_t *p)
{
	if (type == PROTO_FRAGMENT)
		return get16(p + 2) & 0xfff8 ? 0 : 8;
	if (type == PROTO_HOP || type == PROTO_ROUTE || type == PROTO_OPTIONS)
		return ((size_t)p[1] + 1) * 8;
	return 0;
}

static bool read_ipv6(struct segment *s)
{
	const uint8_t *ip = s->frame + s->ip;
	uint8_t next;

	s->ipv6 = true;
	if (s->n < s->ip + IPV6_OCTETS || ip[0] >> 4 != 6)
		return false;
	next = ip[6];
	s->tcp = s->ip + IPV6_OCTETS;
	s->payload_end = s->tcp + get16(ip + 4);
	for (int i = 0; i < EXTENSIONS && next != PROTO_TCP; i++) {
		size_t octets;

		if (s->n < s->tcp + 8)
			return false;
		octets = extension_octets(next, s->frame + s->tcp);
		if (!octets)
			return false;
		next = s->frame[s->tcp];
		s->tcp += octets;
	}
	return next == PROTO_TCP;
}

static bool read_tcp(struct segment *s)
{
	const uint8_t *tcp = s->frame + s->tcp;
	size_t header;

	if (s->n < s->tcp + TCP_OCTETS || s->payload_end < s->tcp + TCP_OCTETS)
		return false;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < TCP_OCTETS || s->payload_end < s->tcp + header)
		return false;
	s->seq = get32(tcp + 4);
	s->ack = get32(tcp + 8);
	s->flags = tcp[13];
	s->octets = (uint32_t)(s->payload_end - s->tcp - header) + ((s->flags & SYN) != 0) +
		    ((s->flags & FIN) != 0);
	return true;
}

static bool read_segment(struct segment *s)
{
	uint16_t type;

	if (!read_ethernet(s, &type))
		return false;
	if (type == ETHER_IPV4)
		return read_ipv4(s) && read_tcp(s);
	return type == ETHER_IPV6 && read_ipv6(s) && read_tcp(s);
}

/* -------------------------------------------------------------------- the frames */

/* What the other end would say: numbers of the reset, and which way it goes */
struct answer {
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	bool back; /* to the sender of the segment */
};

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Two fields of n octets, each other's turn if it goes back */
static void put_pair(uint8_t *to, const uint8_t *from, size_t n, bool swap)
{
	memcpy(to, from + (swap ? n : 0), n);
	memcpy(to + n, from + (swap ? 0 : n), n);
}

static void put_ipv4(uint8_t *ip, const uint8_t *from, bool back)
{
	ip[0] = 0x45;
	put16(ip + 2, IPV4_OCTETS + TCP_OCTETS);
	put16(ip + 6, 0x4000);
	ip[8] = HOP_LIMIT;
	ip[9] = PROTO_TCP;
	put_pair(ip + 12, from + 12, 4, back);
	put16(ip + 10, folded(sum16(0, ip, IPV4_OCTETS)));
}

static void put_ipv6(uint8_t *ip, const uint8_t *from, bool back)
{
	ip[0] = 0x60;
	put16(ip + 4, TCP_OCTETS);
	ip[6] = PROTO_TCP;
	ip[7] = HOP_LIMIT;
	put_pair(ip + 8, from + 8, 16, back);
}

/* addresses: both, as they stand in the IP header */
static void put_tcp(uint8_t *tcp, const uint8_t *from, const struct answer *a,
		    const uint8_t *addresses, size_t addresses_n)
{
	put_pair(tcp, from, 2, a->back);
	put32(tcp + 4, a->seq);
	put32(tcp + 8, a->ack);
	tcp[12] = (TCP_OCTETS / 4) << 4;
	tcp[13] = a->flags;
	put16(tcp + 16, folded(sum16(sum16(PROTO_TCP + TCP_OCTETS, addresses, addresses_n), tcp,
				     TCP_OCTETS)));
}

static void make_frame(struct rst_frame *out, const struct segment *s, const struct answer *a)
{
	size_t ip_octets = s->ipv6 ? IPV6_OCTETS : IPV4_OCTETS;
	uint8_t *ip = out->octet + s->ip;

	memset(out, 0, sizeof(*out));
	put_pair(out->octet, s->frame, MAC_OCTETS, a->back);
	memcpy(out->octet + 2 * MAC_OCTETS, s->frame + 2 * MAC_OCTETS, s->ip - 2 * MAC_OCTETS);
	if (s->ipv6)
		put_ipv6(ip, s->frame + s->ip, a->back);
	else
		put_ipv4(ip, s->frame + s->ip, a->back);
	put_tcp(ip + ip_octets, s->frame + s->tcp, a, s->ipv6 ? ip + 8 : ip + 12, s->ipv6 ? 32 : 8);
	out->n = s->ip + ip_octets + TCP_OCTETS;
}

bool rst_make(const uint8_t *frame, size_t n, struct rst *out)
{
	struct segment s = { .frame = frame, .n = n };
	struct answer back;
	struct answer on;

	if (!read_segment(&s) || s.flags & RST)
		return false;
	if (s.flags & ACK)
		back = (struct answer){ s.ack, 0, RST, true };
	else
		back = (struct answer){ 0, s.seq + s.octets, RST | ACK, true };
	make_frame(&out->to_sender, &s, &back);
	out->to_receiver.n = 0;
	if (s.flags & ACK) {
		on = (struct answer){ s.seq, s.ack, RST | ACK, false };
		make_frame(&out->to_receiver, &s, &on);
	}
	return true;
}
