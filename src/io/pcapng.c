/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "pcapng.h"
#include "savefile.h"

#define SECTION 0x0a0d0d0aU /* the same in both orders */
#define BYTE_ORDER_MAGIC 0x1a2b3c4dU
#define HEAD 8U /* type and length */
#define TAIL 4U /* the length again */
#define LONGEST_BLOCK (16U << 20)
#define OPTION_END 0
#define OPTION_RESOLUTION 9
#define OPTION_OFFSET 14

struct interface {
	uint32_t linktype;
	uint32_t snap_length;
	uint64_t units_per_s;
	uint64_t offset_s;
	uint64_t calm_below; /* times that need no more than to be multiplied ... */
	uint32_t unit_ns;    /* ... by this */
};

struct pcapng {
	size_t room;
	bool begun; /* a section was read */
	bool swapped;
	uint32_t block; /* octets of the block that is let go by pieces; 0: it may end as it wants */
	size_t rest;    /* and what is left of it; 0: none is */
	struct interface *interface;
	uint32_t n, room_n;
	char fault[PCAPNG_FAULT_TEXT];
};

struct pcapng *pcapng_new(size_t room)
{
	struct pcapng *p = calloc(1, sizeof(*p));

	if (p)
		p->room = room;
	return p;
}

void pcapng_free(struct pcapng *p)
{
	if (!p)
		return;
	free(p->interface);
	free(p);
}

bool pcapng_is_inside(const struct pcapng *p)
{
	return p->rest;
}

const char *pcapng_fault(const struct pcapng *p)
{
	return p->fault;
}

uint32_t pcapng_interfaces(const struct pcapng *p)
{
	return p->n;
}

uint32_t pcapng_linktype(const struct pcapng *p, uint32_t interface)
{
	return p->interface[interface].linktype;
}

__attribute__((format(printf, 2, 3))) static enum pcapng_outcome bad(struct pcapng *p,
								     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->fault, sizeof(p->fault), format, args);
	va_end(args);
	return PCAPNG_BAD;
}

/* ------------------------------------------------------------------ interfaces */

/* if_tsresol: a negative power of ten, or of two if the highest bit is set */
static bool resolution_of(uint8_t octet, uint64_t *units_per_s)
{
	const unsigned power = octet & 0x7f;

	if (power > (octet & 0x80 ? 63 : 19))
		return false;
	*units_per_s = octet & 0x80 ? UINT64_C(1) << power : 1;
	for (unsigned i = 0; !(octet & 0x80) && i < power; i++)
		*units_per_s *= 10;
	return true;
}

/* Nearly all captures count micro- or nanoseconds from 1970 */
static void choose_way(struct interface *i)
{
	if (i->offset_s || i->units_per_s > SAVEFILE_NS_PER_S || SAVEFILE_NS_PER_S % i->units_per_s)
		return;
	i->unit_ns = (uint32_t)(SAVEFILE_NS_PER_S / i->units_per_s);
	i->calm_below = (uint64_t)(INT64_MAX / SAVEFILE_NS_PER_S) * i->units_per_s;
}

/* @return NULL, or what is wrong with the option */
static const char *read_option(const struct pcapng *p, struct interface *i, unsigned code,
			       const uint8_t *value, unsigned n)
{
	if (code == OPTION_RESOLUTION) {
		if (n != 1)
			return "a resolution of times that has not one octet";
		if (!resolution_of(value[0], &i->units_per_s))
			return "times that are finer than 64 bits can count";
	} else if (code == OPTION_OFFSET) {
		if (n != 8)
			return "an offset of times that has not eight octets";
		i->offset_s = (uint64_t)savefile_u32(value + (p->swapped ? 0 : 4), p->swapped)
				      << 32 |
			      savefile_u32(value + (p->swapped ? 4 : 0), p->swapped);
	}
	return NULL;
}

