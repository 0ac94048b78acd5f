/* SPDX-License-Identifier: BSD-2-Clause */
/* pinhole.c - permissions, each with an end
 *
 * A pinhole is a client, a server and a port; its grants are the interfaces, each with two
 * deadlines: `until`, after which nothing more passes, and the end of the record time, until which
 * an expired grant is remembered to tell "ran out" from "never announced".  The first is exact: it
 * is compared at every look-up.  The sweep only tells of expiry and makes room; it walks an array of
 * ends in bounded slices, because that costs under a nanosecond an entry where a timing wheel pays a
 * cache miss for each.  Of what it finds it tells a bounded number with each packet: a million that
 * run out in one second delay nobody.
 */
#include <stdlib.h>

#include "gate.h"

#define SWEEP_FOR_ROOM 256U /* pinholes looked at to make room before a limit is admitted */
#define TOLD_AT_ONCE 32U    /* pinholes that ran out, told twice that with one packet: some 20 us */

/* How many pinholes one address has, in either role.  The shares count open ones alone: what has
 * run out and is merely remembered must not keep its client from learning. */
struct peer {
	struct rpcgate_addr addr;
	uint32_t zone;
	uint32_t role; /* 0 client, 1 server */
	uint32_t hash;
	uint32_t n; /* open and remembered */
	uint32_t open;
};

struct pinhole *pinhole_at(const struct rpcgate *g, uint32_t index)
{
	return pool_at(&g->pinholes.pool, index);
}

static struct pinhole *at(const struct rpcgate *g, uint32_t index)
{
	return pinhole_at(g, index);
}

struct grant *grant_at(const struct rpcgate *g, uint32_t index)
{
	uint32_t first = g->pinholes.pool.capacity;

	return index <= first ? &at(g, index)->first : pool_at(&g->pinholes.grants, index - first);
}

static struct peer *peer_at(const struct rpcgate *g, uint32_t index)
{
	return pool_at(&g->pinholes.peers, index);
}

void pinholes_mark_ports(struct rpcgate *g, bool on)
{
	static const uint16_t fixed[] = { PIPE_PORT_NETBIOS, PIPE_PORT_SMB, DATAGRAM_MAPPER_PORT };
	const struct rpcgate_port_list *mappers = &g->cfg.mapper_ports;

	for (uint32_t i = 0; i < mappers->n; i++)
		for (uint32_t port = mappers->range[i].first; port <= mappers->range[i].last;
		     port++)
			ports_count(&g->ports, PORTS_PINHOLE, (uint16_t)port, on);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		ports_count(&g->ports, PORTS_PINHOLE, fixed[i], on);
}

bool pinholes_init(struct rpcgate *g)
{
	struct pinholes *p = &g->pinholes;
	uint32_t n = g->cfg.max_pinholes;

	_Static_assert(sizeof(struct pinhole) == POOL_LINE, "one line tells all of most pinholes");
	p->sums = hash_sums_of(&g->key, 40);
	pinholes_mark_ports(g, true);
	/* twice as many grants as pinholes: most have one, DCOM and multi-service clients more */
	return pool_init(&p->pool, n, sizeof(struct pinhole)) &&
	       pool_init(&p->grants, n * 2, sizeof(struct grant)) &&
	       pool_init(&p->peers, n * 2, sizeof(struct peer)) &&
	       syntaxes_init(&p->syntaxes, n * 2) &&
	       leases_init(&p->leases, n, g->cfg.mode == RPCGATE_ENFORCE, &g->key) &&
	       table_init(&p->peer_table, n * 2);
}

void pinholes_done(struct rpcgate *g)
{
	struct pinholes *p = &g->pinholes;

	pool_done(&p->pool);
	pool_done(&p->grants);
	pool_done(&p->peers);
	syntaxes_done(&p->syntaxes);
	leases_done(&p->leases);
	table_done(&p->peer_table);
}

/* -------------------------------------------------------------------- peers */

static uint32_t peer_hash(const struct rpcgate *g, const struct rpcgate_addr *addr, uint32_t zone,
			  uint32_t role)
{
	uint32_t word[6];

	memcpy(word, addr, sizeof(*addr));
	word[4] = zone;
	word[5] = role;
	return hash_sum_low(&g->sums, word, ARRAY_SIZE(word));
}

