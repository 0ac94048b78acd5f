/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file rpcgate.h
 * @brief An RPC-aware packet filter as a library: packets and time in, verdict and events out.
 *
 * The engine follows TCP connections that speak DCE/RPC (MS-RPC), learns from the answers of the
 * endpoint mapper which interface lives on which port, keeps a time-limited pinhole for exactly
 * that client, server, port and interface, and judges every Bind and alter-context.
 *
 * It reads no clock, opens nothing, logs nothing and links libc only.  All memory is reserved by
 * rpcgate_new(); no call allocates after that.  An engine belongs to one thread at a time; any
 * number of engines may exist.  The smallest use:
 *
 *     struct rpcgate_config cfg;
 *     struct rpcgate *gate;
 *     char err[RPCGATE_ERROR_SIZE];
 *
 *     rpcgate_config_default(&cfg);
 *     getrandom(cfg.hash_key, sizeof(cfg.hash_key), 0);
 *     gate = rpcgate_new(&cfg, err);
 *     while (next_packet(&pkt)) {
 *             struct rpcgate_result r = rpcgate_feed(gate, &pkt);
 *             for (size_t i = 0; i < r.n_events; i++)
 *                     use(&r.events[i]);        // first make pinholes true ...
 *             settle(pkt, r.action);            // ... then let the packet go
 *     }
 *     do { r = rpcgate_finish(gate); use_all(&r); } while (r.n_events);
 *     rpcgate_free(gate);
 *
 * Numbers are in host order, ports too.  Lengths are in octets, times in nanoseconds since the
 * Unix epoch unless the name says otherwise.  "client" is always the side that opened the
 * connection; in events it is src.
 */
#ifndef RPCGATE_H
#define RPCGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RPCGATE_VERSION "0.1.0"

#if defined(__GNUC__)
#define RPCGATE_API __attribute__((visibility("default")))
#define RPCGATE_MUST_USE __attribute__((warn_unused_result))
#else
#define RPCGATE_API
#define RPCGATE_MUST_USE
#endif

/** Size of every error text buffer; texts are one line and always terminated. */
#define RPCGATE_ERROR_SIZE 256

/* ------------------------------------------------------------------ values */

/** An IP address, network order.  IPv4 is held as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
struct rpcgate_addr {
	uint8_t octet[16];
};

/** A UUID; octets stand as printed (RFC 9562), whatever order they had on the wire. */
struct rpcgate_uuid {
	uint8_t octet[16];
};

/** An interface or transfer syntax: UUID and version (C706 p_syntax_id_t). */
struct rpcgate_syntax {
	struct rpcgate_uuid uuid;
	uint16_t major;
	uint16_t minor;
};

#define RPCGATE_ADDR_TEXT 46 /**< octets for any address as text, NUL counted */
#define RPCGATE_UUID_TEXT 37 /**< octets for a UUID as text, NUL counted */

/** Write an address in canonical text (RFC 5952; IPv4 dotted).  Returns @p text. */
RPCGATE_API char *rpcgate_addr_format(const struct rpcgate_addr *addr,
				      char text[RPCGATE_ADDR_TEXT]);
/** True for an IPv4 address. */
RPCGATE_API bool rpcgate_addr_is_ipv4(const struct rpcgate_addr *addr);
/** Write a UUID in lower case with dashes.  Returns @p text. */
RPCGATE_API char *rpcgate_uuid_format(const struct rpcgate_uuid *uuid,
				      char text[RPCGATE_UUID_TEXT]);
/** Read a UUID in either case, dashes required.  False, and *uuid untouched, if @p text is none. */
RPCGATE_API RPCGATE_MUST_USE bool rpcgate_uuid_parse(const char *text, struct rpcgate_uuid *uuid);

/**
 * Why: one closed list for verdicts, learning and quality.  Names are stable for scripts.
 * X(ENUMERATOR, "name", "sentence for people")
 */
#define RPCGATE_REASONS(X)                                                                         \
	X(NONE, "none", "nothing to object to")                                                    \
	X(MAPPER, "mapper", "mapper or resolver interface on a mapper port")                       \
	X(LEARNED, "learned", "the server announced it to this client")                            \
	X(STATIC, "static", "a static rule allows this port")                                      \
	X(RULE_ALLOW, "rule-allow", "a rule allows it")                                            \
	X(RULE_DENY, "rule-deny", "a rule refuses it")                                             \
	X(NO_PINHOLE, "no-pinhole", "nobody announced this port to this client")                   \
	X(PINHOLE_EXPIRED, "pinhole-expired", "the pinhole has run out")                           \
	X(RECONNECT, "reconnect", "the pinhole has run out, but the server did announce it")       \
	X(OTHER_CLIENT, "other-client", "announced to another client only")                        \
	X(UUID_NOT_GRANTED, "uuid-not-granted", "the pinhole is for other interfaces")             \
	X(VERSION_MISMATCH, "version-mismatch", "the pinhole is for another major version")        \
	X(OPNUM_DENIED, "opnum-denied", "this operation is refused")                               \
	X(AUTH_LEVEL, "auth-level", "the authentication level is below what a rule asks for")      \
	X(ALTER_CONTEXT_DENIED, "alter-context-denied",                                            \
	  "alter-context adds an interface that was not granted")                                  \
	X(CALLBACK, "callback", "a call-back that a rule allows")                                  \
	X(NOT_RPC, "not-rpc", "the octets are not DCE/RPC")                                        \
	X(MALFORMED_PDU, "malformed-pdu", "a PDU contradicts itself or its connection")            \
	X(MALFORMED_NDR, "malformed-ndr", "the arguments of a call are not valid NDR")             \
	X(MALFORMED_TOWER, "malformed-tower", "a protocol tower is not well-formed")               \
	X(REASSEMBLY_GAP, "reassembly-gap", "octets are missing from the stream")                  \
	X(STREAM_CONFLICT, "stream-conflict", "the same octets were sent with different content")  \
	X(MIDSTREAM, "midstream", "the beginning of the connection was not seen")                  \
	X(SEALED, "sealed", "encrypted, cannot be read")                                           \
	X(LIMIT, "limit", "a configured limit was reached")                                        \
	X(STATUS_NOT_OK, "status-not-ok", "the answer carries an error status")                    \
	X(NOT_ASKED, "not-asked", "an answer without a matching request")                          \
	X(WRONG_UUID, "wrong-uuid", "the tower is for another interface than asked for")           \
	X(WRONG_CALL, "wrong-call", "not an operation that announces endpoints")                   \
	X(CONTEXT_NOT_ACCEPTED, "context-not-accepted",                                            \
	  "the presentation context is not accepted")                                              \
	X(NOT_TCP_TOWER, "not-tcp-tower", "the tower is for another transport than TCP")           \
	X(PORT_ZERO, "port-zero", "the port is zero")                                              \
	X(PORT_PRIVILEGED, "port-privileged", "the port is below 1024")                            \
	X(PORT_RESERVED, "port-reserved", "the port is reserved for another service")              \
	X(PORT_OUT_OF_RANGE, "port-out-of-range", "the port is outside the dynamic range")         \
	X(TOWER_ADDRESS, "tower-address", "the tower names another host than the server")          \
	X(MAPPER_UNLISTED, "mapper-unlisted", "a mapper on a port that is not a mapper port")      \
	X(LOOKUP_ONLY, "lookup-only", "seen in a listing, which is recorded but opens nothing")

