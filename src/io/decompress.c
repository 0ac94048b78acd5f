/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "decompress.h"

#define INPUT_OCTETS (128 * 1024) /* ZSTD_DStreamInSize() is 128 KiB and a bit */
#define MAGIC_OCTETS 4
#define PEEK_OCTETS 24 /* the header of a classic capture */

struct decompress;

/* One way to unpack: how it begins, and its three verbs */
struct format {
	const char *name;
	bool (*matches)(const uint8_t *magic);
	bool (*start)(struct decompress *d);
	size_t (*unpack)(struct decompress *d, void *out, size_t n);
	void (*stop)(struct decompress *d);
};

struct decompress {
	int fd;
	bool ended;                  /* the descriptor has no more */
	bool done;                   /* nothing more to deliver */
	bool whole;                  /* between two members or frames */
	const struct format *format; /* NULL until the first octets were seen */
	uint64_t taken;              /* octets read from fd */
	const uint8_t *next;         /* packed octets not yet used, in input */
	size_t left;
	char damage[128];
	uint8_t peeked[PEEK_OCTETS]; /* plain octets looked at, still to deliver */
	size_t n_peeked;
	z_stream gzip;
	ZSTD_DStream *zstd;
	uint8_t input[INPUT_OCTETS];
};

static void damaged(struct decompress *d, const char *what)
{
	if (!d->damage[0])
		snprintf(d->damage, sizeof(d->damage), "%s", what);
	d->done = true;
}

static size_t read_some(struct decompress *d, void *out, size_t n)
{
	ssize_t got = read(d->fd, out, n);

	if (got < 0)
		damaged(d, strerror(errno));
	d->ended = got <= 0;
	d->taken += got > 0 ? (uint64_t)got : 0;
	return got > 0 ? (size_t)got : 0;
}

/* Read until at least @p want packed octets are there or the file ends. */
static bool fill(struct decompress *d, size_t want)
{
	if (d->left && d->next != d->input)
		memmove(d->input, d->next, d->left);
	d->next = d->input;
	while (d->left < want && !d->ended)
		d->left += read_some(d, d->input + d->left, sizeof(d->input) - d->left);
	return d->left >= want;
}

static bool plain_matches(const uint8_t *magic)
{
	(void)magic;
	return true;
}

static bool plain_start(struct decompress *d)
{
	(void)d;
	return true;
}

static size_t plain_unpack(struct decompress *d, void *out, size_t n)
{
	if (!d->left) { /* straight to where it is wanted: no copy */
		n = d->ended ? 0 : read_some(d, out, n);
		d->done = !n;
		return n;
	}
	if (n > d->left)
		n = d->left;
	memcpy(out, d->next, n);
	d->next += n;
	d->left -= n;
	return n;
}

static void plain_stop(struct decompress *d)
{
	(void)d;
}

static bool gzip_matches(const uint8_t *magic)
{
	return magic[0] == 0x1f && magic[1] == 0x8b && magic[2] == 8;
}

static bool gzip_start(struct decompress *d)
{
	/* 16: a gzip header is required, so a raw deflate stream never passes for one. */
	return inflateInit2(&d->gzip, 15 + 16) == Z_OK;
}

/* After a member: another one, the end, or padding with zeroes as tapes have it. */
static void gzip_next_member(struct decompress *d)
{
	if (fill(d, MAGIC_OCTETS) && gzip_matches(d->next)) {
		if (inflateReset(&d->gzip) != Z_OK)
			damaged(d, "the gzip data cannot be read on");
		d->whole = false;
		return;
	}
	while (d->left || fill(d, 1)) {
		if (*d->next) {
			damaged(d, "foreign octets follow the gzip data");
			return;
		}
		d->next++;
		d->left--;
	}
	d->done = true;
}

static size_t gzip_unpack(struct decompress *d, void *out, size_t n)
{
	bool more;
	int result;

	if (d->whole) {
		gzip_next_member(d);
		if (d->done)
			return 0;
	}
	/* Even without more input, what inflate() holds back may still come. */
	more = d->left || fill(d, 1);
	d->gzip.next_in = (z_const Bytef *)(uintptr_t)d->next;
	d->gzip.avail_in = (uInt)d->left;
	d->gzip.next_out = out;
	d->gzip.avail_out = (uInt)n;
	result = inflate(&d->gzip, Z_NO_FLUSH);
	d->next += d->left - d->gzip.avail_in;
	d->left = d->gzip.avail_in;
	if (result == Z_STREAM_END)
		d->whole = true;
	else if (result != Z_OK && result != Z_BUF_ERROR)
		damaged(d, "the gzip data is corrupt");
	else if (!more && d->gzip.avail_out == n)
		damaged(d, "the gzip data ends early");
	return n - d->gzip.avail_out;
}

