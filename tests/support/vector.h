/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vector.h - the stub of a recorded request or response, as a parser takes it */
#ifndef SUPPORT_VECTOR_H
#define SUPPORT_VECTOR_H

#include "ndr.h"

/** The stub of tests/unit/vectors/@p name.hex, NDR, guarded.  Ends the program if there is none. */
struct ndr vector_stub(const char *name);

#endif
