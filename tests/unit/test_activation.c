/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_activation.c - DCOM activation: blobs in blobs, read whole or not at all */
#include <string.h>

#include "activation.h"
#include "guard.h"
#include "octets.h"
#include "rows.h"
#include "uuid.h"
#include "vector.h"

#define NONE RPCGATE_REASON_NONE
#define BAD_NDR RPCGATE_REASON_MALFORMED_NDR
#define LIMIT RPCGATE_REASON_LIMIT

#define GET ACTIVATION_GET_CLASS_OBJECT
#define CREATE ACTIVATION_CREATE_INSTANCE
#define OLD ACTIVATION_REMOTE_ACTIVATION

/* ----------------------------------------------------------------- builders
 *
 * Everything that can be wrong about a call is a member; zero means right. */

struct layout {
	bool big;
	bool wide; /* NDR64 */
};

static const struct layout layouts[] = { { false, false }, { true, false }, { false, true } };

struct shape {
	enum activation_call call;
	struct layout how;
	/* the object reference */
	uint32_t flags;
	const char *signature;
	uint8_t iid, class_id; /* low octets, instead of the right ones */
	uint32_t extension;
	uint32_t pointer_length; /* added to its conformance */
	/* the header */
	uint32_t n_properties;  /* said, 0: as many as there are */
	uint32_t header_length; /* added to the right one */
	bool no_sizes, a_reserved;
	/* the properties */
	uint32_t property_size; /* added to that of the last */
	uint32_t wrapper;       /* its first octets, 0: the right ones */
	uint32_t object_length; /* added to the right one */
	bool twice;             /* the last property */
	size_t others;          /* more properties, that nobody knows */
	size_t gap;             /* octets behind the objects, in them */
	size_t behind;          /* octets behind the last property */
	/* what is in them */
	uint32_t n_iids, said_iids; /* 0: one; 0: so many as there are */
	uint32_t results;           /* added to how many they say they are */
	uint32_t result;            /* of the last interface */
	bool no_reply, no_bindings, reply_reserved;
	/* the call */
	uint64_t extensions; /* of ORPCTHIS or ORPCTHAT */
	bool no_properties, outer;
	uint16_t version;
	uint32_t hresult, status;
};

static void put_wide(struct octets *o, struct layout how, uint64_t v)
{
	octets_align(o, 0, how.wide ? 8 : 4);
	if (how.wide)
		octets_u64(o, v, how.big);
	else
		octets_u32(o, (uint32_t)v, how.big);
}

static void put_u32(struct octets *o, struct layout how, uint32_t v)
{
	octets_align(o, 0, 4);
	octets_u32(o, v, how.big);
}

/* 0000hhll-0000-0000-c000-000000000046 */
static void put_com(struct octets *o, unsigned high, unsigned low, bool big)
{
	static const uint8_t rest[] = { 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46 };

	octets_u32(o, high << 8 | low, big);
	octets_put(o, rest, sizeof(rest));
}

static uint32_t iids_of(const struct shape *s)
{
	return s->n_iids ? s->n_iids : 1;
}

/* The interfaces asked for are 00000000-..., 00000001-... and so on */
static void put_iids(struct octets *o, const struct shape *s, bool big)
{
	for (uint32_t i = 0; i < iids_of(s); i++)
		put_com(o, 0, i, big);
}

static uint32_t said(const struct shape *s)
{
	return s->said_iids ? s->said_iids : iids_of(s);
}

static void put_strings(struct octets *o, struct layout how)
{
	static const char text[] = "srv1[49670]";

	put_wide(o, how, sizeof(text) + 4);
	octets_u16(o, sizeof(text) + 4, how.big);
	octets_u16(o, sizeof(text) + 2, how.big);
	octets_u16(o, 7, how.big);
	for (size_t i = 0; i < sizeof(text); i++)
		octets_u16(o, (uint8_t)text[i], how.big);
	octets_u16(o, 0, how.big);
	octets_room(o, 4);
}

