/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What "rpcgate top" shows, without a terminal: rows, their order, filters, widths, keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "top_columns.h"
#include "top_ui.h"

#define S UINT64_C(1000000000)
#define T0 (UINT64_C(1795233730) * S) /* 2026-11-21T04:02:10 */

static struct rpcgate_addr ipv4(uint8_t last)
{
	return (struct rpcgate_addr){ { [10] = 0xff, 0xff, 192, 168, 1, last } };
}

static struct rpcgate_syntax interface(void)
{
	struct rpcgate_syntax syntax = { .major = 1, .minor = 0 };

	assert_true(rpcgate_uuid_parse("12345778-1234-abcd-ef00-0123456789ac", &syntax.uuid));
	return syntax;
}

static struct rpcgate_event event_of(enum rpcgate_event_type type, uint8_t client, uint16_t port)
{
	return (struct rpcgate_event){
		.type = type,
		.proto = 6,
		.time_ns = T0,
		.flow_id = 1,
		.src = ipv4(client),
		.dest = ipv4(200),
		.dest_port = port,
	};
}

static struct rpcgate_event opening(uint64_t id, uint8_t client, enum rpcgate_pinhole_action action)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_PINHOLE, client, 135);

	event.u.pinhole = (struct rpcgate_pinhole_event){
		.action = action,
		.id = id,
		.client = ipv4(client),
		.server = ipv4(200),
		.interface = interface(),
		.port = 49664,
		.proto = 6,
		.uses = 3,
		.until_ns = T0 + 300 * S,
	};
	return event;
}

static struct rpcgate_event refusal(uint8_t client)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BIND, client, 49664);

	event.u.bind = (struct rpcgate_bind_event){
		.verdict = RPCGATE_DENY,
		.action = RPCGATE_DROP,
		.reason = RPCGATE_REASON_OTHER_CLIENT,
		.interface = interface(),
		.rule_line = 7,
		.rule_file = "a\033[31m.policy",
	};
	return event;
}

static struct rpcgate_event announcement(bool accepted)
{
	struct rpcgate_event event = event_of(RPCGATE_EVENT_BINDING, 1, 135);

	event.u.binding = (struct rpcgate_binding_event){
		.interface = interface(),
		.server = ipv4(200),
		.port = 49664,
		.accepted = accepted,
		.reason = accepted ? RPCGATE_REASON_NONE : RPCGATE_REASON_LOOKUP_ONLY,
	};
	return event;
}

static void take(struct top_model *model, struct rpcgate_event event)
{
	top_fill_event(model, &event);
}

static const char *shown(const struct top_model *model, enum top_tab tab, size_t at, size_t column)
{
	static char text[TOP_CELL];

	assert_true(at < model->view[tab].n);
	return top_cell_show(model, &model->table[tab], model->view[tab].shown[at], column, text);
}

static int set_up(void **state)
{
	static struct top top;

	top = (struct top){ .speed = 1 };
	pthread_mutex_init(&top.lock, NULL);
	pthread_cond_init(&top.wake, NULL);
	top_model_init(&top.model, 20);
	top_ladder_init(&top.ladder);
	top.model.counting = true;
	top.model.now_ns = T0;
	*state = &top;
	return 0;
}

static int tear_down(void **state)
{
	struct top *top = *state;

	top_model_free(&top->model);
	top_ladder_free(&top->ladder);
	return 0;
}

static struct top_model *model_of(void **state)
{
	return &((struct top *)*state)->model;
}

/* -------------------------------------------------------------------------- events */

