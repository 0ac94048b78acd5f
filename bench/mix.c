/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mix.h"

#include "builder.h"

#include <stdio.h>
#include <string.h>

#define SPEAKERS 64U
#define START_NS 1700000000000000000U
#define WRITE_AT (4U << 20)
#define NOISE 65536U
#define DUPLICATE_ONE_IN 200
#define TORN_ONE_IN 20   /* connections with small segments: PDUs are torn */
#define BREACH_ONE_IN 33 /* 3 % of dialogs bind what was not announced */

/* One conversation, made whole and then told packet by packet */
struct speaker {
	struct packets packets;
	size_t next;
	bool rpc;
};

struct mix {
	enum mix_kind kind;
	struct random random;
	size_t speakers;
	size_t long_calls; /* of the one connection of MIX_LONG */
	struct speaker speaker[SPEAKERS];
	uint64_t clock_ns; /* of the conversations; packets get theirs when written */
	uint64_t now_ns;
	uint64_t rpc_packets;
	uint8_t noise[NOISE];
	struct octets out;
	FILE *file;
	struct mix_plan *plan;
	bool good;
};

static const char *const names[MIX_KINDS] = { "mixed", "rpc",  "small", "epm",
					      "short", "long", "torn" };

const char *mix_name(enum mix_kind kind)
{
	return names[kind];
}

enum mix_kind mix_kind_of(const char *name)
{
	unsigned kind = 0;

	while (kind < MIX_KINDS && strcmp(names[kind], name) != 0)
		kind++;
	return (enum mix_kind)kind;
}

/* ----------------------------------------------------------- conversations */

static void name_host(char text[64], bool ip6, const char *net, uint64_t number)
{
	(void)snprintf(text, 64, ip6 ? "2001:db8:%s::%x:%x" : "10.%s.%u.%u", net,
		       (unsigned)(number >> 8 & 255), (unsigned)(number & 255));
}

static struct conn dial(struct mix *m, struct speaker *s, const char *client, const char *server,
			uint16_t port, bool tagged)
{
	struct conn c;

	conn_init(&c, &s->packets, &m->clock_ns, client,
		  (uint16_t)(1025 + random_below(&m->random, 60000)), server, port);
	c.peer[CLIENT].seq = (uint32_t)random_next(&m->random);
	c.peer[SERVER].seq = (uint32_t)random_next(&m->random);
	c.id = (uint16_t)random_next(&m->random);
	if (tagged) {
		c.how.n_tags = 1;
		c.how.tag[0].tpid = 0x8100;
		c.how.tag[0].tci = 42;
	}
	if (random_once_in(&m->random, TORN_ONE_IN))
		c.mss = 60 + (size_t)random_below(&m->random, 400);
	if (m->kind == MIX_TORN)
		c.mss = 1 + (size_t)random_below(&m->random, 8);
	return c;
}

static const uint8_t *some_noise(struct mix *m, size_t n)
{
	return m->noise + random_below(&m->random, NOISE - n);
}

/* Records with a TLS header, both ways, on ports that are not RPC's */
static void foreign_tcp(struct mix *m, struct speaker *s, bool small)
{
	static const uint16_t ports[] = { 443, 443, 443, 80, 22, 25, 1433, 5432 };
	bool ip6 = random_below(&m->random, 100) < 9, dynamic = random_below(&m->random, 100) < 12;
	char client[64], server[64];
	uint8_t record[1460];
	size_t exchanges =
		m->kind == MIX_SHORT ? 1 : 1 + (size_t)random_below(&m->random, small ? 4 : 12);
	struct conn c;

	name_host(client, ip6, "1", random_below(&m->random, 50000));
	name_host(server, ip6, "2", random_below(&m->random, 5000));
	c = dial(m, s, client, server,
		 dynamic ? (uint16_t)(49152 + random_below(&m->random, 16000)) :
			   ports[random_below(&m->random, COUNT(ports))],
		 random_below(&m->random, 100) < 5);
	conn_open(&c);
	for (size_t i = 0; i < exchanges * 2; i++) {
		size_t n = small ? 6 + (size_t)random_below(&m->random, 40) :
			   i % 2 ? 40 + (size_t)random_below(&m->random, 1400) :
				   40 + (size_t)random_below(&m->random, 300);

		memcpy(record, some_noise(m, n), n);
		memcpy(record, "\x16\x03\x03", 3);
		conn_send(&c, i % 2 ? SERVER : CLIENT, record, n);
	}
	conn_close(&c, CLIENT);
}

