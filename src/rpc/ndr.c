/* SPDX-License-Identifier: BSD-2-Clause */
#include "ndr.h"
#include "uuid.h"

struct ndr ndr_of(struct bytes stub, bool big, bool ndr64)
{
	return (struct ndr){ reader_of(stub, big), ndr64 };
}

/* The size of what grew from NDR to NDR64: referent ids and the counts of arrays. */
static size_t wide(const struct ndr *n)
{
	return n->ndr64 ? 8 : 4;
}

bool ndr_u16(struct ndr *n, uint16_t *out)
{
	return rd_align(&n->r, 2) && rd_u16(&n->r, out);
}

bool ndr_u32(struct ndr *n, uint32_t *out)
{
	return rd_align(&n->r, 4) && rd_u32(&n->r, out);
}

bool ndr_count(struct ndr *n, uint64_t *count)
{
	uint32_t narrow;

	if (!rd_align(&n->r, wide(n)))
		return false;
	if (n->ndr64)
		return rd_u64(&n->r, count);
	if (!rd_u32(&n->r, &narrow))
		return false;
	*count = narrow;
	return true;
}

bool ndr_pointer(struct ndr *n, uint64_t *id)
{
	return ndr_count(n, id);
}

bool ndr_uuid(struct ndr *n, struct rpcgate_uuid *out)
{
	return rd_align(&n->r, 4) && rd_uuid(&n->r, out);
}

bool ndr_struct_align(struct ndr *n)
{
	return rd_align(&n->r, wide(n));
}

bool ndr_handle(struct ndr *n, bool *is_null)
{
	struct rpcgate_uuid uuid;
	uint32_t attributes;

	if (!ndr_u32(n, &attributes) || !ndr_uuid(n, &uuid))
		return false;
	*is_null = !attributes && uuid_is_nil(&uuid);
	return true;
}

bool ndr_bytes(struct ndr *n, size_t len, struct bytes *out)
{
	return rd_bytes(&n->r, len, out);
}

bool ndr_at_end(const struct ndr *n)
{
	return rd_left(&n->r) == 0;
}
