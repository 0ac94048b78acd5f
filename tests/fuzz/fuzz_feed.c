/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_feed.c - input: two octets of choices, then packets, into a whole engine
 *
 *	octet 0   1 enforce, 2 look at checksums, 4 listings grant, 8 and 16 midstream, 32 towers
 *		  may name any address
 *	octet 1   link type, an index; above 127 it is said where packets come in and go out
 *	packets   u16 length, little-endian | octets cut off by the capture | time | octets
 *
 * Time passes by 2^n ns, n from 0 to 63: nanoseconds to centuries.  64 is added where an earlier
 * engine approved the connection, 128 where the packet comes from the other side.
 */
#include "watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const uint32_t links[] = {
	RPCGATE_LINK_ETHERNET,   RPCGATE_LINK_RAW,  RPCGATE_LINK_LINUX_SLL,
	RPCGATE_LINK_LINUX_SLL2, RPCGATE_LINK_NULL, RPCGATE_LINK_LOOP,
	RPCGATE_LINK_IPV4,       RPCGATE_LINK_IPV6, 147
};

static struct watch *engine_of(uint8_t choices)
{
	struct rpcgate_config cfg;

	watch_config(&cfg);
	cfg.mode = choices & 1 ? RPCGATE_ENFORCE : RPCGATE_OBSERVE;
	cfg.checksum = choices & 2 ? RPCGATE_CHECKSUM_VERIFY : RPCGATE_CHECKSUM_IGNORE;
	cfg.lookup = choices & 4 ? RPCGATE_LOOKUP_GRANT : RPCGATE_LOOKUP_LEARN;
	cfg.midstream = (enum rpcgate_midstream)((choices >> 3 & 3) % 3);
	cfg.tower_address = choices & 32 ? RPCGATE_TOWER_ANY : RPCGATE_TOWER_SERVER;
	return watch_new(&cfg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rpcgate_packet packet = { .time_ns = UINT64_C(1700000000) * 1000000000 };
	struct watch *w;

	if (n < 2)
		return 0;
	w = engine_of(data[0]);
	packet.linktype = links[data[1] % (sizeof(links) / sizeof(links[0]))];
	for (size_t at = 2; n - at >= 4; at += packet.caplen) {
		uint32_t len = data[at] | (uint32_t)data[at + 1] << 8;

		packet.time_ns += UINT64_C(1) << (data[at + 3] & 63);
		packet.standing = data[at + 3] & 64 ? RPCGATE_STANDING_APPROVED :
						      RPCGATE_STANDING_NONE;
		if (data[1] & 128) {
			packet.indev = 1 + (data[at + 3] >> 7);
			packet.outdev = 3 - packet.indev;
		}
		at += 4;
		packet.caplen = len < n - at ? len : (uint32_t)(n - at);
		packet.len = packet.caplen + data[at - 2];
		packet.data = data + at;
		watch_feed(w, &packet);
	}
	watch_end(w);
	return 0;
}
