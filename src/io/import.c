/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import.c - files and characters, lines and mistakes, and which reader is asked */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "import_parts.h"
#include "text.h"

/* ----------------------------------------------------------------- characters */

struct utf16 {
	const uint8_t *octet;
	size_t n;
	unsigned high; /* which octet of two is the high one */
};

static uint32_t unit_at(const struct utf16 *in, size_t i)
{
	return (uint32_t)in->octet[i + in->high] << 8 | in->octet[i + 1 - in->high];
}

/* One character at @p i (RFC 2781 section 2.2); its length in octets, 0 if there is none */
static size_t character_at(const struct utf16 *in, size_t i, uint32_t *character)
{
	uint32_t low;

	if (in->n - i < 2)
		return 0;
	*character = unit_at(in, i);
	if (*character >> 11 != 0x1b)
		return 2;
	if (*character >= 0xdc00 || in->n - i < 4)
		return 0;
	low = unit_at(in, i + 2);
	if (low >> 10 != 0x37)
		return 0;
	*character = 0x10000 + ((*character & 0x3ff) << 10 | (low & 0x3ff));
	return 4;
}

static size_t utf8_put(uint32_t c, char *out)
{
	static const struct {
		uint32_t end;
		uint8_t lead;
	} forms[] = { { 0x80, 0x00 }, { 0x800, 0xc0 }, { 0x10000, 0xe0 }, { 0x110000, 0xf0 } };
	size_t extra = 0;

	while (c >= forms[extra].end)
		extra++;
	out[0] = (char)(forms[extra].lead | c >> 6 * extra);
	for (size_t i = 1; i <= extra; i++)
		out[i] = (char)(0x80 | (c >> 6 * (extra - i) & 0x3f));
	return extra + 1;
}

/* True unless the text stops making sense, which is where *length ends */
static bool utf16_to_utf8(const struct utf16 *in, char *out, size_t *length)
{
	*length = 0;
	for (size_t i = 0, step; i < in->n; i += step) {
		uint32_t character;

		step = character_at(in, i, &character);
		if (!step)
			return false;
		*length += utf8_put(character, out + *length);
	}
	return true;
}

/* Windows writes UTF-16 with a mark in front; without one, the first character is in ASCII */
static bool is_utf16(const uint8_t *octets, size_t n, struct utf16 *out)
{
	static const struct {
		uint8_t first, second;
		uint8_t skip;
		unsigned high;
	} marks[] = { { 0xff, 0xfe, 2, 1 }, { 0xfe, 0xff, 2, 0 } };

	for (size_t i = 0; n >= 2 && i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (octets[0] != marks[i].first || octets[1] != marks[i].second)
			continue;
		*out = (struct utf16){ octets + 2, n - 2, marks[i].high };
		return true;
	}
	*out = (struct utf16){ octets, n, 1 };
	return n >= 2 && octets[0] && !octets[1];
}

/* ---------------------------------------------------------------------- words */

bool import_line(struct import_input *in)
{
	const char *end;

	if (in->next == in->end)
		return false;
	end = memchr(in->next, '\n', (size_t)(in->end - in->next));
	in->line = (struct import_word){ in->next, (size_t)((end ? end : in->end) - in->next) };
	in->next = end ? end + 1 : in->end;
	if (in->line.n && in->line.p[in->line.n - 1] == '\r')
		in->line.n--;
	in->number++;
	return true;
}

bool import_fail(struct import_input *in, const char *at, const char *format, ...)
{
	struct import_error *e = in->error;
	const char *line = in->text;
	va_list arguments;

	e->line = 1;
	for (const char *p = in->text; p < at; p++) {
		if (*p == '\n') {
			line = p + 1;
			e->line++;
		}
	}
	e->column = (uint32_t)(at - line) + 1;
	va_start(arguments, format);
	vsnprintf(e->text, sizeof(e->text), format, arguments);
	va_end(arguments);
	return false;
}

bool import_expected(struct import_input *in, struct import_word word, const char *what)
{
	if (!word.n)
		return import_fail(in, word.p, "nothing here, expected %s", what);
	return import_fail(in, word.p, "read \"%.*s\"%s, expected %s",
			   (int)(word.n < IMPORT_SHOWN ? word.n : IMPORT_SHOWN), word.p,
			   word.n > IMPORT_SHOWN ? "..." : "", what);
}

