/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prefix property: a conversation that breaks off anywhere, or whose last packet is cut
 * anywhere, never opens more than the whole conversation did.
 *
 *     prefix [FILE.pcap...]
 */
#include "feed.h"
#include "scenes.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIXES_MOST 400 /* of one capture; longer ones are sampled evenly */
#define CUTS 3            /* lengths to which the last packet is cut, besides none */

struct tally {
	size_t captures, prefixes, opened;
	unsigned failures;
};

/* Let the last of the first @n packets have been captured short */
static void cut_last(struct packets *list, size_t n, size_t caplen)
{
	list->at[n - 1].caplen = (uint32_t)caplen;
}

static void one(struct tally *tally, const char *name, const struct rpcgate_config *cfg,
		const struct packets *list, size_t n, const struct facts *whole)
{
	char difference[FACT_SIZE];
	struct outcome out;
	struct facts facts;

	feed_prefix(cfg, list, n, &out);
	facts_of(&out, FACTS_OPENED, &facts);
	tally->prefixes++;
	tally->opened += facts.n;
	if (facts_exceed(&facts, whole, difference)) {
		tally->failures++;
		printf("%s, first %zu packets (the last has %u octets): %s\n", name, n,
		       n ? list->at[n - 1].caplen : 0, difference);
	}
	facts_free(&facts);
	outcome_free(&out);
}

static void every_prefix(struct tally *tally, const char *name, struct packets *list)
{
	size_t step = list->n / PREFIXES_MOST + 1;
	struct random random = { 1 };
	struct rpcgate_config cfg;
	struct outcome out;
	struct facts whole;

	feed_config(&cfg);
	feed_packets(&cfg, list, &out);
	facts_of(&out, FACTS_OPENED, &whole);
	for (size_t n = 0; n <= list->n; n += step) {
		uint32_t caplen = n ? list->at[n - 1].caplen : 0;

		one(tally, name, &cfg, list, n, &whole);
		for (int i = 0; i < CUTS && caplen; i++) {
			cut_last(list, n, (size_t)random_below(&random, caplen));
			one(tally, name, &cfg, list, n, &whole);
			cut_last(list, n, caplen);
		}
	}
	tally->captures++;
	facts_free(&whole);
	outcome_free(&out);
}

static void add_file(struct tally *tally, struct packets *list, const char *path)
{
	if (packets_load(list, path) || list->n) {
		every_prefix(tally, path, list);
		return;
	}
	printf("%s: not a capture in classic pcap\n", path);
	tally->failures++;
}

int main(int argc, char **argv)
{
	struct packets list = { 0 };
	struct tally tally = { 0 };
	glob_t found;

	for (int i = 1; i < argc; i++)
		add_file(&tally, &list, argv[i]);
	for (size_t i = 0; argc == 1 && scene_at(i); i++) {
		scene_at(i)->make(&list);
		every_prefix(&tally, scene_at(i)->name, &list);
	}
	if (argc == 1 && glob(TEST_SOURCE_DIR "/pcaps/*.pcap", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_file(&tally, &list, found.gl_pathv[i]);
		globfree(&found);
	}
	packets_free(&list);
	printf("%zu prefixes of %zu captures opened %zu times: %u open more than the whole\n",
	       tally.prefixes, tally.captures, tally.opened, tally.failures);
	/* a run in which nothing was ever opened has shown nothing */
	return tally.failures || !tally.opened ? EXIT_FAILURE : EXIT_SUCCESS;
}
