/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/batch.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <netinet/in.h>

#include "ruleset.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MESSAGE_MAX 65536U   /* room kept free before a message is built */
#define ELEMENTS_AT_ONCE 256 /* in one message: an attribute holds 64 KiB */
#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16
#define RPC_OVER_UDP 135 /* the one mapper port that is asked over UDP */
#define SNAPLEN 128      /* of a refused first packet: its headers */

/* ---------------------------------------------------------------- messages */

void *messages_room(struct messages *m)
{
	size_t needed = m->n + MESSAGE_MAX;

	if (needed > m->size) {
		uint8_t *more = realloc(m->octets, needed * 2);

		if (!more) {
			m->failed = true;
			return NULL;
		}
		m->octets = more;
		m->size = needed * 2;
	}
	return m->octets + m->n;
}

void messages_done(struct messages *m, const struct nlmsghdr *nlh)
{
	m->n += (nlh->nlmsg_len + 3U) & ~3U;
	m->count++;
}

void messages_begin(struct messages *m)
{
	void *room = messages_room(m);

	if (room)
		messages_done(m, nftnl_batch_begin(room, ++m->seq));
}

void messages_end(struct messages *m)
{
	void *room = messages_room(m);

	if (room)
		messages_done(m, nftnl_batch_end(room, ++m->seq));
}

static struct nlmsghdr *message(struct messages *m, uint16_t type, uint16_t flags)
{
	void *room = messages_room(m);

	return room ? nftnl_nlmsg_build_hdr(room, type, NFPROTO_INET, flags, ++m->seq) : NULL;
}

/* ------------------------------------------------------------- what is made */

/* Either messages for the kernel or text for people */
struct maker {
	const struct ruleset_plan *plan;
	struct messages *m; /* NULL: text */
	FILE *text;         /* NULL: messages */
	const char *chain;  /* whose rules are made */
	bool begun;         /* a step of the rule at hand was written */
};

/* A rule while it is written */
struct rule {
	struct maker *maker;
	struct nftnl_rule *nft; /* NULL: text */
};

static void failed(const struct maker *k)
{
	if (k->m)
		k->m->failed = true;
}

/* ------------------------------------------------------------- table, chains */

static void put_table(const struct maker *k, uint16_t type, uint16_t flags, uint32_t table_flags)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh = t ? message(k->m, type, flags) : NULL;

	if (!nlh) {
		failed(k);
	} else {
		nftnl_table_set_str(t, NFTNL_TABLE_NAME, RULESET_TABLE);
		if (type == NFT_MSG_NEWTABLE)
			nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, table_flags);
		nftnl_table_nlmsg_build_payload(nlh, t);
		messages_done(k->m, nlh);
	}
	nftnl_table_free(t);
}

struct chain_row {
	const char *name;
	void (*rules)(struct maker *k);
	bool base; /* at the forward hook, with this priority */
	int32_t priority;
};

static void put_chain(const struct maker *k, const struct chain_row *row)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh = c ? message(k->m, NFT_MSG_NEWCHAIN, NLM_F_CREATE) : NULL;

	if (!nlh) {
		failed(k);
	} else {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, RULESET_TABLE);
		nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, row->name);
		if (row->base) {
			nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
			nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, NF_INET_FORWARD);
			nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, row->priority);
			nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
		}
		nftnl_chain_nlmsg_build_payload(nlh, c);
		messages_done(k->m, nlh);
	}
	nftnl_chain_free(c);
}

/* ---------------------------------------------------------------------- sets */

/* Data types as nft(8) numbers them; a concatenation is a list of them, six bits each */
enum { TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_SERVICE = 13, TYPE_MARK = 19 };
#define MAP_SIZE 16U /* of a map from our bits to what to do; a known size makes it a plain hash */

struct set_row {
	const char *name;
	const char *type; /* in the language of nft(8) */
	uint32_t key_type;
	uint32_t key_len;
	uint32_t flags;
	uint8_t field[3]; /* octets of each part, for concatenated ranges */
};

enum fixed_set {
	FIXED_STATIC4,
	FIXED_STATIC6,
	FIXED_MAPPER,
	FIXED_DYNAMIC,
	FIXED_STANDINGS, /* where to go by the mark of a connection */
	FIXED_MARKS,     /* and by that of a packet */
	FIXED_COUNT
};

#define CONCAT2(a, b) ((a) << 6 | (b))
#define CONCAT3(a, b, c) (CONCAT2(a, b) << 6 | (c))

static const struct set_row live_sets[SET_COUNT] = {
	[SET_PIN4] = { "pin4",
		       "ipv4_addr . ipv4_addr . inet_service",
		       CONCAT3(TYPE_IPV4, TYPE_IPV4, TYPE_SERVICE),
		       12,
		       NFT_SET_TIMEOUT,
		       { 0 } },
	[SET_PIN6] = { "pin6",
		       "ipv6_addr . ipv6_addr . inet_service",
		       CONCAT3(TYPE_IPV6, TYPE_IPV6, TYPE_SERVICE),
		       36,
		       NFT_SET_TIMEOUT,
		       { 0 } },
	[SET_PAST4] = { "past4",
			"ipv4_addr . ipv4_addr . inet_service",
			CONCAT3(TYPE_IPV4, TYPE_IPV4, TYPE_SERVICE),
			12,
			NFT_SET_TIMEOUT,
			{ 0 } },
	[SET_PAST6] = { "past6",
			"ipv6_addr . ipv6_addr . inet_service",
			CONCAT3(TYPE_IPV6, TYPE_IPV6, TYPE_SERVICE),
			36,
			NFT_SET_TIMEOUT,
			{ 0 } },
	[SET_UDP4] = { "udp4",
		       "ipv4_addr . ipv4_addr . inet_service",
		       CONCAT3(TYPE_IPV4, TYPE_IPV4, TYPE_SERVICE),
		       12,
		       NFT_SET_TIMEOUT,
		       { 0 } },
	[SET_UDP6] = { "udp6",
		       "ipv6_addr . ipv6_addr . inet_service",
		       CONCAT3(TYPE_IPV6, TYPE_IPV6, TYPE_SERVICE),
		       36,
		       NFT_SET_TIMEOUT,
		       { 0 } },
	[SET_PAIR4] = { "pair4",
			"ipv4_addr . ipv4_addr",
			CONCAT2(TYPE_IPV4, TYPE_IPV4),
			8,
			NFT_SET_TIMEOUT,
			{ 0 } },
	[SET_PAIR6] = { "pair6",
			"ipv6_addr . ipv6_addr",
			CONCAT2(TYPE_IPV6, TYPE_IPV6),
			32,
			NFT_SET_TIMEOUT,
			{ 0 } },
};