/* clang-format indents the line after #undef */
/* clang-format off */
enum rpcgate_reason {
#define RPCGATE_X(id, name, text) RPCGATE_REASON_##id,
	RPCGATE_REASONS(RPCGATE_X)
#undef RPCGATE_X
	RPCGATE_REASON_COUNT
};
/* clang-format on */

/** The stable name of a reason; "none" for a value outside the list. */
RPCGATE_API const char *rpcgate_reason_name(enum rpcgate_reason reason);
/** The sentence that explains a reason. */
RPCGATE_API const char *rpcgate_reason_text(enum rpcgate_reason reason);

/** What policy says. */
enum rpcgate_verdict { RPCGATE_ALLOW, RPCGATE_LOG, RPCGATE_DENY };
/** What is to be done with a packet; NONE when only observing. */
enum rpcgate_action { RPCGATE_PASS, RPCGATE_DROP, RPCGATE_REJECT, RPCGATE_NONE };
/** Where an announcement came from. */
enum rpcgate_source { RPCGATE_EPT_MAP, RPCGATE_EPT_LOOKUP, RPCGATE_OXID, RPCGATE_ACTIVATION };

/* ----------------------------------------------------------- configuration */

enum rpcgate_mode { RPCGATE_OBSERVE, RPCGATE_ENFORCE };
enum rpcgate_refresh { RPCGATE_REFRESH_USE, RPCGATE_REFRESH_MAP };
enum rpcgate_reconnect { RPCGATE_RECONNECT_BLOCK, RPCGATE_RECONNECT_LOG, RPCGATE_RECONNECT_ALLOW };
enum rpcgate_lookup { RPCGATE_LOOKUP_LEARN, RPCGATE_LOOKUP_GRANT };
enum rpcgate_tower_address { RPCGATE_TOWER_SERVER, RPCGATE_TOWER_ANY };
/** Interfaces on the port of a DCOM object exporter: those asked for in activation, or any object
 *  interface (always version 0.0), reached through alter-context or a further bind. */
enum rpcgate_dcom { RPCGATE_DCOM_ASKED, RPCGATE_DCOM_ANY };
/** Talk with the mapper or an activator that is encrypted: said, refused, or taken as a hint that
 *  this client will soon bind IRemUnknown or a named group on this server's dynamic range. */
enum rpcgate_sealed { RPCGATE_SEALED_LOG, RPCGATE_SEALED_BLOCK, RPCGATE_SEALED_HINT };
enum rpcgate_midstream {
	RPCGATE_MIDSTREAM_INSPECT,
	RPCGATE_MIDSTREAM_PASS,
	RPCGATE_MIDSTREAM_BLOCK
};
/** Binds inside SMB pipes (ncacn_np), TCP 139 and 445: reported as events, or not looked for. */
enum rpcgate_pipes { RPCGATE_PIPES_REPORT, RPCGATE_PIPES_IGNORE };
/** verify: a packet with a wrong checksum moves nothing, offload is recognised; ignore: not looked at. */
enum rpcgate_checksum { RPCGATE_CHECKSUM_VERIFY, RPCGATE_CHECKSUM_IGNORE };

/** strict: of a connection's end only what comes in by the interface that leads back to it counts
 *  (RFC 3704 2.2), or a client could write its server's answers; off: for routes that differ by
 *  direction. */
enum rpcgate_reverse_path { RPCGATE_REVERSE_PATH_STRICT, RPCGATE_REVERSE_PATH_OFF };

/** A new connection to a port of the dynamic range that was not announced to its client: let in and
 *  judged by its bind, or refused with its first packet. */
enum rpcgate_admission { RPCGATE_ADMIT_ANY, RPCGATE_ADMIT_ANNOUNCED };

struct rpcgate_port_range {
	uint16_t first;
	uint16_t last;
};

#define RPCGATE_MAX_RANGES 64      /**< ranges in one list */
#define RPCGATE_MAX_MAPPER_PORTS 8 /**< mapper ports */

struct rpcgate_port_list {
	uint32_t n;
	struct rpcgate_port_range range[RPCGATE_MAX_RANGES];
};

/**
 * Everything that can be set.  Start from rpcgate_config_default(); change members directly or by
 * their names with rpcgate_config_set().  Every limit says what happens when it is reached; no
 * limit ever opens anything.
 */
struct rpcgate_config {
	uint8_t hash_key[16]; /**< secret, random for each start: keys all tables */
	enum rpcgate_mode mode;
	enum rpcgate_refresh refresh;
	enum rpcgate_reconnect reconnect;
	enum rpcgate_lookup lookup;
	enum rpcgate_tower_address tower_address;
	enum rpcgate_dcom dcom;
	enum rpcgate_sealed sealed;
	enum rpcgate_midstream midstream;
	enum rpcgate_checksum checksum;
	enum rpcgate_pipes pipes;
	enum rpcgate_admission admission;
	enum rpcgate_reverse_path reverse_path;

