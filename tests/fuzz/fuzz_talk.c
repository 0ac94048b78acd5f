/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_talk.c - input: what two hosts say to each other, over proper TCP, into a whole engine
 *
 *	octet 0   1 enforce, 2 listings grant, 4 log reconnects
 *	records   octet: connection (2 bits), from the server (4), what (bits 3 to 5)
 *		  u16 length, little-endian | octets; of WAIT seconds and none
 *
 * Connections 0 and 1 go to the mapper, 2 and 3 to the first and second port of the vectors.
 * Raw packets seldom make a conversation by chance; here every input is one.
 */
#include "builder.h"
#include "watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum what { SAY, SAY_1, SAY_2, SAY_3, SAY_SLOWLY, WAIT, CLOSE, RESET };

static const uint16_t ports[4] = { 135, 593, 49153, 49152 };

struct talk {
	struct watch *w;
	struct packets out;
	struct conn conn[4];
	bool open[4];
	uint16_t next_port;
	uint64_t clock_ns;
};

static void deliver(struct talk *t)
{
	for (size_t i = 0; i < t->out.n; i++) {
		struct rpcgate_packet p = packets_get(&t->out, i);

		watch_feed(t->w, &p);
	}
	packets_clear(&t->out);
}

static void say(struct talk *t, unsigned which, enum side from, enum what what,
		const uint8_t *octets, size_t n)
{
	struct conn *c = &t->conn[which];

	if (!t->open[which]) {
		conn_init(c, &t->out, &t->clock_ns, "10.77.0.2", t->next_port++, "10.77.0.1",
			  ports[which]);
		conn_open(c);
		t->open[which] = true;
	}
	c->mss = what == SAY_SLOWLY ? 7 : 1460;
	switch (what) {
	case CLOSE:
		conn_close(c, from);
		t->open[which] = false;
		break;
	case RESET:
		conn_reset(c, from);
		t->open[which] = false;
		break;
	default:
		conn_send(c, from, octets, n);
	}
	deliver(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct talk t = { .next_port = 40000, .clock_ns = UINT64_C(1700000000) * 1000000000 };
	struct rpcgate_config cfg;
	size_t len;

	if (!n)
		return 0;
	watch_config(&cfg);
	cfg.mode = data[0] & 1 ? RPCGATE_ENFORCE : RPCGATE_OBSERVE;
	cfg.lookup = data[0] & 2 ? RPCGATE_LOOKUP_GRANT : RPCGATE_LOOKUP_LEARN;
	cfg.reconnect = data[0] & 4 ? RPCGATE_RECONNECT_LOG : RPCGATE_RECONNECT_BLOCK;
	t.w = watch_new(&cfg);
	t.out.linktype = RPCGATE_LINK_ETHERNET;
	for (size_t at = 1; n - at >= 3; at += len) {
		uint8_t how = data[at];

		len = data[at + 1] | (size_t)data[at + 2] << 8;
		at += 3;
		if ((how >> 3 & 7) == WAIT) {
			t.clock_ns += len * UINT64_C(1000000000);
			len = 0;
			continue;
		}
		if (len > n - at)
			len = n - at;
		say(&t, how & 3, how & 4 ? SERVER : CLIENT, (enum what)(how >> 3 & 7), data + at,
		    len);
	}
	watch_end(t.w);
	packets_free(&t.out);
	return 0;
}