static void pinholes_come_and_go(void **state)
{
	static const enum rpcgate_pinhole_action ends[] = { RPCGATE_PINHOLE_EXPIRE,
							    RPCGATE_PINHOLE_CLOSE,
							    RPCGATE_PINHOLE_EVICT };
	struct top_model *model = model_of(state);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		take(model, opening(1, 1, RPCGATE_PINHOLE_OPEN));
		take(model, opening(1, 1, RPCGATE_PINHOLE_USE));
		take(model, opening(2, 2, RPCGATE_PINHOLE_OPEN));
		assert_int_equal(model->table[TOP_PINHOLES].n, 2);
		take(model, opening(1, 1, ends[i]));
		assert_int_equal(model->table[TOP_PINHOLES].n, 1);
		take(model, opening(2, 2, ends[i]));
		assert_int_equal(model->table[TOP_PINHOLES].n, 0);
	}
	take(model, opening(0, 3, RPCGATE_PINHOLE_REFUSE));
	assert_int_equal(model->table[TOP_PINHOLES].n, 0);
}

static void pinhole_says_what_is_left(void **state)
{
	struct top_model *model = model_of(state);

	take(model, opening(9, 1, RPCGATE_PINHOLE_OPEN));
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_CLIENT), "192.168.1.1");
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_SERVER), "192.168.1.200:49664");
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_INTERFACE), "samr 1.0");
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_LEFT), "5m 00s");
	model->now_ns = T0 + 290 * S;
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_LEFT), "10.0 s");
	model->now_ns = T0 + 300 * S;
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_LEFT), "over");
}

static void equal_refusals_are_one_row(void **state)
{
	struct top_model *model = model_of(state);

	take(model, refusal(1));
	take(model, refusal(2));
	take(model, refusal(1));
	assert_true(top_view_build(model, TOP_REFUSED));
	assert_int_equal(model->view[TOP_REFUSED].n, 2);
	model->view[TOP_REFUSED].sort = REFUSED_COUNT;
	assert_true(top_view_build(model, TOP_REFUSED));
	assert_string_equal(shown(model, TOP_REFUSED, 0, REFUSED_COUNT), "2");
	assert_string_equal(shown(model, TOP_REFUSED, 0, REFUSED_CLIENT), "192.168.1.1");
	assert_string_equal(shown(model, TOP_REFUSED, 0, REFUSED_REASON), "other-client");
	assert_string_equal(shown(model, TOP_REFUSED, 0, REFUSED_DONE), "drop");
}

static void alert_of_a_bind_is_told_once(void **state)
{
	struct top_model *model = model_of(state);
	struct rpcgate_event event = event_of(RPCGATE_EVENT_ALERT, 1, 49664);

	event.u.alert.reason = RPCGATE_REASON_OTHER_CLIENT;
	event.u.alert.has_interface = true;
	event.u.alert.ptype = 11;
	take(model, event);
	assert_int_equal(model->table[TOP_REFUSED].n, 0);
	event.u.alert.has_interface = false;
	event.u.alert.ptype = 0xff;
	take(model, event);
	assert_int_equal(model->table[TOP_REFUSED].n, 1);
}

static void strangers_texts_are_harmless(void **state)
{
	struct top_model *model = model_of(state);

	take(model, refusal(1));
	assert_true(top_view_build(model, TOP_REFUSED));
	assert_string_equal(shown(model, TOP_REFUSED, 0, REFUSED_RULE), "a\\u001b[31m.policy:7");
}

static void granted_stays_granted(void **state)
{
	struct top_model *model = model_of(state);

	take(model, announcement(false));
	assert_true(top_view_build(model, TOP_SERVICES));
	assert_string_equal(shown(model, TOP_SERVICES, 0, SERVICE_GRANTED), "lookup-only");
	take(model, announcement(true));
	take(model, announcement(false));
	assert_string_equal(shown(model, TOP_SERVICES, 0, SERVICE_GRANTED), "granted");
	assert_string_equal(shown(model, TOP_SERVICES, 0, SERVICE_TOLD), "3");
}