	uint32_t pinhole_ttl_s;    /**< life of a pinhole without refresh; 5 s to 72 h */
	uint32_t pinhole_record_s; /**< how long a binding is remembered after its pinhole ended */

	struct rpcgate_port_list mapper_ports;  /**< where mapper answers are believed */
	struct rpcgate_port_list dynamic_range; /**< where learned ports must lie; empty: anywhere */
	struct rpcgate_port_list reserved;      /**< ports never learned */

	uint32_t max_flows;               /**< oldest half-open, then oldest idle flow goes first */
	uint32_t max_pinholes;            /**< over it nothing is learned (reason limit) */
	uint32_t max_pinholes_per_client; /**< over it this client learns nothing new */
	uint32_t max_pinholes_per_server; /**< over it this server announces nothing new */
	uint32_t max_bindings;            /**< oldest record goes first */
	uint32_t max_interfaces;          /**< per pinhole; over it nothing is learned */
	uint32_t max_towers;              /**< per ept_map answer; more: not used, limit */
	uint32_t max_lookup_entries;      /**< per ept_lookup answer; more: not used, limit */
	uint32_t max_stub;                /**< octets of one joined call; more: nothing learned */
	uint32_t max_contexts;            /**< per connection; more: connection refused */
	uint32_t max_calls;               /**< in flight per connection; more: nothing learned */
	uint32_t max_island_octets;       /**< per direction, held out of order; more: gap */
	uint32_t max_datagrams;           /**< IP datagrams in reassembly; observing the oldest
					   *   goes first, enforcing new ones are dropped */
	uint32_t max_pipes;               /**< notes about SMB pipes; oldest goes first */
	uint32_t max_udp_calls; /**< mapper calls over UDP, unanswered; oldest goes first */
	uint32_t max_udp_talks; /**< talks over UDP pinholes told once, of allowed and of refused
				 *   clients each; the oldest is judged and told anew */
	uint32_t buffer_octets; /**< all held octets of all flows together */
	uint32_t max_events;    /**< per call; more: counted in events_lost, opens nothing */

	uint32_t flow_idle_s;     /**< an inspected flow without packets is let go */
	uint32_t handshake_s;     /**< a half-open flow is let go */
	uint32_t pdu_s;           /**< a connection whose PDU is not whole by then is refused */
	uint32_t closed_linger_s; /**< a closed flow is still inspected this long */
};

/** Fill @p cfg with the defaults.  hash_key becomes zero: set it, or hash floods are cheap. */
RPCGATE_API void rpcgate_config_default(struct rpcgate_config *cfg);

/** One settable key: what it is called, what it takes and what it does. */
struct rpcgate_config_key {
	const char *name;   /**< "pinhole.ttl" */
	const char *values; /**< "5s..72h" or "use|map" */
	const char *preset; /**< default, as text */
	const char *help;   /**< one sentence */
};

/** The @p i-th key, NULL past the last. */
RPCGATE_API const struct rpcgate_config_key *rpcgate_config_key(size_t i);

/**
 * Set one key from text.
 * @param key    name of a key
 * @param value  its value; durations take s, m, h; port lists are "135,593" or "49152-65535"
 * @param err    one line saying what was read and what was expected, with the nearest known key
 * @return true; or false with @p cfg unchanged
 */
RPCGATE_API RPCGATE_MUST_USE bool rpcgate_config_set(struct rpcgate_config *cfg, const char *key,
						     const char *value,
						     char err[RPCGATE_ERROR_SIZE]);

/* ----------------------------------------------------------------- packets */

/** Link types by their LINKTYPE_ number (pcap-linktype(7)); rpcgate_linktype_known() tells. */
enum rpcgate_linktype {
	RPCGATE_LINK_NULL = 0,     /**< BSD loopback, host order of the capturing machine */
	RPCGATE_LINK_ETHERNET = 1, /**< with any depth of 802.1Q and 802.1ad tags (up to 8) */
	RPCGATE_LINK_RAW = 101,    /**< IPv4 or IPv6 by its first nibble */
	RPCGATE_LINK_LOOP = 108,   /**< OpenBSD loopback, network order */
	RPCGATE_LINK_LINUX_SLL = 113,
	RPCGATE_LINK_IPV4 = 228,
	RPCGATE_LINK_IPV6 = 229,
	RPCGATE_LINK_LINUX_SLL2 = 276
};

/** True if packets of this link type can be decoded. */
RPCGATE_API bool rpcgate_linktype_known(uint32_t linktype);

/** What the caller knows of the transport checksum. */
enum rpcgate_checksum_state {
	RPCGATE_CSUM_UNKNOWN, /**< verify it, unless configured otherwise */
	RPCGATE_CSUM_OK       /**< verified, or not yet filled in by the sending host */
};

/**
 * What a connection has come to.  A caller that keeps it for each connection, as a gateway does in
 * its kernel's connection mark, and gives it back with the connection's packets, lets an engine go
 * on with connections that an earlier engine judged.
 */
enum rpcgate_standing {
	RPCGATE_STANDING_NONE,     /**< nothing is known of it, or it is not inspected */
	RPCGATE_STANDING_ADMITTED, /**< inspected, no bind was judged yet */
	RPCGATE_STANDING_APPROVED, /**< a bind was allowed and none was refused */
	RPCGATE_STANDING_SERVED, /**< approved, the server accepted the bind, and it is no mapper */
	RPCGATE_STANDING_REFUSED, /**< nothing of it passes any more */
	RPCGATE_STANDING_FOREIGN  /**< it does not speak RPC, and need not */
};

struct rpcgate_packet {
	const uint8_t *data; /**< caplen octets; borrowed for the call */
	uint32_t caplen;     /**< octets present */
	uint32_t len;        /**< octets on the wire, >= caplen */
	uint32_t linktype;   /**< enum rpcgate_linktype */
	uint32_t zone;       /**< the caller's separation of traffic; 0 where there is none */
	enum rpcgate_checksum_state checksum;
	enum rpcgate_standing standing; /**< what an earlier engine made of its connection, if this
					 *   engine knows nothing of it: of an ADMITTED one nothing
					 *   passes but what can be judged, an APPROVED or SERVED
					 *   one goes on.  Of a SERVED one packets of the server
					 *   need not be shown any more, but for FIN and RST */
	uint64_t time_ns; /**< capture time.  Time never goes back inside the engine. */
	uint32_t indev; /**< number of the interface it came in by; 0: not known, nothing is checked */
	uint32_t outdev; /**< of the one it goes out by, which is where the way back to its receiver is */
};

