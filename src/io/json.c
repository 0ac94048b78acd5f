/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "community_id.h"
#include "digits.h"
#include "event_words.h"
#include "json.h"
#include "json_line.h"
#include "signature.h"

#define NO_PTYPE 0xff
#define DETAIL_MAX 1024
#define PROTO_TCP 6
#define PROTO_UDP 17
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
#define KEY(name) static const struct json_key key_##name = JSON_KEY(#name)
KEY(timestamp); KEY(event_type); KEY(flow_id); KEY(parent_id); KEY(vlan); KEY(src_ip);
KEY(src_port); KEY(dest_ip); KEY(dest_port); KEY(proto); KEY(community_id); KEY(pcap_cnt);
KEY(pcap_filename); KEY(ndpi);

KEY(rpc_binding); KEY(rpc_pinhole); KEY(rpc_bind); KEY(alert); KEY(flow); KEY(rpc_engine);
KEY(rpc_call); KEY(rpc_pipe); KEY(dcerpc); KEY(stats);

KEY(accepted); KEY(action); KEY(age); KEY(annotation); KEY(any_interface); KEY(auth_level);
KEY(auth_type); KEY(binds); KEY(bytes_toclient); KEY(bytes_toserver); KEY(call_id); KEY(category);
KEY(client_ip); KEY(context_id); KEY(detail); KEY(end); KEY(endpoint); KEY(event); KEY(gid);
KEY(host); KEY(id); KEY(interfaces); KEY(mapper); KEY(metadata); KEY(midstream);
KEY(mitre_technique_id); KEY(moved_from); KEY(name); KEY(object); KEY(operation); KEY(opnum);
KEY(pdu); KEY(pinhole_id); KEY(pipe); KEY(pkts_toclient); KEY(pkts_toserver); KEY(port);
KEY(protseq); KEY(reason); KEY(req); KEY(request); KEY(response); KEY(rev); KEY(rpc_reason);
KEY(rpc_version); KEY(rule); KEY(rule_name); KEY(server_ip); KEY(service); KEY(severity);
KEY(signature); KEY(signature_id); KEY(source); KEY(start); KEY(state); KEY(target); KEY(tower_ip);
KEY(transfer_syntaxes); KEY(transfer_syntaxes_offered); KEY(ttl); KEY(until); KEY(uses); KEY(uuid);
KEY(verdict); KEY(version);
#undef KEY
/* clang-format on */

/* -------------------------------------------------------- parts of many bodies */

/* Each kind of phrase has keys of its own: the kind stands in the last word, which is never 0 */
enum phrase { PHRASE_ENDS = 1, PHRASE_INTERFACE, PHRASE_SYNTAX };
#define PHRASE_KIND(kind) ((uint64_t)(kind) << 56)

static void put_plain_syntax(struct line *line, unsigned object, const void *what)
{
	const struct rpcgate_syntax *syntax = what;

	line_uuid(line, object, &key_uuid, &syntax->uuid);
	line_version(line, object, &key_version, syntax->major, syntax->minor);
}

static void put_known_interface(struct line *line, unsigned object, const void *what)
{
	const struct rpcgate_interface *known = rpcgate_interface_find(what);

	put_plain_syntax(line, object, what);
	if (!known)
		return;
	line_text(line, object, &key_name, known->name);
	line_text(line, object, &key_service, known->service);
}

static void put_syntax_as(struct line *line, unsigned object, const struct rpcgate_syntax *syntax,
			  enum phrase kind, line_members *put)
{
	uint64_t key[JSON_PHRASE_KEY] = {
		[2] = (uint64_t)syntax->major << 16 | syntax->minor,
		[JSON_PHRASE_KEY - 1] = PHRASE_KIND(kind),
	};

	memcpy(key, &syntax->uuid, sizeof(syntax->uuid));
	line_remembered(line, object, key, put, syntax);
}

static void put_syntax(struct line *line, unsigned object, const struct rpcgate_syntax *syntax)
{
	put_syntax_as(line, object, syntax, PHRASE_SYNTAX, put_plain_syntax);
}

static void put_interface(struct line *line, unsigned object, const struct rpcgate_syntax *syntax)
{
	put_syntax_as(line, object, syntax, PHRASE_INTERFACE, put_known_interface);
}