void import_origin(struct import_input *in, uint32_t line)
{
	fprintf(in->out, "# %s:%u\n", in->name, line);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct import_word import_trim(struct import_word word)
{
	while (word.n && is_space(*word.p)) {
		word.p++;
		word.n--;
	}
	while (word.n && is_space(word.p[word.n - 1]))
		word.n--;
	return word;
}

bool import_begins(struct import_word word, const char *text)
{
	size_t n = strlen(text);

	return word.n >= n && strncasecmp(word.p, text, n) == 0;
}

bool import_is(struct import_word word, const char *text)
{
	return word.n == strlen(text) && import_begins(word, text);
}

struct import_word import_next_word(struct import_word *rest)
{
	struct import_word word = import_trim(*rest);

	*rest = word;
	for (word.n = 0; word.n < rest->n && !is_space(rest->p[word.n]);)
		word.n++;
	rest->p += word.n;
	rest->n -= word.n;
	return word;
}

bool import_number(struct import_word word, unsigned base, uint32_t max, uint32_t *out)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t n = 0;

	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i] >= 'A' && word.p[i] <= 'F' ? (char)(word.p[i] | 0x20) :
								word.p[i];
		const char *digit = memchr(digits, c, base);

		if (!digit)
			return false;
		n = n * base + (uint64_t)(digit - digits);
		if (n > max)
			return false;
	}
	*out = (uint32_t)n;
	return word.n > 0;
}

/* -------------------------------------------------------------------- reading */

/* The first line that only one kind of file has decides */
static bool read_any(struct import_input *in)
{
	static const char *const headers[] = { "Windows Registry Editor Version 5.00", "REGEDIT4" };
	const char *const start = in->next;
	bool (*reader)(struct import_input * in) = NULL;

	while (!reader && import_line(in)) {
		struct import_word line = import_trim(in->line);

		if (import_is(line, headers[0]) || import_is(line, headers[1]))
			reader = import_reg;
		else if (import_rpcfw_knows(line))
			reader = import_rpcfw;
		else if (import_netsh_knows(line))
			reader = import_netsh;
	}
	if (!reader)
		return import_fail(in, start,
				   "neither an export of the registry, nor RpcFw.conf, nor text "
				   "of \"netsh rpc filter\"");
	in->next = start;
	in->number = 0;
	return reader(in);
}

static bool read_text(struct import_input *in)
{
	const char *nul = in->end == in->text ? NULL :
						memchr(in->text, 0, (size_t)(in->end - in->text));

	if (nul)
		return import_fail(in, nul, "a character that is no text");
	in->next = in->text;
	if (in->end - in->text >= 3 && memcmp(in->text, "\xef\xbb\xbf", 3) == 0)
		in->text = in->next = in->text + 3;
	return read_any(in);
}

static bool whole_file(struct import_error *error, const char *what)
{
	error->line = error->column = 0;
	snprintf(error->text, sizeof(error->text), "%s", what);
	return false;
}

bool import_text(const uint8_t *octets, size_t n, const char *name, bool before_vista, FILE *out,
		 struct import_error *error)
{
	struct import_input in = { .before_vista = before_vista, .out = out, .error = error };
	struct utf16 wide;
	size_t length = n;
	bool good = true;
	char *text;

	if (n > IMPORT_MAX_FILE)
		return whole_file(error, "larger than 1 MiB");
	/* two octets become three at most */
	text = malloc(n / 2 * 3 + 4);
	if (!text)
		return whole_file(error, "not enough memory");
	if (is_utf16(octets, n, &wide))
		good = utf16_to_utf8(&wide, text, &length);
	else if (n)
		memcpy(text, octets, n);
	text_show(name, in.name, sizeof(in.name));
	in.text = text;
	in.end = text + length;
	good = good ? read_text(&in) :
		      import_fail(&in, in.end, "octets that are no character of UTF-16");
	free(text);
	if (good && ferror(out))
		return whole_file(error, "not enough memory");
	return good;
}

bool import_file(const char *path, bool before_vista, FILE *out, struct import_error *error)
{
	FILE *file = fopen(path, "rbe");
	uint8_t *octets = malloc(IMPORT_MAX_FILE + 1);
	bool good = false;
	size_t n = 0;

	errno = file ? ENOMEM : errno;
	if (file && octets) {
		errno = 0;
		n = fread(octets, 1, IMPORT_MAX_FILE + 1, file);
		good = !ferror(file);
	}
	if (!good)
		whole_file(error, strerror(errno));
	if (file)
		fclose(file);
	good = good && import_text(octets, n, path, before_vista, out, error);
	free(octets);
	return good;
}
