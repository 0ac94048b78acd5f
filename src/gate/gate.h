/* SPDX-License-Identifier: BSD-2-Clause */
/* gate.h - the engine's insides, shared by the files of this layer
 *
 *	engine	its start and its end
 *	feed	packets, one by one or many at a time, and the time that they bring
 *	connection	flows from their first packets to their ends
 *	segment	TCP: finds the flow, keeps both streams, asks the others
 *	conv	one RPC conversation: cuts PDUs
 *	association	contexts that are asked for, and accepted
 *	calls	requests, and answers tied to them
 *	datagram	the mapper over UDP
 *	talk	calls over UDP, through pinholes that a rule asked for
 *	pipe	binds inside SMB pipes, which are told and not judged
 *	suspect	binds in a conversation whose beginning was an earlier engine's
 *	tunnel	channels of RPC over HTTP v2 and where they lead
 *	learn	answers of the mapper become bindings and pinholes
 *	judge	contexts asked for become verdicts
 *	policy	what rules say to that (policy.h)
 *	pinhole	permissions, each with an end
 *	syntax	interfaces that they are for, each kept once
 *	binding	what servers announced, a record
 *	admit	first packets become connections, or are refused
 *	inventory	what is open and known, listed, restored, closed, judged again
 *	event	what is told to the caller
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "addr.h"
#include "activation.h"
#include "arena.h"
#include "bind.h"
#include "call.h"
#include "datagram.h"
#include "epm.h"
#include "flow.h"
#include "fragment.h"
#include "hash.h"
#include "lease.h"
#include "oxid.h"
#include "pdu.h"
#include "pipe.h"
#include "pool.h"
#include "ports.h"
#include "recent.h"
#include "rpcgate.h"
#include "suspect.h"
#include "table.h"
#include "talk.h"
#include "tunnel.h"
#include "uuid.h"

#define NS_PER_S UINT64_C(1000000000)

/* Interfaces whose answers announce endpoints */
enum mapper_kind {
	MAPPER_NONE,
	MAPPER_EPM,        /* epmapper */
	MAPPER_OXID,       /* IObjectExporter */
	MAPPER_ACTIVATION, /* IRemoteActivation */
	MAPPER_SCM         /* IRemoteSCMActivator */
};

/* A presentation context of one connection */
struct context {
	uint32_t next;
	uint32_t call_id; /* of the offer, while it is not answered */
	uint16_t id;
	uint16_t position; /* in the offer */
	struct rpcgate_syntax interface;
	struct rpcgate_syntax transfer; /* the first offered; the accepted one once accepted */
	uint8_t offers;                 /* set of enum offer */
	uint8_t base_verdict;           /* enum rpcgate_verdict: before the rules */
	uint8_t base_reason;            /* enum rpcgate_reason */
	uint8_t verdict;                /* enum rpcgate_verdict */
	bool accepted;
	bool calls;     /* a rule wants its requests judged */
	bool poisoned;  /* the id stands for two interfaces: nothing is learned through it */
	uint8_t mapper; /* enum mapper_kind */
};

enum offer { OFFER_NDR = 1, OFFER_NDR64 = 2, OFFER_FEATURES = 4, OFFER_OTHER = 8 };

/* A call to the mapper, from its request to its answer */
struct call {
	uint32_t next;
	uint32_t call_id;
	struct joined request;
	struct joined response;
	uint8_t mapper; /* enum mapper_kind of the context it was made on */
};

/* One direction of a conversation */
struct half {
	struct buffer partial;  /* a PDU torn between segments */
	uint64_t since_ns;      /* when its first octets came */
	uint32_t skip;          /* octets of an uninteresting PDU still to come */
	uint32_t call_id;       /* of the call whose fragments come, if its bodies are skipped */
	bool in_call;           /* there is such a call */
	bool call_big;          /* its byte order */
	bool begun;             /* a PDU or the ncacn_http banner was read */
	bool admitted;          /* the header of the partial PDU was looked at */
	bool resync;            /* after a hole: wait for a segment that begins with a PDU */
	struct suspect suspect; /* of a resumed conversation */
};