static void put_operation(struct line *line, unsigned object, const struct rpcgate_uuid *interface,
			  uint16_t opnum)
{
	const char *name = interface ? rpcgate_operation_name(interface, opnum) : NULL;

	line_number(line, object, &key_opnum, opnum);
	if (name)
		line_text(line, object, &key_operation, name);
}

/* ----------------------------------------------------------------- the words */

#define NAME(names, value) ((size_t)(value) < COUNT(names) ? (names)[value] : "unknown")

static bool is_answer(uint8_t ptype)
{
	return ptype == 2 || ptype == 3 || ptype == 12 || ptype == 13 || ptype == 15;
}

/* ---------------------------------------------------------------- the bodies */

static bool uuid_is_nil(const struct rpcgate_uuid *uuid)
{
	static const struct rpcgate_uuid nil;

	return memcmp(uuid, &nil, sizeof(nil)) == 0;
}

/* Where a proxy is to go */
static void put_target(struct line *line, unsigned body, const uint8_t *host, size_t n,
		       uint16_t port)
{
	unsigned target;

	if (!port)
		return;
	target = line_object(line, body, &key_target);
	line_foreign(line, target, &key_host, host, n);
	line_number(line, target, &key_port, port);
}

static void binding_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_binding_event *b = &event->u.binding;

	line_text(line, body, &key_source, NAME(source_names, b->source));
	put_interface(line, body, &b->interface);
	if (b->any_interface)
		line_bool(line, body, &key_any_interface, true);
	if (!uuid_is_nil(&b->object))
		line_uuid(line, body, &key_object, &b->object);
	if (b->annotation_len)
		line_foreign(line, body, &key_annotation, b->annotation, b->annotation_len);
	line_text(line, body, &key_protseq, rpcgate_protseq_name(b->protseq));
	line_addr(line, body, &key_server_ip, &b->server);
	line_number(line, body, &key_port, b->port);
	if (b->moved_from)
		line_number(line, body, &key_moved_from, b->moved_from);
	if (b->endpoint_len)
		line_foreign(line, body, &key_endpoint, b->endpoint, b->endpoint_len);
	if (b->has_tower_ip)
		line_addr(line, body, &key_tower_ip, &b->tower_ip);
	put_target(line, body, b->target.host, b->target.host_len, b->target.port);
	line_bool(line, body, &key_accepted, b->accepted);
	line_text(line, body, &key_reason, rpcgate_reason_name(b->reason));
}

static void pinhole_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_pinhole_event *p = &event->u.pinhole;

	line_text(line, body, &key_action, NAME(pinhole_action_names, p->action));
	line_number(line, body, &key_id, p->id);
	line_addr(line, body, &key_client_ip, &p->client);
	line_addr(line, body, &key_server_ip, &p->server);
	line_number(line, body, &key_port, p->port);
	line_text(line, body, &key_proto, p->proto == PROTO_UDP ? "UDP" : "TCP");
	put_interface(line, body, &p->interface);
	line_text(line, body, &key_source, NAME(source_names, p->source));
	line_number(line, body, &key_ttl, p->ttl_s);
	line_number(line, body, &key_uses, p->uses);
	if (p->until_ns)
		line_time(line, body, &key_until, p->until_ns);
	line_text(line, body, &key_reason, rpcgate_reason_name(p->reason));
}

static void put_transfer_syntaxes(struct line *line, unsigned body, size_t offered,
				  const struct rpcgate_syntax *transfer)
{
	unsigned list = line_array(line, body, &key_transfer_syntaxes);
	size_t n = offered < RPCGATE_SYNTAXES_MAX ? offered : RPCGATE_SYNTAXES_MAX;

	for (size_t i = 0; i < n; i++)
		put_syntax(line, line_object(line, list, NULL), &transfer[i]);
	if (offered > n)
		line_number(line, body, &key_transfer_syntaxes_offered, offered);
}

