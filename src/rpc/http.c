/* SPDX-License-Identifier: BSD-2-Clause */
#include "http.h"
#include "word.h"

#define RTS_HEAD_LEN 20U
#define RTS_MAX_COMMANDS 16U

static const char *const methods[] = { "RPC_IN_DATA ", "RPC_OUT_DATA " };

enum parse http_begins(struct bytes in)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		size_t len = strlen(methods[i]);
		size_t n = in.n < len ? in.n : len;

		if (!n || memcmp(in.p, methods[i], n) == 0)
			return n == len ? PARSE_OK : PARSE_MORE;
	}
	return PARSE_BAD;
}

size_t http_head_end(struct bytes have, struct bytes more)
{
	static const uint8_t end[] = { '\r', '\n', '\r', '\n' };
	size_t matched = 0;

	/* of the end, at most its first three octets came before */
	for (size_t i = have.n < 3 ? 0 : have.n - 3; i < have.n; i++)
		matched = have.p[i] == end[matched] ? matched + 1 : have.p[i] == end[0];
	for (size_t i = 0; i < more.n; i++) {
		matched = more.p[i] == end[matched] ? matched + 1 : more.p[i] == end[0];
		if (matched == sizeof(end))
			return i + 1;
	}
	return 0;
}

/* --------------------------------------------------------------------- text */

/* The next line, without its end; a bare end of either kind makes it unreadable */
static bool line_next(struct bytes *rest, struct bytes *line)
{
	for (size_t i = 0; i + 1 < rest->n; i++) {
		if (rest->p[i] == '\r' && rest->p[i + 1] == '\n') {
			*line = (struct bytes){ rest->p, i };
			*rest = (struct bytes){ rest->p + i + 2, rest->n - i - 2 };
			return true;
		}
		if (rest->p[i] == '\r' || rest->p[i] == '\n' || !rest->p[i])
			return false;
	}
	return false;
}

static bool number_of(struct bytes text, uint64_t most, uint64_t *out)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || i == 19)
			return false;
		n = n * 10 + (uint64_t)(text.p[i] - '0');
	}
	*out = n;
	return text.n && n <= most;
}

static struct bytes trimmed(struct bytes text)
{
	while (text.n && (text.p[0] == ' ' || text.p[0] == '\t'))
		text = (struct bytes){ text.p + 1, text.n - 1 };
	while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
		text.n--;
	return text;
}

static bool names(struct bytes name, const char *word)
{
	return word_equal((const char *)name.p, name.n, word, strlen(word));
}

static bool field_read(struct bytes line, uint64_t *length)
{
	const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	struct bytes name, value;
	uint64_t n;

	if (!colon || line.p[0] == ' ' || line.p[0] == '\t')
		return false; /* nor a line that goes on with the one before */
	name = (struct bytes){ line.p, (size_t)(colon - line.p) };
	value = trimmed((struct bytes){ colon + 1, line.n - name.n - 1 });
	if (names(trimmed(name), "transfer-encoding"))
		return false;
	if (!names(trimmed(name), "content-length"))
		return true;
	if (trimmed(name).n != name.n || !number_of(value, HTTP_NO_LENGTH - 1, &n) ||
	    (*length != HTTP_NO_LENGTH && *length != n))
		return false;
	*length = n;
	return true;
}

/* The lines behind the first, up to the empty one */
static bool fields_read(struct bytes rest, uint64_t *length)
{
	struct bytes line;

	*length = HTTP_NO_LENGTH;
	while (line_next(&rest, &line)) {
		if (!line.n)
			return !rest.n;
		if (!field_read(line, length))
			return false;
	}
	return false;
}

/* "server:port", the name without anything that could be read as more than a name */
static bool target_read(struct bytes text, struct http_request *out)
{
	const uint8_t *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
	uint64_t port;

	if (!colon)
		return false;
	out->host = (struct bytes){ text.p, (size_t)(colon - text.p) };
	if (!out->host.n || out->host.n > HTTP_MAX_HOST)
		return false;
	for (size_t i = 0; i < out->host.n; i++)
		if (out->host.p[i] <= ' ' || out->host.p[i] >= 0x7f ||
		    strchr("[]/?#%&@\\", out->host.p[i]))
			return false;
	if (!number_of((struct bytes){ colon + 1, text.n - out->host.n - 1 }, UINT16_MAX, &port) ||
	    !port)
		return false;
	out->port = (uint16_t)port;
	return true;
}