struct conv {
	struct half half[2];
	uint32_t contexts; /* list, in order of appearance */
	uint32_t calls;
	uint32_t n_contexts;
	uint32_t n_calls;
	uint32_t pdus;
	uint32_t binds;       /* contexts asked for */
	uint32_t accepted;    /* contexts the server accepted */
	uint32_t assoc_group; /* asked for in the bind */
	uint32_t tunnel;      /* RPC over HTTP v2; 0: none */
	uint16_t most_octets; /* of a fragment, as negotiated; 0: the usual */
	uint8_t why;          /* first reason of trouble */
	uint8_t auth_level;   /* the lowest that was negotiated; 0: none was */
	bool calls_judged;    /* some context's requests are judged */
	bool rpc;             /* the first PDU was recognised */
	bool has_bind;
	bool long_told; /* a fragment beyond what was negotiated was told */
	bool bound;     /* by a bind that was not refused: there is no second one */
	bool mapper;    /* a mapper interface was asked for on it */
	bool resumed;   /* its beginning was an earlier engine's: see suspect.h */
	bool gap;       /* framing was lost in a hole and found again: nothing is believed */
	bool dead;      /* nothing more is read */
	bool stranger;  /* not RPC after all */
	bool approved;  /* some context was allowed */
	bool sealed_told;
	bool forgot; /* a call was let go before its end: what is left of it asks nothing */
};

/* Interfaces, each kept once: see syntax.c */
struct syntaxes {
	struct pool pool;
	struct table table;
};

struct pinholes {
	struct pool pool;
	struct pool grants; /* those that have no place in their pinhole */
	struct pool peers;
	struct syntaxes syntaxes;
	struct leases leases;
	struct hash_sums sums; /* of keys that are longer than those of leases */
	struct table peer_table;
	uint32_t n_grants;   /* in all places */
	uint32_t sweep;      /* the last one looked at */
	uint32_t sweep_left; /* of this slice */
	uint64_t last_id;
};

struct ties {
	struct pool pool;
	struct table table;
	uint32_t oldest;
};

struct bindings {
	struct pool pool;
	struct table table;
	struct table services; /* by server and interface: the record of the latest port */
	uint32_t oldest;
	uint32_t newest;
};

#define PORT_WORDS (UINT16_MAX / 64 + 1)
#define RESIDENT_PARTS 27U /* see resident.c */

struct rpcgate {
	struct rpcgate_config cfg;
	struct hash_key key;
	struct hash_sums sums; /* of keys of at most ten words, in the tables of this layer */
	struct arena arena;
	struct ports ports;
	struct flows flows;
	struct fragments fragments;
	struct pool convs;
	struct pool contexts;
	struct pool calls;
	struct pool tunnels;
	struct pairs pairs;
	struct pinholes pinholes;
	struct bindings bindings;
	struct ties ties;
	struct datagrams datagrams;
	struct talks talks;
	struct pipes pipes;
	struct recent announced;             /* see admit.c */
	const struct rpcgate_policy *policy; /* the caller's; NULL: what was learned is allowed */
	struct rpcgate_event *events;
	size_t n_told; /* events of earlier packets of the same call, in front of what is told now */
	struct rpcgate_result result;
	struct rpcgate_stats stats;
	uint64_t now_ns;      /* the engine's clock: never goes back */
	uint64_t behind_ns;   /* now_ns minus capture time; grows when captured time steps back */
	uint64_t event_ns;    /* capture time of what is being read */
	uint64_t sweep_ns;    /* when the last slice was swept */
	uint64_t limits_told; /* a bit for each limit already reported */
	uint64_t reserved[PORT_WORDS];   /* a bit for each port of cfg.reserved */
	size_t resident[RESIDENT_PARTS]; /* octets of each table that were touched ahead of use */
};

#define EVENTS_BEFORE 64U /* of earlier packets of a call, beside those of the last */

/** What is told of a packet begins with nothing: it passes. */
static inline void result_begin(struct rpcgate *g)
{
	g->result =
		(struct rpcgate_result){ .action = RPCGATE_PASS, .events = g->events + g->n_told };
}