static void foreign_udp(struct mix *m, struct speaker *s)
{
	char client[64], server[64];
	struct segment seg = { .window = 0 };
	size_t n = 30 + (size_t)random_below(&m->random, 100);

	name_host(client, false, "1", random_below(&m->random, 50000));
	name_host(server, false, "2", random_below(&m->random, 5000));
	seg.src = addr_of(client);
	seg.dst = addr_of(server);
	seg.sport = (uint16_t)(1025 + random_below(&m->random, 60000));
	seg.dport = 53;
	seg.data = some_noise(m, n);
	seg.len = n;
	packets_udp(&s->packets, &framing_plain, &seg);
}

/* Calls on a bound connection, large answers cut into PDUs */
static void calls(struct mix *m, struct conn *c, size_t n_calls)
{
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 5 };
	const struct call reply = { .type = PTYPE_RESPONSE };
	struct octets o = { 0 };

	for (size_t i = 0; i < n_calls; i++) {
		const struct head h = { .flags = 3, .call_id = (uint32_t)(2 + i) };
		size_t n = 100 + (size_t)random_below(&m->random, 6000);

		octets_clear(&o);
		pdu_call(&o, &h, &ask, some_noise(m, 200), 200);
		conn_send(c, CLIENT, o.p, o.n);
		octets_clear(&o);
		pdu_call_fragments(&o, &h, &reply, some_noise(m, n), n, 4200);
		conn_send(c, SERVER, o.p, o.n);
	}
	octets_free(&o);
}

/* Ask a mapper for an interface, then bind it (or, one in 33, another) where it said */
static void dialog(struct mix *m, struct speaker *s)
{
	static const struct rpcgate_syntax *const ifaces[] = { &iface_samr, &iface_lsarpc,
							       &iface_drsuapi };
	size_t which = (size_t)random_below(&m->random, COUNT(ifaces));
	uint64_t number = random_below(&m->random, 1000);
	uint16_t port = (uint16_t)(49152 + 10 * (number % 100) + which);
	bool ip6 = random_below(&m->random, 100) < 9, tagged = random_below(&m->random, 100) < 5;
	bool breach = random_once_in(&m->random, BREACH_ONE_IN) && m->kind != MIX_LONG;
	char client[64], server[64];
	struct conn c;

	name_host(client, ip6, "3", random_below(&m->random, 50000));
	name_host(server, ip6, "4", number);
	c = dial(m, s, client, server, 135, tagged);
	talk_map(&c, ifaces[which], port, ip6 ? "0.0.0.0" : server);
	c = dial(m, s, client, server, port, tagged);
	conn_open(&c);
	talk_bind(&c, breach ? &iface_svcctl : ifaces[which], 1);
	calls(m, &c,
	      m->kind == MIX_LONG             ? m->long_calls :
	      m->kind == MIX_RPC              ? 1 + (size_t)random_below(&m->random, 16) :
	      m->kind == MIX_MIXED && !breach ? 1 + (size_t)random_below(&m->random, 4) :
						0);
	conn_close(&c, CLIENT);
	m->plan->answers++;
	m->plan->bindings_accepted++;
	m->plan->binds_allowed += breach ? 1 : 2;
	m->plan->binds_denied += breach;
}

static void begin_conversation(struct mix *m, struct speaker *s)
{
	static const uint64_t percents[MIX_KINDS] = {
		[MIX_MIXED] = 5, [MIX_RPC] = 100,  [MIX_SMALL] = 1, [MIX_EPM] = 100,
		[MIX_SHORT] = 1, [MIX_LONG] = 100, [MIX_TORN] = 100
	};
	uint64_t rpc_percent = percents[m->kind];

	packets_clear(&s->packets);
	s->next = 0;
	s->rpc = m->rpc_packets * 100 <= m->plan->packets * rpc_percent;
	if (s->rpc)
		dialog(m, s);
	else if (m->kind != MIX_SHORT && random_once_in(&m->random, 3))
		foreign_udp(m, s);
	else
		foreign_tcp(m, s, m->kind == MIX_SMALL || m->kind == MIX_SHORT);
	if (s->rpc)
		m->rpc_packets += s->packets.n;
}