static uint32_t peer_find(const struct rpcgate *g, const struct rpcgate_addr *addr, uint32_t zone,
			  uint32_t role, uint32_t hash)
{
	const struct table *t = &g->pinholes.peer_table;
	uint32_t probe;

	for (uint32_t i = table_first(t, hash, &probe); i; i = table_next(t, hash, &probe)) {
		const struct peer *p = peer_at(g, i);

		if (addr_equal(&p->addr, addr) && p->zone == zone && p->role == role)
			return i;
	}
	return 0;
}

static uint32_t peer_of(struct rpcgate *g, const struct rpcgate_addr *addr, uint32_t zone,
			uint32_t role)
{
	uint32_t hash = peer_hash(g, addr, zone, role);
	uint32_t index = peer_find(g, addr, zone, role, hash);

	if (index)
		return index;
	/* cannot fail: there are as many peers as pinholes have ends */
	index = pool_take(&g->pinholes.peers);
	*peer_at(g, index) = (struct peer){ *addr, zone, role, hash, 0, 0 };
	table_add(&g->pinholes.peer_table, hash, index);
	return index;
}

static void peer_leave(struct rpcgate *g, uint32_t index)
{
	struct peer *p = peer_at(g, index);

	if (--p->n)
		return;
	table_remove(&g->pinholes.peer_table, p->hash, index);
	pool_give(&g->pinholes.peers, index);
}

static uint32_t peer_count(const struct rpcgate *g, const struct rpcgate_addr *addr, uint32_t zone,
			   uint32_t role)
{
	uint32_t index = peer_find(g, addr, zone, role, peer_hash(g, addr, zone, role));

	return index ? peer_at(g, index)->open : 0;
}

/* ------------------------------------------------------------------- events */

static uint64_t record_ns(const struct rpcgate *g)
{
	return (uint64_t)g->cfg.pinhole_record_s * NS_PER_S;
}

/* A client may come back through it */
static bool reconnects(const struct rpcgate *g, const struct grant *grant)
{
	return !grant->open && !grant->closed && g->cfg.reconnect != RPCGATE_RECONNECT_BLOCK &&
	       g->now_ns - grant->until_ns < record_ns(g);
}

bool pinhole_reconnects(const struct rpcgate *g, const struct pinhole *p)
{
	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next)
		if (reconnects(g, grant_at(g, i)))
			return true;
	return false;
}

static uint32_t slot_of(const struct rpcgate *g, const struct pinhole *p)
{
	const struct pool *pool = &g->pinholes.pool;

	return (uint32_t)(((uintptr_t)p - (uintptr_t)pool->memory) / pool->object_size);
}

/* Until when a connection to this port may pass */
static uint64_t port_until(const struct rpcgate *g, const struct pinhole *p)
{
	uint64_t latest = 0;

	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next) {
		const struct grant *grant = grant_at(g, i);
		uint64_t until = grant->open          ? grant->until_ns :
				 reconnects(g, grant) ? grant->until_ns + record_ns(g) :
							0;

		if (until > latest)
			latest = until;
	}
	return latest ? captured_ns(g, latest) : 0;
}

static struct rpcgate_pinhole_event *tell(struct rpcgate *g, const struct flow *f,
					  const struct pinhole_key *key, const struct pinhole *p,
					  const struct grant *grant,
					  enum rpcgate_pinhole_action action)
{
	struct rpcgate_event *e = event_new(g, RPCGATE_EVENT_PINHOLE, f);

	if (!f) {
		e->src = key->client;
		e->dest = key->server;
		e->dest_port = key->port;
		e->proto = key->proto;
		e->zone = key->zone;
	}
	e->parent_id = grant->parent;
	e->u.pinhole = (struct rpcgate_pinhole_event){
		.action = action,
		.source = grant->source,
		.proto = key->proto,
		.id = p ? p->id : 0,
		.slot = p ? slot_of(g, p) : 0,
		.client = key->client,
		.server = key->server,
		.port = key->port,
		.interface = *pinhole_interface(g, grant),
		.ttl_s = g->cfg.pinhole_ttl_s,
		.uses = grant->uses,
		.until_ns = captured_ns(g, grant->until_ns),
		.port_until_ns = p ? port_until(g, p) : 0,
	};
	return &e->u.pinhole;
}

