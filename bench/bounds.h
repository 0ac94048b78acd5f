/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bounds.h - what memory itself can do: nothing that looks keys up at random is faster */
#ifndef BENCH_BOUNDS_H
#define BENCH_BOUNDS_H

#include <stdint.h>

/** Nanoseconds of one step when the next line is known only once this one is here. */
double bound_chase_ns(uint64_t octets, uint64_t steps);
/** Nanoseconds of one line when lines are independent and asked for in batches of 32. */
double bound_lines_ns(uint64_t octets, uint64_t lines);

#endif
