/* SPDX-License-Identifier: BSD-2-Clause */
#include "activation.h"
#include "uuid.h"

#define OBJREF_SIGNATURE 0x574f454dU /* "MEOW" */
#define OBJREF_STANDARD 1U
#define OBJREF_HANDLER 2U
#define OBJREF_CUSTOM 4U
#define OBJREF_EXTENDED 8U
#define COM_MAJOR 5U
#define FAILED 0x80000000U /* HRESULT: severity */
#define MAX_NAME_UNITS 4096U
#define MAX_PROTSEQS 64U
#define WRAPPER_LEN 16U
#define UUID_LEN 16U
#define GAP 8U /* structures in a blob are padded to a multiple of it */

/* 0000hhll-0000-0000-c000-000000000046 */
#define COM_UUID(high, low)                                                                        \
	{                                                                                          \
		{                                                                                  \
			0, 0, (high), (low), 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46              \
		}                                                                                  \
	}

/* The properties that are read, by their place in blob_kind */
enum property_slot { INSTANTIATION = 0, PROPERTIES_OUT = 0, SCM_REPLY = 1, N_SLOTS = 2 };

/* What a blob is for: its identifiers and those of its properties (MS-DCOM 1.9) */
struct blob_kind {
	struct rpcgate_uuid iid;
	struct rpcgate_uuid class_id;
	size_t n_properties;
	struct rpcgate_uuid property[N_SLOTS];
};

static const struct blob_kind properties_in = {
	.iid = COM_UUID(0x01, 0xa2),
	.class_id = COM_UUID(0x03, 0x38),
	.n_properties = 1,
	.property = { [INSTANTIATION] = COM_UUID(0x01, 0xab) },
};

static const struct blob_kind properties_out = {
	.iid = COM_UUID(0x01, 0xa3),
	.class_id = COM_UUID(0x03, 0x39),
	.n_properties = 2,
	.property = { [PROPERTIES_OUT] = COM_UUID(0x03, 0x39), [SCM_REPLY] = COM_UUID(0x01, 0xb6) },
};

/* The properties of a blob that are read, where they are present */
struct blob {
	bool unsupported;
	bool has[N_SLOTS];
	struct bytes object[N_SLOTS];
};

static enum parse bad(enum rpcgate_reason *why, enum rpcgate_reason reason)
{
	*why = reason;
	return PARSE_BAD;
}

static enum parse bad_ndr(enum rpcgate_reason *why)
{
	return bad(why, RPCGATE_REASON_MALFORMED_NDR);
}

/* ----------------------------------------------------------------- pieces */

/* MInterfacePointer: conformance, u32 ulCntData, octets */
static bool interface_pointer_read(struct ndr *n, struct bytes *out)
{
	uint64_t conformance;
	uint32_t length;

	return ndr_count(n, &conformance) && ndr_u32(n, &length) && conformance == length &&
	       ndr_bytes(n, length, out);
}

/* Pointers to interfaces in an array: first all referent ids, then what they point to */
static bool interface_pointers_read(struct ndr *n, uint32_t count)
{
	bool present[ACTIVATION_MAX_IIDS];
	struct bytes octets;
	uint64_t referent;

	for (uint32_t i = 0; i < count; i++) {
		if (!ndr_pointer(n, &referent))
			return false;
		present[i] = referent != 0;
	}
	for (uint32_t i = 0; i < count; i++)
		if (present[i] && !interface_pointer_read(n, &octets))
			return false;
	return true;
}

/* A conformant array of @p count elements of @p size octets, aligned to 4 */
static bool list_read(struct ndr *n, uint32_t count, size_t size, struct activation_list *out)
{
	uint64_t conformance;
	struct bytes octets;

	if (!ndr_count(n, &conformance) || conformance != count ||
	    !ndr_bytes(n, count * size, &octets))
		return false;
	*out = (struct activation_list){ reader_of(octets, n->r.big), count };
	return true;
}

static bool version_read(struct ndr *n, uint16_t *major)
{
	uint16_t minor;

	return ndr_u16(n, major) && ndr_u16(n, &minor);
}

/* Objects end in a gap; more octets than that are nobody's */
static bool at_gap(const struct ndr *n)
{
	return rd_left(&n->r) < GAP;
}

/* ------------------------------------------------------------------- blobs */

