/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packets.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETHERTYPE_IP4 0x0800
#define ETHERTYPE_IP6 0x86dd
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define IP6_FRAGMENT 44

/* ---------------------------------------------------------------- the list */

void packets_free(struct packets *list)
{
	free(list->at);
	octets_free(&list->octets);
	*list = (struct packets){ 0 };
}

void packets_clear(struct packets *list)
{
	list->n = 0;
	octets_clear(&list->octets);
}

/* Open a new packet at the end of the octets; its length is counted by end_packet() */
static struct stored *begin_packet(struct packets *list, uint64_t time_ns)
{
	struct stored *s;

	if (list->n == list->size) {
		list->size = list->size ? list->size * 2 : 64;
		list->at = realloc(list->at, list->size * sizeof(*list->at));
		if (!list->at)
			abort();
	}
	s = &list->at[list->n++];
	*s = (struct stored){ .at = list->octets.n,
			      .time_ns = time_ns,
			      .indev = list->indev,
			      .outdev = list->outdev };
	return s;
}

static void end_packet(struct packets *list)
{
	struct stored *s = &list->at[list->n - 1];

	s->caplen = s->len = (uint32_t)(list->octets.n - s->at);
}

void packets_add(struct packets *list, uint64_t time_ns, const uint8_t *data, size_t len)
{
	begin_packet(list, time_ns);
	octets_put(&list->octets, data, len);
	end_packet(list);
}

void packets_copy(struct packets *list, const struct packets *from, size_t i)
{
	const struct stored *s = &from->at[i];

	packets_add(list, s->time_ns, from->octets.p + s->at, s->caplen);
	list->at[list->n - 1].len = s->len;
}

struct rpcgate_packet packets_get(const struct packets *list, size_t i)
{
	const struct stored *s = &list->at[i];

	return (struct rpcgate_packet){
		.data = list->octets.p + s->at,
		.caplen = s->caplen,
		.len = s->len,
		.linktype = list->linktype,
		.checksum = list->checksum,
		.time_ns = s->time_ns,
		.indev = s->indev,
		.outdev = s->outdev,
	};
}

/* -------------------------------------------------------------- pcap files */

#define PCAP_HEAD 24
#define PCAP_RECORD 16
#define PCAP_MICRO 0xa1b2c3d4U
#define PCAP_NANO 0xa1b23c4dU
#define PCAP_SNAPLEN 262144U
#define NS 1000000000U

static uint32_t get32(const uint8_t *p, bool big)
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++)
		v = v << 8 | p[big ? i : 3 - i];
	return v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool whole_file(const char *path, struct octets *to)
{
	FILE *f = fopen(path, "rb");
	uint8_t piece[65536];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		octets_put(to, piece, n);
	return fclose(f) == 0;
}

static bool load_records(struct packets *list, const struct octets *file, bool big, uint32_t unit)
{
	for (size_t at = PCAP_HEAD; at + PCAP_RECORD <= file->n;) {
		const uint8_t *r = file->p + at;
		uint32_t caplen = get32(r + 8, big);
		uint64_t time_ns =
			(uint64_t)get32(r, big) * NS + (uint64_t)get32(r + 4, big) * unit;

		if (caplen > file->n - at - PCAP_RECORD)
			return false;
		packets_add(list, time_ns, r + PCAP_RECORD, caplen);
		list->at[list->n - 1].len = get32(r + 12, big);
		at += PCAP_RECORD + caplen;
	}
	return true;
}

bool packets_load(struct packets *list, const char *path)
{
	struct octets file = { 0 };
	bool good = false;

	packets_clear(list);
	if (whole_file(path, &file) && file.n >= PCAP_HEAD) {
		uint32_t le = get32(file.p, false), be = get32(file.p, true);
		bool big = be == PCAP_MICRO || be == PCAP_NANO;
		uint32_t magic = big ? be : le;

		if (magic == PCAP_MICRO || magic == PCAP_NANO) {
			list->linktype = get32(file.p + 20, big) & 0x0fffffff;
			good = load_records(list, &file, big, magic == PCAP_NANO ? 1 : 1000);
		}
	}
	octets_free(&file);
	return good;
}

