/* SPDX-License-Identifier: BSD-2-Clause */
#include "tower.h"
#include "addr.h"
#include "uuid.h"

/* Protocol identifiers (C706 appendix I) */
enum floor_id {
	ID_TCP = 0x07,
	ID_UDP = 0x08,
	ID_IP = 0x09,
	ID_RPC_DATAGRAM = 0x0a,
	ID_RPC_CONNECTION = 0x0b,
	ID_RPC_LOCAL = 0x0c,
	ID_UUID = 0x0d,
	ID_PIPE = 0x0f,
	ID_LOCAL_PIPE = 0x10,
	ID_HTTP = 0x1f,
	ID_HTTP_HOST = 0x20 /* old Windows: an IPv4 address in floor 5 of HTTP towers */
};

#define FLOOR_COUNTS 4U /* octets of the two counts */
#define SYNTAX_LHS 19U  /* identifier, UUID, major version */
#define SYNTAX_RHS 2U   /* minor version */

struct floor {
	struct bytes lhs; /* never empty; starts with the protocol identifier */
	struct bytes rhs;
};

static const struct {
	uint8_t floor3;
	uint8_t floor4;
	enum rpcgate_protseq protseq;
} sequences[] = {
	{ ID_RPC_CONNECTION, ID_TCP, RPCGATE_NCACN_IP_TCP },
	{ ID_RPC_DATAGRAM, ID_UDP, RPCGATE_NCADG_IP_UDP },
	{ ID_RPC_CONNECTION, ID_PIPE, RPCGATE_NCACN_NP },
	{ ID_RPC_CONNECTION, ID_HTTP, RPCGATE_NCACN_HTTP },
	{ ID_RPC_LOCAL, ID_LOCAL_PIPE, RPCGATE_NCALRPC },
};

const char *rpcgate_protseq_name(enum rpcgate_protseq protseq)
{
	static const char *const names[] = {
		[RPCGATE_NCACN_IP_TCP] = "ncacn_ip_tcp", [RPCGATE_NCADG_IP_UDP] = "ncadg_ip_udp",
		[RPCGATE_NCACN_NP] = "ncacn_np",         [RPCGATE_NCACN_HTTP] = "ncacn_http",
		[RPCGATE_NCALRPC] = "ncalrpc",           [RPCGATE_PROTSEQ_OTHER] = "other",
	};

	return names[(size_t)protseq < ARRAY_SIZE(names) ? protseq : RPCGATE_PROTSEQ_OTHER];
}

static bool floor_read(struct reader *r, struct floor *out)
{
	const struct bytes rest = rd_rest(r);
	size_t lhs_len, rhs_len;

	if (rest.n < FLOOR_COUNTS)
		return false;
	lhs_len = load16(rest.p, false);
	if (!lhs_len || lhs_len > rest.n - FLOOR_COUNTS)
		return false;
	rhs_len = load16(rest.p + 2 + lhs_len, false);
	out->lhs = (struct bytes){ rest.p + 2, lhs_len };
	out->rhs = (struct bytes){ rest.p + FLOOR_COUNTS + lhs_len, rhs_len };
	return rd_skip(r, FLOOR_COUNTS + lhs_len + rhs_len);
}

/* Floors 1 and 2: 0d, UUID, major version | minor version; little-endian like the counts. */
static bool syntax_floor_read(struct reader *r, struct rpcgate_syntax *out)
{
	struct reader lhs;
	struct floor f;

	if (!floor_read(r, &f) || f.lhs.n != SYNTAX_LHS || f.rhs.n != SYNTAX_RHS ||
	    f.lhs.p[0] != ID_UUID)
		return false;
	lhs = reader_of(f.lhs, false);
	out->minor = load16(f.rhs.p, false);
	return rd_skip(&lhs, 1) && rd_uuid(&lhs, &out->uuid) && rd_u16(&lhs, &out->major);
}

/* Of a floor that is an identifier alone: what its value must measure; 0 for any size. */
static size_t value_len(uint8_t id)
{
	switch (id) {
	case ID_TCP:
	case ID_UDP:
	case ID_HTTP:
	case ID_RPC_CONNECTION:
	case ID_RPC_DATAGRAM:
	case ID_RPC_LOCAL:
		return 2;
	case ID_IP:
		return 4;
	default:
		return 0;
	}
}

/* A floor after the second.  Identifiers whose value we know must be just that: a reader by fixed
 * offsets and one that walks would otherwise see different ports. */
static bool plain_floor_read(struct reader *r, struct floor *out)
{
	size_t len;

	if (!floor_read(r, out))
		return false;
	len = value_len(out->lhs.p[0]);
	return !len || (out->lhs.n == 1 && out->rhs.n == len);
}

static enum rpcgate_protseq sequence_of(uint8_t floor3, uint8_t floor4)
{
	for (size_t i = 0; i < ARRAY_SIZE(sequences); i++)
		if (sequences[i].floor3 == floor3 && sequences[i].floor4 == floor4)
			return sequences[i].protseq;
	return RPCGATE_PROTSEQ_OTHER;
}

struct bytes text_before_nul(struct bytes raw)
{
	const uint8_t *nul = raw.n ? memchr(raw.p, 0, raw.n) : NULL;

	return (struct bytes){ raw.p, nul ? (size_t)(nul - raw.p) : raw.n };
}

static void endpoint_set(struct tower *t, const struct floor *f)
{
	switch (t->protseq) {
	case RPCGATE_NCACN_IP_TCP:
	case RPCGATE_NCADG_IP_UDP:
	case RPCGATE_NCACN_HTTP:
		t->port = load16(f->rhs.p, true);
		break;
	case RPCGATE_NCACN_NP:
	case RPCGATE_NCALRPC:
		t->endpoint = text_before_nul(f->rhs);
		break;
	case RPCGATE_PROTSEQ_OTHER:
		break;
	}
}

static void address_set(struct tower *t, const struct floor *f)
{
	uint8_t id = f->lhs.p[0];

	if (id == ID_IP ||
	    (id == ID_HTTP_HOST && f->rhs.n == 4 && t->protseq == RPCGATE_NCACN_HTTP)) {
		t->has_ip = true;
		t->ip = addr_of_ipv4(f->rhs.p);
	}
}

enum parse tower_parse(struct bytes in, struct tower *out)
{
	struct tower t = { .protseq = RPCGATE_PROTSEQ_OTHER };
	struct reader r = reader_of(in, false);
	uint8_t floor3 = 0;
	struct floor f;

	if (in.n > TOWER_MAX_OCTETS || !rd_u16(&r, &t.n_floors) || t.n_floors < 3 ||
	    t.n_floors > TOWER_MAX_FLOORS)
		return PARSE_BAD;
	if (!syntax_floor_read(&r, &t.interface) || !syntax_floor_read(&r, &t.transfer))
		return PARSE_BAD;
	for (unsigned i = 3; i <= t.n_floors; i++) {
		if (!plain_floor_read(&r, &f))
			return PARSE_BAD;
		if (i == 3) {
			floor3 = f.lhs.p[0];
		} else if (i == 4) {
			t.protseq = sequence_of(floor3, f.lhs.p[0]);
			endpoint_set(&t, &f);
		} else if (i == 5) {
			address_set(&t, &f);
		}
	}
	if (rd_left(&r))
		return PARSE_BAD;
	*out = t;
	return PARSE_OK;
}