/* Type serialisation version 1, little-endian (MS-RPCE 2.2.6): the object behind its header.  The
 * filler octets may hold anything, the length of the object is not always padded. */
static bool wrapper_read(struct reader *r, struct bytes *object)
{
	static const uint8_t start[] = { 0x01, 0x10, 0x08, 0x00 };
	struct bytes head;
	uint32_t length, filler;

	return rd_bytes(r, sizeof(start), &head) && memcmp(head.p, start, sizeof(start)) == 0 &&
	       rd_u32(r, &filler) && rd_u32(r, &length) && rd_u32(r, &filler) &&
	       rd_bytes(r, length, object);
}

/* OBJREF with a custom marshaller.  @return PARSE_OK with *custom false for the other kinds */
static enum parse objref_read(struct reader *r, const struct blob_kind *kind, bool *custom,
			      enum rpcgate_reason *why)
{
	uint32_t signature, flags, extension, size;
	struct rpcgate_uuid iid, class_id;

	*custom = false;
	if (!rd_u32(r, &signature) || signature != OBJREF_SIGNATURE || !rd_u32(r, &flags))
		return bad_ndr(why);
	if (flags == OBJREF_STANDARD || flags == OBJREF_HANDLER || flags == OBJREF_EXTENDED)
		return PARSE_OK;
	/* the size says 8 too many in most captures: the octets of the pointer are the bound */
	if (flags != OBJREF_CUSTOM || !rd_uuid(r, &iid) || !uuid_equal(&iid, &kind->iid) ||
	    !rd_uuid(r, &class_id) || !uuid_equal(&class_id, &kind->class_id) ||
	    !rd_u32(r, &extension) || extension || !rd_u32(r, &size))
		return bad_ndr(why);
	*custom = true;
	return PARSE_OK;
}

/* CustomHeader: which properties there are, and their sizes */
static bool header_read(struct bytes object, struct activation_list *ids,
			struct activation_list *sizes)
{
	struct ndr n = ndr_of(object, false, false);
	uint32_t total, length, reserved, context, count;
	uint64_t ids_at, sizes_at, reserved_at;
	struct rpcgate_uuid class_info;

	return ndr_u32(&n, &total) && ndr_u32(&n, &length) && length == object.n + WRAPPER_LEN &&
	       ndr_u32(&n, &reserved) && ndr_u32(&n, &context) && ndr_u32(&n, &count) && count &&
	       count <= ACTIVATION_MAX_PROPERTIES && ndr_uuid(&n, &class_info) &&
	       ndr_pointer(&n, &ids_at) && ids_at && ndr_pointer(&n, &sizes_at) && sizes_at &&
	       ndr_pointer(&n, &reserved_at) && !reserved_at &&
	       list_read(&n, count, UUID_LEN, ids) && list_read(&n, count, 4, sizes) && at_gap(&n);
}

/* One property; the same twice would be one to some readers and the other to the rest */
static bool property_read(struct reader *r, const struct blob_kind *kind,
			  const struct rpcgate_uuid *id, uint32_t size, struct blob *out)
{
	struct bytes property, object;
	struct reader inside;

	if (!rd_bytes(r, size, &property))
		return false;
	inside = reader_of(property, false);
	if (!wrapper_read(&inside, &object))
		return false;
	for (size_t i = 0; i < kind->n_properties; i++) {
		if (!uuid_equal(id, &kind->property[i]))
			continue;
		if (out->has[i])
			return false;
		out->has[i] = true;
		out->object[i] = object;
	}
	return true;
}

/* Everything of a blob but what is inside the properties */
static enum parse blob_read(struct bytes octets, const struct blob_kind *kind, struct blob *out,
			    enum rpcgate_reason *why)
{
	struct reader r = reader_of(octets, false);
	struct activation_list ids, sizes;
	uint32_t size, reserved;
	struct rpcgate_uuid id;
	struct bytes header;
	bool custom;

	*out = (struct blob){ 0 };
	if (objref_read(&r, kind, &custom, why) != PARSE_OK)
		return PARSE_BAD;
	if (!custom) {
		out->unsupported = true;
		return PARSE_OK;
	}
	if (!rd_u32(&r, &size) || !rd_u32(&r, &reserved) || !wrapper_read(&r, &header) ||
	    !header_read(header, &ids, &sizes))
		return bad_ndr(why);
	for (uint32_t i = 0; i < ids.n; i++)
		if (!rd_uuid(&ids.r, &id) || !rd_u32(&sizes.r, &size) ||
		    !property_read(&r, kind, &id, size, out))
			return bad_ndr(why);
	return rd_left(&r) ? bad_ndr(why) : PARSE_OK;
}

