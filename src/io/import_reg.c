/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import_reg.c - exports of the registry of Windows
 *
 *	HKLM\Software\Microsoft\Rpc\Internet (KB154596)
 *		Ports			entries such as 5984 or 5000-5100
 *		PortsInternetAvailable	Y: these are the internet ports, N: all others are
 *		UseInternetPorts	Y: processes get internet ports, N: the others
 *	HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters
 *		ReservedPorts		entries such as 1433-1434
 *		MaxUserPort		the last dynamic port, or since Vista their number
 *
 * Lists are text in quotes, or octets: UTF-16 since version 5.00, one octet for a character in
 * REGEDIT4.  One bad entry makes a list void, as in Windows.
 */
#include <stdlib.h>
#include <string.h>

#include "import_parts.h"

#define PORTS 65536
#define ENTRY_SIZE 32
#define RANGES_SIZE (RPCGATE_MAX_RANGES * sizeof("65535-65535") + 2)
#define ENOUGH_PORTS 100 /* KB154596 */
#define LOWEST_PORT 5000

/* A set of ports: how many more ranges begin than end at each */
struct port_set {
	int32_t step[PORTS + 1];
};

struct reg;

/* A value that is looked for */
struct wanted {
	const char *key; /* its end */
	const char *name;
	bool (*read)(struct reg *r, const char *at);
};

enum { PORTS_LIST, AVAILABLE, USE, RESERVED_LIST, MAX_USER_PORT, WANTED };

struct reg {
	struct import_input *in;
	bool wide;             /* octets are UTF-16 */
	uint32_t line[WANTED]; /* where the values are; 0: nowhere */
	const char *place[WANTED];
	bool available;
	bool use;
	uint32_t max_user_port;
	struct port_set ports;
	struct port_set reserved;
};

static void set_add(struct port_set *set, uint32_t first, uint32_t last)
{
	set->step[first]++;
	set->step[last + 1]--;
}

/* What of first to last is in the set, or is not, as "1-2,5"
 * @return how many ports, *n ranges; text is empty if these are more than a list holds */
static uint32_t set_text(const struct port_set *set, bool inside, uint32_t first, uint32_t last,
			 char text[RANGES_SIZE], uint32_t *n)
{
	uint32_t ports = 0, begin = 0;
	int32_t depth = 0;
	bool was = false;
	size_t used = 0;

	*n = 0;
	text[0] = '\0';
	for (uint32_t p = 0; p <= PORTS; p++) {
		bool is;

		depth += set->step[p];
		is = p >= first && p <= last && (depth > 0) == inside;
		ports += is;
		if (is && !was)
			begin = p;
		if (!is && was && ++*n <= RPCGATE_MAX_RANGES) {
			used += (size_t)snprintf(text + used, RANGES_SIZE - used,
						 begin < p - 1 ? "%s%u-%u" : "%s%u",
						 used ? "," : "", begin, p - 1);
		}
		was = is;
	}
	if (*n > RPCGATE_MAX_RANGES)
		text[0] = '\0';
	return ports;
}

/* ------------------------------------------------------- the characters of a value */

struct value {
	struct import_input *in;
	const char *at;
	const char *here; /* the character that was read last */
	bool octets;
	bool wide;
};

enum { UNIT_END = -1, UNIT_BAD = -2 };

static bool at_line_end(const struct value *v)
{
	return v->at == v->in->end || *v->at == '\n' || *v->at == '\r';
}

static void skip_blanks(struct value *v)
{
	while (v->at < v->in->end && (*v->at == ' ' || *v->at == '\t'))
		v->at++;
}

/* A backslash at the end of a line: the next one belongs to it */
static void skip_broken_line(struct value *v)
{
	const char *p = v->at;

	if (p == v->in->end || *p != '\\')
		return;
	p++;
	if (p < v->in->end && *p == '\r')
		p++;
	if (p == v->in->end || *p != '\n')
		return;
	v->at = p + 1;
	v->in->number++;
	skip_blanks(v);
}

