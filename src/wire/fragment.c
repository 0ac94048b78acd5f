/* SPDX-License-Identifier: BSD-2-Clause */
#include "addr.h"
#include "fragment.h"

#define BLOCK 8U /* fragments are cut at multiples of 8 octets */
#define BLOCKS (DATAGRAM_MAX_OCTETS / BLOCK + 1U)

struct datagram_key {
	struct rpcgate_addr src;
	struct rpcgate_addr dst;
	uint32_t id;
	uint32_t zone;
};

struct datagram {
	struct datagram_key key;
	uint64_t hash;
	uint64_t since_ns;
	uint8_t *octets;
	uint32_t total;   /* 0 until the last fragment came */
	uint32_t highest; /* end of what came */
	uint32_t blocks;  /* how many blocks came */
	uint32_t older;
	uint32_t newer;
	uint8_t proto; /* as the first fragment says */
	bool poisoned;
	uint8_t have[BLOCKS / 8 + 1]; /* a bit for each block */
};

bool fragments_init(struct fragments *f, uint32_t max_datagrams, struct hash_key key,
		    struct arena *arena)
{
	*f = (struct fragments){ .key = key, .arena = arena };
	if (pool_init(&f->datagrams, max_datagrams, sizeof(struct datagram)) &&
	    table_init(&f->table, max_datagrams))
		return true;
	fragments_done(f);
	return false;
}

void fragments_done(struct fragments *f)
{
	pool_done(&f->datagrams);
	table_done(&f->table);
}

static struct datagram *at(const struct fragments *f, uint32_t index)
{
	return pool_at(&f->datagrams, index);
}

static uint64_t key_hash(const struct fragments *f, const struct datagram_key *key)
{
	uint64_t word[sizeof(*key) / 8];

	_Static_assert(sizeof(*key) == 40, "the key has no padding");
	memcpy(word, key, sizeof(word));
	return hash_words(&f->key, word, ARRAY_SIZE(word));
}

void fragments_release(struct fragments *f, uint32_t handle)
{
	struct datagram *d = at(f, handle);

	if (d->older)
		at(f, d->older)->newer = d->newer;
	else
		f->oldest = d->newer;
	if (d->newer)
		at(f, d->newer)->older = d->older;
	else
		f->newest = d->older;
	table_remove(&f->table, d->hash, handle);
	arena_give(f->arena, d->octets);
	pool_give(&f->datagrams, handle);
}

static void give_up_oldest(struct fragments *f)
{
	/* a poisoned one was counted when it was refused */
	f->dropped += !at(f, f->oldest)->poisoned;
	fragments_release(f, f->oldest);
}

void fragments_expire(struct fragments *f, uint64_t now_ns)
{
	while (f->oldest && now_ns - at(f, f->oldest)->since_ns > DATAGRAM_TIMEOUT_NS)
		give_up_oldest(f);
}

static uint32_t make(struct fragments *f, const struct datagram_key *key, uint64_t hash,
		     uint64_t now_ns)
{
	struct datagram *d;
	uint32_t i;

	if (f->datagrams.used == f->datagrams.capacity) {
		if (f->refuse_new)
			return 0;
		give_up_oldest(f);
	}
	i = pool_take(&f->datagrams);
	d = at(f, i);
	d->key = *key;
	d->hash = hash;
	d->since_ns = now_ns;
	d->older = f->newest;
	if (f->newest)
		at(f, f->newest)->newer = i;
	else
		f->oldest = i;
	f->newest = i;
	table_add(&f->table, hash, i);
	return i;
}

static uint32_t find(struct fragments *f, const struct packet *packet, uint32_t zone,
		     uint64_t now_ns)
{
	struct datagram_key key = { packet->src, packet->dst, packet->fragment.id, zone };
	uint64_t hash;
	uint32_t probe;

	/* 16 bits of identification, and the protocol beside them (RFC 791 3.2) */
	if (rpcgate_addr_is_ipv4(&packet->src))
		key.id |= (uint32_t)packet->proto << 16;
	hash = key_hash(f, &key);
	for (uint32_t i = table_first(&f->table, hash, &probe); i;
	     i = table_next(&f->table, hash, &probe))
		if (memcmp(&at(f, i)->key, &key, sizeof(key)) == 0)
			return i;
	return make(f, &key, hash, now_ns);
}