/* ---------------------------------------------------------------- requests */

/* ORPCTHIS: version, flags, reserved, causality, extensions */
static enum parse orpcthis_read(struct ndr *n, bool *extended, enum rpcgate_reason *why)
{
	struct rpcgate_uuid causality;
	uint32_t flags, reserved;
	uint64_t extensions;
	uint16_t major;

	if (!version_read(n, &major) || major != COM_MAJOR || !ndr_u32(n, &flags) ||
	    !ndr_u32(n, &reserved) || !ndr_uuid(n, &causality) || !ndr_pointer(n, &extensions))
		return bad_ndr(why);
	*extended = extensions != 0;
	return PARSE_OK;
}

/* InstantiationInfoData (MS-DCOM 2.2.22.2.1) */
static enum parse instantiation_read(struct bytes object, struct activation_request *q,
				     enum rpcgate_reason *why)
{
	struct ndr n = ndr_of(object, false, false);
	uint32_t context, flags, surrogate, count, instance, size;
	uint64_t iids_at;
	uint16_t major;

	if (!ndr_uuid(&n, &q->class_id) || !ndr_u32(&n, &context) || !ndr_u32(&n, &flags) ||
	    !ndr_u32(&n, &surrogate) || !ndr_u32(&n, &count) || !ndr_u32(&n, &instance) ||
	    !ndr_pointer(&n, &iids_at) || !iids_at || !ndr_u32(&n, &size) ||
	    !version_read(&n, &major))
		return bad_ndr(why);
	if (count > ACTIVATION_MAX_IIDS)
		return bad(why, RPCGATE_REASON_LIMIT);
	return list_read(&n, count, UUID_LEN, &q->iids) && at_gap(&n) ? PARSE_OK : bad_ndr(why);
}

/* RemoteGetClassObject and, with an outer object in front, RemoteCreateInstance */
static enum parse scm_request(struct ndr *n, enum activation_call call,
			      struct activation_request *q, enum rpcgate_reason *why)
{
	struct bytes octets;
	uint64_t referent;
	struct blob blob;

	if (call == ACTIVATION_CREATE_INSTANCE &&
	    (!ndr_pointer(n, &referent) || (referent && !interface_pointer_read(n, &octets))))
		return bad_ndr(why);
	if (!ndr_pointer(n, &referent) || !referent || !interface_pointer_read(n, &octets))
		return bad_ndr(why);
	if (blob_read(octets, &properties_in, &blob, why) != PARSE_OK)
		return PARSE_BAD;
	q->unsupported = blob.unsupported;
	return blob.has[INSTANTIATION] ? instantiation_read(blob.object[INSTANTIATION], q, why) :
					 PARSE_OK;
}

/* A name as conformant varying string of UTF-16 */
static enum parse name_read(struct ndr *n, enum rpcgate_reason *why)
{
	uint64_t referent, maximum, offset, actual;
	struct bytes units;

	if (!ndr_pointer(n, &referent))
		return bad_ndr(why);
	if (!referent)
		return PARSE_OK;
	if (!ndr_count(n, &maximum) || !ndr_count(n, &offset) || !ndr_count(n, &actual))
		return bad_ndr(why);
	if (actual > MAX_NAME_UNITS)
		return bad(why, RPCGATE_REASON_LIMIT);
	if (offset || actual > maximum || !ndr_bytes(n, 2 * (size_t)actual, &units))
		return bad_ndr(why);
	return PARSE_OK;
}

/* RemoteActivation up to its IIDs; what follows them is of no use here */
static enum parse old_request(struct ndr *n, struct activation_request *q, enum rpcgate_reason *why)
{
	uint32_t level, mode, count;
	struct bytes octets;
	uint64_t referent;