static const struct set_row fixed_sets[FIXED_COUNT] = {
	[FIXED_STATIC4] = { "static4",
			    "ipv4_addr . ipv4_addr . inet_service",
			    CONCAT3(TYPE_IPV4, TYPE_IPV4, TYPE_SERVICE),
			    12,
			    NFT_SET_INTERVAL | NFT_SET_CONCAT,
			    { 4, 4, 2 } },
	[FIXED_STATIC6] = { "static6",
			    "ipv6_addr . ipv6_addr . inet_service",
			    CONCAT3(TYPE_IPV6, TYPE_IPV6, TYPE_SERVICE),
			    36,
			    NFT_SET_INTERVAL | NFT_SET_CONCAT,
			    { 16, 16, 2 } },
	[FIXED_MAPPER] = { "mapper", "inet_service", TYPE_SERVICE, 2, NFT_SET_INTERVAL, { 0 } },
	[FIXED_DYNAMIC] = { "dynamic_range",
			    "inet_service",
			    TYPE_SERVICE,
			    2,
			    NFT_SET_INTERVAL,
			    { 0 } },
	[FIXED_STANDINGS] = { "standings", "mark : verdict", TYPE_MARK, 4, NFT_SET_MAP, { 0 } },
	[FIXED_MARKS] = { "marks", "mark : verdict", TYPE_MARK, 4, NFT_SET_MAP, { 0 } },
};

/* Where our bits lead, where a look at each of them in turn would cost several times as much */
struct way {
	const char *chain; /* NULL: accepted */
	uint32_t bits;
	bool enforcing; /* else none */
};

static const struct way standings[] = {
	{ "admitted", MARK_ADMITTED, false }, { "approved", MARK_APPROVED, false },
	{ "refused", MARK_REFUSED, false },   { NULL, MARK_FOREIGN, false },
	{ "letgo", MARK_LETGO, false },       { "served", MARK_SERVED, false },
};

/* What should have been asked about and was not: its mark was lost, or the queue was taken away */
static const struct way marks[] = {
	{ "unasked", MARK_ADMITTED, true },
	{ "unasked", MARK_APPROVED, true },
	{ "unasked", MARK_STRAY, true },
	{ "unasked", MARK_SERVED, true },
	{ "refused", MARK_REFUSED, false },
	{ NULL, MARK_PASS, false },
	{ "keep_admitted", MARK_PASS | MARK_ADMITTED, false },
	{ "keep_approved", MARK_PASS | MARK_APPROVED, false },
	{ NULL, MARK_PASS | MARK_REFUSED, false },
	{ "keep_foreign", MARK_PASS | MARK_FOREIGN, false },
	{ "keep_letgo", MARK_PASS | MARK_LETGO, false },
	{ NULL, MARK_PASS | MARK_STRAY, false },
	{ "keep_served", MARK_PASS | MARK_SERVED, false },
};

const char *ruleset_set_name(enum ruleset_set set)
{
	return live_sets[set].name;
}

static void put_set(const struct maker *k, const struct set_row *row)
{
	struct nftnl_set *s = nftnl_set_alloc();
	struct nlmsghdr *nlh = s ? message(k->m, NFT_MSG_NEWSET, NLM_F_CREATE) : NULL;

	if (!nlh) {
		failed(k);
		nftnl_set_free(s);
		return;
	}
	nftnl_set_set_str(s, NFTNL_SET_TABLE, RULESET_TABLE);
	nftnl_set_set_str(s, NFTNL_SET_NAME, row->name);
	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_u32(s, NFTNL_SET_ID, k->m->seq);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, row->key_type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, row->key_len);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, row->flags);
	if (row->flags & NFT_SET_TIMEOUT)
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, k->plan->max_elements);
	if (row->flags & NFT_SET_MAP) {
		nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, MAP_SIZE);
	}
	if (row->flags & NFT_SET_CONCAT)
		nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, row->field, sizeof(row->field));
	nftnl_set_nlmsg_build_payload(nlh, s);
	messages_done(k->m, nlh);
	nftnl_set_free(s);
}

/* ------------------------------------------------------------------- elements */

static const uint8_t *ipv4_of(const struct rpcgate_addr *addr)
{
	return addr->octet + 12;
}

/* Each part of a concatenated key takes whole words of four octets */
static uint32_t key_of(uint8_t *key, bool ipv6, const struct rpcgate_addr *client,
		       const struct rpcgate_addr *server, const uint16_t *port)
{
	uint32_t n = ipv6 ? 16 : 4;

	memcpy(key, ipv6 ? client->octet : ipv4_of(client), n);
	memcpy(key + n, ipv6 ? server->octet : ipv4_of(server), n);
	if (!port)
		return 2 * n;
	memset(key + 2 * (size_t)n, 0, 4);
	key[2 * n] = (uint8_t)(*port >> 8);
	key[2 * n + 1] = (uint8_t)*port;
	return 2 * n + 4;
}

/* A set of elements on its way into messages */
struct filling {
	const struct maker *k;
	const char *name;
	struct nftnl_set *set;
	unsigned n;
};