static const char *read_options(const struct pcapng *p, struct interface *i, const uint8_t *at,
				const uint8_t *end)
{
	while (end - at >= 4) {
		const unsigned code = savefile_u16(at, p->swapped);
		const unsigned n = savefile_u16(at + 2, p->swapped);
		const char *wrong;

		if (code == OPTION_END)
			return n ? "an end of options that is not empty" : NULL;
		at += 4;
		if (end - at < (ptrdiff_t)n)
			return "an option that is longer than its block";
		wrong = read_option(p, i, code, at, n);
		if (wrong)
			return wrong;
		at += end - at < (ptrdiff_t)(n + 3) / 4 * 4 ? (size_t)(end - at) : (n + 3) / 4 * 4;
	}
	return at == end ? NULL : "an option that is longer than its block";
}

static bool make_room(struct pcapng *p)
{
	const uint32_t wider = p->room_n ? p->room_n * 2 : 4;
	struct interface *grown;

	if (p->n < p->room_n)
		return true;
	grown = realloc(p->interface, wider * sizeof(*grown));
	if (!grown)
		return false;
	p->interface = grown;
	p->room_n = wider;
	return true;
}

static enum pcapng_outcome read_interface(struct pcapng *p, const uint8_t *block, uint32_t octets)
{
	struct interface i = { .linktype = savefile_u16(block + 8, p->swapped),
			       .snap_length = savefile_u32(block + 12, p->swapped),
			       .units_per_s = 1000000 };
	const char *wrong = read_options(p, &i, block + 16, block + octets - TAIL);

	if (wrong)
		return bad(p, "interface %" PRIu32 " has %s", p->n, wrong);
	if (p->n == PCAPNG_INTERFACES_MAX)
		return bad(p, "a section has more than %u interfaces", PCAPNG_INTERFACES_MAX);
	if (!make_room(p))
		return bad(p, "not enough memory for %" PRIu32 " interfaces", p->n);
	choose_way(&i);
	p->interface[p->n++] = i;
	return PCAPNG_OTHER;
}

/* --------------------------------------------------------------------- packets */

/* Units behind the second, which are fewer than there are in one: of a power of ten or of two */
static int64_t fraction_ns(uint64_t units, uint64_t units_per_s)
{
	if (units_per_s % SAVEFILE_NS_PER_S == 0)
		return (int64_t)(units / (units_per_s / SAVEFILE_NS_PER_S));
	for (; units_per_s > UINT64_C(1) << 34; units_per_s >>= 1)
		units >>= 1;
	return (int64_t)(units * SAVEFILE_NS_PER_S / units_per_s);
}

static uint64_t odd_time_ns(const struct interface *i, uint64_t units)
{
	return savefile_time_ns((int64_t)(units / i->units_per_s + i->offset_s),
				fraction_ns(units % i->units_per_s, i->units_per_s));
}

static inline uint64_t time_ns(const struct interface *i, uint64_t units)
{
	return units < i->calm_below ? units * i->unit_ns : odd_time_ns(i, units);
}

static inline enum pcapng_outcome packet(struct pcapng *p, struct pcapng_found *found,
					 const uint8_t *data, uint32_t room)
{
	if (found->captured > room)
		return bad(p, "a packet of %" PRIu32 " octets in a block with room for %" PRIu32,
			   found->captured, room);
	if (found->captured > SAVEFILE_LONGEST_PACKET)
		return bad(p, "a packet of %" PRIu32 " octets: %u are the most there are",
			   found->captured, SAVEFILE_LONGEST_PACKET);
	found->data = data;
	return PCAPNG_PACKET;
}

/* An enhanced packet block, or with interfaces of 16 bits one that was used before there were */
static inline enum pcapng_outcome read_packet(struct pcapng *p, const uint8_t *block,
					      uint32_t octets, uint32_t interface,
					      struct pcapng_found *found)
{
	const struct interface *i;

	if (interface >= p->n)
		return bad(p, "a packet of interface %" PRIu32 ", of which nothing was said",
			   interface);
	i = &p->interface[interface];
	found->time_ns = time_ns(i, (uint64_t)savefile_u32(block + 12, p->swapped) << 32 |
					    savefile_u32(block + 16, p->swapped));
	found->captured = savefile_u32(block + 20, p->swapped);
	found->length = savefile_u32(block + 24, p->swapped);
	found->linktype = i->linktype;
	found->snap_length = i->snap_length;
	return packet(p, found, block + 28, octets - 28 - TAIL);
}