	if (!ndr_uuid(n, &q->class_id))
		return bad_ndr(why);
	if (name_read(n, why) != PARSE_OK)
		return PARSE_BAD;
	if (!ndr_pointer(n, &referent) || (referent && !interface_pointer_read(n, &octets)) ||
	    !ndr_u32(n, &level) || !ndr_u32(n, &mode) || !ndr_u32(n, &count) ||
	    !ndr_pointer(n, &referent))
		return bad_ndr(why);
	if (count > ACTIVATION_MAX_IIDS)
		return bad(why, RPCGATE_REASON_LIMIT);
	if (referent && !list_read(n, count, UUID_LEN, &q->iids))
		return bad_ndr(why);
	return PARSE_OK;
}

enum parse activation_request_parse(struct ndr stub, enum activation_call call,
				    struct activation_request *out, enum rpcgate_reason *why)
{
	struct activation_request q = { 0 };
	enum parse outcome;

	if (stub.ndr64 && stub.r.big) /* MS-RPCE 2.2.5: NDR64 is little-endian only */
		return bad_ndr(why);
	outcome = orpcthis_read(&stub, &q.unsupported, why);
	if (outcome == PARSE_OK && !q.unsupported)
		outcome = call == ACTIVATION_REMOTE_ACTIVATION ? old_request(&stub, &q, why) :
								 scm_request(&stub, call, &q, why);
	if (outcome == PARSE_OK)
		*out = q;
	return outcome;
}

/* ----------------------------------------------------------------- answers */

/* PropsOutInfo (MS-DCOM 2.2.22.2.9): what each interface asked for came to */
static enum parse props_out_read(struct bytes object, struct activation_answer *a,
				 enum rpcgate_reason *why)
{
	struct ndr n = ndr_of(object, false, false);
	uint64_t iids_at, results_at, pointers_at, conformance;
	uint32_t count;

	if (!ndr_u32(&n, &count) || !ndr_pointer(&n, &iids_at) || !ndr_pointer(&n, &results_at) ||
	    !ndr_pointer(&n, &pointers_at))
		return bad_ndr(why);
	if (count > ACTIVATION_MAX_IIDS)
		return bad(why, RPCGATE_REASON_LIMIT);
	if (!iids_at != !results_at || !iids_at != !pointers_at || (count && !iids_at))
		return bad_ndr(why);
	if (iids_at && (!list_read(&n, count, UUID_LEN, &a->iids) ||
			!list_read(&n, count, 4, &a->results) || !ndr_count(&n, &conformance) ||
			conformance != count || !interface_pointers_read(&n, count)))
		return bad_ndr(why);
	return at_gap(&n) ? PARSE_OK : bad_ndr(why);
}

/* ScmReplyInfoData (MS-DCOM 2.2.22.2.8): where the object exporter listens */
static enum parse scm_reply_read(struct bytes object, struct activation_answer *a,
				 enum rpcgate_reason *why)
{
	struct ndr n = ndr_of(object, false, false);
	uint64_t reserved, reply, oxid, bindings;
	struct rpcgate_uuid ipid;
	uint16_t major;
	uint32_t hint;

	if (!ndr_pointer(&n, &reserved) || reserved || !ndr_pointer(&n, &reply))
		return bad_ndr(why);
	if (reply && (!rd_align(&n.r, 8) || !rd_u64(&n.r, &oxid) || !ndr_pointer(&n, &bindings) ||
		      !ndr_uuid(&n, &ipid) || !ndr_u32(&n, &hint) || !version_read(&n, &major)))
		return bad_ndr(why);
	if (reply && bindings && dual_strings_parse(&n, &a->bindings, why) != PARSE_OK)
		return PARSE_BAD;
	return at_gap(&n) ? PARSE_OK : bad_ndr(why);
}

static enum parse answer_blob(struct bytes octets, struct activation_answer *a,
			      enum rpcgate_reason *why)
{
	struct blob blob;

	if (blob_read(octets, &properties_out, &blob, why) != PARSE_OK)
		return PARSE_BAD;
	a->unsupported = blob.unsupported;
	if (blob.has[PROPERTIES_OUT] &&
	    props_out_read(blob.object[PROPERTIES_OUT], a, why) != PARSE_OK)
		return PARSE_BAD;
	return blob.has[SCM_REPLY] ? scm_reply_read(blob.object[SCM_REPLY], a, why) : PARSE_OK;
}

static enum parse scm_answer(struct ndr *n, struct activation_answer *a, enum rpcgate_reason *why)
{
	struct bytes octets;
	uint64_t referent;
	uint32_t result;

