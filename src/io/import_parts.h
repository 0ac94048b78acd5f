/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import_parts.h - what the readers of import.h share; for them alone */
#ifndef IO_IMPORT_PARTS_H
#define IO_IMPORT_PARTS_H

#include "import.h"

#define IMPORT_NAME_SIZE 256
#define IMPORT_NET_SIZE 56 /* an address, "/128" and NUL */
#define IMPORT_SHOWN 60    /* octets of a word in a message */

struct import_word {
	const char *p;
	size_t n;
};

/* A text being read, line by line.  It is UTF-8 or something else beyond ASCII, without NUL. */
struct import_input {
	char name[IMPORT_NAME_SIZE]; /* harmless */
	const char *text;
	const char *end;
	const char *next; /* where the next line begins */
	struct import_word line;
	uint32_t number; /* of the line */
	bool before_vista;
	FILE *out;
	struct import_error *error;
};

/* Go to the next line, without its end; false if there is none */
bool import_line(struct import_input *in);
/* Say what is wrong at a place of the text; always false, so that a reader can end with it */
bool import_fail(struct import_input *in, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "read X, expected Y", at X */
bool import_expected(struct import_input *in, struct import_word word, const char *what);
/* The comment above what came from a line */
void import_origin(struct import_input *in, uint32_t line);

struct import_word import_trim(struct import_word word);
bool import_is(struct import_word word, const char *text);     /* case does not matter */
bool import_begins(struct import_word word, const char *text); /* likewise */
/* Take the first word, which ends at a space, from *rest; empty at the end */
struct import_word import_next_word(struct import_word *rest);
/* A number that fills the word, decimal or hexadecimal; false if it is none or above max */
bool import_number(struct import_word word, unsigned base, uint32_t max, uint32_t *out);
/* An address or network, written as a policy wants it */
bool import_net(struct import_word word, char net[IMPORT_NET_SIZE]);
/* A UUID, also in braces */
bool import_uuid(struct import_word word, struct rpcgate_uuid *uuid);

/* ---------------------------------------------------------------------- rules */

struct import_rule {
	uint32_t line;
	bool deny;
	bool log;
	bool has_uuid;
	bool has_opnum;
	bool over_udp;
	uint16_t opnum;
	uint8_t level; /* of auth, 0: any */
	struct rpcgate_uuid uuid;
	char from[IMPORT_NET_SIZE]; /* "": any */
	char to[IMPORT_NET_SIZE];
	const char *why_not; /* it cannot be imported; NULL: it can */
};

/* Write a rule, or why there is none */
void import_rule_write(struct import_input *in, const struct import_rule *rule);

/* -------------------------------------------------------------------- readers */

bool import_reg(struct import_input *in);
bool import_rpcfw(struct import_input *in);
bool import_netsh(struct import_input *in);

/* Whether a line belongs to this kind of file and to no other */
bool import_rpcfw_knows(struct import_word line);
bool import_netsh_knows(struct import_word line);

#endif
