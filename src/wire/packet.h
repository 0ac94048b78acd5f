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
	uint8_t sum; /**< 0: not verified yet; else enum checksum + 1 */
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

/* The same of an IPv4 header without options */
static inline uint32_t peek_ipv4(const uint8_t *ip)
{
	return load16(ip + 6, true) & 0x3fff ? 0 : load16(ip + 2, true);
}

/* TCP or UDP behind @p ip, whose header says that the datagram has @p length octets */
__attribute__((always_inline)) static inline bool peek_l4(const uint8_t *p, uint32_t caplen,
							  uint32_t l3, bool ipv6, uint32_t length,
							  struct peek *out)
{
	const uint32_t l4 = l3 + (ipv6 ? 40 : 20), end = l3 + length;
	const uint8_t proto = p[l3 + (ipv6 ? 6 : 9)];
	uint32_t payload = 0;

	if (end > caplen)
		return false;
	if (proto == IP_PROTO_TCP) {
		if (end < l4 + 20)
			return false;
		payload = l4 + (uint32_t)(p[l4 + 12] >> 4) * 4;
		if (payload < l4 + 20 || payload > end)
			return false;
	} else if (proto != IP_PROTO_UDP || end < l4 + 8) {
		return false;
	}
	*out = (struct peek){ end, (uint16_t)l3, (uint16_t)l4, (uint16_t)payload, proto, ipv6 };
	return true;
}

/* @p l3 is a constant where this is used: then so are the places of nearly everything, which saves a
 * third */
__attribute__((always_inline)) static inline bool peek_l3(const uint8_t *p, uint32_t caplen,
							  uint32_t l3, struct peek *out)
{
	uint32_t word = load32(p + l3 - 2, true); /* type, and the first two octets of IP */

	if (word >> 8 == 0x080045)
		return peek_l4(p, caplen, l3, false, peek_ipv4(p + l3), out);
	return word >> 16 == 0x86dd &&
	       peek_l4(p, caplen, l3, true, peek_ipv6(p + l3, caplen - l3), out);
}

/**
 * Nearly every packet: Ethernet with at most one tag, IPv4 without options or IPv6 without extension
 * headers behind it, no fragment, all of it captured, a TCP or UDP header as it should be.
 * @return false, and proto 0, for all others: packet_decode() says what they are
 */
static inline bool packet_peek(const struct rpcgate_packet *in, struct peek *out)
{
	out->proto = 0;
	if (in->linktype != RPCGATE_LINK_ETHERNET || in->caplen < 18 + 20 + 8)
		return false;
	return load16(in->data + 12, true) == 0x8100 ? peek_l3(in->data, in->caplen, 18, out) :
						       peek_l3(in->data, in->caplen, 14, out);
}

/** Decode a frame.  The packet's ranges point into it. */
enum decode packet_decode(const struct rpcgate_packet *in, struct packet *out);
/** The same of a frame that packet_peek() found to be plain, at a fifth of the price.  What the kind
 *  of packet does not have (a fragment; of UDP: a payload) is not written, nor is sum. */
enum decode packet_decode_plain(const struct rpcgate_packet *in, const struct peek *peek,
				struct packet *out);

/** Go on with the octets of a joined datagram: out->proto is what its first fragment said. */
enum decode packet_decode_joined(struct bytes datagram, struct packet *out);

#endif
