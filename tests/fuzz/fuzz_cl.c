/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_cl.c - input: datagrams of the mapper over UDP, into the parser and into a whole engine
 *
 *	records   octet: from the server (1), client port (2), a piece of an IP datagram (4)
 *		  u16 length, little-endian | octets
 */
#include <stdlib.h>

#include "cl.h"
#include "packets.h"
#include "watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static void check(struct bytes datagram)
{
	struct cl_pdu pdu;

	switch (cl_parse(datagram, &pdu)) {
	case PARSE_OK:
		must(datagram.n >= CL_HEADER_LEN && pdu.ptype <= CL_CANCEL_ACK);
		must(pdu.body.n <= datagram.n - CL_HEADER_LEN);
		must(!pdu.body.n || pdu.body.p == datagram.p + CL_HEADER_LEN);
		break;
	case PARSE_MORE:
		abort();
	case PARSE_BAD:
		break;
	}
}

static void deliver(struct watch *w, struct packets *list, uint8_t how, struct bytes datagram)
{
	struct framing framing = framing_plain;
	struct segment seg = { .time_ns = UINT64_C(1700000000) * 1000000000,
			       .src = addr_of(how & 1 ? "10.77.0.1" : "10.77.0.2"),
			       .dst = addr_of(how & 1 ? "10.77.0.2" : "10.77.0.1"),
			       .sport = how & 1 ? 135 : 40000 + (how >> 1 & 1),
			       .dport = how & 1 ? 40000 + (how >> 1 & 1) : 135,
			       .data = datagram.p,
			       .len = datagram.n };

	framing.fragment = how & 4 ? 64 : 0;
	packets_clear(list);
	packets_udp(list, &framing, &seg);
	for (size_t i = 0; i < list->n; i++) {
		struct rpcgate_packet p = packets_get(list, i);

		must(watch_feed(w, &p) == RPCGATE_PASS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct packets list = { .linktype = RPCGATE_LINK_ETHERNET };
	struct rpcgate_config cfg;
	struct bytes datagram;
	struct watch *w;

	watch_config(&cfg);
	w = watch_new(&cfg);
	for (size_t at = 0; n - at >= 3; at += 3 + datagram.n) {
		size_t len = data[at + 1] | (size_t)data[at + 2] << 8;

		datagram = (struct bytes){ data + at + 3, len < n - at - 3 ? len : n - at - 3 };
		if (datagram.n > 8192)
			break;
		check(datagram);
		deliver(w, &list, data[at], datagram);
	}
	watch_end(w);
	packets_free(&list);
	return 0;
}
