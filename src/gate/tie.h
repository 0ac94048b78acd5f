/* SPDX-License-Identifier: BSD-2-Clause */
/* tie.h - what two hosts have to do with each other, where no announcement can be read
 *
 * Two things open a port that nobody announced, both only where somebody wrote it down, and both
 * as narrowly as they can be:
 *
 *	sealed hint   the client talked to this server's mapper or activator under encryption: for
 *		      30 s it may open at most 4 connections to the server's dynamic range, for
 *		      interfaces of the named group
 *	callback      the client bound an interface of this server through a pinhole: for as long
 *		      as that pinhole lives the server may connect back to the client's dynamic
 *		      range, for interfaces of the named group
 */
#ifndef GATE_TIE_H
#define GATE_TIE_H

#include "gate.h"

MUST_USE bool ties_init(struct rpcgate *g);
void ties_done(struct rpcgate *g);

/** This client's talk with this server could not be read. */
void tie_sealed(struct rpcgate *g, const struct flow *f);
/** What to do about talk that cannot be read. */
enum rpcgate_sealed sealed_what(const struct rpcgate *g);
/** This client was served through a pinhole that ends at @p until_ns. */
void tie_served(struct rpcgate *g, const struct flow *f, uint64_t until_ns);
/** True if some bind of this connection could pass by a hint or as a call-back. */
bool tie_admits(struct rpcgate *g, const struct flow *f);
/**
 * May this bind pass without an announcement?
 * @param j  a refusal; becomes CALLBACK, or SEALED (logged), or stays
 */
void tie_judge(struct rpcgate *g, const struct flow *f, const struct rpcgate_syntax *interface,
	       struct judgement *j);

#endif
