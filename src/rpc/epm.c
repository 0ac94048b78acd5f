/* SPDX-License-Identifier: BSD-2-Clause */
#include "epm.h"
#include "uuid.h"

#define INQUIRY_BY_INTERFACE 1U
#define INQUIRY_BY_BOTH 3U
#define ANNOTATION_MAX 64U /* C706 ept_max_annotation_size, NUL counted */
#define MAX_COUNT 500U     /* MS-RPCE 2.2.1.2.4, .5: range(0, 500) for max_towers and max_ents */
#define MAX_UNSORTED 500U

/* clang-format off */
const struct rpcgate_syntax epm_syntax = {
	{ { 0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9,
	    0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa } },
	3,
	0,
};
/* clang-format on */

static enum parse bad(enum rpcgate_reason *why, enum rpcgate_reason reason)
{
	*why = reason;
	return PARSE_BAD;
}

/* ------------------------------------------------------------------ towers */

/* twr_t: conformance, u32 tower_length, octets.  Bounds come before everything else, so that no
 * later sum can overflow. */
static enum parse tower_octets(struct ndr *n, struct bytes *out, enum rpcgate_reason *why)
{
	uint64_t conformance;
	uint32_t length;

	if (!ndr_count(n, &conformance) || !ndr_u32(n, &length))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (conformance > TOWER_MAX_OCTETS || length > TOWER_MAX_OCTETS)
		return bad(why, RPCGATE_REASON_LIMIT);
	if (conformance != length || !ndr_bytes(n, length, out))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	return PARSE_OK;
}

static enum parse tower_read(struct ndr *n, struct tower *out, enum rpcgate_reason *why)
{
	struct bytes octets;

	if (tower_octets(n, &octets, why) != PARSE_OK)
		return PARSE_BAD;
	if (tower_parse(octets, out) != PARSE_OK)
		return bad(why, RPCGATE_REASON_MALFORMED_TOWER);
	return PARSE_OK;
}

/* ---------------------------------------------------------------- requests */

/* A full pointer argument: its referent follows at once.  Equal ids would be an alias (C706
 * 14.3.12.1), whose octets are sent once: decoders disagree about what then follows. */
static bool pointer_read(struct ndr *n, struct epm_request *q, bool *present)
{
	uint64_t id;

	if (!ndr_pointer(n, &id))
		return false;
	*present = id != 0;
	if (!id)
		return true;
	for (size_t i = 0; i < q->n_referents; i++)
		if (q->referent[i] == id)
			return false;
	q->referent[q->n_referents++] = id;
	return true;
}

static bool object_read(struct ndr *n, struct epm_request *q)
{
	struct rpcgate_uuid object;
	bool present;

	return pointer_read(n, q, &present) && (!present || ndr_uuid(n, &object));
}

static bool request_end_read(struct ndr *n, struct epm_request *q)
{
	bool first_page;

	return ndr_handle(n, &first_page) && ndr_u32(n, &q->max);
}

static enum parse map_request(struct ndr *n, struct epm_request *q, enum rpcgate_reason *why)
{
	if (!object_read(n, q) || !pointer_read(n, q, &q->has_interface))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (q->has_interface && tower_read(n, &q->asked, why) != PARSE_OK)
		return PARSE_BAD;
	return request_end_read(n, q) ? PARSE_OK : bad(why, RPCGATE_REASON_MALFORMED_NDR);
}

/* rpc_if_id_t: aligned to 4 by its UUID, both version numbers u16 */
static bool interface_read(struct ndr *n, struct rpcgate_syntax *out)
{
	return ndr_uuid(n, &out->uuid) && ndr_u16(n, &out->major) && ndr_u16(n, &out->minor);
}

static enum parse lookup_request(struct ndr *n, struct epm_request *q, enum rpcgate_reason *why)
{
	uint32_t vers_option;
	bool present;

