/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_resident.c - memory that is touched ahead of packets: none of them waits for a page, and
 * nothing else is different */
#include "play.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define DIALOGS 60U
#define NOW UINT64_C(1700000000000000000)
#define FEW 16U   /* of everything: less than is touched ahead */
#define MANY 400U /* pinholes, each for another interface: not all of them on the first page */

static const struct rpcgate_syntax service = { { { 0x12, 0x34, 0x57, 0x78 } }, 1, 0 };

static struct rpcgate *engine(const struct rpcgate_config *cfg)
{
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate = rpcgate_new(cfg, err);

	if (!gate)
		fail_msg("no engine: %s", err);
	return gate;
}

static void dialogs(struct play *p)
{
	play_begin(p, "dialogs");
	p->cfg.mode = RPCGATE_ENFORCE;
	for (uint16_t i = 0; i < DIALOGS; i++) {
		play_map(p, &service, PORT + i);
		play_service(p, PORT + i, &service);
	}
}

static long page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static struct rpcgate_pinhole_record one_of_many(uint16_t number)
{
	return (struct rpcgate_pinhole_record){
		.client = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 } },
		.server = { { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2 } },
		.interface = { { { (uint8_t)number, (uint8_t)(number >> 8) } }, 1, 0 },
		.source = RPCGATE_EPT_MAP,
		.proto = 6, /* TCP */
		.port = (uint16_t)(PORT + number),
		.open = true,
		.learned_ns = NOW,
		.until_ns = NOW + UINT64_C(100000000000),
	};
}

/* Page faults while pinholes are opened */
static long faults_of_many(struct rpcgate *gate)
{
	const long before = page_faults();
	struct rpcgate_stats stats;
	long after;

	for (uint16_t i = 0; i < MANY; i++) {
		const struct rpcgate_pinhole_record record = one_of_many(i);

		(void)rpcgate_restore_pinhole(gate, &record, NOW);
	}
	after = page_faults();
	rpcgate_stats(gate, &stats);
	assert_int_equal(stats.pinholes_live, MANY);
	rpcgate_free(gate);
	return after - before;
}

static void no_interface_waits_for_a_page(void **state)
{
	struct rpcgate_config cfg;
	struct rpcgate *gate;
	long cold, warm;

	(void)state;
	rpcgate_config_default(&cfg);
	cfg.mode = RPCGATE_ENFORCE;
	faults_of_many(engine(&cfg)); /* code */
	cold = faults_of_many(engine(&cfg));
	gate = engine(&cfg);
	while (rpcgate_prepare(gate))
		;
	warm = faults_of_many(gate);
	if (cold < 10 || warm * 4 > cold)
		fail_msg("%ld page faults, %ld where nothing was touched", warm, cold);
}

/* Page faults while all packets are judged */
static long faults_of(const struct play *p, struct rpcgate *gate)
{
	const long before = page_faults();
	long after;

	for (size_t i = 0; i < p->packets.n; i++) {
		struct rpcgate_packet packet = packets_get(&p->packets, i);

		(void)rpcgate_feed(gate, &packet);
	}
	after = page_faults();
	rpcgate_free(gate);
	return after - before;
}

static void no_packet_waits_for_a_page(void **state)
{
	struct rpcgate_config cfg;
	struct rpcgate *gate;
	long cold, warm;
	struct play p;

	(void)state;
	dialogs(&p);
	rpcgate_config_default(&cfg);
	cfg.mode = RPCGATE_ENFORCE;
	faults_of(&p, engine(&cfg)); /* code, and the packets */
	cold = faults_of(&p, engine(&cfg));
	gate = engine(&cfg);
	while (rpcgate_prepare(gate))
		;
	warm = faults_of(&p, gate);
	if (cold < 40 || warm * 4 > cold)
		fail_msg("%ld page faults, %ld where nothing was touched", warm, cold);
	play_end(&p);
}

static void small_tables(struct rpcgate_config *cfg)
{
	cfg->max_flows = FEW;
	cfg->max_pinholes = FEW;
	cfg->max_bindings = FEW;
	cfg->max_events = 64;
	cfg->buffer_octets = 1U << 21;
}

static void touching_changes_nothing(void **state)
{
	struct rpcgate *plain, *touched;
	struct rpcgate_stats a, b;
	struct play p;

	(void)state;
	dialogs(&p);
	small_tables(&p.cfg);
	plain = engine(&p.cfg);
	touched = engine(&p.cfg);
	for (size_t i = 0; i < p.packets.n; i++) {
		struct rpcgate_packet packet = packets_get(&p.packets, i);
		struct rpcgate_result one = rpcgate_feed(plain, &packet), other;

		while (rpcgate_prepare(touched))
			;
		other = rpcgate_feed(touched, &packet);
		assert_int_equal(one.action, other.action);
		assert_int_equal(one.n_events, other.n_events);
	}
	rpcgate_stats(plain, &a);
	rpcgate_stats(touched, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.binds_allowed > 0);
	rpcgate_free(plain);
	rpcgate_free(touched);
	play_end(&p);
}

static void it_comes_to_an_end(void **state)
{
	struct rpcgate_config cfg;
	struct rpcgate *gate;
	size_t calls = 1;

	(void)state;
	rpcgate_config_default(&cfg);
	gate = engine(&cfg);
	while (rpcgate_prepare(gate))
		calls++;
	assert_in_range(calls, 2, 100); /* of 128 KiB */
	rpcgate_free(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_packet_waits_for_a_page),
		cmocka_unit_test(no_interface_waits_for_a_page),
		cmocka_unit_test(touching_changes_nothing),
		cmocka_unit_test(it_comes_to_an_end),
	};

	/* each engine's tables are new from the kernel, as in a process that has just started */
	mallopt(M_MMAP_THRESHOLD, 1 << 17);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