static void fill_flush(struct filling *f)
{
	struct nlmsghdr *nlh;

	if (!f->n)
		return;
	nlh = message(f->k->m, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	if (nlh) {
		nftnl_set_elems_nlmsg_build_payload(nlh, f->set);
		messages_done(f->k->m, nlh);
	}
	nftnl_set_free(f->set);
	f->set = NULL;
	f->n = 0;
}

/* An element that will be part of the set */
static struct nftnl_set_elem *fill_room(struct filling *f)
{
	struct nftnl_set_elem *e;

	if (!f->set) {
		f->set = nftnl_set_alloc();
		if (f->set) {
			nftnl_set_set_str(f->set, NFTNL_SET_TABLE, RULESET_TABLE);
			nftnl_set_set_str(f->set, NFTNL_SET_NAME, f->name);
		}
	}
	e = f->set ? nftnl_set_elem_alloc() : NULL;
	if (!e)
		failed(f->k);
	return e;
}

static void fill_done(struct filling *f, struct nftnl_set_elem *e)
{
	nftnl_set_elem_add(f->set, e);
	if (++f->n >= ELEMENTS_AT_ONCE)
		fill_flush(f);
}

static void fill_add(struct filling *f, const void *key, const void *key_end, uint32_t len,
		     uint32_t flags)
{
	struct nftnl_set_elem *e = fill_room(f);

	if (!e)
		return;
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, len);
	if (key_end)
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY_END, key_end, len);
	if (flags)
		nftnl_set_elem_set_u32(e, NFTNL_SET_ELEM_FLAGS, flags);
	fill_done(f, e);
}

static int by_first(const void *a, const void *b)
{
	const struct rpcgate_port_range *x = a, *y = b;

	return (int)x->first - (int)y->first;
}

/* Sorted, and what overlaps or touches is one */
static uint32_t merge(const struct rpcgate_port_list *list, struct rpcgate_port_range *out)
{
	uint32_t n = 0;

	memcpy(out, list->range, list->n * sizeof(*out));
	qsort(out, list->n, sizeof(*out), by_first);
	for (uint32_t i = 0; i < list->n; i++)
		if (n && out[i].first <= out[n - 1].last + 1U)
			out[n - 1].last = out[i].last > out[n - 1].last ? out[i].last :
									  out[n - 1].last;
		else
			out[n++] = out[i];
	return n;
}

static void fill_ports(const struct maker *k, enum fixed_set set,
		       const struct rpcgate_port_list *list)
{
	struct filling f = { .k = k, .name = fixed_sets[set].name };
	struct rpcgate_port_range range[RPCGATE_MAX_RANGES];
	uint32_t n = merge(list, range);

	for (uint32_t i = 0; i < n; i++) {
		uint16_t first = htons(range[i].first);
		uint16_t behind = htons((uint16_t)(range[i].last + 1U));

		fill_add(&f, &first, NULL, sizeof(first), 0);
		if (range[i].last != UINT16_MAX)
			fill_add(&f, &behind, NULL, sizeof(behind), NFT_SET_ELEM_INTERVAL_END);
	}
	fill_flush(&f);
}

static void fill_openings(const struct maker *k, bool ipv6)
{
	struct filling f = { .k = k,
			     .name = fixed_sets[ipv6 ? FIXED_STATIC6 : FIXED_STATIC4].name };
	struct rpcgate_opening o;

	for (size_t i = 0; k->plan->policy && rpcgate_policy_opening(k->plan->policy, i, &o); i++) {
		uint8_t first[36], last[36];
		uint32_t len;

		if (rpcgate_addr_is_ipv4(&o.client_first) == ipv6)
			continue;
		len = key_of(first, ipv6, &o.client_first, &o.server_first, &o.ports.first);
		key_of(last, ipv6, &o.client_last, &o.server_last, &o.ports.last);
		fill_add(&f, first, last, len, 0);
	}
	fill_flush(&f);
}

static void fill_ways(const struct maker *k, enum fixed_set map, const struct way *way, size_t n)
{
	struct filling f = { .k = k, .name = fixed_sets[map].name };

	for (size_t i = 0; i < n; i++) {
		const uint32_t key = way[i].bits << k->plan->mark_shift;
		struct nftnl_set_elem *e;

		if (way[i].enforcing && !k->plan->enforce)
			continue;
		e = fill_room(&f);
		if (!e)
			break;
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, &key, sizeof(key));
		nftnl_set_elem_set_u32(e, NFTNL_SET_ELEM_VERDICT,
				       way[i].chain ? (uint32_t)NFT_GOTO : NF_ACCEPT);
		if (way[i].chain)
			nftnl_set_elem_set_str(e, NFTNL_SET_ELEM_CHAIN, way[i].chain);
		fill_done(&f, e);
	}
	fill_flush(&f);
}

/* A step as text, behind the one before it */
static void say_step(const struct rule *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say_step(const struct rule *r, const char *format, ...)
{
	FILE *out = r->maker->text;
	va_list args;

	if (!out)
		return;
	fputs(r->maker->begun ? " " : "\t\t", out);
	r->maker->begun = true;
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
}

/* ---------------------------------------------------------------- expressions */

static struct nftnl_expr *expr(const struct rule *r, const char *name)
{
	struct nftnl_expr *e = r->nft ? nftnl_expr_alloc(name) : NULL;

	if (e)
		nftnl_rule_add_expr(r->nft, e);
	else
		failed(r->maker);
	return e;
}

static void load_meta(const struct rule *r, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = expr(r, "meta");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
}

static void load_ct(const struct rule *r, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = expr(r, "ct");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg);
}

