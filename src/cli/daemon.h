/* SPDX-License-Identifier: GPL-3.0-or-later */
/* daemon.h - what a command asks the running 'rpcgate run' */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

#include "rpcgate.h"

#define DAEMON_SOCKET "/run/rpcgate/control"

/**
 * Ask where it writes its events.
 * @param socket  where it answers
 * @return the first file, to be freed; NULL, with one line in @p err, if nobody answers or there is
 *         none
 */
char *daemon_events(const char *socket, char err[RPCGATE_ERROR_SIZE]);

#endif
