/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "digits.h"
#include "json_line.h"
#include "text.h"

#define NS_PER_S 1000000000U
#define S_PER_DAY 86400U
#define ESCAPE_MAX 6U  /* octets of an escape */
#define TEXT_QUICK 256 /* octets of a text that few exceed */
/* Octets of a value that is written without a further look for room: what it closes, a comma, the
 * key, quotes, and a text or a number */
#define VALUE_ROOM (LINE_DEPTH_MAX + 1 + LINE_KEY_ROOM + 2 + TEXT_QUICK)

/* Nobody else writes to the stream meanwhile: its lock would take as long as copying the line */
static void flush(struct line *line)
{
	const size_t n = (size_t)(line->at - line->text);

	if (!line->out || fwrite_unlocked(line->text, 1, n, line->out) != n)
		line->failed = true;
	line->at = line->text;
}

static inline void make_room(struct line *line, size_t n)
{
	if ((size_t)(line->text + sizeof(line->text) - line->at) < n)
		flush(line);
}

/* The caller made room */
static void add_octet(struct line *line, char c)
{
	*line->at++ = c;
}

static void add_octets(struct line *line, const char *octets, size_t n)
{
	memcpy(line->at, octets, n);
	line->at += n;
}

static void close_to(struct line *line, unsigned depth)
{
	while (line->depth > depth) {
		add_octet(line, line->end[--line->depth]);
		line->first = false;
	}
}

/* What comes before a value */
static inline void begin_value(struct line *line, unsigned in, const struct json_key *key)
{
	make_room(line, VALUE_ROOM);
	close_to(line, in);
	if (!line->first)
		add_octet(line, ',');
	line->first = false;
	if (!key)
		return;
	memcpy(line->at, key->text, sizeof(key->text));
	line->at += key->n;
}

static unsigned open_one(struct line *line, char start, char end)
{
	add_octet(line, start);
	line->end[line->depth++] = end;
	line->first = true;
	return line->depth;
}

unsigned line_object(struct line *line, unsigned in, const struct json_key *key)
{
	begin_value(line, in, key);
	return open_one(line, '{', '}');
}

unsigned line_array(struct line *line, unsigned in, const struct json_key *key)
{
	begin_value(line, in, key);
	return open_one(line, '[', ']');
}

void line_start(struct line *line, FILE *out, struct json_memory *memory)
{
	line->out = out;
	line->memory = memory;
	line->at = line->text;
	line->failed = false;
	line->depth = 0;
	open_one(line, '{', '}');
}

bool line_end(struct line *line)
{
	make_room(line, VALUE_ROOM);
	close_to(line, 0);
	add_octet(line, '\n');
	flush(line);
	return !line->failed;
}

/* ------------------------------------------------------------------- escapes */

static void write_hex(struct line *line, uint32_t unit)
{
	static const char hex[] = "0123456789ABCDEF";

	make_room(line, ESCAPE_MAX);
	add_octets(line, "\\u", 2);
	for (unsigned bits = 16; bits; bits -= 4)
		add_octet(line, hex[unit >> (bits - 4) & 15]);
}

/* RFC 8259: beyond the first plane as a pair of surrogates */
static void write_code_point(struct line *line, uint32_t c)
{
	if (c >= 0x10000) {
		write_hex(line, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	write_hex(line, c);
}

static void write_special(struct line *line, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = memchr(from, c, sizeof(from) - 1);

	if (!at) {
		write_hex(line, (unsigned char)c);
		return;
	}
	make_room(line, ESCAPE_MAX);
	add_octet(line, '\\');
	add_octet(line, to[at - from]);
}

/* Octets of one code point at @p text, which is UTF-8: whoever put it there has seen to that */
static size_t code_point(const char *text, size_t n, uint32_t *c)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t octets = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;

	*c = octets == 1 ? 0xfffd : p[0] & (0x7fU >> octets);
	if (octets > n)
		octets = n;
	for (size_t i = 1; i < octets; i++)
		*c = *c << 6 | (p[i] & 0x3f);
	return octets;
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

static void write_escaped(struct line *line, const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t c;

		if (is_plain(text[i])) {
			make_room(line, 1);
			add_octet(line, text[i++]);
		} else if ((unsigned char)text[i] < 0x80) {
			write_special(line, text[i++]);
		} else {
			i += code_point(text + i, n - i, &c);
			write_code_point(line, c);
		}
	}
}

/* Copy eight octets; the highest bit of each that is not plain is set, perhaps of ones beside it */
static uint64_t copy_word(char *to, const char *from)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	memcpy(to, &word, sizeof(word));
	return word | (word - each * 0x20) | ((word ^ each * '"') - each) |
	       ((word ^ each * '\\') - each);
}