static void load_payload(const struct rule *r, uint32_t base, uint32_t offset, uint32_t len,
			 uint32_t reg)
{
	struct nftnl_expr *e = expr(r, "payload");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void compare(const struct rule *r, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = expr(r, "cmp");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

static void mask_xor(const struct rule *r, const void *mask, const void * xor, uint32_t len)
{
	struct nftnl_expr *e = expr(r, "bitwise");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, xor, len);
}

static struct nftnl_expr *look_up(const struct rule *r, const char *set)
{
	struct nftnl_expr *e = expr(r, "lookup");

	if (!e)
		return NULL;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	return e;
}

static void verdict(const struct rule *r, uint32_t code, const char *chain)
{
	struct nftnl_expr *e = expr(r, "immediate");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, code);
	if (chain)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

/* ---------------------------------------------------------------------- steps */

static uint32_t shifted(const struct rule *r, uint32_t bits)
{
	return bits << r->maker->plan->mark_shift;
}

static void is_protocol(const struct rule *r, uint8_t protocol, bool yes)
{
	if (r->nft) {
		load_meta(r, NFT_META_L4PROTO, NFT_REG_1);
		compare(r, yes ? NFT_CMP_EQ : NFT_CMP_NEQ, &protocol, sizeof(protocol));
	}
	say_step(r, "meta l4proto %s%s", yes ? "" : "!= ", protocol == IPPROTO_TCP ? "tcp" : "udp");
}

static void is_family(const struct rule *r, bool ipv6)
{
	uint8_t family = ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	if (r->nft) {
		load_meta(r, NFT_META_NFPROTO, NFT_REG_1);
		compare(r, NFT_CMP_EQ, &family, sizeof(family));
	}
}

/* Our @p bits of a mark, the others cleared */
static void load_mark(const struct rule *r, bool of_connection, uint32_t bits)
{
	const uint32_t mask = shifted(r, bits), none = 0;

	if (of_connection)
		load_ct(r, NFT_CT_MARK, NFT_REG_1);
	else
		load_meta(r, NFT_META_MARK, NFT_REG_1);
	mask_xor(r, &mask, &none, sizeof(mask));
}

static void has_mark(const struct rule *r, bool of_connection, uint32_t bits, uint32_t value)
{
	const uint32_t want = shifted(r, value);

	if (r->nft) {
		load_mark(r, of_connection, bits);
		compare(r, NFT_CMP_EQ, &want, sizeof(want));
	}
	say_step(r, "%s mark & 0x%08x == 0x%08x", of_connection ? "ct" : "meta", shifted(r, bits),
		 want);
}

/* Where the map says; to the next rule where it does not, or where there is no connection */
static void go_by_mark(const struct rule *r, bool of_connection, uint32_t bits, enum fixed_set map)
{
	if (r->nft) {
		struct nftnl_expr *e;

		load_mark(r, of_connection, bits);
		e = look_up(r, fixed_sets[map].name);
		if (e)
			nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	}
	say_step(r, "%s mark & 0x%08x vmap @%s", of_connection ? "ct" : "meta", shifted(r, bits),
		 fixed_sets[map].name);
}

/* Our bits become @p value, the others stay */
static void set_mark(const struct rule *r, bool of_connection, uint32_t value)
{
	const uint32_t mask = ~shifted(r, MARK_ALL), xor = shifted(r, value);
	struct nftnl_expr *e;

	say_step(r, "%s mark set %s mark & 0x%08x ^ 0x%08x", of_connection ? "ct" : "meta",
		 of_connection ? "ct" : "meta", mask, xor);
	if (!r->nft)
		return;
	if (of_connection)
		load_ct(r, NFT_CT_MARK, NFT_REG_1);
	else
		load_meta(r, NFT_META_MARK, NFT_REG_1);
	mask_xor(r, &mask, &xor, sizeof(mask));
	e = expr(r, of_connection ? "ct" : "meta");
	if (!e)
		return;
	nftnl_expr_set_u32(
		e, of_connection ? (uint16_t)NFTNL_EXPR_CT_KEY : (uint16_t)NFTNL_EXPR_META_KEY,
		of_connection ? (uint32_t)NFT_CT_MARK : (uint32_t)NFT_META_MARK);
	nftnl_expr_set_u32(
		e, of_connection ? (uint16_t)NFTNL_EXPR_CT_SREG : (uint16_t)NFTNL_EXPR_META_SREG,
		NFT_REG_1);
}

static void has_state(const struct rule *r, uint32_t bits)
{
	const uint32_t none = 0;

	if (r->nft) {
		load_ct(r, NFT_CT_STATE, NFT_REG_1);
		mask_xor(r, &bits, &none, sizeof(bits));
		compare(r, NFT_CMP_NEQ, &none, sizeof(none));
	}
	say_step(r, "ct state invalid%s", bits & NF_CT_STATE_UNTRACKED_BIT ? ",untracked" : "");
}

/* Conntrack knows no connection this packet belongs to */
static void is_untracked(const struct rule *r)
{
	has_state(r, NF_CT_STATE_INVALID_BIT | NF_CT_STATE_UNTRACKED_BIT);
}

static void is_invalid(const struct rule *r)
{
	has_state(r, NF_CT_STATE_INVALID_BIT);
}

/* By the side that did not open the connection, as conntrack saw it */
static void is_answer(const struct rule *r)
{
	const uint8_t reply = IP_CT_DIR_REPLY;

	if (r->nft) {
		load_ct(r, NFT_CT_DIRECTION, NFT_REG_1);
		compare(r, NFT_CMP_EQ, &reply, sizeof(reply));
	}
	say_step(r, "ct direction reply");
}

static void ends_nothing(const struct rule *r)
{
	const uint8_t bits = TCP_FIN | TCP_RST, none = 0;

	if (r->nft) {
		load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG_1);
		mask_xor(r, &bits, &none, sizeof(bits));
		compare(r, NFT_CMP_EQ, &none, sizeof(none));
	}
	say_step(r, "tcp flags & (fin | rst) == 0");
}

static void is_syn(const struct rule *r)
{
	const uint8_t bits = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK, want = TCP_SYN, none = 0;

	if (r->nft) {
		load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG_1);
		mask_xor(r, &bits, &none, sizeof(bits));
		compare(r, NFT_CMP_EQ, &want, sizeof(want));
	}
	say_step(r, "tcp flags & (fin | syn | rst | ack) == syn");
}

/* Not asked whether it is TCP: for what cannot be anything else */
static void opens_nothing(const struct rule *r)
{
	const uint8_t bits = TCP_SYN | TCP_ACK, opening = TCP_SYN, none = 0;

	if (r->nft) {
		load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG_1);
		mask_xor(r, &bits, &none, sizeof(bits));
		compare(r, NFT_CMP_NEQ, &opening, sizeof(opening));
	}
	say_step(r, "@th,104,8 & 0x%02x != 0x%02x", bits, opening);
}

static void port_in(const struct rule *r, bool source, enum fixed_set set)
{
	if (r->nft) {
		load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, source ? 0 : 2, 2, NFT_REG_1);
		look_up(r, fixed_sets[set].name);
	}
	say_step(r, "tcp %s @%s", source ? "sport" : "dport", fixed_sets[set].name);
}

