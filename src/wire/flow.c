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

uint64_t flow_hash_whole(const struct flows *flows, const struct flow_key *key, uint32_t low)
{
	uint32_t src, dst;

	if (!addr_is_ipv4(&key->addr[0]) || !addr_is_ipv4(&key->addr[1]))
		return flow_hash(flows, key);
	memcpy(&src, key->addr[0].octet + 12, sizeof(src));
	memcpy(&dst, key->addr[1].octet + 12, sizeof(dst));
	return (uint64_t)hash_sum_high4(&flows->ipv4, src, dst,
					(uint32_t)key->port[0] << 16 | key->port[1], key->zone)
		       << 32 |
	       low;
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

uint32_t flow_find_behind(const struct flows *flows, const struct packet *p, uint32_t zone,
			  unsigned side, uint32_t hash, uint32_t probe)
{
	uint32_t i;

	while ((i = table_next(&flows->table, hash, &probe)))
		if (flow_is_of(&flow_at(flows, i)->key, p, zone, side))
			break;
	return i;
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