static struct rpcgate_pinhole_event *tell_of(struct rpcgate *g, const struct flow *f,
					     const struct pinhole *p, const struct grant *grant,
					     enum rpcgate_pinhole_action action)
{
	struct pinhole_key key = pinhole_key(g, p);

	return tell(g, f, &key, p, grant, action);
}

/* ------------------------------------------------------------------ look-up */

struct pinhole_key pinhole_key(const struct rpcgate *g, const struct pinhole *p)
{
	const struct peer *client = peer_at(g, p->client);

	return (struct pinhole_key){
		client->addr, peer_at(g, p->server)->addr,          client->zone,
		p->port,      p->udp ? IP_PROTO_UDP : IP_PROTO_TCP, 0
	};
}

const struct rpcgate_syntax *pinhole_interface(const struct rpcgate *g, const struct grant *grant)
{
	return syntax_at(&g->pinholes.syntaxes, grant->interface);
}

struct pinhole_key pinhole_key_of(const struct flow *f, uint16_t port)
{
	return (struct pinhole_key){ *client_addr(f),
				     *server_addr(f),
				     f->key.zone,
				     port,
				     f->udp ? IP_PROTO_UDP : IP_PROTO_TCP,
				     0 };
}

/* IPv4 in a zone of 15 bits fits as it is, with a bit for the protocol, as ports of TCP and UDP are
 * two; of anything else a digest, and the pinhole tells */
static struct lease_key lease_key_of(const struct rpcgate *g, const struct pinhole_key *key)
{
	uint32_t word[sizeof(*key) / 4];

	_Static_assert(sizeof(*key) == 40 && sizeof(word) / 4 <= HASH_SUM_WORDS,
		       "the key has no padding, and a sum takes it");
	if (addr_is_ipv4(&key->client) && addr_is_ipv4(&key->server) && key->zone <= INT16_MAX) {
		uint32_t udp = key->proto == IP_PROTO_UDP;
		uint32_t client, server;

		memcpy(&client, key->client.octet + 12, sizeof(client));
		memcpy(&server, key->server.octet + 12, sizeof(server));
		return (struct lease_key){ (uint64_t)client << 32 | server,
					   key->zone << 17 | udp << 16 | key->port };
	}
	memcpy(word, key, sizeof(*key));
	/* 64 bits of a digest and the port: two keys meet with probability 2^-64 */
	return (struct lease_key){ hash_sum(&g->pinholes.sums, word, ARRAY_SIZE(word)),
				   (uint32_t)key->proto << 16 | key->port };
}

static uint32_t index_of(const struct rpcgate *g, const struct pinhole *p)
{
	return (uint32_t)(p - at(g, 0));
}

/* Note in the table until when one of the grants is open (0: none is), and for the sweep when the
 * next of them ends or is forgotten */
static void note_ends(struct rpcgate *g, const struct pinhole *p)
{
	struct leases *leases = &g->pinholes.leases;
	struct pinhole_key key = pinhole_key(g, p);
	uint64_t last = 0, next = UINT64_MAX / 2;

	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next) {
		const struct grant *grant = grant_at(g, i);
		uint64_t end = grant->until_ns + (grant->open ? 0 : record_ns(g));

		if (grant->open && end > last)
			last = end;
		next = end < next ? end : next;
	}
	lease_renew(leases, lease_key_of(g, &key), index_of(g, p), lease_tick(last));
	lease_remind(leases, index_of(g, p), lease_tick(next));
}

static void shut(struct rpcgate *g, struct pinhole *p, struct grant *grant)
{
	grant->open = false;
	if (--p->n_open)
		return;
	peer_at(g, p->client)->open--;
	peer_at(g, p->server)->open--;
	g->stats.pinholes_live--;
}

static void expire(struct rpcgate *g, struct pinhole *p, struct grant *grant)
{
	struct rpcgate_pinhole_event *e;
	uint64_t now = g->event_ns;

	shut(g, p, grant);
	g->stats.pinholes_expired++;
	g->event_ns = grant->until_ns - g->behind_ns;
	e = tell_of(g, NULL, p, grant, RPCGATE_PINHOLE_EXPIRE);
	e->reason = RPCGATE_REASON_PINHOLE_EXPIRED;
	g->event_ns = now;
}

