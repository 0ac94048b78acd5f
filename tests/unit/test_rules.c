/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules at work: every attack that a rule of one line can stop is stopped, its twin gets through;
 * what static, log, levels and the mapper's own interfaces mean on the wire.
 */
#include "play.h"

#include "rows.h"

#include <string.h>

static struct rpcgate_policy *parse(const char *text)
{
	const struct rpcgate_policy_source source = { "policy.conf", text, strlen(text) };
	struct rpcgate_policy_error error;
	struct rpcgate_policy *policy;
	size_t n;

	policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);
	if (!policy)
		fail_msg("%s:%u:%u: %s", error.file, error.line, error.column, error.text);
	return policy;
}

static struct rpcgate_syntax interface_of(const char *uuid)
{
	struct rpcgate_syntax id = { .major = 0 };
	const struct rpcgate_interface *known;

	assert_true(rpcgate_uuid_parse(uuid, &id.uuid));
	known = rpcgate_interface_find(&id);
	assert_non_null(known);
	return known->id;
}

/* A request as one PDU */
static void request_pdu(struct octets *o, uint16_t context, uint16_t opnum, const struct head *head,
			const struct auth *auth)
{
	const struct call call = {
		.type = PTYPE_REQUEST, .context_id = context, .opnum = opnum, .auth = auth
	};

	pdu_call(o, head, &call, "12345678", 8);
}

static size_t calls_of(const struct outcome *out, enum rpcgate_verdict verdict, uint16_t opnum)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		n += e->type == RPCGATE_EVENT_CALL && e->u.call.verdict == verdict &&
		     e->u.call.opnum == opnum;
	}
	return n;
}

/* Where a service is found: learned, or behind the mapper */
static struct conn reach(struct play *p, const char *trick, const struct rpcgate_policy *policy,
			 const struct rpcgate_syntax *iface, bool mapper)
{
	struct conn c;

	play_begin(p, trick);
	p->policy = policy;
	if (!mapper)
		play_map(p, iface, PORT);
	c = play_dial(p, CLIENT_HOST, SERVER_HOST, mapper ? 135 : PORT);
	conn_open(&c);
	return c;
}

/* ------------------------------------------- what a rule can stop, threat by threat */

static const struct attack {
	const char *name;
	const char *rule;
	const char *uuid;
	int opnum;    /* -1: the bind is refused */
	int harmless; /* an operation that the rule leaves alone */
	bool mapper;
} attacks[] = {
#define DRSUAPI "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
#define NETLOGON "12345678-1234-abcd-ef00-01234567cffb"
#define PAR "76f03f96-cdfd-44fc-a22c-64950a001209"
#define RPRN "12345678-1234-abcd-ef00-0123456789ab"
#define SVCCTL "367abb81-9844-35f1-ad32-98f038001003"
#define TASKS "86d35949-83c9-4044-b424-db363231fd0c"
#define EFS_LSA "c681d488-d850-11d0-8c52-00c04fd90f7e"
#define EFS "df1941c5-fe89-4e79-bf10-463657acf44d"
#define DFSNM "4fc742e0-4a10-11cf-8273-00aa004ae673"
#define FSRVP "a8e0653c-2744-4389-a61d-7373df8b2292"
#define DNS "50abc2a4-574d-40b3-9d66-ee4fd5fba076"
#define SCM "000001a0-0000-0000-c000-000000000046"
#define SAMR "12345778-1234-abcd-ef00-0123456789ac"
#define LSARPC "12345778-1234-abcd-ef00-0123456789ab"
	{ "DCSync", "deny interface drsuapi opnum 3", DRSUAPI, 3, 0, false },
	{ "DCSync by name", "deny drsuapi opnum DRSGetNCChanges", DRSUAPI, 3, 12, false },
	{ "DCSync by UUID", "deny interface " DRSUAPI " opnum 3", DRSUAPI, 3, 12, false },
	{ "Zerologon, challenge", "deny interface netlogon opnum 4,26,30", NETLOGON, 4, 2, false },
	{ "Zerologon, authenticate", "deny interface netlogon opnum 4,26,30", NETLOGON, 26, 27,
	  false },
	{ "Zerologon, password", "deny interface netlogon opnum 4,26,30", NETLOGON, 30, 29, false },
	{ "PrintNightmare", "deny interface IRemoteWinspool opnum 39", PAR, 39, 38, false },
	{ "printer coercion", "deny interface spoolss opnum 65,89", RPRN, 65, 1, false },
	{ "printer driver", "deny interface spoolss opnum 65,89", RPRN, 89, 90, false },
	{ "a service is made", "deny interface svcctl opnum 12", SVCCTL, 12, 15, false },
	{ "a task is made", "deny interface ITaskSchedulerService opnum 1", TASKS, 1, 0, false },
	{ "PetitPotam, open", "deny interface efsrpc_lsa opnum 0,4", EFS_LSA, 0, 1, false },
	{ "PetitPotam, encrypt, by the other UUID", "deny interface efsrpc_lsa opnum 0,4", EFS_LSA,
	  4, 5, false },
	{ "PetitPotam, open, by the other UUID", "deny efsrpc opnum EfsRpcOpenFileRaw", EFS, 0, 1,
	  false },
	{ "PetitPotam, encrypt", "deny interface efsrpc opnum 0,4", EFS, 4, 5, false },
	{ "DFS coercion, add", "deny interface netdfs opnum 12-13", DFSNM, 12, 11, false },
	{ "DFS coercion, remove", "deny interface netdfs opnum 12-13", DFSNM, 13, 14, false },
	{ "shadow copy coercion, supported", "deny interface FileServerVssAgent opnum 8,9", FSRVP,
	  8, 7, false },
	{ "shadow copy coercion, path", "deny interface FileServerVssAgent opnum 8,9", FSRVP, 9, 10,
	  false },
	{ "DNS plug-in", "deny interface DnsServer", DNS, -1, 0, false },
	{ "DCOM execution", "deny interface IRemoteSCMActivator opnum 4", SCM, 4, 3, true },
	{ "DCOM activation as a whole", "deny interface IRemoteSCMActivator", SCM, -1, 0, true },
	{ "account lists, samr", "deny interface samr", SAMR, -1, 0, false },
	{ "account lists, lsarpc", "deny interface lsarpc", LSARPC, -1, 0, false },
	{ "a whole group", "deny group lsass", SAMR, -1, 0, false },
};

