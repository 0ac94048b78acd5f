/* SPDX-License-Identifier: BSD-2-Clause */
/* packet.h - from a captured frame to one TCP segment or UDP datagram
 *
 * Link layer, VLAN tags, IPv4 with options, IPv6 with extension headers, TCP.  The IP header says
 * where the payload ends (RFC 791, RFC 8200): what follows it in the frame is padding.  Exceptions
 * that real captures need: a total length of 0 is a segment that the network card was still to
 * cut up (offload), and what the capture cut off counts as missing, not as absent.
 */
#ifndef WIRE_PACKET_H
#define WIRE_PACKET_H

#include "addr.h"
#include "bytes.h"
#include "rpcgate.h"

#define IP_PROTO_TCP 6U
#define IP_PROTO_UDP 17U

enum tcp_flag { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10, TCP_URG = 0x20 };

enum decode {
	DECODE_TCP,
	DECODE_UDP,
	DECODE_FRAGMENT,  /**< one piece of a datagram: see struct packet.fragment */
	DECODE_OTHER,     /**< not IP, or neither TCP nor UDP */
	DECODE_TRUNCATED, /**< the capture cut off a header */
	DECODE_MALFORMED
};

/** A piece of an IP datagram. */
struct fragment {
	uint32_t id;
	uint32_t offset; /**< octets */
	bool more;
	bool complete; /**< all its octets were captured */
};

struct packet {
	struct rpcgate_addr src;
	struct rpcgate_addr dst;
	uint16_t src_port;
	uint16_t dst_port;
	uint8_t proto; /**< of the octets in l4 */
	uint8_t n_vlan;
	uint16_t vlan[2];
	uint32_t l3_offset;
	struct bytes ip_header; /**< IPv4: to verify its checksum; empty for IPv6 */
	struct bytes l4;        /**< header and payload as captured */
	uint32_t l4_len;        /**< the same on the wire, >= l4.n */
	struct fragment fragment;
	/* TCP */
	uint8_t tcp_flags;
	uint32_t seq;
	uint32_t ack;
	struct bytes payload; /**< as captured */
	uint32_t payload_len; /**< on the wire, >= payload.n */
};

/** Where things are in a plain frame. */
struct peek {
	uint32_t end;     /**< where the IP header says that the datagram ends */
	uint16_t l3;      /**< IP header */
	uint16_t l4;      /**< TCP or UDP header, all of which is there */
	uint16_t payload; /**< of TCP; at most end */
	uint8_t proto;    /**< IP_PROTO_TCP, IP_PROTO_UDP; 0: the frame is not plain */
	bool ipv6;
};

/* Octets of header and payload, by an IPv6 header that nothing extends; 0: something is odd */
static inline uint32_t peek_ipv6(const uint8_t *ip, uint32_t left)
{
	uint32_t payload;

	if (left < 40 || ip[0] >> 4 != 6)
		return 0;
	payload = load16(ip + 4, true);
	return !payload || addr_is_mapped(ip + 8) || addr_is_mapped(ip + 24) ? 0 : 40 + payload;
}

/**
 * Nearly every packet: Ethernet with at most one tag, IPv4 without options or IPv6 without extension
 * headers behind it, no fragment, all of it captured, a TCP or UDP header as it should be.
 *
 * This runs for every packet.  All is kept in variables until the end: what is written through
 * pointers to octets in between, the compiler must read again.
 * @return false, and proto 0, for all others: packet_decode() says what they are
 */
static inline bool packet_peek(const struct rpcgate_packet *in, struct peek *out)
{
	const uint8_t *p = in->data;
	uint32_t l3 = 14, l4, end, payload = 0, proto, word;
	bool ipv6;

	if (in->linktype != RPCGATE_LINK_ETHERNET || in->caplen < 18 + 20 + 8)
		goto other;
	word = load32(p + 12, true); /* type, and the first octets behind it */
	if (word >> 16 == 0x8100) {
		word = load32(p + 16, true);
		l3 = 18;
	}
	ipv6 = word >> 16 == 0x86dd;
	if (word >> 8 == 0x080045 && !(load16(p + l3 + 6, true) & 0x3fff)) {
		end = l3 + load16(p + l3 + 2, true);
		l4 = l3 + 20;
		proto = p[l3 + 9];
	} else if (ipv6) {
		end = l3 + peek_ipv6(p + l3, in->caplen - l3);
		l4 = l3 + 40;
		proto = p[l3 + 6];
	} else {
		goto other;
	}
	if (end > in->caplen || end < l4 + (proto == IP_PROTO_TCP ? 20 : 8))
		goto other;
	if (proto == IP_PROTO_TCP) {
		uint32_t header = (uint32_t)(p[l4 + 12] >> 4) * 4;

		payload = l4 + header;
		if (header < 20 || payload > end)
			goto other;
	} else if (proto != IP_PROTO_UDP) {
		goto other;
	}
	*out = (struct peek){ end, (uint16_t)l3, (uint16_t)l4, (uint16_t)payload, (uint8_t)proto,
			      ipv6 };
	return true;
other:
	out->proto = 0;
	return false;
}

/** Decode a frame.  The packet's ranges point into it. */
enum decode packet_decode(const struct rpcgate_packet *in, struct packet *out);
/** The same of a frame that packet_peek() found to be plain, at a fifth of the price.  What the kind
 *  of packet does not have (a fragment; of UDP: a payload) is not written. */
enum decode packet_decode_plain(const struct rpcgate_packet *in, const struct peek *peek,
				struct packet *out);

/** Go on with the octets of a joined datagram: out->proto is what its first fragment said. */
enum decode packet_decode_joined(struct bytes datagram, struct packet *out);

#endif
