/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "gate.h"

enum pipe_note_kind {
	NOTE_ASKED, /* a message: opens a file of this name */
	NOTE_FILE,  /* a file: was opened by this name */
	NOTE_TOLD   /* a sequence number: the bind there was told */
};

bool pipes_init(struct pipes *pipes, uint32_t capacity)
{
	*pipes = (struct pipes){ .capacity = capacity };
	pipes->note = calloc((size_t)capacity + 1, sizeof(*pipes->note));
	if (pipes->note && table_init(&pipes->table, capacity))
		return true;
	pipes_done(pipes);
	return false;
}

void pipes_done(struct pipes *pipes)
{
	free(pipes->note);
	table_done(&pipes->table);
	*pipes = (struct pipes){ 0 };
}

/* -------------------------------------------------------------------- the notes */

static uint64_t hash_of(const struct rpcgate *g, const struct pipe_key *key)
{
	uint64_t word[sizeof(*key) / 8];

	_Static_assert(sizeof(*key) == 32, "the key has no padding");
	memcpy(word, key, sizeof(word));
	return hash_words(&g->key, word, ARRAY_SIZE(word));
}

static struct pipe_key key_of(uint64_t connection, enum pipe_note_kind what, const void *id,
			      size_t n)
{
	struct pipe_key key = { .connection = connection, .what = what };

	memcpy(key.id, id, n);
	return key;
}

static struct pipe_note *note_find(const struct rpcgate *g, const struct pipe_key *key)
{
	const struct pipes *pipes = &g->pipes;
	uint64_t hash = hash_of(g, key);
	uint32_t probe;

	for (uint32_t i = table_first(&pipes->table, hash, &probe); i;
	     i = table_next(&pipes->table, hash, &probe))
		if (memcmp(&pipes->note[i].key, key, sizeof(*key)) == 0)
			return &pipes->note[i];
	return NULL;
}

/* The note about this, or a new one in place of the oldest */
static struct pipe_note *note_take(struct rpcgate *g, const struct pipe_key *key)
{
	struct pipes *pipes = &g->pipes;
	struct pipe_note *note = note_find(g, key);
	uint32_t i = pipes->latest % pipes->capacity + 1;

	if (note)
		return note;
	note = &pipes->note[i];
	if (pipes->used == pipes->capacity)
		table_remove(&pipes->table, note->hash, i);
	else
		pipes->used++;
	pipes->latest = i;
	*note = (struct pipe_note){ .key = *key, .hash = hash_of(g, key) };
	table_add(&pipes->table, note->hash, i);
	return note;
}

/* --------------------------------------------------------------------- the names */

static uint32_t character(const struct smb_message *m, size_t i)
{
	return m->wide ? load16(m->name.p + 2 * i, false) : m->name.p[i];
}

static bool is_prefix(const uint8_t name[4])
{
	return memcmp(name, "PIPE", 4) == 0 || memcmp(name, "pipe", 4) == 0;
}

/* What may be the name of a pipe, without "\" and "\PIPE\" in front: files have directories and
 * extensions.  What is not ASCII becomes '?'. */
static uint8_t pipe_name(const struct smb_message *m, uint8_t out[RPCGATE_ENDPOINT_MAX])
{
	size_t n = m->name.n / (m->wide ? 2 : 1), len = 0;

	for (size_t i = 0; i < n && character(m, i); i++) {
		uint32_t c = character(m, i);

		if (c == '\\') {
			if (len && (len != 4 || !is_prefix(out)))
				return 0;
			len = 0;
			continue;
		}
		if (c == '.' || len == RPCGATE_ENDPOINT_MAX)
			return 0;
		out[len++] = c < 0x80 ? (uint8_t)c : '?';
	}
	return (uint8_t)len;
}

/* ---------------------------------------------------------------------- a segment */

struct seen {
	struct rpcgate *g;
	const struct packet *p;
	struct flow f; /* in no table: the ends, to tell events about */
	uint64_t connection;
};

static void on_open(const struct seen *s, const struct smb_message *m)
{
	uint8_t name[RPCGATE_ENDPOINT_MAX];
	uint8_t n = pipe_name(m, name);
	struct pipe_key key;
	struct pipe_note *note;

	if (!n)
		return;
	key = key_of(s->connection, NOTE_ASKED, &m->message, sizeof(m->message));
	note = note_take(s->g, &key);
	note->name_len = n;
	memcpy(note->name, name, n);
}

