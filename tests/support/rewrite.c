/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rewrite.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- the capture */

struct ends {
	struct rpcgate_addr addr[2];
	uint16_t port[2];
};

static struct ends ends_of(const struct segment *seg, bool turned)
{
	struct ends e = { { seg->src, seg->dst }, { seg->sport, seg->dport } };

	if (turned)
		e = (struct ends){ { seg->dst, seg->src }, { seg->dport, seg->sport } };
	return e;
}

static bool ends_equal(const struct ends *a, const struct ends *b)
{
	return memcmp(a->addr, b->addr, sizeof(a->addr)) == 0 && a->port[0] == b->port[0] &&
	       a->port[1] == b->port[1];
}

static void find_flow(struct capture *c, struct ends *known, struct item *item)
{
	struct ends same = ends_of(&item->seg, false), turned = ends_of(&item->seg, true);

	for (size_t f = 0; f < c->n_flows; f++) {
		if (ends_equal(&known[f], &same) || ends_equal(&known[f], &turned)) {
			item->flow = f;
			item->side = ends_equal(&known[f], &same) ? 0 : 1;
			return;
		}
	}
	known[c->n_flows] = same;
	c->midstream[c->n_flows] = !(item->seg.flags & SYN);
	item->flow = c->n_flows++;
	item->side = 0;
}

/* Do two segments of one direction give the same place different octets? */
static bool disagree(const struct item *a, const struct item *b)
{
	int32_t ahead = (int32_t)(b->seg.seq - a->seg.seq);
	const struct item *low = ahead >= 0 ? a : b, *high = ahead >= 0 ? b : a;
	size_t skip = (size_t)(ahead >= 0 ? ahead : -(int64_t)ahead), both;

	if (a->flow != b->flow || a->side != b->side || skip >= low->seg.len)
		return false;
	both = low->seg.len - skip < high->seg.len ? low->seg.len - skip : high->seg.len;
	return both && memcmp(low->seg.data + skip, high->seg.data, both) != 0;
}

/* Sequence numbers may be used again by a later connection: then this errs on the careful side */
static bool any_disagree(const struct capture *c)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = i + 1; c->item[i].flow != NO_FLOW && k < c->n; k++)
			if (disagree(&c->item[i], &c->item[k]))
				return true;
	return false;
}

static bool is_tcp(const struct packets *list, size_t i)
{
	struct framing how;
	const uint8_t *ip;
	size_t n;

	if (!packets_ip(list, i, &how, &ip, &n))
		return false;
	/* an IPv6 extension header may hide TCP: count it as TCP */
	return ip[0] >> 4 == 4 ? n < 20 || ip[9] == 6 :
				 n < 40 || ip[6] == 6 || ip[6] == 44 || ip[6] == 0 || ip[6] == 60 ||
					 ip[6] == 43;
}

void rewrite_open(struct capture *c)
{
	size_t n = c->packets.n;
	struct ends *known = calloc(n + 1, sizeof(*known));

	c->item = calloc(n + 1, sizeof(*c->item));
	c->midstream = calloc(n + 1, sizeof(*c->midstream));
	if (!known || !c->item || !c->midstream)
		abort();
	c->all_ip = true;
	for (c->n = 0; c->n < n; c->n++) {
		struct item *item = &c->item[c->n];
		bool whole = packets_parse(&c->packets, c->n, &item->how, &item->seg);
		struct framing how;
		const uint8_t *ip;
		size_t len;

		item->flow = NO_FLOW;
		item->raw = c->n;
		if (whole) {
			find_flow(c, known, item);
			continue;
		}
		c->opaque |= is_tcp(&c->packets, c->n);
		if (packets_ip(&c->packets, c->n, &how, &ip, &len))
			item->how = how;
		else
			c->all_ip = false;
	}
	c->contradicts = any_disagree(c);
	free(known);
}

