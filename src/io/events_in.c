/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "decompress.h"
#include "event_words.h"
#include "events_in.h"

#define NS_PER_S UINT64_C(1000000000)
#define NO_PTYPE 0xff
#define RULE_FILE_MAX 4096
#define READ_AT_ONCE 65536
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct events_in {
	struct decompress *file; /* NULL: the caller has the lines */
	size_t at, end;          /* in octet: read, and not yet used */
	uint64_t line;
	json_t *root; /* of the last event: its texts are borrowed */
	char rule_file[RULE_FILE_MAX];
	char text[EVENTS_IN_LINE_MAX + 1];
	char octet[READ_AT_ONCE];
};

/* An object being read.  The first field that is wrong sticks, so that only the end need ask. */
struct fields {
	const json_t *object;
	const char *wrong; /* key */
};

/* ------------------------------------------------------------------- fields */

static void wrong(struct fields *f, const char *key)
{
	if (!f->wrong)
		f->wrong = key;
}

static uint64_t get_number(struct fields *f, const char *key, uint64_t max)
{
	const json_t *value = json_object_get(f->object, key);
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || (uint64_t)number > max) {
		wrong(f, key);
		return 0;
	}
	return (uint64_t)number;
}

static bool has(const struct fields *f, const char *key)
{
	return json_object_get(f->object, key) != NULL;
}

static uint64_t get_optional(struct fields *f, const char *key, uint64_t max)
{
	return has(f, key) ? get_number(f, key, max) : 0;
}

static const char *get_text(struct fields *f, const char *key)
{
	const char *text = json_string_value(json_object_get(f->object, key));

	if (!text)
		wrong(f, key);
	return text ? text : "";
}

static bool get_bool(struct fields *f, const char *key)
{
	const json_t *value = json_object_get(f->object, key);

	if (!json_is_boolean(value))
		wrong(f, key);
	return json_is_true(value);
}

static void get_addr(struct fields *f, const char *key, struct rpcgate_addr *addr)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	const char *text = get_text(f, key);

	*addr = (struct rpcgate_addr){ { 0 } };
	if (inet_pton(AF_INET, text, addr->octet + sizeof(prefix)) == 1)
		memcpy(addr->octet, prefix, sizeof(prefix));
	else if (inet_pton(AF_INET6, text, addr->octet) != 1)
		wrong(f, key);
}

static void get_uuid(struct fields *f, const char *key, struct rpcgate_uuid *uuid)
{
	if (!rpcgate_uuid_parse(get_text(f, key), uuid))
		wrong(f, key);
}

/* A decimal number of at most so many digits; *text moves behind it */
static bool digits(const char **text, unsigned int most, uint64_t *out)
{
	unsigned int n = 0;

	for (*out = 0; n < most && (*text)[n] >= '0' && (*text)[n] <= '9'; n++)
		*out = *out * 10 + (uint64_t)((*text)[n] - '0');
	*text += n;
	return n > 0;
}