static void port_is(const struct rule *r, bool source, uint16_t port)
{
	uint16_t value = htons(port);

	if (r->nft) {
		load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, source ? 0 : 2, 2, NFT_REG_1);
		compare(r, NFT_CMP_EQ, &value, sizeof(value));
	}
	say_step(r, "th %s %u", source ? "sport" : "dport", port);
}

/* client . server [. port], where the client is the source or, in answers, the destination */
static void ends_in(const struct rule *r, bool ipv6, bool answer, bool with_port, const char *set)
{
	const char *ip = ipv6 ? "ip6" : "ip";
	uint32_t n = ipv6 ? 16 : 4;
	uint32_t source = ipv6 ? 8 : 12;
	uint32_t client = answer ? source + n : source, server = answer ? source : source + n;

	is_family(r, ipv6);
	if (r->nft) {
		load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, client, n, NFT_REG32_00);
		load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, server, n, NFT_REG32_00 + n / 4);
		if (with_port)
			load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, answer ? 0 : 2, 2,
				     NFT_REG32_00 + n / 2);
		look_up(r, set);
	}
	say_step(r, "%s %s . %s %s", ip, answer ? "daddr" : "saddr", ip,
		 answer ? "saddr" : "daddr");
	if (with_port)
		say_step(r, ". th %s", answer ? "sport" : "dport");
	say_step(r, "@%s", set);
}

static void count(const struct rule *r)
{
	if (r->nft)
		expr(r, "counter");
	say_step(r, "counter");
}

static void log_some(const struct rule *r)
{
	const struct ruleset_plan *plan = r->maker->plan;
	struct nftnl_expr *e;

	say_step(r, "limit rate %u/second burst %u packets log group %u snaplen %u",
		 plan->log_per_s, plan->log_per_s, plan->log_group, SNAPLEN);
	if (!r->nft)
		return;
	e = expr(r, "limit");
	if (e) {
		nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, plan->log_per_s);
		nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
		nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, plan->log_per_s);
		nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	}
	e = expr(r, "log");
	if (!e)
		return;
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, plan->log_group);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, SNAPLEN);
}

static void turn_away(const struct rule *r)
{
	struct nftnl_expr *e;

	if (!r->maker->plan->reset) {
		if (r->nft)
			verdict(r, NF_DROP, NULL);
		say_step(r, "drop");
		return;
	}
	say_step(r, "reject with tcp reset");
	if (!r->nft)
		return;
	e = expr(r, "reject");
	if (e)
		nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
}

static void drop(const struct rule *r)
{
	if (r->nft)
		verdict(r, NF_DROP, NULL);
	say_step(r, "drop");
}

static void accept_it(const struct rule *r)
{
	if (r->nft)
		verdict(r, NF_ACCEPT, NULL);
	say_step(r, "accept");
}

static void go_to(const struct rule *r, const char *chain)
{
	if (r->nft)
		verdict(r, (uint32_t)NFT_GOTO, chain);
	say_step(r, "goto %s", chain);
}

static void queue_by_nft(const struct rule *r)
{
	const struct ruleset_plan *plan = r->maker->plan;
	struct nftnl_expr *e = expr(r, "queue");

	if (!e)
		return;
	nftnl_expr_set_u16(e, NFTNL_EXPR_QUEUE_NUM, plan->queue_first);
	nftnl_expr_set_u16(e, NFTNL_EXPR_QUEUE_TOTAL,
			   (uint16_t)(plan->queue_last - plan->queue_first + 1));
	nftnl_expr_set_u16(e, NFTNL_EXPR_QUEUE_FLAGS, plan->enforce ? 0 : NFT_QUEUE_FLAG_BYPASS);
}

/* The same decision by another name: balanced by the pair of addresses, in both directions */
static void queue_by_xt(const struct rule *r)
{
	const struct ruleset_plan *plan = r->maker->plan;
	struct nftnl_expr *e = expr(r, "target");
	const uint32_t size = (sizeof(struct xt_NFQ_info_v3) + 7U) & ~7U; /* XT_ALIGN */
	const struct xt_NFQ_info_v3 info = {
		.queuenum = plan->queue_first,
		.queues_total = (uint16_t)(plan->queue_last - plan->queue_first + 1),
		.flags = plan->enforce ? 0 : NFQ_FLAG_BYPASS,
	};
	void *kept = e ? calloc(1, size) : NULL;

	if (!kept) {
		failed(r->maker);
		return;
	}
	memcpy(kept, &info, sizeof(info));
	nftnl_expr_set_str(e, NFTNL_EXPR_TG_NAME, "NFQUEUE");
	nftnl_expr_set_u32(e, NFTNL_EXPR_TG_REV, 3);
	nftnl_expr_set(e, NFTNL_EXPR_TG_INFO, kept, size); /* which frees it */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the expression has it, and frees it */
}

static void queue_it(const struct rule *r)
{
	const struct ruleset_plan *plan = r->maker->plan;

	if (r->nft) {
		if (plan->by == QUEUE_BY_NFT)
			queue_by_nft(r);
		else
			queue_by_xt(r);
	}
	say_step(r, "queue");
	if (!plan->enforce)
		say_step(r, "flags bypass");
	if (plan->queue_first == plan->queue_last)
		say_step(r, "to %u", plan->queue_first);
	else
		say_step(r, "to %u-%u", plan->queue_first, plan->queue_last);
	if (plan->by == QUEUE_BY_XT)
		say_step(r, "comment \"by the NFQUEUE target of xtables\"");
}

/* ---------------------------------------------------------------------- rules */

static struct rule rule_begin(struct maker *k)
{
	struct rule r = { .maker = k };

