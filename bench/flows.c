/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flows.c - many short flows: memory must not grow with them
 *
 * Ten million connections: foreign ones, half-open ones, and one in ten that binds an interface
 * nobody announced.  The packets are made from templates in memory.  It is a failure if resident
 * memory at the end is more than 2 % above what it was half-way: tables fill, and then stay.
 */
#include "bench.h"
#include "builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SRC_ADDR (14 + 12)
#define DST_ADDR (14 + 16)
#define SRC_PORT (14 + 20)
#define DST_PORT (14 + 22)
#define FLOW_NS 20000 /* 50,000 new connections a second */
#define ALLOWED_GROWTH 1.02
#define TOTAL 10000000U /* at half of it tables are full */

enum template { FOREIGN, HALF_OPEN, BIND, TEMPLATES };

static void make_templates(struct packets template[TEMPLATES])
{
	const struct offer offer = { 0, iface_drsuapi, 1, &syntax_ndr };
	struct octets o = { 0 };
	uint64_t clock = 0;

	for (unsigned i = 0; i < TEMPLATES; i++) {
		struct conn c;

		conn_init(&c, &template[i], &clock, "10.0.0.1", 40000, "10.255.0.1",
			  i == BIND ? 49200 : 443);
		conn_open(&c);
		if (i == HALF_OPEN)
			template[i].n = 1;
		if (i == FOREIGN)
			conn_send(&c, CLIENT, "\x16\x03\x01 hello", 9);
		if (i == BIND) {
			pdu_bind(&o, &head_plain, PTYPE_BIND, &offer, 1, NULL);
			conn_send(&c, CLIENT, o.p, o.n);
		}
		if (i != HALF_OPEN)
			conn_close(&c, CLIENT);
	}
	octets_free(&o);
}

static double resident_mb(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
		exit(1);
	(void)fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

/* Write client address and port of connection @number into a packet of a template */
static void readdress(uint8_t *p, bool from_client, uint64_t number)
{
	uint8_t *addr = p + (from_client ? SRC_ADDR : DST_ADDR);
	uint8_t *port = p + (from_client ? SRC_PORT : DST_PORT);
	uint32_t host = (uint32_t)(number / 50000);
	uint16_t client_port = (uint16_t)(1025 + number % 50000);

	addr[1] = (uint8_t)(host >> 16);
	addr[2] = (uint8_t)(host >> 8);
	addr[3] = (uint8_t)host;
	port[0] = (uint8_t)(client_port >> 8);
	port[1] = (uint8_t)client_port;
}

static void feed_flow(struct rpcgate *gate, const struct packets *template, uint64_t number)
{
	for (size_t i = 0; i < template->n; i++) {
		struct rpcgate_packet p = packets_get(template, i);
		uint8_t *data = template->octets.p + template->at[i].at;

		/* the server's address ends in 0.1 of 10.255: never a client's */
		readdress(data, data[SRC_ADDR + 1] != 255, number);
		p.time_ns = 1700000000000000000U + number * FLOW_NS + i;
		p.checksum = RPCGATE_CSUM_OK; /* addresses were changed under it */
		(void)rpcgate_feed(gate, &p);
	}
}

void bench_flows(struct bench *b)
{
	struct packets template[TEMPLATES] = { { 0 } };
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;
	struct rpcgate_stats stats;
	struct rpcgate *gate;
	double half = 0, last = 0, cpu = bench_cpu();

	rpcgate_config_default(&cfg);
	memset(cfg.hash_key, 0x5a, sizeof(cfg.hash_key));
	gate = rpcgate_new(&cfg, err);
	if (!gate) {
		bench_wrong(b, "%s", err);
		return;
	}
	make_templates(template);
	for (uint64_t i = 1; i <= TOTAL; i++) {
		feed_flow(gate,
			  &template[i % 10 == 0 ? BIND :
				    i % 5 == 0  ? HALF_OPEN :
						  FOREIGN],
			  i);
		if (i % (TOTAL / 10) != 0)
			continue;
		bench_progress(b, "%llu connections", (unsigned long long)i);
		last = resident_mb();
		half = i == TOTAL / 2 ? last : half;
		bench_note_one(b, "flows: resident memory", "all", (double)i, "MB", last, NO_GOAL);
	}
	bench_note_one(b, "flows: time of a connection", "all", 0, "ns",
		       (bench_cpu() - cpu) / TOTAL * 1e9, NO_GOAL);
	bench_note_one(b, "flows: growth in the second half", "all", 0, "x", last / half,
		       AT_MOST(ALLOWED_GROWTH));
	if (last > half * ALLOWED_GROWTH)
		bench_wrong(b, "resident memory grew from %.1f to %.1f MB", half, last);
	rpcgate_stats(gate, &stats);
	if (stats.binds_denied != TOTAL / 10)
		bench_wrong(b, "%llu binds denied, planned %u",
			    (unsigned long long)stats.binds_denied, TOTAL / 10);
	rpcgate_free(gate);
	for (unsigned i = 0; i < TEMPLATES; i++)
		packets_free(&template[i]);
}
