/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* A character that does not stand for itself where it cannot be read: 0 length, wrong follow-ups,
 * over-long forms, surrogates and what lies beyond Unicode (RFC 3629 section 4). */
static size_t utf8_length(const uint8_t *in, size_t n, uint32_t *character)
{
	static const struct {
		uint8_t mask, lead, length;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 1, 0 },
		{ 0xe0, 0xc0, 2, 0x80 },
		{ 0xf0, 0xe0, 3, 0x800 },
		{ 0xf8, 0xf0, 4, 0x10000 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		uint32_t value;

		if ((in[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (forms[i].length > n)
			return 0;
		value = in[0] & (uint8_t)~forms[i].mask;
		for (size_t k = 1; k < forms[i].length; k++) {
			if ((in[k] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (in[k] & 0x3f);
		}
		if (value < forms[i].least || value > 0x10ffff || (value >> 11) == 0x1b)
			return 0;
		*character = value;
		return forms[i].length;
	}
	return 0;
}

/* Read one character; an octet that starts none stands for itself. */
static size_t next_character(const uint8_t *in, size_t n, uint32_t *character)
{
	size_t length = utf8_length(in, n, character);

	if (length)
		return length;
	*character = in[0];
	return 1;
}

size_t text_to_utf8(const uint8_t *in, size_t n, char *out)
{
	size_t used = 0;

	for (size_t i = 0, length; i < n; i += length) {
		uint32_t character;

		length = next_character(in + i, n - i, &character);
		if (length == 1 && character >= 0x80) {
			out[used++] = (char)(0xc0 | character >> 6);
			out[used++] = (char)(0x80 | (character & 0x3f));
		} else {
			memcpy(out + used, in + i, length);
			used += length;
		}
	}
	out[used] = '\0';
	return used;
}

/* One character in ASCII, as JSON would escape it; 13 octets are enough for a surrogate pair. */
static size_t show_character(uint32_t character, char out[13])
{
	if (character == '\\')
		return (size_t)snprintf(out, 13, "\\\\");
	if (character >= 0x20 && character < 0x7f)
		return (size_t)snprintf(out, 13, "%c", (int)character);
	if (character < 0x10000)
		return (size_t)snprintf(out, 13, "\\u%04x", (unsigned int)character);
	character -= 0x10000;
	return (size_t)snprintf(out, 13, "\\u%04x\\u%04x", 0xd800 | (unsigned int)(character >> 10),
				0xdc00 | (unsigned int)(character & 0x3ff));
}

char *text_show(const char *in, char *out, size_t size)
{
	const uint8_t *octets = (const uint8_t *)in;
	size_t n = strlen(in);
	size_t used = 0;

	for (size_t i = 0, length; i < n; i += length) {
		uint32_t character;
		char shown[13];
		size_t width;

		length = next_character(octets + i, n - i, &character);
		width = show_character(character, shown);
		if (used + width >= size)
			break;
		memcpy(out + used, shown, width);
		used += width;
	}
	out[used] = '\0';
	return out;
}

/* ------------------------------------------------------------- did you mean */

#define WORD_MAX 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein distance, one row at a time; WORD_MAX for what is too long to be a slip. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t n = strlen(b);

	if (n > WORD_MAX || strlen(a) > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t above = row[j + 1];

			row[j + 1] = least(least(row[j], above) + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[n];
}

const char *text_nearest(const char *word, const char *(*get)(const void *ctx, size_t i),
			 const void *ctx)
{
	/* Half of the word may be wrong, at least one letter and at most four. */
	size_t best = least(strlen(word) / 2 + 1, 4) + 1;
	const char *nearest = NULL;
	const char *candidate;

	for (size_t i = 0; (candidate = get(ctx, i)); i++) {
		size_t d = distance(word, candidate);

		if (d < best) {
			best = d;
			nearest = candidate;
		}
	}
	return nearest;
}