	k->begun = false;
	if (!k->m)
		return r;
	r.nft = nftnl_rule_alloc();
	if (!r.nft) {
		failed(k);
		return r;
	}
	nftnl_rule_set_u32(r.nft, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(r.nft, NFTNL_RULE_TABLE, RULESET_TABLE);
	nftnl_rule_set_str(r.nft, NFTNL_RULE_CHAIN, k->chain);
	return r;
}

static void rule_end(const struct rule *r)
{
	const struct maker *k = r->maker;
	struct nlmsghdr *nlh;

	if (k->text)
		fputc('\n', k->text);
	if (!r->nft)
		return;
	nlh = message(k->m, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	if (nlh) {
		nftnl_rule_nlmsg_build_payload(nlh, r->nft);
		messages_done(k->m, nlh);
	}
	nftnl_rule_free(r->nft);
}

/* RULE(steps): one rule; "r" is what the steps take */
#define RULE(...)                                                                                  \
	do {                                                                                       \
		const struct rule rule_ = rule_begin(k);                                           \
		const struct rule *r = &rule_;                                                     \
		__VA_ARGS__;                                                                       \
		rule_end(r);                                                                       \
	} while (0)

#define CONNECTION true
#define PACKET false
#define STATE_IS(value) has_mark(r, CONNECTION, MARK_STATES, value)

/* The mapper over UDP is read, its ports are judged; no other datagram is our business */
static void rules_datagrams(struct maker *k)
{
	RULE(is_protocol(r, IPPROTO_UDP, false), accept_it(r));
	for (unsigned answer = 0; answer < 2; answer++) {
		RULE(port_is(r, answer, RPC_OVER_UDP), go_to(r, "stray_ask"));
		RULE(ends_in(r, false, answer, true, "udp4"), go_to(r, "stray_ask"));
		RULE(ends_in(r, true, answer, true, "udp6"), go_to(r, "stray_ask"));
	}
	RULE(accept_it(r));
}

static void rules_inspect(struct maker *k)
{
	/* most packets of most gateways; the map below has them, too, behind three more looks.  Only
	 * connections of TCP are foreign, and to an ICMP error about one nothing else would happen */
	RULE(STATE_IS(MARK_FOREIGN), opens_nothing(r), accept_it(r));
	RULE(is_protocol(r, IPPROTO_TCP, false), go_to(r, "datagrams"));
	RULE(is_syn(r), go_to(r, "opening"));
	RULE(go_by_mark(r, CONNECTION, MARK_STATES, FIXED_STANDINGS));
	RULE(go_to(r, "stray"));
}

/* What a connection is that was seen before, and what follows for its packets: a question, or
 * MARK_PASS alone, with which there is nothing to settle.  The same for a first packet that opens none */
static void rules_standing(struct maker *k)
{
	RULE(go_by_mark(r, CONNECTION, MARK_STATES, FIXED_STANDINGS));
	RULE(go_to(r, "stray"));
}

static void rules_served(struct maker *k)
{
	/* only of connections whose first packet we saw: there, conntrack and we agree who is who */
	RULE(is_answer(r), ends_nothing(r), set_mark(r, PACKET, MARK_PASS), accept_it(r));
	RULE(set_mark(r, PACKET, MARK_SERVED), go_to(r, "ask"));
}

static void rules_approved(struct maker *k)
{
	RULE(set_mark(r, PACKET, MARK_APPROVED), go_to(r, "ask"));
}

static void rules_admitted(struct maker *k)
{
	RULE(set_mark(r, PACKET, MARK_ADMITTED), go_to(r, "ask"));
}

static void rules_letgo(struct maker *k)
{
	RULE(set_mark(r, PACKET, MARK_PASS), accept_it(r));
}

/* The first packet of a connection */
static void rules_opening(struct maker *k)
{
	RULE(is_untracked(r), go_to(r, "stray"));
	RULE(port_in(r, false, FIXED_MAPPER), go_to(r, "admit"));
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		RULE(ends_in(r, ipv6, false, true, ipv6 ? "pin6" : "pin4"), go_to(r, "admit"));
		RULE(ends_in(r, ipv6, false, true, ipv6 ? "static6" : "static4"),
		     go_to(r, "admit"));
		RULE(port_in(r, false, FIXED_DYNAMIC),
		     ends_in(r, ipv6, false, false, ipv6 ? "pair6" : "pair4"), go_to(r, "admit"));
	}
	RULE(port_in(r, false, FIXED_DYNAMIC),
	     go_to(r, k->plan->enforce ? "unannounced" : "admit"));
	/* no SYN takes a standing away: one from the server's port to the client's may belong to
	 * the same connection, or be sent to make it look foreign before or behind our back */
	RULE(port_in(r, true, FIXED_MAPPER), go_to(r, "standing"));
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		RULE(ends_in(r, ipv6, true, true, ipv6 ? "past6" : "past4"), go_to(r, "standing"));
		RULE(ends_in(r, ipv6, true, true, ipv6 ? "static6" : "static4"),
		     go_to(r, "standing"));
	}
	RULE(STATE_IS(0), set_mark(r, CONNECTION, MARK_FOREIGN), accept_it(r));
	RULE(go_to(r, "standing"));
}

/* Picked up in the middle, or no connection that conntrack knows: asked about where it may be RPC,
 * whichever side it comes from */
static void rules_stray(struct maker *k)
{
	for (unsigned answer = 0; answer < 2; answer++) {
		RULE(port_in(r, answer, FIXED_MAPPER), go_to(r, "stray_ask"));
		RULE(port_in(r, answer, FIXED_DYNAMIC), go_to(r, "stray_ask"));
		for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
			RULE(ends_in(r, ipv6, answer, true, ipv6 ? "past6" : "past4"),
			     go_to(r, "stray_ask"));
			RULE(ends_in(r, ipv6, answer, true, ipv6 ? "static6" : "static4"),
			     go_to(r, "stray_ask"));
		}
	}
	RULE(accept_it(r));
}

static void rules_stray_ask(struct maker *k)
{
	/* it would open what conntrack takes for the answers of another connection */
	if (k->plan->enforce)
		RULE(is_protocol(r, IPPROTO_TCP, true), is_invalid(r), is_syn(r), count(r),
		     drop(r));
	RULE(set_mark(r, PACKET, MARK_STRAY), go_to(r, "ask"));
}

static void rules_admit(struct maker *k)
{
	/* nobody connects by answering: conntrack would take the client for the server */
	if (k->plan->enforce)
		RULE(is_answer(r), count(r), drop(r));
	RULE(set_mark(r, CONNECTION, MARK_ADMITTED), set_mark(r, PACKET, MARK_ADMITTED),
	     go_to(r, "ask"));
}

static void rules_ask(struct maker *k)
{
	RULE(queue_it(r));
}

static void rules_unannounced(struct maker *k)
{
	RULE(log_some(r));
	RULE(count(r), turn_away(r));
}

