/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_cl.c - input: datagrams of the mapper and of a service over UDP, into the parser and into a
 * whole engine whose rules ask for UDP
 *
 *	records   octet: from the server (1), client port (2), a piece of an IP datagram (4),
 *		  the announced port instead of the mapper's (8)
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
	must(cl_header_parse(datagram, &pdu) != PARSE_MORE);
}

static struct rpcgate_policy *rules(void)
{
	static const char text[] = "deny any opnum 7\nallow any over any\n";
	const struct rpcgate_policy_source source = { "fuzz", text, sizeof(text) - 1 };
	struct rpcgate_policy_error error;
	size_t n;

	return rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);
}

static void deliver(struct watch *w, struct packets *list, uint8_t how, struct bytes datagram)
{
	const uint16_t client = (uint16_t)(40000 + (how >> 1 & 1));
	const uint16_t server = how & 8 ? 1028 : 135;
	struct framing framing = framing_plain;
	struct segment seg = { .time_ns = UINT64_C(1700000000) * 1000000000,
			       .src = addr_of(how & 1 ? "10.77.0.1" : "10.77.0.2"),
			       .dst = addr_of(how & 1 ? "10.77.0.2" : "10.77.0.1"),
			       .sport = how & 1 ? server : client,
			       .dport = how & 1 ? client : server,
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
	struct rpcgate_policy *policy = rules();
	struct rpcgate_config cfg;
	struct bytes datagram;
	struct watch *w;

	watch_config(&cfg);
	w = watch_new(&cfg);
	must(policy != NULL);
	watch_policy(w, policy);
	for (size_t at = 0; n - at >= 3; at += 3 + datagram.n) {
		size_t len = data[at + 1] | (size_t)data[at + 2] << 8;

		datagram = (struct bytes){ data + at + 3, len < n - at - 3 ? len : n - at - 3 };
		if (datagram.n > 8192)
			break;
		check(datagram);
		deliver(w, &list, data[at], datagram);
	}
	watch_end(w);
	rpcgate_policy_free(policy);
	packets_free(&list);
	return 0;
}
