/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sandbox.h - give up what is not needed any more
 *
 * Two steps, both for good:
 *
 *	sandbox_drop()	user, capabilities, files, connections.  After everything that needs them was
 *			opened, before any thread is started: these are rights of a thread.
 *	sandbox_lock()	the system calls that remain.  After all threads were started; it is for all
 *			of them.
 *
 * No program can be executed after the first step, no privilege be regained, nobody attach to us.
 */
#ifndef LOOP_SANDBOX_H
#define LOOP_SANDBOX_H

#include <linux/capability.h>

#include "rpcgate.h"

/** A capability as a member of a set: SANDBOX_CAP(CAP_NET_ADMIN) */
#define SANDBOX_CAP(number) (UINT64_C(1) << (number))

/** True if the calling thread has it now: the kernel says EPERM for other reasons, too. */
bool sandbox_has(int capability);

/** A file or directory that may still be opened, with everything below it. */
struct sandbox_path {
	const char *path; /**< it must exist */
	bool write;       /**< and made, replaced, removed; else it may only be read */
};

struct sandbox {
	const char *user; /**< become this one, without further groups; NULL: stay */
	uint64_t keep;    /**< capabilities that stay, of those that there are */
	const struct sandbox_path *path;
	size_t n_paths;
};

/** What could not be had, for the operator. */
struct sandbox_report {
	int landlock_abi; /**< 0: the kernel has none; files stay as open as they are */
	char missing[RPCGATE_ERROR_SIZE]; /**< one line; empty if everything is in force */
};

/**
 * Become less.  Call it while there is one thread.
 * @param report  filled on success
 * @param err     one line, on failure: the process may have lost some rights and should end
 */
RPCGATE_MUST_USE bool sandbox_drop(const struct sandbox *sandbox, struct sandbox_report *report,
				   char err[RPCGATE_ERROR_SIZE]);

/** What a process still does beside reading, writing and waiting. */
enum sandbox_calls {
	SANDBOX_THREADS = 1, /**< starts threads */
	SANDBOX_DEVICES = 2, /**< opens packet sockets, asks and sets devices: a bridge */
	SANDBOX_STRICT =
		4, /**< any other call ends the process; without: EPERM, and the kernel logs */
	SANDBOX_CAPTURE = 8 /**< reads packets of a device: may ask whether that is up */
};

/**
 * Allow a list of system calls, for all threads of the process.
 * @param calls  of enum sandbox_calls
 * @param err    one line, on failure
 */
RPCGATE_MUST_USE bool sandbox_lock(unsigned int calls, char err[RPCGATE_ERROR_SIZE]);

#endif