static void servers_sum_up(void **state)
{
	struct top_model *model = model_of(state);

	take(model, opening(3, 2, RPCGATE_PINHOLE_OPEN)); /* out of order */
	take(model, opening(1, 1, RPCGATE_PINHOLE_OPEN));
	take(model, opening(2, 1, RPCGATE_PINHOLE_OPEN));
	take(model, announcement(true));
	take(model, refusal(3));
	take(model, refusal(3));
	for (int i = 0; i < 2; i++)
		top_fill_servers(model); /* sums, not sums of sums */
	assert_true(top_view_build(model, TOP_SERVERS));
	assert_int_equal(model->view[TOP_SERVERS].n, 1);
	assert_string_equal(shown(model, TOP_SERVERS, 0, SERVER_ADDRESS), "192.168.1.200");
	assert_string_equal(shown(model, TOP_SERVERS, 0, SERVER_OPEN), "3");
	assert_string_equal(shown(model, TOP_SERVERS, 0, SERVER_CLIENTS), "2");
	assert_string_equal(shown(model, TOP_SERVERS, 0, SERVER_SERVICES), "1");
	assert_string_equal(shown(model, TOP_SERVERS, 0, SERVER_REFUSED), "2");
	/* sorting for the sums must not lose rows */
	take(model, opening(2, 1, RPCGATE_PINHOLE_CLOSE));
	assert_int_equal(model->table[TOP_PINHOLES].n, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(model->table[TOP_PINHOLES].row[i]->index, i);
	take(model, opening(1, 1, RPCGATE_PINHOLE_CLOSE));
	take(model, opening(3, 2, RPCGATE_PINHOLE_CLOSE));
	assert_int_equal(model->table[TOP_PINHOLES].n, 0);
}

static void counters_have_rates(void **state)
{
	struct top_model *model = model_of(state);
	struct rpcgate_stats stats = { .packets = 100 };
	const struct top_row *row;

	assert_true(top_counter(model, "packets") == TOP_UNKNOWN);
	top_fill_stats(model, &stats);
	model->now_ns += 2 * S;
	stats.packets = 125;
	top_fill_stats(model, &stats);
	assert_true(top_counter(model, "packets") == 125);
	row = top_row_find(&model->table[TOP_ENGINE], "packets");
	assert_non_null(row);
	assert_int_equal(row->cell[ENGINE_RATE].number, 125); /* 12.5 a second */
	assert_string_equal(row->cell[ENGINE_MEANING].text, "packets fed");
}

/* -------------------------------------------------------------------------- limits */

static void oldest_row_goes(void **state)
{
	struct top_model *model = model_of(state);

	for (uint8_t i = 1; i <= 20; i++)
		take(model, refusal(i));
	take(model, refusal(1)); /* told of again: no longer the oldest */
	take(model, refusal(21));
	assert_int_equal(model->table[TOP_REFUSED].n, 20);
	assert_int_equal(model->table[TOP_REFUSED].gone, 1);
	snprintf(model->view[TOP_REFUSED].filter, TOP_FILTER, "192.168.1.2 ");
	assert_true(top_view_build(model, TOP_REFUSED));
	assert_int_equal(model->view[TOP_REFUSED].n, 0);
	snprintf(model->view[TOP_REFUSED].filter, TOP_FILTER, "192.168.1.1 ");
	assert_true(top_view_build(model, TOP_REFUSED));
	assert_int_equal(model->view[TOP_REFUSED].n, 1);
}

static void old_events_go(void **state)
{
	struct top *top = *state;
	const struct source_place nowhere = { NULL, 0 };
	struct rpcgate_event event = refusal(1);
	const struct top_row *row;
	char *text;

	for (int i = 0; i < TOP_EVENTS + 5; i++)
		top_ladder_keep(&top->ladder, &event, &nowhere);
	assert_int_equal(top->ladder.n, TOP_EVENTS);
	assert_int_equal(top->ladder.gone, 5);
	take(&top->model, event);
	row = top->model.table[TOP_REFUSED].row[0];
	text = top_ladder_tell(&top->ladder, &top->model, TOP_REFUSED, row, 80);
	assert_non_null(text);
	assert_non_null(strstr(text, "5 older events are not kept any more."));
	assert_non_null(strstr(text, "verdict deny: other-client"));
	assert_non_null(strstr(text, "rule a\\u001b[31m.policy:7"));
	assert_null(strchr(text, '\033'));
	free(text);
}

/* --------------------------------------------------------------------- the daemon */

static bool told(struct top_model *model, const char *asked, const char *line)
{
	return top_fill_line(model, asked, line, strlen(line));
}

static bool open_line(struct top_model *model, unsigned int id)
{
	char line[512];

	snprintf(
		line, sizeof(line),
		"{\"id\":%u,\"client_ip\":\"10.0.0.%u\",\"server_ip\":\"10.0.0.200\",\"port\":49664,"
		"\"proto\":\"TCP\",\"source\":\"ept_map\",\"left_s\":60.5,\"uses\":1,"
		"\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\",\"version\":\"1.0\"}",
		id, id % 200);
	return told(model, "pinholes", line);
}

static void listing_replaces_what_was(void **state)
{
	struct top_model *model = model_of(state);
	struct top_table *table = &model->table[TOP_PINHOLES];

	model->live = true;
	top_listing_begin(table);
	assert_true(open_line(model, 1));
	assert_true(open_line(model, 2));
	assert_true(told(model, "pinholes", "{\"ok\":true}"));
	top_listing_end(table);
	assert_int_equal(table->n, 2);
	top_listing_begin(table);
	assert_true(open_line(model, 2));
	assert_true(open_line(model, 3));
	top_listing_end(table);
	assert_int_equal(table->n, 2);
	assert_true(top_view_build(model, TOP_PINHOLES));
	model->view[TOP_PINHOLES].sort = PINHOLE_ID;
	model->view[TOP_PINHOLES].descending = false;
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_ID), "2");
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_LEFT), "1m 00s");
}

