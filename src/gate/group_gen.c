/* SPDX-License-Identifier: BSD-2-Clause */
/* group_gen.c - turn groups.csv and services_ports.csv into C tables; runs while building
 *
 * groups.csv: a row without interface opens a group and gives it a title; the rows after it name
 * one member each, by its name in interfaces.csv or by UUID.  Every row has its source.
 * services_ports.csv: the fixed ports that a group's service needs beside RPC.
 *
 * Three tables come out: groups with their members and ports, and every member UUID, sorted, with
 * the set of groups it belongs to.
 */
#include <stdlib.h>
#include <string.h>

#include "gen_csv.h"

enum { MAX_GROUPS = 64 /* a set of groups is a word of 64 bits */, MAX_MEMBERS = 2048 };
enum interface_column { INTERFACE_UUID, INTERFACE_VERSION, INTERFACE_NAME, INTERFACE_COLUMNS = 5 };
enum group_column { GROUP_NAME, GROUP_INTERFACE, GROUP_TITLE, GROUP_SOURCE, GROUP_COLUMNS };
enum port_column {
	PORT_GROUP,
	PORT_PROTOCOL,
	PORT_TRANSPORT,
	PORT_PORT,
	PORT_SOURCE,
	PORT_COLUMNS
};

static const char *const interface_columns[] = { "uuid", "version", "name", "service",
						 "description" };
static const char *const group_columns[] = { "group", "interface", "title", "source" };
static const char *const port_columns[] = { "group", "protocol", "transport", "port", "source" };

struct member {
	const char *uuid;
	const char *version; /* MAJOR.MINOR */
	unsigned long long groups;
};

struct input {
	struct csv interfaces, groups, ports;
	const struct csv_row *group[MAX_GROUPS]; /* the row that opens it */
	size_t n_groups;
	struct member member[MAX_MEMBERS]; /* each UUID once */
	size_t n_members;
};

static int group_of(const struct input *in, const char *name)
{
	for (size_t i = 0; i < in->n_groups; i++)
		if (strcmp(in->group[i]->field[GROUP_NAME], name) == 0)
			return (int)i;
	return -1;
}

/* The UUID and version that a member's row means. */
static bool member_of(const struct input *in, const struct csv_row *row, struct member *out)
{
	char *text = row->field[GROUP_INTERFACE];

	for (size_t i = 0; i < in->interfaces.n; i++) {
		char *const *field = in->interfaces.row[i].field;

		if (strcmp(field[INTERFACE_NAME], text) != 0 &&
		    strcmp(field[INTERFACE_UUID], text) != 0)
			continue;
		*out = (struct member){ field[INTERFACE_UUID], field[INTERFACE_VERSION], 0 };
		return true;
	}
	*out = (struct member){ text, "0.0", 0 };
	return csv_uuid_check(text) ||
	       csv_wrong(&in->groups, row->line,
			 "interface: read '%s', expected a name of interfaces.csv or a UUID", text);
}

static bool member_add(struct input *in, const struct csv_row *row, int group)
{
	unsigned long long bit = 1ULL << group;
	struct member m;

	if (!member_of(in, row, &m))
		return false;
	for (size_t i = 0; i < in->n_members; i++) {
		if (strcmp(in->member[i].uuid, m.uuid) != 0)
			continue;
		if (in->member[i].groups & bit)
			return csv_wrong(&in->groups, row->line,
					 "interface: '%s' stands in %s twice",
					 row->field[GROUP_INTERFACE], row->field[GROUP_NAME]);
		in->member[i].groups |= bit;
		return true;
	}
	if (in->n_members == MAX_MEMBERS)
		return csv_wrong(&in->groups, row->line, "more than %d members", MAX_MEMBERS);
	m.groups = bit;
	in->member[in->n_members++] = m;
	return true;
}

static bool group_open(struct input *in, const struct csv_row *row)
{
	const char *name = row->field[GROUP_NAME];

	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
		return csv_wrong(&in->groups, row->line,
				 "group: read '%s', expected lower-case letters, digits and -",
				 name);
	if (group_of(in, name) >= 0)
		return csv_wrong(&in->groups, row->line, "group: '%s' is opened twice", name);
	if (!*row->field[GROUP_TITLE])
		return csv_wrong(&in->groups, row->line,
				 "title: is empty, expected one in the row that opens a group");
	if (in->n_groups == MAX_GROUPS)
		return csv_wrong(&in->groups, row->line, "more than %d groups", MAX_GROUPS);
	in->group[in->n_groups++] = row;
	return true;
}