/* Two digits and the comma behind them */
static int next_octet(struct value *v)
{
	uint32_t n;

	skip_blanks(v);
	skip_broken_line(v);
	v->here = v->at;
	if (at_line_end(v))
		return UNIT_END;
	if (v->in->end - v->at < 2 || !import_number((struct import_word){ v->at, 2 }, 16, 255, &n))
		return UNIT_BAD;
	v->at += 2;
	skip_blanks(v);
	if (at_line_end(v))
		return (int)n;
	if (*v->at != ',')
		return UNIT_BAD;
	v->at++;
	return (int)n;
}

/* A character in quotes: \\, \" and, in lists, \0 */
static int next_quoted(struct value *v)
{
	static const char escapes[] = { '\\', '"', '0' };
	const char *found;

	v->here = v->at;
	if (at_line_end(v))
		return UNIT_BAD;
	if (*v->at == '"')
		return UNIT_END;
	if (*v->at != '\\')
		return (unsigned char)*v->at++;
	v->at++;
	found = at_line_end(v) ? NULL : memchr(escapes, *v->at, sizeof(escapes));
	if (!found)
		return UNIT_BAD;
	v->at++;
	return *found == '0' ? 0 : *found;
}

static int next_unit(struct value *v)
{
	const char *begin;
	int low, high;

	if (!v->octets)
		return next_quoted(v);
	low = next_octet(v);
	if (!v->wide || low < 0)
		return low;
	begin = v->here;
	high = next_octet(v);
	if (high != UNIT_BAD)
		v->here = begin;
	return high < 0 ? UNIT_BAD : high << 8 | low;
}

/* After the last character nothing else stands on the line */
static bool value_end(struct value *v)
{
	if (!v->octets && v->at < v->in->end && *v->at == '"')
		v->at++;
	skip_blanks(v);
	if (!at_line_end(v) && *v->at != ';')
		return import_fail(v->in, v->at, "expected the end of the line");
	while (v->at < v->in->end && *v->at != '\n')
		v->at++;
	v->in->next = v->at < v->in->end ? v->at + 1 : v->at;
	return true;
}

/* How the value is written: "text", str(7):"a\0b\0", hex(7):31,00,... */
static bool value_begin(struct reg *r, const char *at, struct value *v)
{
	static const struct {
		const char *prefix;
		bool octets;
	} forms[] = { { "\"", false },     { "hex(7):", true }, { "str(7):\"", false },
		      { "hex(1):", true }, { "hex(2):", true }, { "str(2):\"", false } };
	const struct import_word rest = { at, (size_t)(r->in->line.p + r->in->line.n - at) };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!import_begins(rest, forms[i].prefix))
			continue;
		*v = (struct value){ .in = r->in,
				     .at = at + strlen(forms[i].prefix),
				     .octets = forms[i].octets,
				     .wide = r->wide };
		return true;
	}
	return import_expected(r->in, rest, "text in quotes, str(7): or hex(7):");
}

/* -------------------------------------------------------------------- entries */

struct entry {
	char text[ENTRY_SIZE]; /* '?' where a character is not in ASCII */
	size_t n;
	const char *at; /* of its first character */
	bool last;      /* the value ends with it */
};

/* The next entry, empty at the end of a list */
static bool next_entry(struct value *v, struct entry *e)
{
	int c;

	*e = (struct entry){ 0 };
	while ((c = next_unit(v)) > 0) {
		if (!e->n)
			e->at = v->here;
		if (e->n == sizeof(e->text) - 1)
			return import_fail(v->in, e->at, "read \"%s...\", which is too long",
					   e->text);
		e->text[e->n++] = c < 0x7f && c >= ' ' ? (char)c : '?';
	}
	if (!e->at)
		e->at = v->here;
	e->last = c == UNIT_END;
	if (c != UNIT_BAD)
		return true;
	return import_fail(v->in, v->here, "expected %s",
			   v->octets ? (v->wide ? "octets in pairs such as 35,00" :
						  "octets such as 35,00") :
				       "a character or \" at the end");
}

