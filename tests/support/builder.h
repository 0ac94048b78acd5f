/* SPDX-License-Identifier: GPL-3.0-or-later */
/* builder.h - conversations made to order: TCP connections with DCE/RPC on top
 *
 * Three floors, each usable alone: a TCP connection that keeps its own sequence numbers and
 * appends packets to a list; DCE/RPC PDUs (C706 chapter 12, MS-RPCE 2.2) appended to octets;
 * stubs of the endpoint mapper (C706 appendices I, L and O) and protocol towers.
 *
 * Everything is well-formed unless the caller asks otherwise: hostile input is made by changing
 * the octets afterwards, which keeps the place of the lie visible in the test.
 */
#ifndef SUPPORT_BUILDER_H
#define SUPPORT_BUILDER_H

#include "packets.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -------------------------------------------------------------------- TCP */

enum side { CLIENT, SERVER };

struct peer {
	struct rpcgate_addr addr;
	uint16_t port;
	uint32_t seq;   /* of the next octet it sends */
	uint32_t acked; /* last number it acknowledged */
};

/** One connection.  Each packet takes step_ns on the clock, which connections may share. */
struct conn {
	struct packets *out;
	struct framing how;
	struct peer peer[2];
	uint64_t *clock_ns;
	uint64_t step_ns;
	size_t mss;
	uint16_t id; /* IP identification of the next packet */
};

/** Name both ends; sequence numbers start at 1000 and 5000, change peer[].seq to choose others. */
void conn_init(struct conn *c, struct packets *out, uint64_t *clock_ns, const char *client,
	       uint16_t client_port, const char *server, uint16_t server_port);
void conn_open(struct conn *c);
/** Send @p n octets in segments of at most mss; the other side acknowledges at the end. */
void conn_send(struct conn *c, enum side from, const void *data, size_t n);
/** The same without the acknowledgement. */
void conn_data(struct conn *c, enum side from, const void *data, size_t n);
/** One bare acknowledgement of everything the other side sent. */
void conn_ack(struct conn *c, enum side from);
/** FIN of one side, the FIN of the other and the last acknowledgement. */
void conn_close(struct conn *c, enum side from);
void conn_reset(struct conn *c, enum side from);
/** A segment as @p from would send it now; change what is to be odd and give it to conn_put(). */
struct segment conn_segment(struct conn *c, enum side from, const void *data, size_t n);
/** Append a segment as it is.  The connection's numbers do not move. */
void conn_put(struct conn *c, const struct segment *seg);
/** A segment @p offset octets from the next one (negative: sent already); numbers do not move. */
void conn_at(struct conn *c, enum side from, int32_t offset, const void *data, size_t n);
/** Count @p n octets as sent that were put by hand. */
void conn_skip(struct conn *c, enum side from, size_t n);

/* ------------------------------------------------------------------- PDUs */

enum ptype {
	PTYPE_REQUEST = 0,
	PTYPE_RESPONSE = 2,
	PTYPE_FAULT = 3,
	PTYPE_BIND = 11,
	PTYPE_BIND_ACK = 12,
	PTYPE_BIND_NAK = 13,
	PTYPE_ALTER = 14,
	PTYPE_ALTER_RESP = 15,
	PTYPE_AUTH3 = 16
};

#define PDU_HEADER 16
#define PDU_CALL_HEAD 24 /* of requests and responses, object UUID not counted */

/** What every PDU has.  pdu_plain: minor 0, FIRST and LAST, little-endian, call 1. */
struct head {
	uint8_t minor;
	uint8_t flags;
	bool big;
	uint32_t call_id;
};
extern const struct head head_plain;

/** A sec_trailer and its value (MS-RPCE 2.2.2.11). */
struct auth {
	uint8_t type, level;
	uint32_t context;
	const void *value;
	uint16_t len;
};

/** One presentation context asked for. */
struct offer {
	uint16_t id;
	struct rpcgate_syntax abstract;
	uint8_t n_transfer;
	const struct rpcgate_syntax *transfer;
};

/** One answer to an offer. */
struct answer {
	uint16_t result, reason;
	struct rpcgate_syntax transfer;
};

extern const struct rpcgate_syntax syntax_ndr, syntax_ndr64, syntax_features, syntax_nil;
extern const struct rpcgate_syntax iface_epm, iface_mgmt, iface_samr, iface_lsarpc, iface_drsuapi,
	iface_svcctl, iface_oxid;

void put_uuid(struct octets *o, const struct rpcgate_uuid *uuid, bool big);
void put_syntax(struct octets *o, const struct rpcgate_syntax *s, bool big);

