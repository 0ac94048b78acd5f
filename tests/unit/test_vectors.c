/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_vectors.c - recorded PDUs with the value of every field, and malformed ones with their class
 *
 * From the octets of a vector this file derives lines "name = value" with the parsers under test;
 * each line of the vector's text must be among them.  A line that nobody derives fails the test,
 * unless it is listed in not_ours[]: so a field that a parser stops giving is noticed.
 *
 * Vectors that may not be copied are read where they stand, in ../shared/vectors beside the
 * source tree, if that exists.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bind.h"
#include "cl.h"
#include "epm.h"
#include "guard.h"
#include "pdu.h"
#include "rows.h"
#include "uuid.h"

#define MAX_VECTORS 400
#define MAX_FACTS 1200
#define MAX_TEXT 65536

/* ----------------------------------------------------------------- a vector */

struct vector {
	char name[96]; /* "v01_..." */
	char path[384];
};

static struct vector vectors[MAX_VECTORS];
static size_t n_vectors;

static char *read_text(const char *path, const char *suffix, char text[MAX_TEXT])
{
	char name[sizeof(vectors[0].path) + 8];
	FILE *file;
	size_t n;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	file = fopen(name, "r");
	if (!file)
		fail_msg("cannot read %s", name);
	n = fread(text, 1, MAX_TEXT - 1, file);
	fclose(file);
	text[n] = '\0';
	return text;
}

static struct bytes read_octets(const char *path)
{
	static char text[MAX_TEXT];

	return octets_of(read_text(path, ".hex", text));
}

/* The value of a line, copied; false if there is no such line. */
static bool value_of(const char *text, const char *key, char value[256])
{
	char line[300];
	size_t n;

	for (const char *at = text; *at; at += *at == '\n') {
		n = strcspn(at, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)n, at);
		if (strncmp(line, key, strlen(key)) == 0 &&
		    strncmp(line + strlen(key), " = ", 3) == 0) {
			snprintf(value, 256, "%.255s", line + strlen(key) + 3);
			return true;
		}
		at += n;
	}
	return false;
}

/* True if a key begins with @p what. */
static bool speaks_of(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	return at && (at == text || at[-1] == '\n');
}

/* -------------------------------------------------------------------- facts */

struct facts {
	size_t n;
	struct {
		char key[64];
		char value[256];
	} at[MAX_FACTS];
};

static struct facts facts;
static char base[48]; /* what the next keys begin with */

__attribute__((format(printf, 2, 3))) static void fact(const char *key, const char *format, ...)
{
	va_list args;

	assert_true(facts.n < MAX_FACTS);
	snprintf(facts.at[facts.n].key, sizeof(facts.at[0].key), "%s%s", base, key);
	va_start(args, format);
	vsnprintf(facts.at[facts.n].value, sizeof(facts.at[0].value), format, args);
	va_end(args);
	facts.n++;
}

/* A value that the structures do not keep, and nobody has asked for */
#define NOT_KEPT "(not kept)"

static const char *uuid_text(const struct rpcgate_uuid *uuid)
{
	static char text[RPCGATE_UUID_TEXT];

	return rpcgate_uuid_format(uuid, text);
}

static void fact_text(const char *key, struct bytes text)
{
	if (text.n)
		fact(key, "%.*s", (int)text.n, (const char *)text.p);
	else
		fact(key, "(empty)");
}

static void fact_hex(const char *key, struct bytes octets)
{
	char text[256] = "";

	for (size_t i = 0; i < octets.n && i < sizeof(text) / 2 - 1; i++)
		snprintf(text + i * 2, 3, "%02x", octets.p[i]);
	fact(key, "%s", text);
}

/* ------------------------------------------------------------------- towers */