/* "5984" or "5000-5100"; both numbers must be there if a single port is none */
static bool read_range(const struct entry *e, bool single, uint32_t *first, uint32_t *last)
{
	const char *dash = memchr(e->text, '-', e->n);
	const struct import_word whole = { e->text, e->n };

	if (!dash) {
		if (!import_number(whole, 10, UINT16_MAX, first))
			return false;
		*last = *first;
		return single;
	}
	return import_number((struct import_word){ e->text, (size_t)(dash - e->text) }, 10,
			     UINT16_MAX, first) &&
	       import_number((struct import_word){ dash + 1, (size_t)(e->text + e->n - dash) - 1 },
			     10, UINT16_MAX, last) &&
	       *first <= *last;
}

static bool read_list(struct reg *r, const char *at, struct port_set *set, bool single)
{
	uint32_t first, last;
	struct entry e = { 0 };
	struct value v;

	if (!value_begin(r, at, &v))
		return false;
	for (uint32_t n = 1; !e.last; n++) {
		if (!next_entry(&v, &e))
			return false;
		if (!e.n && n > 1)
			break;
		if (!read_range(&e, single, &first, &last))
			return import_fail(r->in, e.at,
					   "entry %u is \"%s\", expected %s; Windows takes the "
					   "whole list as invalid",
					   n, e.text,
					   single ? "a port or a range such as 5000-5100" :
						    "a range such as 1433-1434, also for one port");
		set_add(set, first, last);
	}
	while (!e.last) {
		if (!next_entry(&v, &e))
			return false;
		if (e.n)
			return import_fail(r->in, e.at, "an entry behind the end of the list");
	}
	return value_end(&v);
}

static bool read_ports(struct reg *r, const char *at)
{
	return read_list(r, at, &r->ports, true);
}

static bool read_reserved(struct reg *r, const char *at)
{
	return read_list(r, at, &r->reserved, false);
}

static bool read_flag(struct reg *r, const char *at, bool *out)
{
	struct entry e;
	struct value v;

	if (!value_begin(r, at, &v) || !next_entry(&v, &e))
		return false;
	*out = import_is((struct import_word){ e.text, e.n }, "Y");
	if (!*out && !import_is((struct import_word){ e.text, e.n }, "N"))
		return import_fail(r->in, e.at, "read \"%s\", expected Y or N", e.text);
	while (!e.last)
		if (!next_entry(&v, &e) || e.n)
			return import_fail(r->in, e.at, "read more than Y or N");
	return value_end(&v);
}

static bool read_available(struct reg *r, const char *at)
{
	return read_flag(r, at, &r->available);
}

static bool read_use(struct reg *r, const char *at)
{
	return read_flag(r, at, &r->use);
}

static bool read_max_user_port(struct reg *r, const char *at)
{
	struct import_word rest = { at, (size_t)(r->in->line.p + r->in->line.n - at) };
	struct import_word digits;

	if (!import_begins(rest, "dword:"))
		return import_expected(r->in, rest, "dword:");
	digits = import_trim((struct import_word){ at + 6, rest.n - 6 });
	if (digits.n > 8 || !import_number(digits, 16, UINT16_MAX, &r->max_user_port) ||
	    r->max_user_port < (r->in->before_vista ? 1025 : 1))
		return import_expected(r->in, digits,
				       r->in->before_vista ?
					       "the last dynamic port, 401 to ffff" :
					       "how many dynamic ports there are, 1 to ffff");
	return true;
}

/* ----------------------------------------------------------------------- lines */

