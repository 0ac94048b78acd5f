/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_match.c - the first rule that matches, found without reading them all
 *
 * Tuple space search (Srinivasan, Suri, Varghese 1999): rules that look at the same bits - this
 * kind of subject, so many bits of the client's address, so many of the server's - form a tuple.
 * Within a tuple a rule is found by hashing exactly those bits.  A policy of 10,000 rules has a
 * handful of tuples, so a bind costs a handful of look-ups however many rules there are.  The
 * rules of one bucket differ in version, operations or ports alone and are tried in order.
 *
 * Rules that judge calls have lists of their own: a bind only asks whether there is one before the
 * rule that decides the bind.
 */
#include "policy.h"

#define NO_LIMIT UINT32_MAX

static const struct hash_key no_key; /* what is hashed comes from the administrator */

/* ------------------------------------------------------------------ networks */

/* The first @p bits of an address, as two words */
static void masked(const struct rpcgate_addr *addr, unsigned bits, uint64_t out[2])
{
	for (unsigned w = 0; w < 2; w++) {
		unsigned have = bits < 64 * w ? 0 : bits - 64 * w;
		uint64_t word = (uint64_t)load32(addr->octet + 8 * w, true) << 32 |
				load32(addr->octet + 8 * w + 4, true);

		out[w] = have >= 64 ? word : have ? word & ~(UINT64_MAX >> have) : 0;
	}
}

static bool same_bits(const struct rpcgate_addr *a, const struct rpcgate_addr *b, unsigned bits)
{
	uint64_t x[2], y[2];

	masked(a, bits, x);
	masked(b, bits, y);
	return x[0] == y[0] && x[1] == y[1];
}

bool net_has(const struct net *net, const struct rpcgate_addr *addr)
{
	return !net->given || (!(net->ipv6 && rpcgate_addr_is_ipv4(addr)) &&
			       same_bits(&net->addr, addr, net->bits));
}

bool net_covers(const struct net *outer, const struct net *inner)
{
	if (!outer->given)
		return true;
	return inner->given && outer->ipv6 == inner->ipv6 && outer->bits <= inner->bits &&
	       same_bits(&outer->addr, &inner->addr, outer->bits);
}

/* --------------------------------------------------------------------- index */

enum match_class class_of(const struct statement *s)
{
	if (s->kind == RPCGATE_STATEMENT_STATIC)
		return CLASS_STATIC;
	if (!judges_calls(s))
		return CLASS_PLAIN;
	return s->kind == RPCGATE_STATEMENT_DENY ? CLASS_CALLS_DENIED : CLASS_CALLS_ALLOWED;
}

/* One port alone is part of the key; a list is compared */
static bool has_one_port(const struct rpcgate_policy *p, const struct statement *s)
{
	const struct rpcgate_port_range *r = policy_range(p, s->ports);

	return s->n_ports == 1 && r->first == r->last;
}

static struct tuple tuple_of(const struct rpcgate_policy *p, const struct statement *s)
{
	return (struct tuple){
		.subject = s->subject,
		.from_bits = s->from.bits,
		.to_bits = s->to.bits,
		.port = s->kind == RPCGATE_STATEMENT_STATIC && has_one_port(p, s),
	};
}

static bool same_tuple(const struct tuple *a, const struct tuple *b)
{
	return a->subject == b->subject && a->from_bits == b->from_bits &&
	       a->to_bits == b->to_bits && a->port == b->port;
}

/* The bits that a tuple looks at.  @p subject: a UUID's two words, or a group's number */
static struct bucket_key key_of(const struct tuple *t, enum match_class class,
				const uint64_t subject[2], const struct rpcgate_addr *from,
				const struct rpcgate_addr *to, uint16_t port)
{
	struct bucket_key key = { { 0 } };

	key.word[0] = (uint64_t) class << 56 | (uint64_t)t->subject << 48 |
		      (uint64_t)t->from_bits << 40 | (uint64_t)t->to_bits << 32 |
		      (uint64_t)t->port << 24 | (t->port ? port : 0U);
	key.word[1] = subject[0];
	key.word[2] = subject[1];
	masked(from, t->from_bits, &key.word[3]);
	masked(to, t->to_bits, &key.word[5]);
	return key;
}