static bool group_row(struct input *in, const struct csv_row *row)
{
	int group;

	if (!*row->field[GROUP_SOURCE])
		return csv_wrong(&in->groups, row->line, "source: is empty, expected a document");
	if (!*row->field[GROUP_INTERFACE])
		return group_open(in, row);
	group = group_of(in, row->field[GROUP_NAME]);
	if (group < 0 || group + 1 != (int)in->n_groups)
		return csv_wrong(&in->groups, row->line,
				 "group: read '%s', expected the group that was opened last",
				 row->field[GROUP_NAME]);
	return member_add(in, row, group);
}

/* "135", "1025-5000", or nothing for protocols without ports. */
static bool port_read(const char *text, unsigned long *first, unsigned long *last)
{
	char *end;

	*first = *last = 0;
	if (!*text)
		return true;
	*first = *last = strtoul(text, &end, 10);
	if (*end == '-')
		*last = strtoul(end + 1, &end, 10);
	return !*end && *first > 0 && *first <= *last && *last <= 65535;
}

static bool port_row(const struct input *in, const struct csv_row *row)
{
	unsigned long first, last;

	if (group_of(in, row->field[PORT_GROUP]) < 0)
		return csv_wrong(&in->ports, row->line,
				 "group: read '%s', expected one of groups.csv",
				 row->field[PORT_GROUP]);
	if (!*row->field[PORT_TRANSPORT] || !*row->field[PORT_PROTOCOL] ||
	    !*row->field[PORT_SOURCE])
		return csv_wrong(&in->ports, row->line,
				 "expected a protocol, a transport and a source");
	if (!port_read(row->field[PORT_PORT], &first, &last))
		return csv_wrong(&in->ports, row->line,
				 "port: read '%s', expected PORT or FIRST-LAST",
				 row->field[PORT_PORT]);
	return true;
}

static bool input_read(struct input *in)
{
	bool good = csv_read(&in->interfaces) && csv_read(&in->groups) && csv_read(&in->ports);

	if (!good)
		return false;
	for (size_t i = 0; i < in->groups.n; i++)
		good = group_row(in, &in->groups.row[i]) && good;
	for (size_t i = 0; i < in->ports.n; i++)
		good = port_row(in, &in->ports.row[i]) && good;
	return good;
}

/* ------------------------------------------------------------------- writing */

static void text_write(FILE *out, const char *name, const char *text)
{
	fprintf(out, ", .%s = ", name);
	csv_string_write(out, text);
}

static void id_write(FILE *out, const struct member *m)
{
	char *end;
	unsigned long major = strtoul(m->version, &end, 10);

	fputs("{ .uuid = { { ", out);
	csv_uuid_write(out, m->uuid);
	fprintf(out, "} }, .major = %lu, .minor = %lu }", major,
		*end == '.' ? strtoul(end + 1, NULL, 10) : 0);
}

static void members_write(FILE *out, const struct input *in, size_t group)
{
	fprintf(out, "static const struct rpcgate_group_member members_%zu[] = {\n", group);
	for (size_t i = 0; i < in->groups.n; i++) {
		const struct csv_row *row = &in->groups.row[i];
		struct member m;

		if (!*row->field[GROUP_INTERFACE] ||
		    group_of(in, row->field[GROUP_NAME]) != (int)group || !member_of(in, row, &m))
			continue;
		fputs("\t{ .id = ", out);
		id_write(out, &m);
		text_write(out, "source", row->field[GROUP_SOURCE]);
		fputs(" },\n", out);
	}
	fputs("};\n", out);
}