/* auth may be NULL in all of these */
void pdu_bind(struct octets *o, const struct head *h, enum ptype type, const struct offer *offers,
	      size_t n, const struct auth *auth);
void pdu_bind_ack(struct octets *o, const struct head *h, enum ptype type, const char *secondary,
		  const struct answer *answers, size_t n, const struct auth *auth);
void pdu_bind_nak(struct octets *o, const struct head *h, uint16_t reason);
void pdu_auth3(struct octets *o, const struct head *h, const struct auth *auth);

/** A request or response as one fragment. */
struct call {
	enum ptype type;
	uint16_t context_id;
	uint16_t opnum;                    /* requests */
	const struct rpcgate_uuid *object; /* requests; NULL: none */
	const struct auth *auth;
};

void pdu_call(struct octets *o, const struct head *h, const struct call *call, const void *stub,
	      size_t n);
/** The same in fragments of at most @p most octets of stub. */
void pdu_call_fragments(struct octets *o, const struct head *h, const struct call *call,
			const void *stub, size_t n, size_t most);
void pdu_fault(struct octets *o, const struct head *h, uint16_t context_id, uint32_t status);

/* ----------------------------------------------------------------- towers */

enum protocol_id {
	FLOOR_UUID = 0x0d,
	FLOOR_CONNECTION = 0x0b,
	FLOOR_DATAGRAM = 0x0a,
	FLOOR_LOCAL = 0x0c,
	FLOOR_TCP = 0x07,
	FLOOR_UDP = 0x08,
	FLOOR_IP = 0x09,
	FLOOR_PIPE = 0x0f,
	FLOOR_LRPC = 0x10,
	FLOOR_NETBIOS = 0x11,
	FLOOR_HTTP = 0x1f
};

/** Towers begin with their floor count; floors are then appended one by one. */
void tower_begin(struct octets *o, unsigned floors);
void tower_syntax(struct octets *o, const struct rpcgate_syntax *s);
void tower_floor(struct octets *o, unsigned protocol, const void *rhs, size_t n);
/** Five floors: interface, NDR, connection-oriented, TCP (or HTTP) port, IPv4 address. */
void tower_ip(struct octets *o, const struct rpcgate_syntax *iface, unsigned protocol,
	      uint16_t port, const char *address);
void tower_pipe(struct octets *o, const struct rpcgate_syntax *iface, const char *pipe,
		const char *host);
void tower_lrpc(struct octets *o, const struct rpcgate_syntax *iface, const char *name);

/* -------------------------------------------------------- endpoint mapper */

/** How arguments are laid out: byte order, and NDR64 instead of NDR. */
struct ndr {
	bool big;
	bool wide;
};

enum epm_opnum { EPT_INSERT = 0, EPT_LOOKUP = 2, EPT_MAP = 3, EPT_LOOKUP_FREE = 4 };

#define EPT_NOT_REGISTERED 0x16c9a0d6U

/** One entry of a listing. */
struct entry {
	struct octets tower;
	const char *annotation;
};

void epm_map_request(struct octets *o, struct ndr ndr, const struct octets *tower,
		     uint32_t max_towers);
void epm_map_response(struct octets *o, struct ndr ndr, const struct octets *towers, size_t n,
		      uint32_t max_towers, uint32_t status);
void epm_lookup_request(struct octets *o, struct ndr ndr, uint32_t max_entries);
void epm_lookup_response(struct octets *o, struct ndr ndr, const struct entry *entries, size_t n,
			 uint32_t max_entries, uint32_t status);

/* ---------------------------------------------------------- conversations */

/** Bind one interface with NDR as context 0 and accept it. */
void talk_bind(struct conn *c, const struct rpcgate_syntax *iface, uint32_t call_id);
/** Add one interface by alter_context under @p id and accept it. */
void talk_alter(struct conn *c, const struct rpcgate_syntax *iface, uint16_t id, uint32_t call_id);
/** Ask on an open, bound mapper connection where @p iface is. */
void talk_ask(struct conn *c, const struct rpcgate_syntax *iface, uint32_t call_id);
/** Answer it with one TCP tower. */
void talk_answer(struct conn *c, const struct rpcgate_syntax *iface, uint32_t call_id,
		 uint16_t port, const char *address);
/** A whole mapper connection: open, bind, ask, answer, close. */
void talk_map(struct conn *c, const struct rpcgate_syntax *iface, uint16_t port,
	      const char *address);
/** A whole connection to a service: open, bind, one call, close. */
void talk_service(struct conn *c, const struct rpcgate_syntax *iface);

#endif