/* ------------------------------------------------------------------ writing */

static void put_out(struct mix *m, bool all)
{
	if (m->out.n < WRITE_AT && !all)
		return;
	m->good &= fwrite(m->out.p, 1, m->out.n, m->file) == m->out.n;
	octets_clear(&m->out);
}

static void tell_packet(struct mix *m, struct speaker *s)
{
	struct rpcgate_packet p = packets_get(&s->packets, s->next++);
	unsigned copies = random_once_in(&m->random, DUPLICATE_ONE_IN) ? 2 : 1;

	for (unsigned i = 0; i < copies; i++) {
		m->now_ns += 500 + random_below(&m->random, 20000);
		p.time_ns = m->now_ns;
		pcap_record(&m->out, &p);
		m->plan->packets++;
		m->plan->octets += p.len;
	}
	put_out(m, false);
}

/* Let the speakers tell what they have; begin anew while there is room in the file */
static void tell(struct mix *m, uint64_t octets)
{
	size_t silent = 0;

	while (silent < m->speakers) {
		struct speaker *s = &m->speaker[random_below(&m->random, m->speakers)];

		silent = 0;
		if (s->next == s->packets.n && m->plan->octets < octets)
			begin_conversation(m, s);
		if (s->next < s->packets.n) {
			tell_packet(m, s);
			continue;
		}
		for (size_t i = 0; i < m->speakers; i++) /* the file is full: who still speaks? */
			silent += m->speaker[i].next == m->speaker[i].packets.n;
	}
}

static void plan_path(char text[4096], const char *path)
{
	(void)snprintf(text, 4096, "%s.plan", path);
}

static bool write_plan(const char *path, const struct mix_plan *plan)
{
	char name[4096];
	FILE *f;
	bool good;

	plan_path(name, path);
	f = fopen(name, "w");
	if (!f)
		return false;
	good = fprintf(f, "%llu %llu %llu %llu %llu %llu\n", (unsigned long long)plan->packets,
		       (unsigned long long)plan->octets, (unsigned long long)plan->answers,
		       (unsigned long long)plan->bindings_accepted,
		       (unsigned long long)plan->binds_allowed,
		       (unsigned long long)plan->binds_denied) > 0;
	return fclose(f) == 0 && good;
}

bool mix_read_plan(const char *path, struct mix_plan *plan)
{
	unsigned long long v[6];
	char name[4096];
	FILE *f;
	bool good;

	plan_path(name, path);
	f = fopen(name, "r");
	if (!f)
		return false;
	good = fscanf(f, "%llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4],
		      &v[5]) == 6;
	(void)fclose(f);
	if (good)
		*plan = (struct mix_plan){ v[0], v[1], v[2], v[3], v[4], v[5] };
	return good;
}

bool mix_write(const char *path, enum mix_kind kind, uint64_t octets, uint64_t seed,
	       struct mix_plan *plan)
{
	static struct mix m; /* large; one at a time */

	*plan = (struct mix_plan){ 0 };
	memset(&m, 0, sizeof(m));
	m.kind = kind;
	m.random.state = seed;
	m.speakers = kind == MIX_LONG ? 1 : SPEAKERS;
	m.long_calls = (size_t)(octets / 3600); /* what a call and its answer take on average */
	m.clock_ns = m.now_ns = START_NS;
	m.plan = plan;
	m.good = true;
	m.file = fopen(path, "wb");
	if (!m.file)
		return false;
	for (size_t i = 0; i < NOISE; i++)
		m.noise[i] = (uint8_t)random_next(&m.random);
	pcap_head(&m.out, RPCGATE_LINK_ETHERNET);
	tell(&m, octets);
	put_out(&m, true);
	octets_free(&m.out);
	for (size_t i = 0; i < SPEAKERS; i++)
		packets_free(&m.speaker[i].packets);
	m.good &= fclose(m.file) == 0;
	return m.good && write_plan(path, plan);
}