void rewrite_close(struct capture *c)
{
	packets_free(&c->packets);
	free(c->item);
	free(c->midstream);
	*c = (struct capture){ 0 };
}

/* ------------------------------------------------------------- work at hand */

#define ITEMS_MOST 60000U /* a rewriting that grows beyond this stops growing */

struct block {
	struct block *next;
	uint8_t octet[];
};

struct work {
	const struct capture *from;
	struct item *item;
	size_t n, size;
	struct block *blocks; /* content that no capture holds */
	int64_t shift_ns;
};

static void add(struct work *w, const struct item *item)
{
	if (w->n == w->size) {
		w->size = w->size ? w->size * 2 : 256;
		w->item = realloc(w->item, w->size * sizeof(*w->item));
		if (!w->item)
			abort();
	}
	w->item[w->n++] = *item;
}

/* Begin anew; returns what was there, for the caller to read and free */
static struct work turn_over(struct work *w)
{
	struct work old = *w;

	w->item = NULL;
	w->n = w->size = 0;
	return old;
}

static uint8_t *content(struct work *w, size_t n)
{
	struct block *b = malloc(sizeof(*b) + n);

	if (!b)
		abort();
	b->next = w->blocks;
	w->blocks = b;
	return b->octet;
}

/* An ordinary segment with data, to be cut, joined and moved about */
static bool is_data(const struct item *item)
{
	return item->flow != NO_FLOW && item->seg.len && !(item->seg.flags & (SYN | RST | URG));
}

static bool same_way(const struct item *a, const struct item *b)
{
	return a->flow == b->flow && a->side == b->side && a->flow != NO_FLOW;
}

/* -------------------------------------------------------- rewriters of TCP */

static void cut_one(struct work *w, const struct item *whole, struct random *r, size_t most)
{
	struct item part = *whole;
	size_t off = 0;

	while (off < whole->seg.len) {
		size_t left = whole->seg.len - off;
		size_t n = 1 + (size_t)random_below(r, most < left ? most : left);
		bool last = n == left;

		part.seg.data = whole->seg.data + off;
		part.seg.len = n;
		part.seg.seq = whole->seg.seq + (uint32_t)off;
		part.seg.flags = last ? whole->seg.flags :
					(uint8_t)(whole->seg.flags & ~(FIN | PSH));
		part.seg.id = (uint16_t)(whole->seg.id + off);
		add(w, &part);
		off += n;
	}
}

static void cut(struct work *w, struct random *r)
{
	static const size_t sizes[] = { 1, 3, 17, 80, 700, 65536 };
	size_t most = sizes[random_below(r, sizeof(sizes) / sizeof(sizes[0]))];
	uint64_t seldom = 1 + random_below(r, 3);
	struct work old = turn_over(w);

	for (size_t i = 0; i < old.n; i++) {
		if (is_data(&old.item[i]) && w->n < ITEMS_MOST && random_once_in(r, seldom))
			cut_one(w, &old.item[i], r, most);
		else
			add(w, &old.item[i]);
	}
	free(old.item);
}

/* As a receiving card does (GRO): neighbours become one segment */
static void coalesce(struct work *w, struct random *r)
{
	struct work old = turn_over(w);

	for (size_t i = 0; i < old.n; i++) {
		const struct item *b = &old.item[i];
		struct item *a = w->n ? &w->item[w->n - 1] : NULL;

		if (a && is_data(a) && is_data(b) && same_way(a, b) && !(a->seg.flags & FIN) &&
		    a->seg.seq + (uint32_t)a->seg.len == b->seg.seq &&
		    a->seg.len + b->seg.len < 60000 && !random_once_in(r, 4)) {
			uint8_t *both = content(w, a->seg.len + b->seg.len);

			memcpy(both, a->seg.data, a->seg.len);
			memcpy(both + a->seg.len, b->seg.data, b->seg.len);
			a->seg.data = both;
			a->seg.len += b->seg.len;
			a->seg.flags |= b->seg.flags;
			a->seg.ack = b->seg.ack;
			a->seg.window = b->seg.window;
		} else {
			add(w, b);
		}
	}
	free(old.item);
}