#define CONTEXT_AT(g, i) ((struct context *)pool_at(&(g)->contexts, (i)))
#define CALL_AT(g, i) ((struct call *)pool_at(&(g)->calls, (i)))
#define TUNNEL_AT(g, i) ((struct tunnel *)pool_at(&(g)->tunnels, (i)))
#define CONV_AT(g, i) ((struct conv *)pool_at(&(g)->convs, (i)))

static inline const struct rpcgate_addr *client_addr(const struct flow *f)
{
	return &f->key.addr[f->client & 1];
}

static inline const struct rpcgate_addr *server_addr(const struct flow *f)
{
	return &f->key.addr[!(f->client & 1)];
}

static inline uint16_t client_port(const struct flow *f)
{
	return f->key.port[f->client & 1];
}

static inline uint16_t server_port(const struct flow *f)
{
	return f->key.port[!(f->client & 1)];
}

bool port_listed(const struct rpcgate_port_list *list, uint16_t port);
/** True in the dynamic range: the configured one, else that of Windows since Vista. */
bool is_dynamic_port(const struct rpcgate *g, uint16_t port);

/** Note which ports are reserved, of a configuration that is new. */
void ports_reserve(struct rpcgate *g);

/** Of some twenty ranges, and asked of each announcement. */
static inline bool is_reserved_port(const struct rpcgate *g, uint16_t port)
{
	return g->reserved[port / 64] >> port % 64 & 1;
}

static inline bool is_mapper_port(const struct rpcgate *g, uint16_t port)
{
	return port_listed(&g->cfg.mapper_ports, port);
}

/* -------------------------------------------------------------------- event */

/** Engine time as capture time. */
static inline uint64_t captured_ns(const struct rpcgate *g, uint64_t ns)
{
	return ns > g->behind_ns ? ns - g->behind_ns : 0;
}

/** A new event about @p f (NULL: about none), zeroed but for the common part.  When the caller's
 *  call is full it goes nowhere and is counted. */
struct rpcgate_event *event_new(struct rpcgate *g, enum rpcgate_event_type type,
				const struct flow *f);
/** True if @p n more events fit. */
bool event_room(const struct rpcgate *g, size_t n);
/** Something refused or suspicious. */
struct rpcgate_alert_event *event_alert(struct rpcgate *g, const struct flow *f,
					enum rpcgate_reason reason);
/** A limit was reached: counted each time, told once. */
void event_limit(struct rpcgate *g, unsigned which, const char *detail);
/** The end of an RPC flow. */
void event_flow(struct rpcgate *g, const struct flow *f, const struct conv *c,
		enum rpcgate_flow_state state);

enum limit {
	LIMIT_FLOWS,
	LIMIT_CONTEXTS,
	LIMIT_CALLS,
	LIMIT_STUB,
	LIMIT_PDU,
	LIMIT_ISLANDS,
	LIMIT_BUFFERS,
	LIMIT_PINHOLES,
	LIMIT_CLIENT,
	LIMIT_SERVER,
	LIMIT_INTERFACES,
	LIMIT_BINDINGS,
	LIMIT_EVENTS,
	LIMIT_UDP_CALLS,
	LIMIT_UDP_TALKS,
	LIMIT_TUNNELS
};

/* ------------------------------------------------------------------ pinhole */

struct pinhole_key {
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	uint32_t zone;
	uint16_t port;
	uint8_t proto;
	uint8_t zero;
};

/** One interface of a pinhole. */
struct grant {
	uint64_t learned_ns; /* the last announcement */
	uint64_t until_ns;
	uint64_t parent; /* flow that announced it */
	uint32_t next;
	uint32_t interface; /* which, see pinhole_interface() */
	uint32_t uses;
	uint8_t source;  /* enum rpcgate_source */
	bool in_use : 1; /* the place is */
	bool open : 1;   /* not yet expired */
	bool closed : 1; /* by the server, before its time */
};

/** A line of cache, with all that belongs to it where it is for one interface, as most are.  Its
 *  addresses and its zone are those of its peers. */
struct pinhole {
	struct grant first;
	uint64_t id;
	uint32_t client; /* peers */
	uint32_t server;
	uint32_t grants; /* list; an index up to that of the last pinhole is that one's first */
	uint16_t port;
	unsigned n_open : 15; /* limit.interfaces is less */
	bool udp : 1;
};

