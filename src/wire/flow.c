/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow.h"

bool flows_init(struct flows *flows, uint32_t max_flows, struct hash_key key)
{
	*flows = (struct flows){ .key = key };
	if (pool_init(&flows->pool, max_flows, sizeof(struct flow)) &&
	    table_init(&flows->table, max_flows))
		return true;
	flows_done(flows);
	return false;
}

void flows_done(struct flows *flows)
{
	pool_done(&flows->pool);
	table_done(&flows->table);
}

struct flow_key flow_key_of(const struct packet *packet, uint32_t zone, unsigned *side)
{
	int order = memcmp(&packet->src, &packet->dst, sizeof(packet->src));
	struct flow_key key;

	if (!order)
		order = packet->src_port < packet->dst_port ? -1 : 1;
	*side = order > 0;
	key.addr[*side] = packet->src;
	key.addr[!*side] = packet->dst;
	key.port[*side] = packet->src_port;
	key.port[!*side] = packet->dst_port;
	key.zone = zone;
	return key;
}

uint64_t flow_hash(const struct flows *flows, const struct flow_key *key)
{
	uint64_t word[sizeof(*key) / 8];

	_Static_assert(sizeof(*key) == 40, "the key has no padding");
	memcpy(word, key, sizeof(word));
	return hash_words(&flows->key, word, ARRAY_SIZE(word));
}

uint32_t flow_find(const struct flows *flows, const struct flow_key *key, uint64_t hash)
{
	uint32_t probe;

	for (uint32_t i = table_first(&flows->table, hash, &probe); i;
	     i = table_next(&flows->table, hash, &probe))
		if (memcmp(&flow_at(flows, i)->key, key, sizeof(*key)) == 0)
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
	return index;
}

void flow_free(struct flows *flows, uint32_t index)
{
	const struct flow *f = flow_at(flows, index);

	age_unlink(flows, f);
	table_remove(&flows->table, f->hash, index);
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
