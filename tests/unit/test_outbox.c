/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_outbox.c - events from one thread to another */
#include "outbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MANY 200000U

static struct rpcgate_event numbered(uint64_t n)
{
	return (struct rpcgate_event){ .type = RPCGATE_EVENT_ALERT, .flow_id = n };
}

static void what_is_put_is_taken_in_order(void **state)
{
	struct outbox box;

	(void)state;
	assert_true(outbox_init(&box, 4));
	assert_null(outbox_peek(&box));
	for (uint64_t i = 1; i <= 10; i++) {
		struct rpcgate_event e = numbered(i);

		outbox_put(&box, &e);
		assert_non_null(outbox_peek(&box));
		assert_int_equal(outbox_peek(&box)->flow_id, i);
		outbox_drop(&box);
	}
	assert_null(outbox_peek(&box));
	assert_int_equal(outbox_put_count(&box), 10);
	assert_int_equal(outbox_drop_count(&box), 10);
	outbox_done(&box);
}

static void what_finds_no_room_is_counted(void **state)
{
	struct outbox box;

	(void)state;
	assert_true(outbox_init(&box, 4));
	for (uint64_t i = 1; i <= 7; i++) {
		struct rpcgate_event e = numbered(i);

		outbox_put(&box, &e);
	}
	assert_int_equal(box.lost, 3);
	for (uint64_t i = 1; i <= 4; i++, outbox_drop(&box))
		assert_int_equal(outbox_peek(&box)->flow_id, i);
	assert_null(outbox_peek(&box));
	outbox_done(&box);
}

static void *put_many(void *ctx)
{
	for (uint64_t i = 1; i <= MANY; i++) {
		struct rpcgate_event e = numbered(i);

		outbox_put(ctx, &e);
	}
	return NULL;
}

/* Two threads: nothing is torn, doubled or out of order, and the sums are right */
static void two_threads_agree(void **state)
{
	uint64_t last = 0, taken = 0;
	struct outbox box;
	pthread_t writer;
	bool over = false;

	(void)state;
	assert_true(outbox_init(&box, 64));
	assert_int_equal(pthread_create(&writer, NULL, put_many, &box), 0);
	for (;;) {
		const struct rpcgate_event *e = outbox_peek(&box);

		if (e) {
			assert_true(e->flow_id > last);
			last = e->flow_id;
			taken++;
			outbox_drop(&box);
		} else if (over) {
			break;
		} else if (outbox_put_count(&box) + box.lost == MANY) {
			over = true; /* look once more */
		}
	}
	pthread_join(writer, NULL);
	assert_int_equal(taken + box.lost, MANY);
	outbox_done(&box);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_taken_in_order),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(two_threads_agree),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
