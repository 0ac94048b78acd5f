/* SPDX-License-Identifier: BSD-2-Clause */
#include "smb.h"

#define SESSION_HEADER_LEN 4U
#define SMB1_HEADER_LEN 32U
#define SMB2_HEADER_LEN 64U
#define SMB1_UNICODE 0x8000U    /* flags2 */
#define SMB1_RESPONSE 0x80U     /* flags */
#define SMB2_RESPONSE 0x1U      /* flags */
#define SMB1_TRANSACT_PIPE 0x26 /* MS-CIFS 2.2.5.6 */
#define FSCTL_PIPE_TRANSCEIVE 0x0011c017U
#define SMB1_RAW_START 0x000cU /* write mode: the message begins with its length */

/* Octets at @p off of a message, as many of @p n as are there */
static struct bytes part_of(struct bytes in, size_t off, size_t n)
{
	if (off >= in.n)
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ in.p + off, n < in.n - off ? n : in.n - off };
}

static bool has(struct bytes in, size_t off, size_t n)
{
	return off <= in.n && in.n - off >= n;
}

static uint16_t le16(struct bytes in, size_t off)
{
	return load16(in.p + off, false);
}

static uint32_t le32(struct bytes in, size_t off)
{
	return load32(in.p + off, false);
}

/* --------------------------------------------------------------------- SMB1 */

/* A message after its header: words, then octets.  @return false if the words are not all there */
static bool words_of(struct bytes in, struct bytes *words, size_t *octets_at)
{
	if (!has(in, SMB1_HEADER_LEN, 1))
		return false;
	*words = part_of(in, SMB1_HEADER_LEN + 1, in.p[SMB1_HEADER_LEN] * 2U);
	*octets_at = SMB1_HEADER_LEN + 1 + words->n + 2;
	return words->n == in.p[SMB1_HEADER_LEN] * 2U;
}

static void file1(struct smb_message *m, struct bytes words, size_t off)
{
	memcpy(m->file, words.p + off, 2);
}

/* NT_CREATE_ANDX, MS-CIFS 2.2.4.64 */
static void create1(struct bytes in, bool response, struct bytes words, size_t octets_at,
		    struct smb_message *m)
{
	if (response && words.n >= 7) {
		m->kind = SMB_OPENED;
		file1(m, words, 5);
	} else if (!response && words.n == 48) {
		m->kind = SMB_OPEN;
		m->wide = le16(in, 10) & SMB1_UNICODE;
		/* text of two octets a character is aligned from the start of the message */
		m->name = part_of(in, octets_at + (m->wide && octets_at % 2), le16(words, 5));
	}
}

/* WRITE_ANDX, MS-CIFS 2.2.4.43 */
static void write1(struct bytes in, bool response, struct bytes words, size_t octets_at,
		   struct smb_message *m)
{
	(void)octets_at;
	if (response || words.n < 24)
		return;
	m->kind = SMB_WRITE;
	file1(m, words, 4);
	m->data = part_of(in, le16(words, 22), le16(words, 20));
	if ((le16(words, 14) & SMB1_RAW_START) == SMB1_RAW_START)
		m->data = part_of(m->data, 2, m->data.n);
}

/* TRANSACTION with TRANS_TRANSACT_NMPIPE, MS-CIFS 2.2.4.33, 2.2.5.6 */
static void transact1(struct bytes in, bool response, struct bytes words, size_t octets_at,
		      struct smb_message *m)
{
	(void)octets_at;
	if (response || words.n < 32 || words.p[26] != 2 || le16(words, 28) != SMB1_TRANSACT_PIPE)
		return;
	m->kind = SMB_WRITE;
	file1(m, words, 30);
	m->data = part_of(in, le16(words, 24), le16(words, 22));
}

typedef void reader1(struct bytes in, bool response, struct bytes words, size_t octets_at,
		     struct smb_message *m);

static const struct {
	uint8_t command;
	reader1 *read;
} smb1_commands[] = { { 0x25, transact1 }, { 0x2f, write1 }, { 0xa2, create1 } };