void pcap_head(struct octets *out, uint32_t linktype)
{
	octets_u32(out, PCAP_NANO, false);
	octets_u16(out, 2, false);
	octets_u16(out, 4, false);
	octets_u64(out, 0, false);
	octets_u32(out, PCAP_SNAPLEN, false);
	octets_u32(out, linktype, false);
}

void pcap_record(struct octets *out, const struct rpcgate_packet *packet)
{
	octets_u32(out, (uint32_t)(packet->time_ns / NS), false);
	octets_u32(out, (uint32_t)(packet->time_ns % NS), false);
	octets_u32(out, packet->caplen, false);
	octets_u32(out, packet->len, false);
	octets_put(out, packet->data, packet->caplen);
}

bool packets_save(const struct packets *list, const char *path)
{
	struct octets out = { 0 };
	FILE *f = fopen(path, "wb");
	bool good;

	if (!f)
		return false;
	pcap_head(&out, list->linktype);
	for (size_t i = 0; i < list->n; i++) {
		struct rpcgate_packet p = packets_get(list, i);

		pcap_record(&out, &p);
	}
	good = fwrite(out.p, 1, out.n, f) == out.n;
	octets_free(&out);
	return fclose(f) == 0 && good;
}

struct rpcgate_addr addr_of(const char *text)
{
	struct rpcgate_addr a = { { 0 } };

	if (inet_pton(AF_INET, text, a.octet + 12) == 1) {
		a.octet[10] = a.octet[11] = 0xff;
		return a;
	}
	if (inet_pton(AF_INET6, text, a.octet) != 1)
		abort();
	return a;
}

/* ----------------------------------------------------------------- wrapping */

const struct framing framing_plain = { .linktype = RPCGATE_LINK_ETHERNET };

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool is_ip4(const struct rpcgate_addr *a)
{
	return memcmp(a->octet, mapped, sizeof(mapped)) == 0;
}

