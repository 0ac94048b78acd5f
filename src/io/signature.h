/* SPDX-License-Identifier: GPL-3.0-or-later */
/* signature.h - what an alert says of itself, in the words of Suricata and MITRE ATT&CK */
#ifndef IO_SIGNATURE_H
#define IO_SIGNATURE_H

#include "rpcgate.h"

#define SIGNATURE_GID 13500

/** One row for each reason; ids never change and are never used again for something else. */
struct signature {
	unsigned int id;
	unsigned int rev;
	unsigned int severity; /**< 1 high, 2 medium, 3 low */
	const char *text;
	const char *category;  /**< a short description of Suricata's classification.config */
	const char *technique; /**< ATT&CK id, or NULL where none fits */
};

/** The signature of a reason; that of RPCGATE_REASON_NONE for a value outside the list. */
const struct signature *signature_of(enum rpcgate_reason reason);

/** The ATT&CK technique an interface is known for, by its name in the catalogue; NULL if none. */
const char *technique_of(const char *interface_name);

#endif