/* The rule that decided, by where it stands; its name is the administrator's */
static void put_rule(struct line *line, unsigned body, const char *file, uint32_t number,
		     const char *name)
{
	char rule[FOREIGN_MAX + DIGITS_MAX];
	size_t n;

	if (!number)
		return;
	n = file ? strnlen(file, FOREIGN_MAX - 1) : 0;
	if (n)
		memcpy(rule, file, n);
	rule[n++] = ':';
	n = (size_t)(digits_put(rule + n, number) - rule);
	line_foreign(line, body, &key_rule, rule, n < FOREIGN_MAX ? n : FOREIGN_MAX - 1);
	if (name)
		line_foreign(line, body, &key_rule_name, name, strlen(name));
}

static void bind_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_bind_event *b = &event->u.bind;

	line_text(line, body, &key_pdu, NAME(bind_pdu_names, b->pdu));
	line_number(line, body, &key_call_id, b->call_id);
	line_number(line, body, &key_context_id, b->context_id);
	put_interface(line, body, &b->interface);
	put_transfer_syntaxes(line, body, b->n_transfer, b->transfer);
	line_number(line, body, &key_auth_type, b->auth_type);
	line_number(line, body, &key_auth_level, b->auth_level);
	line_text(line, body, &key_verdict, NAME(verdict_names, b->verdict));
	line_text(line, body, &key_action, NAME(action_names, b->action));
	line_text(line, body, &key_reason, rpcgate_reason_name(b->reason));
	put_rule(line, body, b->rule_file, b->rule_line, b->rule_name);
	if (b->pinhole_id)
		line_number(line, body, &key_pinhole_id, b->pinhole_id);
	put_target(line, body, b->target, b->target_len, b->target_port);
	if (b->has_age)
		line_seconds(line, body, &key_age, b->age_ns);
}

static void call_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_call_event *c = &event->u.call;

	line_number(line, body, &key_call_id, c->call_id);
	line_number(line, body, &key_context_id, c->context_id);
	put_interface(line, body, &c->interface);
	put_operation(line, body, &c->interface.uuid, c->opnum);
	line_number(line, body, &key_auth_level, c->auth_level);
	line_text(line, body, &key_verdict, NAME(verdict_names, c->verdict));
	line_text(line, body, &key_action, NAME(action_names, c->action));
	line_text(line, body, &key_reason, rpcgate_reason_name(c->reason));
	put_rule(line, body, c->rule_file, c->rule_line, c->rule_name);
}

static void pipe_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_pipe_event *p = &event->u.pipe;

	if (p->pipe_len)
		line_foreign(line, body, &key_pipe, p->pipe, p->pipe_len);
	line_text(line, body, &key_pdu, NAME(bind_pdu_names, p->pdu));
	line_number(line, body, &key_call_id, p->call_id);
	line_number(line, body, &key_context_id, p->context_id);
	put_interface(line, body, &p->interface);
	put_transfer_syntaxes(line, body, p->n_transfer, p->transfer);
	line_number(line, body, &key_auth_type, p->auth_type);
	line_number(line, body, &key_auth_level, p->auth_level);
}

static void put_techniques(struct line *line, unsigned metadata,
			   const struct rpcgate_alert_event *alert)
{
	const struct rpcgate_interface *known =
		alert->has_interface ? rpcgate_interface_find(&alert->interface) : NULL;
	const char *techniques[] = {
		signature_of(alert->reason)->technique,
		known ? technique_of(known->name) : NULL,
	};
	unsigned list = 0;

	for (size_t i = 0; i < COUNT(techniques); i++) {
		if (!techniques[i])
			continue;
		if (!list)
			list = line_array(line, metadata, &key_mitre_technique_id);
		line_text(line, list, NULL, techniques[i]);
	}
}

static void alert_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	const struct signature *signature = signature_of(a->reason);
	bool blocked = a->action == RPCGATE_DROP || a->action == RPCGATE_REJECT;
	unsigned metadata;

	line_text(line, body, &key_action, blocked ? "blocked" : "allowed");
	line_number(line, body, &key_gid, SIGNATURE_GID);
	line_number(line, body, &key_signature_id, signature->id);
	line_number(line, body, &key_rev, signature->rev);
	line_text(line, body, &key_signature, signature->text);
	line_text(line, body, &key_category, signature->category);
	line_number(line, body, &key_severity, signature->severity);
	metadata = line_object(line, body, &key_metadata);
	line_text(line, line_array(line, metadata, &key_rpc_reason), NULL,
		  rpcgate_reason_name(a->reason));
	put_techniques(line, metadata, a);
}

