/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_packet.c - input: an octet that chooses the link type, then frames into decoder, checksums
 * and the joining of fragments
 *
 *	frames	u16 length, little-endian | octets cut off by the capture | seconds since the last
 */
#include <stdlib.h>

#include "checksum.h"
#include "fragment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const uint32_t links[] = { 1, 101, 113, 276, 0, 108, 228, 229, 147 };

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

/* A range is empty or lies in the octets it came from */
static void must_lie_in(struct bytes range, struct bytes whole)
{
	must(!range.n || (range.p >= whole.p && range.p + range.n <= whole.p + whole.n));
}

static void check(const struct packet *p, struct bytes whole, enum decode got)
{
	must_lie_in(p->ip_header, whole);
	must_lie_in(p->l4, whole);
	must(p->l4.n <= p->l4_len);
	if (got != DECODE_TCP)
		return;
	must_lie_in(p->payload, p->l4);
	must(p->l4.n >= 20 && p->payload.n <= p->payload_len && p->payload_len <= p->l4_len - 20);
	must(checksum_verify(p) != CHECKSUM_UNKNOWN || p->l4.n < p->l4_len);
}

static void join(struct fragments *f, struct packet *p, uint64_t now_ns)
{
	struct bytes joined;
	uint32_t handle;

	must(p->fragment.more || p->fragment.offset);
	if (fragments_add(f, 0, now_ns, p, &joined, &handle) != PARSE_OK)
		return;
	must(joined.n <= DATAGRAM_MAX_OCTETS);
	check(p, joined, packet_decode_joined(joined, p));
	fragments_release(f, handle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct hash_key key = { 1, 2 };
	struct rpcgate_packet in = { .linktype = links[n ? data[0] % ARRAY_SIZE(links) : 0] };
	struct arena arena;
	struct fragments f;
	struct packet p;

	must(arena_init(&arena, 1U << 21) && fragments_init(&f, 4, key, &arena));
	for (size_t at = 1; at < n && n - at >= 4; at += in.caplen) {
		uint32_t len = data[at] | (uint32_t)data[at + 1] << 8;
		enum decode got;

		in.time_ns += data[at + 3] * UINT64_C(1000000000);
		at += 4;
		in.caplen = len < n - at ? len : (uint32_t)(n - at);
		in.len = in.caplen + data[at - 2];
		in.data = data + at;
		got = packet_decode(&in, &p);
		must(p.l3_offset <= in.caplen);
		check(&p, (struct bytes){ in.data, in.caplen }, got);
		if (got == DECODE_FRAGMENT)
			join(&f, &p, in.time_ns);
	}
	fragments_expire(&f, UINT64_MAX);
	must(!arena.used && !f.datagrams.used);
	fragments_done(&f);
	arena_done(&arena);
	return 0;
}
