/* SPDX-License-Identifier: BSD-2-Clause */
#include "addr.h"
#include "flow.h"

bool flows_init(struct flows *flows, uint32_t max_flows, struct hash_key key, struct ports *ports)
{
	/* numbers of their own for each, so that no key of one kind meets one of the other by design */
	*flows = (struct flows){ .ipv4 = hash_sums_of(&key, 4),
				 .ipv6 = hash_sums_of(&key, 6),
				 .ports = ports };
	if (pool_init(&flows->pool, max_flows, sizeof(struct flow)) &&
	    table_init(&flows->table, max_flows) && recent_init(&flows->strangers, STRANGERS))
		return true;
	flows_done(flows);
	return false;
}

void flows_done(struct flows *flows)
{
	pool_done(&flows->pool);
	table_done(&flows->table);
	recent_done(&flows->strangers);
}

static uint64_t word_at(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Any total order will do, so the words are compared as the machine reads them.  This runs for
 * every packet: memcmp() costs three times as much. */
unsigned flow_side_of(const struct packet *p)
{
	uint64_t src = word_at(p->src.octet + 8), dst = word_at(p->dst.octet + 8);

	if (src != dst)
		return src > dst;
	src = word_at(p->src.octet);
	dst = word_at(p->dst.octet);
	return src != dst ? src > dst : p->src_port >= p->dst_port;
}

struct flow_key flow_key_of(const struct packet *packet, uint32_t zone, unsigned side)
{
	if (!side)
		return (struct flow_key){ { packet->src, packet->dst },
					  { packet->src_port, packet->dst_port },
					  zone };
	return (struct flow_key){ { packet->dst, packet->src },
				  { packet->dst_port, packet->src_port },
				  zone };
}

uint64_t flow_hash(const struct flows *flows, const struct flow_key *key)
{
	uint32_t word[sizeof(*key) / 4];

	_Static_assert(sizeof(word) / 4 <= HASH_SUM_WORDS, "a sum takes that many words");
	if (addr_is_ipv4(&key->addr[0]) && addr_is_ipv4(&key->addr[1])) {
		/* the first 12 octets of both are the same for all IPv4 */
		memcpy(&word[0], key->addr[0].octet + 12, 4);
		memcpy(&word[1], key->addr[1].octet + 12, 4);
		word[2] = (uint32_t)key->port[0] << 16 | key->port[1];
		word[3] = key->zone;
		return hash_sum(&flows->ipv4, word, 4);
	}
	memcpy(word, key, sizeof(*key));
	return hash_sum(&flows->ipv6, word, ARRAY_SIZE(word));
}

uint32_t flow_hash_plain_ipv6(const struct flows *flows, const uint8_t *frame,
			      const struct rpcgate_ahead *ahead, uint32_t zone)
{
	struct packet p = { .src_port = peek_src_port(ahead), .dst_port = peek_dst_port(ahead) };
	uint32_t word[sizeof(struct flow_key) / 4];
	struct flow_key key;

	memcpy(p.src.octet, frame + peek_l3(ahead) + 8, sizeof(p.src));
	memcpy(p.dst.octet, frame + peek_l3(ahead) + 24, sizeof(p.dst));
	key = flow_key_of(&p, zone, flow_side_of(&p));
	memcpy(word, &key, sizeof(key));
	return hash_sum_low(&flows->ipv6, word, ARRAY_SIZE(word));
}

static inline uint64_t addrs_differ(const struct rpcgate_addr *a, const struct rpcgate_addr *b)
{
	return (word_at(a->octet) ^ word_at(b->octet)) |
	       (word_at(a->octet + 8) ^ word_at(b->octet + 8));
}

/* A packet's ends in the order of keys */
struct ends {
	const struct rpcgate_addr *addr[2];
	uint16_t port[2];
	uint32_t zone;
};

/* Compared without a branch in between: nearly always it is the one */
static inline bool is_of(const struct flow_key *key, const struct ends *e)
{
	uint32_t ports, wanted;

	memcpy(&ports, key->port, sizeof(ports));
	memcpy(&wanted, e->port, sizeof(wanted));
	return !(addrs_differ(&key->addr[0], e->addr[0]) | addrs_differ(&key->addr[1], e->addr[1]) |
		 (ports ^ wanted) | (key->zone ^ e->zone));
}

uint32_t flow_find(const struct flows *flows, const struct packet *p, uint32_t zone, unsigned side,
		   uint32_t hash)
{
	const struct ends ends = {
		{ side ? &p->dst : &p->src, side ? &p->src : &p->dst },
		{ side ? p->dst_port : p->src_port, side ? p->src_port : p->dst_port },
		zone,
	};
	uint32_t probe;

	for (uint32_t i = table_first(&flows->table, hash, &probe); i;
	     i = table_next(&flows->table, hash, &probe))
		if (is_of(&flow_at(flows, i)->key, &ends))
			return i;
	return 0;
}

static void age_link(struct flows *flows, uint32_t index, enum flow_age age)
{
	struct flow *f = flow_at(flows, index);

	f->age = (uint8_t)age;
	f->older = flows->list[age].newest;
	f->newer = 0;
	if (f->older)
		flow_at(flows, f->older)->newer = index;
	else
		flows->list[age].oldest = index;
	flows->list[age].newest = index;
}

static void age_unlink(struct flows *flows, const struct flow *f)
{
	if (f->older)
		flow_at(flows, f->older)->newer = f->newer;
	else
		flows->list[f->age].oldest = f->newer;
	if (f->newer)
		flow_at(flows, f->newer)->older = f->older;
	else
		flows->list[f->age].newest = f->older;
}

uint32_t flow_new(struct flows *flows, const struct flow_key *key, uint64_t hash, uint64_t now_ns)
{
	uint32_t index = pool_take(&flows->pool);
	struct flow *f;

	if (!index)
		return 0;
	f = flow_at(flows, index);
	f->key = *key;
	f->hash = hash;
	f->id = ++flows->last_id;
	f->start_ns = now_ns;
	f->last_ns = now_ns;
	f->client = SIDE_UNKNOWN;
	f->pending_side = SIDE_UNKNOWN;
	age_link(flows, index, FLOW_OPENING);
	table_add(&flows->table, hash, index);
	ports_count(flows->ports, PORTS_FLOW, key->port[0], true);
	ports_count(flows->ports, PORTS_FLOW, key->port[1], true);
	return index;
}

void flow_free(struct flows *flows, uint32_t index)
{
	const struct flow *f = flow_at(flows, index);

	age_unlink(flows, f);
	table_remove(&flows->table, f->hash, index);
	ports_count(flows->ports, PORTS_FLOW, f->key.port[0], false);
	ports_count(flows->ports, PORTS_FLOW, f->key.port[1], false);
	pool_give(&flows->pool, index);
}

void flow_touch(struct flows *flows, uint32_t index, uint64_t now_ns, enum flow_age age)
{
	struct flow *f = flow_at(flows, index);

	f->last_ns = now_ns;
	if (!f->newer && f->age == age)
		return; /* the youngest already */
	age_unlink(flows, f);
	age_link(flows, index, age);
}

uint32_t flow_oldest(const struct flows *flows, enum flow_age age)
{
	return flows->list[age].oldest;
}