/* True if something ended */
static bool expire_ended(struct rpcgate *g, struct pinhole *p)
{
	bool ended = false;

	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next) {
		if (!grant_at(g, i)->open || grant_at(g, i)->until_ns > g->now_ns)
			continue;
		expire(g, p, grant_at(g, i));
		ended = true;
	}
	return ended;
}

static void expire_grants(struct rpcgate *g, struct pinhole *p)
{
	if (expire_ended(g, p))
		note_ends(g, p);
}

static uint32_t find(const struct rpcgate *g, const struct pinhole_key *key)
{
	uint32_t index = lease_find(&g->pinholes.leases, lease_key_of(g, key)).index;
	struct pinhole_key found;

	if (!index)
		return 0;
	found = pinhole_key(g, at(g, index));
	return memcmp(&found, key, sizeof(*key)) == 0 ? index : 0;
}

bool pinhole_is_open(struct rpcgate *g, const struct pinhole_key *key)
{
	const struct pinhole *p;
	struct lease lease = lease_find(&g->pinholes.leases, lease_key_of(g, key));

	if (!lease.index)
		return false;
	if (lease.until > lease_tick(g->now_ns))
		return true;
	p = pinhole_find(g, key);
	return p && p->n_open;
}

void pinhole_expect(const struct rpcgate *g, const struct pinhole_key *key)
{
	lease_prefetch(&g->pinholes.leases, lease_key_of(g, key));
}

struct pinhole *pinhole_find(struct rpcgate *g, const struct pinhole_key *key)
{
	uint32_t index = find(g, key);

	if (!index)
		return NULL;
	expire_grants(g, at(g, index));
	return at(g, index);
}

struct grant *pinhole_grant(struct rpcgate *g, const struct pinhole *p,
			    const struct rpcgate_syntax *interface)
{
	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next) {
		struct grant *grant = grant_at(g, i);
		const struct rpcgate_syntax *its = pinhole_interface(g, grant);

		if (uuid_equal(&its->uuid, &interface->uuid) && its->major == interface->major)
			return grant;
	}
	return NULL;
}

struct grant *pinhole_dcom_grant(struct rpcgate *g, const struct pinhole *p)
{
	struct grant *found = NULL;

	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next) {
		struct grant *grant = grant_at(g, i);

		if (grant->closed ||
		    (grant->source != RPCGATE_OXID && grant->source != RPCGATE_ACTIVATION))
			continue;
		if (grant->open)
			return grant;
		if (!found || grant->until_ns > found->until_ns)
			found = grant;
	}
	return found;
}

bool pinhole_has_uuid(const struct rpcgate *g, const struct pinhole *p,
		      const struct rpcgate_uuid *uuid)
{
	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next)
		if (grant_at(g, i)->open &&
		    uuid_equal(&pinhole_interface(g, grant_at(g, i))->uuid, uuid))
			return true;
	return false;
}

/* ----------------------------------------------------------------- removing */

static bool past_record(const struct rpcgate *g, const struct grant *grant)
{
	return !grant->open && g->now_ns - grant->until_ns >= record_ns(g);
}

static void give_grant(struct rpcgate *g, uint32_t index)
{
	struct pinholes *ps = &g->pinholes;
	struct grant *grant = grant_at(g, index);

	syntax_drop(&ps->syntaxes, &g->sums, grant->interface);
	grant->in_use = false;
	ps->n_grants--;
	if (index > ps->pool.capacity)
		pool_give(&ps->grants, index - ps->pool.capacity);
}

static void remove_pinhole(struct rpcgate *g, uint32_t index)
{
	struct pinhole *p = at(g, index);
	struct pinhole_key key = pinhole_key(g, p);

	while (p->grants) {
		uint32_t i = p->grants;

		p->grants = grant_at(g, i)->next;
		give_grant(g, i);
	}
	peer_leave(g, p->client);
	peer_leave(g, p->server);
	ports_count(&g->ports, PORTS_PINHOLE, key.port, false);
	lease_remove(&g->pinholes.leases, lease_key_of(g, &key), index);
	p->id = 0; /* the sweep skips free slots by it */
	pool_give(&g->pinholes.pool, index);
}