/* An object behind its wrapper; the last one of a blob takes the lies */
static void put_object(struct octets *o, const struct octets *object, const struct shape *lies)
{
	size_t gap = (8 - object->n % 8) % 8 + (lies ? lies->gap : 0);

	octets_u32(o, lies && lies->wrapper ? lies->wrapper : 0x00081001, false);
	octets_u32(o, 0xcccccccc, false);
	octets_u32(o, (uint32_t)(object->n + gap) + (lies ? lies->object_length : 0), false);
	octets_u32(o, 0, false);
	octets_put(o, object->p, object->n);
	octets_room(o, gap);
}

struct property {
	unsigned high, low;
	struct octets octets;
};

static void put_header(struct octets *o, const struct shape *s, const struct property *p, size_t n)
{
	size_t length = 48 + 4 + 16 * n + 4 + 4 * n;
	struct octets h = { 0 };
	uint32_t count = s->n_properties ? s->n_properties : (uint32_t)n;

	length += (8 - length % 8) % 8 + 16;
	octets_u32(&h, 0, false);
	octets_u32(&h, (uint32_t)length + s->header_length, false);
	octets_u32(&h, 0, false);
	octets_u32(&h, 2, false);
	octets_u32(&h, count, false);
	octets_room(&h, 16);
	octets_u32(&h, 0x20000, false);
	octets_u32(&h, s->no_sizes ? 0 : 0x20004, false);
	octets_u32(&h, s->a_reserved, false);
	octets_u32(&h, count, false);
	for (size_t i = 0; i < n; i++)
		put_com(&h, p[i].high, p[i].low, false);
	octets_u32(&h, count, false);
	for (size_t i = 0; i < n; i++)
		octets_u32(&h, (uint32_t)p[i].octets.n + (i + 1 == n ? s->property_size : 0),
			   false);
	put_object(o, &h, NULL);
	octets_free(&h);
}

/* MInterfacePointer with a custom object reference in it */
static void put_pointer(struct octets *o, const struct shape *s, bool out, const struct property *p,
			size_t n)
{
	struct octets r = { 0 };

	octets_put(&r, s->signature ? s->signature : "MEOW", 4);
	octets_u32(&r, s->flags ? s->flags : 4, false);
	put_com(&r, 1, s->iid ? s->iid : out ? 0xa3 : 0xa2, false);
	put_com(&r, 3, s->class_id ? s->class_id : out ? 0x39 : 0x38, false);
	octets_u32(&r, s->extension, false);
	octets_u32(&r, 8, false);
	octets_room(&r, 8);
	put_header(&r, s, p, n);
	for (size_t i = 0; i < n; i++)
		octets_put(&r, p[i].octets.p, p[i].octets.n);
	octets_room(&r, s->behind);
	put_wide(o, s->how, r.n + s->pointer_length);
	octets_u32(o, (uint32_t)r.n, s->how.big);
	octets_put(o, r.p, r.n);
	octets_free(&r);
}

static void put_instantiation(struct octets *o, const struct shape *s)
{
	struct octets i = { 0 };

	put_com(&i, 0xab, 0xcd, false);
	octets_room(&i, 12);
	octets_u32(&i, said(s), false);
	octets_u32(&i, 0, false);
	octets_u32(&i, 0x20000, false);
	octets_u32(&i, 88, false);
	octets_u32(&i, 0x00070005, false);
	octets_u32(&i, said(s), false);
	put_iids(&i, s, false);
	put_object(o, &i, s);
	octets_free(&i);
}

/* Interface pointers: the first is there, of 4 octets, the others are null */
static void put_pointers(struct octets *o, const struct shape *s, struct layout how)
{
	put_wide(o, how, said(s));
	for (uint32_t i = 0; i < iids_of(s); i++)
		put_wide(o, how, i ? 0 : 0x20010);
	put_wide(o, how, 4);
	put_u32(o, how, 4);
	octets_room(o, 4);
}