	if (!ndr_pointer(n, &referent) || (referent && !interface_pointer_read(n, &octets)))
		return bad_ndr(why);
	if (referent && answer_blob(octets, a, why) != PARSE_OK)
		return PARSE_BAD;
	if (!ndr_u32(n, &result) || !ndr_at_end(n))
		return bad_ndr(why);
	a->done = !(result & FAILED);
	return PARSE_OK;
}

/* The arrays of RemoteActivation, both as long as the client asked */
static enum parse old_arrays(struct ndr *n, struct activation_answer *a, enum rpcgate_reason *why)
{
	uint64_t count;

	if (!ndr_count(n, &count))
		return bad_ndr(why);
	if (count > ACTIVATION_MAX_IIDS)
		return bad(why, RPCGATE_REASON_LIMIT);
	if (!interface_pointers_read(n, (uint32_t)count) ||
	    !list_read(n, (uint32_t)count, 4, &a->results))
		return bad_ndr(why);
	return PARSE_OK;
}

static enum parse old_answer(struct ndr *n, struct activation_answer *a, enum rpcgate_reason *why)
{
	uint32_t hint, result, status;
	struct rpcgate_uuid ipid;
	uint64_t oxid, referent;
	uint16_t major;

	if (!rd_align(&n->r, 8) || !rd_u64(&n->r, &oxid) || !ndr_pointer(n, &referent))
		return bad_ndr(why);
	if (referent && dual_strings_parse(n, &a->bindings, why) != PARSE_OK)
		return PARSE_BAD;
	if (!ndr_uuid(n, &ipid) || !ndr_u32(n, &hint) || !version_read(n, &major) ||
	    !ndr_u32(n, &result))
		return bad_ndr(why);
	if (old_arrays(n, a, why) != PARSE_OK)
		return PARSE_BAD;
	if (!ndr_u32(n, &status) || !ndr_at_end(n))
		return bad_ndr(why);
	a->done = !status && !(result & FAILED);
	return PARSE_OK;
}

enum parse activation_answer_parse(struct ndr stub, enum activation_call call,
				   struct activation_answer *out, enum rpcgate_reason *why)
{
	struct activation_answer a = { 0 };
	uint64_t extensions;
	enum parse outcome;
	uint32_t flags;

	if ((stub.ndr64 && stub.r.big) || !ndr_u32(&stub, &flags) ||
	    !ndr_pointer(&stub, &extensions))
		return bad_ndr(why);
	if (extensions) {
		*out = (struct activation_answer){ .unsupported = true };
		return PARSE_OK;
	}
	outcome = call == ACTIVATION_REMOTE_ACTIVATION ? old_answer(&stub, &a, why) :
							 scm_answer(&stub, &a, why);
	if (outcome == PARSE_OK)
		*out = a;
	return outcome;
}

/* --------------------------------------------------------- asked and given */

static bool uuid_at(const struct activation_list *list, uint32_t i, struct rpcgate_uuid *out)
{
	struct reader r = list->r;

	return i < list->n && rd_skip(&r, (size_t)i * UUID_LEN) && rd_uuid(&r, out);
}

/* S_OK alone gives an interface */
static bool given_at(const struct activation_list *results, uint32_t i)
{
	struct reader r = results->r;
	uint32_t result;

	return i < results->n && rd_skip(&r, (size_t)i * 4) && rd_u32(&r, &result) && !result;
}

static bool given(const struct activation_answer *a, const struct rpcgate_uuid *iid)
{
	struct rpcgate_uuid other;

	for (uint32_t i = 0; uuid_at(&a->iids, i, &other); i++)
		if (uuid_equal(iid, &other) && given_at(&a->results, i))
			return true;
	return false;
}

bool activation_next(const struct activation_request *request,
		     const struct activation_answer *answer, uint32_t *i, struct rpcgate_uuid *out)
{
	/* RemoteActivation answers by position, and only to all that was asked */
	bool by_position = !answer->iids.n && answer->results.n == request->iids.n;
	struct rpcgate_uuid iid;

	while (uuid_at(&request->iids, *i, &iid)) {
		bool yes = by_position ? given_at(&answer->results, *i) : given(answer, &iid);

		(*i)++;
		if (yes) {
			*out = iid;
			return true;
		}
	}
	return false;
}