static bool request_line_read(struct bytes line, struct http_request *out)
{
	static const char version[] = " HTTP/1.";
	const size_t tail = sizeof(version); /* with one digit for the NUL */
	const uint8_t *question;
	size_t method;

	if (http_begins(line) != PARSE_OK)
		return false;
	out->out = line.p[4] == 'O';
	method = strlen(methods[out->out]);
	if (line.n < method + tail || memcmp(line.p + line.n - tail, version, tail - 1) != 0)
		return false;
	line = (struct bytes){ line.p + method, line.n - method - tail };
	question = line.n ? memchr(line.p, '?', line.n) : NULL;
	if (!question)
		return false;
	return target_read((struct bytes){ question + 1, line.n - (size_t)(question + 1 - line.p) },
			   out);
}

enum parse http_request_parse(struct bytes head, struct http_request *out)
{
	struct http_request request = { 0 };
	struct bytes line;

	if (!line_next(&head, &line) || !request_line_read(line, &request) ||
	    !fields_read(head, &request.length))
		return PARSE_BAD;
	if (request.length == HTTP_NO_LENGTH)
		request.length = 0;
	*out = request;
	return PARSE_OK;
}

enum parse http_response_parse(struct bytes head, struct http_response *out)
{
	static const char version[] = "HTTP/1.";
	struct http_response response = { 0 };
	struct bytes line;
	uint64_t status;

	if (!line_next(&head, &line) || line.n < 12 ||
	    memcmp(line.p, version, sizeof(version) - 1) != 0 || line.p[8] != ' ' ||
	    (line.n > 12 && line.p[12] != ' ') ||
	    !number_of((struct bytes){ line.p + 9, 3 }, 999, &status) ||
	    !fields_read(head, &response.length))
		return PARSE_BAD;
	response.status = (uint16_t)status;
	*out = response;
	return PARSE_OK;
}

/* ---------------------------------------------------------------------- RTS */

/* Octets of each command with its type; two of them say more (MS-RPCH 2.2.3.5) */
#define COMMAND_PADDING 8U
#define COMMAND_CLIENT_ADDRESS 11U
#define COMMAND_COOKIE 3U
static const uint8_t command_len[] = { 8, 28, 8, 20, 8, 8, 8, 4, 8, 4, 4, 8, 20, 8, 8 };

enum parse rts_header_parse(struct bytes in, struct pdu_header *out)
{
	static const uint8_t start[] = { 5, 0, PDU_RTS, 3, 0x10, 0, 0, 0 };
	struct pdu_header h = { .ptype = PDU_RTS, .flags = 3 };
	struct reader r = reader_of(in, false);
	size_t n = in.n < sizeof(start) ? in.n : sizeof(start);

	if (n && memcmp(in.p, start, n) != 0)
		return PARSE_BAD;
	if (!rd_skip(&r, sizeof(start)) || !rd_u16(&r, &h.frag_length))
		return PARSE_MORE;
	if (h.frag_length < RTS_HEAD_LEN)
		return PARSE_BAD;
	if (!rd_u16(&r, &h.auth_length))
		return PARSE_MORE;
	if (h.auth_length)
		return PARSE_BAD;
	if (!rd_u32(&r, &h.call_id))
		return PARSE_MORE;
	if (h.call_id)
		return PARSE_BAD;
	*out = h;
	return PARSE_OK;
}

static bool command_read(struct reader *r, struct rts *out)
{
	size_t start = r->off + 4;
	uint32_t type, more;

	if (!rd_u32(r, &type) || type >= ARRAY_SIZE(command_len) ||
	    !rd_skip(r, command_len[type] - 4U))
		return false;
	if (type == COMMAND_COOKIE && !out->has_cookie) {
		out->has_cookie = true;
		memcpy(out->cookie.octet, r->in.p + start, sizeof(out->cookie.octet));
	}
	if (type != COMMAND_PADDING && type != COMMAND_CLIENT_ADDRESS)
		return true;
	more = load32(r->in.p + r->off - 4, false);
	if (type == COMMAND_PADDING)
		return more <= UINT16_MAX && rd_skip(r, more);
	return more <= 1 && rd_skip(r, (more ? 16U : 4U) + 12U);
}

enum parse rts_parse(struct bytes in, struct rts *out)
{
	struct reader r = reader_of(in, false);
	struct rts rts = { 0 };
	struct pdu_header h;

	if (rts_header_parse(in, &h) != PARSE_OK || h.frag_length != in.n ||
	    !rd_skip(&r, PDU_HEADER_LEN) || !rd_u16(&r, &rts.flags) ||
	    !rd_u16(&r, &rts.n_commands) || rts.n_commands > RTS_MAX_COMMANDS)
		return PARSE_BAD;
	for (unsigned i = 0; i < rts.n_commands; i++)
		if (!command_read(&r, &rts))
			return PARSE_BAD;
	if (rd_left(&r))
		return PARSE_BAD;
	*out = rts;
	return PARSE_OK;
}