/* Grants past their record time go; with @room also those merely expired */
static void drop_old_grants(struct rpcgate *g, uint32_t index, bool room)
{
	struct pinhole *p = at(g, index);
	uint32_t *link = &p->grants;

	while (*link) {
		uint32_t i = *link;
		struct grant *grant = grant_at(g, i);

		if (!past_record(g, grant) && !(room && !grant->open)) {
			link = &grant->next;
			continue;
		}
		*link = grant->next;
		give_grant(g, i);
	}
	if (!p->grants)
		remove_pinhole(g, index);
}

/* False if what is to be told has no room: expiry is exact without it, telling can wait */
static bool look_at(struct rpcgate *g, uint32_t index, bool room)
{
	struct pinhole *p = at(g, index);
	uint32_t most = p->n_open;

	if (most > g->cfg.max_events)
		most = g->cfg.max_events; /* they never fit: the rest is counted */
	if (!event_room(g, most))
		return false;
	if (!p->id)
		return true;
	(void)expire_ended(g, p);
	drop_old_grants(g, index, room);
	if (p->id)
		note_ends(g, p);
	return true;
}

/* Also what has merely expired goes */
static void sweep_for_room(struct rpcgate *g)
{
	struct pinholes *ps = &g->pinholes;

	for (uint32_t n = SWEEP_FOR_ROOM; n && ps->pool.top; n--) {
		uint32_t index = ps->sweep % ps->pool.top + 1;

		if (!look_at(g, index, true))
			return;
		ps->sweep = index;
	}
}

/* One stretch of the array of ends.  False if there is no room to tell more. */
static bool sweep_stretch(struct rpcgate *g)
{
	struct pinholes *ps = &g->pinholes;
	uint32_t from = ps->sweep % ps->pool.top + 1;
	uint32_t stretch = ps->pool.top - from + 1;
	uint32_t ended[TOLD_AT_ONCE];
	uint32_t next;
	size_t n;

	if (stretch > ps->sweep_left)
		stretch = ps->sweep_left;
	n = lease_sweep(&ps->leases, from, from + stretch - 1, lease_tick(g->now_ns), ended,
			TOLD_AT_ONCE, &next);
	for (size_t i = 0; i < n; i++)
		PREFETCH(at(g, ended[i]));
	for (size_t i = 0; i < n; i++) {
		if (!look_at(g, ended[i], false)) {
			next = ended[i];
			ps->sweep_left -= next - from;
			ps->sweep = next - 1;
			return false;
		}
	}
	ps->sweep_left -= next - from;
	ps->sweep = next - 1;
	return true;
}

void pinholes_sweep_on(struct rpcgate *g)
{
	struct pinholes *ps = &g->pinholes;

	/* twice, for the slice may go on at the front */
	for (unsigned i = 0; i < 2 && ps->sweep_left && sweep_stretch(g); i++)
		;
}

void pinholes_sweep(struct rpcgate *g, uint32_t slots)
{
	g->pinholes.sweep_left = slots < g->pinholes.pool.top ? slots : g->pinholes.pool.top;
}

void pinholes_sweep_all(struct rpcgate *g)
{
	pinholes_sweep(g, UINT32_MAX);
	while (g->pinholes.sweep_left && sweep_stretch(g))
		;
}

/* ------------------------------------------------------------------ opening */

static enum rpcgate_reason full(struct rpcgate *g, unsigned which, const char *detail)
{
	event_limit(g, which, detail);
	return RPCGATE_REASON_LIMIT;
}

/* May this client and this server have one more open pinhole? */
static enum rpcgate_reason shares(struct rpcgate *g, const struct pinhole_key *key)
{
	if (peer_count(g, &key->client, key->zone, 0) >= g->cfg.max_pinholes_per_client)
		return full(g, LIMIT_CLIENT,
			    "max_pinholes_per_client: nothing more is learned for it");
	if (peer_count(g, &key->server, key->zone, 1) >= g->cfg.max_pinholes_per_server)
		return full(g, LIMIT_SERVER,
			    "max_pinholes_per_server: nothing more is learned from it");
	return RPCGATE_REASON_NONE;
}

