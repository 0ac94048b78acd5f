/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy_file.h - policies come in files, which may name others */
#ifndef IO_POLICY_FILE_H
#define IO_POLICY_FILE_H

#include "rpcgate.h"

/**
 * Read a file, to be taken apart.
 * @param out  its text, owned by the caller, who frees text; name is @p path
 * @return false after the reason was told to standard error
 */
bool policy_file_load(const char *who, const char *path, struct rpcgate_policy_source *out);
/**
 * Parse a policy; files that it includes are looked for beside the one that names them.
 * @param who  in front of messages: the command
 * @return NULL after every mistake was told to standard error as FILE:LINE:COLUMN: what
 */
struct rpcgate_policy *policy_file_parse(const char *who,
					 const struct rpcgate_policy_source *source);
/** Both; lines about the running program (conf.h) are skipped. */
struct rpcgate_policy *policy_file_read(const char *who, const char *path);
/** Tell one mistake to standard error. */
void policy_file_tell(const struct rpcgate_policy_error *e);

#endif
