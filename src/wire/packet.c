/* SPDX-License-Identifier: BSD-2-Clause */
#include "addr.h"
#include "peek.h"

#define MAX_TAGS 8               /* QinQ uses 2; a frame of tags alone must end somewhere */
#define MAX_EXTENSION_HEADERS 16 /* real packets carry at most 4 */
#define ETHERTYPE_IPV4 0x0800U
#define ETHERTYPE_IPV6 0x86ddU

enum ip_next {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTHENTICATION = 51,
	NEXT_DESTINATION = 60,
	NEXT_MOBILITY = 135,
	NEXT_HIP = 139,
	NEXT_SHIM6 = 140
};

static bool is_tag(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100 ||
	       ethertype == 0x9200;
}

/* 802.1Q tags in front of the payload; the two outermost are kept for the events */
static bool skip_tags(struct reader *r, uint16_t *ethertype, struct packet *out)
{
	for (int i = 0; i < MAX_TAGS && is_tag(*ethertype); i++) {
		uint16_t tci;

		if (!rd_u16(r, &tci) || !rd_u16(r, ethertype))
			return false;
		if (out->n_vlan < ARRAY_SIZE(out->vlan))
			out->vlan[out->n_vlan++] = tci & 0x0fff;
	}
	return true;
}

/* Leaves the reader at the IP header; *version is 4, 6, or 0 for what is not IP */
static bool link_ethertype(struct reader *r, size_t skip, struct packet *out, unsigned *version)
{
	uint16_t ethertype;

	if (!rd_skip(r, skip) || !rd_u16(r, &ethertype) || !skip_tags(r, &ethertype, out))
		return false;
	*version = ethertype == ETHERTYPE_IPV4 ? 4 : ethertype == ETHERTYPE_IPV6 ? 6 : 0;
	return true;
}

static bool link_nibble(struct reader *r, size_t skip, unsigned *version)
{
	if (!rd_skip(r, skip) || !rd_left(r))
		return false;
	*version = r->in.p[r->off] >> 4;
	return true;
}

/* Linux cooked v2 has its protocol first, then 18 octets of addresses and indices */
static bool link_sll2(struct reader *r, struct packet *out, unsigned *version)
{
	uint16_t ethertype;

	if (!rd_u16(r, &ethertype) || !rd_skip(r, 18) || !skip_tags(r, &ethertype, out))
		return false;
	*version = ethertype == ETHERTYPE_IPV4 ? 4 : ethertype == ETHERTYPE_IPV6 ? 6 : 0;
	return true;
}

static bool link_decode(uint32_t linktype, struct reader *r, struct packet *out, unsigned *version)
{
	switch (linktype) {
	case RPCGATE_LINK_ETHERNET:
		return link_ethertype(r, 12, out, version);
	case RPCGATE_LINK_LINUX_SLL:
		return link_ethertype(r, 14, out, version);
	case RPCGATE_LINK_LINUX_SLL2:
		return link_sll2(r, out, version);
	case RPCGATE_LINK_NULL: /* the family number differs between systems, the nibble does not */
	case RPCGATE_LINK_LOOP:
		return link_nibble(r, 4, version);
	case RPCGATE_LINK_RAW:
	case RPCGATE_LINK_IPV4:
	case RPCGATE_LINK_IPV6:
		return link_nibble(r, 0, version);
	default:
		*version = 0;
		return true;
	}
}

bool rpcgate_linktype_known(uint32_t linktype)
{
	static const uint32_t known[] = { RPCGATE_LINK_NULL,      RPCGATE_LINK_ETHERNET,
					  RPCGATE_LINK_RAW,       RPCGATE_LINK_LOOP,
					  RPCGATE_LINK_IPV4,      RPCGATE_LINK_IPV6,
					  RPCGATE_LINK_LINUX_SLL, RPCGATE_LINK_LINUX_SLL2 };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i] == linktype)
			return true;
	return false;
}

static enum decode decode_tcp(struct packet *out)
{
	const uint8_t *p = out->l4.p;
	uint32_t header;

	if (out->l4_len < 20)
		return DECODE_MALFORMED;
	if (out->l4.n < 20)
		return DECODE_TRUNCATED;
	header = (uint32_t)(p[12] >> 4) * 4;
	if (header < 20 || header > out->l4_len)
		return DECODE_MALFORMED;
	out->src_port = load16(p, true);
	out->dst_port = load16(p + 2, true);
	out->seq = load32(p + 4, true);
	out->ack = load32(p + 8, true);
	out->tcp_flags = p[13];
	out->payload_len = out->l4_len - header;
	out->payload = (struct bytes){ NULL, 0 };
	if (out->l4.n > header)
		out->payload = (struct bytes){ p + header, out->l4.n - header };
	return DECODE_TCP;
}

