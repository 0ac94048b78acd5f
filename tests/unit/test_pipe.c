/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_pipe.c - binds inside SMB pipes: found, named, told once, never judged */
#include <string.h>

#include "builder.h"
#include "feed.h"
#include "play.h"
#include "rows.h"

enum how { BY_WRITE, BY_TRANSCEIVE, BY_WRITE_1, BY_TRANSACT_1 };

/* ------------------------------------------------------------------ messages */

static void smb2_begin(struct octets *o, unsigned command, bool response, uint32_t message)
{
	octets_u32(o, 0x424d53fe, false);
	octets_u16(o, 64, false);
	octets_room(o, 6);
	octets_u16(o, command, false);
	octets_u16(o, 0, false);
	octets_u32(o, response, false);
	octets_u32(o, 0, false);
	octets_u64(o, message, false);
	octets_room(o, 32);
}

static void smb1_begin(struct octets *o, unsigned command, bool response, uint32_t message)
{
	octets_u32(o, 0x424d53ff, false);
	octets_u8(o, command);
	octets_room(o, 4);
	octets_u8(o, response ? 0x98 : 0x18);
	octets_room(o, 16);
	octets_u16(o, 1, false); /* process, user, message */
	octets_u16(o, 1, false);
	octets_u16(o, message, false);
}

static void put_file(struct octets *o, uint32_t file)
{
	octets_u32(o, file, false);
	octets_room(o, 12);
}

static void put_wide(struct octets *o, const char *text)
{
	for (; *text; text++)
		octets_u16(o, (uint8_t)*text, false);
}

static void open_message(struct octets *o, bool old, const char *name, uint32_t message)
{
	if (old) {
		smb1_begin(o, 0xa2, false, message);
		octets_u8(o, 24);
		octets_room(o, 5);
		octets_u16(o, (unsigned)strlen(name), false);
		octets_room(o, 41);
		octets_u16(o, (unsigned)strlen(name), false);
		octets_put(o, name, strlen(name));
		return;
	}
	smb2_begin(o, 5, false, message);
	octets_u16(o, 57, false);
	octets_room(o, 42);
	octets_u16(o, 120, false);
	octets_u16(o, (unsigned)strlen(name) * 2, false);
	octets_room(o, 8);
	put_wide(o, name);
}

static void opened_message(struct octets *o, bool old, uint32_t file, uint32_t message)
{
	if (old) {
		smb1_begin(o, 0xa2, true, message);
		octets_u8(o, 34);
		octets_room(o, 5);
		octets_u16(o, file, false);
		octets_room(o, 61 + 2);
		return;
	}
	smb2_begin(o, 5, true, message);
	octets_u16(o, 89, false);
	octets_room(o, 62);
	put_file(o, file);
	octets_room(o, 8);
}

static void write_message(struct octets *o, enum how how, uint32_t file, const struct octets *data)
{
	unsigned n = (unsigned)data->n;

	switch (how) {
	case BY_WRITE:
		smb2_begin(o, 9, false, 50);
		octets_u16(o, 49, false);
		octets_u16(o, 112, false);
		octets_u32(o, n, false);
		octets_room(o, 8);
		put_file(o, file);
		octets_room(o, 16);
		break;
	case BY_TRANSCEIVE:
		smb2_begin(o, 11, false, 50);
		octets_u32(o, 57, false);
		octets_u32(o, 0x0011c017, false);
		put_file(o, file);
		octets_u32(o, 120, false);
		octets_u32(o, n, false);
		octets_room(o, 24);
		break;
	case BY_WRITE_1:
		smb1_begin(o, 0x2f, false, 50);
		octets_u8(o, 14);
		octets_room(o, 4);
		octets_u16(o, file, false);
		octets_room(o, 14);
		octets_u16(o, n, false);
		octets_u16(o, 63, false);
		octets_room(o, 4);
		octets_u16(o, n, false);
		break;
	case BY_TRANSACT_1:
		smb1_begin(o, 0x25, false, 50);
		octets_u8(o, 16);
		octets_room(o, 22);
		octets_u16(o, n, false);
		octets_u16(o, 67, false);
		octets_u16(o, 2, false);
		octets_u16(o, 0x26, false);
		octets_u16(o, file, false);
		octets_u16(o, n, false);
		break;
	}
	octets_put(o, data->p, data->n);
}

/* Send as one session message; the octets stay in @p o until the next */
static void send_message(struct conn *c, enum side from, struct octets *o)
{
	struct octets whole = { 0 };

	octets_u32(&whole, (uint32_t)o->n, true);
	octets_put(&whole, o->p, o->n);
	conn_send(c, from, whole.p, whole.n);
	octets_clear(o);
	octets_put(o, whole.p, whole.n);
	octets_free(&whole);
}

/* ------------------------------------------------------------------------ rows */

struct row {
	const char *name;
	const char *file;
	const char *pipe; /* as told; NULL: nothing is told */
	enum how how;
	uint16_t port; /* 0: 445 */
	bool ignore, unopened, other_file, from_server, twice, torn;
};

static const struct row rows[] = {
	{ "SMB2, written", "lsarpc", "lsarpc", BY_WRITE, .port = 0 },
	{ "SMB2, transceived", "lsarpc", "lsarpc", BY_TRANSCEIVE, .port = 0 },
	{ "SMB1, written", "\\lsarpc", "lsarpc", BY_WRITE_1, .port = 0 },
	{ "SMB1, transacted", "\\PIPE\\samr", "samr", BY_TRANSACT_1, .port = 0 },
	{ "over NetBIOS", "samr", "samr", BY_WRITE, .port = 139 },
	{ "a segment sent twice is told once", "samr", "samr", BY_WRITE, .twice = true },
	{ "its opening was not seen", "samr", "", BY_WRITE, .unopened = true },
	{ "another file was opened", "samr", "", BY_WRITE, .other_file = true },
	{ "a name in a directory is no pipe", "etc\\samr", "", BY_WRITE, .port = 0 },
	{ "a name with an extension is no pipe", "samr.txt", "", BY_WRITE, .port = 0 },
	{ "on another port nobody looks", "samr", NULL, BY_WRITE, .port = 446 },
	{ "as asked, nobody looks", "samr", NULL, BY_WRITE, .ignore = true },
	{ "a server binds nothing", "samr", NULL, BY_WRITE, .from_server = true },
	{ "a torn bind is not found", "samr", NULL, BY_WRITE, .torn = true },
};

