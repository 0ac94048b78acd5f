/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_smb.c - what of SMB is read: files opened, and octets written to them */
#include <string.h>

#include "guard.h"
#include "rows.h"
#include "smb.h"

/* SMB1: command | status, flags, flags2, ... | TID PID UID MID */
#define SMB1(command, flags, flags2) "ff 53 4d 42 " command " 00(4) " flags flags2 "00(12) " IDS
#define IDS "01 00 02 00 03 00 04 00 "
#define MESSAGE1 0x0004000300030002U
#define UNICODE "00 80 "
#define ASCII "00 00 "
/* 24 words: name length at 5 */
#define CREATE1(length) "18 ff 00 00 00 00 " length "00(41) "
#define CREATED1(file) "22 ff 00 00 00 02 " file "00(61) 00 00"
#define WRITE1(mode, length, offset)                                                               \
	"0e ff 00 00 00 05 40 00(8) " mode "00 00 00 00 " length offset "00(4) "
#define TRANSACT1(setup, function, length, offset)                                                 \
	"10 00(20) 00 00 " length offset setup function "05 40 "

/* SMB2: command | ... flags, next command, message */
#define SMB2(command, flags, next)                                                                 \
	"fe 53 4d 42 40 00 00 00 00(4) " command "00 00 " flags "00 00 00 " next                   \
	"00 00 00 07 00(7) 00(8) 00(8) 00(16) "
#define FILE2 "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 "
#define CREATE2(offset, length) "39 00 00(42) " offset length "00(8) "
#define CREATED2 "59 00 00(62) " FILE2 "00(8) "
#define WRITE2(offset, length) "31 00 " offset length "00 00 00(8) " FILE2 "00(16) "
#define IOCTL2(code, offset, length) "39 00 00 00 " code FILE2 offset length "00(24) "
#define TRANSCEIVE "17 c0 11 00 "

struct row {
	const char *name;
	const char *message; /* without the session header */
	enum smb_kind kind;
	const char *octets; /* of the name, or the data */
};