/* ------------------------------------------------------------------ events */

enum rpcgate_event_type {
	RPCGATE_EVENT_BINDING, /**< an interface and endpoint in an answer */
	RPCGATE_EVENT_PINHOLE, /**< a change of a pinhole */
	RPCGATE_EVENT_BIND,    /**< a presentation context was asked for, and judged */
	RPCGATE_EVENT_ALERT,   /**< something refused or suspicious */
	RPCGATE_EVENT_FLOW,    /**< an RPC connection ended */
	RPCGATE_EVENT_ENGINE,  /**< a limit was reached, or the input is of poor quality */
	RPCGATE_EVENT_CALL,    /**< a request was judged by its operation or level */
	RPCGATE_EVENT_PIPE,    /**< an interface was asked for inside an SMB pipe: not judged */
	RPCGATE_EVENT_EXPECT   /**< connections may come that nobody announces, by a rule; told with
				*   RPCGATE_ADMIT_ANNOUNCED alone, for callers that close ports */
};

#define RPCGATE_ANNOTATION_MAX 64 /**< C706 ept_max_annotation_size, NUL counted */
#define RPCGATE_ENDPOINT_MAX 64   /**< octets of a pipe or host name kept */
#define RPCGATE_SYNTAXES_MAX 6 /**< transfer syntaxes kept of one context; n_transfer counts all */

/** Protocol sequence of a tower, by its floor 3 and 4 (C706 appendix I). */
enum rpcgate_protseq {
	RPCGATE_NCACN_IP_TCP,
	RPCGATE_NCADG_IP_UDP,
	RPCGATE_NCACN_NP,
	RPCGATE_NCACN_HTTP,
	RPCGATE_NCALRPC,
	RPCGATE_PROTSEQ_OTHER
};

/** "ncacn_ip_tcp", ... */
RPCGATE_API const char *rpcgate_protseq_name(enum rpcgate_protseq protseq);

/** RPC over HTTP v2: where the proxy is to go. */
struct rpcgate_target {
	uint16_t port; /**< 0: there is no proxy */
	uint8_t host_len;
	uint8_t host[RPCGATE_ENDPOINT_MAX]; /**< as the client wrote it, cut; foreign octets */
};

struct rpcgate_binding_event {
	enum rpcgate_source source;
	enum rpcgate_protseq protseq;
	struct rpcgate_syntax interface;
	struct rpcgate_uuid object;   /**< nil where none */
	struct rpcgate_addr server;   /**< the address on the wire */
	struct rpcgate_addr tower_ip; /**< what the tower says, if has_tower_ip */
	bool has_tower_ip;
	bool accepted;              /**< a pinhole was opened or refreshed for it */
	bool any_interface;         /**< DCOM: the port belongs to an object exporter */
	enum rpcgate_reason reason; /**< why not, or NONE */
	uint16_t port;              /**< 0 where the transport has none */
	uint16_t moved_from; /**< the port where the mapper had it before, if it has moved; 0 */
	uint8_t annotation_len;
	uint8_t endpoint_len;
	uint8_t annotation[RPCGATE_ANNOTATION_MAX]; /**< foreign octets, not terminated */
	uint8_t endpoint[RPCGATE_ENDPOINT_MAX];     /**< pipe or local name; foreign octets */
	struct rpcgate_target target; /**< whose mapper said so; server is its proxy then */
};

enum rpcgate_pinhole_action {
	RPCGATE_PINHOLE_OPEN,
	RPCGATE_PINHOLE_REFRESH,
	RPCGATE_PINHOLE_USE,
	RPCGATE_PINHOLE_EXPIRE, /**< time_ns of the event is the moment of expiry */
	RPCGATE_PINHOLE_CLOSE,
	RPCGATE_PINHOLE_EVICT,
	RPCGATE_PINHOLE_REFUSE
};

struct rpcgate_pinhole_event {
	enum rpcgate_pinhole_action action;
	enum rpcgate_reason reason;
	enum rpcgate_source source;
	uint64_t id;   /**< one for each client, server and port; 0 where none was made */
	uint32_t slot; /**< 1 to limit.pinholes, of this pinhole as long as there is one of this id;
			*   for tables that callers keep beside the engine's.  0 where none was made */
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	uint16_t port;
	uint8_t proto; /**< of the port: 6 or 17; that of the event is the announcement's */
	uint32_t ttl_s;
	uint64_t uses;
	uint64_t until_ns;
	uint64_t port_until_ns; /**< until when a connection of this client to this port may pass:
				 *   the latest end of its interfaces; 0 when none is left */
};

/** src may connect to the dynamic range of dest until then. */
struct rpcgate_expect_event {
	enum rpcgate_reason reason; /**< CALLBACK, or SEALED: a hint */
	uint64_t until_ns;
};

/** What asked for an interface; over UDP there are no binds, and the first request counts as one. */
enum rpcgate_bind_pdu { RPCGATE_PDU_BIND, RPCGATE_PDU_ALTER_CONTEXT, RPCGATE_PDU_REQUEST };

struct rpcgate_bind_event {
	enum rpcgate_bind_pdu pdu;
	enum rpcgate_verdict verdict;
	enum rpcgate_action action;
	enum rpcgate_reason reason;
	struct rpcgate_syntax interface;
	uint16_t context_id;
	uint8_t n_transfer; /**< offered; at most RPCGATE_SYNTAXES_MAX are kept */
	uint8_t auth_type;
	uint8_t auth_level;
	bool has_age;
	uint32_t call_id;
	uint64_t pinhole_id;   /**< 0 where none */
	uint64_t age_ns;       /**< since the announcement, if has_age */
	uint32_t rule_line;    /**< of the rule that decided; 0: none did */
	const char *rule_file; /**< borrowed from the policy, like rule_name */
	const char *rule_name; /**< NULL where the rule has none */
	struct rpcgate_syntax transfer[RPCGATE_SYNTAXES_MAX];
	uint16_t target_port; /**< RPC over HTTP v2: where the proxy is to go; 0: no proxy */
	uint8_t target_len;
	uint8_t target[RPCGATE_ENDPOINT_MAX]; /**< host as the client wrote it, cut; foreign octets */
};

