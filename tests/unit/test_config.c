/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_config.c - every key: its default as text, its bounds, and what is refused */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "rows.h"
#include "rpcgate.h"

static struct rpcgate_config defaults(void)
{
	struct rpcgate_config cfg;

	rpcgate_config_default(&cfg);
	return cfg;
}

/* A refusal says why, in one line, and changes nothing */
static void refused(const char *key, const char *value, const char *says)
{
	struct rpcgate_config cfg = defaults(), before = defaults();
	char err[RPCGATE_ERROR_SIZE];

	memset(err, 'x', sizeof(err));
	if (rpcgate_config_set(&cfg, key, value, err))
		fail_msg("%s=%s was taken", key, value);
	assert_non_null(memchr(err, '\0', sizeof(err)));
	assert_null(strchr(err, '\n'));
	if (!strstr(err, says))
		fail_msg("\"%s\" does not say \"%s\"", err, says);
	assert_memory_equal(&cfg, &before, sizeof(cfg));
}

static void taken(struct rpcgate_config *cfg, const char *key, const char *value)
{
	char err[RPCGATE_ERROR_SIZE] = "";

	if (!rpcgate_config_set(cfg, key, value, err))
		fail_msg("%s=%s: %s", key, value, err);
}

/* ---------------------------------------------------------------- every key */

static void every_preset_is_the_default(void **state)
{
	const struct rpcgate_config_key *key;

	(void)state;
	for (size_t i = 0; (key = rpcgate_config_key(i)); i++) {
		struct rpcgate_config cfg = defaults(), before = defaults();

		if (strncmp(key->preset, "list of ", 8) == 0)
			continue; /* too long for a text */
		taken(&cfg, key->name, key->preset);
		if (memcmp(&cfg, &before, sizeof(cfg)) != 0)
			fail_msg("%s=%s is not the default", key->name, key->preset);
	}
}

static void every_key_is_described_once(void **state)
{
	const struct rpcgate_config_key *key, *other;
	size_t n = 0;

	(void)state;
	for (; (key = rpcgate_config_key(n)); n++) {
		assert_true(strlen(key->help) > 20);
		assert_int_equal(key->help[strlen(key->help) - 1], '.');
		assert_non_null(strpbrk(key->values, "|.P"));
		for (size_t k = 0; k < n; k++) {
			other = rpcgate_config_key(k);
			assert_string_not_equal(key->name, other->name);
		}
		refused(key->name, "", key->values);
		refused(key->name, "x", key->values);
	}
	assert_true(n > 20);
	assert_null(rpcgate_config_key(n));
	assert_null(rpcgate_config_key(SIZE_MAX));
}

/* Of "a|b|c" each is taken and each is something else */
static void check_choices(const struct rpcgate_config_key *key)
{
	struct rpcgate_config seen[8];
	char word[32];
	size_t n = 0;

	for (const char *at = key->values; *at; at += strcspn(at, "|"), at += *at == '|') {
		(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, "|"), at);
		seen[n] = defaults();
		taken(&seen[n], key->name, word);
		for (size_t k = 0; k < n; k++)
			assert_memory_not_equal(&seen[n], &seen[k], sizeof(seen[k]));
		n++;
		word[strlen(word) - 1] = '\0';
		refused(key->name, word, key->values);
	}
	refused(key->name, key->values, key->values);
	refused(key->name, "|", key->values);
}