static void uuid_words(const struct rpcgate_uuid *uuid, uint64_t out[2])
{
	memcpy(out, uuid->octet, sizeof(uuid->octet));
}

static struct bucket_key key_of_rule(const struct rpcgate_policy *p, const struct statement *s,
				     const struct tuple *t)
{
	uint64_t subject[2] = { 0, 0 };

	if (s->subject == SUBJECT_UUID)
		uuid_words(&s->uuid, subject);
	else if (s->subject == SUBJECT_GROUP)
		subject[0] = s->group;
	return key_of(t, class_of(s), subject, &s->from.addr, &s->to.addr,
		      t->port ? policy_range(p, s->ports)->first : 0);
}

static uint64_t hash_of(const struct bucket_key *key)
{
	return hash_words(&no_key, key->word, ARRAY_SIZE(key->word));
}

static struct bucket *bucket_at(const struct rpcgate_policy *p, uint32_t index)
{
	return (struct bucket *)p->buckets.at + index - 1;
}

static struct bucket *bucket_find(const struct rpcgate_policy *p, const struct bucket_key *key,
				  uint64_t hash)
{
	uint32_t at;

	for (uint32_t i = table_first(&p->table, hash, &at); i;
	     i = table_next(&p->table, hash, &at))
		if (memcmp(&bucket_at(p, i)->key, key, sizeof(*key)) == 0)
			return bucket_at(p, i);
	return NULL;
}

static bool tuple_note(struct rpcgate_policy *p, const struct statement *s, uint32_t number,
		       struct tuple *t)
{
	struct growing *list = &p->tuples[class_of(s)];
	struct tuple *place;

	*t = tuple_of(p, s);
	for (uint32_t i = 0; i < list->n; i++)
		if (same_tuple(t, (const struct tuple *)list->at + i))
			return true;
	place = growing_add(list, sizeof(*place));
	if (!place)
		return false;
	t->first = number;
	*place = *t;
	return true;
}

static void static_note(struct rpcgate_policy *p, const struct statement *s)
{
	for (uint32_t i = s->ports; i < s->ports + s->n_ports; i++)
		for (uint32_t port = policy_range(p, i)->first; port <= policy_range(p, i)->last;
		     port++)
			p->static_ports[port / 64] |= UINT64_C(1) << port % 64;
}

static bool rule_index(struct rpcgate_policy *p, uint32_t number)
{
	struct statement *s = STATEMENT(p, number);
	struct bucket_key key;
	struct bucket *b;
	struct tuple t;
	uint64_t hash;

	if (!tuple_note(p, s, number, &t))
		return false;
	if (s->subject == SUBJECT_GROUP)
		p->groups_used |= UINT64_C(1) << s->group;
	if (s->kind == RPCGATE_STATEMENT_STATIC)
		static_note(p, s);
	p->asks_udp |= s->kind != RPCGATE_STATEMENT_DENY && s->over & OVER_UDP;
	key = key_of_rule(p, s, &t);
	hash = hash_of(&key);
	b = bucket_find(p, &key, hash);
	if (b) {
		STATEMENT(p, b->last)->next = number;
		b->last = number;
		return true;
	}
	b = growing_add(&p->buckets, sizeof(*b));
	if (!b)
		return false;
	*b = (struct bucket){ key, number, number };
	table_add(&p->table, hash, p->buckets.n);
	return true;
}

bool policy_index(struct rpcgate_policy *policy)
{
	if (!table_init(&policy->table, policy->statements.n + 1))
		return false;
	for (uint32_t i = 1; i <= policy->statements.n; i++)
		if (is_rule(STATEMENT(policy, i)) && !rule_index(policy, i))
			return false;
	return true;
}

/* --------------------------------------------------------------------- match */

static bool listed(const struct rpcgate_policy *p, uint32_t start, uint32_t n, uint16_t value)
{
	for (uint32_t i = start; i < start + n; i++)
		if (value >= policy_range(p, i)->first && value <= policy_range(p, i)->last)
			return true;
	return false;
}

/* An allow or log rule asks for at least its level, a deny rule means what is below it */
static bool level_fits(const struct statement *s, uint8_t level)
{
	return !s->level || (level >= s->level) == (s->kind != RPCGATE_STATEMENT_DENY);
}