/** A request for which a rule with operations or a level decided. */
struct rpcgate_call_event {
	enum rpcgate_verdict verdict;
	enum rpcgate_action action;
	enum rpcgate_reason reason;
	struct rpcgate_syntax interface;
	uint16_t context_id;
	uint16_t opnum;
	uint8_t auth_level; /**< 1 none .. 6 privacy: the lowest level of its connection */
	uint32_t call_id;
	uint32_t rule_line;
	const char *rule_file;
	const char *rule_name;
};

/** A presentation context asked for inside an SMB pipe.  src is the client of SMB. */
struct rpcgate_pipe_event {
	enum rpcgate_bind_pdu pdu;
	struct rpcgate_syntax interface;
	uint16_t context_id;
	uint8_t n_transfer; /**< offered; at most RPCGATE_SYNTAXES_MAX are kept */
	uint8_t auth_type;
	uint8_t auth_level;
	uint8_t pipe_len; /**< 0 where its opening was not seen */
	uint32_t call_id;
	uint8_t pipe[RPCGATE_ENDPOINT_MAX]; /**< without "\\PIPE\\"; foreign octets */
	struct rpcgate_syntax transfer[RPCGATE_SYNTAXES_MAX];
};

struct rpcgate_alert_event {
	enum rpcgate_reason reason;
	enum rpcgate_action action;
	bool has_interface;
	struct rpcgate_syntax interface;
	uint8_t ptype; /**< of the PDU that caused it, 0xff where none */
	uint8_t rpc_minor;
	uint16_t opnum;
	uint32_t call_id;
};

enum rpcgate_flow_state {
	RPCGATE_FLOW_OPEN,    /**< the input ended first */
	RPCGATE_FLOW_CLOSED,  /**< FIN or RST */
	RPCGATE_FLOW_TIMEOUT, /**< idle */
	RPCGATE_FLOW_EVICTED, /**< limit */
	RPCGATE_FLOW_REUSED   /**< the four-tuple was opened again */
};

struct rpcgate_flow_event {
	enum rpcgate_flow_state state;
	enum rpcgate_reason reason; /**< why it was cut or given up, or NONE */
	bool mapper;                /**< it bound a mapper interface */
	bool midstream;
	uint32_t binds;    /**< contexts asked for */
	uint32_t accepted; /**< contexts the server accepted */
	uint64_t packets_toserver, packets_toclient;
	uint64_t octets_toserver, octets_toclient; /**< payload of TCP */
	uint64_t start_ns, end_ns;
};

struct rpcgate_engine_event {
	enum rpcgate_reason reason;
	const char *event;  /**< static: "limit", "quality" */
	const char *detail; /**< static: which limit, which quality */
};

struct rpcgate_event {
	enum rpcgate_event_type type;
	uint8_t proto; /**< 6 or 17 */
	uint8_t n_vlan;
	uint16_t vlan[2];
	uint32_t zone;
	uint64_t time_ns;
	uint64_t flow_id;         /**< counts from 1 in order of appearance; 0 where none */
	uint64_t parent_id;       /**< flow that opened the pinhole; 0 where none */
	struct rpcgate_addr src;  /**< the client */
	struct rpcgate_addr dest; /**< the server */
	uint16_t src_port, dest_port;
	union {
		struct rpcgate_binding_event binding;
		struct rpcgate_pinhole_event pinhole;
		struct rpcgate_bind_event bind;
		struct rpcgate_alert_event alert;
		struct rpcgate_flow_event flow;
		struct rpcgate_engine_event engine;
		struct rpcgate_call_event call;
		struct rpcgate_pipe_event pipe;
		struct rpcgate_expect_event expect;
	} u;
};

/* ------------------------------------------------------------------ engine */

struct rpcgate;

struct rpcgate_result {
	enum rpcgate_action action; /**< PASS, DROP or REJECT; PASS always when observing */
	enum rpcgate_reason reason;
	enum rpcgate_standing standing; /**< of the packet's connection, after it */
	uint64_t flow_id;               /**< 0: the packet belongs to no inspected flow */
	uint32_t l3_offset; /**< where the IP header starts in the packet, 0 octets if none */
	bool not_rpc;       /**< this packet showed its flow, on a pinhole or in the dynamic
				     *   range, to be something else than RPC: worth a label */
	const struct rpcgate_event *events; /**< valid until the next call on this engine */
	size_t n_events;
};

/**
 * Reserve memory and start an engine.
 * @param cfg  copied
 * @param err  one line, on failure
 * @return the engine, owned by the caller; NULL if @p cfg contradicts itself or memory is short
 */
RPCGATE_API RPCGATE_MUST_USE struct rpcgate *rpcgate_new(const struct rpcgate_config *cfg,
							 char err[RPCGATE_ERROR_SIZE]);
/** Let an engine go; NULL is fine. */
RPCGATE_API void rpcgate_free(struct rpcgate *gate);

/** Judge one packet.  Events must be acted on before the packet is released. */
RPCGATE_API struct rpcgate_result rpcgate_feed(struct rpcgate *gate,
					       const struct rpcgate_packet *packet);
/**
 * Judge packets in their order, as rpcgate_feed() does one by one: what later ones need is fetched
 * while earlier ones are read.  Ends behind the first packet that tells events, since they are to be
 * acted on before the next call.
 * @param packets  @p n of them, all there at once
 * @param results  one for each packet that was judged
 * @return how many were judged; less than @p n only if the last of them tells events
 */
RPCGATE_API size_t rpcgate_feed_batch(struct rpcgate *gate, const struct rpcgate_packet *packets,
				      size_t n, struct rpcgate_result *results);
/**
 * What can be said of a packet before its turn.  The members are the library's own; they are here
 * so that callers can have arrays of them.
 */
struct rpcgate_ahead {
	uint32_t end;
	uint32_t ports;
	uint32_t kind;
	uint16_t payload;
	uint16_t sum;
};
/**
 * Look at packets before their turn: half of the work for most of them.  Needs no engine, so another
 * thread may do it while earlier packets are judged.
 * @param ahead  one for each packet, for rpcgate_feed_ahead()
 */
