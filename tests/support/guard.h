/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard.h - input that ends at an unreadable page, and input written as hex
 *
 * A parser that reads one octet too far is stopped by the machine, in every build, not only where
 * a sanitizer watches.
 */
#ifndef SUPPORT_GUARD_H
#define SUPPORT_GUARD_H

#include "bytes.h"

/**
 * Copy @p n octets so that the octet behind the last one cannot be read.  The copy lives until
 * this was called another GUARD_SLOTS times.
 */
struct bytes guarded(const void *from, size_t n);
#define GUARD_SLOTS 8

/**
 * The octets that @p text spells as hex digits, guarded.  Everything from '#' to the end of a line
 * is a comment; blanks and '|' are for the eye.  "xx(NN)" is the octet xx NN (decimal) times.
 * Ends the program when @p text is something else.
 */
struct bytes octets_of(const char *text);

/** A guarded copy of @p from whose octets from @p at on are those that @p hex spells. */
struct bytes edited(struct bytes from, size_t at, const char *hex);

/** A guarded copy of the first @p n octets; lives until the next call of this function. */
struct bytes prefix(struct bytes from, size_t n);

/** The parts one after the other, guarded. */
struct bytes joined(struct bytes first, struct bytes second);

#endif
