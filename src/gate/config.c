/* SPDX-License-Identifier: BSD-2-Clause */
/* config.c - everything that can be set, as one table of keys */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gate.h"
#include "word.h"

enum kind { KIND_DURATION, KIND_NUMBER, KIND_CHOICE, KIND_PORTS, KIND_RESERVED };

struct key {
	struct rpcgate_config_key face;
	enum kind kind;
	size_t offset;
	uint64_t min;
	uint64_t max;
};

#define AT(member) offsetof(struct rpcgate_config, member)

/* clang-format off */
static const struct key keys[] = {
	{ { "pinhole.ttl", "5s..72h", "300s",
	    "Life of a pinhole after the announcement, and after a use with refresh=use." },
	  KIND_DURATION, AT(pinhole_ttl_s), 5, 72 * 3600 },
	{ { "pinhole.refresh", "use|map", "use",
	    "What renews a pinhole: an accepted bind or another announcement, or the latter alone." },
	  KIND_CHOICE, AT(refresh), 0, 0 },
	{ { "pinhole.reconnect", "block|log|allow", "block",
	    "A bind after the pinhole ran out, while the record is kept." },
	  KIND_CHOICE, AT(reconnect), 0, 0 },
	{ { "pinhole.record", "0s..720h", "8h",
	    "How long an announcement is remembered after its pinhole ran out." },
	  KIND_DURATION, AT(pinhole_record_s), 0, 720 * 3600 },
	{ { "lookup", "learn|grant", "learn",
	    "Entries of ept_lookup: recorded only, or opened like those of ept_map." },
	  KIND_CHOICE, AT(lookup), 0, 0 },
	{ { "tower-address", "server|any", "server",
	    "Whose address a tower may name: the server's own or none, or any (behind NAT)." },
	  KIND_CHOICE, AT(tower_address), 0, 0 },
	{ { "dcom", "asked|any", "asked",
	    "Interfaces on the port of an object exporter: those asked for, or all of version 0.0." },
	  KIND_CHOICE, AT(dcom), 0, 0 },
	{ { "sealed", "log|block|hint", "log",
	    "Encrypted talk with a mapper: said, refused, or good for one more connection or four." },
	  KIND_CHOICE, AT(sealed), 0, 0 },
	{ { "midstream", "inspect|pass|block", "inspect",
	    "A bind on a connection whose beginning was not seen: judged, allowed, refused; "
	    "mappers are believed where it is judged." },
	  KIND_CHOICE, AT(midstream), 0, 0 },
	{ { "checksum", "verify|ignore", "verify",
	    "Whether segments with a wrong checksum are kept out; offload is recognised." },
	  KIND_CHOICE, AT(checksum), 0, 0 },
	{ { "pipes", "report|ignore", "report",
	    "Binds inside SMB pipes, on TCP 139 and 445: reported, never judged, or not looked for." },
	  KIND_CHOICE, AT(pipes), 0, 0 },
	{ { "admission", "any|announced", "any",
	    "A new connection to the dynamic range that nobody announced: judged by its bind, or refused "
	    "at once." },
	  KIND_CHOICE, AT(admission), 0, 0 },
	{ { "reverse-path", "strict|off", "strict",
	    "Packets of an inspected connection from an interface that does not lead back to their "
	    "sender: forged, or of routes that differ by direction." },
	  KIND_CHOICE, AT(reverse_path), 0, 0 },
	{ { "dynamic-range", "PORTS", "any",
	    "Where learned ports must lie, such as 49152-65535 or 1025-5000,49152-65535." },
	  KIND_PORTS, AT(dynamic_range), 0, 0 },
	{ { "mapper-port", "PORTS", "135,593",
	    "Ports of the endpoint mapper: only answers from there are believed." },
	  KIND_PORTS, AT(mapper_ports), 1, 0 },
	{ { "reserved", "[+|-]PORTS", "list of well-known services",
	    "Ports above 1024 never learned: + adds to the list, - takes from it, else replaces it." },
	  KIND_RESERVED, AT(reserved), 0, 0 },
	{ { "limit.flows", "16..16777216", "262144",
	    "TCP connections with state; the one longest half-open, then longest idle goes first." },
	  KIND_NUMBER, AT(max_flows), 16, 1 << 24 },
	{ { "limit.pinholes", "16..16777216", "262144",
	    "Pinholes open and remembered; over it nothing more is learned." },
	  KIND_NUMBER, AT(max_pinholes), 16, 1 << 24 },
	{ { "limit.pinholes-per-client", "1..16777216", "1024",
	    "Open pinholes of one client; over it nothing more is learned for it." },
	  KIND_NUMBER, AT(max_pinholes_per_client), 1, 1 << 24 },
	{ { "limit.pinholes-per-server", "1..16777216", "4096",
	    "Open pinholes to one server; over it nothing more is learned from it." },
	  KIND_NUMBER, AT(max_pinholes_per_server), 1, 1 << 24 },
	{ { "limit.bindings", "16..16777216", "65536",
	    "Records of announcements; the oldest is forgotten." },
	  KIND_NUMBER, AT(max_bindings), 16, 1 << 24 },
	{ { "limit.interfaces", "1..4096", "64",
	    "Interfaces of one pinhole; over it nothing more is learned for its port." },
	  KIND_NUMBER, AT(max_interfaces), 1, 4096 },
	{ { "limit.towers", "1..500", "128",
	    "Towers in one ept_map answer; an answer with more is not used." },
	  KIND_NUMBER, AT(max_towers), 1, 500 },
	{ { "limit.lookup-entries", "1..65536", "4096",
	    "Entries in one ept_lookup answer; an answer with more is not used." },
	  KIND_NUMBER, AT(max_lookup_entries), 1, 65536 },
	{ { "limit.stub", "1024..2097152", "1048576",
	    "Octets of one joined mapper call; a longer one is not used." },
	  KIND_NUMBER, AT(max_stub), 1024, 1 << 21 },
	{ { "limit.contexts", "1..1024", "64",
	    "Presentation contexts of one connection; a bind with more is refused." },
	  KIND_NUMBER, AT(max_contexts), 1, 1024 },
	{ { "limit.calls", "1..1024", "64",
	    "Mapper calls in flight on one connection; over it the oldest is not used." },
	  KIND_NUMBER, AT(max_calls), 1, 1024 },
	{ { "limit.islands", "4096..1048576", "262144",
	    "Octets ahead of a hole in one direction; over it the hole is given up." },
	  KIND_NUMBER, AT(max_island_octets), 4096, 1 << 20 },
	{ { "limit.datagrams", "1..65536", "1024",
	    "IP datagrams in reassembly; the oldest is given up, when enforcing new ones are dropped." },
	  KIND_NUMBER, AT(max_datagrams), 1, 65536 },
	{ { "limit.udp-calls", "1..65536", "1024",
	    "Mapper calls over UDP that wait for their answer; the oldest is not used." },
	  KIND_NUMBER, AT(max_udp_calls), 1, 65536 },
	{ { "limit.udp-talks", "1..1048576", "4096",
	    "Calls over UDP told once, of allowed and of refused clients each; the oldest is judged anew." },
	  KIND_NUMBER, AT(max_udp_talks), 1, 1048576 },
	{ { "limit.pipes", "16..65536", "1024",
	    "Notes about pipes that SMB connections opened; the oldest is forgotten." },
	  KIND_NUMBER, AT(max_pipes), 16, 65536 },
	{ { "limit.buffers", "2097152..1073741824", "67108864",
	    "Octets held for all connections together; over it holes are given up." },
	  KIND_NUMBER, AT(buffer_octets), 1 << 21, 1 << 30 },
	{ { "limit.events", "64..1048576", "32768",
	    "Events of one packet; more are counted as lost, and open nothing." },
	  KIND_NUMBER, AT(max_events), 64, 1 << 20 },
	{ { "timeout.idle", "10s..168h", "2h",
	    "An inspected connection without packets is let go." },
	  KIND_DURATION, AT(flow_idle_s), 10, 168 * 3600 },
	{ { "timeout.handshake", "1s..1h", "60s",
	    "A connection that is not answered is let go; one that is silent by timeout.idle." },
	  KIND_DURATION, AT(handshake_s), 1, 3600 },
	{ { "timeout.pdu", "1s..1h", "60s",
	    "A connection that takes longer for one PDU that is to be read is refused." },
	  KIND_DURATION, AT(pdu_s), 1, 3600 },
	{ { "timeout.closed", "1s..1h", "60s",
	    "A closed connection is still inspected: its end may have been a feint." },
	  KIND_DURATION, AT(closed_linger_s), 1, 3600 },
};
/* clang-format on */