static void gzip_stop(struct decompress *d)
{
	inflateEnd(&d->gzip);
}

static bool zstd_matches(const uint8_t *magic)
{
	/* A frame, or a skippable frame as parallel packers put in front. */
	return (magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd) ||
	       ((magic[0] & 0xf0) == 0x50 && magic[1] == 0x2a && magic[2] == 0x4d &&
		magic[3] == 0x18);
}

static bool zstd_start(struct decompress *d)
{
	d->zstd = ZSTD_createDStream();
	return d->zstd != NULL;
}

static size_t zstd_unpack(struct decompress *d, void *out, size_t n)
{
	bool more = d->left || fill(d, 1);
	ZSTD_inBuffer in = { d->next, d->left, 0 };
	ZSTD_outBuffer plain = { out, n, 0 };
	size_t result;

	if (!more && d->whole) {
		d->done = true;
		return 0;
	}
	result = ZSTD_decompressStream(d->zstd, &plain, &in);
	d->next += in.pos;
	d->left -= in.pos;
	if (ZSTD_isError(result)) {
		char what[sizeof(d->damage)];

		snprintf(what, sizeof(what), "the zstd data is corrupt: %s",
			 ZSTD_getErrorName(result));
		damaged(d, what);
		return plain.pos;
	}
	d->whole = result == 0;
	if (!more && !plain.pos && !d->whole)
		damaged(d, "the zstd data ends early");
	return plain.pos;
}

static void zstd_stop(struct decompress *d)
{
	ZSTD_freeDStream(d->zstd);
}

/* The last one matches everything. */
static const struct format formats[] = {
	{ "gzip", gzip_matches, gzip_start, gzip_unpack, gzip_stop },
	{ "zstd", zstd_matches, zstd_start, zstd_unpack, zstd_stop },
	{ NULL, plain_matches, plain_start, plain_unpack, plain_stop },
};

static bool recognise(struct decompress *d)
{
	static const uint8_t nothing[MAGIC_OCTETS];
	const struct format *format = formats;
	bool enough = fill(d, MAGIC_OCTETS);

	while (!format->matches(enough ? d->next : nothing))
		format++;
	if (!format->start(d)) {
		damaged(d, "not enough memory to unpack it");
		return false;
	}
	d->format = format;
	return true;
}

struct decompress *decompress_new(int fd)
{
	struct decompress *d = malloc(sizeof(*d));

	if (!d) {
		close(fd);
		return NULL;
	}
	memset(d, 0, offsetof(struct decompress, input));
	d->fd = fd;
	d->next = d->input;
	return d;
}

void decompress_free(struct decompress *d)
{
	if (!d)
		return;
	if (d->format)
		d->format->stop(d);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

/* Unpack until there is at least one octet or no more will come. */
static size_t unpack(struct decompress *d, void *out, size_t n)
{
	size_t got = 0;

	if (!d->format && !d->done && !recognise(d))
		return 0;
	while (n && !got && !d->done)
		got = d->format->unpack(d, out, n);
	return got;
}

size_t decompress_peek(struct decompress *d, void *out, size_t n)
{
	if (n > PEEK_OCTETS)
		n = PEEK_OCTETS;
	while (d->n_peeked < n) {
		size_t got = unpack(d, d->peeked + d->n_peeked, n - d->n_peeked);

		if (!got)
			break;
		d->n_peeked += got;
	}
	if (n > d->n_peeked)
		n = d->n_peeked;
	memcpy(out, d->peeked, n);
	return n;
}

size_t decompress_read(struct decompress *d, void *out, size_t n)
{
	size_t got;

	if (d->n_peeked) {
		got = n < d->n_peeked ? n : d->n_peeked;
		memcpy(out, d->peeked, got);
		memmove(d->peeked, d->peeked + got, d->n_peeked - got);
		d->n_peeked -= got;
	} else {
		got = unpack(d, out, n);
	}
	return got;
}

const char *decompress_damage(const struct decompress *d)
{
	return d->damage[0] ? d->damage : NULL;
}

const char *decompress_format(const struct decompress *d)
{
	return d->format ? d->format->name : NULL;
}

uint64_t decompress_taken(const struct decompress *d)
{
	return d->taken;
}