static void put_results(struct octets *o, const struct shape *s, struct layout how)
{
	put_wide(o, how, said(s) + s->results);
	for (uint32_t i = 0; i < iids_of(s); i++)
		put_u32(o, how, i + 1 == iids_of(s) ? s->result : 0);
}

static void put_props_out(struct octets *o, const struct shape *s)
{
	struct octets p = { 0 };

	octets_u32(&p, said(s), false);
	octets_u32(&p, 0x20000, false);
	octets_u32(&p, 0x20004, false);
	octets_u32(&p, 0x20008, false);
	octets_u32(&p, said(s), false);
	put_iids(&p, s, false);
	put_results(&p, s, layouts[0]);
	put_pointers(&p, s, layouts[0]);
	put_object(o, &p, NULL);
	octets_free(&p);
}

static void put_scm_reply(struct octets *o, const struct shape *s)
{
	struct octets r = { 0 };

	octets_u32(&r, s->reply_reserved, false);
	octets_u32(&r, s->no_reply ? 0 : 0x20000, false);
	if (!s->no_reply) {
		octets_u64(&r, 0x1122334455667788, false);
		octets_u32(&r, s->no_bindings ? 0 : 0x20004, false);
		octets_room(&r, 16);
		octets_u32(&r, 5, false);
		octets_u32(&r, 0x00070005, false);
		if (!s->no_bindings)
			put_strings(&r, layouts[0]);
	}
	put_object(o, &r, s);
	octets_free(&r);
}

/* ---------------------------------------------------------------- the calls */

static void put_blob(struct octets *o, const struct shape *s, bool out)
{
	struct property p[12] = { 0 };
	size_t n = 0;

	put_wide(o, s->how, s->no_properties ? 0 : 0x20000);
	if (s->no_properties)
		return;
	if (out) {
		p[n] = (struct property){ .high = 3, .low = 0x39 };
		put_props_out(&p[n++].octets, s);
	}
	for (size_t i = 0; i < s->others; i++) {
		p[n] = (struct property){ .high = 1, .low = 0xa4 };
		put_object(&p[n++].octets, &(struct octets){ 0 }, NULL);
	}
	for (int i = 0; i <= s->twice; i++) {
		p[n] = (struct property){ .high = 1, .low = out ? 0xb6 : 0xab };
		if (out)
			put_scm_reply(&p[n++].octets, s);
		else
			put_instantiation(&p[n++].octets, s);
	}
	put_pointer(o, s, out, p, n);
	for (size_t i = 0; i < n; i++)
		octets_free(&p[i].octets);
}

static void put_old_answer(struct octets *o, const struct shape *s)
{
	octets_align(o, 0, 8);
	octets_u64(o, 0x1122334455667788, s->how.big);
	put_wide(o, s->how, s->no_bindings ? 0 : 0x20000);
	if (!s->no_bindings)
		put_strings(o, s->how);
	octets_align(o, 0, 4);
	octets_room(o, 16);
	put_u32(o, s->how, 5);
	octets_u16(o, 5, s->how.big);
	octets_u16(o, 7, s->how.big);
	put_u32(o, s->how, s->hresult);
	put_pointers(o, s, s->how);
	put_results(o, s, s->how);
	put_u32(o, s->how, s->status);
}

static void put_answer(struct octets *o, const struct shape *s)
{
	put_u32(o, s->how, 0);
	put_wide(o, s->how, s->extensions);
	if (s->call == OLD) {
		put_old_answer(o, s);
	} else {
		put_blob(o, s, true);
		put_u32(o, s->how, s->hresult);
	}
}