/* @p opnum -1: the bind alone */
static void play_attack(struct play *p, const struct attack *a, const struct rpcgate_policy *policy,
			int opnum)
{
	const struct rpcgate_syntax iface = interface_of(a->uuid);
	struct octets o = { 0 };
	struct conn c = reach(p, a->name, policy, &iface, a->mapper);

	if (opnum < 0) {
		play_bind_pdu(&o, &iface);
	} else {
		talk_bind(&c, &iface, 1);
		request_pdu(&o, 0, (uint16_t)opnum, &head_plain, NULL);
	}
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(p);
	octets_free(&o);
}

static void attack_is_refused(void **state)
{
	const struct attack *a = *state;
	const struct rpcgate_syntax iface = interface_of(a->uuid);
	enum rpcgate_reason reason = a->opnum < 0 ? RPCGATE_REASON_RULE_DENY :
						    RPCGATE_REASON_OPNUM_DENIED;
	struct rpcgate_policy *policy = parse(a->rule);
	struct play p;

	play_attack(&p, a, policy, a->opnum);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, reason), 1);
	assert_int_equal(play_alerts(&p.enforce, reason), 1);
	assert_int_equal(p.enforce.action[p.marked], RPCGATE_REJECT);
	assert_int_equal(p.observe.action[p.marked], RPCGATE_PASS);
	if (a->opnum < 0) {
		assert_int_equal(play_binds(&p.enforce, &iface, 0, RPCGATE_DENY), 1);
	} else {
		assert_int_equal(play_binds(&p.enforce, &iface, 0, RPCGATE_ALLOW), 1);
		assert_int_equal(calls_of(&p.enforce, RPCGATE_DENY, (uint16_t)a->opnum), 1);
	}
	play_end(&p);
	rpcgate_policy_free(policy);
}

static void twin_gets_through(void **state)
{
	const struct attack *a = *state;
	struct rpcgate_policy *policy = parse(a->opnum < 0 ? "deny interface winreg" : a->rule);
	struct play p;

	play_attack(&p, a, policy, a->opnum < 0 ? -1 : a->harmless);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_COUNT), 0);
	assert_int_equal(p.enforce.action[p.marked], RPCGATE_PASS);
	assert_int_equal(p.enforce.stats.calls_judged, 0);
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* --------------------------------------- a request reaches the server in many shapes */

enum shape {
	SHAPE_OCTETS,   /* one octet in a segment */
	SHAPE_BEHIND,   /* behind a harmless request in one segment */
	SHAPE_BIG,      /* big-endian */
	SHAPE_PIPELINE, /* before the server answered the bind */
	SHAPE_SECOND,   /* the harmless number in the first fragment, the other in the second */
	SHAPE_BACKWARDS /* two segments that swap places inside the head */
};