static void listing_that_is_too_long_is_counted(void **state)
{
	struct top_model *model = model_of(state);
	struct top_table *table = &model->table[TOP_PINHOLES];

	model->live = true;
	for (int round = 0; round < 2; round++) {
		top_listing_begin(table);
		for (unsigned int i = 1; i <= 50; i++)
			assert_true(open_line(model, i));
		top_listing_end(table);
		assert_int_equal(table->n, 20);
		assert_int_equal(table->left_out, 30);
		assert_non_null(top_row_find(table, "1 12345778-1234-abcd-ef00-0123456789ac 1"));
	}
}

static void bad_lines_change_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"{\"id\":-1}",
		"{\"id\":\"1\"}",
		"{\"id\":1,\"client_ip\":\"x\"}",
		"{\"id\":1,\"client_ip\":\"10.0.0.1\",\"server_ip\":\"10.0.0.2\",\"port\":65536}",
		"{\"id\":1,\"client_ip\":\"10.0.0.1\",\"server_ip\":\"10.0.0.2\",\"port\":1,"
		"\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\",\"version\":\"1\"}",
		"{\"id\":1,\"client_ip\":\"10.0.0.1\",\"server_ip\":\"10.0.0.2\",\"port\":1,"
		"\"uuid\":5,\"version\":\"1.0\"}",
		"{\"ok\":false,\"error\":\"no\"}",
	};
	struct top_model *model = model_of(state);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(told(model, "pinholes", bad[i]));
		assert_false(told(model, "bindings", bad[i]));
		assert_false(told(model, "status", bad[i]));
	}
	for (size_t i = 0; i < TOP_TABS; i++)
		assert_int_equal(model->table[i].n, 0);
}

static void daemon_may_say_anything(void **state)
{
	struct top_model *model = model_of(state);

	assert_true(
		told(model, "status",
		     "{\"version\":\"\\u001b[2J\",\"configuration\":\"/x\",\"action\":\"enforce\","
		     "\"table\":\"owned\",\"uptime_s\":5}"));
	assert_string_equal(model->status[0], "\\u001b[2J");
	assert_true(told(model, "stats", "{\"packets\":5,\"odd\\u001b\":1,\"text\":\"x\"}"));
	assert_true(top_counter(model, "packets") == 5);
	assert_int_equal(model->table[TOP_ENGINE].n, 2);
	assert_true(top_view_build(model, TOP_ENGINE));
	assert_string_equal(shown(model, TOP_ENGINE, 0, ENGINE_NAME), "odd\\u001b");
}

/* --------------------------------------------------------------------------- views */