const struct rpcgate_config_key *rpcgate_config_key(size_t i)
{
	return i < ARRAY_SIZE(keys) ? &keys[i].face : NULL;
}

bool port_listed(const struct rpcgate_port_list *list, uint16_t port)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (port >= list->range[i].first && port <= list->range[i].last)
			return true;
	return false;
}

void ports_reserve(struct rpcgate *g)
{
	const struct rpcgate_port_list *list = &g->cfg.reserved;

	memset(g->reserved, 0, sizeof(g->reserved));
	for (uint32_t i = 0; i < list->n; i++)
		for (uint32_t port = list->range[i].first; port <= list->range[i].last; port++)
			g->reserved[port / 64] |= UINT64_C(1) << port % 64;
}

bool is_dynamic_port(const struct rpcgate *g, uint16_t port)
{
	static const struct rpcgate_port_list windows = { 1, { { 49152, 65535 } } };

	return port_listed(g->cfg.dynamic_range.n ? &g->cfg.dynamic_range : &windows, port);
}

/* ------------------------------------------------------------------ defaults */

/* Services whose fixed ports lie where dynamic ones may: Microsoft's ReservedPorts advice
 * (MS08-037 note), global catalogue, RDP, WinRM, WSUS, AD web services */
static const struct rpcgate_port_range default_reserved[] = {
	{ 1080, 1080 }, { 1433, 1434 }, { 1645, 1646 }, { 1701, 1701 }, { 1718, 1720 },
	{ 1723, 1723 }, { 1745, 1745 }, { 1801, 1801 }, { 1812, 1813 }, { 2883, 2883 },
	{ 3268, 3269 }, { 3343, 3343 }, { 3389, 3389 }, { 4070, 4071 }, { 4500, 4500 },
	{ 5985, 5986 }, { 8530, 8531 }, { 9389, 9389 },
};