static enum rpcgate_reason make(struct rpcgate *g, const struct pinhole_key *key, uint32_t *index)
{
	struct pinholes *ps = &g->pinholes;
	struct pinhole *p;

	*index = pool_take(&ps->pool);
	if (!*index)
		return full(g, LIMIT_PINHOLES, "max_pinholes: nothing more is learned");
	p = at(g, *index);
	p->port = key->port;
	p->udp = key->proto == IP_PROTO_UDP;
	p->id = ++ps->last_id;
	p->client = peer_of(g, &key->client, key->zone, 0);
	p->server = peer_of(g, &key->server, key->zone, 1);
	peer_at(g, p->client)->n++;
	peer_at(g, p->server)->n++;
	ports_count(&g->ports, PORTS_PINHOLE, key->port, true);
	lease_add(&ps->leases, lease_key_of(g, key), *index, 0);
	return RPCGATE_REASON_NONE;
}

/* The place in the pinhole, or one of the others; 0 if there is none */
static uint32_t take_grant(struct rpcgate *g, struct pinhole *p)
{
	struct pinholes *ps = &g->pinholes;
	uint32_t other;

	if (ps->n_grants == ps->grants.capacity)
		return 0;
	ps->n_grants++;
	if (!p->first.in_use)
		return index_of(g, p);
	other = pool_take(&ps->grants); /* cannot fail: there are as many as grants in all */
	return ps->pool.capacity + other;
}

static uint32_t count_grants(const struct rpcgate *g, const struct pinhole *p)
{
	uint32_t n = 0;

	for (uint32_t i = p->grants; i; i = grant_at(g, i)->next)
		n++;
	return n;
}

static enum rpcgate_reason add_grant(struct rpcgate *g, struct pinhole *p,
				     const struct rpcgate_syntax *interface, struct grant **out)
{
	uint32_t i;

	if (count_grants(g, p) >= g->cfg.max_interfaces)
		return full(g, LIMIT_INTERFACES,
			    "max_interfaces: nothing more is learned for this port");
	i = take_grant(g, p);
	if (!i)
		return full(g, LIMIT_PINHOLES, "max_pinholes: nothing more is learned");
	*out = grant_at(g, i);
	**out = (struct grant){ .next = p->grants,
				.interface =
					syntax_keep(&g->pinholes.syntaxes, &g->sums, interface),
				.in_use = true };
	p->grants = i;
	return RPCGATE_REASON_NONE;
}

static void renew(struct rpcgate *g, struct grant *grant)
{
	grant->until_ns = g->now_ns + (uint64_t)g->cfg.pinhole_ttl_s * NS_PER_S;
}

static void unshut(struct rpcgate *g, struct pinhole *p, struct grant *grant)
{
	grant->open = true;
	grant->uses = 0;
	g->stats.pinholes_opened++;
	if (p->n_open++)
		return;
	peer_at(g, p->client)->open++;
	peer_at(g, p->server)->open++;
	g->stats.pinholes_live++;
}

static void announce(struct rpcgate *g, const struct flow *f, struct pinhole *p,
		     struct grant *grant, enum rpcgate_source source)
{
	bool fresh = !grant->open;

	if (fresh)
		unshut(g, p, grant);
	else
		g->stats.pinholes_refreshed++;
	grant->closed = false;
	grant->source = (uint8_t)source;
	grant->learned_ns = g->now_ns;
	grant->parent = f->id;
	renew(g, grant);
	note_ends(g, p);
	tell_of(g, f, p, grant, fresh ? RPCGATE_PINHOLE_OPEN : RPCGATE_PINHOLE_REFRESH);
}

/* Room for a pinhole and a grant: what has expired goes before a limit is admitted */
static void make_room(struct rpcgate *g)
{
	struct pinholes *ps = &g->pinholes;

	if (ps->pool.used == ps->pool.capacity || ps->n_grants == ps->grants.capacity)
		sweep_for_room(g);
}

/* A place for an interface, open or not */
static enum rpcgate_reason place(struct rpcgate *g, const struct pinhole_key *key,
				 const struct rpcgate_syntax *interface, struct pinhole **p,
				 struct grant **grant)
{
	uint32_t index = find(g, key);
	enum rpcgate_reason reason;

