/* SPDX-License-Identifier: BSD-2-Clause */
#include "bind.h"
#include "uuid.h"

#define SYNTAX_LEN 20U
#define RESULT_LEN 24U

/* MS-RPCE 2.2.2.11 aligns the trailer to 16 octets of the body, so this much padding is real.
 * Receivers walk the list to its own end and take the trailer from the back, whatever
 * auth_pad_length says; octets beyond the padding would be room for a second list. */
#define MOST_PADDING 15U

/* clang-format off */
static const struct rpcgate_syntax ndr = {
	{ { 0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9,
	    0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60 } },
	2,
	0,
};

static const struct rpcgate_syntax ndr64 = {
	{ { 0x71, 0x71, 0x05, 0x33, 0xbe, 0xba, 0x49, 0x37,
	    0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36 } },
	1,
	0,
};
/* clang-format on */

/* the first half; the second is a mask of features */
static const uint8_t features[8] = { 0x6c, 0xb7, 0x1c, 0x2c, 0x98, 0x12, 0x45, 0x40 };

bool syntax_is_ndr(const struct rpcgate_syntax *syntax)
{
	return syntax_equal(syntax, &ndr);
}

bool syntax_is_ndr64(const struct rpcgate_syntax *syntax)
{
	return syntax_equal(syntax, &ndr64);
}

bool syntax_is_features(const struct rpcgate_syntax *syntax)
{
	return memcmp(syntax->uuid.octet, features, sizeof(features)) == 0 && syntax->major == 1 &&
	       syntax->minor == 0;
}

/* May the list end here?  Its elements are multiples of 4, so without a trailer nothing is left;
 * but the last leg of Kerberos carries a trailer around no octets at all, and auth_length 0 then
 * does not tell of it (Windows, in alter_context_resp). */
static bool list_ends(const struct reader *r, const struct pdu *pdu)
{
	size_t left = rd_left(r);

	if (pdu->auth.present)
		return left <= MOST_PADDING;
	return left == 0 || left == PDU_TRAILER_LEN;
}

static bool context_read(struct reader *r, struct bind_context *out)
{
	struct bind_context c = { .big = r->big };
	uint8_t reserved;

	if (!rd_u16(r, &c.id) || !rd_u8(r, &c.n_transfer) || !rd_u8(r, &reserved) ||
	    !rd_syntax(r, &c.abstract) || !rd_bytes(r, c.n_transfer * SYNTAX_LEN, &c.transfer) ||
	    !c.n_transfer)
		return false;
	*out = c;
	return true;
}

/* As context_read(), where nobody wants to know what is in it yet */
static bool context_skip(struct reader *r)
{
	uint8_t n_transfer;

	return rd_skip(r, 2) && rd_u8(r, &n_transfer) && n_transfer &&
	       rd_skip(r, 1 + SYNTAX_LEN + n_transfer * SYNTAX_LEN);
}

enum parse bind_parse(const struct pdu *pdu, struct bind *out)
{
	struct bind bind = { .big = pdu->h.big };
	struct reader r = reader_of(pdu->body, pdu->h.big);

	if (pdu->h.ptype != PDU_BIND && pdu->h.ptype != PDU_ALTER_CONTEXT)
		return PARSE_BAD;
	if (!rd_u16(&r, &bind.max_xmit) || !rd_u16(&r, &bind.max_recv) ||
	    !rd_u32(&r, &bind.assoc_group) || !rd_u8(&r, &bind.n_contexts) || !rd_skip(&r, 3) ||
	    !bind.n_contexts)
		return PARSE_BAD;
	bind.contexts = rd_rest(&r);
	for (unsigned i = 0; i < bind.n_contexts; i++)
		if (!context_skip(&r))
			return PARSE_BAD;
	if (!list_ends(&r, pdu))
		return PARSE_BAD;
	/* without the padding, so that a walk ends where the list does */
	bind.contexts.n -= rd_left(&r);
	*out = bind;
	return PARSE_OK;
}

struct reader bind_walk(const struct bind *bind)
{
	return reader_of(bind->contexts, bind->big);
}

bool bind_next(struct reader *walk, struct bind_context *out)
{
	return context_read(walk, out);
}

struct rpcgate_syntax bind_transfer_at(const struct bind_context *context, size_t i)
{
	struct rpcgate_syntax syntax = { 0 };
	struct reader r = reader_of(context->transfer, context->big);

	if (!rd_skip(&r, i * SYNTAX_LEN) || !rd_syntax(&r, &syntax))
		return (struct rpcgate_syntax){ 0 }; /* i was not an offered one */
	return syntax;
}

bool bind_offers(const struct bind_context *context, const struct rpcgate_syntax *syntax)
{
	for (size_t i = 0; i < context->n_transfer; i++) {
		struct rpcgate_syntax offered = bind_transfer_at(context, i);

		if (syntax_equal(&offered, syntax))
			return true;
	}
	return false;
}

enum parse bind_ack_parse(const struct pdu *pdu, struct bind_ack *out)
{
	struct bind_ack ack = { .big = pdu->h.big };
	struct reader r = reader_of(pdu->body, pdu->h.big);
	uint16_t address_len;

	if (pdu->h.ptype != PDU_BIND_ACK && pdu->h.ptype != PDU_ALTER_CONTEXT_RESP)
		return PARSE_BAD;
	/* the body starts at 16: alignment in it is alignment in the PDU */
	if (!rd_u16(&r, &ack.max_xmit) || !rd_u16(&r, &ack.max_recv) ||
	    !rd_u32(&r, &ack.assoc_group) || !rd_u16(&r, &address_len) ||
	    !rd_bytes(&r, address_len, &ack.secondary_address) || !rd_align(&r, 4))
		return PARSE_BAD;
	if (!rd_u8(&r, &ack.n_results) || !rd_skip(&r, 3) ||
	    !rd_bytes(&r, ack.n_results * RESULT_LEN, &ack.results) || !list_ends(&r, pdu))
		return PARSE_BAD;
	*out = ack;
	return PARSE_OK;
}

struct bind_ack_result bind_ack_at(const struct bind_ack *ack, size_t i)
{
	struct bind_ack_result result = { 0 };
	struct reader r = reader_of(ack->results, ack->big);

	if (!rd_skip(&r, i * RESULT_LEN) || !rd_u16(&r, &result.result) ||
	    !rd_u16(&r, &result.reason) || !rd_syntax(&r, &result.transfer))
		return (struct bind_ack_result){ .result = BIND_REJECTED }; /* no such result */
	return result;
}