MUST_USE bool pinholes_init(struct rpcgate *g);
void pinholes_done(struct rpcgate *g);
/** Ports on which a packet of no known flow may matter without any pinhole: mappers as configured,
 *  pipes.  Off before the configuration changes, on behind it. */
void pinholes_mark_ports(struct rpcgate *g, bool on);

struct pinhole_key pinhole_key_of(const struct flow *f, uint16_t port);
/** The key it was opened with. */
struct pinhole_key pinhole_key(const struct rpcgate *g, const struct pinhole *p);
/** What a grant is for. */
const struct rpcgate_syntax *pinhole_interface(const struct rpcgate *g, const struct grant *grant);
/** One will be looked for soon: what tells is on its way to the cache. */
void pinhole_expect(const struct rpcgate *g, const struct pinhole_key *key);
/** NULL if there is none.  Grants past their time are closed on the way. */
struct pinhole *pinhole_find(struct rpcgate *g, const struct pinhole_key *key);
/** The grant for an interface and major version, open or expired; NULL if none. */
struct grant *pinhole_grant(struct rpcgate *g, const struct pinhole *p,
			    const struct rpcgate_syntax *interface);
/** A grant that came from an OXID resolver or an activation, an open one if there is one; NULL if
 *  the port is none of an object exporter. */
struct grant *pinhole_dcom_grant(struct rpcgate *g, const struct pinhole *p);
/** True if some open grant is for this UUID, whatever its version. */
bool pinhole_has_uuid(const struct rpcgate *g, const struct pinhole *p,
		      const struct rpcgate_uuid *uuid);
/**
 * Open or refresh.
 * @param proto  of the port, which need not be that of the announcement
 * @return NONE, or LIMIT: then nothing is open that was not before.
 */
enum rpcgate_reason pinhole_open(struct rpcgate *g, const struct flow *f, uint8_t proto,
				 uint16_t port, const struct rpcgate_syntax *interface,
				 enum rpcgate_source source);
/** The server accepted a bind through it. */
void pinhole_use(struct rpcgate *g, const struct flow *f, struct pinhole *p, struct grant *grant);
/** The server says that the interface is not there. */
void pinhole_close(struct rpcgate *g, const struct flow *f, struct pinhole *p, struct grant *grant);
/** Close one by the word of an operator or a changed policy; it is not opened by what is remembered
 *  of it. */
void pinhole_withdraw(struct rpcgate *g, struct pinhole *p, struct grant *grant,
		      enum rpcgate_reason reason);
/**
 * Open again what an earlier engine had open, or remember that it ran out.
 * @param flow    two ends, and nothing else
 * @return NONE, or LIMIT
 */
enum rpcgate_reason pinhole_restore(struct rpcgate *g, const struct flow *f, uint16_t port,
				    const struct rpcgate_pinhole_record *record);
/** True if a bind of this client to this port may pass after its end, by "reconnect". */
bool pinhole_reconnects(const struct rpcgate *g, const struct pinhole *p);
struct pinhole *pinhole_at(const struct rpcgate *g, uint32_t index);
struct grant *grant_at(const struct rpcgate *g, uint32_t index);
/** False if no pinhole leads to this port, whoever asks whom: most ports of most packets. */
static inline bool pinhole_has_port(const struct rpcgate *g, uint16_t port)
{
	return ports_has(&g->ports, PORTS_PINHOLE, port);
}
/** True if some grant is open; where none ends within seconds, one line of cache is read. */
bool pinhole_is_open(struct rpcgate *g, const struct pinhole_key *key);
/** From now on look at @p slots pinholes, with the packets to come, for what has run out. */
void pinholes_sweep(struct rpcgate *g, uint32_t slots);
/** Go on with it: tells events with the moment of expiry, as many as delay nobody. */
void pinholes_sweep_on(struct rpcgate *g);
/** All that has run out, while there is room to tell it. */
void pinholes_sweep_all(struct rpcgate *g);

/* ------------------------------------------------------------------- syntax */