static enum decode decode_udp(struct packet *out)
{
	if (out->l4_len < 8)
		return DECODE_MALFORMED;
	if (out->l4.n < 8)
		return DECODE_TRUNCATED;
	out->src_port = load16(out->l4.p, true);
	out->dst_port = load16(out->l4.p + 2, true);
	return DECODE_UDP;
}

static enum decode decode_l4(struct packet *out)
{
	if (out->proto == IP_PROTO_TCP)
		return decode_tcp(out);
	if (out->proto == IP_PROTO_UDP)
		return decode_udp(out);
	return DECODE_OTHER;
}

/* What the IP header calls its payload: @have octets captured of @want on the wire */
static void set_l4(struct packet *out, const uint8_t *p, size_t have, uint32_t want)
{
	out->l4 = (struct bytes){ p, have < want ? have : want };
	out->l4_len = want;
}

static enum decode decode_ipv4(struct bytes in, uint32_t wire_len, struct packet *out)
{
	uint32_t header, total;
	uint16_t frag;

	if (in.n < 20)
		return wire_len < 20 ? DECODE_MALFORMED : DECODE_TRUNCATED;
	header = (in.p[0] & 15U) * 4U;
	total = load16(in.p + 2, true);
	if (!total) /* segmentation offload */
		total = wire_len;
	/* receivers discard a header that promises more than the frame had */
	if (header < 20 || total < header || total > wire_len)
		return DECODE_MALFORMED;
	if (in.n < header)
		return DECODE_TRUNCATED;
	frag = load16(in.p + 6, true);
	out->proto = in.p[9];
	out->src = addr_of_ipv4(in.p + 12);
	out->dst = addr_of_ipv4(in.p + 16);
	out->ip_header = (struct bytes){ in.p, header };
	set_l4(out, in.p + header, in.n - header, total - header);
	if (!(frag & 0x3fff))
		return decode_l4(out);
	out->fragment = (struct fragment){ .id = load16(in.p + 4, true),
					   .offset = (frag & 0x1fffU) * 8U,
					   .more = frag & 0x2000,
					   .complete = out->l4.n == out->l4_len };
	return DECODE_FRAGMENT;
}

/* Octets of an extension header, 0 for what is not one (RFC 8200 4.1, RFC 4302) */
static uint32_t extension_length(uint8_t next, const uint8_t *p)
{
	switch (next) {
	case NEXT_HOP_BY_HOP:
	case NEXT_ROUTING:
	case NEXT_DESTINATION:
	case NEXT_MOBILITY:
	case NEXT_HIP:
	case NEXT_SHIM6:
		return (p[1] + 1U) * 8U;
	case NEXT_AUTHENTICATION:
		return (p[1] + 2U) * 4U;
	default:
		return 0;
	}
}

/* Walk the extension headers.  An "atomic" fragment (RFC 6946) is a whole datagram. */
static enum decode walk_extensions(struct packet *out)
{
	for (int i = 0;; i++) {
		struct bytes l4 = out->l4;
		uint32_t length;
		uint16_t frag = 0;

		if (out->proto == NEXT_FRAGMENT)
			length = 8;
		else if (l4.n < 2)
			return decode_l4(out);
		else if (!(length = extension_length(out->proto, l4.p)))
			return decode_l4(out);
		if (length > out->l4_len || i == MAX_EXTENSION_HEADERS)
			return DECODE_MALFORMED;
		if (length > l4.n)
			return DECODE_TRUNCATED;
		if (out->proto == NEXT_FRAGMENT)
			frag = load16(l4.p + 2, true);
		out->proto = l4.p[0];
		set_l4(out, l4.p + length, l4.n - length, out->l4_len - length);
		if (!(frag & 0xfff9))
			continue;
		out->fragment = (struct fragment){ .id = load32(l4.p + 4, true),
						   .offset = frag & 0xfff8U,
						   .more = frag & 1,
						   .complete = out->l4.n == out->l4_len };
		return DECODE_FRAGMENT;
	}
}

static enum decode decode_ipv6(struct bytes in, uint32_t wire_len, struct packet *out)
{
	uint32_t payload;

