/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stream property: other packets with the same meaning lead to the same announcements and the
 * same verdicts.
 *
 *     property [--seed N] [--count N] [--dump FILE] [FILE.pcap...]
 *
 * Without files: the captures in pcaps/ and the scenes of tests/support/scenes.h.  Run k uses seed
 * N + k, which decides capture, rewriters and everything they do: a failure is repeated with
 * "--seed THAT --count 1".
 */
#include "feed.h"
#include "rewrite.h"
#include "scenes.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_DEFAULT 2400
#define FAILURES_SHOWN 5

struct subject {
	struct capture capture;
	struct facts facts;
};

struct run {
	struct subject *subject;
	size_t n;
	uint64_t seed, count;
	const char *dump;
	unsigned failures;
};

static void baseline(struct subject *s)
{
	struct rpcgate_config cfg;
	struct outcome out;

	feed_config(&cfg);
	feed_packets(&cfg, &s->capture.packets, &out);
	facts_of(&out, FACTS_ALL, &s->facts);
	outcome_free(&out);
}

static struct subject *new_subject(struct run *run)
{
	run->subject = realloc(run->subject, (run->n + 1) * sizeof(*run->subject));
	if (!run->subject)
		abort();
	run->subject[run->n] = (struct subject){ 0 };
	return &run->subject[run->n++];
}

static bool add_file(struct run *run, const char *path)
{
	struct subject *s = new_subject(run);
	const char *slash = strrchr(path, '/');

	/* a file cut short is used as far as it goes; no packets at all is an error */
	if (!packets_load(&s->capture.packets, path) && !s->capture.packets.n) {
		fprintf(stderr, "%s: not a capture in classic pcap\n", path);
		return false;
	}
	s->capture.name = strdup(slash ? slash + 1 : path);
	rewrite_open(&s->capture);
	baseline(s);
	return true;
}

/* A scene must lead to what it was made for: a property of nothing is always true */
static bool add_scene(struct run *run, const struct scene *scene)
{
	struct subject *s = new_subject(run);
	size_t bindings = 0, allowed = 0, denied = 0;

	scene->make(&s->capture.packets);
	s->capture.name = strdup(scene->name);
	rewrite_open(&s->capture);
	baseline(s);
	for (size_t i = 0; i < s->facts.n; i++) {
		bool binding = strncmp(s->facts.line[i], "binding", 7) == 0;

		bindings += binding;
		allowed += !binding && strstr(s->facts.line[i], " allow ");
		denied += !binding && strstr(s->facts.line[i], " deny ");
	}
	if (bindings == scene->bindings && allowed == scene->allowed && denied == scene->denied)
		return true;
	printf("scene %s: %zu bindings, %zu allowed, %zu denied instead of %zu, %zu, %zu\n",
	       scene->name, bindings, allowed, denied, scene->bindings, scene->allowed,
	       scene->denied);
	for (size_t i = 0; i < s->facts.n; i++)
		printf("    %s\n", s->facts.line[i]);
	return false;
}

static bool add_everything(struct run *run)
{
	bool good = true;
	glob_t found;

	for (size_t i = 0; scene_at(i); i++)
		good &= add_scene(run, scene_at(i));
	if (glob(TEST_SOURCE_DIR "/pcaps/*.pcap", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			good &= add_file(run, found.gl_pathv[i]);
		globfree(&found);
	}
	return good;
}

static size_t choose(const struct capture *capture, struct random *random,
		     const struct rewriter *chosen[REWRITE_MOST])
{
	size_t n = 0, want = 1 + (size_t)random_below(random, REWRITE_MOST), known = 0;

	while (rewriter_at(known))
		known++;
	for (size_t tries = 0; n < want && tries < 50; tries++) {
		const struct rewriter *r = rewriter_at((size_t)random_below(random, known));
		bool twice = false;

		for (size_t i = 0; i < n; i++)
			twice |= chosen[i] == r;
		if (!twice && rewriter_fits(r, capture))
			chosen[n++] = r;
	}
	return n;
}

static void describe(const struct subject *s, uint64_t seed, const struct rewriter *const *chosen,
		     size_t n)
{
	printf("%s, seed %llu, rewriters:", s->capture.name, (unsigned long long)seed);
	for (size_t i = 0; i < n; i++)
		printf(" %s", rewriter_name(chosen[i]));
	putchar('\n');
}

static void report(uint64_t seed, const struct packets *packets, const char *difference)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/tmp/property-%llu.pcap", (unsigned long long)seed);
	printf("    first difference: %s\n    rewritten capture: %s\n", difference,
	       packets_save(packets, path) ? path : "could not be written");
}