MUST_USE bool syntaxes_init(struct syntaxes *s, uint32_t capacity);
void syntaxes_done(struct syntaxes *s);
/** One more has this interface.  Cannot fail: the caller keeps their number within the capacity. */
uint32_t syntax_keep(struct syntaxes *s, const struct hash_sums *sums,
		     const struct rpcgate_syntax *syntax);
/** One less has it; the last one's place is free again. */
void syntax_drop(struct syntaxes *s, const struct hash_sums *sums, uint32_t index);
/** All zero for index 0. */
const struct rpcgate_syntax *syntax_at(const struct syntaxes *s, uint32_t index);

/* ------------------------------------------------------------------ binding */

struct binding_key {
	struct rpcgate_addr server;
	struct rpcgate_uuid uuid;
	uint32_t zone;
	uint16_t major;
	uint16_t port;
};

struct binding {
	struct binding_key key;
	uint64_t hash;
	uint64_t last_ns;
	uint32_t older;
	uint32_t newer;
	bool granted; /* to somebody, not only listed */
	bool latest;  /* the table of services has it */
};

MUST_USE bool bindings_init(struct rpcgate *g);
void bindings_done(struct rpcgate *g);
/** An announcement will be remembered soon: where, is on its way to the cache. */
void binding_expect(const struct rpcgate *g, const struct flow *f, uint16_t port,
		    const struct rpcgate_syntax *interface);
/** Remember an announcement; the oldest record makes room. */
void binding_record(struct rpcgate *g, const struct flow *f, uint16_t port,
		    const struct rpcgate_syntax *interface, bool granted);
/** The same for what a client was told who asked where the interface is.
 *  @return the port where others were told that it is, if it has moved; 0 */
MUST_USE uint16_t binding_announce(struct rpcgate *g, const struct flow *f, uint16_t port,
				   const struct rpcgate_syntax *interface);
/** Remember what an earlier engine remembered, with its time. */
void binding_restore(struct rpcgate *g, const struct flow *f,
		     const struct rpcgate_binding_record *record);
/** A record not older than the record time; NULL if none. */
const struct binding *binding_find(struct rpcgate *g, const struct flow *f, uint16_t port,
				   const struct rpcgate_syntax *interface);

/* -------------------------------------------------------------------- learn */

/** Why a port may not be learned, or NONE. */
enum rpcgate_reason learn_port_reason(const struct rpcgate *g, uint16_t port);
/** True if answers to this operation can announce endpoints. */
bool learn_announces(enum mapper_kind kind, uint16_t opnum);
/** True if this operation changes what the mapper says to others (C706 appendix O): ept_insert,
 *  ept_delete, ept_mgmt_delete.  Servers ask their own mapper without a network; over one it is
 *  refused unless a rule allows it. */
bool learn_changes(enum mapper_kind kind, uint16_t opnum);
/** A complete call to the mapper: tell its bindings and open what may be opened. */
void learn_answer(struct rpcgate *g, const struct flow *f, const struct conv *c,
		  const struct call *call, const struct context *context);
/** An answer over UDP: tell its bindings; those of UDP ports are opened where a rule asks. */
void learn_datagram(struct rpcgate *g, const struct flow *f, const struct epm_request *request,
		    struct epm_answer *answer);

/** IRemUnknown and IRemUnknown2 (MS-DCOM 1.9): what every object exporter is asked first. */
bool is_remunknown(const struct rpcgate_syntax *interface);

/* -------------------------------------------------------------------- judge */

struct judgement {
	enum rpcgate_verdict verdict;
	enum rpcgate_reason reason;
	uint64_t pinhole_id;
	uint64_t parent;
	bool has_age;
	bool calls; /* requests of this context are to be judged */
	uint64_t age_ns;
	uint32_t rule_line; /* 0: no rule decided */
	const char *rule_file;
	const char *rule_name;
	enum rpcgate_verdict base_verdict; /* before the rules: what was announced, or is known */
	enum rpcgate_reason base_reason;
};

/** May this client ask for this interface on this connection? */
struct judgement judge_context(struct rpcgate *g, const struct flow *f, const struct conv *c,
			       const struct bind_context *context, bool alter);
/** May this client ask for this interface in a datagram to this port? */
struct judgement judge_datagram(struct rpcgate *g, const struct flow *f,
				const struct rpcgate_syntax *interface);