static void addresses_are_in_order_of_numbers(void **state)
{
	struct top_model *model = model_of(state);
	struct top_view *view = &model->view[TOP_PINHOLES];

	take(model, opening(1, 10, RPCGATE_PINHOLE_OPEN));
	take(model, opening(2, 9, RPCGATE_PINHOLE_OPEN));
	take(model, opening(3, 100, RPCGATE_PINHOLE_OPEN));
	view->sort = PINHOLE_CLIENT;
	view->descending = false;
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_CLIENT), "192.168.1.9");
	assert_string_equal(shown(model, TOP_PINHOLES, 1, PINHOLE_CLIENT), "192.168.1.10");
	assert_string_equal(shown(model, TOP_PINHOLES, 2, PINHOLE_CLIENT), "192.168.1.100");
	view->descending = true;
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_string_equal(shown(model, TOP_PINHOLES, 0, PINHOLE_CLIENT), "192.168.1.100");
}

static void cursor_stays_on_its_row(void **state)
{
	struct top_model *model = model_of(state);
	struct top_view *view = &model->view[TOP_PINHOLES];

	view->sort = PINHOLE_CLIENT;
	view->descending = false;
	take(model, opening(1, 10, RPCGATE_PINHOLE_OPEN));
	take(model, opening(2, 20, RPCGATE_PINHOLE_OPEN));
	assert_true(top_view_build(model, TOP_PINHOLES));
	top_view_move(view, 1);
	assert_int_equal(top_view_row(view)->id, 2);
	take(model, opening(3, 15, RPCGATE_PINHOLE_OPEN));
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_int_equal(top_view_row(view)->id, 2);
	assert_int_equal(view->cursor, 2);
	take(model, opening(2, 20, RPCGATE_PINHOLE_CLOSE));
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_int_equal(top_view_row(view)->id, 3); /* near where it was */
	top_view_move(view, -100);
	assert_int_equal(top_view_row(view)->id, 1);
	take(model, opening(1, 10, RPCGATE_PINHOLE_CLOSE));
	take(model, opening(3, 15, RPCGATE_PINHOLE_CLOSE));
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_null(top_view_row(view));
	top_view_move(view, 1);
}

static void page_follows_the_cursor(void **state)
{
	struct top_model *model = model_of(state);
	struct top_view *view = &model->view[TOP_PINHOLES];

	for (uint8_t i = 1; i <= 20; i++)
		take(model, opening(i, i, RPCGATE_PINHOLE_OPEN));
	assert_true(top_view_build(model, TOP_PINHOLES));
	top_view_move(view, 9);
	top_view_page(view, 5);
	assert_int_equal(view->first, 5);
	top_view_page(view, 20);
	assert_int_equal(view->first, 0);
	top_view_move(view, 100);
	top_view_page(view, 5);
	assert_int_equal(view->first, 15);
	top_view_page(view, 0); /* no page at all */
}

static void filter_sees_what_is_shown(void **state)
{
	struct top_model *model = model_of(state);
	struct top_view *view = &model->view[TOP_PINHOLES];

	take(model, opening(1, 1, RPCGATE_PINHOLE_OPEN));
	snprintf(view->filter, TOP_FILTER, "SAMR");
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_int_equal(view->n, 1);
	snprintf(view->filter, TOP_FILTER, "12345778");
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_int_equal(view->n, 0); /* that column is off */
	top_view_toggle(model, TOP_PINHOLES, PINHOLE_UUID);
	assert_true(top_view_build(model, TOP_PINHOLES));
	assert_int_equal(view->n, 1);
}

static void last_column_stays(void **state)
{
	struct top_model *model = model_of(state);
	struct top_view *view = &model->view[TOP_SERVERS];
	unsigned int shown_columns = 0;

	for (size_t i = 0; i < model->table[TOP_SERVERS].n_columns; i++)
		top_view_toggle(model, TOP_SERVERS, i);
	for (size_t i = 0; i < model->table[TOP_SERVERS].n_columns; i++)
		shown_columns += !(view->hidden >> i & 1);
	assert_int_equal(shown_columns, 1);
	assert_false(view->hidden >> view->sort & 1); /* sorted by what is there */
	top_view_sort_next(model, TOP_SERVERS, 1);
	assert_false(view->hidden >> view->sort & 1);
}