static void rules_refused(struct maker *k)
{
	RULE(set_mark(r, CONNECTION, MARK_REFUSED));
	RULE(is_protocol(r, IPPROTO_TCP, true), count(r), turn_away(r));
	RULE(count(r), drop(r));
}

static void rules_unasked(struct maker *k)
{
	RULE(count(r), drop(r));
}

/* What came back from the queue: its standing is kept; the second rule where conntrack knows no
 * connection that could keep it */
static void keep(struct maker *k, uint32_t state)
{
	RULE(set_mark(r, CONNECTION, state), accept_it(r));
	RULE(accept_it(r));
}

static void rules_keep_admitted(struct maker *k)
{
	keep(k, MARK_ADMITTED);
}

static void rules_keep_approved(struct maker *k)
{
	keep(k, MARK_APPROVED);
}

static void rules_keep_served(struct maker *k)
{
	keep(k, MARK_SERVED);
}

static void rules_keep_letgo(struct maker *k)
{
	keep(k, MARK_LETGO);
}

static void rules_keep_foreign(struct maker *k)
{
	RULE(is_protocol(r, IPPROTO_TCP, true), set_mark(r, CONNECTION, MARK_FOREIGN),
	     set_mark(r, PACKET, 0), accept_it(r));
	RULE(set_mark(r, PACKET, 0), accept_it(r));
}

static void rules_settle(struct maker *k)
{
	RULE(STATE_IS(MARK_FOREIGN), accept_it(r));
	/* in the map, too: what was let go without a question is not looked up */
	RULE(has_mark(r, PACKET, MARK_ALL, MARK_PASS), accept_it(r));
	RULE(go_by_mark(r, PACKET, MARK_ALL, FIXED_MARKS));
	if (!k->plan->enforce)
		return;
	RULE(STATE_IS(MARK_SERVED), go_to(r, "unasked"));
	RULE(STATE_IS(MARK_ADMITTED), go_to(r, "unasked"));
	RULE(STATE_IS(MARK_APPROVED), go_to(r, "unasked"));
}

/* A chain stands behind those it goes to; inspect and settle stand on both sides of mangle (-150),
 * where others mark packets */
static const struct chain_row chains[] = {
	{ "ask", rules_ask, false, 0 },
	{ "admit", rules_admit, false, 0 },
	{ "unannounced", rules_unannounced, false, 0 },
	{ "refused", rules_refused, false, 0 },
	{ "unasked", rules_unasked, false, 0 },
	{ "admitted", rules_admitted, false, 0 },
	{ "approved", rules_approved, false, 0 },
	{ "served", rules_served, false, 0 },
	{ "letgo", rules_letgo, false, 0 },
	{ "keep_admitted", rules_keep_admitted, false, 0 },
	{ "keep_approved", rules_keep_approved, false, 0 },
	{ "keep_served", rules_keep_served, false, 0 },
	{ "keep_letgo", rules_keep_letgo, false, 0 },
	{ "keep_foreign", rules_keep_foreign, false, 0 },
	{ "stray_ask", rules_stray_ask, false, 0 },
	{ "stray", rules_stray, false, 0 },
	{ "standing", rules_standing, false, 0 },
	{ "opening", rules_opening, false, 0 },
	{ "datagrams", rules_datagrams, false, 0 },
	{ "inspect", rules_inspect, true, -155 },
	{ "settle", rules_settle, true, -145 },
};

static void all_rules(struct maker *k)
{
	for (size_t i = 0; i < COUNT(chains); i++) {
		k->chain = chains[i].name;
		chains[i].rules(k);
	}
}

/* -------------------------------------------------------------------- messages */

static void fill_fixed(const struct maker *k)
{
	fill_ports(k, FIXED_MAPPER, &k->plan->mapper);
	fill_ports(k, FIXED_DYNAMIC, &k->plan->dynamic);
	fill_openings(k, false);
	fill_openings(k, true);
	fill_ways(k, FIXED_STANDINGS, standings, COUNT(standings));
	fill_ways(k, FIXED_MARKS, marks, COUNT(marks));
}

static void flush_rules(const struct maker *k)
{
	struct nftnl_rule *all = nftnl_rule_alloc();
	struct nlmsghdr *nlh = all ? message(k->m, NFT_MSG_DELRULE, 0) : NULL;

	if (!nlh) {
		failed(k);
	} else {
		nftnl_rule_set_str(all, NFTNL_RULE_TABLE, RULESET_TABLE);
		nftnl_rule_nlmsg_build_payload(nlh, all);
		messages_done(k->m, nlh);
	}
	if (all)
		nftnl_rule_free(all);
}

static void flush_set(const struct maker *k, const char *name)
{
	struct nftnl_set *all = nftnl_set_alloc();
	struct nlmsghdr *nlh = all ? message(k->m, NFT_MSG_DELSETELEM, 0) : NULL;

	if (!nlh) {
		failed(k);
	} else {
		nftnl_set_set_str(all, NFTNL_SET_TABLE, RULESET_TABLE);
		nftnl_set_set_str(all, NFTNL_SET_NAME, name);
		nftnl_set_elems_nlmsg_build_payload(nlh, all);
		messages_done(k->m, nlh);
	}
	nftnl_set_free(all);
}

static void flush_fixed(const struct maker *k)
{
	for (size_t i = 0; i < COUNT(fixed_sets); i++)
		flush_set(k, fixed_sets[i].name);
}

void ruleset_install(const struct ruleset_plan *plan, uint32_t flags, bool anew, struct messages *m)
{
	struct maker k = { .plan = plan, .m = m };

	messages_begin(m);
	if (anew)
		put_table(&k, NFT_MSG_DELTABLE, 0, 0);
	put_table(&k, NFT_MSG_NEWTABLE, NLM_F_CREATE, flags);
	for (size_t i = 0; i < COUNT(live_sets); i++)
		put_set(&k, &live_sets[i]);
	for (size_t i = 0; i < COUNT(fixed_sets); i++)
		put_set(&k, &fixed_sets[i]);
	for (size_t i = 0; i < COUNT(chains); i++)
		put_chain(&k, &chains[i]);
	if (!anew) {
		flush_rules(&k);
		flush_fixed(&k);
	}
	fill_fixed(&k);
	all_rules(&k);
	messages_end(m);
}

