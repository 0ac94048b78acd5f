/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packets.h - packets in memory: made from segments, taken apart again, kept in pcap files
 *
 * A list of packets owns one run of octets; packets refer to it by offset, so a list can grow,
 * be cleared and be filled again without a call to malloc for each packet.
 */
#ifndef SUPPORT_PACKETS_H
#define SUPPORT_PACKETS_H

#include "octets.h"
#include "rpcgate.h"

struct stored {
	size_t at; /* in octets */
	uint32_t caplen;
	uint32_t len;
	uint64_t time_ns;
	uint32_t indev, outdev; /* 0: not known */
};

struct packets {
	struct stored *at;
	size_t n, size;
	struct octets octets;
	uint32_t linktype;
	enum rpcgate_checksum_state checksum; /* what the caller of the engine knows */
	uint32_t indev, outdev;               /* of the packets to be appended */
};

void packets_free(struct packets *list);
void packets_clear(struct packets *list);
/** Append a copy of a packet that is there whole. */
void packets_add(struct packets *list, uint64_t time_ns, const uint8_t *data, size_t len);
/** Append packet @p i of @p from as it is. */
void packets_copy(struct packets *list, const struct packets *from, size_t i);
/** The @p i-th packet as the engine takes it; borrowed until the list changes. */
struct rpcgate_packet packets_get(const struct packets *list, size_t i);

/** Classic pcap, either byte order, micro- or nanoseconds.  False if the file is none. */
bool packets_load(struct packets *list, const char *path);
/** Write classic pcap with nanoseconds. */
bool packets_save(const struct packets *list, const char *path);
/** The 24 octets that open such a file, and one record, for writers that stream. */
void pcap_head(struct octets *out, uint32_t linktype);
void pcap_record(struct octets *out, const struct rpcgate_packet *packet);

/** An address from text; ends the program if @p text is none. */
struct rpcgate_addr addr_of(const char *text);

enum tcp_flag { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

/** One TCP segment, numbers in host order.  data is borrowed. */
struct segment {
	uint64_t time_ns;
	struct rpcgate_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t window, urgent;
	uint8_t flags;
	uint8_t n_options; /* octets, a multiple of 4 */
	uint8_t options[40];
	uint16_t id; /* IPv4 identification, fragment identification of IPv6 */
	const uint8_t *data;
	size_t len;
};

enum sums {
	SUMS_RIGHT,
	SUMS_TCP_WRONG,
	SUMS_IP_WRONG,
	SUMS_OFFLOADED /* pseudo header only, as a host leaves it to the card */
};
enum fragment_order { FRAGMENTS_FORWARD, FRAGMENTS_BACKWARD };

#define FRAMING_TAGS 8
#define FRAMING_EXTENSIONS 4

/** How a segment is wrapped.  All zero: Ethernet, nothing special; see framing_plain. */
struct framing {
	uint32_t linktype;
	unsigned n_tags; /* VLAN, outermost first; Ethernet only */
	struct {
		uint16_t tpid, tci;
	} tag[FRAMING_TAGS];
	size_t n_padding; /* octets behind the datagram */
	uint8_t padding[128];
	uint8_t ttl;           /* 0 means 64 */
	uint8_t n_ip_options;  /* IPv4: octets of NOP, a multiple of 4, at most 40 */
	unsigned n_extensions; /* IPv6: 0 hop-by-hop, 60 destination options, 43 routing */
	uint8_t extension[FRAMING_EXTENSIONS];
	enum sums sums;
	bool zero_length;  /* IPv4 total length or IPv6 payload length 0, as with TSO */
	uint32_t fragment; /* octets of IP payload in a fragment, a multiple of 8; 0: whole */
	enum fragment_order order;
};

extern const struct framing framing_plain; /* Ethernet */

/** Append @p seg wrapped as @p how says: one packet, or one for each fragment. */
void packets_segment(struct packets *list, const struct framing *how, const struct segment *seg);
/** Append an IP datagram with any payload, wrapped likewise.  seg gives addresses, time and id. */
void packets_datagram(struct packets *list, const struct framing *how, const struct segment *seg,
		      uint8_t protocol, const uint8_t *payload, size_t n);
/** Append a UDP datagram from the addresses, ports and data of @p seg. */
void packets_udp(struct packets *list, const struct framing *how, const struct segment *seg);

/**
 * Take a packet apart.
 * @return true if it is a TCP segment, there whole and not a fragment.  Its wrapping is in *how
 *         (padding and lengths excepted), seg->data points into the list.
 */
bool packets_parse(const struct packets *list, size_t i, struct framing *how, struct segment *seg);

/**
 * Find the IP datagram (or fragment) in a packet, whatever it carries.
 * @return false if the link layer carries something else or is cut short
 */
bool packets_ip(const struct packets *list, size_t i, struct framing *how, const uint8_t **ip,
		size_t *n);
/** Append the first @p caplen octets of an IP datagram under the link layer of @p how. */
void packets_rewrap(struct packets *list, const struct framing *how, uint64_t time_ns,
		    const uint8_t *ip, size_t caplen, size_t missing);

/** The Internet checksum of @p n octets, continued from @p sum; not yet complemented. */
uint32_t sum16(uint32_t sum, const uint8_t *p, size_t n);

#endif