RPCGATE_API void rpcgate_look_ahead(const struct rpcgate_packet *packets, size_t n,
				    struct rpcgate_ahead *ahead);
/**
 * Also verify the checksums of those that are likely to belong to what is inspected, so that the
 * engine need not.  Another thread may do it while the engine judges earlier packets: of the engine
 * it only takes a hint.  Worth it there alone.
 * @param ahead  what rpcgate_look_ahead() said of these packets
 */
RPCGATE_API void rpcgate_sum_ahead(const struct rpcgate *gate, const struct rpcgate_packet *packets,
				   size_t n, struct rpcgate_ahead *ahead);
/** rpcgate_feed_batch() with what rpcgate_look_ahead() said of these packets. */
RPCGATE_API size_t rpcgate_feed_ahead(struct rpcgate *gate, const struct rpcgate_packet *packets,
				      const struct rpcgate_ahead *ahead, size_t n,
				      struct rpcgate_result *results);
/** A packet that was not merely passed. */
struct rpcgate_told {
	size_t at; /**< which of them */
	struct rpcgate_result result;
};
/**
 * rpcgate_feed_ahead() for those who only look at what the engine has to say of packets: writes no
 * result for one that is let go, belongs to no inspected flow and tells nothing, as most do.  It goes
 * on behind packets that tell events while there is room: not for those who let packets go one by one.
 * @param told    room for @p n
 * @param n_told  how many there are; events of all of them are valid until the next call
 * @return how many were judged; fewer than @p n only where events were told
 */
RPCGATE_API size_t rpcgate_feed_told(struct rpcgate *gate, const struct rpcgate_packet *packets,
				     const struct rpcgate_ahead *ahead, size_t n,
				     struct rpcgate_told *told, size_t *n_told);
/** Let time pass without a packet: expires pinholes and idle flows in bounded slices. */
RPCGATE_API struct rpcgate_result rpcgate_tick(struct rpcgate *gate, uint64_t now_ns);
/**
 * Touch memory that the next packets will use, at most some 128 KiB of it, so that none of them
 * waits until the system hands it out.  For those that hold packets until there is a verdict: call it
 * until it returns false before the first packet, then once in a while.  It changes no result, and
 * costs an engine without packets some 4 MiB.
 * @return true if there is more to be touched now
 */
RPCGATE_API bool rpcgate_prepare(struct rpcgate *gate);
/**
 * End of input: gives up holes, ends flows.  Call until it returns no events; the engine then is
 * empty of flows, pinholes and bindings stay.
 */
RPCGATE_API struct rpcgate_result rpcgate_finish(struct rpcgate *gate);

/* --------------------------------------------------- what is open and known */

/** An interface of a pinhole. */
struct rpcgate_pinhole_record {
	uint64_t id; /**< of the pinhole: one for each client, server and port */
	struct rpcgate_addr client;
	struct rpcgate_addr server;
	struct rpcgate_syntax interface;
	enum rpcgate_source source;
	uint32_t zone;
	uint16_t port;
	uint8_t proto;
	bool open;           /**< false: it ran out and is remembered */
	uint64_t learned_ns; /**< the last announcement; times as in events */
	uint64_t until_ns;
	uint64_t uses;
};

/** What a server announced. */
struct rpcgate_binding_record {
	struct rpcgate_addr server;
	struct rpcgate_syntax interface; /**< minor is 0 */
	uint32_t zone;
	uint16_t port;
	bool granted; /**< to some client; false: listed only */
	uint64_t last_ns;
};

/**
 * The next records of pinholes, in no order that means anything.
 * @param cursor  0 at first; kept by the caller
 * @param out     @p max records
 * @return how many were written; 0 at the end.  Between calls the engine may be used: what comes or
 *         goes meanwhile may be missed, nothing else is
 */
RPCGATE_API size_t rpcgate_pinholes(const struct rpcgate *gate, uint64_t *cursor,
				    struct rpcgate_pinhole_record *out, size_t max);
/** The same for records of announcements. */
RPCGATE_API size_t rpcgate_bindings(const struct rpcgate *gate, uint64_t *cursor,
				    struct rpcgate_binding_record *out, size_t max);
/**
 * Open an interface again that was open in an earlier engine.  Its port must still be one that may
 * be learned; id and uses are new, until_ns may be at most a life away.  Without @p record->open it
 * is remembered as having run out.
 */
RPCGATE_API struct rpcgate_result
rpcgate_restore_pinhole(struct rpcgate *gate, const struct rpcgate_pinhole_record *record,
			uint64_t now_ns);
/** Remember an announcement that an earlier engine remembered. */
RPCGATE_API void rpcgate_restore_binding(struct rpcgate *gate,
					 const struct rpcgate_binding_record *record,
					 uint64_t now_ns);
/** Close a pinhole, by an operator's word.  No event: there is none of this id. */
RPCGATE_API struct rpcgate_result rpcgate_close_pinhole(struct rpcgate *gate, uint64_t id,
							uint64_t now_ns);
/**
 * Judge the open pinholes again, after a change of policy or configuration: those that could not
 * be opened now, or whose bind would be refused by a rule, are closed.
 * @param cursor  0 at first; the end is reached when it is 0 again
 * @param max     pinholes looked at in one call
 */
RPCGATE_API struct rpcgate_result rpcgate_rejudge(struct rpcgate *gate, uint64_t *cursor,
						  size_t max, uint64_t now_ns);

/* ---------------------------------------------------------------- counters */

