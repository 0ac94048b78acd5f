/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state.h - what is open and known, kept in a file over a restart
 *
 * Lines of JSON; the first says what it is.  Ends are kept as what was left of a life when the
 * file was written: on reading, the time since then is taken off, so a clock that was set back
 * gives nobody a longer life than the rules do (rpcgate_restore_pinhole() caps it).
 */
#ifndef LOOP_STATE_H
#define LOOP_STATE_H

#include "worker.h"

#define STATE_VERSION 1

struct state_counts {
	size_t pinholes;
	size_t bindings;
	size_t refused; /**< lines that may not be restored: ports, limits */
	size_t wrong;   /**< lines that were not understood */
};

/** Write all engines' state in place of @p path, whole or not at all, but never in place of what is
 *  no state of ours, or that of a later version. */
bool state_save(const char *path, struct worker *const *worker, size_t n,
		struct state_counts *counts, char err[RPCGATE_ERROR_SIZE]);
/**
 * Restore a file into every engine: which of them will see a pair of hosts only the kernel knows.
 * @return false if there is a file and it cannot be used; what was read before counts
 */
bool state_load(const char *path, struct worker *const *worker, size_t n,
		struct state_counts *counts, char err[RPCGATE_ERROR_SIZE]);

#endif
