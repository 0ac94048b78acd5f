/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The adversary: a client that may send any segment at any time, in front of a server that accepts
 * any octet it was ever sent and has not consumed, whichever suits the client.
 *
 *     adversary [--seed N] [--count N]
 *
 * The client has two Binds of equal length, one that is granted and one that is not.  It sends
 * random pieces of both, with holes, overlaps, wrong checksums, resets and SYNs in between, and the
 * server acknowledges now and then.  What the filter drops never arrives.  If at the end the server
 * could have read the Bind that is not granted, the filter was evaded.  The harmless twin sends
 * pieces of the granted Bind alone, likewise cut and repeated: it must get through.
 */
#include "play.h"
#include "rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_DEFAULT 1000U
#define STEPS_MOST 60U

enum content { GRANTED, FORBIDDEN, CONTENTS };

struct server {
	bool has[CONTENTS][128]; /* an octet of this Bind arrived at this place */
	size_t acked;
	bool gone; /* it accepted a reset */
};

struct duel {
	struct random random;
	struct play play;
	struct conn conn;
	struct server server;
	struct octets bind[CONTENTS];
	struct rpcgate *gate;
	size_t fed;
	bool hostile;
	bool refused; /* the filter said so */
	bool allowed;
};

static uint64_t below(struct duel *d, uint64_t n)
{
	return random_below(&d->random, n);
}

/* Give the filter what was appended.  @return true if it let the last packet pass */
static bool feed(struct duel *d)
{
	struct rpcgate_result r = { 0 };

	for (; d->fed < d->play.packets.n; d->fed++) {
		struct rpcgate_packet packet = packets_get(&d->play.packets, d->fed);

		r = rpcgate_feed(d->gate, &packet);
		for (size_t i = 0; i < r.n_events; i++) {
			const struct rpcgate_event *e = &r.events[i];

			if (e->type == RPCGATE_EVENT_BIND && e->dest_port == PORT) {
				d->allowed |= e->u.bind.verdict == RPCGATE_ALLOW;
				d->refused |= e->u.bind.verdict == RPCGATE_DENY;
			}
			d->refused |= e->type == RPCGATE_EVENT_ALERT;
		}
	}
	return r.action == RPCGATE_PASS;
}

/* In order up to the first hole, whichever content */
static size_t frontier(const struct duel *d)
{
	size_t n = 0;

	while (n < d->bind[0].n && (d->server.has[GRANTED][n] || d->server.has[FORBIDDEN][n]))
		n++;
	return n;
}

/* An octet that is the same in both Binds is of both */
static void arrive(struct duel *d, size_t from, size_t n, enum content what)
{
	for (size_t i = from; i < from + n; i++) {
		bool same = d->bind[GRANTED].p[i] == d->bind[FORBIDDEN].p[i];

		if (i < d->server.acked)
			continue;
		d->server.has[what][i] = true;
		d->server.has[!what][i] |= same;
	}
}

static void send_piece(struct duel *d)
{
	enum content what = d->hostile && below(d, 2) ? FORBIDDEN : GRANTED;
	size_t most = d->bind[what].n;
	size_t from = (size_t)below(d, most);
	size_t n = 1 + (size_t)below(d, most - from);

	if (!below(d, 3)) { /* whole, or to the end */
		from = below(d, 2) ? 0 : from;
		n = most - from;
	}
	conn_at(&d->conn, CLIENT, (int32_t)from, d->bind[what].p + from, n);
	if (feed(d) && !d->server.gone)
		arrive(d, from, n, what);
}

/* What no server takes: the filter must not either */
static void send_ghost(struct duel *d)
{
	enum content what = below(d, 2) ? FORBIDDEN : GRANTED;
	size_t most = d->bind[what].n;
	size_t from = (size_t)below(d, most);
	struct segment seg = conn_segment(&d->conn, CLIENT, d->bind[what].p + from, most - from);

	seg.seq += (uint32_t)from;
	switch (below(d, 4)) {
	case 0:
		d->conn.how.sums = SUMS_TCP_WRONG;
		break;
	case 1:
		seg.flags = PSH; /* no acknowledgement */
		break;
	case 2:
		seg.seq += 0x40000000U + (uint32_t)below(d, 0x40000000U); /* far outside */
		break;
	default:
		seg.seq -= 100000; /* long past */
	}
	conn_put(&d->conn, &seg);
	d->conn.how.sums = SUMS_RIGHT;
	(void)feed(d);
}