/** X(member, "sentence") : everything that is counted, flat. */
#define RPCGATE_COUNTERS(X)                                                                        \
	X(packets, "packets fed")                                                                  \
	X(octets, "octets on the wire")                                                            \
	X(packets_tcp, "TCP segments decoded")                                                     \
	X(packets_udp, "UDP datagrams seen")                                                       \
	X(packets_other, "packets that are neither TCP nor UDP over IP")                           \
	X(packets_malformed, "packets with headers that contradict themselves")                    \
	X(packets_truncated, "packets captured short")                                             \
	X(syns_refused, "connections to the dynamic range that nobody announced, refused")         \
	X(checksum_bad, "packets with a wrong checksum, not used")                                 \
	X(checksum_offload, "packets taken although their checksum was left to the network card")  \
	X(fragments, "IP fragments")                                                               \
	X(datagrams_joined, "IP datagrams joined from fragments")                                  \
	X(datagrams_dropped, "IP datagrams dropped: overlap, size, limit or incomplete")           \
	X(flows, "TCP connections given state")                                                    \
	X(flows_rpc, "TCP connections that speak DCE/RPC")                                         \
	X(flows_midstream, "RPC connections whose beginning was not seen")                         \
	X(flows_not_rpc, "connections found not to be RPC")                                        \
	X(flows_evicted, "flows let go because of the limit")                                      \
	X(flows_live, "flows with state now")                                                      \
	X(segments_out_of_order, "segments held because octets before them were missing")          \
	X(segments_retransmitted, "segments that repeat octets")                                   \
	X(stream_conflicts, "retransmissions with other content")                                  \
	X(wrong_path,                                                                              \
	  "packets that came in by an interface that does not lead back to their sender")          \
	X(gaps, "holes given up in inspected streams")                                             \
	X(gap_octets, "octets missing in those holes")                                             \
	X(pdus, "PDUs framed")                                                                     \
	X(pdus_malformed, "PDUs that contradict themselves or their connection")                   \
	X(stubs_sealed, "mapper answers that could not be read because they are encrypted")        \
	X(pdus_udp, "connectionless PDUs to or from the mapper on UDP 135")                        \
	X(pdus_udp_pieces, "of these, pieces of a longer call, which are not joined")              \
	X(udp_judged, "datagrams of clients to UDP ports that rules ask for, judged")              \
	X(udp_refused, "of these, refused")                                                        \
	X(answers, "mapper answers read")                                                          \
	X(answers_unusable, "mapper answers with nothing to learn: status, or not asked")          \
	X(answers_malformed, "mapper answers refused as a whole")                                  \
	X(bindings, "interface endpoints announced")                                               \
	X(bindings_accepted, "of these, granted")                                                  \
	X(bindings_foreign, "of the others, those that name another host")                         \
	X(bindings_moved, "of those granted, interfaces that have moved to another port")          \
	X(bindings_live, "binding records now")                                                    \
	X(pinholes_opened, "interfaces opened in pinholes")                                        \
	X(pinholes_refreshed, "interfaces whose pinhole was renewed")                              \
	X(pinholes_expired, "interfaces whose pinhole ran out")                                    \
	X(pinholes_refused, "pinholes not opened because of a limit")                              \
	X(pinholes_live, "pinholes open now")                                                      \
	X(binds_allowed, "presentation contexts allowed")                                          \
	X(binds_logged, "presentation contexts allowed but logged")                                \
	X(binds_denied, "presentation contexts refused")                                           \
	X(calls_judged, "requests for which a rule with operations or a level decided")            \
	X(calls_denied, "of these, refused")                                                       \
	X(pipe_binds, "interfaces asked for inside SMB pipes, not judged")                         \
	X(reconnects, "binds after the pinhole ran out, while the record was kept")                \
	X(limits_reached, "times a limit was reached")                                             \
	X(buffer_octets_used, "octets held now")                                                   \
	X(buffer_octets_peak, "most octets held at one time")                                      \
	X(events, "events handed out")                                                             \
	X(events_lost, "events that did not fit one call")

struct rpcgate_stats {
#define RPCGATE_X(member, text) uint64_t member;
	RPCGATE_COUNTERS(RPCGATE_X)
#undef RPCGATE_X
};

/** Copy the counters. */
RPCGATE_API void rpcgate_stats(const struct rpcgate *gate, struct rpcgate_stats *stats);

/* --------------------------------------------------------------- catalogue */

/** A known RPC interface. */
struct rpcgate_interface {
	struct rpcgate_syntax id;
	const char *name;    /**< "drsuapi" */
	const char *service; /**< "NTDS (LSASS)" */
	const char *description;
};

/** The catalogue entry of a UUID, the same major version preferred; NULL if unknown. */
RPCGATE_API const struct rpcgate_interface *rpcgate_interface_find(const struct rpcgate_syntax *id);
/** The @p i-th entry in order of UUID, NULL past the last. */
RPCGATE_API const struct rpcgate_interface *rpcgate_interface_at(size_t i);

/* -------------------------------------------------------------- operations */

/** A known operation of an interface. */
struct rpcgate_operation {
	struct rpcgate_uuid interface;
	uint16_t opnum;
	const char *name;   /**< "DRSGetNCChanges" */
	const char *source; /**< the document that says so */
};

/** What an operation is called; NULL if that is not known. */
RPCGATE_API const char *rpcgate_operation_name(const struct rpcgate_uuid *interface,
					       uint16_t opnum);
/** The known operations of an interface in the order of their numbers, @p n of them; NULL if none
 *  is known. */
RPCGATE_API const struct rpcgate_operation *
rpcgate_operations_of(const struct rpcgate_uuid *interface, size_t *n);

/* ------------------------------------------------------------------- groups */

struct rpcgate_group_member {
	struct rpcgate_syntax id;
	const char *source; /**< the document that says so */
};

/** A port that a service needs beside RPC. */
struct rpcgate_group_port {
	const char *protocol;  /**< "LDAP Server" */
	const char *transport; /**< "tcp", "udp", or a protocol without ports such as "icmp" */
	const char *source;
	uint16_t first, last; /**< 0 where the transport has no ports */
};

/** Interfaces that belong together: a service of KB832017, or a purpose such as "domain-join". */
struct rpcgate_group {
	const char *name;
	const char *title;
	const char *source;
	const struct rpcgate_group_member *member;
	const struct rpcgate_group_port *port;
	size_t n_members;
	size_t n_ports;
};

/** The group of a name, in either case; NULL if there is none. */
RPCGATE_API const struct rpcgate_group *rpcgate_group_find(const char *name);
/** The @p i-th group, NULL past the last. */
RPCGATE_API const struct rpcgate_group *rpcgate_group_at(size_t i);
/** True if some version of the interface is a member. */
RPCGATE_API bool rpcgate_group_has(const struct rpcgate_group *group,
				   const struct rpcgate_uuid *uuid);

/* ------------------------------------------------------------------- policy */

