/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guard.h"

#define MOST ((size_t)2 << 20) /* octets of one input */

static void give_up(const char *what, const char *text)
{
	fprintf(stderr, "guard: %s: %.60s\n", what, text);
	abort();
}

/* Copy to the end of a slot: what lies behind it is unreadable. */
static struct bytes place(uint8_t **end, const void *from, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	if (n > MOST)
		give_up("too much", "");
	if (!*end) {
		p = mmap(NULL, MOST + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
		if (p == MAP_FAILED || mprotect(p + MOST, page, PROT_NONE) != 0)
			give_up("no memory", "");
		*end = p + MOST;
	}
	if (n)
		memmove(*end - n, from, n);
	return (struct bytes){ *end - n, n };
}

struct bytes guarded(const void *from, size_t n)
{
	static uint8_t *end[GUARD_SLOTS];
	static unsigned next;

	return place(&end[next++ % GUARD_SLOTS], from, n);
}

static unsigned digit(const char *text)
{
	char c = *text;

	if (!isxdigit((unsigned char)c))
		give_up("not a hex digit", text);
	return (unsigned)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* "(16)" after an octet */
static size_t repeat(const char **text)
{
	char *end;
	size_t times = strtoul(*text + 1, &end, 10);

	if (*end != ')')
		give_up("repetition without end", *text);
	*text = end + 1;
	return times;
}

struct bytes octets_of(const char *text)
{
	uint8_t *room = malloc(MOST);
	struct bytes copy;
	size_t n = 0;

	while (room && *text) {
		size_t times = 1;
		unsigned octet;

		if (*text == '#') {
			text += strcspn(text, "\n");
			continue;
		}
		if (isspace((unsigned char)*text) || *text == '|') {
			text++;
			continue;
		}
		octet = digit(text) << 4 | digit(text + 1);
		text += 2;
		if (*text == '(')
			times = repeat(&text);
		if (times > MOST - n)
			give_up("too much", text);
		memset(room + n, (int)octet, times);
		n += times;
	}
	copy = guarded(room, room ? n : 0);
	free(room);
	return copy;
}

struct bytes edited(struct bytes from, size_t at, const char *hex)
{
	struct bytes to = octets_of(hex);
	struct bytes copy = guarded(from.p, from.n);

	if (at > from.n || to.n > from.n - at)
		give_up("edit past the end", hex);
	if (to.n)
		memcpy((uint8_t *)(uintptr_t)copy.p + at, to.p, to.n);
	return copy;
}

struct bytes prefix(struct bytes from, size_t n)
{
	static uint8_t *end; /* its own: a loop over all prefixes must not overwrite the whole */

	if (n > from.n)
		give_up("prefix longer than the whole", "");
	return place(&end, from.p, n);
}

struct bytes joined(struct bytes first, struct bytes second)
{
	struct bytes copy;
	uint8_t *room;

	if (first.n > MOST || second.n > MOST - first.n)
		give_up("too much", "");
	room = malloc(first.n + second.n + 1);
	if (!room)
		give_up("no memory", "");
	if (first.n)
		memcpy(room, first.p, first.n);
	if (second.n)
		memcpy(room + first.n, second.p, second.n);
	copy = guarded(room, first.n + second.n);
	free(room);
	return copy;
}