static void read1(struct bytes in, struct smb_message *m)
{
	struct bytes words;
	size_t octets_at;

	if (!words_of(in, &words, &octets_at))
		return;
	m->message = le32(in, 26) | (uint64_t)le32(in, 28) << 32; /* PID, UID, MID */
	for (size_t i = 0; i < ARRAY_SIZE(smb1_commands); i++)
		if (smb1_commands[i].command == in.p[4])
			smb1_commands[i].read(in, in.p[9] & SMB1_RESPONSE, words, octets_at, m);
}

/* --------------------------------------------------------------------- SMB2 */

/* CREATE, MS-SMB2 2.2.13, 2.2.14 */
static void create2(struct bytes in, bool response, struct smb_message *m)
{
	const size_t at = SMB2_HEADER_LEN;

	if (response && has(in, at + 64, SMB_FILE_LEN) && le16(in, at) == 89) {
		m->kind = SMB_OPENED;
		memcpy(m->file, in.p + at + 64, SMB_FILE_LEN);
	} else if (!response && has(in, at, 56) && le16(in, at) == 57) {
		m->kind = SMB_OPEN;
		m->wide = true;
		m->name = part_of(in, le16(in, at + 44), le16(in, at + 46));
	}
}

/* WRITE, MS-SMB2 2.2.21 */
static void write2(struct bytes in, bool response, struct smb_message *m)
{
	const size_t at = SMB2_HEADER_LEN;

	if (response || !has(in, at, 48) || le16(in, at) != 49)
		return;
	m->kind = SMB_WRITE;
	memcpy(m->file, in.p + at + 16, SMB_FILE_LEN);
	m->data = part_of(in, le16(in, at + 2), le32(in, at + 4));
}

/* IOCTL, MS-SMB2 2.2.31 */
static void ioctl2(struct bytes in, bool response, struct smb_message *m)
{
	const size_t at = SMB2_HEADER_LEN;

	if (response || !has(in, at, 56) || le16(in, at) != 57 ||
	    le32(in, at + 4) != FSCTL_PIPE_TRANSCEIVE)
		return;
	m->kind = SMB_WRITE;
	memcpy(m->file, in.p + at + 8, SMB_FILE_LEN);
	m->data = part_of(in, le32(in, at + 24), le32(in, at + 28));
}

static const struct {
	uint16_t command;
	void (*read)(struct bytes in, bool response, struct smb_message *m);
} smb2_commands[] = { { 5, create2 }, { 9, write2 }, { 11, ioctl2 } };

static void read2(struct bytes in, struct smb_message *m)
{
	m->message = le32(in, 24) | (uint64_t)le32(in, 28) << 32;
	for (size_t i = 0; i < ARRAY_SIZE(smb2_commands); i++)
		if (smb2_commands[i].command == le16(in, 12))
			smb2_commands[i].read(in, le32(in, 16) & SMB2_RESPONSE, m);
}

/* --------------------------------------------------------------------- walk */

/* One session message off the front, without its header */
static bool session_next(struct smb_walk *walk, struct bytes *out)
{
	uint32_t length;

	if (!smb_begins(walk->rest))
		return false;
	length = load32(walk->rest.p, true) & 0x00ffffffU;
	*out = part_of(walk->rest, SESSION_HEADER_LEN, length);
	walk->rest = part_of(walk->rest, SESSION_HEADER_LEN + (size_t)length, walk->rest.n);
	return true;
}

/* The front of the chain; what NextCommand points to goes on being the chain */
static struct bytes chain_next(struct smb_walk *walk)
{
	struct bytes in = walk->chain;
	uint32_t next = le32(in, 20);

	walk->chain = (struct bytes){ NULL, 0 };
	if (next < SMB2_HEADER_LEN)
		return in;
	if (has(in, next, SMB2_HEADER_LEN) && memcmp(in.p + next, in.p, 4) == 0)
		walk->chain = part_of(in, next, in.n);
	return part_of(in, 0, next);
}

bool smb_next(struct smb_walk *walk, struct smb_message *out)
{
	struct bytes in;

	*out = (struct smb_message){ .kind = SMB_OTHER };
	if (!walk->chain.n) {
		if (!session_next(walk, &in))
			return false;
		if (in.n >= SMB1_HEADER_LEN && in.p[0] == 0xff) {
			read1(in, out);
			return true;
		}
		if (in.n < SMB2_HEADER_LEN || in.p[0] != 0xfe)
			return true;
		walk->chain = in;
	}
	in = chain_next(walk);
	read2(in, out);
	return true;
}