static void put_old_request(struct octets *o, const struct shape *s)
{
	static const char name[] = "a:\\b";

	put_com(o, 0xab, 0xcd, s->how.big);
	put_wide(o, s->how, 0x20000);
	put_wide(o, s->how, sizeof(name));
	put_wide(o, s->how, 0);
	put_wide(o, s->how, sizeof(name));
	for (size_t i = 0; i < sizeof(name); i++)
		octets_u16(o, (uint8_t)name[i], s->how.big);
	put_wide(o, s->how, 0);
	put_u32(o, s->how, 2);
	put_u32(o, s->how, 0);
	put_u32(o, s->how, said(s));
	put_wide(o, s->how, 0x20004);
	put_wide(o, s->how, said(s));
	put_iids(o, s, s->how.big);
	octets_u16(o, 1, s->how.big);
	put_wide(o, s->how, 1);
	octets_u16(o, 7, s->how.big);
}

static void put_request(struct octets *o, const struct shape *s)
{
	octets_u16(o, s->version ? s->version : 5, s->how.big);
	octets_u16(o, 7, s->how.big);
	octets_room(o, 24);
	put_wide(o, s->how, s->extensions);
	if (s->call == OLD) {
		put_old_request(o, s);
		return;
	}
	if (s->call == CREATE) {
		put_wide(o, s->how, s->outer ? 0x20020 : 0);
		if (s->outer) {
			put_wide(o, s->how, 4);
			put_u32(o, s->how, 4);
			octets_room(o, 4);
		}
	}
	put_blob(o, s, false);
}

static struct ndr stub_of(const struct octets *o, struct layout how)
{
	return ndr_of(guarded(o->p, o->n), how.big, how.wide);
}

/* -------------------------------------------------------------------- rows */

enum outcome { READ, OPAQUE, FAILED_CALL, NOTHING };

struct row {
	const char *name;
	struct shape shape;
	enum parse want;
	enum rpcgate_reason why;
	enum outcome outcome;
};