static const struct row rows[] = {
	{ "SMB1 opens a pipe by name",
	  SMB1("a2 ", "18 ", ASCII) CREATE1("07 00 ") "08 00 5c 73 61 6d 72 00 00", SMB_OPEN,
	  "5c 73 61 6d 72 00 00" },
	{ "SMB1 opens one in Unicode, aligned",
	  SMB1("a2 ", "18 ", UNICODE) CREATE1("04 00 ") "05 00 ee 73 00 61 00", SMB_OPEN,
	  "73 00 61 00" },
	{ "a name that is not all there", SMB1("a2 ", "18 ", ASCII) CREATE1("ff ff ") "07 00 73 61",
	  SMB_OPEN, "73 61" },
	{ "SMB1 opened", SMB1("a2 ", "98 ", ASCII) CREATED1("05 40 "), SMB_OPENED, "" },
	{ "SMB1 could not open", SMB1("a2 ", "98 ", ASCII) "00 00 00", SMB_OTHER, "" },
	{ "SMB1 writes",
	  SMB1("2f ", "18 ", ASCII) WRITE1("00 00 ", "02 00 ", "3f 00 ") "02 00 aa bb cc",
	  SMB_WRITE, "aa bb" },
	{ "SMB1 writes a message with its length",
	  SMB1("2f ", "18 ", ASCII) WRITE1("0c 00 ", "04 00 ", "3f 00 ") "04 00 02 00 aa bb",
	  SMB_WRITE, "aa bb" },
	{ "SMB1 writes what is not there",
	  SMB1("2f ", "18 ", ASCII) WRITE1("00 00 ", "ff ff ", "ff ff ") "00 00", SMB_WRITE, "" },
	{ "an answer to a write",
	  SMB1("2f ", "98 ", ASCII) WRITE1("00 00 ", "02 00 ", "3f 00 ") "02 00 aa bb", SMB_OTHER,
	  "" },
	{ "SMB1 transacts",
	  SMB1("25 ", "18 ", ASCII) TRANSACT1("02 00 ", "26 00 ", "02 00 ", "43 00 ") "02 00 aa bb",
	  SMB_WRITE, "aa bb" },
	{ "SMB1 transacts something else",
	  SMB1("25 ", "18 ", ASCII) TRANSACT1("02 00 ", "27 00 ", "02 00 ", "43 00 ") "02 00 aa bb",
	  SMB_OTHER, "" },
	{ "a transaction without a pipe",
	  SMB1("25 ", "18 ", ASCII) TRANSACT1("00 00 ", "26 00 ", "02 00 ", "43 00 ") "02 00 aa bb",
	  SMB_OTHER, "" },
	{ "fewer words than said", SMB1("2f ", "18 ", ASCII) "0e ff 00", SMB_OTHER, "" },
	{ "fewer words than needed", SMB1("2f ", "18 ", ASCII) "02 00(4) 00 00", SMB_OTHER, "" },
	{ "another command",
	  SMB1("73 ", "18 ", ASCII) WRITE1("00 00 ", "02 00 ", "3f 00 ") "02 00 aa bb", SMB_OTHER,
	  "" },
	{ "SMB2 opens", SMB2("05 00 ", "00 ", "00 ") CREATE2("78 00 ", "04 00 ") "73 00 61 00",
	  SMB_OPEN, "73 00 61 00" },
	{ "SMB2 opened", SMB2("05 00 ", "01 ", "00 ") CREATED2, SMB_OPENED, "" },
	{ "SMB2 could not open", SMB2("05 00 ", "01 ", "00 ") "09 00 00(70) 00(20)", SMB_OTHER,
	  "" },
	{ "SMB2 writes", SMB2("09 00 ", "00 ", "00 ") WRITE2("70 00 ", "03 00 ") "aa bb cc dd",
	  SMB_WRITE, "aa bb cc" },
	{ "SMB2 writes with a length of another kind",
	  SMB2("09 00 ", "00 ", "00 ") "30 00 70 00 03 00 00 00 00(8) " FILE2 "00(16) aa bb cc",
	  SMB_OTHER, "" },
	{ "SMB2 transacts",
	  SMB2("0b 00 ", "00 ", "00 ") IOCTL2(TRANSCEIVE, "78 00 00 00 ", "02 00 00 00 ") "aa bb",
	  SMB_WRITE, "aa bb" },
	{ "SMB2 transacts far away",
	  SMB2("0b 00 ", "00 ", "00 ") IOCTL2(TRANSCEIVE, "ff ff ff ff ", "ff ff ff ff ") "aa bb",
	  SMB_WRITE, "" },
	{ "SMB2 controls something else",
	  SMB2("0b 00 ", "00 ", "00 ")
		  IOCTL2("18 c0 11 00 ", "78 00 00 00 ", "02 00 00 00 ") "aa bb",
	  SMB_OTHER, "" },
	{ "half a header", "fe 53 4d 42 40 00 00 00", SMB_OTHER, "" },
};

/* The message as the only one of a session message */
static struct bytes session(const char *text)
{
	struct bytes message = octets_of(text);
	uint8_t head[4] = { 0, 0, (uint8_t)(message.n >> 8), (uint8_t)message.n };

	return joined(guarded(head, 4), message);
}

static void one_row(void **state)
{
	static const uint8_t files[][SMB_FILE_LEN] = {
		{ 5, 0x40 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }
	};
	const struct row *row = *state;
	struct bytes in = session(row->message), want = octets_of(row->octets), got;
	bool second = in.p[4] == 0xfe;
	struct smb_walk walk = smb_walk(in);
	struct smb_message m;

	assert_true(smb_begins(in));
	assert_true(smb_next(&walk, &m));
	assert_int_equal(m.kind, row->kind);
	got = m.kind == SMB_OPEN ? m.name : m.data;
	assert_int_equal(got.n, want.n);
	if (want.n)
		assert_memory_equal(got.p, want.p, want.n);
	if (m.kind == SMB_OPENED || m.kind == SMB_WRITE)
		assert_memory_equal(m.file, files[second], SMB_FILE_LEN);
	if (m.kind == SMB_OPEN || m.kind == SMB_OPENED)
		assert_true(m.message == (second ? 7 : MESSAGE1));
	assert_false(smb_next(&walk, &m));
}

