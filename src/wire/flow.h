/* SPDX-License-Identifier: BSD-2-Clause */
/* flow.h - TCP connections under observation
 *
 * One entry holds both directions.  The key is normalised (lower end point first), so both
 * directions find it with one look-up; `side` says which end a packet comes from.  Entries live in
 * three age lists, one for each time limit, least recently used first: expiry and eviction take
 * from the head, no sweep is needed.
 */
#ifndef WIRE_FLOW_H
#define WIRE_FLOW_H

#include "hash.h"
#include "peek.h"
#include "pool.h"
#include "ports.h"
#include "recent.h"
#include "stream.h"
#include "table.h"

struct flow_key {
	struct rpcgate_addr addr[2];
	uint16_t port[2];
	uint32_t zone;
};

enum flow_age {
	FLOW_OPENING, /**< no payload yet, or too little to tell what it is */
	FLOW_WAITING, /**< connected, nothing said: what comes must have its beginning */
	FLOW_LIVE,    /**< inspected */
	FLOW_CLOSED, /**< FIN on both sides or RST; still inspected: a receiver may have ignored it */
	FLOW_AGES
};

#define SIDE_UNKNOWN 2U

struct flow {
	struct flow_key key;
	uint64_t hash;
	uint64_t id;
	uint64_t start_ns;
	uint64_t last_ns;
	uint64_t packets[2];
	uint64_t octets[2];
	struct stream stream[2];
	uint32_t older;
	uint32_t newer;
	uint32_t conv;        /**< the conversation on it, 0 = none */
	uint32_t isn[2];      /**< of the SYNs seen */
	uint32_t began[2];    /**< where reading began, without SYN */
	uint32_t pending_isn; /**< of a SYN in a live connection, until it is answered */
	uint32_t path[2];     /**< the interface that leads to each end; 0: not known */
	uint16_t vlan[2];
	uint8_t n_vlan;
	uint8_t age;          /**< enum flow_age */
	uint8_t client;       /**< 0, 1 or SIDE_UNKNOWN */
	uint8_t pending_side; /**< SIDE_UNKNOWN: none */
	bool has_isn[2];
	bool fin[2];
	bool sum_seen[2]; /**< a computed checksum was seen from this side */
	bool reset;
	bool midstream; /**< picked up without its SYN */
	bool conflict_told;
	bool path_told;
	bool refused;     /**< nothing more passes */
	bool syn_moved;   /**< a second SYN, with another number, came before the answer */
	bool must_fit;    /**< it was opened where only one protocol may be spoken */
	bool disbelieved; /**< nothing it says is believed any more */
	bool udp;         /**< in no table: two ends of a datagram, to tell events about */
	bool calm;        /**< the engine's: see is_steady() there */
	uint8_t standing; /**< what was said last, if it is calm */
	uint8_t why;      /**< enum rpcgate_reason of the refusal */
};

#define STRANGERS 32768U /* 768 KiB: as many as come in seconds where nobody attacks */

struct flows {
	struct pool pool;
	struct table table;
	struct hash_sums ipv4;
	struct hash_sums ipv6;
	struct {
		uint32_t oldest;
		uint32_t newest;
	} list[FLOW_AGES];
	uint64_t last_id;
	struct ports *ports;     /**< the engine's */
	struct recent strangers; /**< hashes of the flows that turned out to be foreign last */
};

/** @param ports  where ends of flows are counted, for as long as there are flows
 *  @return false if memory is short */
MUST_USE bool flows_init(struct flows *flows, uint32_t max_flows, struct hash_key key,
			 struct ports *ports);
void flows_done(struct flows *flows);

static inline struct flow *flow_at(const struct flows *flows, uint32_t index)
{
	return pool_at(&flows->pool, index);
}

