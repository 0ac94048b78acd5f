/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>

#include "oxid.h"
#include "addr.h"

#define MAX_PROTSEQS 64U /* the interface allows 2^15; there are 20 protocols */
#define PORT_DIGITS 5U
#define REPLACEMENT 0xfffdU /* U+FFFD for what is no UTF-16 */

/* Tower identifiers (C706 appendix I) */
static const struct {
	uint16_t tower_id;
	enum rpcgate_protseq protseq;
} sequences[] = {
	{ 0x07, RPCGATE_NCACN_IP_TCP }, { 0x08, RPCGATE_NCADG_IP_UDP }, { 0x0f, RPCGATE_NCACN_NP },
	{ 0x10, RPCGATE_NCALRPC },      { 0x1f, RPCGATE_NCACN_HTTP },
};

static enum parse bad(enum rpcgate_reason *why, enum rpcgate_reason reason)
{
	*why = reason;
	return PARSE_BAD;
}

/* --------------------------------------------------------------- the array */

/* UTF-16 text, in the byte order of the array */
struct text {
	const uint8_t *p;
	size_t n; /* units */
	bool big;
};

static uint16_t unit_at(const struct text *t, size_t i)
{
	return load16(t->p + 2 * i, t->big);
}

static struct text part_of(const struct text *t, size_t from, size_t n)
{
	return (struct text){ t->p + 2 * from, n, t->big };
}

/* Text up to its 0, which must stand before the part ends */
static enum parse string_read(struct reader *r, struct text *out, enum rpcgate_reason *why)
{
	uint16_t unit;

	*out = (struct text){ rd_rest(r).p, 0, r->big };
	for (;; out->n++) {
		if (!rd_u16(r, &unit))
			return bad(why, RPCGATE_REASON_MALFORMED_NDR);
		if (!unit)
			return PARSE_OK;
		if (out->n == OXID_MAX_UNITS)
			return bad(why, RPCGATE_REASON_LIMIT);
	}
}

/* Behind the end of a list nothing may hide that another reader would find: the smallest array has
 * one more 0 there (MS-DCOM 2.2.19.1) */
static enum parse all_zero(struct reader *r, enum rpcgate_reason *why)
{
	uint16_t unit;

	while (rd_u16(r, &unit))
		if (unit)
			return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	return PARSE_OK;
}

/* A list of strings: each begins with a number that is not 0 and, in the security part, another */
static enum parse list_walk(struct reader r, bool security, uint32_t *n, enum rpcgate_reason *why)
{
	struct text text;
	uint16_t id, authz;

	for (*n = 0;; (*n)++) {
		if (!rd_u16(&r, &id))
			return bad(why, RPCGATE_REASON_MALFORMED_NDR);
		if (!id)
			return all_zero(&r, why);
		if (*n == OXID_MAX_STRINGS)
			return bad(why, RPCGATE_REASON_LIMIT);
		if (security && !rd_u16(&r, &authz))
			return bad(why, RPCGATE_REASON_MALFORMED_NDR);
		if (string_read(&r, &text, why) != PARSE_OK)
			return PARSE_BAD;
	}
}

enum parse dual_strings_parse(struct ndr *n, struct dual_strings *out, enum rpcgate_reason *why)
{
	struct dual_strings s = { 0 };
	uint16_t entries, security_offset;
	struct bytes strings, security;
	uint64_t conformance;
	uint32_t n_security;

	if (!ndr_count(n, &conformance) || !ndr_u16(n, &entries) || !ndr_u16(n, &security_offset) ||
	    conformance != entries || security_offset > entries ||
	    !ndr_bytes(n, 2 * (size_t)security_offset, &strings) ||
	    !ndr_bytes(n, 2 * (size_t)(entries - security_offset), &security))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	s.units = reader_of(strings, n->r.big);
	if (list_walk(s.units, false, &s.n, why) != PARSE_OK)
		return PARSE_BAD;
	if (security.n &&
	    list_walk(reader_of(security, n->r.big), true, &n_security, why) != PARSE_OK)
		return PARSE_BAD;
	*out = s;
	return PARSE_OK;
}

/* -------------------------------------------------------------------- hosts */

