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

/** Decode a frame.  The packet's ranges point into it. */
enum decode packet_decode(const struct rpcgate_packet *in, struct packet *out);
/** The same of a frame that packet_peek() found to be plain, at a fifth of the price.  What the kind
 *  of packet does not have (a fragment; of UDP: a payload) is not written, nor is sum. */
enum decode packet_decode_plain(const struct rpcgate_packet *in, const struct rpcgate_ahead *ahead,
				struct packet *out);

/** Go on with the octets of a joined datagram: out->proto is what its first fragment said. */
enum decode packet_decode_joined(struct bytes datagram, struct packet *out);

#endif