/** The mapper and the DCOM resolver and activators; MAPPER_NONE for other interfaces. */
enum mapper_kind mapper_kind_of(const struct rpcgate_syntax *interface);
/** With dcom=any: the grant that lets this interface through although nobody asked for it; NULL
 *  where there is none. */
struct grant *judge_dcom_grant(struct rpcgate *g, const struct pinhole *p,
			       const struct rpcgate_syntax *interface);

/* ------------------------------------------------------------------- policy */

/**
 * What the rules make of a verdict.
 * @param named  only rules that name the interface count: the mapper's own interfaces
 */
struct judgement policy_judge(struct rpcgate *g, const struct flow *f,
			      const struct rpcgate_syntax *interface, bool named,
			      struct judgement j);
/**
 * Judge a request.
 * @param level  1 none .. 6 privacy
 * @return false if no rule about operations or levels has to do with it
 */
MUST_USE bool policy_judge_call(struct rpcgate *g, const struct flow *f,
				const struct rpcgate_syntax *interface, bool named, uint16_t opnum,
				uint8_t level, struct judgement *j);
/** True if a rule asks for this interface over UDP between these hosts. */
bool policy_over_udp(const struct rpcgate *g, const struct flow *f,
		     const struct rpcgate_syntax *interface);
/** True if a rule judges calls between these two hosts, whichever asks the other. */
bool policy_may_judge_calls(const struct rpcgate_policy *policy, const struct rpcgate_addr host[2]);
/** True if some rule asks for something over UDP. */
bool policy_asks_udp(const struct rpcgate_policy *policy);
/** True if a static line opens this client, server and port for some interface. */
bool policy_is_static(const struct rpcgate *g, const struct flow *f);

/* -------------------------------------------------------------------- admit */

MUST_USE bool admit_init(struct rpcgate *g);
void admit_done(struct rpcgate *g);
/** Some client was told of this port: lets a refusal say so. */
void admit_note(struct rpcgate *g, const struct flow *f, uint16_t port);
/** May this connection be opened?  NONE, or why not. */
enum rpcgate_reason admit_syn(struct rpcgate *g, const struct flow *f);

/* --------------------------------------------------------------------- conv */

/** Octets of one direction, in order, starting at @p seq. */
void conv_octets(struct rpcgate *g, struct flow *f, unsigned side, uint32_t seq,
		 struct bytes octets);
/** Most octets are inside of bodies that nobody needs.
 *  @return true if these are, and were read so; where the beginning of the conversation is known */
static inline bool conv_skips(struct conv *c, unsigned side, size_t n)
{
	if (c->half[side].skip < n || c->tunnel || c->dead)
		return false;
	c->half[side].skip -= (uint32_t)n;
	return true;
}
/** A hole of @p octets was given up in one direction. */
void conv_gap(struct rpcgate *g, struct flow *f, unsigned side, uint32_t octets);
/** A conversation for a flow; 0 when the limit is reached. */
MUST_USE uint32_t conv_new(struct rpcgate *g);
void conv_free(struct rpcgate *g, uint32_t conv);
/** Go on with a conversation that an earlier engine approved: the next segment that begins with a
 *  PDU is where reading starts. */
void conv_resume(struct rpcgate *g, uint32_t conv);

/* --------------------------------------------------------------- connection */

/** Nothing more of this flow passes (when enforcing); the first reason stands. */
void flow_refuse(struct rpcgate *g, struct flow *f, enum rpcgate_reason reason);
/** True if @p port is a mapper's, or one with an open pinhole for this flow. */
bool flow_port_is_for_rpc(struct rpcgate *g, const struct flow *f, uint16_t port);
/** True if what this flow says must be RPC.  A bit answers for most ports: those of mappers are among
 *  what pinholes are marked with. */
static inline bool flow_must_be_rpc(struct rpcgate *g, const struct flow *f)
{
	const uint16_t served = server_port(f);

	return f->client != SIDE_UNKNOWN &&
	       (f->must_fit ||
		(pinhole_has_port(g, served) && flow_port_is_for_rpc(g, f, served)) ||
		(g->policy && policy_is_static(g, f)));
}

#endif