static void facts_of_tower(const struct tower *t)
{
	static const unsigned ids[][2] = {
		[RPCGATE_NCACN_IP_TCP] = { 0x0b, 0x07 }, [RPCGATE_NCADG_IP_UDP] = { 0x0a, 0x08 },
		[RPCGATE_NCACN_NP] = { 0x0b, 0x0f },     [RPCGATE_NCACN_HTTP] = { 0x0b, 0x1f },
		[RPCGATE_NCALRPC] = { 0x0c, 0x10 },      [RPCGATE_PROTSEQ_OTHER] = { 0, 0 },
	};
	bool named = t->protseq == RPCGATE_NCACN_NP || t->protseq == RPCGATE_NCALRPC;
	char text[RPCGATE_ADDR_TEXT];

	fact("floors", "%u", t->n_floors);
	fact("if", "%s", uuid_text(&t->interface.uuid));
	fact("if_version", "%u.%u", t->interface.major, t->interface.minor);
	fact("transfer", "%s", uuid_text(&t->transfer.uuid));
	fact("floor3", "0x%x", ids[t->protseq][0]);
	fact("floor4", "0x%x", ids[t->protseq][1]);
	if (named) {
		fact_text("endpoint", t->endpoint);
		fact("floor5", NOT_KEPT);
		fact("addr", NOT_KEPT);
		return;
	}
	fact("port", "%u", t->port);
	if (t->protseq == RPCGATE_NCACN_HTTP)
		fact("floor5", NOT_KEPT); /* 09, from old Windows 20 */
	else
		fact("floor5", t->has_ip ? "0x9" : "none");
	fact("addr", "%s", t->has_ip ? rpcgate_addr_format(&t->ip, text) : "none");
}

/* ------------------------------------------------------- the mapper's calls */

/* Handles, arrays and what follows the arguments are not kept by the parsers: read by the cursor
 * they stand on, which so is checked as well. */
static void handle_read(struct ndr *n)
{
	struct bytes handle;
	bool null;
	struct ndr twice = *n;

	assert_true(ndr_handle(n, &null));
	assert_true(rd_align(&twice.r, 4));
	assert_true(ndr_bytes(&twice, 20, &handle));
	fact_hex("handle", handle);
}

static void object_read(struct ndr *n)
{
	struct rpcgate_uuid object;
	uint64_t id;

	assert_true(ndr_pointer(n, &id));
	if (!id)
		return;
	fact("object_ptr", "%llu", (unsigned long long)id);
	assert_true(ndr_uuid(n, &object));
	fact("object", "%s", uuid_text(&object));
}

static void facts_of_map_request(struct ndr n, const struct epm_request *q)
{
	struct bytes octets, rest;
	uint64_t id, conformance;
	uint32_t length, max;

	snprintf(base, sizeof(base), "map.");
	object_read(&n);
	assert_true(ndr_pointer(&n, &id));
	assert_int_equal(q->has_interface, id != 0);
	if (id) {
		fact("tower_ptr", "%llu", (unsigned long long)id);
		assert_true(ndr_count(&n, &conformance) && ndr_u32(&n, &length) &&
			    ndr_bytes(&n, length, &octets));
		snprintf(base, sizeof(base), "map.tower.");
		facts_of_tower(&q->asked);
		snprintf(base, sizeof(base), "map.");
	}
	handle_read(&n);
	assert_true(ndr_u32(&n, &max));
	assert_int_equal(max, q->max);
	fact("max_towers", "%u", q->max);
	rest = rd_rest(&n.r);
	base[0] = '\0';
	if (rest.n)
		fact_hex("stub.after_args", rest);
}

static void facts_of_lookup_request(struct ndr n, const struct epm_request *q)
{
	uint16_t major = 0, minor = 0;
	struct rpcgate_uuid uuid;
	uint32_t number;
	uint64_t id;

	snprintf(base, sizeof(base), "lookup.");
	assert_true(ndr_u32(&n, &number));
	assert_int_equal(number, q->inquiry_type);
	fact("inquiry_type", "%u", q->inquiry_type);
	object_read(&n);
	assert_true(ndr_pointer(&n, &id));
	if (id) {
		assert_true(ndr_uuid(&n, &uuid) && ndr_u16(&n, &major) && ndr_u16(&n, &minor));
		fact("if", "%s", uuid_text(&uuid));
		fact("if_version", "%u.%u", major, minor);
	}
	assert_true(ndr_u32(&n, &number));
	fact("vers_option", "%u", number);
	handle_read(&n);
	fact("max_ents", "%u", q->max);
}