static inline enum pcapng_outcome read_enhanced(struct pcapng *p, const uint8_t *block,
						uint32_t octets, struct pcapng_found *found)
{
	return read_packet(p, block, octets, savefile_u32(block + 8, p->swapped), found);
}

static enum pcapng_outcome read_obsolete(struct pcapng *p, const uint8_t *block, uint32_t octets,
					 struct pcapng_found *found)
{
	return read_packet(p, block, octets, savefile_u16(block + 8, p->swapped), found);
}

/* Of the first interface, at its time 0 */
static enum pcapng_outcome read_simple(struct pcapng *p, const uint8_t *block, uint32_t octets,
				       struct pcapng_found *found)
{
	const struct interface *i = p->interface;
	uint32_t most;

	if (!p->n)
		return bad(p, "a packet before any interface");
	most = i->snap_length ? i->snap_length : SAVEFILE_LONGEST_PACKET;
	found->time_ns = time_ns(i, 0);
	found->length = savefile_u32(block + 8, p->swapped);
	found->captured = found->length < most ? found->length : most;
	found->linktype = i->linktype;
	found->snap_length = i->snap_length;
	return packet(p, found, block + 12, octets - 12 - TAIL);
}

/* ---------------------------------------------------------------------- blocks */

static enum pcapng_outcome more(struct pcapng_found *found, size_t want)
{
	found->want = want;
	return PCAPNG_MORE;
}

/* What the byte order of a section is, it says itself.  PCAPNG_OTHER: now it is known. */
static enum pcapng_outcome read_order(struct pcapng *p, const uint8_t *block, size_t n,
				      struct pcapng_found *found)
{
	if (n < HEAD + 4)
		return more(found, HEAD + 4);
	for (unsigned swapped = 0; swapped < 2; swapped++)
		if (savefile_u32(block + 8, swapped) == BYTE_ORDER_MAGIC) {
			p->swapped = swapped;
			return PCAPNG_OTHER;
		}
	return bad(p, "a section of unknown byte order");
}

static enum pcapng_outcome read_section(struct pcapng *p, const uint8_t *block)
{
	const unsigned major = savefile_u16(block + 12, p->swapped);
	const unsigned minor = savefile_u16(block + 14, p->swapped);

	/* the smaller number as libpcap, which looks at that of the first section alone */
	if (major != 1 || (!p->begun && minor != 0 && minor != 2))
		return bad(p, "a section of version %u.%u, which is not known", major, minor);
	p->n = 0;
	p->begun = true;
	return PCAPNG_OTHER;
}

enum kind { KIND_OTHER, KIND_SECTION, KIND_INTERFACE, KIND_OBSOLETE, KIND_SIMPLE, KIND_ENHANCED };

static inline enum kind kind_of(uint32_t type)
{
	static const uint8_t known[] = {
		[1] = KIND_INTERFACE, [2] = KIND_OBSOLETE, [3] = KIND_SIMPLE, [6] = KIND_ENHANCED
	};

	if (type < sizeof(known))
		return known[type];
	return type == SECTION ? KIND_SECTION : KIND_OTHER;
}

/* What a block of a kind has at least, with its two lengths */
static const uint8_t least[] = {
	[KIND_OTHER] = HEAD + TAIL, [KIND_SECTION] = 28, [KIND_INTERFACE] = 20,
	[KIND_OBSOLETE] = 32,       [KIND_SIMPLE] = 16,  [KIND_ENHANCED] = 32
};

/* Octets that must be there before a block can be read; all of it, if there is room for that */
static size_t front_of(const struct pcapng *p, enum kind kind, const uint8_t *block, size_t n,
		       uint32_t octets)
{
	static const uint8_t captured_at[] = {
		[KIND_OBSOLETE] = 20, [KIND_SIMPLE] = 8, [KIND_ENHANCED] = 20
	};
	const size_t fixed = least[kind] - TAIL;
	uint32_t captured;

	if (octets <= p->room)
		return octets;
	if (n < fixed || kind < KIND_OBSOLETE)
		return fixed;
	captured = savefile_u32(block + captured_at[kind], p->swapped);
	return fixed + (captured < SAVEFILE_LONGEST_PACKET ? captured : SAVEFILE_LONGEST_PACKET);
}

