/* SPDX-License-Identifier: BSD-2-Clause */
/* smb.h - just as much of SMB as shows RPC inside named pipes (MS-CIFS, MS-SMB2)
 *
 * NetBIOS session messages (RFC 1002 4.3.1), each with one SMB1 message or a chain of SMB2 ones.
 * Four kinds matter: a file is to be opened, it was opened, octets are written to it.  What was cut
 * off by the end of a segment is read as far as it goes; nothing here is judged.
 */
#ifndef RPC_SMB_H
#define RPC_SMB_H

#include "bytes.h"

#define SMB_FILE_LEN 16U

enum smb_kind {
	SMB_OTHER,
	SMB_OPEN,   /**< name, message */
	SMB_OPENED, /**< message, file */
	SMB_WRITE   /**< file, data: also the request half of a transaction */
};

struct smb_message {
	enum smb_kind kind;
	uint64_t message;           /**< ties an answer to its request */
	uint8_t file[SMB_FILE_LEN]; /**< SMB1: two octets, then zeros */
	bool wide;                  /**< the name is UTF-16LE */
	struct bytes name;          /**< as sent, foreign octets */
	struct bytes data;          /**< as far as it is there */
};

/** What is left to walk; made by smb_walk(). */
struct smb_walk {
	struct bytes rest;  /**< session messages */
	struct bytes chain; /**< SMB2 messages of the current one */
};

/** True if these octets begin with a session message that holds SMB, of either version. */
static inline bool smb_begins(struct bytes in)
{
	return in.n >= 8 && in.p[0] == 0 && (in.p[4] | 1) == 0xff && in.p[5] == 'S' &&
	       in.p[6] == 'M' && in.p[7] == 'B';
}

static inline struct smb_walk smb_walk(struct bytes in)
{
	return (struct smb_walk){ .rest = in };
}

/** The next message; false where something else than SMB follows, or nothing. */
MUST_USE bool smb_next(struct smb_walk *walk, struct smb_message *out);

#endif