static const struct shaped {
	const char *name;
	enum shape shape;
} shapes[] = {
	{ "one octet in a segment", SHAPE_OCTETS },
	{ "two requests in a segment", SHAPE_BEHIND },
	{ "big-endian", SHAPE_BIG },
	{ "before the bind is answered", SHAPE_PIPELINE },
	{ "the number changes with the fragment", SHAPE_SECOND },
	{ "the head comes backwards", SHAPE_BACKWARDS },
};

static void send_shape(struct conn *c, enum shape shape, uint16_t opnum)
{
	struct head head = head_plain;
	struct octets o = { 0 };

	head.call_id = 2;
	if (shape == SHAPE_BEHIND)
		request_pdu(&o, 0, 0, &head, NULL);
	if (shape == SHAPE_SECOND) {
		head.flags = 1;
		request_pdu(&o, 0, 0, &head, NULL);
		head.flags = 2;
	}
	head.big = shape == SHAPE_BIG;
	request_pdu(&o, 0, opnum, &head, NULL);
	if (shape == SHAPE_OCTETS)
		c->mss = 1;
	if (shape == SHAPE_BACKWARDS) {
		conn_at(c, CLIENT, 20, o.p + 20, o.n - 20);
		conn_at(c, CLIENT, 0, o.p, 20);
		conn_skip(c, CLIENT, o.n);
	} else {
		conn_data(c, CLIENT, o.p, o.n);
	}
	octets_free(&o);
}

static void shape_changes_nothing(void **state)
{
	const struct shaped *s = *state;
	struct rpcgate_policy *policy = parse("deny interface samr opnum 13");

	for (uint16_t opnum = 13; opnum <= 14; opnum++) {
		struct octets bind = { 0 };
		struct play p;
		struct conn c = reach(&p, s->name, policy, &iface_samr, false);

		if (s->shape == SHAPE_PIPELINE) {
			play_bind_pdu(&bind, &iface_samr);
			conn_data(&c, CLIENT, bind.p, bind.n);
		} else {
			talk_bind(&c, &iface_samr, 1);
		}
		send_shape(&c, s->shape, opnum);
		play_judge(&p);
		assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_OPNUM_DENIED), opnum == 13);
		assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_OPNUM_DENIED), opnum == 13);
		assert_int_equal(p.enforce.action[p.packets.n - 1] != RPCGATE_PASS, opnum == 13);
		octets_free(&bind);
		play_end(&p);
	}
	rpcgate_policy_free(policy);
}

/* ------------------------------------------------------------ what is said of binds */