/* Send the end of one segment and the beginning of the next once more, in one */
static void overlap(struct work *w, struct random *r)
{
	struct work old = turn_over(w);

	for (size_t i = 0; i < old.n; i++) {
		const struct item *b = &old.item[i], *a = i ? b - 1 : NULL;
		struct item again = *b;

		add(w, b);
		if (!a || !is_data(a) || !is_data(b) || !same_way(a, b) || w->n >= ITEMS_MOST ||
		    a->seg.seq + (uint32_t)a->seg.len != b->seg.seq || random_once_in(r, 2))
			continue;
		size_t tail = 1 + (size_t)random_below(r, a->seg.len);
		size_t head = 1 + (size_t)random_below(r, b->seg.len);
		uint8_t *both = content(w, tail + head);

		if (tail + head > 60000)
			continue;
		memcpy(both, a->seg.data + a->seg.len - tail, tail);
		memcpy(both + tail, b->seg.data, head);
		again.seg.data = both;
		again.seg.len = tail + head;
		again.seg.seq = b->seg.seq - (uint32_t)tail;
		again.seg.flags &= (uint8_t)~FIN;
		again.seg.id++;
		add(w, &again);
	}
	free(old.item);
}

/* Send segments again, up to a few packets later, but not into a connection that follows */
static void duplicate(struct work *w, struct random *r)
{
	struct {
		struct item item;
		uint64_t wait;
	} late[4];
	size_t n_late = 0;
	struct work old = turn_over(w);

	for (size_t i = 0; i < old.n; i++) {
		const struct item *item = &old.item[i];

		if (item->flow != NO_FLOW && item->seg.flags & (SYN | RST))
			for (size_t k = n_late; k-- > 0;)
				if (late[k].item.flow == item->flow)
					late[k] = late[--n_late];
		add(w, item);
		for (size_t k = n_late; k-- > 0;) {
			if (late[k].wait-- == 0) {
				late[k].item.seg.time_ns = item->seg.time_ns;
				if (item->flow == NO_FLOW)
					late[k].item.seg.time_ns =
						w->from->packets.at[item->raw].time_ns;
				add(w, &late[k].item);
				late[k] = late[--n_late];
			}
		}
		if (is_data(item) && n_late < 4 && w->n < ITEMS_MOST && random_once_in(r, 3)) {
			late[n_late].item = *item;
			late[n_late].item.seg.id++;
			late[n_late++].wait = random_below(r, 5);
		}
	}
	free(old.item);
}

/* A garbage octet just below the left edge, where everything is acknowledged */
static void keep_alive(struct work *w, struct random *r)
{
	struct way {
		uint32_t next, acked;
		bool known, closed;
		uint32_t ack;
	};
	struct way(*way)[2] = calloc(w->from->n_flows + 1, sizeof(*way));
	struct work old = turn_over(w);

	if (!way)
		abort();
	for (size_t i = 0; i < old.n; i++) {
		const struct item *item = &old.item[i];
		struct way *me, *you;

		add(w, item);
		if (item->flow == NO_FLOW)
			continue;
		me = &way[item->flow][item->side];
		you = &way[item->flow][!item->side];
		if (item->seg.flags & (SYN | RST))
			*me = (struct way){ .known = item->seg.flags & SYN, .next = item->seg.seq };
		if (item->seg.flags & RST || item->seg.flags & FIN)
			me->closed = you->closed = true;
		uint32_t end =
			item->seg.seq + (uint32_t)item->seg.len + (item->seg.flags & SYN ? 1U : 0U);
		if (me->known && (int32_t)(end - me->next) > 0)
			me->next = end;
		if (item->seg.flags & ACK && you->known)
			you->acked = item->seg.ack;
		me->ack = item->seg.ack;
		/* the peer of the sender has everything: the sender of those octets may probe */
		if (you->known && !you->closed && !me->closed && me->known &&
		    item->seg.flags == ACK && !item->seg.len && you->acked == you->next &&
		    you->ack && w->n < ITEMS_MOST && random_once_in(r, 3)) {
			struct item probe = *item;
			uint8_t *garbage = content(w, 1);

			*garbage = (uint8_t)random_next(r);
			probe.side = !item->side;
			probe.seg.src = item->seg.dst;
			probe.seg.dst = item->seg.src;
			probe.seg.sport = item->seg.dport;
			probe.seg.dport = item->seg.sport;
			probe.seg.seq = you->next - 1;
			probe.seg.ack = you->ack;
			probe.seg.n_options = 0;
			probe.seg.data = garbage;
			probe.seg.len = 1;
			add(w, &probe);
		}
	}
	free(old.item);
	free(way);
}

