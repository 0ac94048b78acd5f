/* SPDX-License-Identifier: BSD-2-Clause */
#include "pdu.h"
#include "uuid.h"

#define FAULT_HEAD_LEN 32U
#define OBJECT_LEN 16U
#define DREP_LITTLE 0x10

/* What is known of each type (C706 12.6.4, MS-RPCE 2.2.2).  The shortest length is that of the
 * fixed part, header included; a list that must follow is the business of who reads it. */
static const struct {
	const char *name;
	uint8_t sides;
	uint8_t shortest;
} types[] = {
	[PDU_REQUEST] = { "request", PDU_FROM_CLIENT, PDU_REQUEST_HEAD_LEN },
	[PDU_RESPONSE] = { "response", PDU_FROM_SERVER, PDU_REQUEST_HEAD_LEN },
	[PDU_FAULT] = { "fault", PDU_FROM_SERVER, FAULT_HEAD_LEN },
	[PDU_BIND] = { "bind", PDU_FROM_CLIENT, 28 },
	[PDU_BIND_ACK] = { "bind_ack", PDU_FROM_SERVER, 28 },
	[PDU_BIND_NAK] = { "bind_nak", PDU_FROM_SERVER, 19 },
	[PDU_ALTER_CONTEXT] = { "alter_context", PDU_FROM_CLIENT, 28 },
	[PDU_ALTER_CONTEXT_RESP] = { "alter_context_resp", PDU_FROM_SERVER, 28 },
	[PDU_AUTH3] = { "auth3", PDU_FROM_CLIENT, 20 },
	[PDU_SHUTDOWN] = { "shutdown", PDU_FROM_SERVER, PDU_HEADER_LEN },
	[PDU_CO_CANCEL] = { "co_cancel", PDU_FROM_CLIENT, PDU_HEADER_LEN },
	[PDU_ORPHANED] = { "orphaned", PDU_FROM_CLIENT, PDU_HEADER_LEN },
};

unsigned pdu_sides(uint8_t ptype)
{
	return ptype < ARRAY_SIZE(types) ? types[ptype].sides : 0;
}

const char *pdu_type_name(uint8_t ptype)
{
	return pdu_sides(ptype) ? types[ptype].name : "unknown";
}

/* Octets before the stub, or before whatever else the type carries. */
static uint32_t head_len(const struct pdu_header *h)
{
	if (h->ptype == PDU_REQUEST && h->flags & PFC_OBJECT_UUID)
		return PDU_REQUEST_HEAD_LEN + OBJECT_LEN;
	return types[h->ptype].shortest;
}

/* Octets from the trailer to the end, 0 without one. */
static uint32_t trailer_len(const struct pdu_header *h)
{
	return h->auth_length ? PDU_TRAILER_LEN + h->auth_length : 0;
}

/* Octets 0 to 7 hold single octets only: each can be refused as soon as it has come.  A stranger
 * is known by his first octet, and nobody waits for a second. */
static enum parse first_half(struct bytes in, struct pdu_header *h)
{
	if (in.n > 0 && in.p[0] != 5)
		return PARSE_BAD;
	if (in.n > 1 && in.p[1] > 1)
		return PARSE_BAD;
	if (in.n > 2 && !pdu_sides(in.p[2]))
		return PARSE_BAD;
	if (in.n > 4 && in.p[4] & ~DREP_LITTLE)
		return PARSE_BAD;
	for (size_t i = 5; i < 8 && i < in.n; i++)
		if (in.p[i])
			return PARSE_BAD;
	if (in.n < 8)
		return PARSE_MORE;
	h->minor = in.p[1];
	h->ptype = in.p[2];
	h->flags = in.p[3];
	h->big = !(in.p[4] & DREP_LITTLE);
	return PARSE_OK;
}

/* The same of a header that is all there, as nearly all are */
static enum parse whole_header(const uint8_t *p, struct pdu_header *out)
{
	const bool big = !(p[4] & DREP_LITTLE);
	const struct pdu_header h = { .minor = p[1],
				      .ptype = p[2],
				      .flags = p[3],
				      .big = big,
				      .frag_length = load16(p + 8, big),
				      .auth_length = load16(p + 10, big),
				      .call_id = load32(p + 12, big) };

	if (p[0] != 5 || h.minor > 1 || !pdu_sides(h.ptype) || p[4] & ~DREP_LITTLE ||
	    (p[5] | p[6] | p[7]) || h.frag_length < head_len(&h) + trailer_len(&h))
		return PARSE_BAD;
	*out = h;
	return PARSE_OK;
}

