/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy_file.h - policies come in files, which may name others */
#ifndef CLI_POLICY_FILE_H
#define CLI_POLICY_FILE_H

#include "rpcgate.h"

/**
 * Read a policy from a file; files that it includes are looked for beside the one that names them.
 * @param who  in front of messages: the command
 * @return NULL after every mistake was told to standard error as FILE:LINE:COLUMN: what
 */
struct rpcgate_policy *policy_file_read(const char *who, const char *path);

#endif
