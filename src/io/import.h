/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import.h - what other filters and Windows itself are told, as lines of a policy
 *
 *	import		files, characters, errors, which kind of file it is
 *	import_reg	exports of the registry: Rpc\Internet, ReservedPorts, MaxUserPort
 *	import_rpcfw	RpcFw.conf of rpcfirewall
 *	import_netsh	"netsh rpc filter": scripts and what "show filter" prints
 *	import_rule	a foreign rule as a line of the policy
 *
 * Whoever wrote the file is a stranger.  A mistake ends the import; what is understood but cannot
 * be said in a policy is told in a comment.  One pass, time and memory linear in the input.
 */
#ifndef IO_IMPORT_H
#define IO_IMPORT_H

#include <stdio.h>

#include "rpcgate.h"

#define IMPORT_MAX_FILE (1U << 20) /**< octets */

/** Where a mistake is; line 0: the file as a whole. */
struct import_error {
	uint32_t line;
	uint32_t column;               /**< octets of UTF-8, from 1 */
	char text[RPCGATE_ERROR_SIZE]; /**< one line; it may quote the file: show it with care */
};

/**
 * Turn a foreign configuration into lines of rpcgate-policy(5); the kind of file is recognised.
 * @param octets        @p n octets: UTF-8, or UTF-16 as Windows writes it
 * @param name          what comments call the file
 * @param before_vista  read MaxUserPort as Windows Server 2003 and older do
 * @param out           gets the lines; what was written before a mistake is of no use
 * @return false and *error on a mistake
 */
RPCGATE_MUST_USE bool import_text(const uint8_t *octets, size_t n, const char *name,
				  bool before_vista, FILE *out, struct import_error *error);

/** The same for a file; its name is what comments call it. */
RPCGATE_MUST_USE bool import_file(const char *path, bool before_vista, FILE *out,
				  struct import_error *error);

#endif