/* A reset at the wrong place ends nothing, and neither does a SYN */
static void send_feint(struct duel *d)
{
	struct segment seg = conn_segment(&d->conn, CLIENT, NULL, 0);

	if (below(d, 2)) {
		seg.flags = RST;
		seg.seq += (uint32_t)frontier(d) + 1 + (uint32_t)below(d, 1000);
	} else {
		seg.flags = SYN;
		seg.seq += (uint32_t)below(d, 100000) - 50000;
	}
	conn_put(&d->conn, &seg);
	(void)feed(d);
}

static void acknowledge(struct duel *d)
{
	struct segment seg = conn_segment(&d->conn, SERVER, NULL, 0);

	if (d->server.gone)
		return;
	d->server.acked = frontier(d);
	seg.ack = d->conn.peer[CLIENT].seq + (uint32_t)d->server.acked;
	conn_put(&d->conn, &seg);
	(void)feed(d);
}

static void step(struct duel *d)
{
	static void (*const moves[])(struct duel *) = {
		send_piece, send_piece, send_piece, send_piece, acknowledge, send_ghost, send_feint,
	};

	moves[below(d, COUNT(moves) - (d->hostile ? 0 : 2))](d);
}

static void begin(struct duel *d, uint64_t seed, bool hostile)
{
	char err[RPCGATE_ERROR_SIZE];

	*d = (struct duel){ .random = { seed * 2 + hostile + 1 }, .hostile = hostile };
	play_begin(&d->play, "adversary");
	d->play.cfg.mode = RPCGATE_ENFORCE;
	play_bind_pdu(&d->bind[GRANTED], &iface_samr);
	play_bind_pdu(&d->bind[FORBIDDEN], &iface_drsuapi);
	d->gate = rpcgate_new(&d->play.cfg, err);
	if (!d->gate || d->bind[0].n != d->bind[1].n || d->bind[0].n > 128)
		abort();
	play_map(&d->play, &iface_samr, PORT);
	d->conn = play_dial(&d->play, CLIENT_HOST, SERVER_HOST, PORT);
	d->conn.peer[CLIENT].seq = (uint32_t)(0U - below(d, 200)); /* numbers may wrap */
	conn_open(&d->conn);
	(void)feed(d);
}

static void end(struct duel *d)
{
	rpcgate_free(d->gate);
	packets_free(&d->play.packets);
	octets_free(&d->bind[0]);
	octets_free(&d->bind[1]);
}

/* Could the server have read this Bind as a whole? */
static bool read_whole(const struct duel *d, enum content what)
{
	for (size_t i = 0; i < d->bind[what].n; i++)
		if (!d->server.has[what][i])
			return false;
	return true;
}

static bool one(uint64_t seed, bool hostile, const char *dump, size_t *reached)
{
	const char *wrong = NULL;
	struct duel d;

	begin(&d, seed, hostile);
	for (uint64_t n = 5 + below(&d, STEPS_MOST); n; n--)
		step(&d);
	if (hostile && read_whole(&d, FORBIDDEN))
		wrong = "the server could read what was not granted";
	if (!hostile && d.refused)
		wrong = "a harmless client was refused";
	if (!hostile && read_whole(&d, GRANTED) && !d.allowed)
		wrong = "the server read a Bind that was never judged";
	*reached += hostile ? d.refused : d.allowed;
	if (wrong)
		printf("seed %llu, %s: %s\n", (unsigned long long)seed,
		       hostile ? "hostile" : "harmless", wrong);
	if (wrong && dump)
		(void)packets_save(&d.play.packets, dump);
	end(&d);
	return !wrong;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, count = COUNT_DEFAULT;
	size_t refused = 0, allowed = 0;
	unsigned failures = 0;
	const char *dump = NULL;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--count") == 0)
			count = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--dump") == 0)
			dump = argv[i + 1];
	}
	for (uint64_t k = 0; k < count; k++) {
		failures += !one(seed + k, true, dump, &refused);
		failures += !one(seed + k, false, dump, &allowed);
	}
	printf("%llu duels from seed %llu: %zu hostile clients refused, %zu harmless ones allowed, "
	       "%u failures\n",
	       (unsigned long long)count, (unsigned long long)seed, refused, allowed, failures);
	/* a test in which nothing happens has shown nothing */
	return failures || refused < count / 4 || allowed < count / 4 ? EXIT_FAILURE : EXIT_SUCCESS;
}
