/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_keeper.c - what the process with rights lets itself be told by the one without */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard.h"
#include "keeper.h"
#include "rows.h"

#define HOUR_MS UINT64_C(3600000)
#define V4 "::ffff:192.0.2.1"
#define V6 "2001:db8::1"

static const struct rpcgate_port_list mapper = { 1, { { 5135, 5135 } } };
static const struct rpcgate_port_list reserved = { 2, { { 3389, 3389 }, { 5985, 5986 } } };
static const struct keeper_limits limits = { 2, &mapper, &reserved };

static struct rpcgate_addr address(const char *text)
{
	struct rpcgate_addr a = { { 0 } };

	assert_int_equal(inet_pton(AF_INET6, text, a.octet), 1);
	return a;
}

/* A copy whose last octet is the last one that can be read */
static bool may(const struct keeper_message *m)
{
	struct bytes copy = guarded(m, sizeof(*m));
	const struct keeper_message *at = (const void *)copy.p;

	return keeper_may(at, &limits);
}

/* -------------------------------------------------------------------- messages */

static const struct message_row {
	const char *name;
	uint32_t kind, queue, n;
	bool may;
} messages[] = {
	{ "a batch for the last queue", KEEPER_VERDICTS, 1, QUEUE_BATCH, true },
	{ "one verdict more than a batch", KEEPER_VERDICTS, 0, QUEUE_BATCH + 1, false },
	{ "as many verdicts as can be said", KEEPER_VERDICTS, 0, UINT32_MAX, false },
	{ "a queue behind the last one", KEEPER_VERDICTS, 2, 1, false },
	{ "the last queue that can be said", KEEPER_VERDICTS, UINT32_MAX, 1, false },
	{ "no change at all", KEEPER_CHANGES_MADE, 0, 0, true },
	{ "one change too many", KEEPER_CHANGES_MADE, 0, KEEPER_CHANGES + 1, false },
	{ "as many changes as can be said", KEEPER_CHANGES_MADE, 0, UINT32_MAX, false },
	{ "statistics", KEEPER_STATS, 0, 0, true },
	{ "the kind behind the last one", KEEPER_STATS + 1, 0, 0, false },
	{ "the last kind that can be said", UINT32_MAX, 0, 0, false },
};

static void check_message(void **state)
{
	const struct message_row *row = *state;
	struct keeper_message m = { .kind = row->kind, .queue = row->queue, .n = row->n };

	assert_int_equal(may(&m), row->may);
}

/* --------------------------------------------------------------------- changes */

static const struct change_row {
	const char *name;
	uint32_t set;
	const char *client, *server;
	uint16_t port;
	uint64_t timeout_ms;
	uint8_t remove, known;
	bool may;
} changes[] = {
	{ "a pinhole", SET_PIN4, V4, V4, 49152, HOUR_MS, 0, 0, true },
	{ "a pinhole of IPv6, removed", SET_PIN6, V6, V6, 49152, HOUR_MS, 1, 1, true },
	{ "the first port", SET_UDP4, V4, V4, 1024, HOUR_MS, 0, 0, true },
	{ "the last privileged port", SET_PIN4, V4, V4, 1023, HOUR_MS, 0, 0, false },
	{ "SMB, over UDP", SET_UDP4, V4, V4, 445, HOUR_MS, 0, 0, false },
	{ "port 0 of one that has ended", SET_PAST6, V6, V6, 0, HOUR_MS, 0, 0, false },
	{ "a mapper's port", SET_PIN4, V4, V4, 5135, HOUR_MS, 0, 0, false },
	{ "a port that is reserved by now, removed", SET_PIN4, V4, V4, 3389, HOUR_MS, 1, 1, true },
	{ "a privileged port, removed", SET_PIN4, V4, V4, 445, 0, 1, 0, true },
	{ "a reserved port", SET_PIN4, V4, V4, 3389, HOUR_MS, 0, 0, false },
	{ "the end of a reserved range", SET_PAST4, V4, V4, 5986, HOUR_MS, 0, 0, false },
	{ "a pair, which has no port", SET_PAIR4, V4, V4, 0, HOUR_MS, 0, 0, true },
	{ "a client of the other family", SET_PIN4, V6, V4, 49152, HOUR_MS, 0, 0, false },
	{ "a server of the other family", SET_PIN6, V6, V4, 49152, HOUR_MS, 0, 0, false },
	{ "both of the other family", SET_PAIR6, V4, V4, 0, HOUR_MS, 0, 0, false },
	{ "the set behind the last one", SET_COUNT, V6, V6, 49152, HOUR_MS, 0, 0, false },
	{ "the last set that can be said", UINT32_MAX, V6, V6, 49152, HOUR_MS, 0, 0, false },
	{ "a month", SET_PIN4, V4, V4, 49152, 720 * HOUR_MS, 0, 0, false },
	{ "for ever", SET_PIN4, V4, V4, 49152, UINT64_MAX, 0, 0, false },
	{ "neither removed nor not", SET_PIN4, V4, V4, 49152, HOUR_MS, 2, 0, false },
	{ "neither known nor not", SET_PIN4, V4, V4, 49152, HOUR_MS, 0, 255, false },
};