/*
 * What rpcgate-policy(5) describes: rules in lines, the first that matches decides.  A policy is
 * a value: made by rpcgate_policy_parse(), never changed, shared by any number of engines and
 * threads, freed when no engine uses it any more.  Parsing reads memory; files are the caller's.
 */
struct rpcgate_policy;

/* Limits; a policy beyond them is refused */
#define RPCGATE_POLICY_MAX_FILE (1U << 20) /**< octets of one file */
#define RPCGATE_POLICY_MAX_INCLUDES 64U    /**< include lines carried out */
#define RPCGATE_POLICY_MAX_DEPTH 8U        /**< files open at once below the first */
#define RPCGATE_POLICY_MAX_RULES 1000000U  /**< statements */
#define RPCGATE_POLICY_MAX_RANGES 256U     /**< operations or ports of one rule */
#define RPCGATE_POLICY_NAME_SIZE 256       /**< octets of a file name in an error, NUL counted */

struct rpcgate_policy_limits {
	uint32_t max_file;
	uint32_t max_includes;
	uint32_t max_depth;
	uint32_t max_rules;
};

/** One text. */
struct rpcgate_policy_source {
	const char *name; /**< as errors and events shall name it */
	const char *text; /**< need not be terminated */
	size_t length;    /**< octets */
};

/** Where include lines get their text. */
struct rpcgate_policy_loader {
	/**
	 * Provide a text.
	 * @param name  as the include line has it
	 * @param from  name of the including text
	 * @param out   borrowed until release() is called with it
	 * @param err   one line, on failure
	 */
	bool (*load)(void *ctx, const char *name, const char *from,
		     struct rpcgate_policy_source *out, char err[RPCGATE_ERROR_SIZE]);
	void (*release)(void *ctx, struct rpcgate_policy_source *source);
	void *ctx;
};

struct rpcgate_policy_error {
	char file[RPCGATE_POLICY_NAME_SIZE]; /**< cut at its end if longer */
	uint32_t line;                       /**< from 1; 0: about no line */
	uint32_t column;                     /**< from 1, in octets */
	char text[RPCGATE_ERROR_SIZE];       /**< what was read, what was expected, the nearest */
};

/**
 * Read a policy.
 * @param source      the first text; its octets are not used after the call
 * @param loader      NULL: include is an error
 * @param limits      NULL: the constants above
 * @param errors      filled with the first @p max_errors errors, one for each bad line
 * @param n_errors    how many errors there are, also those that found no room
 * @return the policy, owned by the caller; NULL if there are errors
 */
RPCGATE_API RPCGATE_MUST_USE struct rpcgate_policy *
rpcgate_policy_parse(const struct rpcgate_policy_source *source,
		     const struct rpcgate_policy_loader *loader,
		     const struct rpcgate_policy_limits *limits,
		     struct rpcgate_policy_error *errors, size_t max_errors, size_t *n_errors);
/** Let a policy go; NULL is fine. */
RPCGATE_API void rpcgate_policy_free(struct rpcgate_policy *policy);

/**
 * Apply the settings of a policy (set, mapper-port, dynamic-range, reserved) to a configuration,
 * in their order.  False, with @p cfg unchanged, if one does not fit what was set before.
 */
RPCGATE_API RPCGATE_MUST_USE bool rpcgate_policy_configure(const struct rpcgate_policy *policy,
							   struct rpcgate_config *cfg,
							   char err[RPCGATE_ERROR_SIZE]);

/**
 * Judge by this policy from now on; NULL: by none, what was learned is allowed.
 *
 * The engine borrows it until the next call or its end, events point into it.  The change is one
 * step: each Bind and each request is judged by the old policy or by the new one.  What was judged
 * before stands; requests of a connection are judged if a rule asked for it when it was bound.
 */
RPCGATE_API void rpcgate_set_policy(struct rpcgate *gate, const struct rpcgate_policy *policy);
/**
 * Change what can be changed while running: modes, times, ports.  The key and everything that
 * sizes a table (max_*, buffer_octets) stay as they are.
 * @return false, and nothing changed, if @p cfg names no mapper port
 */
RPCGATE_API RPCGATE_MUST_USE bool rpcgate_set_config(struct rpcgate *gate,
						     const struct rpcgate_config *cfg);

/** Where a policy alone opens ports: a static line, one for each range of its ports. */
struct rpcgate_opening {
	struct rpcgate_addr client_first, client_last; /**< both IPv4 or both IPv6 */
	struct rpcgate_addr server_first, server_last; /**< of the same family */
	struct rpcgate_port_range ports;
};

/** The @p i-th opening; false past the last. */
RPCGATE_API bool rpcgate_policy_opening(const struct rpcgate_policy *policy, size_t i,
					struct rpcgate_opening *out);

enum rpcgate_statement_kind {
	RPCGATE_STATEMENT_ALLOW,
	RPCGATE_STATEMENT_DENY,
	RPCGATE_STATEMENT_LOG,
	RPCGATE_STATEMENT_STATIC,
	RPCGATE_STATEMENT_CALLBACK,
	RPCGATE_STATEMENT_SEALED,
	RPCGATE_STATEMENT_VALID_PORTS,
	RPCGATE_STATEMENT_SET
};

struct rpcgate_statement {
	enum rpcgate_statement_kind kind;
	uint32_t line;
	const char *file;                  /**< borrowed from the policy, like all texts here */
	const char *name;                  /**< the name TEXT of a rule, NULL without */
	const struct rpcgate_group *group; /**< the group it is about, NULL without */
};

/** The @p i-th statement in the order of reading; false past the last. */
RPCGATE_API bool rpcgate_policy_statement(const struct rpcgate_policy *policy, size_t i,
					  struct rpcgate_statement *out);
/** Write what the @p i-th statement means, as a sentence, cut at @p size.  Returns @p text. */
RPCGATE_API char *rpcgate_policy_explain(const struct rpcgate_policy *policy, size_t i, char *text,
					 size_t size);
/** True, with a sentence, if the @p i-th statement can never match or does not do what it says. */
RPCGATE_API bool rpcgate_policy_doubt(const struct rpcgate_policy *policy, size_t i, char *text,
				      size_t size);

#ifdef __cplusplus
}
#endif

#endif