/* Copy a text, the octets of the last word perhaps twice; false if they are not all plain.  Most
 * texts are: to look at each octet took a seventh of the time of a line. */
static bool copy_plain(char *to, const char *from, size_t n)
{
	const size_t word = sizeof(uint64_t);
	uint64_t seen = 0;
	bool plain = true;

	if (n >= word) {
		for (size_t i = 0; i + word <= n; i += word)
			seen |= copy_word(to + i, from + i);
		seen |= copy_word(to + n - word, from + n - word);
		return !(seen & UINT64_C(0x8080808080808080));
	}
	for (size_t i = 0; i < n; i++) {
		plain = plain && is_plain(from[i]);
		to[i] = from[i];
	}
	return plain;
}

/* True if that was all; false where it takes more than copying */
static bool begin_text(struct line *line, unsigned in, const struct json_key *key, const char *text,
		       size_t n)
{
	begin_value(line, in, key);
	add_octet(line, '"');
	if (n > TEXT_QUICK || !copy_plain(line->at, text, n))
		return false;
	line->at += n;
	add_octet(line, '"');
	return true;
}

static void end_text(struct line *line, const char *text, size_t n)
{
	write_escaped(line, text, n);
	make_room(line, 1);
	add_octet(line, '"');
}

void line_text(struct line *line, unsigned in, const struct json_key *key, const char *text)
{
	const size_t n = strlen(text);

	if (!begin_text(line, in, key, text, n))
		end_text(line, text, n);
}

static void end_foreign(struct line *line, const char *octets, size_t n)
{
	char text[TEXT_UTF8_MAX(FOREIGN_MAX) + 1];

	end_text(line, text, text_to_utf8((const uint8_t *)octets, n, text));
}

void line_foreign(struct line *line, unsigned in, const struct json_key *key, const void *octets,
		  size_t n)
{
	const char *text = octets;

	if (n > FOREIGN_MAX)
		n = FOREIGN_MAX;
	while (n && !text[n - 1])
		n--;
	if (!begin_text(line, in, key, text, n))
		end_foreign(line, text, n);
}

/* ------------------------------------------------------------ numbers, values */

void line_bool(struct line *line, unsigned in, const struct json_key *key, bool value)
{
	begin_value(line, in, key);
	add_octets(line, value ? "true" : "false", value ? 4 : 5);
}

void line_number(struct line *line, unsigned in, const struct json_key *key, uint64_t number)
{
	begin_value(line, in, key);
	line->at = digits_put(line->at, number);
}

void line_version(struct line *line, unsigned in, const struct json_key *key, unsigned major,
		  unsigned minor)
{
	begin_value(line, in, key);
	add_octet(line, '"');
	line->at = digits_put(line->at, major);
	add_octet(line, '.');
	line->at = digits_put(line->at, minor);
	add_octet(line, '"');
}

#define SECONDS_PLAIN_MIN 100000U /* ns; below, "%g" writes an exponent */
#define SECONDS_PLAIN_MAX UINT64_C(1000000000000000)

/* Fifteen digits hold 72 hours in nanoseconds, and print no rounding of binary fractions */
static size_t print_seconds(char *text, size_t size, uint64_t ns)
{
	size_t n = (size_t)snprintf(text, size, "%.15g", (double)ns / 1e9);
	char *exponent = strstr(text, "e-0");

	if (exponent) { /* one digit is enough */
		memmove(exponent + 2, exponent + 3, n - (size_t)(exponent + 3 - text) + 1);
		n--;
	}
	if (!strpbrk(text, ".e")) {
		memcpy(text + n, ".0", 3);
		n += 2;
	}
	return n;
}

/* The digits that "%.15g" writes: never more than fifteen, so they are exact.  That takes 2,900
 * instructions, this 200. */