static void facts_of_request(struct ndr stub, uint16_t opnum)
{
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct epm_request q;

	if (epm_request_parse(stub, opnum, &q, &why) != PARSE_OK)
		fail_msg("request refused: %s", rpcgate_reason_name(why));
	if (opnum == EPM_MAP)
		facts_of_map_request(stub, &q);
	else
		facts_of_lookup_request(stub, &q);
	base[0] = '\0';
}

static void facts_of_array(struct ndr n, const struct epm_answer *a)
{
	uint64_t max = 0, offset = 0, actual = 0, id;
	char ids[200] = "(none)";
	uint32_t count;
	size_t at = 0;

	handle_read(&n);
	assert_true(ndr_u32(&n, &count));
	assert_true(ndr_count(&n, &max) && ndr_count(&n, &offset) && ndr_count(&n, &actual));
	assert_int_equal(count, a->n);
	fact(a->opnum == EPM_MAP ? "num_towers" : "num_ents", "%u", a->n);
	fact("array", "max %llu offset %llu actual %llu", (unsigned long long)max,
	     (unsigned long long)offset, (unsigned long long)actual);
	if (a->opnum != EPM_MAP)
		return;
	for (uint32_t i = 0; i < a->n && at < sizeof(ids); i++) {
		assert_true(ndr_pointer(&n, &id));
		at += (size_t)snprintf(ids + at, sizeof(ids) - at, "%s%llu", i ? " " : "",
				       (unsigned long long)id);
	}
	fact("referents", "%s", ids);
}

static void facts_of_answer(struct ndr stub, uint16_t opnum)
{
	static const struct epm_limits limits = { 128, 4096 };
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct epm_answer a;
	struct epm_entry e;
	unsigned i = 0;

	if (epm_answer_parse(stub, opnum, NULL, &limits, &a, &why) != PARSE_OK)
		fail_msg("answer refused: %s", rpcgate_reason_name(why));
	snprintf(base, sizeof(base), opnum == EPM_MAP ? "map." : "lookup.");
	facts_of_array(stub, &a);
	fact("status", "0x%08x", a.status);
	for (; epm_next(&a, &e); i++) {
		if (opnum == EPM_MAP) {
			snprintf(base, sizeof(base), "map.tower[%u].", i);
		} else {
			snprintf(base, sizeof(base), "lookup.ent[%u].", i);
			fact("object", "%s", uuid_text(&e.object));
			fact_text("annotation", e.annotation);
			snprintf(base, sizeof(base), "lookup.ent[%u].tower.", i);
		}
		assert_true(e.has_tower);
		facts_of_tower(&e.tower);
	}
	assert_int_equal(i, a.n);
	base[0] = '\0';
}

/* ept_lookup_handle_free: nothing to learn, but the cursor can read it. */
static void facts_of_free(struct ndr n, bool answer)
{
	uint32_t status;

	snprintf(base, sizeof(base), "free.");
	handle_read(&n);
	if (answer) {
		assert_true(ndr_u32(&n, &status));
		fact("status", "0x%08x", status);
	}
	assert_true(ndr_at_end(&n));
	base[0] = '\0';
}

/* A stub that the text says to be the mapper's. */
static void facts_of_stub(const char *text, struct ndr stub, bool answer)
{
	uint16_t opnum = speaks_of(text, "map.") ? EPM_MAP : EPM_LOOKUP;

	if (speaks_of(text, "free."))
		facts_of_free(stub, answer);
	else if (answer)
		facts_of_answer(stub, opnum);
	else
		facts_of_request(stub, opnum);
}