/* Let segments of one direction overtake each other while nothing acknowledges them.  Each place
 * keeps its time.
 */
static void shuffle(struct work *w, struct random *r)
{
	size_t window = 2 + (size_t)random_below(r, 14);
	size_t end;

	for (size_t i = 0; i < w->n; i = end) {
		for (end = i + 1; end < w->n && end - i < window && is_data(&w->item[i]) &&
				  is_data(&w->item[end]) && same_way(&w->item[i], &w->item[end]);)
			end++;
		if (end - i < 2 || w->from->midstream[w->item[i].flow])
			continue;
		for (size_t k = end - 1; k > i; k--) {
			size_t other = i + (size_t)random_below(r, k - i + 1);
			struct item x = w->item[k], y = w->item[other];
			uint64_t time_ns = x.seg.time_ns;

			x.seg.time_ns = y.seg.time_ns;
			y.seg.time_ns = time_ns;
			w->item[k] = y;
			w->item[other] = x;
		}
	}
}

/* Other initial sequence numbers, most of them just before the wrap */
static void shift_numbers(struct work *w, struct random *r)
{
	struct way {
		bool known;
		uint32_t by;
	};
	struct way(*way)[2] = calloc(w->from->n_flows + 1, sizeof(*way));

	if (!way)
		abort();
	for (size_t i = 0; i < w->n; i++) {
		struct item *item = &w->item[i];

		if (item->flow == NO_FLOW)
			continue;
		for (unsigned side = 0; side < 2; side++) {
			struct way *me = &way[item->flow][side];
			uint32_t first = side == item->side ? item->seg.seq : item->seg.ack;

			if (me->known || (side != item->side && !(item->seg.flags & ACK)))
				continue;
			me->known = true;
			me->by = random_once_in(r, 4) ?
					 (uint32_t)random_next(r) :
					 0U - first - (uint32_t)random_below(r, 2000);
		}
		item->seg.seq += way[item->flow][item->side].by;
		if (item->seg.flags & ACK)
			item->seg.ack += way[item->flow][!item->side].by;
		for (size_t k = 0; k < item->seg.n_options;) {
			uint8_t kind = item->seg.options[k];
			size_t len = kind <= 1 || k + 1 >= item->seg.n_options ?
					     1 :
					     item->seg.options[k + 1];

			if (kind == 0 || len == 0 || k + len > item->seg.n_options)
				break;
			if (kind == 5) /* SACK names octets by their old numbers */
				memset(item->seg.options + k, 1, len);
			k += len;
		}
	}
	free(way);
}

static void shift_time(struct work *w, struct random *r)
{
	w->shift_ns = ((int64_t)random_below(r, 20000) - 10000) * 3600 * 1000000000;
}

/* --------------------------------------------------- rewriters of wrapping */