static void columns_fit_any_width(void **state)
{
	struct top_model *model = model_of(state);

	take(model, opening(1, 1, RPCGATE_PINHOLE_OPEN));
	take(model, announcement(true));
	take(model, refusal(1));
	top_fill_servers(model);
	for (size_t tab = 0; tab < TOP_TABS; tab++) {
		struct top_view *view = &model->view[tab];

		view->hidden = 0;
		assert_true(top_view_build(model, (enum top_tab)tab));
		for (unsigned int width = 1; width <= 300; width++) {
			unsigned int all = 0;

			top_view_layout(model, (enum top_tab)tab, width);
			for (size_t i = 0; i < model->table[tab].n_columns; i++)
				all += view->width[i] ? view->width[i] + (all ? 2 : 0) : 0;
			assert_true(all > 0 && all <= width);
		}
		assert_int_equal(view->squeezed, 0);
	}
}

static void marked_rows_are_saved(void **state)
{
	struct top_model *model = model_of(state);
	struct top_view *view = &model->view[TOP_PINHOLES];
	char text[2048] = "";
	FILE *out;
	size_t n;

	view->sort = PINHOLE_ID;
	view->descending = false;
	take(model, opening(1, 1, RPCGATE_PINHOLE_OPEN));
	take(model, opening(2, 2, RPCGATE_PINHOLE_OPEN));
	assert_true(top_view_build(model, TOP_PINHOLES));
	out = fmemopen(text, sizeof(text), "w");
	assert_true(top_view_save(model, TOP_PINHOLES, out, &n));
	assert_int_equal(n, 2);
	fclose(out);
	view->shown[1]->marked = true;
	out = fmemopen(text, sizeof(text), "w");
	assert_true(top_view_save(model, TOP_PINHOLES, out, &n));
	assert_int_equal(n, 1);
	fclose(out);
	assert_string_equal(
		text, "{\"row\":\"pinhole\",\"client\":\"192.168.1.2\","
		      "\"server\":\"192.168.1.200:49664\",\"interface\":\"samr 1.0\","
		      "\"source\":\"ept_map\",\"left_s\":300,\"uses\":3,\"proto\":\"TCP\",\"id\":2,"
		      "\"uuid\":\"12345778-1234-abcd-ef00-0123456789ac\"}\n");
	out = fopen("/dev/full", "w");
	assert_non_null(out);
	assert_false(top_view_save(model, TOP_PINHOLES, out, &n));
	fclose(out);
}

/* ---------------------------------------------------------------------------- keys */

static void press(struct top_ui *ui, const char *keys)
{
	for (; *keys; keys++) {
		top_ui_key(ui, *keys == '\n' ? TOP_KEY_ENTER : *keys);
		top_ui_refresh(ui, 18, 80);
	}
}

static void every_key_in_every_mode(void **state)
{
	struct top *top = *state;
	struct top_ui ui;
	char text[TOP_MESSAGE];

	top->paused = true; /* the clock is ours */
	take(&top->model, opening(1, 1, RPCGATE_PINHOLE_OPEN));
	take(&top->model, refusal(1));
	top_ui_init(&ui, top);
	top_ui_refresh(&ui, 18, 80);
	for (enum top_mode mode = TOP_LIST; mode <= TOP_CONFIRMS; mode++) {
		for (int key = 0; key <= TOP_KEY_BACK_TAB + 5; key++) {
			/* no file is to be written here, and pausing has a clock of its own */
			if (key == TOP_KEY_ENTER && mode == TOP_SAVES)
				continue;
			top->paused = true;
			ui.mode = mode;
			ui.input[0] = '\0';
			top_ui_key(&ui, key);
			top->paused = true;
			top_ui_refresh(&ui, 1, 20);
			assert_true(strlen(top_ui_keys(&ui, text)) > 0);
			assert_non_null(top_ui_state(&ui, text));
			assert_non_null(top_ui_title(&ui, text));
			assert_true(strlen(top_ui_totals(&ui, text)) <= 20);
		}
	}
	top_ui_free(&ui);
}