void ruleset_change(const struct ruleset_plan *plan, struct messages *m)
{
	struct maker k = { .plan = plan, .m = m };

	messages_begin(m);
	flush_rules(&k);
	flush_fixed(&k);
	fill_fixed(&k);
	all_rules(&k);
	messages_end(m);
}

/* While packets wait for it: written in place, without a library's objects */
static void element(const struct ruleset_element *e, uint16_t type, uint16_t flags,
		    struct messages *m)
{
	bool ipv6 = e->set == SET_PIN6 || e->set == SET_PAST6 || e->set == SET_UDP6 ||
		    e->set == SET_PAIR6;
	bool pair = e->set == SET_PAIR4 || e->set == SET_PAIR6;
	struct nlmsghdr *nlh = message(m, type, flags);
	struct nlattr *all, *one, *key;
	uint8_t octets[36];

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, RULESET_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, live_sets[e->set].name);
	all = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	one = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	key = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE,
		     key_of(octets, ipv6, &e->client, &e->server, pair ? NULL : &e->port), octets);
	mnl_attr_nest_end(nlh, key);
	if (type == NFT_MSG_NEWSETELEM) {
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(e->timeout_ms));
		/* one that an earlier process left, with the same life, gets this end only if told */
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_EXPIRATION, htobe64(e->timeout_ms));
	}
	mnl_attr_nest_end(nlh, one);
	mnl_attr_nest_end(nlh, all);
	messages_done(m, nlh);
}

void ruleset_put(const struct ruleset_element *e, bool known, struct messages *m)
{
	if (known) /* older kernels do not move the end of an element that is there */
		ruleset_delete(e, m);
	element(e, NFT_MSG_NEWSETELEM, NLM_F_CREATE, m);
}

void ruleset_delete(const struct ruleset_element *e, struct messages *m)
{
	element(e, NFT_MSG_DELSETELEM, 0, m);
}

/* ------------------------------------------------------------------------ text */

static void print_ports(FILE *out, const struct rpcgate_port_list *list)
{
	struct rpcgate_port_range range[RPCGATE_MAX_RANGES];
	uint32_t n = merge(list, range);

	for (uint32_t i = 0; i < n; i++) {
		fprintf(out, "%s%u", i ? ", " : "", range[i].first);
		if (range[i].last != range[i].first)
			fprintf(out, "-%u", range[i].last);
	}
}

static void print_openings(FILE *out, const struct ruleset_plan *plan, bool ipv6)
{
	char text[4][RPCGATE_ADDR_TEXT];
	struct rpcgate_opening o;
	const char *before = "\t\telements = { ";

	for (size_t i = 0; plan->policy && rpcgate_policy_opening(plan->policy, i, &o); i++) {
		if (rpcgate_addr_is_ipv4(&o.client_first) == ipv6)
			continue;
		fprintf(out, "%s%s-%s . %s-%s . %u-%u", before,
			rpcgate_addr_format(&o.client_first, text[0]),
			rpcgate_addr_format(&o.client_last, text[1]),
			rpcgate_addr_format(&o.server_first, text[2]),
			rpcgate_addr_format(&o.server_last, text[3]), o.ports.first, o.ports.last);
		before = ",\n\t\t\t     ";
	}
	if (before[0] == ',')
		fputs(" }\n", out);
}

static void print_ways(FILE *out, const struct ruleset_plan *plan, const struct way *way, size_t n)
{
	const char *before = "\t\telements = { ";

	for (size_t i = 0; i < n; i++) {
		if (way[i].enforcing && !plan->enforce)
			continue;
		fprintf(out, "%s0x%08x : %s%s", before, way[i].bits << plan->mark_shift,
			way[i].chain ? "goto " : "accept", way[i].chain ? way[i].chain : "");
		before = ",\n\t\t\t     ";
	}
	fputs(" }\n", out);
}

static void print_set(const struct ruleset_plan *plan, const struct set_row *row, FILE *out)
{
	fprintf(out, "\t%s %s {\n\t\ttype %s\n", row->flags & NFT_SET_MAP ? "map" : "set",
		row->name, row->type);
	if (row->flags & NFT_SET_MAP)
		fprintf(out, "\t\tsize %u\n", MAP_SIZE);
	if (row->flags & NFT_SET_TIMEOUT)
		fprintf(out, "\t\tsize %u\n\t\tflags timeout\n", plan->max_elements);
	if (row->flags & NFT_SET_INTERVAL)
		fputs("\t\tflags interval\n", out);
	if (row == &fixed_sets[FIXED_MAPPER] || row == &fixed_sets[FIXED_DYNAMIC]) {
		fputs("\t\telements = { ", out);
		print_ports(out, row == &fixed_sets[FIXED_MAPPER] ? &plan->mapper : &plan->dynamic);
		fputs(" }\n", out);
	} else if (row->flags & NFT_SET_INTERVAL) {
		print_openings(out, plan, row == &fixed_sets[FIXED_STATIC6]);
	} else if (row == &fixed_sets[FIXED_STANDINGS]) {
		print_ways(out, plan, standings, COUNT(standings));
	} else if (row == &fixed_sets[FIXED_MARKS]) {
		print_ways(out, plan, marks, COUNT(marks));
	}
	fputs("\t}\n", out);
}

void ruleset_print(const struct ruleset_plan *plan, FILE *out)
{
	struct maker k = { .plan = plan, .text = out };

	fputs("table inet " RULESET_TABLE " {\n", out);
	for (size_t i = 0; i < COUNT(live_sets); i++)
		print_set(plan, &live_sets[i], out);
	for (size_t i = 0; i < COUNT(fixed_sets); i++)
		print_set(plan, &fixed_sets[i], out);
	for (size_t i = 0; i < COUNT(chains); i++) {
		fprintf(out, "\tchain %s {\n", chains[i].name);
		if (chains[i].base)
			fprintf(out, "\t\ttype filter hook forward priority %d; policy accept;\n",
				chains[i].priority);
		k.chain = chains[i].name;
		chains[i].rules(&k);
		fputs("\t}\n", out);
	}
	fputs("}\n", out);
}