/* What the key does not say */
static bool fits(const struct rpcgate_policy *p, const struct statement *s,
		 const struct policy_query *q)
{
	return (s->over & (q->udp ? OVER_UDP : OVER_TCP)) &&
	       (!s->has_major || s->major == q->interface.major) &&
	       (!s->has_minor || s->minor == q->interface.minor) &&
	       (!s->n_ports || listed(p, s->ports, s->n_ports, q->port)) &&
	       !(s->from.ipv6 && rpcgate_addr_is_ipv4(&q->client)) &&
	       !(s->to.ipv6 && rpcgate_addr_is_ipv4(&q->server)) &&
	       (!q->level || ((!s->n_opnums || listed(p, s->opnums, s->n_opnums, q->opnum)) &&
			      level_fits(s, q->level)));
}

static uint32_t first_in(const struct rpcgate_policy *p, const struct tuple *t,
			 enum match_class class, const struct policy_query *q,
			 const uint64_t subject[2], uint32_t limit)
{
	struct bucket_key key = key_of(t, class, subject, &q->client, &q->server, q->port);
	const struct bucket *b = bucket_find(p, &key, hash_of(&key));

	for (uint32_t n = b ? b->first : 0; n && n < limit; n = STATEMENT(p, n)->next)
		if (fits(p, STATEMENT(p, n), q))
			return n;
	return limit;
}

static uint32_t first_of_groups(const struct rpcgate_policy *p, const struct tuple *t,
				enum match_class class, const struct policy_query *q,
				uint32_t limit)
{
	for (uint64_t left = q->groups & p->groups_used; left; left &= left - 1) {
		const uint64_t subject[2] = { (uint64_t)__builtin_ctzll(left), 0 };

		limit = first_in(p, t, class, q, subject, limit);
	}
	return limit;
}

uint32_t policy_first(const struct rpcgate_policy *policy, enum match_class class,
		      const struct policy_query *query, uint32_t limit)
{
	const struct growing *list = &policy->tuples[class];
	uint32_t best = limit;
	uint64_t uuid[2];

	uuid_words(&query->interface.uuid, uuid);
	/* tuples are in the order of their first rule */
	for (uint32_t i = 0; i < list->n; i++) {
		const struct tuple *t = (const struct tuple *)list->at + i;
		static const uint64_t any[2];

		if (t->first >= best)
			break;
		if (t->subject == SUBJECT_GROUP)
			best = first_of_groups(policy, t, class, query, best);
		else if (t->subject == SUBJECT_UUID)
			best = first_in(policy, t, class, query, uuid, best);
		else if (!query->named)
			best = first_in(policy, t, class, query, any, best);
	}
	return best == limit ? 0 : best;
}

/* ------------------------------------------------------------------ verdicts */

/* What the rules say about a bind, before it is asked what was announced */
struct opinion {
	uint32_t plain;  /* the rule that decides; 0: none */
	uint32_t opener; /* a static line; 0: none */
	uint32_t some;   /* a rule that allows some of the calls */
	bool denied;
	bool calls; /* requests are to be judged */
};

static struct policy_query query_of(const struct flow *f, const struct rpcgate_syntax *interface,
				    bool named)
{
	return (struct policy_query){
		.interface = *interface,
		.client = *client_addr(f),
		.server = *server_addr(f),
		.port = server_port(f),
		.udp = f->udp,
		.named = named,
		.groups = groups_of(&interface->uuid),
	};
}

static struct opinion opinion_of(const struct rpcgate_policy *p, const struct policy_query *q)
{
	struct opinion o = { .plain = policy_first(p, CLASS_PLAIN, q, NO_LIMIT) };
	uint32_t limit = o.plain ? o.plain : NO_LIMIT;
	bool deny = o.plain && STATEMENT(p, o.plain)->kind == RPCGATE_STATEMENT_DENY;

	o.opener = policy_first(p, CLASS_STATIC, q, deny ? limit : NO_LIMIT);
	o.some = policy_first(p, CLASS_CALLS_ALLOWED, q, limit);
	o.calls = o.some || policy_first(p, CLASS_CALLS_DENIED, q, limit);
	o.denied = deny && !o.opener && !o.some;
	return o;
}