static void filter_is_typed(void **state)
{
	struct top *top = *state;
	char text[TOP_MESSAGE];
	struct top_ui ui;

	top->paused = true;
	take(&top->model, opening(1, 1, RPCGATE_PINHOLE_OPEN));
	take(&top->model, opening(2, 2, RPCGATE_PINHOLE_OPEN));
	top_ui_init(&ui, top);
	press(&ui, "/1.2 ");
	assert_string_equal(top_ui_state(&ui, text), "show only rows with: 1.2 _");
	assert_int_equal(top->model.view[TOP_PINHOLES].n, 1);
	press(&ui, "\177\n");
	assert_int_equal(ui.mode, TOP_LIST);
	assert_string_equal(top_ui_state(&ui, text), "row 2 of 2   filter: 1.2");
	press(&ui, "/x\033");
	assert_string_equal(top->model.view[TOP_PINHOLES].filter, "1.2");
	press(&ui, "\033");
	assert_string_equal(top->model.view[TOP_PINHOLES].filter, "");
	top_ui_free(&ui);
}

static void closing_is_asked_first(void **state)
{
	struct top *top = *state;
	struct top_ui ui;

	top->paused = true;
	top_ui_init(&ui, top);
	take(&top->model, opening(77, 1, RPCGATE_PINHOLE_OPEN));
	press(&ui, "1k");
	assert_int_equal(ui.mode, TOP_LIST); /* a replay has nothing to close */
	top->model.live = true;
	press(&ui, "kn");
	assert_false(top->close_wanted);
	press(&ui, "3k");
	assert_int_equal(ui.mode, TOP_LIST);
	press(&ui, "1k");
	assert_int_equal(ui.mode, TOP_CONFIRMS);
	assert_false(top->close_wanted);
	press(&ui, "y");
	assert_true(top->close_wanted);
	assert_int_equal(top->close_id, 77);
	top_ui_free(&ui);
}

static void file_is_not_written_over(void **state)
{
	struct top *top = *state;
	char path[] = "/tmp/top_model.XXXXXX";
	int fd = mkstemp(path);
	struct top_ui ui;

	assert_true(fd >= 0);
	top->paused = true;
	take(&top->model, opening(1, 1, RPCGATE_PINHOLE_OPEN));
	top_ui_init(&ui, top);
	press(&ui, "1s");
	press(&ui, path);
	press(&ui, "\n");
	assert_non_null(strstr(ui.message, "not saved: "));
	assert_non_null(strstr(ui.message, "File exists"));
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
	unlink(path);
	press(&ui, "s");
	press(&ui, path);
	press(&ui, "\n");
	assert_non_null(strstr(ui.message, "1 row saved to "));
	assert_int_equal(unlink(path), 0);
	top_ui_free(&ui);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pinholes_come_and_go),
		TEST(pinhole_says_what_is_left),
		TEST(equal_refusals_are_one_row),
		TEST(alert_of_a_bind_is_told_once),
		TEST(strangers_texts_are_harmless),
		TEST(granted_stays_granted),
		TEST(servers_sum_up),
		TEST(counters_have_rates),
		TEST(oldest_row_goes),
		TEST(old_events_go),
		TEST(listing_replaces_what_was),
		TEST(listing_that_is_too_long_is_counted),
		TEST(bad_lines_change_nothing),
		TEST(daemon_may_say_anything),
		TEST(addresses_are_in_order_of_numbers),
		TEST(cursor_stays_on_its_row),
		TEST(page_follows_the_cursor),
		TEST(filter_sees_what_is_shown),
		TEST(last_column_stays),
		TEST(columns_fit_any_width),
		TEST(marked_rows_are_saved),
		TEST(every_key_in_every_mode),
		TEST(filter_is_typed),
		TEST(closing_is_asked_first),
		TEST(file_is_not_written_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
