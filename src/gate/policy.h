/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.h - what people wrote about interfaces, and how a bind is matched against it
 *
 *	policy		a policy's life, its settings, what is held for others
 *	policy_parse	text to statements, errors with line and column
 *	policy_match	the index, first match, verdicts
 *	policy_text	statements as sentences, statements that can never match
 *	group		interfaces that belong together
 *
 * A statement is a row of one table in the order of reading; its number decides which match is
 * first.  A policy never changes after parsing.
 */
#ifndef GATE_POLICY_H
#define GATE_POLICY_H

#include "gate.h"
#include "word.h"

enum subject { SUBJECT_NONE, SUBJECT_ANY, SUBJECT_UUID, SUBJECT_GROUP };

/* Which transports a rule is about.  Without a word allow and log mean TCP alone, deny both. */
enum over { OVER_TCP = 1, OVER_UDP = 2, OVER_ANY = OVER_TCP | OVER_UDP };

/* What a sealed line says about control traffic that cannot be read */
enum sealed { SEALED_LOG, SEALED_BLOCK, SEALED_HINT };

/* An address and how many bits of it count; IPv4 as ::ffff:a.b.c.d, so 10.0.0.0/8 is 104 */
struct net {
	struct rpcgate_addr addr;
	uint8_t bits;
	bool given;
	bool ipv6; /* IPv4 addresses are not meant, even where no bit counts */
};

struct statement {
	uint8_t kind;    /* enum rpcgate_statement_kind */
	uint8_t subject; /* enum subject */
	uint8_t level;   /* of auth; 0: not asked for */
	uint8_t sealed;  /* enum sealed */
	uint8_t over;    /* set of enum over */
	bool has_major;
	bool has_minor;
	uint16_t major;
	uint16_t minor;
	uint16_t file; /* index in policy->file */
	uint32_t line;
	uint32_t next; /* in the same bucket of the index */
	uint32_t group;
	uint32_t name;   /* in policy->text, 0: none */
	uint32_t key;    /* SET: in policy->text */
	uint32_t value;  /* SET: in policy->text; VALID_PORTS: the text as written */
	uint32_t opnums; /* in policy->range */
	uint32_t n_opnums;
	uint32_t ports;
	uint32_t n_ports;
	uint32_t hosts; /* VALID_PORTS: in policy->host */
	uint32_t n_hosts;
	struct rpcgate_uuid uuid;
	struct net from;
	struct net to;
};

/* One entry of valid-ports: a host and where it may be reached */
struct valid_port {
	uint32_t host; /* in policy->text, without the star */
	bool prefix;
	struct rpcgate_port_range range;
};

/* How the index asks: which bits of a bind are looked at.  Every class has its own list. */
struct tuple {
	uint8_t subject;
	uint8_t from_bits;
	uint8_t to_bits;
	bool port;
	uint32_t first; /* number of the first statement of this shape */
};

enum match_class {
	CLASS_PLAIN, /* allow, deny, log: the bind alone decides */
	CLASS_STATIC,
	CLASS_CALLS_DENIED,  /* deny some calls */
	CLASS_CALLS_ALLOWED, /* allow or log some calls */
	CLASS_COUNT
};

struct bucket_key {
	uint64_t word[7];
};

struct bucket {
	struct bucket_key key;
	uint32_t first; /* statement numbers */
	uint32_t last;
};

struct growing {
	void *at;
	uint32_t n;
	uint32_t size;
};

struct rpcgate_policy {
	struct growing statements; /* struct statement; number i + 1 */
	struct growing ranges;     /* struct rpcgate_port_range, also of operations */
	struct growing hosts;      /* struct valid_port */
	struct growing text;       /* char; offset 0 is "" */
	struct growing files;      /* uint32_t, names in text */
	struct growing buckets;    /* struct bucket; index i + 1 in the table */
	struct growing tuples[CLASS_COUNT];
	struct table table;
	uint64_t groups_used;
	bool asks_udp;       /* some rule allows something over UDP */
	struct growing held; /* uint32_t: static lines, and what others ask for */
	uint64_t static_ports[(UINT16_MAX + 1) / 64]; /* named by some static line */
};

#define STATEMENT(p, number) (&((struct statement *)(p)->statements.at)[(number)-1])

static inline const char *policy_string(const struct rpcgate_policy *p, uint32_t offset)
{
	return (const char *)p->text.at + offset;
}

static inline const struct rpcgate_port_range *policy_range(const struct rpcgate_policy *p,
							    uint32_t i)
{
	return &((const struct rpcgate_port_range *)p->ranges.at)[i];
}

static inline bool is_rule(const struct statement *s)
{
	return s->kind <= RPCGATE_STATEMENT_STATIC;
}

static inline bool judges_calls(const struct statement *s)
{
	return s->n_opnums || s->level;
}

/* ------------------------------------------------------------------- policy */

/** Room for one more element of @p size octets, zeroed; NULL when memory is short. */
void *growing_add(struct growing *list, size_t size);
/** Keep a text; its offset, 0 when memory is short. */
uint32_t policy_keep(struct rpcgate_policy *policy, const char *text, size_t n);
const char *policy_file(const struct rpcgate_policy *policy, const struct statement *s);

/** What the first sealed line says; false if there is none. */
bool policy_sealed(const struct rpcgate_policy *policy, enum sealed *what);
/** True if a line says to take sealed traffic as a hint for a group of this interface. */
bool policy_hint(const struct rpcgate_policy *policy, const struct rpcgate_uuid *uuid);
/** A callback line that covers this interface (NULL: any) between these hosts; NULL if there is
 *  none. */
const struct statement *policy_callback(const struct rpcgate_policy *policy,
					const struct rpcgate_uuid *uuid,
					const struct rpcgate_addr *client,
					const struct rpcgate_addr *server);
/** True if valid-ports lines exist and none names this host and port. */
bool policy_port_invalid(const struct rpcgate_policy *policy, const char *host, size_t n,
			 uint16_t port);

/* -------------------------------------------------------------------- group */

/** The set of groups an interface belongs to, a bit for each. */
uint64_t groups_of(const struct rpcgate_uuid *uuid);
/** The set of groups that contain all members of a group, itself included. */
uint64_t groups_within(unsigned group);
unsigned group_index(const struct rpcgate_group *group);

/* -------------------------------------------------------------------- match */

/** Build the index; false when memory is short. */
MUST_USE bool policy_index(struct rpcgate_policy *policy);

/** A bind, or a request if a level is given. */
struct policy_query {
	struct rpcgate_syntax interface;
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	uint16_t port;
	bool udp;
	bool named;    /* rules about any interface do not count: the mapper's own */
	uint8_t level; /* of a request; 0: a bind */
	uint16_t opnum;
	uint64_t groups; /* of the interface */
};

/** The first statement of a class that matches; 0 if none does before @p limit. */
uint32_t policy_first(const struct rpcgate_policy *policy, enum match_class class,
		      const struct policy_query *query, uint32_t limit);

bool net_has(const struct net *net, const struct rpcgate_addr *addr);
/** True if every address of @p inner is in @p outer. */
bool net_covers(const struct net *outer, const struct net *inner);

/** The class a rule is indexed under. */
enum match_class class_of(const struct statement *s);

/** The first statement that matches whenever @p number does; 0 if there is none. */
uint32_t policy_covering(const struct rpcgate_policy *policy, uint32_t number);

#endif