static inline enum pcapng_outcome read_kind(struct pcapng *p, enum kind kind, const uint8_t *block,
					    uint32_t octets, struct pcapng_found *found)
{
	switch (kind) {
	case KIND_ENHANCED:
		return read_enhanced(p, block, octets, found);
	case KIND_SIMPLE:
		return read_simple(p, block, octets, found);
	case KIND_OBSOLETE:
		return read_obsolete(p, block, octets, found);
	case KIND_SECTION:
		return read_section(p, block);
	case KIND_INTERFACE:
		if (octets > p->room)
			return bad(p, "the description of an interface has %" PRIu32 " octets",
				   octets);
		return read_interface(p, block, octets);
	case KIND_OTHER:
		break;
	}
	return PCAPNG_OTHER;
}

static enum pcapng_outcome lengths_differ(struct pcapng *p, uint32_t octets, uint32_t again)
{
	return bad(p, "a block of %" PRIu32 " octets that ends as one of %" PRIu32, octets, again);
}

/* More of a block that is longer than the room, of which nothing is needed any more */
static enum pcapng_outcome pass_over(struct pcapng *p, const uint8_t *octets, size_t n,
				     struct pcapng_found *found)
{
	if (p->rest > TAIL) {
		found->take = n < p->rest - TAIL ? n : p->rest - TAIL;
		p->rest -= found->take;
		return found->take ? PCAPNG_OTHER : more(found, 1);
	}
	if (n < TAIL)
		return more(found, TAIL);
	if (p->block && savefile_u32(octets, p->swapped) != p->block)
		return lengths_differ(p, p->block, savefile_u32(octets, p->swapped));
	found->take = TAIL;
	p->rest = 0;
	return PCAPNG_OTHER;
}

static enum pcapng_outcome read_front(struct pcapng *p, enum kind kind, const uint8_t *block,
				      size_t front, uint32_t octets, struct pcapng_found *found)
{
	found->take = front;
	p->block = p->begun ? octets : 0;
	p->rest = octets - front;
	return read_kind(p, kind, block, octets, found);
}

enum pcapng_outcome pcapng_read(struct pcapng *p, const uint8_t *block, size_t n,
				struct pcapng_found *found)
{
	enum pcapng_outcome order;
	uint32_t octets;
	enum kind kind;
	size_t front;

	if (p->rest)
		return pass_over(p, block, n, found);
	if (n < HEAD)
		return more(found, HEAD);
	kind = kind_of(savefile_u32(block, p->swapped));
	if (kind != KIND_SECTION && !p->begun)
		return bad(p, "a block before any section");
	order = kind == KIND_SECTION ? read_order(p, block, n, found) : PCAPNG_OTHER;
	if (order != PCAPNG_OTHER)
		return order;
	octets = savefile_u32(block + 4, p->swapped);
	if (octets < least[kind] || octets % 4 || octets > LONGEST_BLOCK)
		return bad(p, "a block of %" PRIu32 " octets", octets);
	front = front_of(p, kind, block, n, octets);
	if (n < front)
		return more(found, front);
	if (front < octets)
		return read_front(p, kind, block, front, octets, found);
	/* libpcap does not look at the end of the first section's head: some write it wrong */
	if (p->begun && savefile_u32(block + octets - TAIL, p->swapped) != octets)
		return lengths_differ(p, octets, savefile_u32(block + octets - TAIL, p->swapped));
	found->take = octets;
	return read_kind(p, kind, block, octets, found);
}

bool pcapng_has_packet(const struct pcapng *p, const uint8_t *octets, size_t n)
{
	return !p->rest && n >= HEAD &&
	       kind_of(savefile_u32(octets, p->swapped)) >= KIND_OBSOLETE &&
	       savefile_u32(octets + 4, p->swapped) <= n;
}