/* What the PDU was that caused an alert.  It was judged when it was seen: a request has no answer
 * yet, and of an answer the request was seen before or not at all. */
static void put_dcerpc(struct line *line, const struct rpcgate_event *event)
{
	const struct rpcgate_alert_event *a = &event->u.alert;
	unsigned body;
	unsigned interfaces;

	if (a->ptype == NO_PTYPE)
		return;
	body = line_object(line, LINE_ROOT, &key_dcerpc);
	line_text(line, body, &key_request,
		  is_answer(a->ptype) ? "REQUEST_LOST" : NAME(ptype_names, a->ptype));
	line_text(line, body, &key_response,
		  is_answer(a->ptype) ? NAME(ptype_names, a->ptype) : "UNREPLIED");
	line_number(line, body, &key_call_id, a->call_id);
	/* connectionless PDUs are version 4 (C706 12.5.2.1) */
	line_version(line, body, &key_rpc_version, event->proto == PROTO_UDP ? 4 : 5, a->rpc_minor);
	if (a->ptype == 0)
		put_operation(line, line_object(line, body, &key_req),
			      a->has_interface ? &a->interface.uuid : NULL, a->opnum);
	interfaces = line_array(line, body, &key_interfaces);
	if (a->has_interface)
		put_interface(line, line_object(line, interfaces, NULL), &a->interface);
}

static void flow_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_flow_event *f = &event->u.flow;

	line_number(line, body, &key_pkts_toserver, f->packets_toserver);
	line_number(line, body, &key_pkts_toclient, f->packets_toclient);
	line_number(line, body, &key_bytes_toserver, f->octets_toserver);
	line_number(line, body, &key_bytes_toclient, f->octets_toclient);
	line_time(line, body, &key_start, f->start_ns);
	line_time(line, body, &key_end, f->end_ns);
	line_text(line, body, &key_state, NAME(flow_state_names, f->state));
	line_text(line, body, &key_reason, rpcgate_reason_name(f->reason));
	line_bool(line, body, &key_mapper, f->mapper);
	line_bool(line, body, &key_midstream, f->midstream);
	line_number(line, body, &key_binds, f->binds);
	line_number(line, body, &key_accepted, f->accepted);
}

static void engine_body(struct line *line, unsigned body, const struct rpcgate_event *event)
{
	const struct rpcgate_engine_event *e = &event->u.engine;

	line_text(line, body, &key_event, e->event ? e->event : "unknown");
	line_text(line, body, &key_detail, e->detail ? e->detail : "");
	line_text(line, body, &key_reason, rpcgate_reason_name(e->reason));
}

/* The body is named like the event */
static const struct {
	const struct json_key *key;
	void (*fill)(struct line *line, unsigned body, const struct rpcgate_event *event);
} bodies[] = {
	[RPCGATE_EVENT_BINDING] = { &key_rpc_binding, binding_body },
	[RPCGATE_EVENT_PINHOLE] = { &key_rpc_pinhole, pinhole_body },
	[RPCGATE_EVENT_BIND] = { &key_rpc_bind, bind_body },
	[RPCGATE_EVENT_ALERT] = { &key_alert, alert_body },
	[RPCGATE_EVENT_FLOW] = { &key_flow, flow_body },
	[RPCGATE_EVENT_ENGINE] = { &key_rpc_engine, engine_body },
	[RPCGATE_EVENT_CALL] = { &key_rpc_call, call_body },
	[RPCGATE_EVENT_PIPE] = { &key_rpc_pipe, pipe_body },
};

/* ------------------------------------------------------------------ the lines */

static void start_line(struct line *line, FILE *out, struct json_memory *memory, uint64_t time_ns,
		       const char *event_type)
{
	line_start(line, out, memory);
	line_time(line, LINE_ROOT, &key_timestamp, time_ns);
	line_text(line, LINE_ROOT, &key_event_type, event_type);
}

static void put_vlan(struct line *line, const struct rpcgate_event *event)
{
	size_t n = event->n_vlan < COUNT(event->vlan) ? event->n_vlan : COUNT(event->vlan);
	unsigned list;

	if (!n)
		return;
	list = line_array(line, LINE_ROOT, &key_vlan);
	for (size_t i = 0; i < n; i++)
		line_number(line, list, NULL, event->vlan[i]);
}