uint32_t sum16(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	if (n % 2)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void link_head(struct octets *o, const struct framing *how, bool ip4)
{
	uint16_t type = ip4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6;

	switch (how->linktype) {
	case RPCGATE_LINK_ETHERNET:
		octets_put(o, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
		for (unsigned i = 0; i < how->n_tags; i++) {
			octets_u16(o, how->tag[i].tpid, true);
			octets_u16(o, how->tag[i].tci, true);
		}
		octets_u16(o, type, true);
		break;
	case RPCGATE_LINK_NULL: /* the values of FreeBSD, and of Linux for IPv4 */
		octets_u32(o, ip4 ? 2 : 28, false);
		break;
	case RPCGATE_LINK_LOOP:
		octets_u32(o, ip4 ? 2 : 24, true);
		break;
	case RPCGATE_LINK_LINUX_SLL:
		octets_put(o, "\0\0\0\x01\0\x06\x02\0\0\0\0\x01\0\0", 14);
		octets_u16(o, type, true);
		break;
	case RPCGATE_LINK_LINUX_SLL2:
		octets_u16(o, type, true);
		octets_put(o, "\0\0\0\0\0\x02\0\x01\0\x06\x02\0\0\0\0\x01\0\0", 18);
		break;
	default:
		break;
	}
}

/* One IPv4 packet holding @n octets of @payload from @off on */
static void ip4_packet(struct packets *list, const struct framing *how, const struct segment *seg,
		       uint8_t protocol, const uint8_t *payload, size_t off, size_t n, bool more)
{
	struct octets *o = &list->octets;
	size_t head = 20U + how->n_ip_options, at;
	uint32_t sum;

	begin_packet(list, seg->time_ns);
	link_head(o, how, true);
	at = o->n;
	octets_u8(o, 0x40U | (unsigned)(head / 4));
	octets_u8(o, 0);
	octets_u16(o, how->zero_length ? 0 : (unsigned)(head + n), true);
	octets_u16(o, seg->id, true);
	octets_u16(o, (more ? 0x2000U : 0U) | (unsigned)(off / 8), true);
	octets_u8(o, how->ttl ? how->ttl : 64);
	octets_u8(o, protocol);
	octets_u16(o, 0, true);
	octets_put(o, seg->src.octet + 12, 4);
	octets_put(o, seg->dst.octet + 12, 4);
	for (unsigned i = 0; i < how->n_ip_options; i++)
		octets_u8(o, 1); /* NOP */
	sum = ~sum16(0, o->p + at, head) & 0xffff;
	octets_set16(o, at + 10, how->sums == SUMS_IP_WRONG ? sum ^ 0x1111 : sum, true);
	octets_put(o, payload + off, n);
	octets_put(o, how->padding, how->n_padding);
	end_packet(list);
}

static void ip6_packet(struct packets *list, const struct framing *how, const struct segment *seg,
		       uint8_t protocol, const uint8_t *payload, size_t off, size_t n, bool more)
{
	struct octets *o = &list->octets;
	bool fragment = off || more;
	size_t extra = 8U * how->n_extensions + (fragment ? 8U : 0U);
	uint8_t last = fragment ? IP6_FRAGMENT : protocol;

	begin_packet(list, seg->time_ns);
	link_head(o, how, false);
	octets_u32(o, 0x60000000U, true);
	octets_u16(o, how->zero_length ? 0 : (unsigned)(extra + n), true);
	octets_u8(o, how->n_extensions ? how->extension[0] : last);
	octets_u8(o, how->ttl ? how->ttl : 64);
	octets_put(o, seg->src.octet, 16);
	octets_put(o, seg->dst.octet, 16);
	for (unsigned i = 0; i < how->n_extensions; i++) {
		octets_u8(o, i + 1 < how->n_extensions ? how->extension[i + 1] : last);
		/* length 0 = 8 octets; PadN of 4, or a routing header with no segment left */
		octets_put(o, how->extension[i] == 43 ? "\0\0\0\0\0\0\0" : "\0\x01\x04\0\0\0\0", 7);
	}
	if (fragment) {
		octets_u8(o, protocol);
		octets_u8(o, 0);
		octets_u16(o, (unsigned)off | (more ? 1U : 0U), true);
		octets_u32(o, 0x01000000U | seg->id, true);
	}
	octets_put(o, payload + off, n);
	octets_put(o, how->padding, how->n_padding);
	end_packet(list);
}

void packets_datagram(struct packets *list, const struct framing *how, const struct segment *seg,
		      uint8_t protocol, const uint8_t *payload, size_t n)
{
	size_t unit = how->fragment ? how->fragment : n ? n : 1;
	size_t pieces = n ? (n + unit - 1) / unit : 1;

	list->linktype = how->linktype;
	for (size_t i = 0; i < pieces; i++) {
		size_t k = how->order == FRAGMENTS_BACKWARD ? pieces - 1 - i : i;
		size_t off = k * unit;
		size_t part = n - off < unit ? n - off : unit;
		bool more = off + part < n;

		if (is_ip4(&seg->src))
			ip4_packet(list, how, seg, protocol, payload, off, part, more);
		else
			ip6_packet(list, how, seg, protocol, payload, off, part, more);
	}
}

static uint32_t pseudo_sum(const struct segment *seg, uint8_t protocol, size_t n)
{
	bool ip4 = is_ip4(&seg->src);
	size_t skip = ip4 ? 12 : 0;
	uint32_t sum = sum16(0, seg->src.octet + skip, 16 - skip);

	sum = sum16(sum, seg->dst.octet + skip, 16 - skip);
	return sum + protocol + (uint32_t)(n & 0xffff) + (uint32_t)(n >> 16);
}

void packets_segment(struct packets *list, const struct framing *how, const struct segment *seg)
{
	uint8_t tcp[60 + 65536];
	struct octets o = { .p = tcp, .size = sizeof(tcp) };
	uint32_t sum;

	if (seg->len > 65536)
		abort();
	octets_u16(&o, seg->sport, true);
	octets_u16(&o, seg->dport, true);
	octets_u32(&o, seg->seq, true);
	octets_u32(&o, seg->ack, true);
	octets_u8(&o, (5U + seg->n_options / 4U) << 4);
	octets_u8(&o, seg->flags);
	octets_u16(&o, seg->window, true);
	octets_u16(&o, 0, true);
	octets_u16(&o, seg->urgent, true);
	octets_put(&o, seg->options, seg->n_options);
	octets_put(&o, seg->data, seg->len);
	sum = pseudo_sum(seg, PROTOCOL_TCP, o.n);
	if (how->sums == SUMS_OFFLOADED)
		sum = sum16(sum, NULL, 0);
	else
		sum = ~sum16(sum, o.p, o.n) & 0xffff;
	octets_set16(&o, 16, how->sums == SUMS_TCP_WRONG ? sum ^ 0x2222 : sum, true);
	packets_datagram(list, how, seg, PROTOCOL_TCP, o.p, o.n);
}

void packets_udp(struct packets *list, const struct framing *how, const struct segment *seg)
{
	uint8_t udp[8 + 65536];
	struct octets o = { .p = udp, .size = sizeof(udp) };
	uint32_t sum;

	if (seg->len > 65500)
		abort();
	octets_u16(&o, seg->sport, true);
	octets_u16(&o, seg->dport, true);
	octets_u16(&o, (unsigned)(8 + seg->len), true);
	octets_u16(&o, 0, true);
	octets_put(&o, seg->data, seg->len);
	sum = ~sum16(pseudo_sum(seg, PROTOCOL_UDP, o.n), o.p, o.n) & 0xffff;
	octets_set16(&o, 6, sum ? sum : 0xffff, true);
	packets_datagram(list, how, seg, PROTOCOL_UDP, o.p, o.n);
}

/* --------------------------------------------------------------- unwrapping */

struct cursor {
	const uint8_t *p;
	size_t n;
};

static bool skip(struct cursor *c, size_t n)
{
	if (c->n < n)
		return false;
	c->p += n;
	c->n -= n;
	return true;
}

static bool parse_ethernet(struct cursor *c, struct framing *how)
{
	if (!skip(c, 12))
		return false;
	while (c->n >= 4 &&
	       (get16(c->p) == 0x8100 || get16(c->p) == 0x88a8 || get16(c->p) == 0x9100)) {
		if (how->n_tags == FRAMING_TAGS)
			return false;
		how->tag[how->n_tags].tpid = get16(c->p);
		how->tag[how->n_tags++].tci = get16(c->p + 2);
		(void)skip(c, 4);
	}
	return c->n >= 2 && (get16(c->p) == ETHERTYPE_IP4 || get16(c->p) == ETHERTYPE_IP6) &&
	       skip(c, 2);
}

static bool parse_link(struct cursor *c, struct framing *how)
{
	switch (how->linktype) {
	case RPCGATE_LINK_ETHERNET:
		return parse_ethernet(c, how);
	case RPCGATE_LINK_NULL:
	case RPCGATE_LINK_LOOP:
		return skip(c, 4);
	case RPCGATE_LINK_LINUX_SLL:
		return c->n >= 16 &&
		       (get16(c->p + 14) == ETHERTYPE_IP4 || get16(c->p + 14) == ETHERTYPE_IP6) &&
		       skip(c, 16);
	case RPCGATE_LINK_LINUX_SLL2:
		return c->n >= 20 &&
		       (get16(c->p) == ETHERTYPE_IP4 || get16(c->p) == ETHERTYPE_IP6) &&
		       skip(c, 20);
	case RPCGATE_LINK_RAW:
	case RPCGATE_LINK_IPV4:
	case RPCGATE_LINK_IPV6:
		return true;
	default:
		return false;
	}
}

static bool parse_ip4(struct cursor *c, struct framing *how, struct segment *seg)
{
	size_t head, total;

	if (c->n < 20 || (c->p[0] & 15) < 5)
		return false;
	head = (size_t)(c->p[0] & 15) * 4;
	total = get16(c->p + 2) ? get16(c->p + 2) : c->n;
	if ((get16(c->p + 6) & 0x3fff) != 0 || c->p[9] != PROTOCOL_TCP || total > c->n ||
	    total < head || sum16(0, c->p, head) != 0xffff)
		return false;
	seg->id = get16(c->p + 4);
	how->ttl = c->p[8];
	how->n_ip_options = (uint8_t)(head - 20);
	memcpy(seg->src.octet, mapped, sizeof(mapped));
	memcpy(seg->dst.octet, mapped, sizeof(mapped));
	memcpy(seg->src.octet + 12, c->p + 12, 4);
	memcpy(seg->dst.octet + 12, c->p + 16, 4);
	c->n = total;
	return skip(c, head);
}

static bool parse_ip6(struct cursor *c, struct framing *how, struct segment *seg)
{
	size_t len;
	uint8_t next;

	if (c->n < 40)
		return false;
	len = get16(c->p + 4) ? get16(c->p + 4) : c->n - 40;
	next = c->p[6];
	how->ttl = c->p[7];
	memcpy(seg->src.octet, c->p + 8, 16);
	memcpy(seg->dst.octet, c->p + 24, 16);
	(void)skip(c, 40);
	if (len > c->n)
		return false;
	c->n = len;
	while (next == 0 || next == 60) {
		size_t n = c->n >= 8 ? 8U + 8U * c->p[1] : 0;

		if (!n || n > c->n || how->n_extensions == FRAMING_EXTENSIONS)
			return false;
		how->extension[how->n_extensions++] = next;
		next = c->p[0];
		(void)skip(c, n);
	}
	return next == PROTOCOL_TCP;
}

static bool parse_tcp(struct cursor *c, struct segment *seg)
{
	size_t head;

	if (c->n < 20)
		return false;
	head = (size_t)(c->p[12] >> 4) * 4;
	if (head < 20 || head > c->n ||
	    sum16(pseudo_sum(seg, PROTOCOL_TCP, c->n), c->p, c->n) != 0xffff)
		return false;
	seg->sport = get16(c->p);
	seg->dport = get16(c->p + 2);
	seg->seq = get32(c->p + 4, true);
	seg->ack = get32(c->p + 8, true);
	seg->flags = c->p[13];
	seg->window = get16(c->p + 14);
	seg->urgent = get16(c->p + 18);
	seg->n_options = (uint8_t)(head - 20);
	memcpy(seg->options, c->p + 20, head - 20);
	seg->data = c->p + head;
	seg->len = c->n - head;
	return true;
}

bool packets_parse(const struct packets *list, size_t i, struct framing *how, struct segment *seg)
{
	struct rpcgate_packet p = packets_get(list, i);
	struct cursor c = { p.data, p.caplen };

	*how = (struct framing){ .linktype = p.linktype };
	*seg = (struct segment){ .time_ns = p.time_ns };
	if (p.caplen != p.len || !parse_link(&c, how) || c.n < 1)
		return false;
	if (c.p[0] >> 4 == 4 ? !parse_ip4(&c, how, seg) :
	    c.p[0] >> 4 == 6 ? !parse_ip6(&c, how, seg) :
			       true)
		return false;
	return parse_tcp(&c, seg);
}

bool packets_ip(const struct packets *list, size_t i, struct framing *how, const uint8_t **ip,
		size_t *n)
{
	struct rpcgate_packet p = packets_get(list, i);
	struct cursor c = { p.data, p.caplen };

	*how = (struct framing){ .linktype = p.linktype };
	if (!parse_link(&c, how) || c.n < 1)
		return false;
	*ip = c.p;
	*n = c.n;
	return true;
}

void packets_rewrap(struct packets *list, const struct framing *how, uint64_t time_ns,
		    const uint8_t *ip, size_t caplen, size_t missing)
{
	list->linktype = how->linktype;
	begin_packet(list, time_ns);
	link_head(&list->octets, how, ip[0] >> 4 == 4);
	octets_put(&list->octets, ip, caplen);
	end_packet(list);
	list->at[list->n - 1].len += (uint32_t)missing;
}