static const struct row answer_rows[] = {
	{ "RemoteCreateInstance", { .call = CREATE }, PARSE_OK, NONE, READ },
	{ "RemoteGetClassObject", { .call = GET }, PARSE_OK, NONE, READ },
	{ "RemoteActivation", { .call = OLD }, PARSE_OK, NONE, READ },
	{ "not for all interfaces", { .call = GET, .hresult = 0x80012 }, PARSE_OK, NONE, READ },
	{ "no such class",
	  { .call = GET, .hresult = 0x80040154, .no_properties = true },
	  PARSE_OK,
	  NONE,
	  FAILED_CALL },
	{ "an error beside properties",
	  { .call = GET, .hresult = 0x80040154 },
	  PARSE_OK,
	  NONE,
	  FAILED_CALL },
	{ "RemoteActivation failed",
	  { .call = OLD, .hresult = 0x80040154 },
	  PARSE_OK,
	  NONE,
	  FAILED_CALL },
	{ "RemoteActivation has a status",
	  { .call = OLD, .status = 5 },
	  PARSE_OK,
	  NONE,
	  FAILED_CALL },
	{ "no reply", { .call = GET, .no_reply = true }, PARSE_OK, NONE, NOTHING },
	{ "no bindings", { .call = GET, .no_bindings = true }, PARSE_OK, NONE, NOTHING },
	{ "RemoteActivation without bindings",
	  { .call = OLD, .no_bindings = true },
	  PARSE_OK,
	  NONE,
	  NOTHING },
	{ "extensions", { .call = GET, .extensions = 1 }, PARSE_OK, NONE, OPAQUE },
	{ "RemoteActivation with extensions",
	  { .call = OLD, .extensions = 1 },
	  PARSE_OK,
	  NONE,
	  OPAQUE },
	{ "extensions at 2^32",
	  { .call = GET, .how = { false, true }, .extensions = 1ULL << 32 },
	  PARSE_OK,
	  NONE,
	  OPAQUE },
	{ "a standard reference", { .call = GET, .flags = 1 }, PARSE_OK, NONE, OPAQUE },
	{ "a handler reference", { .call = GET, .flags = 2 }, PARSE_OK, NONE, OPAQUE },
	{ "an extended reference", { .call = GET, .flags = 8 }, PARSE_OK, NONE, OPAQUE },
	{ "two kinds of reference", { .call = GET, .flags = 5 }, PARSE_BAD, BAD_NDR, 0 },
	{ "another signature", { .call = GET, .signature = "MEOV" }, PARSE_BAD, BAD_NDR, 0 },
	{ "the identifier of a request", { .call = GET, .iid = 0xa2 }, PARSE_BAD, BAD_NDR, 0 },
	{ "the class of a request", { .call = GET, .class_id = 0x38 }, PARSE_BAD, BAD_NDR, 0 },
	{ "an extension of the reference", { .call = GET, .extension = 4 }, PARSE_BAD, BAD_NDR, 0 },
	{ "a property nobody knows", { .call = GET, .others = 1 }, PARSE_OK, NONE, READ },
	{ "ten properties", { .call = GET, .others = 8 }, PARSE_OK, NONE, READ },
	{ "eleven properties, all there", { .call = GET, .others = 9 }, PARSE_BAD, BAD_NDR, 0 },
	{ "a conformance that is not the length",
	  { .call = GET, .pointer_length = 1 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "a result more than interfaces", { .call = GET, .results = 1 }, PARSE_BAD, BAD_NDR, 0 },
	{ "a result more than interfaces, old",
	  { .call = OLD, .results = 1 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "the reply twice", { .call = GET, .twice = true }, PARSE_BAD, BAD_NDR, 0 },
	{ "one property more than there are",
	  { .call = GET, .n_properties = 3 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "eleven properties", { .call = GET, .n_properties = 11 }, PARSE_BAD, BAD_NDR, 0 },
	{ "2^32-1 properties", { .call = GET, .n_properties = 0xffffffff }, PARSE_BAD, BAD_NDR, 0 },
	{ "a header that says more than its object",
	  { .call = GET, .header_length = 8 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "a header that says less",
	  { .call = GET, .header_length = (uint32_t)-8 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "no sizes", { .call = GET, .no_sizes = true }, PARSE_BAD, BAD_NDR, 0 },
	{ "a reserved pointer", { .call = GET, .a_reserved = true }, PARSE_BAD, BAD_NDR, 0 },
	{ "a property past the blob", { .call = GET, .property_size = 1 }, PARSE_BAD, BAD_NDR, 0 },
	{ "a property of nearly 2^32",
	  { .call = GET, .property_size = (uint32_t)-200 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "a property that ends too early",
	  { .call = GET, .property_size = (uint32_t)-8 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "octets behind the last property", { .call = GET, .behind = 1 }, PARSE_BAD, BAD_NDR, 0 },
	{ "a big-endian wrapper", { .call = GET, .wrapper = 0x00080001 }, PARSE_BAD, BAD_NDR, 0 },
	{ "version 2 of the wrapper",
	  { .call = GET, .wrapper = 0x00081002 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "an object past its property",
	  { .call = GET, .object_length = 8 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "an object of nearly 2^32",
	  { .call = GET, .object_length = (uint32_t)-100 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "an object that ends in its strings",
	  { .call = GET, .object_length = (uint32_t)-16 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "a gap of 8 behind the object", { .call = GET, .gap = 8 }, PARSE_BAD, BAD_NDR, 0 },
	{ "a reserved pointer in the reply",
	  { .call = GET, .reply_reserved = true },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "64 interfaces", { .call = GET, .n_iids = 64 }, PARSE_OK, NONE, READ },
	{ "65 interfaces", { .call = GET, .n_iids = 65 }, PARSE_BAD, LIMIT, 0 },
	{ "2^32-1 interfaces", { .call = GET, .said_iids = 0xffffffff }, PARSE_BAD, LIMIT, 0 },
	{ "an interface more than there are",
	  { .call = GET, .said_iids = 2 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
	{ "64 interfaces, old", { .call = OLD, .n_iids = 64 }, PARSE_OK, NONE, READ },
	{ "65 interfaces, old", { .call = OLD, .n_iids = 65 }, PARSE_BAD, LIMIT, 0 },
	{ "an interface more than there are, old",
	  { .call = OLD, .said_iids = 2 },
	  PARSE_BAD,
	  BAD_NDR,
	  0 },
};

static void answer_row(void **state)
{
	const struct row *row = *state;

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct shape s = row->shape;
		enum rpcgate_reason why = NONE;
		struct activation_answer a;
		struct octets o = { 0 };

		if (s.extensions >> 32 && !layouts[i].wide)
			continue;
		s.how = layouts[i];
		put_answer(&o, &s);
		assert_int_equal(activation_answer_parse(stub_of(&o, s.how), s.call, &a, &why),
				 row->want);
		assert_int_equal(why, row->why);
		octets_free(&o);
		if (row->want != PARSE_OK)
			continue;
		assert_int_equal(a.unsupported, row->outcome == OPAQUE);
		assert_int_equal(a.done, row->outcome == READ || row->outcome == NOTHING ||
						 (row->outcome == OPAQUE && s.flags));
		if (row->outcome != READ) {
			assert_true(a.bindings.n == 0 || row->outcome == FAILED_CALL);
			continue;
		}
		assert_int_equal(a.bindings.n, 1);
	}
}

static const struct row request_rows[] = {
	{ "RemoteCreateInstance asks", { .call = CREATE }, PARSE_OK, NONE, READ },
	{ "RemoteCreateInstance asks for an aggregate",
	  { .call = CREATE, .outer = true },
	  PARSE_OK,
	  NONE,
	  READ },
	{ "RemoteGetClassObject asks", { .call = GET }, PARSE_OK, NONE, READ },
	{ "RemoteActivation asks", { .call = OLD }, PARSE_OK, NONE, READ },
	{ "more than it says is needed, in a property",
	  { .call = GET, .others = 1 },
	  PARSE_OK,
	  NONE,
	  READ },
	{ "a request with extensions", { .call = GET, .extensions = 1 }, PARSE_OK, NONE, OPAQUE },
	{ "a request by a standard reference", { .call = GET, .flags = 1 }, PARSE_OK, NONE, OPAQUE },
	{ "version 4 of COM", { .call = GET, .version = 4 }, PARSE_BAD, BAD_NDR, 0 },
	{ "version 6 of COM", { .call = OLD, .version = 6 }, PARSE_BAD, BAD_NDR, 0 },
	{ "no properties", { .call = GET, .no_properties = true }, PARSE_BAD, BAD_NDR, 0 },
	{ "the identifier of an answer", { .call = GET, .iid = 0xa3 }, PARSE_BAD, BAD_NDR, 0 },
	{ "asked for twice", { .call = GET, .twice = true }, PARSE_BAD, BAD_NDR, 0 },
	{ "asks for 64", { .call = GET, .n_iids = 64 }, PARSE_OK, NONE, READ },
	{ "asks for 65", { .call = GET, .n_iids = 65 }, PARSE_BAD, LIMIT, 0 },
	{ "asks for one more than named", { .call = GET, .said_iids = 2 }, PARSE_BAD, BAD_NDR, 0 },
	{ "asks for 64, old", { .call = OLD, .n_iids = 64 }, PARSE_OK, NONE, READ },
	{ "asks for 65, old", { .call = OLD, .n_iids = 65 }, PARSE_BAD, LIMIT, 0 },
	{ "asks for 2^32-1, old", { .call = OLD, .said_iids = 0xffffffff }, PARSE_BAD, LIMIT, 0 },
	{ "asks with a gap of 8", { .call = GET, .gap = 8 }, PARSE_BAD, BAD_NDR, 0 },
};

static void request_row(void **state)
{
	const struct row *row = *state;

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct shape s = row->shape;
		enum rpcgate_reason why = NONE;
		struct activation_request q;
		struct octets o = { 0 };

		s.how = layouts[i];
		put_request(&o, &s);
		assert_int_equal(activation_request_parse(stub_of(&o, s.how), s.call, &q, &why),
				 row->want);
		assert_int_equal(why, row->why);
		octets_free(&o);
		if (row->want != PARSE_OK)
			continue;
		assert_int_equal(q.unsupported, row->outcome == OPAQUE);
		assert_int_equal(q.iids.n, row->outcome == OPAQUE ? 0 : iids_of(&s));
		assert_int_equal(q.class_id.octet[3], row->outcome == OPAQUE ? 0 : 0xcd);
	}
}

/* -------------------------------------------------------------- properties */

/* Count what was asked for and given; i-th interfaces are 0000000i-... */
static uint32_t given(const struct shape *asked, const struct shape *answered)
{
	struct octets request = { 0 }, answer = { 0 };
	enum rpcgate_reason why = NONE;
	struct activation_request q;
	struct activation_answer a;
	struct rpcgate_uuid iid;
	uint32_t i = 0, n = 0;

	put_request(&request, asked);
	put_answer(&answer, answered);
	assert_int_equal(activation_request_parse(stub_of(&request, asked->how), asked->call, &q,
						  &why),
			 PARSE_OK);
	assert_int_equal(activation_answer_parse(stub_of(&answer, answered->how), answered->call,
						 &a, &why),
			 PARSE_OK);
	for (; activation_next(&q, &a, &i, &iid); n++) {
		assert_int_equal(iid.octet[3], n);
		assert_int_equal(iid.octet[15], 0x46);
	}
	assert_false(activation_next(&q, &a, &i, &iid));
	octets_free(&request);
	octets_free(&answer);
	return n;
}

static void interfaces_are_asked_for_and_given(void **state)
{
	static const struct {
		uint32_t asked, answered, result, want;
		uint32_t want_old; /* whose answer has no identifiers: by position */
	} rows[] = {
		{ 1, 1, 0, 1, 1 },          { 3, 3, 0, 3, 3 }, { 3, 3, 0x80004002, 2, 2 },
		{ 1, 1, 0x80004002, 0, 0 }, { 3, 3, 1, 2, 2 }, /* S_FALSE gives nothing */
		{ 3, 2, 0, 2, 0 },          { 2, 3, 0, 2, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(layouts); i++) {
		size_t k = i / ARRAY_SIZE(layouts);
		struct shape asked = { .call = CREATE,
				       .how = layouts[i % ARRAY_SIZE(layouts)],
				       .n_iids = rows[k].asked };
		struct shape answered = asked;

		answered.n_iids = rows[k].answered;
		answered.result = rows[k].result;
		assert_int_equal(given(&asked, &answered), rows[k].want);
		asked.call = OLD;
		answered.call = OLD;
		assert_int_equal(given(&asked, &answered), rows[k].want_old);
	}
}

static void nothing_is_given_without_a_request(void **state)
{
	const struct shape s = { .call = CREATE, .n_iids = 3 };
	const struct activation_request none = { 0 };
	enum rpcgate_reason why = NONE;
	struct activation_answer a;
	struct rpcgate_uuid iid;
	struct octets o = { 0 };
	uint32_t i = 0;

	(void)state;
	put_answer(&o, &s);
	assert_int_equal(activation_answer_parse(stub_of(&o, s.how), s.call, &a, &why), PARSE_OK);
	assert_false(activation_next(&none, &a, &i, &iid));
	octets_free(&o);
}

static enum parse parse_part(const struct octets *o, size_t n, const struct shape *s, bool request,
			     enum rpcgate_reason *why)
{
	struct ndr stub = ndr_of(prefix((struct bytes){ o->p, o->n }, n), s->how.big, s->how.wide);
	struct activation_request q;
	struct activation_answer a;

	*why = NONE;
	return request ? activation_request_parse(stub, s->call, &q, why) :
			 activation_answer_parse(stub, s->call, &a, why);
}

/* Whatever is missing at the end, nothing of it is given; nor with an octet too many, which only
 * requests may have.  Of RemoteActivation's request the protocols behind the IIDs are not read. */
static void every_prefix_is_refused(void **state)
{
	static const enum activation_call calls[] = { CREATE, GET, OLD };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(calls) * ARRAY_SIZE(layouts); i++) {
		struct shape s = { .call = calls[i / 2 % ARRAY_SIZE(calls)],
				   .how = layouts[i / 2 / ARRAY_SIZE(calls)],
				   .n_iids = 2 };
		bool request = i % 2;
		size_t unread = request && s.call == OLD ? (s.how.wide ? 18 : 10) : 0;
		enum rpcgate_reason why;
		struct octets o = { 0 };
		size_t n;

		if (request)
			put_request(&o, &s);
		else
			put_answer(&o, &s);
		for (n = 0; n < o.n - unread; n++) {
			assert_int_equal(parse_part(&o, n, &s, request, &why), PARSE_BAD);
			assert_int_equal(why, BAD_NDR);
		}
		octets_u8(&o, 0);
		assert_int_equal(parse_part(&o, n, &s, request, &why), PARSE_OK);
		assert_int_equal(parse_part(&o, o.n, &s, request, &why),
				 request ? PARSE_OK : PARSE_BAD);
		octets_free(&o);
	}
}

static void ndr64_is_little_endian_only(void **state)
{
	struct bytes zeros = octets_of("00(64)");
	struct activation_request q;
	struct activation_answer a;
	enum rpcgate_reason why = NONE;

	(void)state;
	assert_int_equal(activation_request_parse(ndr_of(zeros, true, true), GET, &q, &why),
			 PARSE_BAD);
	assert_int_equal(why, BAD_NDR);
	why = NONE;
	assert_int_equal(activation_answer_parse(ndr_of(zeros, true, true), GET, &a, &why),
			 PARSE_BAD);
	assert_int_equal(why, BAD_NDR);
}

static void a_recorded_answer(void **state)
{
	static const uint16_t ports[] = { 49670, 49670, 49670, 0 };
	const struct ndr stub = vector_stub("v51_remotecreateinstance_resp_free");
	struct activation_answer a;
	enum rpcgate_reason why = NONE;
	struct string_binding b;

	(void)state;
	assert_int_equal(activation_answer_parse(stub, CREATE, &a, &why), PARSE_OK);
	assert_true(a.done);
	assert_false(a.unsupported);
	assert_int_equal(a.iids.n, 1);
	assert_int_equal(a.results.n, 1);
	assert_int_equal(a.bindings.n, ARRAY_SIZE(ports));
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		assert_true(dual_strings_next(&a.bindings, &b));
		assert_int_equal(b.port, ports[i]);
	}
	for (size_t n = 0; n < stub.r.in.n; n++) {
		struct bytes part = prefix(stub.r.in, n);

		why = NONE;
		assert_int_equal(activation_answer_parse(ndr_of(part, false, false), CREATE, &a,
							 &why),
				 PARSE_BAD);
		assert_int_equal(why, BAD_NDR);
	}
}

int main(void)
{
	static const struct CMUnitTest properties[] = {
		cmocka_unit_test(interfaces_are_asked_for_and_given),
		cmocka_unit_test(nothing_is_given_without_a_request),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(ndr64_is_little_endian_only),
		cmocka_unit_test(a_recorded_answer),
	};
	struct CMUnitTest
		tests[ARRAY_SIZE(answer_rows) + ARRAY_SIZE(request_rows) + ARRAY_SIZE(properties)];
	size_t n = 0;

	ROWS(tests, n, answer_rows, answer_row);
	ROWS(tests, n, request_rows, request_row);
	memcpy(tests + n, properties, sizeof(properties));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