	if (!ndr_u32(n, &q->inquiry_type) || !object_read(n, q) || !pointer_read(n, q, &present) ||
	    (present && !interface_read(n, &q->asked.interface)) || !ndr_u32(n, &vers_option) ||
	    !request_end_read(n, q))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	q->has_interface = present && (q->inquiry_type == INQUIRY_BY_INTERFACE ||
				       q->inquiry_type == INQUIRY_BY_BOTH);
	return PARSE_OK;
}

enum parse epm_request_parse(struct ndr stub, uint16_t opnum, struct epm_request *out,
			     enum rpcgate_reason *why)
{
	struct epm_request q = { .opnum = opnum };
	enum parse outcome;

	if (stub.ndr64 && stub.r.big) /* MS-RPCE 2.2.5: NDR64 is little-endian only */
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (opnum == EPM_MAP)
		outcome = map_request(&stub, &q, why);
	else if (opnum == EPM_LOOKUP)
		outcome = lookup_request(&stub, &q, why);
	else
		outcome = bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (outcome == PARSE_OK)
		*out = q;
	return outcome;
}

/* ----------------------------------------------------------------- answers */

/* What stands in the array for each element: ept_map has the pointer alone. */
struct element {
	struct rpcgate_uuid object;
	uint64_t referent;
	struct bytes annotation;
};

/* ept_entry_t: object, tower pointer, varying string of at most 64, gap to the next entry.
 * Its alignment is that of the pointer. */
static enum parse entry_read(struct ndr *n, struct element *out, enum rpcgate_reason *why)
{
	uint64_t offset, length;

	if (!ndr_struct_align(n) || !ndr_uuid(n, &out->object) || !ndr_pointer(n, &out->referent) ||
	    !ndr_count(n, &offset) || !ndr_count(n, &length))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (length > ANNOTATION_MAX)
		return bad(why, RPCGATE_REASON_LIMIT);
	if (offset || !ndr_bytes(n, (size_t)length, &out->annotation) || !ndr_struct_align(n))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	return PARSE_OK;
}

static enum parse element_read(struct ndr *n, uint16_t opnum, struct element *out,
			       enum rpcgate_reason *why)
{
	*out = (struct element){ 0 };
	if (opnum == EPM_LOOKUP)
		return entry_read(n, out, why);
	/* a null tower pointer says nothing, yet is counted: no server does that */
	if (!ndr_pointer(n, &out->referent) || !out->referent)
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	return PARSE_OK;
}

/* The counts in front of the array. */
static enum parse counts_read(struct ndr *n, uint16_t opnum, const struct epm_request *request,
			      const struct epm_limits *limits, uint32_t *count,
			      enum rpcgate_reason *why)
{
	uint32_t limit = opnum == EPM_MAP ? limits->max_towers : limits->max_entries;
	uint64_t maximum, offset, actual;
	bool last_page;

	if (!ndr_handle(n, &last_page) || !ndr_u32(n, count) || !ndr_count(n, &maximum) ||
	    !ndr_count(n, &offset) || !ndr_count(n, &actual))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (*count > limit || actual > limit || (maximum > MAX_COUNT && maximum > limit))
		return bad(why, RPCGATE_REASON_LIMIT);
	if (offset || actual != *count || actual > maximum || (request && maximum != request->max))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	return PARSE_OK;
}

static bool used_by_request(const struct epm_request *request, uint64_t id)
{
	for (size_t i = 0; request && i < request->n_referents; i++)
		if (request->referent[i] == id)
			return true;
	return false;
}

/* The array's referent ids are each to be used once: an alias is one tower to those who follow
 * C706 and two to those who do not.  Every server counts upwards, so "ascending" proves it in one
 * pass.  Ids in another order are compared pair by pair, for as many as a page can hold; a longer
 * list in disorder is nobody's and refused, or it would cost the square of its length. */
struct referents {
	uint64_t last;
	bool ascending;
	uint32_t n;
	uint64_t id[MAX_UNSORTED];
};

static void referent_add(struct referents *ids, uint64_t id)
{
	if (ids->n && id <= ids->last)
		ids->ascending = false;
	if (ids->n < MAX_UNSORTED)
		ids->id[ids->n] = id;
	ids->last = id;
	ids->n++;
}