static void one(struct run *run, uint64_t seed, struct packets *packets)
{
	struct random random = { seed };
	const struct subject *s = &run->subject[random_below(&random, run->n)];
	const struct rewriter *chosen[REWRITE_MOST];
	size_t n = choose(&s->capture, &random, chosen);
	char difference[FACT_SIZE];
	struct rpcgate_config cfg;
	struct outcome out;
	struct facts facts;

	rewrite(&s->capture, chosen, n, &random, packets);
	if (run->dump) {
		describe(s, seed, chosen, n);
		if (!packets_save(packets, run->dump))
			fprintf(stderr, "%s: cannot be written\n", run->dump);
	}
	feed_config(&cfg);
	feed_packets(&cfg, packets, &out);
	facts_of(&out, FACTS_ALL, &facts);
	if (facts_differ(&s->facts, &facts, difference) && run->failures++ < FAILURES_SHOWN) {
		describe(s, seed, chosen, n);
		report(seed, packets, difference);
	}
	facts_free(&facts);
	outcome_free(&out);
}

/* The comparison itself must notice: one octet of one announced port is changed */
static bool a_change_of_meaning_is_noticed(void)
{
	struct packets packets = { 0 };
	struct rpcgate_config cfg;
	struct outcome before, after;
	struct facts a, b;
	char text[FACT_SIZE];
	bool noticed;

	feed_config(&cfg);
	cfg.checksum = RPCGATE_CHECKSUM_IGNORE;
	scene_at(0)->make(&packets);
	feed_packets(&cfg, &packets, &before);
	for (size_t i = 0; i + 1 < packets.octets.n; i++) /* port 49160 in the answer */
		if (packets.octets.p[i] == 0xc0 && packets.octets.p[i + 1] == 0x08)
			packets.octets.p[i + 1] ^= 1;
	feed_packets(&cfg, &packets, &after);
	facts_of(&before, FACTS_ALL, &a);
	facts_of(&after, FACTS_ALL, &b);
	noticed = a.n && facts_differ(&a, &b, text);
	facts_free(&a);
	facts_free(&b);
	outcome_free(&before);
	outcome_free(&after);
	packets_free(&packets);
	return noticed;
}

static void finish(struct run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		free((char *)(uintptr_t)run->subject[i].capture.name);
		rewrite_close(&run->subject[i].capture);
		facts_free(&run->subject[i].facts);
	}
	free(run->subject);
}

int main(int argc, char **argv)
{
	struct run run = { .seed = 1, .count = COUNT_DEFAULT };
	struct packets packets = { 0 };
	size_t facts = 0;
	bool good = true;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			run.seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc)
			run.count = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--dump") == 0 && i + 1 < argc)
			run.dump = argv[++i];
		else
			good &= add_file(&run, argv[i]);
	}
	if (!run.n)
		good &= add_everything(&run);
	if (!a_change_of_meaning_is_noticed()) {
		puts("a changed port in an answer was not noticed: this program proves nothing");
		good = false;
	}
	for (size_t i = 0; i < run.n; i++)
		facts += run.subject[i].facts.n;
	for (uint64_t k = 0; k < run.count; k++)
		one(&run, run.seed + k, &packets);
	printf("%llu rewrites from seed %llu of %zu captures with %zu facts: %u differ\n",
	       (unsigned long long)run.count, (unsigned long long)run.seed, run.n, facts,
	       run.failures);
	good &= run.failures == 0;
	packets_free(&packets);
	finish(&run);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