static const struct bound {
	const char *name;
	const char *policy;
	uint16_t learned; /* port that samr was announced on, 0: none */
	uint16_t port;
	const char *uuid;
	enum rpcgate_verdict verdict;
	enum rpcgate_reason reason;
	uint32_t line;
} bounds[] = {
	{ "no rule, learned", "deny interface winreg", PORT, PORT, SAMR, RPCGATE_ALLOW,
	  RPCGATE_REASON_LEARNED, 0 },
	{ "allow, learned", "\nallow interface samr", PORT, PORT, SAMR, RPCGATE_ALLOW,
	  RPCGATE_REASON_RULE_ALLOW, 2 },
	{ "log, learned", "log interface samr", PORT, PORT, SAMR, RPCGATE_LOG,
	  RPCGATE_REASON_RULE_ALLOW, 1 },
	{ "deny, learned", "deny interface samr", PORT, PORT, SAMR, RPCGATE_DENY,
	  RPCGATE_REASON_RULE_DENY, 1 },
	{ "deny, not learned", "deny interface samr", 0, PORT, SAMR, RPCGATE_DENY,
	  RPCGATE_REASON_RULE_DENY, 1 },
	{ "allow opens nothing", "allow interface samr", 0, PORT, SAMR, RPCGATE_DENY,
	  RPCGATE_REASON_NO_PINHOLE, 0 },
	{ "allow of any opens nothing", "allow any", PORT, PORT, LSARPC, RPCGATE_DENY,
	  RPCGATE_REASON_UUID_NOT_GRANTED, 0 },
	{ "for another client", "deny interface samr from 203.0.113.0/24", PORT, PORT, SAMR,
	  RPCGATE_ALLOW, RPCGATE_REASON_LEARNED, 0 },
	{ "static below 1024", "static 145", 0, 145, SAMR, RPCGATE_ALLOW, RPCGATE_REASON_STATIC,
	  1 },
	{ "static in a range", "deny interface winreg\nstatic 140-150 interface samr", 0, 145, SAMR,
	  RPCGATE_ALLOW, RPCGATE_REASON_STATIC, 2 },
	{ "static for another interface", "static 145 interface lsarpc", 0, 145, SAMR, RPCGATE_DENY,
	  RPCGATE_REASON_NO_PINHOLE, 0 },
	{ "static for another server", "static 145 to 192.0.2.99", 0, 145, SAMR, RPCGATE_DENY,
	  RPCGATE_REASON_NO_PINHOLE, 0 },
	{ "static beside its port", "static 146", 0, 145, SAMR, RPCGATE_DENY,
	  RPCGATE_REASON_NO_PINHOLE, 0 },
	{ "static, then deny", "static 5722 interface samr\ndeny any", 0, 5722, SAMR, RPCGATE_ALLOW,
	  RPCGATE_REASON_STATIC, 1 },
	{ "deny, then static", "deny any\nstatic 5722 interface samr", 0, 5722, SAMR, RPCGATE_DENY,
	  RPCGATE_REASON_RULE_DENY, 1 },
	{ "allow, then static, then deny", "allow interface samr\nstatic 5722\ndeny any", 0, 5722,
	  SAMR, RPCGATE_ALLOW, RPCGATE_REASON_STATIC, 2 },
	{ "log, then static", "log interface samr\nstatic 5722", 0, 5722, SAMR, RPCGATE_LOG,
	  RPCGATE_REASON_STATIC, 2 },
	{ "management, unasked", "allow any", PORT, PORT, "afa8bd80-7d8a-11c9-bef4-08002b102989",
	  RPCGATE_DENY, RPCGATE_REASON_UUID_NOT_GRANTED, 0 },
	{ "management, by name", "allow interface mgmt", PORT, PORT,
	  "afa8bd80-7d8a-11c9-bef4-08002b102989", RPCGATE_ALLOW, RPCGATE_REASON_RULE_ALLOW, 1 },
	{ "management, by name, where nothing is open", "allow interface mgmt", 0, PORT,
	  "afa8bd80-7d8a-11c9-bef4-08002b102989", RPCGATE_DENY, RPCGATE_REASON_NO_PINHOLE, 0 },
	{ "the mapper is not any interface", "deny any", 0, 135,
	  "e1af8308-5d1f-11c9-91a4-08002b14a0fa", RPCGATE_ALLOW, RPCGATE_REASON_MAPPER, 0 },
	{ "the mapper by name", "deny interface epmapper", 0, 135,
	  "e1af8308-5d1f-11c9-91a4-08002b14a0fa", RPCGATE_DENY, RPCGATE_REASON_RULE_DENY, 1 },
	{ "the mapper by group", "deny group rpcss from 192.0.2.10", 0, 135,
	  "e1af8308-5d1f-11c9-91a4-08002b14a0fa", RPCGATE_DENY, RPCGATE_REASON_RULE_DENY, 1 },
	{ "some calls are allowed, so the bind passes", "allow interface samr opnum 1\ndeny any",
	  PORT, PORT, SAMR, RPCGATE_ALLOW, RPCGATE_REASON_RULE_ALLOW, 1 },
	{ "some calls are refused, and so is the bind", "deny interface samr opnum 1\ndeny any",
	  PORT, PORT, SAMR, RPCGATE_DENY, RPCGATE_REASON_RULE_DENY, 2 },
};

static const struct rpcgate_bind_event *bind_on(const struct outcome *out,
						const struct rpcgate_syntax *iface)
{
	const struct rpcgate_bind_event *last = NULL;

	for (size_t i = 0; i < out->n; i++) {
		const struct rpcgate_event *e = &out->at[i].event;

		if (e->type == RPCGATE_EVENT_BIND &&
		    memcmp(&e->u.bind.interface.uuid, &iface->uuid, sizeof(iface->uuid)) == 0)
			last = &e->u.bind;
	}
	return last;
}