static bool referents_differ(const struct referents *ids)
{
	if (ids->ascending)
		return true;
	if (ids->n > MAX_UNSORTED)
		return false;
	for (uint32_t i = 1; i < ids->n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (ids->id[i] == ids->id[k])
				return false;
	return true;
}

/* Walk the array; then *n stands at the first deferred tower. */
static enum parse array_walk(struct ndr *n, const struct epm_answer *a,
			     const struct epm_request *request, uint32_t *n_towers,
			     enum rpcgate_reason *why)
{
	struct referents ids;
	struct element e;

	ids.last = 0;
	ids.ascending = true;
	ids.n = 0; /* .id is read only as far as it was written */
	for (uint32_t i = 0; i < a->n; i++) {
		if (element_read(n, a->opnum, &e, why) != PARSE_OK)
			return PARSE_BAD;
		if (!e.referent)
			continue;
		if (used_by_request(request, e.referent))
			return bad(why, RPCGATE_REASON_MALFORMED_NDR);
		referent_add(&ids, e.referent);
	}
	*n_towers = ids.n;
	return referents_differ(&ids) ? PARSE_OK : bad(why, RPCGATE_REASON_MALFORMED_NDR);
}

/* All towers there are, one behind the other; the first are kept, to be read once */
static enum parse towers_read(struct ndr *n, struct epm_answer *a, uint32_t n_towers,
			      enum rpcgate_reason *why)
{
	struct tower other;

	a->n_kept = n_towers < EPM_KEPT ? n_towers : EPM_KEPT;
	a->kept_i = 0;
	for (uint32_t i = 0; i < a->n_kept; i++)
		if (tower_read(n, &a->kept[i], why) != PARSE_OK)
			return PARSE_BAD;
	a->deferred = *n;
	for (uint32_t i = a->n_kept; i < n_towers; i++)
		if (tower_read(n, &other, why) != PARSE_OK)
			return PARSE_BAD;
	return PARSE_OK;
}

/* The next tower of an answer that was found to be good */
static bool next_tower(struct epm_answer *answer, struct tower *out)
{
	enum rpcgate_reason why;

	if (answer->kept_i == answer->n_kept)
		return tower_read(&answer->deferred, out, &why) == PARSE_OK;
	*out = answer->kept[answer->kept_i++];
	return true;
}

enum parse epm_answer_parse(struct ndr stub, uint16_t opnum, const struct epm_request *request,
			    const struct epm_limits *limits, struct epm_answer *out,
			    enum rpcgate_reason *why)
{
	struct epm_answer a; /* not cleared: .kept is read only as far as it was written */
	struct ndr n = stub;
	uint32_t n_towers;

	if ((opnum != EPM_MAP && opnum != EPM_LOOKUP) || (stub.ndr64 && stub.r.big))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	if (counts_read(&n, opnum, request, limits, &a.n, why) != PARSE_OK)
		return PARSE_BAD;
	a.opnum = opnum;
	a.i = 0;
	a.entries = n;
	if (array_walk(&n, &a, request, &n_towers, why) != PARSE_OK ||
	    towers_read(&n, &a, n_towers, why) != PARSE_OK)
		return PARSE_BAD;
	if (!ndr_u32(&n, &a.status) || !ndr_at_end(&n))
		return bad(why, RPCGATE_REASON_MALFORMED_NDR);
	*out = a;
	return PARSE_OK;
}

bool epm_next(struct epm_answer *answer, struct epm_entry *out)
{
	struct epm_entry entry = { 0 };
	enum rpcgate_reason why;
	struct element e;

	if (answer->i >= answer->n ||
	    element_read(&answer->entries, answer->opnum, &e, &why) != PARSE_OK)
		return false;
	entry.object = e.object;
	entry.annotation = text_before_nul(e.annotation);
	entry.has_tower = e.referent != 0;
	if (entry.has_tower && !next_tower(answer, &entry.tower))
		return false;
	answer->i++;
	*out = entry;
	return true;
}