static bool block_set(const struct datagram *d, uint32_t block)
{
	return d->have[block / 8] >> (block % 8) & 1;
}

/* Room for @p end octets; growth copies what came */
static bool reserve(struct fragments *f, struct datagram *d, uint32_t end)
{
	uint8_t *larger;

	if (end <= arena_size(f->arena, d->octets))
		return true;
	larger = arena_take(f->arena, end);
	if (!larger)
		return false;
	if (d->octets)
		memcpy(larger, d->octets, d->highest);
	arena_give(f->arena, d->octets);
	d->octets = larger;
	return true;
}

/* Shape rules: what no honest sender makes */
static bool plausible(const struct datagram *d, const struct packet *packet)
{
	const struct fragment *piece = &packet->fragment;
	uint32_t end = piece->offset + packet->l4_len;

	if (!piece->complete || !packet->l4_len || end > DATAGRAM_MAX_OCTETS)
		return false;
	if (piece->more && packet->l4_len % BLOCK)
		return false;
	if (d->total && (end > d->total || (!piece->more && end != d->total)))
		return false;
	if (!piece->more && end < d->highest)
		return false;
	/* a TCP header cut in two hides the ports from simpler filters (RFC 1858) */
	return piece->offset || packet->proto != IP_PROTO_TCP || packet->l4_len >= 20;
}

/* PARSE_OK: new octets; PARSE_MORE: an exact repetition; PARSE_BAD: an overlap */
static enum parse overlap(const struct datagram *d, const struct packet *packet)
{
	uint32_t first = packet->fragment.offset / BLOCK;
	uint32_t last = first + (packet->l4_len + BLOCK - 1) / BLOCK;
	uint32_t known = 0;

	for (uint32_t b = first; b < last; b++)
		known += block_set(d, b);
	if (!known)
		return PARSE_OK;
	if (known == last - first && packet->fragment.offset + packet->l4_len <= d->highest &&
	    memcmp(d->octets + packet->fragment.offset, packet->l4.p, packet->l4_len) == 0)
		return PARSE_MORE;
	return PARSE_BAD;
}

static void store(struct datagram *d, const struct packet *packet)
{
	const struct fragment *piece = &packet->fragment;
	uint32_t end = piece->offset + packet->l4_len;

	memcpy(d->octets + piece->offset, packet->l4.p, packet->l4_len);
	for (uint32_t b = piece->offset / BLOCK; b * BLOCK < end; b++) {
		d->have[b / 8] = (uint8_t)(d->have[b / 8] | 1U << (b % 8));
		d->blocks++;
	}
	if (end > d->highest)
		d->highest = end;
	if (!piece->more)
		d->total = end;
	if (!piece->offset)
		d->proto = packet->proto;
}

enum parse fragments_add(struct fragments *f, uint32_t zone, uint64_t now_ns, struct packet *packet,
			 struct bytes *joined, uint32_t *handle)
{
	struct datagram *d;
	enum parse fresh;

	fragments_expire(f, now_ns);
	*handle = find(f, packet, zone, now_ns);
	if (!*handle) {
		f->dropped++;
		return PARSE_BAD;
	}
	d = at(f, *handle);
	if (d->poisoned)
		return PARSE_BAD;
	fresh = plausible(d, packet) ? overlap(d, packet) : PARSE_BAD;
	if (fresh == PARSE_OK && !reserve(f, d, packet->fragment.offset + packet->l4_len))
		fresh = PARSE_BAD;
	if (fresh == PARSE_BAD) {
		d->poisoned = true;
		f->dropped++;
		arena_give(f->arena, d->octets);
		d->octets = NULL;
		return PARSE_BAD;
	}
	if (fresh == PARSE_MORE)
		return PARSE_MORE;
	store(d, packet);
	if (!d->total || d->blocks != (d->total + BLOCK - 1) / BLOCK)
		return PARSE_MORE;
	packet->proto = d->proto;
	*joined = (struct bytes){ d->octets, d->total };
	return PARSE_OK;
}