/* --------------------------------------------------------------------- PDUs */

static void facts_of_header(const struct pdu *pdu)
{
	const struct pdu_header *h = &pdu->h;

	fact("pdu.vers", "5.%u", h->minor);
	fact("pdu.ptype", "%u %s", h->ptype, pdu_type_name(h->ptype));
	fact("pdu.flags", "0x%02x", h->flags);
	fact("pdu.byte_order", h->big ? "big" : "little");
	fact("pdu.frag_length", "%u", h->frag_length);
	fact("pdu.auth_length", "%u", h->auth_length);
	fact("pdu.call_id", "%u", h->call_id);
	if (!pdu->auth.present)
		return;
	fact("auth.offset", "%zu", PDU_HEADER_LEN + pdu->body.n);
	fact("auth.type", "%u", pdu->auth.type);
	fact("auth.level", "%u", pdu->auth.level);
	fact("auth.pad", "%u", pdu->auth.pad_length);
	fact("auth.context_id", "%u", pdu->auth.context_id);
	assert_int_equal(pdu->auth.value.n, h->auth_length);
}

static void facts_of_bind(const struct pdu *pdu)
{
	struct bind_context c;
	struct reader walk;
	struct bind bind;
	unsigned i = 0;
	char key[48];

	assert_int_equal(bind_parse(pdu, &bind), PARSE_OK);
	fact("bind.max_xmit", "%u", bind.max_xmit);
	fact("bind.max_recv", "%u", bind.max_recv);
	fact("bind.assoc_group", "0x%08x", bind.assoc_group);
	fact("bind.n_contexts", "%u", bind.n_contexts);
	for (walk = bind_walk(&bind); bind_next(&walk, &c); i++) {
		snprintf(base, sizeof(base), "bind.ctx[%u].", i);
		fact("id", "%u", c.id);
		fact("abstract", "%s", uuid_text(&c.abstract.uuid));
		fact("abstract_version", "%u.%u", c.abstract.major, c.abstract.minor);
		for (unsigned k = 0; k < c.n_transfer; k++) {
			struct rpcgate_syntax s = bind_transfer_at(&c, k);

			assert_true(bind_offers(&c, &s));
			snprintf(key, sizeof(key), "transfer[%u]", k);
			fact(key, "%s", uuid_text(&s.uuid));
			snprintf(key, sizeof(key), "transfer[%u].version", k);
			fact(key, "%u", s.major | (unsigned)s.minor << 16);
		}
	}
	assert_int_equal(i, bind.n_contexts);
	base[0] = '\0';
}

static void facts_of_ack(const struct pdu *pdu)
{
	struct bind_ack ack;
	char key[48];

	assert_int_equal(bind_ack_parse(pdu, &ack), PARSE_OK);
	snprintf(base, sizeof(base), "ack.");
	fact("max_xmit", "%u", ack.max_xmit);
	fact("max_recv", "%u", ack.max_recv);
	fact("assoc_group", "0x%08x", ack.assoc_group);
	fact("secondary_len", "%zu", ack.secondary_address.n);
	fact_text("secondary", text_before_nul(ack.secondary_address));
	fact("n_results", "%u", ack.n_results);
	for (unsigned i = 0; i < ack.n_results; i++) {
		struct bind_ack_result r = bind_ack_at(&ack, i);

		snprintf(key, sizeof(key), "result[%u]", i);
		fact(key, "%u reason %u", r.result, r.reason);
		snprintf(key, sizeof(key), "result[%u].transfer", i);
		fact(key, "%s", uuid_text(&r.transfer.uuid));
		snprintf(key, sizeof(key), "result[%u].transfer_version", i);
		fact(key, "%u", r.transfer.major | (unsigned)r.transfer.minor << 16);
	}
	base[0] = '\0';
}