static void fragment(struct work *w, struct random *r)
{
	uint32_t unit = 8 * (8 + (uint32_t)random_below(r, 60));

	for (size_t i = 0; i < w->n; i++) {
		struct item *item = &w->item[i];
		size_t payload = 20U + item->seg.n_options + item->seg.len;

		if (item->flow == NO_FLOW || payload <= unit || payload / unit > 40 ||
		    random_once_in(r, 3))
			continue;
		item->how.fragment = unit;
		item->how.order = random_once_in(r, 2) ? FRAGMENTS_BACKWARD : FRAGMENTS_FORWARD;
		item->how.zero_length = false;
		item->seg.id = (uint16_t)(i + 1); /* two datagrams never share one */
	}
}

/* One VLAN or a stack of them around everything */
static void tag(struct work *w, struct random *r)
{
	unsigned n = 1 + (unsigned)random_below(r, 3);

	for (size_t i = 0; i < w->n; i++) {
		struct framing *how = &w->item[i].how;

		if (how->n_tags + n > FRAMING_TAGS)
			continue;
		memmove(how->tag + n, how->tag, how->n_tags * sizeof(how->tag[0]));
		for (unsigned k = 0; k < n; k++) {
			how->tag[k].tpid = k + 1 < n ? 0x88a8 : 0x8100;
			how->tag[k].tci = (uint16_t)(100 + k);
		}
		how->n_tags += n;
	}
}

/* Octets behind the datagram that look like the beginning of a Bind */
static void pad(struct work *w, struct random *r)
{
	static const uint8_t bind[] = { 5, 0, 11,   3,    0x10, 0,    0, 0, 72, 0, 0, 0, 1, 0,
					0, 0, 0xd0, 0x16, 0xd0, 0x16, 0, 0, 0,  0, 1, 0, 0, 0 };

	for (size_t i = 0; i < w->n; i++) {
		struct framing *how = &w->item[i].how;

		if (how->zero_length)
			continue;
		how->n_padding = 1 + (size_t)random_below(r, 46);
		memcpy(how->padding, bind, sizeof(bind));
	}
}

static void change_link(struct work *w, struct random *r)
{
	static const uint32_t links[] = { RPCGATE_LINK_RAW,        RPCGATE_LINK_LINUX_SLL,
					  RPCGATE_LINK_LINUX_SLL2, RPCGATE_LINK_NULL,
					  RPCGATE_LINK_LOOP,       RPCGATE_LINK_ETHERNET };
	uint32_t link = links[random_below(r, sizeof(links) / sizeof(links[0]))];

	for (size_t i = 0; i < w->n; i++) {
		w->item[i].how.linktype = link;
		w->item[i].how.n_tags = 0;
		if (link != RPCGATE_LINK_ETHERNET)
			w->item[i].how.n_padding = 0;
	}
}

/* Options and extension headers that say nothing */
static void extend(struct work *w, struct random *r)
{
	static const uint8_t chains[][2] = { { 60, 60 }, { 0, 60 }, { 60, 43 }, { 43, 60 } };

	for (size_t i = 0; i < w->n; i++) {
		struct framing *how = &w->item[i].how;
		const uint8_t *chain = chains[random_below(r, 4)];

		if (random_once_in(r, 3))
			continue;
		how->n_ip_options = (uint8_t)(4 * random_below(r, 11));
		how->n_extensions = 1 + (unsigned)random_below(r, 2);
		how->extension[0] = chain[0];
		how->extension[1] = chain[1];
	}
}

/* As a sending host hands large segments to its card (TSO) */
static void zero_length(struct work *w, struct random *r)
{
	for (size_t i = 0; i < w->n; i++) {
		struct item *item = &w->item[i];

		item->how.zero_length = item->flow != NO_FLOW && item->seg.len >= 512 &&
					!item->how.n_padding && !item->how.fragment &&
					item->seg.src.octet[10] == 0xff && !random_once_in(r, 3);
	}
}

/* --------------------------------------------------------------- the table */