static void on_opened(const struct seen *s, const struct smb_message *m)
{
	struct pipe_key asked = key_of(s->connection, NOTE_ASKED, &m->message, sizeof(m->message));
	struct pipe_key file = key_of(s->connection, NOTE_FILE, m->file, sizeof(m->file));
	const struct pipe_note *from = note_find(s->g, &asked);
	struct pipe_note copy, *to;

	if (!from)
		return;
	copy = *from; /* its place may be the oldest */
	to = note_take(s->g, &file);
	to->name_len = copy.name_len;
	memcpy(to->name, copy.name, sizeof(to->name));
}

static void tell(const struct seen *s, const struct smb_message *m, const struct pdu *pdu,
		 const struct bind_context *b)
{
	struct rpcgate_pipe_event *e = &event_new(s->g, RPCGATE_EVENT_PIPE, &s->f)->u.pipe;
	struct pipe_key key = key_of(s->connection, NOTE_FILE, m->file, sizeof(m->file));
	const struct pipe_note *file = note_find(s->g, &key);

	e->pdu = pdu->h.ptype == PDU_BIND ? RPCGATE_PDU_BIND : RPCGATE_PDU_ALTER_CONTEXT;
	e->interface = b->abstract;
	e->context_id = b->id;
	e->n_transfer = b->n_transfer;
	for (size_t i = 0; i < b->n_transfer && i < RPCGATE_SYNTAXES_MAX; i++)
		e->transfer[i] = bind_transfer_at(b, i);
	e->auth_type = pdu->auth.type;
	e->auth_level = pdu->auth.level;
	e->call_id = pdu->h.call_id;
	if (file) {
		e->pipe_len = file->name_len;
		memcpy(e->pipe, file->name, sizeof(e->pipe));
	}
	s->g->stats.pipe_binds++;
}

/* Segments come twice; what was told is not told again */
static bool told_before(const struct seen *s, const struct smb_message *m)
{
	uint32_t at = s->p->seq + (uint32_t)(m->data.p - s->p->payload.p);
	struct pipe_key key = key_of(s->connection, NOTE_TOLD, &at, sizeof(at));

	if (note_find(s->g, &key))
		return true;
	(void)note_take(s->g, &key);
	return false;
}

static void on_write(const struct seen *s, const struct smb_message *m)
{
	struct pdu_header h;
	struct bind_context b;
	struct reader walk;
	struct bind bind;
	struct pdu pdu;

	if (!m->data.n || m->data.p[0] != 5 || pdu_header_parse(m->data, &h) != PARSE_OK ||
	    (h.ptype != PDU_BIND && h.ptype != PDU_ALTER_CONTEXT) || h.frag_length > m->data.n ||
	    pdu_parse((struct bytes){ m->data.p, h.frag_length }, &h, &pdu) != PARSE_OK ||
	    bind_parse(&pdu, &bind) != PARSE_OK || told_before(s, m))
		return;
	for (walk = bind_walk(&bind); bind_next(&walk, &b);)
		tell(s, m, &pdu, &b);
}

void pipe_read(struct rpcgate *g, const struct packet *p, const struct flow_key *key, uint64_t hash,
	       unsigned side, uint64_t flow_id)
{
	bool from_client = pipe_is_port(p->dst_port);
	struct smb_walk walk = smb_walk(p->payload);
	struct smb_message m;
	struct seen s = { .g = g,
			  .p = p,
			  .f = { .key = *key,
				 .id = flow_id,
				 .client = (uint8_t)(from_client ? side : !side),
				 .n_vlan = p->n_vlan,
				 .vlan = { p->vlan[0], p->vlan[1] } },
			  .connection = hash };

	while (smb_next(&walk, &m)) {
		if (m.kind == SMB_OPEN && from_client)
			on_open(&s, &m);
		else if (m.kind == SMB_OPENED && !from_client)
			on_opened(&s, &m);
		else if (m.kind == SMB_WRITE && from_client)
			on_write(&s, &m);
	}
}