static inline uint64_t flow_word_at(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/** The end that a packet comes from: 0 or 1.  Any total order will do, so the words are compared as
 *  the machine reads them: memcmp() costs three times as much. */
static inline unsigned flow_side_of(const struct packet *p)
{
	uint64_t src = flow_word_at(p->src.octet + 8), dst = flow_word_at(p->dst.octet + 8);

	if (src != dst)
		return src > dst;
	src = flow_word_at(p->src.octet);
	dst = flow_word_at(p->dst.octet);
	return src != dst ? src > dst : p->src_port >= p->dst_port;
}

/** Key of a packet that comes from this side. */
struct flow_key flow_key_of(const struct packet *packet, uint32_t zone, unsigned side);

uint64_t flow_hash(const struct flows *flows, const struct flow_key *key);
/** The same where the lower half of it is known. */
uint64_t flow_hash_whole(const struct flows *flows, const struct flow_key *key, uint32_t low);
uint32_t flow_hash_plain_ipv6(const struct flows *flows, const uint8_t *frame,
			      const struct rpcgate_ahead *ahead, uint32_t zone);
/** The lower half of it, of a frame that packet_peek() found to be plain. */
static inline uint32_t flow_hash_plain(const struct flows *flows, const uint8_t *frame,
				       const struct rpcgate_ahead *ahead, uint32_t zone)
{
	uint32_t src_port = peek_src_port(ahead);
	uint32_t dst_port = peek_dst_port(ahead);
	uint32_t src, dst, differ, ports, order; /* all ones, or none to swap the ends */

	if (ahead->kind & PEEK_IPV6)
		return flow_hash_plain_ipv6(flows, frame, ahead, zone);
	memcpy(&src, frame + peek_l3(ahead) + 12, sizeof(src));
	memcpy(&dst, frame + peek_l3(ahead) + 16, sizeof(dst));
	/* as flow_side_of(), and without a branch: as often the one is the lower as the other */
	order = ((src > dst) | ((src == dst) & (src_port >= dst_port))) - 1U;
	ports = ((src_port << 16 | dst_port) & order) | ((dst_port << 16 | src_port) & ~order);
	differ = (src ^ dst) & ~order;
	return hash_sum_low4(&flows->ipv4, src ^ differ, dst ^ differ, ports, zone);
}
/** What flow_find() and, of a packet that begins or ends something, flow_mark_stranger() will read.
 *  Always inline: gcc takes a function that only prefetches for one without effect, and leaves it out. */
__attribute__((always_inline)) static inline void flow_prefetch(const struct flows *flows,
								uint32_t hash)
{
	PREFETCH(&flows->table.slot[hash & flows->table.mask]);
	recent_prefetch(&flows->strangers, hash);
}
/** False if no flow has this lower half of its hash, which needs no look at any flow. */
static inline bool flow_may_exist(const struct flows *flows, uint32_t hash)
{
	uint32_t probe;

	return table_first(&flows->table, hash, &probe);
}

static inline uint64_t flow_addrs_differ(const struct rpcgate_addr *a, const struct rpcgate_addr *b)
{
	return (flow_word_at(a->octet) ^ flow_word_at(b->octet)) |
	       (flow_word_at(a->octet + 8) ^ flow_word_at(b->octet + 8));
}

/* Compared without a branch in between: nearly always it is the one */
static inline bool flow_is_of(const struct flow_key *key, const struct packet *p, uint32_t zone,
			      unsigned side)
{
	const uint32_t src_port = key->port[side], dst_port = key->port[!side];

	return !(flow_addrs_differ(&key->addr[side], &p->src) |
		 flow_addrs_differ(&key->addr[!side], &p->dst) | (src_port ^ p->src_port) |
		 (dst_port ^ p->dst_port) | (key->zone ^ zone));
}

/* Those behind the first one with its hash, which nearly always is the one */
uint32_t flow_find_behind(const struct flows *flows, const struct packet *p, uint32_t zone,
			  unsigned side, uint32_t hash, uint32_t probe);
/** The flow of a packet that comes from @p side, by the lower half of its hash; 0 if there is none. */
MUST_USE static inline uint32_t flow_find(const struct flows *flows, const struct packet *p,
					  uint32_t zone, unsigned side, uint32_t hash)
{
	uint32_t probe;
	const uint32_t first = table_first(&flows->table, hash, &probe);

	if (!first || flow_is_of(&flow_at(flows, first)->key, p, zone, side))
		return first;
	return flow_find_behind(flows, p, zone, side, hash, probe);
}

/** A new flow in FLOW_OPENING; 0 when the pool is full. */
MUST_USE uint32_t flow_new(struct flows *flows, const struct flow_key *key, uint64_t hash,
			   uint64_t now_ns);
/** Remove; what it holds must have been let go. */
void flow_free(struct flows *flows, uint32_t index);
/** Note that a packet came: youngest of its age. */
void flow_touch(struct flows *flows, uint32_t index, uint64_t now_ns, enum flow_age age);
/**
 * Remember that a flow is foreign, until as many as there is room for were found foreign after it:
 * so that octets inside it that look like the beginning of a conversation are not taken for one.
 * One that is marked again is the youngest again.
 */
static inline void flow_mark_stranger(struct flows *flows, uint64_t hash)
{
	recent_add(&flows->strangers, hash, 0);
}

static inline void flow_unmark_stranger(struct flows *flows, uint64_t hash)
{
	recent_forget(&flows->strangers, hash);
}

static inline bool flow_is_stranger(const struct flows *flows, uint64_t hash)
{
	return recent_find(&flows->strangers, hash);
}

/** The least recently used flow of an age, 0 if none. */
uint32_t flow_oldest(const struct flows *flows, enum flow_age age);

#endif