/* One code point; *i moves behind it */
static uint32_t code_point(const struct text *t, size_t *i)
{
	uint32_t c = unit_at(t, (*i)++), low;

	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || *i == t->n)
		return REPLACEMENT;
	low = unit_at(t, *i);
	if (low < 0xdc00 || low > 0xdfff)
		return REPLACEMENT;
	(*i)++;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

/* UTF-8 of one code point; returns its length */
static size_t utf8_of(uint32_t c, uint8_t to[4])
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		to[i] = (uint8_t)(0x80 | (c & 0x3f));
	to[0] = (uint8_t)(n == 1 ? c : lead[n] | c);
	return n;
}

static uint8_t text_copy(const struct text *t, uint8_t *to, size_t room)
{
	size_t used = 0;

	for (size_t i = 0; i < t->n;) {
		uint8_t octets[4];
		size_t n = utf8_of(code_point(t, &i), octets);

		if (used + n > room)
			break;
		memcpy(to + used, octets, n);
		used += n;
	}
	return (uint8_t)used;
}

static bool literal_parse(const char *text, struct rpcgate_addr *out)
{
	uint8_t ipv4[4];

	if (inet_pton(AF_INET, text, ipv4) == 1) {
		*out = addr_of_ipv4(ipv4);
		return true;
	}
	return inet_pton(AF_INET6, text, out->octet) == 1;
}

/* An IPv4 or IPv6 literal, the latter with or without brackets and zone */
static bool literal_read(struct text t, struct rpcgate_addr *out)
{
	char ascii[RPCGATE_ADDR_TEXT];
	size_t n = 0;

	if (t.n > 2 && unit_at(&t, 0) == '[' && unit_at(&t, t.n - 1) == ']')
		t = part_of(&t, 1, t.n - 2);
	for (; n < t.n && unit_at(&t, n) != '%'; n++) {
		if (n == sizeof(ascii) - 1 || unit_at(&t, n) > 0x7f)
			return false;
		ascii[n] = (char)unit_at(&t, n);
	}
	ascii[n] = '\0';
	return literal_parse(ascii, out) && (n == t.n || !rpcgate_addr_is_ipv4(out));
}

static bool digit(uint16_t unit)
{
	return unit >= '0' && unit <= '9';
}

/* A name whose last label is a number is an address to some readers ("10.1", "0x0a000001"); no
 * host is called so (RFC 1123 2.1) */
static bool like_a_number(const struct text *t)
{
	size_t n = t->n, label = 0;

	if (n && unit_at(t, n - 1) == '.')
		n--;
	for (size_t i = 0; i < n; i++)
		if (unit_at(t, i) == '.')
			label = i + 1;
	if (label + 1 < n && unit_at(t, label) == '0' && (unit_at(t, label + 1) | 0x20) == 'x')
		return true;
	for (size_t i = label; i < n; i++)
		if (!digit(unit_at(t, i)))
			return false;
	return true;
}

static bool name_like(const struct text *t)
{
	for (size_t i = 0; i < t->n; i++) {
		uint16_t unit = unit_at(t, i);

		if (unit <= ' ' || unit == 0x7f || unit == ':' || unit == '%' || unit == '[' ||
		    unit == ']')
			return false;
	}
	return !like_a_number(t); /* as is a name without a letter, or none */
}

/* ---------------------------------------------------------- string bindings */

static enum rpcgate_protseq sequence_of(uint16_t tower_id)
{
	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++)
		if (sequences[i].tower_id == tower_id)
			return sequences[i].protseq;
	return RPCGATE_PROTSEQ_OTHER;
}

/* Where "host[endpoint]" has its last bracket; n where it has none or does not end in one */
static size_t bracket(const struct text *t)
{
	if (!t->n || unit_at(t, t->n - 1) != ']')
		return t->n;
	for (size_t i = t->n; i-- > 0;)
		if (unit_at(t, i) == '[')
			return i;
	return t->n;
}

/* Decimal 1..65535, nothing else: signs, blanks, hexadecimal and a leading 0, which some read as
 * octal, are 0 here */
static uint16_t port_of(const struct text *t)
{
	uint32_t port = 0;

	if (!t->n || t->n > PORT_DIGITS || unit_at(t, 0) == '0')
		return 0;
	for (size_t i = 0; i < t->n; i++) {
		if (!digit(unit_at(t, i)))
			return 0;
		port = port * 10 + (uint32_t)(unit_at(t, i) - '0');
	}
	return port > UINT16_MAX ? 0 : (uint16_t)port;
}