static void bind_is_judged(void **state)
{
	const struct bound *b = *state;
	const struct rpcgate_syntax iface = interface_of(b->uuid);
	struct rpcgate_policy *policy = parse(b->policy);
	const struct rpcgate_bind_event *e;
	struct play p;

	play_begin(&p, b->name);
	p.policy = policy;
	if (b->learned)
		play_map(&p, &iface_samr, b->learned);
	play_service(&p, b->port, &iface);
	play_judge(&p);
	e = bind_on(&p.enforce, &iface);
	assert_non_null(e);
	assert_string_equal(rpcgate_reason_name(e->reason), rpcgate_reason_name(b->reason));
	assert_int_equal(e->verdict, b->verdict);
	assert_int_equal(e->rule_line, b->line);
	if (b->line)
		assert_string_equal(e->rule_file, "policy.conf");
	assert_int_equal(p.enforce.action[p.marked] == RPCGATE_PASS, b->verdict != RPCGATE_DENY);
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* --------------------------------------------------------------------- levels */

static const struct levelled {
	const char *name;
	const char *policy;
	uint8_t bind;               /* level of the bind, 0: no authentication */
	uint8_t second;             /* level of an alter_context that follows, 0: none */
	uint8_t request;            /* level of the request, 0: no trailer */
	enum rpcgate_reason reason; /* NONE: allowed */
} levelled[] = {
	{ "privacy asked for and there", "deny interface samr auth privacy", 6, 0, 6,
	  RPCGATE_REASON_NONE },
	{ "integrity where privacy is asked for", "deny interface samr auth privacy", 5, 0, 5,
	  RPCGATE_REASON_AUTH_LEVEL },
	{ "no authentication", "deny interface samr auth connect", 0, 0, 0,
	  RPCGATE_REASON_AUTH_LEVEL },
	{ "connected is enough", "deny interface samr auth connect", 6, 0, 0, RPCGATE_REASON_NONE },
	{ "a request without trailer is connected at best", "deny interface samr auth packet", 6, 0,
	  0, RPCGATE_REASON_AUTH_LEVEL },
	{ "the weakest of two contexts counts, also the first", "deny interface samr auth privacy",
	  2, 6, 6, RPCGATE_REASON_AUTH_LEVEL },
	{ "an exception before the rule",
	  "allow interface samr opnum 5\ndeny interface samr opnum 0-9", 0, 0, 0,
	  RPCGATE_REASON_NONE },
	{ "an exception behind the rule",
	  "deny interface samr opnum 0-9\nallow interface samr opnum 5", 0, 0, 0,
	  RPCGATE_REASON_OPNUM_DENIED },
	{ "a static port before the refusal of the rest",
	  "allow interface samr opnum 6\nstatic 49160\ndeny any", 0, 0, 0, RPCGATE_REASON_NONE },
	{ "the weakest of two contexts counts", "deny interface samr auth privacy", 6, 2, 6,
	  RPCGATE_REASON_AUTH_LEVEL },
	{ "allow from a level on, deny the rest",
	  "allow interface samr auth integrity\ndeny interface samr", 5, 0, 5,
	  RPCGATE_REASON_NONE },
	{ "allow from a level on, and below it",
	  "allow interface samr auth integrity\ndeny interface samr", 4, 0, 4,
	  RPCGATE_REASON_AUTH_LEVEL },
	{ "an operation below a level", "deny interface samr opnum 5 auth privacy", 5, 0, 5,
	  RPCGATE_REASON_AUTH_LEVEL },
	{ "another operation below a level", "deny interface samr opnum 6 auth privacy", 5, 0, 5,
	  RPCGATE_REASON_NONE },
	{ "allow one operation, deny the rest", "allow interface samr opnum 5\ndeny any", 0, 0, 0,
	  RPCGATE_REASON_NONE },
	{ "allow another operation, deny the rest", "allow interface samr opnum 6\ndeny any", 0, 0,
	  0, RPCGATE_REASON_OPNUM_DENIED },
};

static void bind_with(struct conn *c, enum ptype type, uint16_t id, uint8_t level, uint32_t call_id)
{
	const struct auth auth = {
		.type = 10, .level = level, .context = id, .value = "NTLMSSP", .len = 8
	};
	const struct offer offer = { id, iface_samr, 1, &syntax_ndr };
	const struct answer answer = { 0, 0, syntax_ndr };
	struct head head = head_plain;
	struct octets o = { 0 };

	head.call_id = call_id;
	pdu_bind(&o, &head, type, &offer, 1, level ? &auth : NULL);
	conn_send(c, CLIENT, o.p, o.n);
	octets_clear(&o);
	pdu_bind_ack(&o, &head, type == PTYPE_BIND ? PTYPE_BIND_ACK : PTYPE_ALTER_RESP, "49160",
		     &answer, 1, NULL);
	conn_send(c, SERVER, o.p, o.n);
	octets_free(&o);
}

static void level_is_judged(void **state)
{
	const struct levelled *l = *state;
	struct rpcgate_policy *policy = parse(l->policy);
	const struct auth auth = {
		.type = 10, .level = l->request, .value = "0123456789abcdef", .len = 16
	};
	struct octets o = { 0 };
	struct play p;
	struct conn c = reach(&p, l->name, policy, &iface_samr, false);

	bind_with(&c, PTYPE_BIND, 0, l->bind, 1);
	if (l->second)
		bind_with(&c, PTYPE_ALTER, 1, l->second, 2);
	request_pdu(&o, 0, 5, &head_plain, l->request ? &auth : NULL);
	conn_data(&c, CLIENT, o.p, o.n);
	play_mark(&p);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_COUNT),
			 l->reason != RPCGATE_REASON_NONE);
	assert_int_equal(play_alerts(&p.enforce, l->reason), l->reason != RPCGATE_REASON_NONE);
	assert_int_equal(p.enforce.action[p.marked] == RPCGATE_PASS,
			 l->reason == RPCGATE_REASON_NONE);
	octets_free(&o);
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* ---------------------------------------------------------------------- others */