	if (!event_room(g, 2)) /* what cannot be told must not be open */
		return full(g, LIMIT_EVENTS, "max_events: not learned, it could not be told");
	if (index)
		expire_grants(g, at(g, index));
	if (!index || !at(g, index)->n_open) {
		reason = shares(g, key);
		if (reason)
			return reason;
	}
	if (!index) {
		make_room(g);
		reason = make(g, key, &index);
		if (reason)
			return reason;
	}
	*p = at(g, index);
	*grant = pinhole_grant(g, *p, interface);
	if (*grant)
		return RPCGATE_REASON_NONE;
	reason = add_grant(g, *p, interface, grant);
	if (reason && !(*p)->grants)
		remove_pinhole(g, index);
	return reason;
}

enum rpcgate_reason pinhole_open(struct rpcgate *g, const struct flow *f, uint8_t proto,
				 uint16_t port, const struct rpcgate_syntax *interface,
				 enum rpcgate_source source)
{
	struct pinhole_key key = pinhole_key_of(f, port);
	enum rpcgate_reason reason;
	struct pinhole *p;
	struct grant *grant;

	key.proto = proto; /* a mapper on TCP announces ports of UDP, too */
	reason = place(g, &key, interface, &p, &grant);
	if (!reason) {
		announce(g, f, p, grant, source);
	} else {
		const struct grant none = { .source = (uint8_t)source, .until_ns = g->behind_ns };
		struct rpcgate_pinhole_event *e;

		g->stats.pinholes_refused++;
		e = tell(g, f, &key, NULL, &none, RPCGATE_PINHOLE_REFUSE);
		e->interface = *interface;
		e->reason = reason;
	}
	return reason;
}

void pinhole_use(struct rpcgate *g, const struct flow *f, struct pinhole *p, struct grant *grant)
{
	grant->uses += grant->uses < UINT32_MAX;
	if (g->cfg.refresh == RPCGATE_REFRESH_USE && grant->open) {
		renew(g, grant);
		note_ends(g, p);
	}
	tell_of(g, f, p, grant, RPCGATE_PINHOLE_USE);
}

static void close_grant(struct rpcgate *g, const struct flow *f, struct pinhole *p,
			struct grant *grant, enum rpcgate_reason reason)
{
	shut(g, p, grant);
	grant->until_ns = g->now_ns;
	grant->closed = true;
	note_ends(g, p);
	tell_of(g, f, p, grant, RPCGATE_PINHOLE_CLOSE)->reason = reason;
}

void pinhole_close(struct rpcgate *g, const struct flow *f, struct pinhole *p, struct grant *grant)
{
	close_grant(g, f, p, grant, RPCGATE_REASON_CONTEXT_NOT_ACCEPTED);
}

void pinhole_withdraw(struct rpcgate *g, struct pinhole *p, struct grant *grant,
		      enum rpcgate_reason reason)
{
	close_grant(g, NULL, p, grant, reason);
}

enum rpcgate_reason pinhole_restore(struct rpcgate *g, const struct flow *f, uint16_t port,
				    const struct rpcgate_pinhole_record *record)
{
	uint64_t life = (uint64_t)g->cfg.pinhole_ttl_s * NS_PER_S;
	struct pinhole_key key = pinhole_key_of(f, port);
	uint64_t until = record->until_ns + g->behind_ns;
	enum rpcgate_reason reason;
	struct pinhole *p;
	struct grant *grant;

	reason = place(g, &key, &record->interface, &p, &grant);
	if (reason || grant->open)
		return reason;
	if (until > g->now_ns + life)
		until = g->now_ns + life;
	grant->source = (uint8_t)record->source;
	grant->learned_ns = record->learned_ns + g->behind_ns;
	if (grant->learned_ns > g->now_ns)
		grant->learned_ns = g->now_ns;
	grant->until_ns = until;
	if (record->open && until > g->now_ns) {
		unshut(g, p, grant);
		tell_of(g, NULL, p, grant, RPCGATE_PINHOLE_OPEN);
	}
	note_ends(g, p);
	return RPCGATE_REASON_NONE;
}