	if (in.n < 40)
		return wire_len < 40 ? DECODE_MALFORMED : DECODE_TRUNCATED;
	payload = load16(in.p + 4, true);
	if (!payload) /* segmentation offload; jumbograms look the same and are read the same */
		payload = wire_len - 40;
	out->proto = in.p[6];
	memcpy(out->src.octet, in.p + 8, 16);
	memcpy(out->dst.octet, in.p + 24, 16);
	/* mapped addresses stay inside hosts; on the wire they would pass for IPv4 (RFC 4942 2.2) */
	if (payload > wire_len - 40 || rpcgate_addr_is_ipv4(&out->src) ||
	    rpcgate_addr_is_ipv4(&out->dst))
		return DECODE_MALFORMED;
	set_l4(out, in.p + 40, in.n - 40, payload);
	return walk_extensions(out);
}

/* Member by member: clearing a packet first would be a third of this.  A plain one has no fragment.
 * @p place is the bits of its kind that say where things are, a constant for most. */
__attribute__((always_inline)) static inline enum decode
decode_at(const struct rpcgate_packet *in, const struct rpcgate_ahead *ahead, uint32_t place,
	  struct packet *out)
{
	const struct rpcgate_ahead at = { .kind = place };
	const uint8_t *ip = in->data + peek_l3(&at), *l4 = in->data + peek_l4(&at);

	out->proto = ahead->kind & PEEK_TCP ? IP_PROTO_TCP : IP_PROTO_UDP;
	out->l3_offset = peek_l3(&at);
	out->n_vlan = (place & PEEK_TAGGED) != 0;
	out->vlan[0] = out->n_vlan ? load16(ip - 4, true) & 0x0fff : 0;
	out->vlan[1] = 0;
	if (place & PEEK_IPV6) {
		memcpy(out->src.octet, ip + 8, 16);
		memcpy(out->dst.octet, ip + 24, 16);
		out->ip_header = (struct bytes){ NULL, 0 };
	} else {
		out->src = addr_of_ipv4(ip + 12);
		out->dst = addr_of_ipv4(ip + 16);
		out->ip_header = (struct bytes){ ip, 20 };
	}
	out->l4 = (struct bytes){ l4, ahead->end - peek_l4(&at) };
	out->l4_len = ahead->end - peek_l4(&at);
	out->src_port = peek_src_port(ahead);
	out->dst_port = peek_dst_port(ahead);
	if (!(ahead->kind & PEEK_TCP))
		return DECODE_UDP;
	out->seq = load32(l4 + 4, true);
	out->ack = load32(l4 + 8, true);
	out->tcp_flags = l4[13];
	out->payload_len = ahead->end - ahead->payload;
	out->payload = (struct bytes){ out->payload_len ? in->data + ahead->payload : NULL,
				       out->payload_len };
	return DECODE_TCP;
}

enum decode packet_decode_plain(const struct rpcgate_packet *in, const struct rpcgate_ahead *ahead,
				struct packet *out)
{
	const uint32_t place = ahead->kind & (PEEK_IPV6 | PEEK_TAGGED);

	return place ? decode_at(in, ahead, place, out) : decode_at(in, ahead, 0, out);
}

enum decode packet_decode(const struct rpcgate_packet *in, struct packet *out)
{
	struct reader r = reader_of((struct bytes){ in->data, in->caplen }, true);
	uint32_t wire_len = in->len > in->caplen ? in->len : in->caplen;
	unsigned version = 0;

	*out = (struct packet){ 0 };
	if (!link_decode(in->linktype, &r, out, &version))
		return in->len > in->caplen ? DECODE_TRUNCATED : DECODE_MALFORMED;
	out->l3_offset = (uint32_t)r.off;
	if (rd_left(&r) && version && version != r.in.p[r.off] >> 4)
		return DECODE_MALFORMED;
	if (version == 4)
		return decode_ipv4(rd_rest(&r), wire_len - out->l3_offset, out);
	if (version == 6)
		return decode_ipv6(rd_rest(&r), wire_len - out->l3_offset, out);
	return DECODE_OTHER;
}

enum decode packet_decode_joined(struct bytes datagram, struct packet *out)
{
	out->ip_header = (struct bytes){ NULL, 0 };
	out->l4 = datagram;
	out->l4_len = (uint32_t)datagram.n;
	/* IPv4 has no extension headers: what looks like one is a protocol nobody answers */
	return rpcgate_addr_is_ipv4(&out->src) ? decode_l4(out) : walk_extensions(out);
}