/* A static port is for RPC: anything else on it is refused, beside it is nobody's business */
static void only_rpc_on_a_static_port(void **state)
{
	struct rpcgate_policy *policy = parse("static 145 interface samr to " SERVER_HOST);
	static const struct {
		uint16_t port;
		const char *server;
		size_t alerts;
	} cases[] = { { 145, SERVER_HOST, 1 }, { 146, SERVER_HOST, 0 }, { 145, VICTIM_HOST, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct play p;
		struct conn c;

		play_begin(&p, "text on a port of RPC");
		p.policy = policy;
		c = play_dial(&p, CLIENT_HOST, cases[i].server, cases[i].port);
		conn_open(&c);
		conn_data(&c, CLIENT, "GET / HTTP/1.0\r\n\r\n", 18);
		play_judge(&p);
		assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_NOT_RPC), cases[i].alerts);
		play_end(&p);
	}
	rpcgate_policy_free(policy);
}

/* What changes a mapper's answers to others comes from its own host, not from a network */
static const struct change {
	const char *name;
	const struct rpcgate_syntax *iface;
	uint16_t opnum;
	const char *policy;
	bool refused;
} changes[] = {
	{ "ept_insert is refused", &iface_epm, 0, NULL, true },
	{ "ept_delete is refused", &iface_epm, 1, NULL, true },
	{ "ept_mgmt_delete is refused", &iface_epm, 6, NULL, true },
	{ "ept_lookup passes", &iface_epm, 2, NULL, false },
	{ "ept_map passes", &iface_epm, 3, NULL, false },
	{ "ept_lookup_handle_free passes", &iface_epm, 4, NULL, false },
	{ "ept_inq_object passes", &iface_epm, 5, NULL, false },
	{ "ept_map_auth passes", &iface_epm, 7, NULL, false },
	{ "operation 0 of another interface passes", &iface_oxid, 0, NULL, false },
	{ "a rule for the interface is not enough", &iface_epm, 0, "allow interface epmapper",
	  true },
	{ "a rule that names the operation is", &iface_epm, 0, "allow interface epmapper opnum 0-1",
	  false },
	{ "a rule that names another is not", &iface_epm, 6, "allow interface epmapper opnum 0-1",
	  true },
	{ "a rule for another client is not", &iface_epm, 0,
	  "allow interface epmapper opnum 0-1 from 203.0.113.66", true },
};

static void changes_are_refused(void **state)
{
	const struct change *row = *state;
	struct rpcgate_policy *policy = row->policy ? parse(row->policy) : NULL;
	struct octets o = { 0 };
	struct play p;
	struct conn c = reach(&p, row->name, policy, row->iface, true);

	talk_bind(&c, row->iface, 1);
	request_pdu(&o, 0, row->opnum, &head_plain, NULL);
	conn_data(&c, CLIENT, o.p, o.n);
	play_judge(&p);
	assert_int_equal(play_alerts(&p.observe, RPCGATE_REASON_OPNUM_DENIED), row->refused);
	assert_int_equal(play_alerts(&p.enforce, RPCGATE_REASON_OPNUM_DENIED), row->refused);
	assert_int_equal(calls_of(&p.enforce, RPCGATE_DENY, row->opnum), row->refused);
	assert_int_equal(p.observe.action[p.marked], RPCGATE_PASS);
	assert_int_equal(p.enforce.action[p.marked], row->refused ? RPCGATE_REJECT : RPCGATE_PASS);
	play_end(&p);
	octets_free(&o);
	rpcgate_policy_free(policy);
}