/* A last entry without a protocol, for groups that need no port. */
static void ports_write(FILE *out, const struct input *in, size_t group)
{
	fprintf(out, "static const struct rpcgate_group_port ports_%zu[] = {\n", group);
	for (size_t i = 0; i < in->ports.n; i++) {
		const struct csv_row *row = &in->ports.row[i];
		unsigned long first, last;

		if (group_of(in, row->field[PORT_GROUP]) != (int)group ||
		    !port_read(row->field[PORT_PORT], &first, &last))
			continue;
		fprintf(out, "\t{ .first = %lu, .last = %lu", first, last);
		text_write(out, "transport", row->field[PORT_TRANSPORT]);
		text_write(out, "protocol", row->field[PORT_PROTOCOL]);
		text_write(out, "source", row->field[PORT_SOURCE]);
		fputs(" },\n", out);
	}
	fputs("\t{ .first = 0 },\n};\n", out);
}

static void groups_write(FILE *out, const struct input *in)
{
	fputs("static const struct rpcgate_group groups[] = {\n", out);
	for (size_t i = 0; i < in->n_groups; i++) {
		char *const *field = in->group[i]->field;

		fprintf(out,
			"\t{ .member = members_%zu, .n_members = sizeof(members_%zu) / "
			"sizeof(members_%zu[0]),\n\t  .port = ports_%zu, .n_ports = "
			"sizeof(ports_%zu) / sizeof(ports_%zu[0]) - 1",
			i, i, i, i, i, i);
		text_write(out, "name", field[GROUP_NAME]);
		text_write(out, "title", field[GROUP_TITLE]);
		text_write(out, "source", field[GROUP_SOURCE]);
		fputs(" },\n", out);
	}
	fputs("};\n", out);
}

static int by_uuid(const void *left, const void *right)
{
	const struct member *a = left;
	const struct member *b = right;

	return strcmp(a->uuid, b->uuid);
}

static void sets_write(FILE *out, struct input *in)
{
	qsort(in->member, in->n_members, sizeof(in->member[0]), by_uuid);
	fputs("static const struct {\n\tstruct rpcgate_uuid uuid;\n\tuint64_t groups;\n"
	      "} group_sets[] = {\n",
	      out);
	for (size_t i = 0; i < in->n_members; i++) {
		fputs("\t{ { { ", out);
		csv_uuid_write(out, in->member[i].uuid);
		fprintf(out, "} }, UINT64_C(0x%llx) },\n", in->member[i].groups);
	}
	fputs("};\n", out);
}

static bool tables_write(const char *path, struct input *in)
{
	FILE *out = fopen(path, "w");
	bool good;

	if (!out) {
		perror(path);
		return false;
	}
	fputs("/* Made from groups.csv and services_ports.csv by group_gen: change those. */\n",
	      out);
	for (size_t i = 0; i < in->n_groups; i++) {
		members_write(out, in, i);
		ports_write(out, in, i);
	}
	groups_write(out, in);
	sets_write(out, in);
	good = !ferror(out);
	if (fclose(out) != 0 || !good) {
		perror(path);
		remove(path);
		return false;
	}
	return true;
}

static bool every_group_has_members(const struct input *in)
{
	bool good = true;

	for (size_t i = 0; i < in->n_groups; i++) {
		size_t n = 0;

		for (size_t j = 0; j < in->n_members; j++)
			n += in->member[j].groups >> i & 1;
		if (!n)
			good = csv_wrong(&in->groups, in->group[i]->line,
					 "group: '%s' has no members",
					 in->group[i]->field[GROUP_NAME]);
	}
	return good;
}

int main(int argc, char **argv)
{
	static struct input in = {
		/* too large for a stack */
		.interfaces = { .column = interface_columns, .n_columns = INTERFACE_COLUMNS },
		.groups = { .column = group_columns, .n_columns = GROUP_COLUMNS },
		.ports = { .column = port_columns, .n_columns = PORT_COLUMNS },
	};
	bool good;

	if (argc != 5) {
		fprintf(stderr, "usage: group_gen INTERFACES.CSV GROUPS.CSV PORTS.CSV TABLE.H\n");
		return 2;
	}
	in.interfaces.name = argv[1];
	in.groups.name = argv[2];
	in.ports.name = argv[3];
	good = input_read(&in);
	if (good && !in.n_groups)
		good = csv_wrong(&in.groups, 1, "expected at least one group");
	good = good && every_group_has_members(&in) && tables_write(argv[4], &in);
	csv_free(&in.interfaces);
	csv_free(&in.groups);
	csv_free(&in.ports);
	return good ? 0 : 1;
}
