/* SPDX-License-Identifier: GPL-3.0-or-later */
/* labeller.c - the only file that knows nDPI
 *
 * Between its versions 4.2 and 5.0 nDPI changed its calls; the shim below is all that knows.  It is
 * run with 4.2; the branches for later versions have not been run.
 */
#include <stdlib.h>
#include <string.h>

/* nDPI's headers are not made for these warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wvariadic-macros"
#include <ndpi_api.h>
#pragma GCC diagnostic pop

#include "labeller.h"

#define PACKETS_MAX 8 /* nDPI names most protocols in the first two payloads */
#define FLOWS_MAX 64  /* waiting at a time; a flow structure has about 1 KiB */
#define NAMES_MAX 4096
#define NS_PER_MS 1000000

#define NDPI_AT_LEAST(major, minor)                                                                \
	(NDPI_MAJOR > (major) || (NDPI_MAJOR == (major) && NDPI_MINOR >= (minor)))

/* ------------------------------------------------------------------- the shim */

#if !NDPI_AT_LEAST(5, 0)
/* What may well be served on a dynamic port of a Windows host or a plant.  With its games, players
 * and messengers nDPI takes twice as long for a connection that it cannot name, and calls one
 * in 4,000 that are noise "TargusDataspeed". */
static const char *const expected[] = {
	"AFP",        "AJP",        "AMQP",       "AnyDesk",    "BitTorrent", "CHECKMK",
	"Cassandra",  "Citrix",     "Corba",      "DCE_RPC",    "DNP3",       "DNS",
	"DRDA",       "Diameter",   "DoH_DoT",    "EthernetIP", "FIX",        "FortiClient",
	"Git",        "H323",       "HP_VIRTGRP", "HTTP",       "HTTP_Proxy", "IEC60870",
	"IMAP",       "IMAPS",      "IPP",        "IRC",        "Jabber",     "Kerberos",
	"LDAP",       "LotusNotes", "MQTT",       "Memcached",  "Mining",     "Modbus",
	"MongoDB",    "MsSQL-TDS",  "MySQL",      "NFS",        "NetBIOS",    "OCS",
	"OpenVPN",    "Oracle",     "POP3",       "POPS",       "PPTP",       "PostgreSQL",
	"RDP",        "RSYNC",      "RTMP",       "RTSP",       "Radius",     "Redis",
	"SAP",        "SIP",        "SMBv1",      "SMBv23",     "SMTP",       "SMTPS",
	"SOAP",       "SOCKS",      "SSH",        "STUN",       "Syslog",     "TLS",
	"TeamViewer", "Telnet",     "Tor",        "VMware",     "VNC",        "WebSocket",
	"ZeroMQ",     "Zabbix",     "s7comm",
};

static void set_expected(struct ndpi_detection_module_struct *module)
{
	NDPI_PROTOCOL_BITMASK mask;

	NDPI_BITMASK_RESET(mask);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		int id = ndpi_get_protocol_id(module, (char *)(uintptr_t)expected[i]);

		if (id > 0)
			NDPI_BITMASK_ADD(mask, (unsigned)id);
	}
	ndpi_set_protocol_detection_bitmask2(module, &mask);
}
#endif

static struct ndpi_detection_module_struct *module_new(void)
{
	struct ndpi_detection_module_struct *module;

#if NDPI_AT_LEAST(4, 10)
	module = ndpi_init_detection_module(NULL);
#else
	/* neither lists of hosts nor what only QUIC needs */
	module = ndpi_init_detection_module(ndpi_dont_load_tor_hosts | ndpi_dont_init_libgcrypt);
#endif
	if (!module)
		return NULL;
#if !NDPI_AT_LEAST(5, 0)
	set_expected(module);
#endif
	ndpi_finalize_initialization(module);
	return module;
}

static ndpi_protocol module_packet(struct ndpi_detection_module_struct *module,
				   struct ndpi_flow_struct *flow, const uint8_t *ip, uint16_t n,
				   uint64_t time_ms)
{
#if NDPI_AT_LEAST(4, 6)
	return ndpi_detection_process_packet(module, flow, ip, n, time_ms, NULL);
#else
	return ndpi_detection_process_packet(module, flow, ip, n, time_ms);
#endif
}

/* The protocol, not the service behind it (TLS, not who is called by TLS); 0 is "unknown". */
static uint16_t protocol_id(ndpi_protocol protocol)
{
#if NDPI_AT_LEAST(4, 12)
	return protocol.proto.master_protocol ? protocol.proto.master_protocol :
						protocol.proto.app_protocol;
#else
	return protocol.master_protocol ? protocol.master_protocol : protocol.app_protocol;
#endif
}