/* However a message is cut: no octet too far is read, and what is found is a part of the whole */
static void every_prefix_shows_no_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bytes whole = session(rows[i].message);

		for (size_t n = 0; n < whole.n; n++) {
			struct smb_walk walk = smb_walk(prefix(whole, n));
			struct smb_message m;

			assert_int_equal(smb_begins(walk.rest), n >= 8);
			while (smb_next(&walk, &m))
				assert_true(m.kind == SMB_OTHER || m.kind == rows[i].kind);
		}
	}
}

static void a_chain_and_a_row_of_messages(void **state)
{
	struct bytes one =
		session(SMB2("0c 00 ", "00 ", "78 ") "00(56)" SMB2("09 00 ", "00 ", "00 ")
				WRITE2("70 00 ", "01 00 ") "aa");
	struct bytes two =
		session(SMB1("2f ", "18 ", ASCII) WRITE1("00 00 ", "01 00 ", "3f 00 ") "01 00 bb");
	struct smb_walk walk = smb_walk(joined(one, two));
	struct smb_message m;

	(void)state;
	assert_true(smb_next(&walk, &m));
	assert_int_equal(m.kind, SMB_OTHER);
	assert_true(smb_next(&walk, &m));
	assert_int_equal(m.kind, SMB_WRITE);
	assert_int_equal(m.data.p[0], 0xaa);
	assert_true(smb_next(&walk, &m));
	assert_int_equal(m.kind, SMB_WRITE);
	assert_int_equal(m.data.p[0], 0xbb);
	assert_false(smb_next(&walk, &m));
}

/* A chain must move on, or it never ends */
static void a_chain_to_itself_ends(void **state)
{
	static const char *const nexts[] = { "00 ", "01 ", "3f ", "40 ", "ff " };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(nexts); i++) {
		struct bytes in =
			edited(session(SMB2("0c 00 ", "00 ", "00 ") "00(80)"), 24, nexts[i]);
		struct smb_walk walk = smb_walk(in);
		struct smb_message m;
		unsigned n = 0;

		while (smb_next(&walk, &m))
			n++;
		assert_int_equal(n, 1);
	}
}

static void what_is_not_smb(void **state)
{
	static const char *const others[] = {
		"",
		"00 00 00 04 ff 53 4d",           /* too short to say */
		"81 00 00 44 ff 53 4d 42",        /* a session request */
		"00 00 00 04 fd 53 4d 42 00(60)", /* encrypted */
		"00 00 00 04 fc 53 4d 42 00(60)", /* compressed */
		"00 00 00 04 ff 53 4d 43",
		"05 00 0b 03 10 00 00 00",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct smb_walk walk = smb_walk(octets_of(others[i]));
		struct smb_message m;

		assert_false(smb_begins(walk.rest));
		assert_false(smb_next(&walk, &m));
	}
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(every_prefix_shows_no_more),
		cmocka_unit_test(a_chain_and_a_row_of_messages),
		cmocka_unit_test(a_chain_to_itself_ends),
		cmocka_unit_test(what_is_not_smb),
	};
	static struct CMUnitTest tests[ARRAY_SIZE(rows)];
	size_t n = 0;

	ROWS(tests, n, rows, one_row);
	return cmocka_run_group_tests_name("SMB, row by row", tests, NULL, NULL) +
	       cmocka_run_group_tests_name("SMB", properties, NULL, NULL);
}