static void facts_of_nak(const struct pdu *pdu)
{
	uint16_t reason;

	assert_int_equal(pdu_nak_parse(pdu, &reason), PARSE_OK);
	fact("nak.reason", "%u", reason);
}

static void facts_of_call(const struct pdu *pdu, struct pdu_call *call)
{
	assert_int_equal(pdu_call_parse(pdu, call), PARSE_OK);
	snprintf(base, sizeof(base), pdu->h.ptype == PDU_FAULT ? "fault." : "call.");
	fact("alloc_hint", "%u", call->alloc_hint);
	fact("context_id", "%u", call->context_id);
	if (pdu->h.ptype == PDU_FAULT)
		fact("status", "0x%08x", call->status);
	if (pdu->h.ptype == PDU_REQUEST)
		fact("opnum", "%u", call->opnum);
	if (call->has_object)
		fact("object", "%s", uuid_text(&call->object));
	base[0] = '\0';
	fact("stub.offset", "%zu", PDU_HEADER_LEN + (size_t)(call->stub.p - pdu->body.p));
	fact("stub.length", "%zu", call->stub.n);
	if (pdu->auth.level == AUTH_LEVEL_PRIVACY)
		fact("stub", "sealed (opaque)");
	else if (!(pdu->h.flags & PFC_LAST_FRAG))
		fact("stub", "fragment, not parsed alone");
}

static struct pdu take_apart(struct bytes in)
{
	struct pdu_header h;
	struct pdu pdu;

	assert_int_equal(pdu_header_parse(in, &h), PARSE_OK);
	assert_in_range(h.frag_length, PDU_HEADER_LEN, in.n);
	in.n = h.frag_length;
	assert_int_equal(pdu_parse(in, &h, &pdu), PARSE_OK);
	return pdu;
}

/* The stub of a last fragment, with those of the fragments before it: v22d follows v22a to v22c. */
static struct bytes whole_stub(const struct vector *v, const struct pdu *pdu, struct bytes stub)
{
	struct bytes whole = { NULL, 0 };

	if (pdu->h.flags & PFC_FIRST_FRAG)
		return stub;
	for (char part = 'a'; part < v->name[3]; part++)
		for (size_t i = 0; i < n_vectors; i++) {
			struct pdu_call call;
			struct pdu before;

			if (strncmp(vectors[i].name, v->name, 3) != 0 || vectors[i].name[3] != part)
				continue;
			before = take_apart(read_octets(vectors[i].path));
			assert_int_equal(pdu_call_parse(&before, &call), PARSE_OK);
			whole = joined(whole, call.stub);
		}
	whole = joined(whole, stub);
	fact("stub.reassembled_length", "%zu", whole.n);
	return whole;
}

static void facts_of_pdu(const struct vector *v, const char *text, const struct pdu *pdu)
{
	bool ndr64 = strstr(text, "epm.transfer = NDR64") != NULL;
	struct pdu_call call;

	facts_of_header(pdu);
	switch (pdu->h.ptype) {
	case PDU_BIND:
	case PDU_ALTER_CONTEXT:
		facts_of_bind(pdu);
		break;
	case PDU_BIND_ACK:
	case PDU_ALTER_CONTEXT_RESP:
		facts_of_ack(pdu);
		break;
	case PDU_BIND_NAK:
		facts_of_nak(pdu);
		break;
	case PDU_REQUEST:
	case PDU_RESPONSE:
	case PDU_FAULT:
		facts_of_call(pdu, &call);
		if (speaks_of(text, "epm.transfer"))
			facts_of_stub(text,
				      ndr_of(whole_stub(v, pdu, call.stub), pdu->h.big, ndr64),
				      pdu->h.ptype == PDU_RESPONSE);
		break;
	default:
		break;
	}
}