void line_seconds(struct line *line, unsigned in, const struct json_key *key, uint64_t ns)
{
	begin_value(line, in, key);
	if (ns < SECONDS_PLAIN_MIN || ns >= SECONDS_PLAIN_MAX) {
		line->at += print_seconds(line->at, TEXT_QUICK, ns);
		return;
	}
	line->at = digits_put(line->at, ns / NS_PER_S);
	add_octet(line, '.');
	add_octet(line, (char)('0' + ns % NS_PER_S / (NS_PER_S / 10)));
	line->at = digits_fixed(line->at, ns % (NS_PER_S / 10), 8);
	while (line->at[-1] == '0' && line->at[-2] != '.')
		line->at--;
}

/* gmtime_r(3) and strftime(3) take 900 instructions, and days change rarely.  Two are remembered, so
 * that around midnight neither is forgotten for the other's sake. */
static void add_date(struct line *line, uint64_t day)
{
	struct json_day fresh = { .text = "" };
	struct json_day *known = line->memory ? &line->memory->day[day % 2] : &fresh;
	time_t s = (time_t)(day * S_PER_DAY);
	struct tm tm;

	if (!*known->text || known->number != day) {
		gmtime_r(&s, &tm);
		strftime(known->text, sizeof(known->text), "%Y-%m-%dT", &tm);
		known->number = day;
	}
	add_octets(line, known->text, sizeof(known->text) - 1);
}

void line_time(struct line *line, unsigned in, const struct json_key *key, uint64_t time_ns)
{
	const uint64_t s = time_ns / NS_PER_S;
	const unsigned of_day = (unsigned)(s % S_PER_DAY);

	begin_value(line, in, key);
	add_octet(line, '"');
	add_date(line, s / S_PER_DAY);
	line->at = digits_two(line->at, of_day / 3600);
	add_octet(line, ':');
	line->at = digits_two(line->at, of_day / 60 % 60);
	add_octet(line, ':');
	line->at = digits_two(line->at, of_day % 60);
	add_octet(line, '.');
	line->at = digits_fixed(line->at, time_ns % NS_PER_S / 1000, 6);
	add_octets(line, "+0000\"", 6);
}

void line_addr(struct line *line, unsigned in, const struct json_key *key,
	       const struct rpcgate_addr *addr)
{
	begin_value(line, in, key);
	add_octet(line, '"');
	line->at += strlen(rpcgate_addr_format(addr, line->at));
	add_octet(line, '"');
}

void line_uuid(struct line *line, unsigned in, const struct json_key *key,
	       const struct rpcgate_uuid *uuid)
{
	begin_value(line, in, key);
	add_octet(line, '"');
	rpcgate_uuid_format(uuid, line->at);
	line->at += RPCGATE_UUID_TEXT - 1;
	add_octet(line, '"');
}

/* -------------------------------------------------------- what is remembered */

static bool same_key(const uint64_t *a, const uint64_t *b)
{
	uint64_t differ = 0;

	for (size_t i = 0; i < JSON_PHRASE_KEY; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

/* Whoever chooses keys that meet makes others be written anew, as all were before: no secret */
static struct json_phrase *place_of(struct json_memory *memory, const uint64_t *key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < JSON_PHRASE_KEY; i++) {
		sum = (sum ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 32;
	}
	/* the highest bits depend on all others */
	return &memory->phrase[sum >> (64 - JSON_PHRASES_LOG2)];
}

/* False if it is too long to be remembered */
static bool learn(struct json_phrase *phrase, const uint64_t *key, line_members *put,
		  const void *what)
{
	struct line own;
	size_t n;

	line_start(&own, NULL, NULL);
	put(&own, LINE_ROOT, what);
	close_to(&own, LINE_ROOT);
	n = (size_t)(own.at - own.text) - 1; /* without the bracket */
	if (own.failed || n > sizeof(phrase->text))
		return false;
	memcpy(phrase->key, key, sizeof(phrase->key));
	memcpy(phrase->text, own.text + 1, n);
	phrase->n = (uint8_t)n;
	return true;
}

void line_remembered(struct line *line, unsigned in, const uint64_t key[JSON_PHRASE_KEY],
		     line_members *put, const void *what)
{
	struct json_phrase *phrase = line->memory ? place_of(line->memory, key) : NULL;

	if (!phrase || (!same_key(phrase->key, key) && !learn(phrase, key, put, what))) {
		put(line, in, what);
		return;
	}
	begin_value(line, in, NULL);
	add_octets(line, phrase->text, phrase->n);
}
