/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.h - the program as a service: everything put together, and kept running
 *
 *	queue -> worker (engine) -> kernel	packets, in threads of their own
 *	outbox -> sink				what is told, here
 *	control, metrics			who asks, in threads of their own
 *
 * Nothing is changed before everything that can fail has been tried; from then on the gateway is
 * closed to what was not announced, also when this process dies.
 */
#ifndef LOOP_RUN_H
#define LOOP_RUN_H

#include <stdio.h>

#include "conf.h"
#include "rpcgate.h"

/** How it ended; the same numbers as the program's exit status. */
enum run_end { RUN_DONE = 0, RUN_FAILED = 1, RUN_BAD_CONFIG = 3 };

/**
 * Run until told to end (SIGTERM, SIGINT).
 * @param path     of the configuration, which is read again at SIGHUP
 * @param observe  whatever it says: let everything pass
 */
enum run_end run(const char *path, bool observe);
/** Print the table that run() would put into the kernel; change nothing. */
enum run_end run_print_rules(const char *path, bool observe, FILE *out);

#endif