/* The last one counts as much as the first */
static void check_change(void **state)
{
	static const uint32_t places[] = { 0, 1, KEEPER_CHANGES - 1 };
	const struct change_row *row = *state;

	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		struct keeper_message m = { .kind = KEEPER_CHANGES_MADE, .n = places[p] + 1 };
		struct kernel_change *c;

		for (uint32_t i = 0; i < m.n; i++)
			m.u.change[i].element = (struct ruleset_element){ SET_PIN4, address(V4),
									  address(V4), 49152,
									  HOUR_MS };
		c = &m.u.change[places[p]];
		memcpy(&c->element.set, &row->set, sizeof(row->set));
		c->element.client = address(row->client);
		c->element.server = address(row->server);
		c->element.port = row->port;
		c->element.timeout_ms = row->timeout_ms;
		memcpy(&c->remove, &row->remove, 1);
		memcpy(&c->known, &row->known, 1);
		assert_int_equal(may(&m), row->may);
	}
}

/* ----------------------------------------------------------------------- sizes */

static bool count(void *ctx, char err[RPCGATE_ERROR_SIZE])
{
	(void)err;
	++*(unsigned *)ctx;
	return true;
}

/* One octet more or less: whoever sends that is not what the keeper comes from, and it ends */
static void sizes_are_exact(void **state)
{
	static const size_t sizes[] = { 1, 12, sizeof(struct keeper_message) - 1,
					sizeof(struct keeper_message) + 1 };
	struct {
		struct keeper_message m;
		uint8_t more[8];
	} said = { .m = { .kind = KEEPER_INSTALL } };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned done = 0;
		struct keeper_world world = { .limits = limits, .install = count, .ctx = &done };
		struct keeper_answer answer;
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		assert_int_equal(send(pair[0], &said, sizeof(said.m), 0), sizeof(said.m));
		assert_int_equal(send(pair[0], &said, sizes[i], 0), sizes[i]);
		assert_int_equal(send(pair[0], &said, sizeof(said.m), 0), sizeof(said.m));
		keeper_serve(pair[1], &world);
		assert_int_equal(done, 1);
		assert_int_equal(recv(pair[0], &answer, sizeof(answer), 0), sizeof(answer));
		assert_true(answer.good);
		close(pair[0]);
		close(pair[1]);
	}
}

static void without_a_keeper_every_call_fails(void **state)
{
	struct keeper_message m = { .kind = KEEPER_IS_THERE };
	struct keeper_answer answer = { .good = true };
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	assert_false(keeper_send(pair[0], &m));
	assert_false(keeper_ask(pair[0], &m, &answer));
	assert_false(answer.good);
	assert_true(answer.err[0] != '\0');
	close(pair[0]);
}

int main(void)
{
	struct CMUnitTest tests[48] = {
		cmocka_unit_test(sizes_are_exact),
		cmocka_unit_test(without_a_keeper_every_call_fails),
	};
	size_t n = 2;

	ROWS(tests, n, messages, check_message);
	ROWS(tests, n, changes, check_change);
	return _cmocka_run_group_tests("keeper", tests, n, NULL, NULL);
}