static struct judgement told(struct judgement j, const struct rpcgate_policy *p, uint32_t rule)
{
	const struct statement *s = STATEMENT(p, rule);

	j.rule_line = s->line;
	j.rule_file = policy_file(p, s);
	j.rule_name = s->name ? policy_string(p, s->name) : NULL;
	return j;
}

static struct judgement refused(const struct rpcgate_policy *p, uint32_t rule,
				enum rpcgate_reason reason)
{
	struct judgement j = { .verdict = RPCGATE_DENY, .reason = reason };

	return told(j, p, rule);
}

/* Rules may allow what nobody announces: the management interface of a process, and objects behind
 * an exporter that the server did announce.  Only a rule that names it does. */
static bool is_implied(struct rpcgate *g, const struct flow *f,
		       const struct rpcgate_syntax *interface, uint32_t rule)
{
	static const struct rpcgate_uuid mgmt = { { 0xaf, 0xa8, 0xbd, 0x80, 0x7d, 0x8a, 0x11, 0xc9,
						    0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29,
						    0x89 } };
	struct pinhole_key key = pinhole_key_of(f, server_port(f));
	const struct grant *exporter;
	const struct pinhole *p;

	if (!rule || STATEMENT(g->policy, rule)->subject == SUBJECT_ANY)
		return false;
	p = pinhole_find(g, &key);
	if (uuid_equal(&interface->uuid, &mgmt))
		return is_mapper_port(g, server_port(f)) || (p && p->n_open);
	exporter = p && !interface->major && !interface->minor ? pinhole_dcom_grant(g, p) : NULL;
	return exporter && exporter->open;
}

struct judgement policy_judge(struct rpcgate *g, const struct flow *f,
			      const struct rpcgate_syntax *interface, bool named,
			      struct judgement j)
{
	const struct rpcgate_policy *p = g->policy;
	struct policy_query q;
	struct opinion o;
	uint32_t rule;

	if (!p || !p->statements.n)
		return j;
	q = query_of(f, interface, named);
	o = opinion_of(p, &q);
	if (o.denied)
		return refused(p, o.plain, RPCGATE_REASON_RULE_DENY);
	j.calls = o.calls;
	rule = o.plain && STATEMENT(p, o.plain)->kind != RPCGATE_STATEMENT_DENY ? o.plain : o.some;
	if (j.verdict == RPCGATE_DENY) {
		if (o.opener)
			j = (struct judgement){ .reason = RPCGATE_REASON_STATIC, .calls = o.calls };
		else if (is_implied(g, f, interface, rule))
			j = (struct judgement){ .reason = RPCGATE_REASON_RULE_ALLOW,
						.calls = o.calls };
		else
			return j;
		j = told(j, p, o.opener ? o.opener : rule);
	}
	if (!rule)
		return j;
	if (rule == o.plain && STATEMENT(p, rule)->kind == RPCGATE_STATEMENT_LOG)
		j.verdict = RPCGATE_LOG;
	if (j.reason == RPCGATE_REASON_LEARNED)
		j.reason = RPCGATE_REASON_RULE_ALLOW;
	return j.rule_line ? j : told(j, p, rule);
}

/* Why a call is refused that no rule of its interface allows */
static enum rpcgate_reason why_refused(const struct statement *s)
{
	return s->level ? RPCGATE_REASON_AUTH_LEVEL : RPCGATE_REASON_OPNUM_DENIED;
}

bool policy_judge_call(struct rpcgate *g, const struct flow *f,
		       const struct rpcgate_syntax *interface, bool named, uint16_t opnum,
		       uint8_t level, struct judgement *j)
{
	const struct rpcgate_policy *p = g->policy;
	struct policy_query q;
	struct opinion o;
	uint32_t limit, allow, deny;

	if (!p)
		return false;
	q = query_of(f, interface, named);
	o = opinion_of(p, &q);
	limit = o.plain ? o.plain : NO_LIMIT;
	q.level = level;
	q.opnum = opnum;
	allow = policy_first(p, CLASS_CALLS_ALLOWED, &q, limit);
	deny = policy_first(p, CLASS_CALLS_DENIED, &q, allow ? allow : limit);
	if (deny) {
		*j = refused(p, deny, why_refused(STATEMENT(p, deny)));
		return true;
	}
	if (allow) {
		*j = told((struct judgement){ .reason = RPCGATE_REASON_RULE_ALLOW }, p, allow);
		if (STATEMENT(p, allow)->kind == RPCGATE_STATEMENT_LOG)
			j->verdict = RPCGATE_LOG;
		return true;
	}
	if (!o.some || !o.plain || o.opener ||
	    STATEMENT(p, o.plain)->kind != RPCGATE_STATEMENT_DENY)
		return false;
	*j = refused(p, o.plain, why_refused(STATEMENT(p, o.some)));
	return true;
}