void rpcgate_config_default(struct rpcgate_config *cfg)
{
	*cfg = (struct rpcgate_config){
		.mode = RPCGATE_OBSERVE,
		.pinhole_ttl_s = 300,
		.pinhole_record_s = 8 * 3600,
		.mapper_ports = { 2, { { 135, 135 }, { 593, 593 } } },
		.reserved = { .n = ARRAY_SIZE(default_reserved) },
		.max_flows = 262144,
		.max_pinholes = 262144,
		.max_pinholes_per_client = 1024,
		.max_pinholes_per_server = 4096,
		.max_bindings = 65536,
		.max_interfaces = 64,
		.max_towers = 128,
		.max_lookup_entries = 4096,
		.max_stub = 1 << 20,
		.max_contexts = 64,
		.max_calls = 64,
		.max_island_octets = 1 << 18,
		.max_datagrams = 1024,
		.max_udp_calls = 1024,
		.max_udp_talks = 4096,
		.max_pipes = 1024,
		.buffer_octets = 64 << 20,
		.max_events = 32768,
		.flow_idle_s = 2 * 3600,
		.handshake_s = 60,
		.pdu_s = 60,
		.closed_linger_s = 60,
	};
	memcpy(cfg->reserved.range, default_reserved, sizeof(default_reserved));
}

/* ------------------------------------------------------------------- reading */

/* A decimal number at *text, which moves behind it */
static bool read_number(const char **text, uint64_t *out)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*out = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0;
}

static bool read_duration(const char *text, uint64_t *seconds)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };

	if (!read_number(&text, seconds) || *seconds > UINT32_MAX)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(text, units[i].unit) == 0) {
			*seconds *= units[i].seconds;
			return true;
		}
	return false;
}