/* ResolveOxid2 (MS-DCOM 3.1.2.5.1.2) of CLIENT_HOST, answered with PORT */
static void resolve(struct play *p)
{
	static const char text[] = SERVER_HOST "[49160]";
	const struct call ask = { .type = PTYPE_REQUEST, .opnum = 4 };
	const struct call tell = { .type = PTYPE_RESPONSE };
	struct conn c = play_dial(p, CLIENT_HOST, SERVER_HOST, 135);
	struct octets stub = { 0 }, pdu = { 0 };
	const unsigned entries = sizeof(text) + 6;

	conn_open(&c);
	talk_bind(&c, &iface_oxid, 1);
	octets_u64(&stub, 1, false);
	octets_u16(&stub, 1, false);
	octets_align(&stub, 0, 4);
	octets_u32(&stub, 1, false);
	octets_u16(&stub, 7, false);
	pdu_call(&pdu, &head_plain, &ask, stub.p, stub.n);
	conn_send(&c, CLIENT, pdu.p, pdu.n);
	octets_clear(&stub);
	octets_clear(&pdu);
	octets_u32(&stub, 0x20000, false);
	octets_u32(&stub, entries, false);
	octets_u16(&stub, entries, false);
	octets_u16(&stub, entries - 4, false);
	octets_u16(&stub, 7, false);
	for (size_t i = 0; i < sizeof(text); i++)
		octets_u16(&stub, (uint8_t)text[i], false);
	octets_u16(&stub, 0, false);
	octets_u32(&stub, 0xffff000a, false);
	octets_u32(&stub, 0, false);
	octets_align(&stub, 0, 4);
	octets_room(&stub, 16);
	octets_u32(&stub, 5, false);
	octets_u16(&stub, 5, false);
	octets_u16(&stub, 7, false);
	octets_u32(&stub, 0, false);
	pdu_call(&pdu, &head_plain, &tell, stub.p, stub.n);
	conn_send(&c, SERVER, pdu.p, pdu.n);
	octets_free(&stub);
	octets_free(&pdu);
}

/* Objects behind an exporter are allowed by a rule that names them, not by one about any */
static void objects_need_a_rule_that_names_them(void **state)
{
	static const struct {
		const char *rule;
		bool exporter;
		enum rpcgate_verdict verdict;
		uint64_t later_s;
	} cases[] = {
		{ "allow interface IWbemServices", true, RPCGATE_ALLOW, 0 },
		{ "allow interface IWbemServices", true, RPCGATE_ALLOW, 299 },
		{ "allow interface IWbemServices", true, RPCGATE_DENY, 301 },
		{ "log group wmi", true, RPCGATE_LOG, 0 },
		{ "allow any", true, RPCGATE_DENY, 0 },
		{ "allow interface IWbemServices", false, RPCGATE_DENY, 0 },
		{ "allow interface samr", true, RPCGATE_DENY, 0 },
	};
	const struct rpcgate_syntax wbem = interface_of("9556dc99-828c-11cf-a37e-00aa003240c7");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rpcgate_policy *policy = parse(cases[i].rule);
		struct play p;

		play_begin(&p, cases[i].rule);
		p.policy = policy;
		if (cases[i].exporter)
			resolve(&p);
		else
			play_map(&p, &iface_samr, PORT);
		p.clock_ns += cases[i].later_s * 1000000000U;
		play_service(&p, PORT, &wbem);
		play_judge(&p);
		assert_int_equal(play_binds(&p.enforce, &wbem, PORT, cases[i].verdict), 1);
		play_end(&p);
		rpcgate_policy_free(policy);
	}
}

/* What a first bind was refused for is what its repetition is refused for */
static void a_repeated_refusal_keeps_its_reason(void **state)
{
	struct rpcgate_policy *policy = parse("deny interface winreg");
	const struct rpcgate_bind_event *e;
	struct play p;
	struct conn c = reach(&p, "refused twice", policy, &iface_samr, false);

	(void)state;
	talk_bind(&c, &iface_lsarpc, 1);
	talk_alter(&c, &iface_lsarpc, 0, 2);
	play_judge(&p);
	assert_int_equal(play_binds(&p.observe, &iface_lsarpc, PORT, RPCGATE_DENY), 2);
	e = bind_on(&p.observe, &iface_lsarpc);
	assert_int_equal(e->pdu, RPCGATE_PDU_ALTER_CONTEXT);
	assert_int_equal(e->reason, RPCGATE_REASON_UUID_NOT_GRANTED);
	play_end(&p);
	rpcgate_policy_free(policy);
}