static bool expect(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

static void get_syntax(struct fields *f, struct rpcgate_syntax *syntax)
{
	const char *text = get_text(f, "version");
	uint64_t major, minor;

	get_uuid(f, "uuid", &syntax->uuid);
	if (!digits(&text, 5, &major) || !expect(&text, '.') || !digits(&text, 5, &minor) ||
	    *text || major > UINT16_MAX || minor > UINT16_MAX) {
		wrong(f, "version");
		return;
	}
	syntax->major = (uint16_t)major;
	syntax->minor = (uint16_t)minor;
}

/* A word as its index in a table */
static unsigned int get_word(struct fields *f, const char *key, const char *const *words, size_t n)
{
	const char *text = get_text(f, key);

	for (unsigned int i = 0; i < n; i++)
		if (words[i] && strcmp(words[i], text) == 0)
			return i;
	wrong(f, key);
	return 0;
}

static enum rpcgate_reason reason_of(struct fields *f, const char *key, const char *text)
{
	for (int i = 0; i < RPCGATE_REASON_COUNT; i++)
		if (strcmp(rpcgate_reason_name((enum rpcgate_reason)i), text) == 0)
			return (enum rpcgate_reason)i;
	wrong(f, key);
	return RPCGATE_REASON_NONE;
}

static enum rpcgate_reason get_reason(struct fields *f)
{
	return reason_of(f, "reason", get_text(f, "reason"));
}

/* "+0100" as seconds */
static bool zone_of(const char *text, int64_t *out)
{
	uint64_t hours, minutes;
	bool west = *text == '-';

	if (strcmp(text, "Z") == 0) {
		*out = 0;
		return true;
	}
	if (*text != '-' && *text != '+')
		return false;
	text++;
	if (!digits(&text, 2, &hours) || (*text == ':' && !expect(&text, ':')) ||
	    !digits(&text, 2, &minutes) || *text)
		return false;
	*out = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

/* Up to nine digits behind the point, as nanoseconds */
static uint64_t fraction(const char **text)
{
	uint64_t ns = 0, unit = NS_PER_S;

	if (!expect(text, '.'))
		return 0;
	for (; **text >= '0' && **text <= '9'; ++*text) {
		unit /= 10;
		ns += unit * (uint64_t)(**text - '0');
	}
	return ns;
}

static uint64_t get_time(struct fields *f, const char *key)
{
	const char *text = get_text(f, key);
	struct tm tm = { 0 };
	int64_t zone = 0;
	int64_t s;
	uint64_t ns;

	text = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!text) {
		wrong(f, key);
		return 0;
	}
	ns = fraction(&text);
	s = timegm(&tm);
	if (!zone_of(text, &zone) || s - zone < 0) {
		wrong(f, key);
		return 0;
	}
	return (uint64_t)(s - zone) * NS_PER_S + ns;
}

/* ----------------------------------------------------------------- the words */

#define WORD(f, key, names) get_word(f, key, names, COUNT(names))

/* ---------------------------------------------------------------- the bodies */

static size_t get_octets(struct fields *f, const char *key, uint8_t *out, size_t room)
{
	const json_t *value = json_object_get(f->object, key);
	size_t n = json_string_length(value);

	if (!value)
		return 0;
	if (!json_is_string(value))
		wrong(f, key);
	if (n > room)
		n = room;
	if (n)
		memcpy(out, json_string_value(value), n);
	return n;
}

static void binding_body(struct events_in *in, struct fields *f, struct rpcgate_event *event)
{
	struct rpcgate_binding_event *b = &event->u.binding;
	unsigned int protseq = 0;

	(void)in;
	b->source = (enum rpcgate_source)WORD(f, "source", source_names);
	while (protseq < RPCGATE_PROTSEQ_OTHER &&
	       strcmp(rpcgate_protseq_name((enum rpcgate_protseq)protseq),
		      get_text(f, "protseq")) != 0)
		protseq++;
	b->protseq = (enum rpcgate_protseq)protseq;
	get_syntax(f, &b->interface);
	b->any_interface = has(f, "any_interface") && get_bool(f, "any_interface");
	if (has(f, "object"))
		get_uuid(f, "object", &b->object);
	get_addr(f, "server_ip", &b->server);
	b->port = (uint16_t)get_number(f, "port", UINT16_MAX);
	if (has(f, "moved_from"))
		b->moved_from = (uint16_t)get_number(f, "moved_from", UINT16_MAX);
	b->has_tower_ip = has(f, "tower_ip");
	if (b->has_tower_ip)
		get_addr(f, "tower_ip", &b->tower_ip);
	b->annotation_len =
		(uint8_t)get_octets(f, "annotation", b->annotation, sizeof(b->annotation));
	b->endpoint_len = (uint8_t)get_octets(f, "endpoint", b->endpoint, sizeof(b->endpoint));
	b->accepted = get_bool(f, "accepted");
	b->reason = get_reason(f);
}

static void pinhole_body(struct events_in *in, struct fields *f, struct rpcgate_event *event)
{
	struct rpcgate_pinhole_event *p = &event->u.pinhole;

	(void)in;
	p->action = (enum rpcgate_pinhole_action)WORD(f, "action", pinhole_action_names);
	p->id = get_number(f, "id", UINT64_MAX);
	get_addr(f, "client_ip", &p->client);
	get_addr(f, "server_ip", &p->server);
	p->port = (uint16_t)get_number(f, "port", UINT16_MAX);
	p->proto = has(f, "proto") && strcmp(get_text(f, "proto"), "UDP") == 0 ? 17 : 6;
	get_syntax(f, &p->interface);
	p->source = (enum rpcgate_source)WORD(f, "source", source_names);
	p->ttl_s = (uint32_t)get_number(f, "ttl", UINT32_MAX);
	p->uses = get_number(f, "uses", UINT64_MAX);
	if (has(f, "until"))
		p->until_ns = get_time(f, "until");
	p->reason = get_reason(f);
}

/* "FILE:LINE" */
static void get_rule(struct events_in *in, struct fields *f, uint32_t *line, const char **file,
		     const char **name)
{
	const char *text = has(f, "rule") ? get_text(f, "rule") : "";
	const char *colon = strrchr(text, ':');
	const char *at = colon ? colon + 1 : "";
	uint64_t number;

	if (!*text)
		return;
	if (!digits(&at, 10, &number) || *at || number > UINT32_MAX ||
	    (size_t)(colon - text) >= sizeof(in->rule_file)) {
		wrong(f, "rule");
		return;
	}
	snprintf(in->rule_file, sizeof(in->rule_file), "%.*s", (int)(colon - text), text);
	*line = (uint32_t)number;
	*file = in->rule_file;
	*name = has(f, "rule_name") ? get_text(f, "rule_name") : NULL;
}

static uint8_t get_transfer(struct fields *f, struct rpcgate_syntax *out)
{
	const json_t *list = json_object_get(f->object, "transfer_syntaxes");
	size_t n = json_array_size(list);

	if (!json_is_array(list))
		wrong(f, "transfer_syntaxes");
	for (size_t i = 0; i < n && i < RPCGATE_SYNTAXES_MAX; i++) {
		struct fields one = { .object = json_array_get(list, i) };

		get_syntax(&one, &out[i]);
		if (one.wrong)
			wrong(f, "transfer_syntaxes");
	}
	if (has(f, "transfer_syntaxes_offered"))
		n = get_number(f, "transfer_syntaxes_offered", UINT8_MAX);
	return (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
}

static void bind_body(struct events_in *in, struct fields *f, struct rpcgate_event *event)
{
	struct rpcgate_bind_event *b = &event->u.bind;
	const json_t *age = json_object_get(f->object, "age");

	b->pdu = (enum rpcgate_bind_pdu)WORD(f, "pdu", bind_pdu_names);
	b->call_id = (uint32_t)get_optional(f, "call_id", UINT32_MAX);
	b->context_id = (uint16_t)get_number(f, "context_id", UINT16_MAX);
	get_syntax(f, &b->interface);
	b->n_transfer = get_transfer(f, b->transfer);
	b->auth_type = (uint8_t)get_number(f, "auth_type", UINT8_MAX);
	b->auth_level = (uint8_t)get_number(f, "auth_level", UINT8_MAX);
	b->verdict = (enum rpcgate_verdict)WORD(f, "verdict", verdict_names);
	b->action = (enum rpcgate_action)WORD(f, "action", action_names);
	b->reason = get_reason(f);
	get_rule(in, f, &b->rule_line, &b->rule_file, &b->rule_name);
	b->pinhole_id = get_optional(f, "pinhole_id", UINT64_MAX);
	b->has_age = age != NULL;
	if (age &&
	    (!json_is_number(age) || json_number_value(age) < 0 || json_number_value(age) > 1e9))
		wrong(f, "age");
	else if (age)
		b->age_ns = (uint64_t)(json_number_value(age) * 1e9 + 0.5);
}

static void pipe_body(struct events_in *in, struct fields *f, struct rpcgate_event *event)
{
	struct rpcgate_pipe_event *p = &event->u.pipe;

	(void)in;
	p->pipe_len = (uint8_t)get_octets(f, "pipe", p->pipe, sizeof(p->pipe));
	p->pdu = (enum rpcgate_bind_pdu)WORD(f, "pdu", bind_pdu_names);
	p->call_id = (uint32_t)get_optional(f, "call_id", UINT32_MAX);
	p->context_id = (uint16_t)get_number(f, "context_id", UINT16_MAX);
	get_syntax(f, &p->interface);
	p->n_transfer = get_transfer(f, p->transfer);
	p->auth_type = (uint8_t)get_number(f, "auth_type", UINT8_MAX);
	p->auth_level = (uint8_t)get_number(f, "auth_level", UINT8_MAX);
}

static void call_body(struct events_in *in, struct fields *f, struct rpcgate_event *event)
{
	struct rpcgate_call_event *c = &event->u.call;

	c->call_id = (uint32_t)get_optional(f, "call_id", UINT32_MAX);
	c->context_id = (uint16_t)get_optional(f, "context_id", UINT16_MAX);
	get_syntax(f, &c->interface);
	c->opnum = (uint16_t)get_number(f, "opnum", UINT16_MAX);
	c->auth_level = (uint8_t)get_number(f, "auth_level", UINT8_MAX);
	c->verdict = (enum rpcgate_verdict)WORD(f, "verdict", verdict_names);
	c->action = (enum rpcgate_action)WORD(f, "action", action_names);
	c->reason = get_reason(f);
	get_rule(in, f, &c->rule_line, &c->rule_file, &c->rule_name);
}

static void alert_interface(struct fields *about, struct rpcgate_alert_event *a)
{
	const json_t *list = json_object_get(about->object, "interfaces");
	struct fields one = { .object = json_array_get(list, 0) };

	a->has_interface = one.object != NULL;
	if (one.object)
		get_syntax(&one, &a->interface);
	if (one.wrong)
		wrong(about, "interfaces");
}

/* What "dcerpc" beside the alert says: which PDU, which interface */
static void alert_cause(struct fields *f, struct rpcgate_alert_event *a)
{
	struct fields about = { .object = json_object_get(f->object, "dcerpc") };
	struct fields req = { .object = json_object_get(about.object, "req") };
	const char *version;
	uint64_t minor;
	bool lost;

	a->ptype = NO_PTYPE;
	if (!about.object)
		return;
	lost = strcmp(get_text(&about, "request"), "REQUEST_LOST") == 0;
	a->ptype = (uint8_t)WORD(&about, lost ? "response" : "request", ptype_names);
	a->call_id = (uint32_t)get_optional(&about, "call_id", UINT32_MAX);
	version = get_text(&about, "rpc_version");
	/* over UDP it is version 4 */
	if ((!expect(&version, '5') && !expect(&version, '4')) || !expect(&version, '.') ||
	    !digits(&version, 3, &minor) || *version || minor > UINT8_MAX)
		wrong(&about, "rpc_version");
	else
		a->rpc_minor = (uint8_t)minor;
	if (req.object)
		a->opnum = (uint16_t)get_number(&req, "opnum", UINT16_MAX);
	alert_interface(&about, a);
	if (about.wrong || req.wrong)
		wrong(f, "dcerpc");
}

/* The reason stands in the metadata; alerts of others have none */
static const char *alert_reason(const json_t *alert)
{
	const json_t *metadata = json_object_get(alert, "metadata");

	return json_string_value(json_array_get(json_object_get(metadata, "rpc_reason"), 0));
}

static void alert_body(struct events_in *in, struct fields *f, struct rpcgate_event *event)
{
	struct rpcgate_alert_event *a = &event->u.alert;
	const char *reason = alert_reason(f->object);
	struct fields root = { .object = in->root };

	a->action = strcmp(get_text(f, "action"), "blocked") == 0 ? RPCGATE_DROP : RPCGATE_NONE;
	a->reason = reason_of(f, "metadata", reason ? reason : "");
	alert_cause(&root, a);
	if (root.wrong)
		wrong(f, root.wrong);
}

static void flow_body(struct events_in *in, struct fields *f, struct rpcgate_event *event)
{
	struct rpcgate_flow_event *flow = &event->u.flow;

	(void)in;
	flow->state = (enum rpcgate_flow_state)WORD(f, "state", flow_state_names);
	flow->reason = get_reason(f);
	flow->mapper = get_bool(f, "mapper");
	flow->midstream = get_bool(f, "midstream");
	flow->binds = (uint32_t)get_number(f, "binds", UINT32_MAX);
	flow->accepted = (uint32_t)get_number(f, "accepted", UINT32_MAX);
	flow->packets_toserver = get_number(f, "pkts_toserver", UINT64_MAX);
	flow->packets_toclient = get_number(f, "pkts_toclient", UINT64_MAX);
	flow->octets_toserver = get_number(f, "bytes_toserver", UINT64_MAX);
	flow->octets_toclient = get_number(f, "bytes_toclient", UINT64_MAX);
	flow->start_ns = get_time(f, "start");
	flow->end_ns = get_time(f, "end");
}

/* The program's own lines (start, stop, input) have no reason */
static void engine_body(struct events_in *in, struct fields *f, struct rpcgate_event *event)
{
	struct rpcgate_engine_event *e = &event->u.engine;

	(void)in;
	e->event = get_text(f, "event");
	e->detail = get_text(f, "detail");
	if (has(f, "reason"))
		e->reason = get_reason(f);
}

static const struct {
	const char *event_type;
	void (*read)(struct events_in *in, struct fields *body, struct rpcgate_event *event);
	bool ends; /* it is about two hosts */
} kinds[] = {
	[RPCGATE_EVENT_BINDING] = { "rpc_binding", binding_body, true },
	[RPCGATE_EVENT_PINHOLE] = { "rpc_pinhole", pinhole_body, true },
	[RPCGATE_EVENT_BIND] = { "rpc_bind", bind_body, true },
	[RPCGATE_EVENT_ALERT] = { "alert", alert_body, true },
	[RPCGATE_EVENT_FLOW] = { "flow", flow_body, true },
	[RPCGATE_EVENT_ENGINE] = { "rpc_engine", engine_body, false },
	[RPCGATE_EVENT_CALL] = { "rpc_call", call_body, true },
	[RPCGATE_EVENT_PIPE] = { "rpc_pipe", pipe_body, true },
};

/* ------------------------------------------------------------------ the lines */

/* The kind of a line of ours; COUNT(kinds) for all others.  Flows and alerts of other programs
 * have the same names. */
static size_t kind_of(const json_t *root)
{
	const char *type = json_string_value(json_object_get(root, "event_type"));
	size_t i = 0;

	while (type && i < COUNT(kinds) && strcmp(kinds[i].event_type, type) != 0)
		i++;
	if (!type || i == COUNT(kinds))
		return COUNT(kinds);
	if (i == RPCGATE_EVENT_ALERT && !alert_reason(json_object_get(root, type)))
		return COUNT(kinds);
	if (i == RPCGATE_EVENT_FLOW && !json_object_get(json_object_get(root, type), "binds"))
		return COUNT(kinds);
	return i;
}

static void get_ends(struct fields *f, struct rpcgate_event *event, bool required)
{
	if (!required && !has(f, "src_ip"))
		return;
	get_addr(f, "src_ip", &event->src);
	get_addr(f, "dest_ip", &event->dest);
	event->src_port = (uint16_t)get_optional(f, "src_port", UINT16_MAX);
	event->dest_port = (uint16_t)get_optional(f, "dest_port", UINT16_MAX);
	if (has(f, "proto"))
		event->proto = strcasecmp(get_text(f, "proto"), "UDP") == 0 ? 17 : 6;
}

static void get_vlan(struct fields *f, struct rpcgate_event *event)
{
	const json_t *list = json_object_get(f->object, "vlan");
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && i < COUNT(event->vlan); i++) {
		json_int_t tag = json_integer_value(json_array_get(list, i));

		if (tag < 0 || tag > UINT16_MAX)
			wrong(f, "vlan");
		event->vlan[event->n_vlan++] = (uint16_t)tag;
	}
}

static void get_origin(struct fields *f, struct json_origin *origin)
{
	*origin = (struct json_origin){ 0 };
	if (has(f, "pcap_filename"))
		origin->file = get_text(f, "pcap_filename");
	origin->frame = get_optional(f, "pcap_cnt", UINT64_MAX);
}

static bool read_event(struct events_in *in, size_t kind, struct rpcgate_event *event,
		       struct json_origin *origin, char error[EVENTS_IN_ERROR_SIZE])
{
	const char *name = kinds[kind].event_type;
	struct fields root = { .object = in->root };
	struct fields body = { .object = json_object_get(in->root, name) };

	*event = (struct rpcgate_event){ .type = (enum rpcgate_event_type)kind };
	event->time_ns = get_time(&root, "timestamp");
	event->flow_id = get_optional(&root, "flow_id", UINT64_MAX);
	event->parent_id = get_optional(&root, "parent_id", UINT64_MAX);
	get_ends(&root, event, kinds[kind].ends);
	get_vlan(&root, event);
	get_origin(&root, origin);
	if (!json_is_object(body.object))
		wrong(&root, name);
	else
		kinds[kind].read(in, &body, event);
	if (!root.wrong && !body.wrong)
		return true;
	snprintf(error, EVENTS_IN_ERROR_SIZE, "line %" PRIu64 ": '%s%s%s' is missing or wrong",
		 in->line, root.wrong ? "" : name, root.wrong ? "" : ".",
		 root.wrong ? root.wrong : body.wrong);
	return false;
}

struct events_in *events_in_open(const char *path)
{
	struct events_in *in = events_in_new();
	int fd;

	if (!in)
		return NULL;
	fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
				      open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		in->file = decompress_new(fd);
	if (in->file)
		return in;
	free(in);
	return NULL;
}

struct events_in *events_in_new(void)
{
	return calloc(1, sizeof(struct events_in));
}

void events_in_close(struct events_in *in)
{
	if (!in)
		return;
	json_decref(in->root);
	decompress_free(in->file);
	free(in);
}

/* More octets of the file; false at its end */
static bool read_more(struct events_in *in)
{
	if (in->at == in->end) {
		in->at = 0;
		in->end = decompress_read(in->file, in->octet, sizeof(in->octet));
	}
	return in->end;
}

/* Octets of the line that are at hand go to its text, as far as there is room */
static void take_octets(struct events_in *in, size_t n, size_t *length)
{
	const size_t room = *length < EVENTS_IN_LINE_MAX ? EVENTS_IN_LINE_MAX - *length : 0;

	memcpy(in->text + EVENTS_IN_LINE_MAX - room, in->octet + in->at, n < room ? n : room);
	in->at += n;
	*length += n;
}

/* The next line; *length counts its octets, more than the line may have if it is too long */
static bool read_line(struct events_in *in, size_t *length)
{
	const char *end = NULL;

	*length = 0;
	in->line++;
	while (!end && read_more(in)) {
		const char *from = in->octet + in->at;

		end = memchr(from, '\n', in->end - in->at);
		take_octets(in, end ? (size_t)(end - from) : in->end - in->at, length);
	}
	in->at += end != NULL;
	return end || *length > 0;
}

static enum events_in_result bad_line(const struct events_in *in, const char *what, char *error)
{
	snprintf(error, EVENTS_IN_ERROR_SIZE, "line %" PRIu64 ": %.150s", in->line, what);
	return EVENTS_IN_BAD_LINE;
}

enum events_in_result events_in_line(struct events_in *in, const char *line, size_t n,
				     struct rpcgate_event *event, struct json_origin *origin,
				     char error[EVENTS_IN_ERROR_SIZE])
{
	json_error_t why;
	size_t kind;

	if (!in->file)
		in->line++;
	json_decref(in->root);
	in->root = NULL;
	if (n > EVENTS_IN_LINE_MAX)
		return bad_line(in, "is too long", error);
	if (!n)
		return EVENTS_IN_END;
	in->root = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
	if (!in->root)
		return bad_line(in, "is no JSON, or cut short", error);
	kind = kind_of(in->root);
	if (kind == COUNT(kinds))
		return EVENTS_IN_END;
	return read_event(in, kind, event, origin, error) ? EVENTS_IN_EVENT : EVENTS_IN_BAD_LINE;
}

enum events_in_result events_in_next(struct events_in *in, struct rpcgate_event *event,
				     struct json_origin *origin, char error[EVENTS_IN_ERROR_SIZE])
{
	enum events_in_result result;
	const char *damage;
	size_t length;

	while (read_line(in, &length)) {
		result = events_in_line(in, in->text, length, event, origin, error);
		if (result != EVENTS_IN_END)
			return result;
	}
	damage = decompress_damage(in->file);
	if (!damage)
		return EVENTS_IN_END;
	snprintf(error, EVENTS_IN_ERROR_SIZE, "%s", damage);
	return EVENTS_IN_FAILED;
}