static bool read_port(const char **text, uint16_t *port)
{
	uint64_t n;

	if (!read_number(text, &n) || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* "135,593" or "1025-5000,49152-65535"; "any" and "none" are the empty list */
static bool read_ports(const char *text, struct rpcgate_port_list *list)
{
	*list = (struct rpcgate_port_list){ 0 };
	if (strcmp(text, "any") == 0 || strcmp(text, "none") == 0)
		return true;
	for (;; text++) {
		struct rpcgate_port_range r;

		if (list->n == RPCGATE_MAX_RANGES || !read_port(&text, &r.first))
			return false;
		r.last = r.first;
		if (*text == '-') {
			text++;
			if (!read_port(&text, &r.last))
				return false;
		}
		if (r.last < r.first)
			return false;
		list->range[list->n++] = r;
		if (!*text)
			return true;
		if (*text != ',')
			return false;
	}
}

static bool add_range(struct rpcgate_port_list *list, uint32_t first, uint32_t last)
{
	if (first > last)
		return true;
	if (list->n == RPCGATE_MAX_RANGES)
		return false;
	list->range[list->n++] = (struct rpcgate_port_range){ (uint16_t)first, (uint16_t)last };
	return true;
}

/* What remains of @p from without one range */
static bool subtract(struct rpcgate_port_list *from, struct rpcgate_port_range cut)
{
	struct rpcgate_port_list rest = { 0 };

	for (uint32_t i = 0; i < from->n; i++) {
		struct rpcgate_port_range r = from->range[i];

		if (r.last < cut.first || r.first > cut.last) {
			if (!add_range(&rest, r.first, r.last))
				return false;
			continue;
		}
		if ((r.first < cut.first && !add_range(&rest, r.first, cut.first - 1U)) ||
		    (r.last > cut.last && !add_range(&rest, cut.last + 1U, r.last)))
			return false;
	}
	*from = rest;
	return true;
}

static bool read_reserved(const char *text, struct rpcgate_port_list *list)
{
	struct rpcgate_port_list change, result = *list;
	char sign = *text;

	if (sign == '+' || sign == '-')
		text++;
	if (!read_ports(text, &change))
		return false;
	if (sign != '+' && sign != '-') {
		*list = change;
		return true;
	}
	for (uint32_t i = 0; i < change.n; i++)
		if (sign == '+' ? !add_range(&result, change.range[i].first, change.range[i].last) :
				  !subtract(&result, change.range[i]))
			return false;
	*list = result;
	return true;
}

/* The position of @p text in "a|b|c", -1 if it is not there */
static int choice_of(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (int i = 0;; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && memcmp(choices, text, n) == 0)
			return i;
		if (!choices[n])
			return -1;
		choices += n + 1;
	}
}

/* --------------------------------------------------------------- nearest key */

/* Half of a word may be wrong; NULL: none is near */
static const char *nearest(const char *name)
{
	size_t best = strlen(name) / 2 + 1;
	const char *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *known = keys[i].face.name;
		size_t d = word_distance(name, strlen(name), known, strlen(known));

		if (d < best) {
			best = d;
			found = keys[i].face.name;
		}
	}
	return found;
}

/* ------------------------------------------------------------------- setting */

static bool set_number(void *member, const struct key *key, uint64_t n)
{
	uint32_t value = (uint32_t)n;

	if (n < key->min || n > key->max)
		return false;
	memcpy(member, &value, sizeof(value));
	return true;
}

static bool set_choice(void *member, const char *choices, const char *text)
{
	int choice = choice_of(choices, text);

	if (choice < 0)
		return false;
	memcpy(member, &choice, sizeof(choice)); /* all choices are enumerations from 0 on */
	return true;
}

static bool set_ports(void *member, const struct key *key, const char *text)
{
	struct rpcgate_port_list list;

	if (!read_ports(text, &list) || list.n < key->min)
		return false;
	memcpy(member, &list, sizeof(list));
	return true;
}

static bool set_value(struct rpcgate_config *cfg, const struct key *key, const char *text)
{
	void *member = (char *)cfg + key->offset;
	const char *rest = text;
	uint64_t n;

	switch (key->kind) {
	case KIND_DURATION:
		return read_duration(text, &n) && set_number(member, key, n);
	case KIND_NUMBER:
		return read_number(&rest, &n) && !*rest && set_number(member, key, n);
	case KIND_CHOICE:
		return set_choice(member, key->face.values, text);
	case KIND_PORTS:
		return set_ports(member, key, text);
	case KIND_RESERVED:
		return read_reserved(text, member);
	}
	return false;
}

bool rpcgate_config_set(struct rpcgate_config *cfg, const char *key, const char *value,
			char err[RPCGATE_ERROR_SIZE])
{
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].face.name, key) != 0)
			continue;
		if (set_value(cfg, &keys[i], value))
			return true;
		snprintf(err, RPCGATE_ERROR_SIZE, "%s: \"%.60s\" read, %s expected", key, value,
			 keys[i].face.values);
		return false;
	}
	near = nearest(key);
	snprintf(err, RPCGATE_ERROR_SIZE, "unknown key \"%.60s\"%s%s%s", key,
		 near ? "; the nearest is \"" : "", near ? near : "", near ? "\"" : "");
	return false;
}