static void talk(struct play *p, const struct row *row)
{
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, row->port ? row->port : 445);
	bool old = row->how >= BY_WRITE_1;
	struct octets bind = { 0 }, o = { 0 };

	play_bind_pdu(&bind, &iface_samr);
	if (!row->unopened) {
		open_message(&o, old, row->file, 7);
		send_message(&c, CLIENT, &o);
		octets_clear(&o);
		opened_message(&o, old, row->other_file ? 9 : 0x4005, 7);
		send_message(&c, SERVER, &o);
		octets_clear(&o);
	}
	c.mss = row->torn ? 128 : c.mss;
	write_message(&o, row->how, 0x4005, &bind);
	send_message(&c, row->from_server ? SERVER : CLIENT, &o);
	if (row->twice)
		conn_at(&c, CLIENT, -(int32_t)o.n, o.p, o.n);
	conn_close(&c, CLIENT);
	octets_free(&bind);
	octets_free(&o);
}

static const struct rpcgate_event *pipe_of(const struct outcome *out)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->at[i].event.type == RPCGATE_EVENT_PIPE)
			return &out->at[i].event;
	fail_msg("no pipe was told");
	return NULL;
}

static void one_row(void **state)
{
	const struct row *row = *state;
	const struct rpcgate_pipe_event *e;
	struct play p;

	play_begin(&p, row->name);
	p.cfg.pipes = row->ignore ? RPCGATE_PIPES_IGNORE : RPCGATE_PIPES_REPORT;
	talk(&p, row);
	play_judge(&p);
	for (size_t i = 0; i < p.enforce.n_packets; i++)
		assert_int_equal(p.enforce.action[i], RPCGATE_PASS);
	assert_int_equal(p.observe.n, row->pipe != NULL); /* and nothing else */
	assert_int_equal(p.enforce.n, row->pipe != NULL);
	assert_int_equal(p.observe.stats.pipe_binds, row->pipe != NULL);
	if (row->pipe) {
		e = &pipe_of(&p.observe)->u.pipe;
		assert_int_equal(e->pipe_len, strlen(row->pipe));
		assert_memory_equal(e->pipe, row->pipe, e->pipe_len);
	}
	play_end(&p);
}

static void what_is_told(void **state)
{
	struct rpcgate_addr server = addr_of(SERVER_HOST), client = addr_of(CLIENT_HOST);
	const struct rpcgate_event *e;
	struct play p;

	(void)state;
	play_begin(&p, "told");
	talk(&p, &rows[0]);
	play_judge(&p);
	e = pipe_of(&p.observe);
	assert_int_equal(e->proto, 6);
	assert_memory_equal(&e->src, &client, sizeof(client));
	assert_memory_equal(&e->dest, &server, sizeof(server));
	assert_int_equal(e->dest_port, 445);
	assert_int_equal(e->u.pipe.pdu, RPCGATE_PDU_BIND);
	assert_memory_equal(&e->u.pipe.interface, &iface_samr, sizeof(iface_samr));
	assert_int_equal(e->u.pipe.n_transfer, 1);
	assert_memory_equal(&e->u.pipe.transfer[0], &syntax_ndr, sizeof(syntax_ndr));
	assert_int_equal(e->u.pipe.auth_level, 0);
	play_end(&p);
}

/* However many files are opened, the notes stay within their bound and the latest are known */
static void the_latest_names_are_known(void **state)
{
	struct octets bind = { 0 }, o = { 0 };
	size_t named = 0, told = 0;
	struct conn c;
	struct play p;

	(void)state;
	play_begin(&p, "many files");
	p.cfg.max_pipes = 16;
	c = play_dial(&p, CLIENT_HOST, SERVER_HOST, 445);
	for (uint32_t i = 0; i < 100; i++) {
		open_message(&o, false, "samr", i);
		send_message(&c, CLIENT, &o);
		octets_clear(&o);
		opened_message(&o, false, i, i);
		send_message(&c, SERVER, &o);
		octets_clear(&o);
	}
	play_bind_pdu(&bind, &iface_samr);
	for (uint32_t i = 100; i-- > 90;) {
		write_message(&o, BY_WRITE, i, &bind);
		send_message(&c, CLIENT, &o);
		octets_clear(&o);
	}
	play_judge(&p);
	for (size_t i = 0; i < p.observe.n; i++) {
		told += p.observe.at[i].event.type == RPCGATE_EVENT_PIPE;
		named += p.observe.at[i].event.type == RPCGATE_EVENT_PIPE &&
			 p.observe.at[i].event.u.pipe.pipe_len == 4;
	}
	assert_int_equal(told, 10);
	assert_true(named > 0 && named < 10);
	octets_free(&bind);
	octets_free(&o);
	play_end(&p);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(what_is_told),
		cmocka_unit_test(the_latest_names_are_known),
	};
	static struct CMUnitTest tests[COUNT(rows)];
	size_t n = 0;

	ROWS(tests, n, rows, one_row);
	return cmocka_run_group_tests_name("pipes, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("pipes", more, NULL, NULL);
}