/* Of "5s..72h" both ends are taken, and nothing beyond */
static void check_bounds(const struct rpcgate_config_key *key)
{
	struct rpcgate_config cfg = defaults();
	const char *dots = strstr(key->values, "..");
	char low[32], high[32], text[40];
	char *unit;
	unsigned long long n;

	(void)snprintf(low, sizeof(low), "%.*s", (int)(dots - key->values), key->values);
	(void)snprintf(high, sizeof(high), "%s", dots + 2);
	taken(&cfg, key->name, low);
	taken(&cfg, key->name, high);
	n = strtoull(high, &unit, 10);
	(void)snprintf(text, sizeof(text), "%llu%s", n + 1, unit);
	refused(key->name, text, key->values);
	n = strtoull(low, &unit, 10);
	if (n) {
		(void)snprintf(text, sizeof(text), "%llu%s", n - 1, unit);
		refused(key->name, text, key->values);
	}
	(void)snprintf(text, sizeof(text), "-%s", low);
	refused(key->name, text, key->values);
	(void)snprintf(text, sizeof(text), " %s", low);
	refused(key->name, text, key->values);
	(void)snprintf(text, sizeof(text), "%sx", low);
	refused(key->name, text, key->values);
	(void)snprintf(text, sizeof(text), "+%s", low);
	refused(key->name, text, key->values);
	refused(key->name, "4294967296", key->values);           /* 2^32: 0 when cut off */
	refused(key->name, "4294967396", key->values);           /* and 100 */
	refused(key->name, "18446744073709551716", key->values); /* 2^64 + 100 */
	refused(key->name, "99999999999999999999999999", key->values);
}

static void every_key_keeps_its_promise(void **state)
{
	const struct rpcgate_config_key *key;

	(void)state;
	for (size_t i = 0; (key = rpcgate_config_key(i)); i++) {
		if (strstr(key->values, ".."))
			check_bounds(key);
		else if (!strstr(key->values, "PORTS"))
			check_choices(key);
	}
}

/* Each key reaches a member of its own */
static void no_two_keys_are_one(void **state)
{
	struct rpcgate_config all = defaults();
	const struct rpcgate_config_key *key;
	char high[32];

	(void)state;
	for (size_t i = 0; (key = rpcgate_config_key(i)); i++) {
		const char *dots = strstr(key->values, "..");
		struct rpcgate_config before = all;

		if (!dots)
			continue;
		(void)snprintf(high, sizeof(high), "%s", dots + 2);
		taken(&all, key->name, high);
		if (memcmp(&all, &before, sizeof(all)) == 0)
			fail_msg("%s changes what another key has set", key->name);
	}
}

/* -------------------------------------------------------------------- units */

static const struct {
	const char *text;
	uint32_t seconds;
} durations[] = {
	{ "5", 5 },     { "5s", 5 },       { "300s", 300 },  { "5m", 300 },
	{ "1h", 3600 }, { "72h", 259200 }, { "3d", 259200 }, { "0000007s", 7 },
};

static void units_of_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		struct rpcgate_config cfg = defaults();

		taken(&cfg, "pinhole.ttl", durations[i].text);
		assert_int_equal(cfg.pinhole_ttl_s, durations[i].seconds);
	}
	refused("pinhole.ttl", "4d", "72h");
	refused("pinhole.ttl", "5 s", "72h");
	refused("pinhole.ttl", "5S", "72h");
	refused("pinhole.ttl", "5sec", "72h");
	refused("pinhole.ttl", "s", "72h");
	refused("pinhole.ttl", "5.5s", "72h");
	refused("pinhole.ttl", "0x10", "72h");
	/* 2^32 + 300 seconds, as days and something */
	refused("pinhole.ttl", "1193047h", "72h");
	refused("pinhole.ttl", "4294967295d", "72h");
	refused("pinhole.ttl", "213503982334602d", "72h"); /* 2^64 + 61184 seconds */
}

/* -------------------------------------------------------------------- ports */

struct ports_row {
	const char *name;
	const char *value;
	const char *want; /* NULL: refused */
};

static const struct ports_row ports_rows[] = {
	{ "one", "49152", "49152-49152" },
	{ "a range", "49152-65535", "49152-65535" },
	{ "ranges and ports", "1025-5000,6000,49152-65535", "1025-5000,6000-6000,49152-65535" },
	{ "any", "any", "" },
	{ "none", "none", "" },
	{ "a range of one", "7-7", "7-7" },
	{ "all of them", "0-65535", "0-65535" },
	{ "backwards", "7-6", NULL },
	{ "too high", "65536", NULL },
	{ "too high behind a dash", "1-65536", NULL },
	{ "no end", "7-", NULL },
	{ "no beginning", "-7", NULL },
	{ "a comma at the end", "7,", NULL },
	{ "a comma at the beginning", ",7", NULL },
	{ "two commas", "7,,8", NULL },
	{ "a blank", "7, 8", NULL },
	{ "a word", "7,any", NULL },
	{ "three ends", "7-8-9", NULL },
	{ "nothing", "", NULL },
};

