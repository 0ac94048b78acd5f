/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_rst.c - input: a frame, into the maker of resets */
#include <stdlib.h>

#include "guard.h"
#include "packets.h"
#include "rst.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

/* What was made is a reset with a right sum, and of a reset nothing is made. */
static void check(const struct rst_frame *frame)
{
	struct packets list = { .linktype = RPCGATE_LINK_ETHERNET };
	struct framing how;
	struct rst rst;
	const uint8_t *ip;
	uint32_t sum;
	bool ipv6;
	size_t n;

	if (!frame->n)
		return;
	must(frame->n <= sizeof(frame->octet));
	packets_add(&list, 0, frame->octet, frame->n);
	must(packets_ip(&list, 0, &how, &ip, &n));
	ipv6 = ip[0] >> 4 == 6;
	must(n == (ipv6 ? 60 : 40) && ip[n - 7] & RST);
	sum = sum16(6 + 20, ipv6 ? ip + 8 : ip + 12, ipv6 ? 52 : 28);
	must((sum & 0xffff) + (sum >> 16) == 0xffff);
	must(!rst_make(frame->octet, frame->n, &rst));
	packets_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bytes frame = guarded(data, n);
	struct rst rst;

	if (!rst_make(frame.p, frame.n, &rst))
		return 0;
	must(rst.to_sender.n > 0);
	check(&rst.to_sender);
	check(&rst.to_receiver);
	return 0;
}