static bool between(const struct statement *s, const struct rpcgate_addr *from,
		    const struct rpcgate_addr *to)
{
	return net_has(&s->from, from) && net_has(&s->to, to);
}

bool policy_may_judge_calls(const struct rpcgate_policy *p, const struct rpcgate_addr host[2])
{
	for (uint32_t i = 1; p && i <= p->statements.n; i++) {
		const struct statement *s = STATEMENT(p, i);

		if (is_rule(s) && judges_calls(s) &&
		    (between(s, &host[0], &host[1]) || between(s, &host[1], &host[0])))
			return true;
	}
	return false;
}

bool policy_asks_udp(const struct rpcgate_policy *policy)
{
	return policy && policy->asks_udp;
}

bool policy_over_udp(const struct rpcgate *g, const struct flow *f,
		     const struct rpcgate_syntax *interface)
{
	const struct rpcgate_policy *p = g->policy;
	struct policy_query q;
	struct opinion o;

	if (!policy_asks_udp(p))
		return false;
	q = query_of(f, interface, false);
	q.udp = true;
	o = opinion_of(p, &q);
	return o.some || (o.plain && STATEMENT(p, o.plain)->kind != RPCGATE_STATEMENT_DENY);
}

/* Asked for every connection that is not RPC: a bit answers nearly always */
bool policy_is_static(const struct rpcgate *g, const struct flow *f)
{
	const struct rpcgate_policy *p = g->policy;
	uint16_t port = server_port(f);
	const uint32_t *held;

	if (!p || !(p->static_ports[port / 64] >> port % 64 & 1))
		return false;
	held = p->held.at;
	for (uint32_t i = 0; i < p->held.n; i++) {
		const struct statement *s = STATEMENT(p, held[i]);

		if (s->kind == RPCGATE_STATEMENT_STATIC && listed(p, s->ports, s->n_ports, port) &&
		    net_has(&s->from, client_addr(f)) && net_has(&s->to, server_addr(f)))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------- coverage */

static bool range_covered(const struct rpcgate_policy *p, const struct rpcgate_port_range *r,
			  uint32_t start, uint32_t n)
{
	for (uint32_t i = start; i < start + n; i++)
		if (policy_range(p, i)->first <= r->first && policy_range(p, i)->last >= r->last)
			return true;
	return false;
}

static bool list_covers(const struct rpcgate_policy *p, uint32_t outer, uint32_t n_outer,
			uint32_t inner, uint32_t n_inner)
{
	if (!n_outer)
		return true;
	for (uint32_t i = inner; i < inner + n_inner; i++)
		if (!range_covered(p, policy_range(p, i), outer, n_outer))
			return false;
	return n_inner > 0;
}

/* The levels a rule matches, as a set */
static unsigned levels_of(const struct statement *s)
{
	unsigned set = 0;

	for (uint8_t level = AUTH_LEVEL_NONE; level <= AUTH_LEVEL_PRIVACY; level++)
		set |= (unsigned)level_fits(s, level) << level;
	return set;
}

static bool subject_covers(const struct statement *outer, const struct statement *inner)
{
	switch (outer->subject) {
	case SUBJECT_UUID:
		return inner->subject == SUBJECT_UUID && uuid_equal(&outer->uuid, &inner->uuid);
	case SUBJECT_GROUP:
		return inner->subject == SUBJECT_UUID ?
			       groups_of(&inner->uuid) >> outer->group & 1 :
			       inner->subject == SUBJECT_GROUP &&
				       groups_within(inner->group) >> outer->group & 1;
	default:
		return true;
	}
}

/* Rules about any interface leave the mapper alone, so they do not cover a rule that names it */
static bool names_mapper(const struct statement *s)
{
	const struct rpcgate_group *group;
	struct rpcgate_syntax id = { .uuid = s->uuid };

	if (s->subject == SUBJECT_UUID) {
		id.major = s->has_major ? s->major : 0;
		return mapper_kind_of(&id) || uuid_equal(&s->uuid, &epm_syntax.uuid);
	}
	group = s->subject == SUBJECT_GROUP ? rpcgate_group_at(s->group) : NULL;
	for (size_t i = 0; group && i < group->n_members; i++)
		if (mapper_kind_of(&group->member[i].id))
			return true;
	return false;
}

static bool covers(const struct rpcgate_policy *p, const struct statement *outer,
		   const struct statement *inner)
{
	bool opens = inner->kind == RPCGATE_STATEMENT_STATIC;

	if (outer->kind == RPCGATE_STATEMENT_STATIC ?
		    !opens :
		    opens && outer->kind != RPCGATE_STATEMENT_DENY)
		return false; /* allow does not open, static does not judge */
	if (judges_calls(outer) && !judges_calls(inner))
		return false;
	if (outer->subject == SUBJECT_ANY && names_mapper(inner))
		return false;
	return subject_covers(outer, inner) && !(inner->over & ~outer->over) &&
	       (!outer->has_major || (inner->has_major && outer->major == inner->major)) &&
	       (!outer->has_minor || (inner->has_minor && outer->minor == inner->minor)) &&
	       net_covers(&outer->from, &inner->from) && net_covers(&outer->to, &inner->to) &&
	       list_covers(p, outer->ports, outer->n_ports, inner->ports, inner->n_ports) &&
	       list_covers(p, outer->opnums, outer->n_opnums, inner->opnums, inner->n_opnums) &&
	       (levels_of(inner) & ~levels_of(outer)) == 0;
}

static uint32_t covering_in(const struct rpcgate_policy *p, const struct tuple *t,
			    enum match_class class, const uint64_t subject[2], uint32_t number,
			    uint32_t limit)
{
	const struct statement *s = STATEMENT(p, number);
	struct bucket_key key = key_of(t, class, subject, &s->from.addr, &s->to.addr,
				       s->n_ports ? policy_range(p, s->ports)->first : 0);
	const struct bucket *b = bucket_find(p, &key, hash_of(&key));

	for (uint32_t n = b ? b->first : 0; n && n < limit; n = STATEMENT(p, n)->next)
		if (covers(p, STATEMENT(p, n), s))
			return n;
	return limit;
}

/* Only wider or equal tuples can cover; each is asked for the bits of this rule */
static uint32_t covering_tuple(const struct rpcgate_policy *p, const struct tuple *t,
			       enum match_class class, uint32_t number, uint32_t limit)
{
	const struct statement *s = STATEMENT(p, number);
	uint64_t subject[2] = { 0, 0 };
	uint64_t groups;

	if (t->from_bits > s->from.bits || t->to_bits > s->to.bits)
		return limit;
	if (t->subject == SUBJECT_UUID)
		uuid_words(&s->uuid, subject);
	if (t->subject != SUBJECT_GROUP)
		return covering_in(p, t, class, subject, number, limit);
	groups = s->subject == SUBJECT_UUID  ? groups_of(&s->uuid) :
		 s->subject == SUBJECT_GROUP ? groups_within(s->group) :
					       0;
	for (groups &= p->groups_used; groups; groups &= groups - 1) {
		subject[0] = (uint64_t)__builtin_ctzll(groups);
		limit = covering_in(p, t, class, subject, number, limit);
	}
	return limit;
}

uint32_t policy_covering(const struct rpcgate_policy *policy, uint32_t number)
{
	uint32_t best = number;

	for (unsigned class = 0; class < CLASS_COUNT; class ++) {
		const struct growing *list = &policy->tuples[class];

		for (uint32_t i = 0; i < list->n; i++) {
			const struct tuple *t = (const struct tuple *)list->at + i;

			if (t->first >= best)
				break;
			best = covering_tuple(policy, t, (enum match_class) class, number, best);
		}
	}
	return best == number ? 0 : best;
}