/* Several PDUs in one segment */
static void facts_of_segment(struct bytes in)
{
	unsigned n = 0;
	char key[48];

	fact("segment.length", "%zu", in.n);
	while (in.n) {
		struct pdu pdu = take_apart(in);

		snprintf(key, sizeof(key), "segment.pdu[%u]", n++);
		if (pdu.h.ptype == PDU_REQUEST)
			fact(key, "request %u call %u", pdu.h.frag_length, pdu.h.call_id);
		else
			fact(key, "%s %u", pdu_type_name(pdu.h.ptype), pdu.h.frag_length);
		in = (struct bytes){ in.p + pdu.h.frag_length, in.n - pdu.h.frag_length };
	}
	fact("segment.pdus", "%u", n);
}

/* ------------------------------------------------------------------ vectors */

/* What other layers read, or nobody. */
static const char *const not_ours[] = {
	"epm.transfer",                                      /* given, not derived */
	"nak.n_versions", "nak.version",                     /* checked to fit, not kept */
	"dsa.",           "act.",        "oxid.", "alive2.", /* DCOM */
	"rts.",
};

static bool is_ours(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(not_ours); i++)
		if (strncmp(line, not_ours[i], strlen(not_ours[i])) == 0)
			return false;
	return true;
}

static void check_line(const char *line)
{
	const char *equals = strstr(line, " = ");
	size_t len;

	if (!equals || !is_ours(line))
		return;
	len = (size_t)(equals - line);
	for (size_t i = 0; i < facts.n; i++) {
		if (strncmp(facts.at[i].key, line, len) != 0 || facts.at[i].key[len])
			continue;
		if (strcmp(facts.at[i].value, NOT_KEPT) != 0)
			assert_string_equal(facts.at[i].value, equals + 3);
		return;
	}
	fail_msg("nobody derives: %s", line);
}

/* Every line but comments and the decode of another program. */
static void check_lines(char *text)
{
	for (char *next, *line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (strncmp(line, "# ---", 5) == 0)
			return;
		if (*line != '#')
			check_line(line);
	}
}

static void facts_of_cl(const struct cl_pdu *pdu)
{
	fact("pdu.vers", "4");
	fact("pdu.ptype", "%u %s", pdu->ptype, pdu->ptype == CL_REQUEST ? "request" : "response");
	fact("pdu.flags1", "0x%02x", pdu->flags1);
	fact("pdu.flags2", "0x%02x", pdu->flags2);
	fact("pdu.byte_order", "%s", pdu->big ? "big" : "little");
	fact("cl.object", "%s", uuid_text(&pdu->object));
	fact("cl.interface", "%s", uuid_text(&pdu->interface.uuid));
	fact("cl.activity", "%s", uuid_text(&pdu->activity));
	fact("cl.server_boot", "%u", pdu->server_boot);
	fact("cl.interface_version", "%u.%u", pdu->interface.major, pdu->interface.minor);
	fact("cl.seqnum", "%u", pdu->sequence);
	fact("cl.opnum", "%u", pdu->opnum);
	fact("cl.length", "%zu", pdu->body.n);
	fact("cl.fragnum", "%u", pdu->fragment);
	fact("cl.auth_proto", "%u", pdu->auth_protocol);
	fact("stub.offset", "%u", CL_HEADER_LEN);
}

/* RPC over HTTP's own PDUs and the connectionless protocol are no business of pdu.h; the arguments
 * inside the latter are the same. */
static void check_foreign(char *text, struct bytes in)
{
	struct pdu_header h;
	struct cl_pdu pdu;

	assert_int_equal(pdu_header_parse(in, &h), PARSE_BAD);
	if (!speaks_of(text, "cl."))
		return;
	assert_int_equal(cl_parse(in, &pdu), PARSE_OK);
	facts_of_cl(&pdu);
	facts_of_stub(text, ndr_of(pdu.body, pdu.big, false), pdu.ptype == CL_RESPONSE);
	check_lines(text);
}