#define RPC_KEY "\\Microsoft\\Rpc\\Internet"
#define TCPIP_KEY "\\Services\\Tcpip\\Parameters"
/* clang-format off */
static const struct wanted wanted[WANTED] = {
	[PORTS_LIST] = { RPC_KEY, "Ports", read_ports },
	[AVAILABLE] = { RPC_KEY, "PortsInternetAvailable", read_available },
	[USE] = { RPC_KEY, "UseInternetPorts", read_use },
	[RESERVED_LIST] = { TCPIP_KEY, "ReservedPorts", read_reserved },
	[MAX_USER_PORT] = { TCPIP_KEY, "MaxUserPort", read_max_user_port },
};
/* clang-format on */

/* "[HKEY_...\Rpc\Internet]"; a key that is deleted has no values */
static struct import_word key_of(struct import_word line)
{
	if (line.n < 2 || line.p[line.n - 1] != ']' || line.p[1] == '-')
		return (struct import_word){ line.p, 0 };
	return (struct import_word){ line.p + 1, line.n - 2 };
}

static bool ends(struct import_word word, const char *text)
{
	size_t n = strlen(text);

	return word.n >= n && import_is((struct import_word){ word.p + word.n - n, n }, text);
}

/* '"Name"=' in front of *rest */
static bool is_value(struct import_word *rest, const char *name)
{
	size_t n = strlen(name);

	if (rest->n < n + 3 || rest->p[0] != '"' || rest->p[n + 1] != '"' ||
	    !import_begins((struct import_word){ rest->p + 1, n }, name))
		return false;
	*rest = import_trim((struct import_word){ rest->p + n + 2, rest->n - n - 2 });
	if (!rest->n || *rest->p != '=')
		return false;
	*rest = import_trim((struct import_word){ rest->p + 1, rest->n - 1 });
	return true;
}

static bool read_value(struct reg *r, struct import_word key, struct import_word line)
{
	for (size_t i = 0; i < WANTED; i++) {
		struct import_word rest = line;

		if (!ends(key, wanted[i].key) || !is_value(&rest, wanted[i].name))
			continue;
		if (import_is(rest, "-"))
			return true;
		if (r->line[i])
			return import_fail(r->in, line.p, "%s stands in line %u already",
					   wanted[i].name, r->line[i]);
		r->line[i] = r->in->number;
		r->place[i] = line.p;
		return wanted[i].read(r, rest.p);
	}
	return true;
}

static bool read_lines(struct reg *r)
{
	struct import_word key = { NULL, 0 };
	bool continued = false;

	while (import_line(r->in)) {
		struct import_word line = import_trim(r->in->line);
		const char *after = r->in->next;
		bool whole = !continued;

		continued = line.n && line.p[line.n - 1] == '\\';
		if (import_is(line, "REGEDIT4"))
			r->wide = false;
		else if (whole && line.n && *line.p == '[')
			key = key_of(line);
		else if (whole && key.n && line.n && *line.p == '"') {
			if (!read_value(r, key, line))
				return false;
			continued = continued && r->in->next == after;
		}
	}
	return true;
}

/* --------------------------------------------------------------------- writing */

/* A setting, or why a policy cannot hold it */
static void write_setting(struct reg *r, const char *key, const char *sign, const char *ranges,
			  uint32_t n)
{
	char value[RANGES_SIZE + 1];
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg;

	rpcgate_config_default(&cfg);
	snprintf(value, sizeof(value), "%s%s", sign, ranges);
	if (!n)
		fprintf(r->in->out, "# not imported: no port is left for %s\n", key);
	else if (!*ranges || !rpcgate_config_set(&cfg, key, value, err))
		fprintf(r->in->out, "# not imported: %u ranges are more than %s holds\n", n, key);
	else
		fprintf(r->in->out, "%s %s\n", key, value);
}

/* The range of dynamic ports, before Rpc\Internet is looked at */
static void dynamic_range(const struct reg *r, uint32_t *first, uint32_t *last)
{
	*first = r->in->before_vista ? 1025 : 49152;
	*last = r->in->before_vista ? 5000 : UINT16_MAX;
	if (!r->line[MAX_USER_PORT])
		return;
	if (r->in->before_vista) {
		*first = 1024;
		*last = r->max_user_port;
	} else if (r->max_user_port <= UINT16_MAX - *first) {
		*last = *first + r->max_user_port - 1;
	}
}

