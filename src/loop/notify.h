/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify.h - tell the service manager how we are
 *
 * The protocol of sd_notify(3): datagrams of NAME=value lines to the socket that $NOTIFY_SOCKET
 * names, a path or "@" and an abstract name.  Without it nothing is sent and everything is fine.
 */
#ifndef LOOP_NOTIFY_H
#define LOOP_NOTIFY_H

#include "rpcgate.h"

struct notify {
	int fd;               /**< -1: nobody wants to know */
	uint64_t watchdog_ns; /**< call notify_watchdog() that often; 0: not wanted */
};

/**
 * Read the environment, and connect: later the sandbox is closed.
 * @param err  one line, on failure
 * @return false if somebody wants to know but cannot be reached; @p notify can be used all the same
 */
bool notify_open(struct notify *notify, char err[RPCGATE_ERROR_SIZE]);
void notify_close(struct notify *notify);

/** We work, or work again after notify_reloading(). */
void notify_ready(const struct notify *notify, const char *status);
/** Configuration is being read again. */
void notify_reloading(const struct notify *notify);
/** We are about to end. */
void notify_stopping(const struct notify *notify);
/** One line for people; line ends in it become spaces. */
void notify_status(const struct notify *notify, const char *status);
/** We are alive. */
void notify_watchdog(const struct notify *notify);

#endif