static struct string_binding binding_of(uint16_t tower_id, const struct text *t)
{
	struct string_binding b = { .tower_id = tower_id, .protseq = sequence_of(tower_id) };
	size_t at = bracket(t);
	struct text host = part_of(t, 0, at);

	if (at < t->n && (b.protseq == RPCGATE_NCACN_IP_TCP || b.protseq == RPCGATE_NCACN_HTTP)) {
		struct text endpoint = part_of(t, at + 1, t->n - at - 2);

		b.port = port_of(&endpoint);
	}
	if (literal_read(host, &b.ip))
		b.kind = HOST_ADDRESS;
	else
		b.kind = name_like(&host) ? HOST_NAME : HOST_ODD;
	b.host_len = text_copy(&host, b.host, sizeof(b.host));
	return b;
}

bool dual_strings_next(struct dual_strings *walk, struct string_binding *out)
{
	enum rpcgate_reason why;
	struct text text;
	uint16_t id;

	if (walk->i == walk->n || !rd_u16(&walk->units, &id) ||
	    string_read(&walk->units, &text, &why) != PARSE_OK)
		return false;
	walk->i++;
	*out = binding_of(id, &text);
	return true;
}

/* ---------------------------------------------------------- IObjectExporter */

static bool u64_read(struct ndr *n, uint64_t *out)
{
	return rd_align(&n->r, 8) && rd_u64(&n->r, out);
}

enum parse oxid_request_parse(struct ndr stub, uint16_t opnum, struct oxid_request *out,
			      enum rpcgate_reason *why)
{
	struct oxid_request q = { 0 };
	struct bytes protseqs;
	uint64_t conformance;
	uint16_t count;

	if ((opnum != OXID_RESOLVE && opnum != OXID_RESOLVE2 && opnum != OXID_SERVER_ALIVE2) ||
	    (stub.ndr64 && stub.r.big)) /* MS-RPCE 2.2.5: NDR64 is little-endian only */
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (opnum != OXID_SERVER_ALIVE2) {
		if (!u64_read(&stub, &q.oxid) || !ndr_u16(&stub, &count) ||
		    !ndr_count(&stub, &conformance))
			return bad(why, RPCGATE_REASON_MALFORMED_NDR);
		if (count > MAX_PROTSEQS || conformance > MAX_PROTSEQS)
			return bad(why, RPCGATE_REASON_LIMIT);
		if (conformance != count || !ndr_bytes(&stub, 2 * (size_t)count, &protseqs))
			return bad(why, RPCGATE_REASON_MALFORMED_NDR);
		q.n_protseqs = count;
	}
	*out = q;
	return PARSE_OK;
}

static bool version_read(struct ndr *n)
{
	uint16_t major, minor;

	return ndr_u16(n, &major) && ndr_u16(n, &minor);
}

/* What follows the bindings: ResolveOxid's IPID, hint and, in the second edition, version;
 * ServerAlive2's reserved word */
static bool middle_read(struct ndr *n, uint16_t opnum)
{
	struct rpcgate_uuid ipid;
	uint32_t word;

	if (opnum == OXID_SERVER_ALIVE2)
		return ndr_u32(n, &word);
	return ndr_uuid(n, &ipid) && ndr_u32(n, &word) &&
	       (opnum != OXID_RESOLVE2 || version_read(n));
}

enum parse oxid_answer_parse(struct ndr stub, uint16_t opnum, struct oxid_answer *out,
			     enum rpcgate_reason *why)
{
	struct oxid_answer a = { 0 };
	uint64_t referent;

	if ((opnum != OXID_RESOLVE && opnum != OXID_RESOLVE2 && opnum != OXID_SERVER_ALIVE2) ||
	    (stub.ndr64 && stub.r.big))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if ((opnum == OXID_SERVER_ALIVE2 && !version_read(&stub)) || !ndr_pointer(&stub, &referent))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (referent && dual_strings_parse(&stub, &a.bindings, why) != PARSE_OK)
		return PARSE_BAD;
	if (!middle_read(&stub, opnum) || !ndr_u32(&stub, &a.status) || !ndr_at_end(&stub))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	*out = a;
	return PARSE_OK;
}