enum needs {
	NEEDS_NOTHING = 0,
	NEEDS_ALL_SEGMENTS = 1, /* sequence numbers of the whole flow are known */
	NEEDS_ETHERNET = 2,
	NEEDS_ALL_IP = 4,
	NEEDS_HARMONY = 8 /* order decides nothing: no octet was sent in two versions */
};

struct rewriter {
	const char *name;
	unsigned needs;
	void (*apply)(struct work *w, struct random *r);
};

static const struct rewriter rewriters[] = {
	{ "coalesce", NEEDS_HARMONY, coalesce },
	{ "cut", NEEDS_HARMONY, cut },
	{ "overlap", NEEDS_HARMONY, overlap },
	{ "duplicate", NEEDS_HARMONY, duplicate },
	{ "keep-alive", NEEDS_HARMONY | NEEDS_ALL_SEGMENTS, keep_alive },
	{ "shuffle", NEEDS_HARMONY, shuffle },
	{ "shift-numbers", NEEDS_ALL_SEGMENTS, shift_numbers },
	{ "shift-time", NEEDS_NOTHING, shift_time },
	{ "change-link", NEEDS_ALL_IP, change_link },
	{ "extend", NEEDS_NOTHING, extend },
	{ "tag", NEEDS_ETHERNET, tag },
	{ "zero-length", NEEDS_NOTHING, zero_length },
	{ "fragment", NEEDS_NOTHING, fragment },
	{ "pad", NEEDS_ETHERNET, pad },
};

const struct rewriter *rewriter_at(size_t i)
{
	return i < sizeof(rewriters) / sizeof(rewriters[0]) ? &rewriters[i] : NULL;
}

const char *rewriter_name(const struct rewriter *rewriter)
{
	return rewriter->name;
}

bool rewriter_fits(const struct rewriter *rewriter, const struct capture *c)
{
	return !((rewriter->needs & NEEDS_ALL_SEGMENTS && c->opaque) ||
		 (rewriter->needs & NEEDS_ETHERNET &&
		  c->packets.linktype != RPCGATE_LINK_ETHERNET) ||
		 (rewriter->needs & NEEDS_ALL_IP && !c->all_ip) ||
		 (rewriter->needs & NEEDS_HARMONY && c->contradicts));
}

static uint64_t shifted(const struct work *w, uint64_t time_ns)
{
	return time_ns + (uint64_t)w->shift_ns;
}

static void write_item(const struct work *w, struct item *item, struct packets *out)
{
	const struct packets *from = &w->from->packets;
	const struct stored *s = &from->at[item->raw];
	struct framing was;
	const uint8_t *ip;
	size_t n;

	if (item->flow != NO_FLOW) {
		item->seg.time_ns = shifted(w, item->seg.time_ns);
		packets_segment(out, &item->how, &item->seg);
	} else if (packets_ip(from, item->raw, &was, &ip, &n)) {
		packets_rewrap(out, &item->how, shifted(w, s->time_ns), ip, n, s->len - s->caplen);
	} else {
		packets_copy(out, from, item->raw);
		out->at[out->n - 1].time_ns = shifted(w, s->time_ns);
	}
}

void rewrite(const struct capture *capture, const struct rewriter *const *chosen, size_t n,
	     struct random *random, struct packets *out)
{
	struct work w = { .from = capture };

	for (size_t i = 0; i < capture->n; i++)
		add(&w, &capture->item[i]);
	for (size_t k = 0; rewriter_at(k); k++)
		for (size_t i = 0; i < n; i++)
			if (chosen[i] == rewriter_at(k))
				chosen[i]->apply(&w, random);
	packets_clear(out);
	out->linktype = capture->packets.linktype;
	for (size_t i = 0; i < w.n; i++)
		write_item(&w, &w.item[i], out);
	free(w.item);
	while (w.blocks) {
		struct block *next = w.blocks->next;

		free(w.blocks);
		w.blocks = next;
	}
}