static size_t feed_some(struct rpcgate *gate, const struct packets *list, size_t *fed)
{
	size_t denied = 0;

	for (; *fed < list->n; ++*fed) {
		struct rpcgate_packet packet = packets_get(list, *fed);
		struct rpcgate_result r = rpcgate_feed(gate, &packet);

		for (size_t i = 0; i < r.n_events; i++)
			denied += r.events[i].type == RPCGATE_EVENT_CALL &&
				  r.events[i].u.call.verdict == RPCGATE_DENY;
	}
	return denied;
}

/* Requests are judged from the bind on that a new policy was asked about, on old connections too */
static void an_old_connection_meets_a_new_policy(void **state)
{
	struct rpcgate_policy *policy = parse("deny interface samr opnum 5");
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate;
	struct octets o = { 0 };
	size_t fed = 0;
	struct play p;
	struct conn c = reach(&p, "new policy", NULL, &iface_samr, false);

	(void)state;
	gate = rpcgate_new(&p.cfg, err);
	assert_non_null(gate);
	request_pdu(&o, 0, 5, &head_plain, NULL);
	talk_bind(&c, &iface_samr, 1);
	conn_send(&c, CLIENT, o.p, o.n);
	assert_int_equal(feed_some(gate, &p.packets, &fed), 0);
	rpcgate_set_policy(gate, policy);
	talk_alter(&c, &iface_samr, 0, 2);
	conn_send(&c, CLIENT, o.p, o.n);
	assert_int_equal(feed_some(gate, &p.packets, &fed), 1);
	rpcgate_free(gate);
	octets_free(&o);
	play_end(&p);
	rpcgate_policy_free(policy);
}

/* A new policy holds for binds from then on; NULL takes it away */
static void a_policy_is_changed_in_one_step(void **state)
{
	struct rpcgate_policy *deny = parse("deny interface samr");
	struct rpcgate_policy *allow = parse("log interface samr");
	const struct rpcgate_policy *order[] = { NULL, deny, allow, NULL };
	static const enum rpcgate_verdict want[] = { RPCGATE_ALLOW, RPCGATE_DENY, RPCGATE_LOG,
						     RPCGATE_ALLOW };
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate *gate;
	struct play p;
	size_t fed = 0;

	(void)state;
	play_begin(&p, "reload");
	gate = rpcgate_new(&p.cfg, err);
	assert_non_null(gate);
	play_map(&p, &iface_samr, PORT);
	for (size_t i = 0; i < COUNT(order); i++) {
		bool seen = false;

		play_service(&p, PORT, &iface_samr);
		rpcgate_set_policy(gate, order[i]);
		for (; fed < p.packets.n; fed++) {
			struct rpcgate_packet packet = packets_get(&p.packets, fed);
			struct rpcgate_result r = rpcgate_feed(gate, &packet);

			for (size_t k = 0; k < r.n_events; k++) {
				const struct rpcgate_event *e = &r.events[k];

				if (e->type != RPCGATE_EVENT_BIND || e->dest_port != PORT)
					continue;
				assert_int_equal(e->u.bind.verdict, want[i]);
				seen = true;
			}
		}
		assert_true(seen);
	}
	rpcgate_free(gate);
	play_end(&p);
	rpcgate_policy_free(deny);
	rpcgate_policy_free(allow);
}

int main(void)
{
	static struct CMUnitTest tests[2 * COUNT(attacks) + COUNT(shapes) + COUNT(bounds) +
				       COUNT(levelled) + COUNT(changes) + 5];
	size_t n = 0;

	ROWS(tests, n, attacks, attack_is_refused);
	ROWS(tests, n, attacks, twin_gets_through);
	ROWS(tests, n, shapes, shape_changes_nothing);
	ROWS(tests, n, bounds, bind_is_judged);
	ROWS(tests, n, levelled, level_is_judged);
	ROWS(tests, n, changes, changes_are_refused);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(only_rpc_on_a_static_port);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_policy_is_changed_in_one_step);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(objects_need_a_rule_that_names_them);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_repeated_refusal_keeps_its_reason);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(an_old_connection_meets_a_new_policy);
	return _cmocka_run_group_tests("rules", tests, n, NULL, NULL);
}
