/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many short flows: flows [MILLIONS] - memory must not grow with them
 *
 * Ten million connections by default: foreign ones, half-open ones, and one in ten that binds an
 * interface nobody announced.  The packets are made from templates in memory.  Exit status 1 if
 * resident memory at the end is more than 2 % above what it was half-way: tables fill, and then
 * stay.
 */
#include "builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SRC_ADDR (14 + 12)
#define DST_ADDR (14 + 16)
#define SRC_PORT (14 + 20)
#define DST_PORT (14 + 22)
#define FLOW_NS 20000 /* 50,000 new connections a second */
#define ALLOWED_GROWTH 1.02
#define TABLES_FULL 4000000 /* with fewer, half-way is too early to compare with */

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

int main(int argc, char **argv)
{
	uint64_t total = (argc > 1 ? strtoull(argv[1], NULL, 10) : 10) * 1000000;
	struct packets template[TEMPLATES] = { { 0 } };
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;
	struct rpcgate_stats stats;
	struct rpcgate *gate;
	double half = 0, last = 0;

	rpcgate_config_default(&cfg);
	memset(cfg.hash_key, 0x5a, sizeof(cfg.hash_key));
	gate = rpcgate_new(&cfg, err);
	if (!gate) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	make_templates(template);
	printf("flows        resident MB  live flows\n");
	for (uint64_t i = 1; i <= total; i++) {
		feed_flow(gate,
			  &template[i % 10 == 0 ? BIND :
				    i % 5 == 0  ? HALF_OPEN :
						  FOREIGN],
			  i);
		if (i % (total / 10) == 0) {
			rpcgate_stats(gate, &stats);
			last = resident_mb();
			if (i <= total / 2)
				half = last;
			printf("%11llu  %11.1f  %10llu\n", (unsigned long long)i, last,
			       (unsigned long long)stats.flows_live);
		}
	}
	rpcgate_stats(gate, &stats);
	printf("binds denied %llu (planned %llu), CPU %.1f s\n",
	       (unsigned long long)stats.binds_denied, (unsigned long long)(total / 10),
	       (double)clock() / CLOCKS_PER_SEC);
	rpcgate_free(gate);
	for (unsigned i = 0; i < TEMPLATES; i++)
		packets_free(&template[i]);
	if (total < TABLES_FULL)
		half = last;
	if (last > half * ALLOWED_GROWTH)
		printf("resident memory grew from %.1f to %.1f MB\n", half, last);
	return last > half * ALLOWED_GROWTH || stats.binds_denied != total / 10;
}
