/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_smb.c - input: segments of one SMB connection, into the parser and into a whole engine
 *
 *	records   octet: from the server (1), sent twice (2)
 *		  u16 length, little-endian | octets
 */
#include <stdlib.h>

#include "builder.h"
#include "smb.h"
#include "watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static bool inside(struct bytes part, struct bytes whole)
{
	return !part.n || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check(struct bytes in)
{
	struct smb_walk walk = smb_walk(in);
	struct smb_message m;
	size_t steps = 0;

	while (smb_next(&walk, &m)) {
		must(m.kind <= SMB_WRITE && inside(m.name, in) && inside(m.data, in));
		must(m.kind == SMB_OPEN || !m.name.n);
		must(m.kind == SMB_WRITE || !m.data.n);
		must(++steps <= in.n / 4 + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint64_t clock_ns = UINT64_C(1700000000) * 1000000000;
	struct packets out = { .linktype = RPCGATE_LINK_ETHERNET };
	struct rpcgate_config cfg;
	struct bytes in;
	struct conn c;
	struct watch *w;

	watch_config(&cfg);
	w = watch_new(&cfg);
	conn_init(&c, &out, &clock_ns, "10.77.0.2", 40000, "10.77.0.1", 445);
	conn_open(&c);
	for (size_t at = 0; n - at >= 3; at += 3 + in.n) {
		size_t len = data[at + 1] | (size_t)data[at + 2] << 8;
		enum side from = data[at] & 1 ? SERVER : CLIENT;

		in = (struct bytes){ data + at + 3, len < n - at - 3 ? len : n - at - 3 };
		check(in);
		conn_data(&c, from, in.p, in.n);
		if (data[at] & 2 && in.n <= c.mss)
			conn_at(&c, from, -(int32_t)in.n, in.p, in.n);
	}
	for (size_t i = 0; i < out.n; i++) {
		struct rpcgate_packet p = packets_get(&out, i);

		must(watch_feed(w, &p) == RPCGATE_PASS);
	}
	watch_end(w);
	packets_free(&out);
	return 0;
}
