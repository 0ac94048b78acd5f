/* SPDX-License-Identifier: GPL-3.0-or-later */
/* html_words.c - foreign text made harmless, numbers, links */
#include <inttypes.h>
#include <string.h>

#include "html_parts.h"
#include "text.h"

/* Five characters mean something to a browser between tags or in an attribute (HTML 13.1) */
static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			putc(*text, out);
		}
	}
}

/* Everything but printable ASCII is shown as an escape: no mark that turns text around, no
 * control character, no broken UTF-8 reaches the page */
void html_text(FILE *out, const char *text)
{
	char shown[HTML_TEXT];
	char more[2 * HTML_TEXT];

	put_escaped(out, text_show(text, shown, sizeof(shown)));
	if (strcmp(shown, text_show(text, more, sizeof(more))) != 0)
		fputs("&hellip;", out);
}

void html_whole(FILE *out, const char *text)
{
	char part[2] = "";
	char shown[8];

	for (; *text; text++) {
		if (*text == '\n' || *text == '\t' || (*text >= 0x20 && *text < 0x7f)) {
			part[0] = *text;
			put_escaped(out, part);
		} else {
			snprintf(shown, sizeof(shown), "\\u%04x", (unsigned char)*text);
			fputs(shown, out);
		}
	}
}

void html_octets(FILE *out, const uint8_t *octets, size_t n)
{
	char text[TEXT_UTF8_MAX(HTML_TEXT) + 1];
	size_t most = n < HTML_TEXT ? n : HTML_TEXT;

	while (most && !octets[most - 1])
		most--;
	for (size_t i = 0; i < most; i++) {
		if (octets[i])
			continue;
		most = i; /* what follows a NUL is no text */
		break;
	}
	(void)text_to_utf8(octets, most, text);
	html_text(out, text);
}

void html_number(FILE *out, uint64_t number)
{
	char text[WORDS_NUMBER];

	fputs(words_number(number, text), out);
}

void html_count(FILE *out, uint64_t n, const char *one, const char *many)
{
	char text[WORDS_NUMBER];

	fprintf(out, "%s %s", words_number(n, text), n == 1 ? one : many);
}

void html_time(const struct html_page *page, uint64_t ns)
{
	char text[WORDS_TIME];

	words_moment(ns, page->days ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", text);
	fprintf(page->out, "<time>%s</time>", text);
}

void html_place(const struct html_page *page, const struct html_at *at)
{
	const char *slash = at->file ? strrchr(at->file, '/') : NULL;

	html_time(page, at->time_ns);
	if (!at->file)
		return;
	fprintf(page->out, " <span class=at title=\"");
	html_text(page->out, at->file);
	fprintf(page->out, "\">packet&nbsp;%" PRIu64 " of ", at->frame);
	html_text(page->out, slash && slash[1] ? slash + 1 : at->file);
	fputs("</span>", page->out);
}

void html_addr(FILE *out, const struct rpcgate_addr *addr)
{
	char text[RPCGATE_ADDR_TEXT];

	fputs(rpcgate_addr_format(addr, text), out);
}

void html_endpoint(FILE *out, const struct rpcgate_addr *addr, uint16_t port)
{
	char text[WORDS_ENDPOINT];

	fputs(words_endpoint(addr, port, text), out);
}

void html_interface(FILE *out, const struct rpcgate_syntax *id)
{
	char text[WORDS_INTERFACE];

	html_text(out,
		  words_uuid_is_nil(&id->uuid) ? "any DCOM object" : words_interface(id, text));
}

void html_duration(FILE *out, uint64_t ns)
{
	char text[WORDS_TIME];

	fputs(words_duration(ns, text), out);
}

void html_heading(FILE *out, const char *id, const char *title)
{
	fprintf(out, "<h2 id=%s-h>%s</h2>\n", id, title);
}

void html_left_out(FILE *out, uint64_t n, const char *one, const char *many, const char *where)
{
	if (!n)
		return;
	fputs("<p class=note>And ", out);
	html_count(out, n, one, many);
	fprintf(out, " more, left out here: %s.</p>\n", where);
}

uint64_t html_end_of(const struct html_page *page, const struct html_life *life)
{
	uint64_t last_ns = page->input->last_ns;
	uint64_t end_ns = life->end_ns < last_ns ? life->end_ns : last_ns;

	return end_ns > life->at.time_ns ? end_ns : life->at.time_ns;
}