static void put_flow_ends(struct line *line, unsigned in, const void *what)
{
	const struct rpcgate_event *event = what;
	const struct community_end client = { event->src, event->src_port };
	const struct community_end server = { event->dest, event->dest_port };
	char id[COMMUNITY_ID_TEXT];

	line_addr(line, in, &key_src_ip, &event->src);
	if (event->src_port)
		line_number(line, in, &key_src_port, event->src_port);
	line_addr(line, in, &key_dest_ip, &event->dest);
	line_number(line, in, &key_dest_port, event->dest_port);
	line_text(line, in, &key_proto, event->proto == PROTO_TCP ? "TCP" : "UDP");
	/* A pinhole is for any port of the client: without one there is no flow to name. */
	if (event->src_port)
		line_text(line, in, &key_community_id,
			  community_id(event->proto, &client, &server, id));
}

static void put_ends(struct line *line, const struct rpcgate_event *event)
{
	uint64_t key[JSON_PHRASE_KEY] = {
		[JSON_PHRASE_KEY - 1] = PHRASE_KIND(PHRASE_ENDS) | (uint64_t)event->proto << 32 |
					(uint64_t)event->src_port << 16 | event->dest_port,
	};

	if (event->proto != PROTO_TCP && event->proto != PROTO_UDP)
		return;
	if (event->type == RPCGATE_EVENT_ENGINE && !event->flow_id)
		return; /* about the engine, not about somebody's traffic */
	memcpy(key, &event->src, sizeof(event->src));
	memcpy(key + 2, &event->dest, sizeof(event->dest));
	line_remembered(line, LINE_ROOT, key, put_flow_ends, event);
}

static void put_origin(struct line *line, const struct json_origin *origin)
{
	if (!origin->file)
		return;
	line_number(line, LINE_ROOT, &key_pcap_cnt, origin->frame);
	line_foreign(line, LINE_ROOT, &key_pcap_filename, origin->file, strlen(origin->file));
}

bool json_write_event(FILE *out, struct json_memory *memory, const struct rpcgate_event *event,
		      const struct json_origin *origin)
{
	struct line line;

	if ((size_t)event->type >= COUNT(bodies))
		return true;
	start_line(&line, out, memory, event->time_ns, event_type_names[event->type]);
	if (event->flow_id)
		line_number(&line, LINE_ROOT, &key_flow_id, event->flow_id);
	if (event->parent_id)
		line_number(&line, LINE_ROOT, &key_parent_id, event->parent_id);
	put_vlan(&line, event);
	put_ends(&line, event);
	put_origin(&line, origin);
	bodies[event->type].fill(&line, line_object(&line, LINE_ROOT, bodies[event->type].key),
				 event);
	if (event->type == RPCGATE_EVENT_ALERT)
		put_dcerpc(&line, event);
	if (origin->ndpi)
		line_text(&line, line_object(&line, LINE_ROOT, &key_ndpi), &key_proto,
			  origin->ndpi);
	return line_end(&line);
}

bool json_write_stats(FILE *out, uint64_t time_ns, const struct rpcgate_stats *stats)
{
	struct line line;
	unsigned body;

	start_line(&line, out, NULL, time_ns, "stats");
	body = line_object(&line, LINE_ROOT, &key_stats);
#define PUT(member, text)                                                                          \
	line_number(&line, body, &(const struct json_key)JSON_KEY(#member), stats->member);
	RPCGATE_COUNTERS(PUT)
#undef PUT
	return line_end(&line);
}

bool json_write_engine(FILE *out, uint64_t time_ns, const char *file, const char *event,
		       const char *detail)
{
	size_t n = strlen(detail);
	struct line line;
	unsigned body;

	start_line(&line, out, NULL, time_ns, "rpc_engine");
	if (file)
		line_foreign(&line, LINE_ROOT, &key_pcap_filename, file, strlen(file));
	body = line_object(&line, LINE_ROOT, &key_rpc_engine);
	line_text(&line, body, &key_event, event);
	line_foreign(&line, body, &key_detail, detail, n < DETAIL_MAX ? n : DETAIL_MAX);
	return line_end(&line);
}