static void check_vector(void **state)
{
	const struct vector *v = *state;
	static char text[MAX_TEXT];
	struct bytes in = read_octets(v->path);
	struct pdu pdu;

	read_text(v->path, ".txt", text);
	facts.n = 0;
	base[0] = '\0';
	if (speaks_of(text, "rts.") || speaks_of(text, "cl.")) {
		check_foreign(text, in);
		return;
	}
	if (speaks_of(text, "segment.")) {
		facts_of_segment(in);
	} else {
		pdu = take_apart(in);
		assert_int_equal(pdu.h.frag_length, in.n);
		facts_of_pdu(v, text, &pdu);
	}
	check_lines(text);
}

/* ---------------------------------------------------------------- malformed */

/* Who refuses: the reader of ... */
enum refusal { HEADER, BIND, ACK, CALL, NDR, TOWER, LIMIT, DIRECTION, NOBODY };

/* NOBODY: good PDUs that are wrong only in their conversation, or whose stub another layer reads */
static const struct {
	const char *name;
	enum refusal by;
} refusals[] = {
	{ "m01", HEADER }, { "m02", HEADER }, { "m03", HEADER }, { "m04", HEADER },
	{ "m05", HEADER }, { "m06", HEADER }, { "m07", HEADER }, { "m08", CALL },
	{ "m09", HEADER }, { "m10", NDR },    { "m11", NDR },    { "m12", NDR },
	{ "m13", LIMIT },  { "m14", NDR },    { "m15", LIMIT },  { "m16", NDR },
	{ "m17", TOWER },  { "m18", TOWER },  { "m19", TOWER },  { "m20", TOWER },
	{ "m21", TOWER },  { "m22", TOWER },  { "m23", TOWER },  { "m24", NOBODY },
	{ "m25", NDR },    { "m26", NDR },    { "m27", NDR },    { "m28", NOBODY },
	{ "m29", NOBODY }, { "m30", BIND },   { "m31", BIND },   { "m32", ACK },
	{ "m33", ACK },    { "m34", NOBODY }, { "m35", NOBODY }, { "m36", DIRECTION },
	{ "m37", NDR },    { "m38", NOBODY }, { "m39", NOBODY }, { "m40", NOBODY },
	{ "m41", NOBODY }, { "m42", NOBODY }, { "m43", NOBODY }, { "m44", NOBODY },
	{ "m45", NOBODY }, { "m46", NDR },
};

/* An answer of the mapper; the request is known where the text tells of it. */
static enum refusal refusal_of_answer(const char *text, const struct pdu *pdu, struct bytes stub)
{
	static const struct epm_request m46 = { .max = 4, .n_referents = 2, .referent = { 1, 2 } };
	static const struct epm_limits limits = { 128, 4096 };
	bool ndr64 = strstr(text, "EPM / NDR64") != NULL;
	bool known = strstr(text, "the request used referents 1 (object) and 2 (tower)") != NULL;
	enum rpcgate_reason why = RPCGATE_REASON_NONE;
	struct epm_answer a;

	if (epm_answer_parse(ndr_of(stub, pdu->h.big, ndr64), EPM_MAP, known ? &m46 : NULL, &limits,
			     &a, &why) == PARSE_OK)
		return NOBODY;
	return why == RPCGATE_REASON_LIMIT           ? LIMIT :
	       why == RPCGATE_REASON_MALFORMED_TOWER ? TOWER :
						       NDR;
}

static enum refusal refusal_of_pdu(const char *text, const struct pdu *pdu)
{
	unsigned side = strstr(text, "server to client") ? PDU_FROM_SERVER : PDU_FROM_CLIENT;
	struct pdu_call call;
	struct bind_ack ack;
	struct bind bind;

