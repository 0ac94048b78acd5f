/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernel.h - the table in the kernel: put there, kept in step with what is open, left closed
 *
 * One netlink socket owns the table, for as long as the process lives; the kernel lets nobody else
 * change it, and keeps it when the process dies, where it can.  Any thread may call; each call is
 * one transaction that the kernel has confirmed when it returns.
 */
#ifndef LOOP_KERNEL_H
#define LOOP_KERNEL_H

#include "ruleset.h"

/** What happens to the table when the process ends, or somebody flushes the ruleset. */
enum kernel_keeping {
	KERNEL_PERSISTENT, /**< it stays, closed, and nobody else can remove it while we live */
	KERNEL_OWNED,      /**< nobody can remove it while we live, and it goes with us */
	KERNEL_PLAIN       /**< it stays, and anybody may remove it */
};

struct kernel;

/** NULL, with one line in @p err, without rights or without nf_tables. */
struct kernel *kernel_open(char err[RPCGATE_ERROR_SIZE]);
/** Lets go of the table, which stays if it can. */
void kernel_free(struct kernel *kernel);

/**
 * Put the table into the kernel, in the place of one that an earlier process left.
 * @param plan  plan->by is chosen here
 * @return false, and nothing changed: another process owns it, or the kernel lacks something
 */
bool kernel_install(struct kernel *kernel, struct ruleset_plan *plan, char err[RPCGATE_ERROR_SIZE]);
enum kernel_keeping kernel_keeping(const struct kernel *kernel);
/** True if there was a table that could not be taken over: nothing of it is left. */
bool kernel_replaced(const struct kernel *kernel);
/** Change rules and ports; pinholes stay. */
bool kernel_change(struct kernel *kernel, const struct ruleset_plan *plan,
		   char err[RPCGATE_ERROR_SIZE]);
/** Take the table away: the gateway is as if we had never been. */
bool kernel_remove(struct kernel *kernel, char err[RPCGATE_ERROR_SIZE]);
/** True if the table is there. */
bool kernel_is_there(struct kernel *kernel);

/** Its socket, for a process that closes all others. */
int kernel_fd(const struct kernel *kernel);
/** From now on another process does what is asked of us (keeper.h), but for installing and changing
 *  by a plan: it reads that from the configuration. */
void kernel_delegate(struct kernel *kernel, int keeper_fd);
/** Have the configuration read again there, or the table put there once more. */
bool kernel_reload_there(struct kernel *kernel, char err[RPCGATE_ERROR_SIZE]);
bool kernel_install_there(struct kernel *kernel, char err[RPCGATE_ERROR_SIZE]);

/** A change of one element. */
struct kernel_change {
	struct ruleset_element element;
	bool remove;
	bool known; /**< it is there already */
};
/**
 * Make changes in one transaction.  One that cannot be made (the set is full) is marked by
 * clearing its element's timeout, and the others are made without it.
 * @return how many were made
 */
size_t kernel_apply(struct kernel *kernel, struct kernel_change *change, size_t n);

struct kernel_stats {
	uint64_t transactions;
	uint64_t elements;
	uint64_t failures; /**< transactions that had to be repeated */
	uint64_t refused;  /**< elements that could not be added: the set is full */
	uint64_t denied;   /**< messages that the keeper did not carry out */
};
void kernel_stats(struct kernel *kernel, struct kernel_stats *stats);

#endif