static enum parse part_of_header(struct bytes in)
{
	struct pdu_header h = { 0 };
	enum parse outcome = first_half(in, &h);
	struct reader r = reader_of(in, h.big);

	if (outcome != PARSE_OK)
		return outcome;
	if (!rd_skip(&r, 8) || !rd_u16(&r, &h.frag_length))
		return PARSE_MORE;
	if (h.frag_length < head_len(&h))
		return PARSE_BAD;
	if (!rd_u16(&r, &h.auth_length))
		return PARSE_MORE;
	if (h.frag_length < head_len(&h) + trailer_len(&h))
		return PARSE_BAD;
	return PARSE_MORE;
}

enum parse pdu_header_parse(struct bytes in, struct pdu_header *out)
{
	struct reader r = reader_of(in, false);
	struct bytes whole;

	return rd_bytes(&r, PDU_HEADER_LEN, &whole) && whole.p ? whole_header(whole.p, out) :
								 part_of_header(in);
}

bool pdu_begins(struct bytes in, struct pdu_header *out)
{
	struct pdu_header h = { 0 };

	if (first_half(in, &h) != PARSE_OK)
		return false;
	if (in.n >= PDU_HEADER_LEN)
		h.call_id = load32(in.p + 12, h.big);
	*out = h;
	return true;
}

/* Samba refuses a trailer that is not 4-aligned; a receiver that aligns would read another one. */
static bool trailer_read(struct reader *r, struct pdu_auth *out)
{
	struct bytes t;

	if (r->off % 4 || !rd_bytes(r, PDU_TRAILER_LEN, &t))
		return false;
	*out = (struct pdu_auth){ .present = true,
				  .type = t.p[0],
				  .level = t.p[1],
				  .pad_length = t.p[2],
				  .context_id = load32(t.p + 4, r->big),
				  .value = rd_rest(r) };
	return true;
}

enum parse pdu_parse(struct bytes in, const struct pdu_header *h, struct pdu *out)
{
	struct pdu pdu = { .h = *h };
	struct reader r = reader_of(in, h->big);

	if (!in.p || !pdu_sides(h->ptype) || in.n != h->frag_length ||
	    in.n < head_len(h) + trailer_len(h))
		return PARSE_BAD;
	if (!rd_skip(&r, PDU_HEADER_LEN) ||
	    !rd_bytes(&r, rd_left(&r) - trailer_len(h), &pdu.body) ||
	    (h->auth_length && !trailer_read(&r, &pdu.auth)))
		return PARSE_BAD;
	*out = pdu;
	return PARSE_OK;
}

/* The 8 octets that request, response and fault share, then what is their own. */
static bool call_head_read(struct reader *r, const struct pdu_header *h, struct pdu_call *out)
{
	uint16_t last;

	if (!rd_u32(r, &out->alloc_hint) || !rd_u16(r, &out->context_id) || !rd_u16(r, &last))
		return false;
	if (h->ptype == PDU_FAULT)
		return rd_u32(r, &out->status) && rd_skip(r, 4);
	if (h->ptype != PDU_REQUEST)
		return true;
	out->opnum = last;
	out->has_object = h->flags & PFC_OBJECT_UUID;
	return !out->has_object || rd_uuid(r, &out->object);
}

enum parse pdu_call_parse(const struct pdu *pdu, struct pdu_call *out)
{
	struct pdu_call call = { 0 };
	struct reader r = reader_of(pdu->body, pdu->h.big);
	size_t pad = pdu->auth.present ? pdu->auth.pad_length : 0;

	if (pdu->h.ptype != PDU_REQUEST && pdu->h.ptype != PDU_RESPONSE &&
	    pdu->h.ptype != PDU_FAULT)
		return PARSE_BAD;
	if (!call_head_read(&r, &pdu->h, &call) || pad > rd_left(&r))
		return PARSE_BAD;
	call.stub = rd_rest(&r);
	call.stub.n -= pad;
	*out = call;
	return PARSE_OK;
}

enum parse pdu_nak_parse(const struct pdu *pdu, uint16_t *reason)
{
	struct reader r = reader_of(pdu->body, pdu->h.big);
	uint16_t why;
	uint8_t n_versions;

	if (pdu->h.ptype != PDU_BIND_NAK || !rd_u16(&r, &why) || !rd_u8(&r, &n_versions) ||
	    !rd_skip(&r, n_versions * 2U))
		return PARSE_BAD;
	*reason = why;
	return PARSE_OK;
}