static void write_max_user_port(struct reg *r)
{
	FILE *out = r->in->out;
	uint32_t first, last;

	if (!r->line[MAX_USER_PORT])
		return;
	dynamic_range(r, &first, &last);
	import_origin(r->in, r->line[MAX_USER_PORT]);
	if (r->in->before_vista)
		fputs("# MaxUserPort before Windows Vista: the last dynamic port\n", out);
	else
		fputs("# MaxUserPort since Windows Vista: the number of dynamic ports from 49152; "
		      "--before-vista\n# reads it as the last one from 1024\n",
		      out);
	if (!r->in->before_vista && r->max_user_port > PORTS - first)
		fprintf(out, "# %u are more than there are\n", r->max_user_port);
	if (r->line[PORTS_LIST])
		fputs("# not imported: Ports of Rpc\\Internet decides for RPC\n", out);
	else
		fprintf(out, "dynamic-range %u-%u\n", first, last);
}

/* Internet ports and the others: which of them processes get that ask for nothing */
static bool write_internet(struct reg *r)
{
	FILE *out = r->in->out;
	uint32_t first = 0, last = UINT16_MAX, n, ports;
	char text[RANGES_SIZE];
	bool listed = r->available == r->use;

	for (size_t i = AVAILABLE; i <= USE; i++) {
		if (r->line[PORTS_LIST] && !r->line[i])
			return import_fail(r->in, r->place[PORTS_LIST], "Ports without %s",
					   wanted[i].name);
		if (r->line[PORTS_LIST] || !r->line[i])
			continue;
		import_origin(r->in, r->line[i]);
		fprintf(out, "# not imported: %s without Ports restricts nothing\n",
			wanted[i].name);
	}
	if (!r->line[PORTS_LIST])
		return true;
	import_origin(r->in, r->line[PORTS_LIST]);
	if (!listed)
		dynamic_range(r, &first, &last);
	ports = set_text(&r->ports, listed, first, last, text, &n);
	fprintf(out, "# Rpc\\Internet: processes get %s ports: %s\n",
		r->use ? "internet" : "intranet",
		listed ? "those of the list" : "dynamic ports that are not in the list");
	if (ports < ENOUGH_PORTS)
		fprintf(out, "# %u port%s: at least 100 are advised (KB154596)\n", ports,
			ports == 1 ? "" : "s");
	if (n && strtoul(text, NULL, 10) < LOWEST_PORT && *text)
		fputs("# some lie below 5000, which is advised against (KB154596)\n", out);
	write_setting(r, "dynamic-range", "", text, n);
	return true;
}

static void write_reserved(struct reg *r)
{
	char text[RANGES_SIZE];
	uint32_t n;

	if (!r->line[RESERVED_LIST])
		return;
	import_origin(r->in, r->line[RESERVED_LIST]);
	set_text(&r->reserved, true, 0, UINT16_MAX, text, &n);
	write_setting(r, "reserved", "+", text, n);
}

static bool found_any(struct reg *r)
{
	for (size_t i = 0; i < WANTED; i++)
		if (r->line[i])
			return true;
	return import_fail(r->in, r->in->text,
			   "neither values of Rpc\\Internet, nor ReservedPorts, nor MaxUserPort");
}

static bool write_all(struct reg *r)
{
	if (!found_any(r))
		return false;
	write_max_user_port(r);
	if (!write_internet(r))
		return false;
	write_reserved(r);
	return true;
}

bool import_reg(struct import_input *in)
{
	struct reg *r = calloc(1, sizeof(*r));
	bool good;

	if (!r)
		return import_fail(in, in->text, "not enough memory");
	r->in = in;
	r->wide = true;
	good = read_lines(r) && write_all(r);
	free(r);
	return good;
}