	if (!(pdu_sides(pdu->h.ptype) & side))
		return DIRECTION;
	switch (pdu->h.ptype) {
	case PDU_BIND:
	case PDU_ALTER_CONTEXT:
		return bind_parse(pdu, &bind) == PARSE_OK ? NOBODY : BIND;
	case PDU_BIND_ACK:
		return bind_ack_parse(pdu, &ack) == PARSE_OK ? NOBODY : ACK;
	default:
		if (pdu_call_parse(pdu, &call) != PARSE_OK)
			return CALL;
		if (pdu->h.ptype == PDU_RESPONSE && strstr(text, "EPM"))
			return refusal_of_answer(text, pdu, call.stub);
		return NOBODY;
	}
}

static enum refusal refusal_of(const char *text, struct bytes in)
{
	enum refusal by = NOBODY;

	while (in.n && by == NOBODY) {
		struct pdu_header h;
		struct pdu pdu;

		if (pdu_header_parse(in, &h) != PARSE_OK)
			return HEADER;
		if (pdu_parse((struct bytes){ in.p, h.frag_length }, &h, &pdu) != PARSE_OK)
			return CALL;
		by = refusal_of_pdu(text, &pdu);
		in = (struct bytes){ in.p + h.frag_length, in.n - h.frag_length };
	}
	return by;
}

static void check_malformed(void **state)
{
	const struct vector *v = *state;
	static char text[MAX_TEXT];
	char class[256];

	read_text(v->path, ".txt", text);
	assert_true(value_of(text, "expect.class", class));
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (strncmp(refusals[i].name, v->name, 3) != 0)
			continue;
		assert_int_equal(refusal_of(text, read_octets(v->path)), refusals[i].by);
		/* whatever these classes name must be seen here; the others are of conversations */
		if (refusals[i].by == NOBODY && strstr(text, "EPM"))
			assert_null(strstr("E_HDR E_LEN E_AUTH E_NDR E_TOWER E_LIMIT", class));
		return;
	}
	fail_msg("no row for %s (%s)", v->name, class);
}

/* --------------------------------------------------------------------- main */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct vector *)a)->name, ((const struct vector *)b)->name);
}

static bool is_known(const char *name)
{
	for (size_t i = 0; i < n_vectors; i++)
		if (strcmp(vectors[i].name, name) == 0)
			return true;
	return false;
}

/* Add what is not there yet: the own copy comes first. */
static void collect(const char *dir)
{
	const struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && n_vectors < MAX_VECTORS && (entry = readdir(d))) {
		struct vector *v = &vectors[n_vectors];
		char name[sizeof(v->name)];
		char *dot;

		snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1, entry->d_name);
		dot = strrchr(name, '.');
		if (!dot || strcmp(dot, ".hex") != 0)
			continue;
		*dot = '\0';
		if (is_known(name))
			continue;
		snprintf(v->path, sizeof(v->path), "%s/%s", dir, name);
		memcpy(v->name, name, sizeof(name));
		n_vectors++;
	}
	if (d)
		closedir(d);
}

int main(void)
{
	static struct CMUnitTest tests[MAX_VECTORS];
	size_t n_malformed = 0;

	collect(TEST_SOURCE_DIR "/tests/unit/vectors");
	collect(TEST_SOURCE_DIR "/tests/unit/vectors/malformed");
	collect(TEST_SOURCE_DIR "/../shared/vectors");
	qsort(vectors, n_vectors, sizeof(vectors[0]), by_name);
	for (size_t i = 0; i < n_vectors; i++) {
		bool malformed = vectors[i].name[0] == 'm';

		n_malformed += malformed;
		tests[i] = (struct CMUnitTest){
			.name = vectors[i].name,
			.test_func = malformed ? check_malformed : check_vector,
			.initial_state = &vectors[i],
		};
	}
	if (n_malformed != ARRAY_SIZE(refusals) || n_vectors < 98) {
		fprintf(stderr, "vectors are missing: %zu, of them %zu malformed\n", n_vectors,
			n_malformed);
		return 1;
	}
	return _cmocka_run_group_tests("vectors", tests, n_vectors, NULL, NULL);
}
