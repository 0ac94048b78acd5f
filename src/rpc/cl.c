/* SPDX-License-Identifier: BSD-2-Clause */
#include "cl.h"
#include "uuid.h"

#define DREP_LITTLE 0x10

/* Octets 0 to 7, single octets all of them: what they say is known before the byte order is */
static bool first_read(struct bytes in, struct cl_pdu *out)
{
	if (in.n < CL_HEADER_LEN || in.p[0] != 4 || in.p[1] > CL_CANCEL_ACK ||
	    in.p[4] & ~DREP_LITTLE || in.p[5] || in.p[6])
		return false;
	out->ptype = in.p[1];
	out->flags1 = in.p[2];
	out->flags2 = in.p[3];
	out->big = !(in.p[4] & DREP_LITTLE);
	return true;
}

static bool rest_read(struct reader *r, struct cl_pdu *out, uint16_t *length)
{
	uint32_t version;

	/* hints are for the peers; the serial number is for their flow control */
	bool fits = rd_skip(r, 8) && rd_uuid(r, &out->object) && rd_uuid(r, &out->interface.uuid) &&
		    rd_uuid(r, &out->activity) && rd_u32(r, &out->server_boot) &&
		    rd_u32(r, &version) && rd_u32(r, &out->sequence) && rd_u16(r, &out->opnum) &&
		    rd_skip(r, 4) && rd_u16(r, length) && rd_u16(r, &out->fragment) &&
		    rd_u8(r, &out->auth_protocol) && rd_skip(r, 1);

	if (fits) {
		out->interface.major = (uint16_t)version;
		out->interface.minor = (uint16_t)(version >> 16);
	}
	return fits;
}

static enum parse parse(struct bytes datagram, bool whole, struct cl_pdu *out)
{
	struct cl_pdu pdu = { 0 };
	uint16_t length;
	struct reader r;

	if (!first_read(datagram, &pdu))
		return PARSE_BAD;
	r = reader_of(datagram, pdu.big);
	if (!rest_read(&r, &pdu, &length) || (whole && !rd_bytes(&r, length, &pdu.body)))
		return PARSE_BAD;
	*out = pdu;
	return PARSE_OK;
}

enum parse cl_parse(struct bytes datagram, struct cl_pdu *out)
{
	return parse(datagram, true, out);
}

enum parse cl_header_parse(struct bytes datagram, struct cl_pdu *out)
{
	return parse(datagram, false, out);
}
