/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lab.h - network namespaces for tests: a middle one, and a host at each side of it
 *
 *	left host [lh] ---- [lm]  middle, where the test runs  [rm] ---- [rh] right host
 *
 * Needs root.  What fails ends the program: a test that goes on without its network proves nothing.
 */
#ifndef SUPPORT_LAB_H
#define SUPPORT_LAB_H

#include <stdbool.h>
#include <sys/types.h>

enum lab_side { LAB_LEFT, LAB_RIGHT };

struct lab {
	pid_t host[2]; /* each keeps a namespace */
};

extern const char *const lab_middle[2]; /* "lm", "rm" */
extern const char *const lab_host[2];   /* "lh", "rh" */

/** Move this process to a namespace of its own, for good, and make everything. */
void lab_make(struct lab *lab);
void lab_free(struct lab *lab);
/** Make one of the two links, whose names must be free; addresses 198.18.0.1 or .2, and 2001:db8::1 or
 *  2 of the host; checksums and what joins or cuts segments are the hosts' own. */
void lab_link(struct lab *lab, enum lab_side side);

/** Run a command of the shell; true if it succeeded.  printf() format. */
bool lab_try(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The same, on a host. */
bool lab_try_at(const struct lab *lab, enum lab_side side, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** Call a function in a process on a host; wait with lab_wait(). */
pid_t lab_start_at(const struct lab *lab, enum lab_side side, int (*run)(void *ctx), void *ctx);
/** The exit status, 128 and more for a signal. */
int lab_wait(pid_t pid);

#endif