/* The last word.  What nDPI would only guess, from ports or addresses, does not count. */
static uint16_t module_give_up(struct ndpi_detection_module_struct *module,
			       struct ndpi_flow_struct *flow)
{
	u_int8_t guessed = 0;
	uint16_t id;

#if NDPI_AT_LEAST(4, 10)
	id = protocol_id(ndpi_detection_giveup(module, flow, &guessed));
#else
	id = protocol_id(ndpi_detection_giveup(module, flow, 0, &guessed));
#endif
	return guessed ? 0 : id;
}

/* ------------------------------------------------------------------- the flows */

struct waiting {
	uint64_t flow_id; /* 0: free */
	struct ndpi_flow_struct *flow;
	unsigned int packets;
};

struct named {
	uint64_t flow_id;
	const char *name;
};

struct labeller {
	struct ndpi_detection_module_struct *module;
	bool failed; /* nDPI could not be started */
	size_t flow_octets;
	size_t n_unnamed; /* given up, or waiting */
	struct waiting waiting[FLOWS_MAX];
	struct ndpi_flow_struct *spare[FLOWS_MAX]; /* let go, to be used again */
	size_t n_spare;
	struct named named[NAMES_MAX]; /* by the low bits of the id: the newest stays */
};

struct labeller *labeller_new(void)
{
	return calloc(1, sizeof(struct labeller));
}

static void release(struct labeller *l, struct waiting *waiting)
{
	ndpi_free_flow_data(waiting->flow);
	memset(waiting->flow, 0, l->flow_octets);
	l->spare[l->n_spare++] = waiting->flow;
	*waiting = (struct waiting){ 0 };
}

/* A flow structure of nDPI, all zeroes.  They are used again: allocating one costs more than what
 * nDPI does with it. */
static struct ndpi_flow_struct *new_flow(struct labeller *l)
{
	struct ndpi_flow_struct *flow;

	if (l->n_spare)
		return l->spare[--l->n_spare];
	flow = ndpi_flow_malloc(l->flow_octets);
	if (flow)
		memset(flow, 0, l->flow_octets);
	return flow;
}

void labeller_free(struct labeller *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < FLOWS_MAX; i++)
		if (l->waiting[i].flow_id)
			release(l, &l->waiting[i]);
	for (size_t i = 0; i < l->n_spare; i++)
		ndpi_flow_free(l->spare[i]);
	if (l->module)
		ndpi_exit_detection_module(l->module);
	free(l);
}

static bool start_module(struct labeller *l)
{
	if (!l->module && !l->failed) {
		l->module = module_new();
		l->flow_octets = ndpi_detection_get_sizeof_ndpi_flow_struct();
		l->failed = !l->module;
	}
	return l->module;
}

/* Flows are numbered as they begin: the one that has waited for 64 others gives way */
static struct waiting *place_of(struct labeller *l, uint64_t flow_id)
{
	return &l->waiting[flow_id % FLOWS_MAX];
}

static struct waiting *add_waiting(struct labeller *l, uint64_t flow_id)
{
	struct waiting *place = place_of(l, flow_id);
	struct ndpi_flow_struct *flow;

	if (!start_module(l))
		return NULL;
	if (place->flow_id)
		release(l, place);
	flow = new_flow(l);
	if (!flow)
		return NULL;
	*place = (struct waiting){ .flow_id = flow_id, .flow = flow };
	l->n_unnamed++;
	return place;
}

static enum labeller_state settle(struct labeller *l, struct waiting *waiting, uint16_t id)
{
	uint64_t flow_id = waiting->flow_id;

	release(l, waiting);
	if (!id)
		return LABELLER_UNKNOWN;
	l->n_unnamed--;
	l->named[flow_id % NAMES_MAX] = (struct named){
		.flow_id = flow_id,
		.name = ndpi_get_proto_name(l->module, id),
	};
	return LABELLER_NAMED;
}

enum labeller_state labeller_packet(struct labeller *l, uint64_t flow_id, bool start,
				    const uint8_t *ip, size_t n, uint64_t time_ns)
{
	struct waiting *waiting = place_of(l, flow_id);
	uint16_t id;

	if (waiting->flow_id != flow_id) {
		if (!start || labeller_name(l, flow_id))
			return LABELLER_STRANGER;
		waiting = add_waiting(l, flow_id);
		if (!waiting)
			return LABELLER_STRANGER;
	}
	if (!n)
		return LABELLER_WAITING;
	id = protocol_id(module_packet(l->module, waiting->flow, ip,
				       (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX),
				       time_ns / NS_PER_MS));
	if (!id && ++waiting->packets < PACKETS_MAX)
		return LABELLER_WAITING;
	if (!id)
		id = module_give_up(l->module, waiting->flow);
	return settle(l, waiting, id);
}

const char *labeller_name(const struct labeller *l, uint64_t flow_id)
{
	const struct named *named = &l->named[flow_id % NAMES_MAX];

	return named->flow_id == flow_id ? named->name : NULL;
}

size_t labeller_unnamed(const struct labeller *l)
{
	return l->n_unnamed;
}