static void list_text(const struct rpcgate_port_list *list, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < list->n; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%u-%u", i ? "," : "",
				      list->range[i].first, list->range[i].last);
}

static void ports_row(void **state)
{
	const struct ports_row *row = *state;
	struct rpcgate_config cfg = defaults();
	char text[2048];

	if (!row->want) {
		refused("dynamic-range", row->value, "PORTS");
		return;
	}
	taken(&cfg, "dynamic-range", row->value);
	list_text(&cfg.dynamic_range, text, sizeof(text));
	assert_string_equal(text, row->want);
}

static void a_list_has_64_ranges_and_no_more(void **state)
{
	struct rpcgate_config cfg = defaults();
	char text[1024] = "1";

	(void)state;
	for (unsigned i = 2; i <= RPCGATE_MAX_RANGES; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%u", i);
	taken(&cfg, "dynamic-range", text);
	assert_int_equal(cfg.dynamic_range.n, RPCGATE_MAX_RANGES);
	strcat(text, ",65");
	refused("dynamic-range", text, "PORTS");
}

static void there_is_always_a_mapper_port(void **state)
{
	(void)state;
	refused("mapper-port", "none", "PORTS");
	refused("mapper-port", "any", "PORTS");
}

/* ----------------------------------------------------------------- reserved */

struct reserved_row {
	const char *name;
	const char *first; /* replaces the list */
	const char *change;
	const char *want; /* NULL: refused */
};

static const struct reserved_row reserved_rows[] = {
	{ "replaced", "1-9", "20", "20-20" },
	{ "emptied", "1-9", "none", "" },
	{ "added", "1-9", "+20,30-40", "1-9,20-20,30-40" },
	{ "nothing added", "1-9", "+none", "1-9" },
	{ "taken away whole", "1-9,20", "-20", "1-9" },
	{ "taken away in the middle", "1-9", "-4-6", "1-3,7-9" },
	{ "taken away at the front", "1-9", "-1-3", "4-9" },
	{ "taken away at the end", "1-9", "-7-9", "1-6" },
	{ "taken away beyond the end", "5-9,20-29", "-8-21", "5-7,22-29" },
	{ "one away from the front", "1-9", "-1", "2-9" },
	{ "one away from the end", "1-9", "-9", "1-8" },
	{ "what is not there", "5-9", "-1-4,10-20", "5-9" },
	{ "taken away twice", "1-9", "-2,4", "1-1,3-3,5-9" },
	{ "all ports away", "1-9,65535", "-0-65535", "" },
	{ "a sign alone", "1-9", "+", NULL },
	{ "a sign before a word", "1-9", "-x", NULL },
	{ "a wrong entry after good ones", "1-9", "+20,x", NULL },
};

static void reserved_row(void **state)
{
	const struct reserved_row *row = *state;
	struct rpcgate_config cfg = defaults(), before;
	char text[2048], err[RPCGATE_ERROR_SIZE];

	taken(&cfg, "reserved", row->first);
	before = cfg;
	assert_int_equal(rpcgate_config_set(&cfg, "reserved", row->change, err), row->want != NULL);
	list_text(&cfg.reserved, text, sizeof(text));
	assert_string_equal(text, row->want ? row->want : row->first);
	before.reserved = cfg.reserved;
	assert_memory_equal(&cfg, &before, sizeof(cfg));
}

/* Neither adding nor cutting in two makes a longer list than there is room for */
static void a_full_list_stays_as_it_is(void **state)
{
	struct rpcgate_config cfg = defaults();
	char text[1024] = "10-12", err[RPCGATE_ERROR_SIZE];

	(void)state;
	for (unsigned i = 2; i <= RPCGATE_MAX_RANGES; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%u-%u", i * 10,
			       i * 10 + 2);
	taken(&cfg, "reserved", text);
	assert_false(rpcgate_config_set(&cfg, "reserved", "+5000", err));
	assert_false(rpcgate_config_set(&cfg, "reserved", "-11", err));
	assert_false(rpcgate_config_set(&cfg, "reserved", "-641", err));
	assert_int_equal(cfg.reserved.n, RPCGATE_MAX_RANGES);
	taken(&cfg, "reserved", "-640-642");
	taken(&cfg, "reserved", "-11");
	assert_int_equal(cfg.reserved.n, RPCGATE_MAX_RANGES);
}

/* ------------------------------------------------------------- unknown keys */

static const struct {
	const char *wrote, *meant;
} typos[] = {
	{ "pinhole.tll", "pinhole.ttl" },
	{ "pinhole-ttl", "pinhole.ttl" },

	{ "mapper-ports", "mapper-port" },
	{ "dynamicrange", "dynamic-range" },
	{ "limit.flow", "limit.flows" },
	{ "Reserved", "reserved" },
	{ "look-up", "lookup" },
	{ "limit.pinholes-per-sever", "limit.pinholes-per-server" },
};

static void the_nearest_key_is_named(void **state)
{
	char quoted[64], longest[5000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(typos); i++) {
		(void)snprintf(quoted, sizeof(quoted), "nearest is \"%s\"", typos[i].meant);
		refused(typos[i].wrote, "1", quoted);
	}
	refused("", "1", "unknown key");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refused(longest, "1", "unknown key");
	refused("pinhole.ttl", longest, "5s..72h");
}

/* ---------------------------------------------------------------- the engine */

static void an_engine_without_sense_is_refused(void **state)
{
	static const size_t zeros[] = {
		offsetof(struct rpcgate_config, max_flows),
		offsetof(struct rpcgate_config, max_pinholes),
		offsetof(struct rpcgate_config, max_bindings),
		offsetof(struct rpcgate_config, max_datagrams),
		offsetof(struct rpcgate_config, max_udp_calls),
		offsetof(struct rpcgate_config, max_udp_talks),
		offsetof(struct rpcgate_config, max_pipes),
		offsetof(struct rpcgate_config, max_events),
	};
	char err[RPCGATE_ERROR_SIZE];
	struct rpcgate_config cfg = defaults();

	(void)state;
	cfg.mapper_ports.n = 0;
	assert_null(rpcgate_new(&cfg, err));
	assert_non_null(strstr(err, "mapper_ports"));
	for (size_t i = 0; i < ARRAY_SIZE(zeros); i++) {
		cfg = defaults();
		memset((char *)&cfg + zeros[i], 0, sizeof(uint32_t));
		assert_null(rpcgate_new(&cfg, err));
		assert_non_null(strstr(err, "zero"));
	}
	cfg = defaults();
	cfg.max_pinholes = (1U << 30) + 1;
	assert_null(rpcgate_new(&cfg, err));
	assert_non_null(strstr(err, "2^30"));
	cfg = defaults();
	cfg.max_flows = (1U << 30) + 1;
	assert_null(rpcgate_new(&cfg, err));
	rpcgate_free(NULL);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(ports_rows) + ARRAY_SIZE(reserved_rows) + 10] = {
		cmocka_unit_test(every_preset_is_the_default),
		cmocka_unit_test(every_key_is_described_once),
		cmocka_unit_test(every_key_keeps_its_promise),
		cmocka_unit_test(no_two_keys_are_one),
		cmocka_unit_test(units_of_time),
		cmocka_unit_test(a_list_has_64_ranges_and_no_more),
		cmocka_unit_test(there_is_always_a_mapper_port),
		cmocka_unit_test(a_full_list_stays_as_it_is),
		cmocka_unit_test(the_nearest_key_is_named),
		cmocka_unit_test(an_engine_without_sense_is_refused),
	};
	size_t n = 10;

	ROWS(tests, n, ports_rows, ports_row);
	ROWS(tests, n, reserved_rows, reserved_row);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
