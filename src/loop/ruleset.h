/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ruleset.h - the table "inet rpcgate": what is in the kernel, and why
 *
 * The kernel decides what it can decide alone, and asks for the rest:
 *
 *	inspect  (forward, before mangle)  every TCP packet that passes the gateway
 *	  |- of a connection that is none of our business: accepted with one look at its mark
 *	  |- of the server of an approved connection: accepted, only clients ask for interfaces
 *	  |- a first packet -> opening: a mapper port, a pinhole, a static line: admitted;
 *	  |		       else to the dynamic range: refused (reset, or dropped) and logged
 *	  '- of an admitted or approved connection -> ask: queued
 *	settle   (forward, after mangle)   what came back from the queue
 *	  |- keeps the standing of the connection in its conntrack mark
 *	  |- refused: reset, and so is everything that follows
 *	  '- whatever should have been asked about and was not: dropped
 *
 * Four bits of the packet mark and of the conntrack mark are ours, the other 28 are not touched.
 * The lower three hold a standing; the highest, in the packet mark alone, says "inspected, may
 * pass": a closed forward chain elsewhere accepts by it.
 *
 * Rules are written once, as steps that make both the netlink expression and the text that
 * --print-rules shows.
 */
#ifndef LOOP_RULESET_H
#define LOOP_RULESET_H

#include <stdio.h>

#include <libmnl/libmnl.h>

#include "rpcgate.h"

#define RULESET_TABLE "rpcgate"

/** What the three bits say; zero: nothing. */
enum mark_state {
	MARK_ADMITTED = 1,
	MARK_APPROVED = 2,
	MARK_REFUSED = 3,
	MARK_FOREIGN = 4, /**< not inspected any more, and not ours to let pass */
	MARK_LETGO = 5,   /**< approved, not inspected any more */
	MARK_STRAY = 6,   /**< to the queue alone: picked up in the middle */
	MARK_SERVED = 7   /**< approved since its first packet: the client's side is inspected */
};
#define MARK_STATES 7U
#define MARK_PASS 8U
#define MARK_ALL 15U

/** How packets get to the queue. */
enum queue_statement {
	QUEUE_BY_NFT, /**< the kernel's own queue statement */
	QUEUE_BY_XT   /**< the NFQUEUE target of xtables, in the same chain */
};

struct ruleset_plan {
	bool enforce;    /**< false: everything passes, also without a process */
	bool reset;      /**< refuse by reset, else by silence */
	bool first_bind; /**< approved connections leave the queue */
	enum queue_statement by;
	uint16_t queue_first, queue_last;
	uint16_t log_group;    /**< refused first packets are told there */
	uint32_t log_per_s;    /**< at most so many a second; counted all the same */
	unsigned mark_shift;   /**< where the four bits begin, 0 to 28 */
	uint32_t max_elements; /**< of each set that is filled while running */
	struct rpcgate_port_list mapper;
	struct rpcgate_port_list dynamic;
	const struct rpcgate_policy *policy; /**< for its openings; NULL: none */
};

/** Sets that are filled while running. */
enum ruleset_set {
	SET_PIN4, /**< client . server . port */
	SET_PIN6,
	SET_PAST4, /**< the same, and those that ended lately: their connections may live on */
	SET_PAST6,
	SET_UDP4, /**< open ones over UDP */
	SET_UDP6,
	SET_PAIR4, /**< client . server: hints and call-backs */
	SET_PAIR6,
	SET_COUNT
};

const char *ruleset_set_name(enum ruleset_set set);

/** Netlink messages that grow; see kernel.h for who sends them. */
struct messages {
	uint8_t *octets;
	size_t n, size;
	uint32_t seq;
	uint32_t count;
	bool failed; /**< memory was short */
};

/** Room for one message at the end; NULL when memory is short.  messages_done() keeps it. */
void *messages_room(struct messages *m);
void messages_done(struct messages *m, const struct nlmsghdr *nlh);
/** Open and close one transaction. */
void messages_begin(struct messages *m);
void messages_end(struct messages *m);

/**
 * The messages that put the table into the kernel, or take over one that an earlier process left:
 * its pinholes stay, its rules are made anew, and no packet sees anything in between.
 * @param flags  of the table: owner (2), persist (4)
 * @param anew   nothing of what was there stays; something has to be there
 */
void ruleset_install(const struct ruleset_plan *plan, uint32_t flags, bool anew,
		     struct messages *m);
/** The messages that change rules and ports to another plan; pinholes stay. */
void ruleset_change(const struct ruleset_plan *plan, struct messages *m);

/** One element: a key, and how long it lives. */
struct ruleset_element {
	enum ruleset_set set;
	struct rpcgate_addr client, server;
	uint16_t port; /**< pin sets */
	uint64_t timeout_ms;
};
/** Add an element, after deleting the one that is @p known to be there. */
void ruleset_put(const struct ruleset_element *e, bool known, struct messages *m);
void ruleset_delete(const struct ruleset_element *e, struct messages *m);

/** Print the table in the language of nft(8). */
void ruleset_print(const struct ruleset_plan *plan, FILE *out);

#endif
