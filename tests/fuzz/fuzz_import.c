/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_import.c - input: a foreign configuration
 *
 * What is written must be a policy; what is refused must have a place in the text.
 */
#include <stdlib.h>
#include <string.h>

#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool true_always)
{
	if (!true_always)
		abort();
}

static void is_policy(const char *text, size_t length)
{
	const struct rpcgate_policy_source source = { "fuzz", text, length };
	struct rpcgate_policy_error error;
	size_t n;
	struct rpcgate_policy *policy;

	/* comments make the text longer than one policy may be */
	if (length > RPCGATE_POLICY_MAX_FILE)
		return;
	policy = rpcgate_policy_parse(&source, NULL, NULL, &error, 1, &n);
	must(policy != NULL);
	rpcgate_policy_free(policy);
}

static void import(const uint8_t *data, size_t n, bool before_vista)
{
	struct import_error error = { .line = 0 };
	size_t length = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);
	bool good;

	must(out != NULL);
	good = import_text(data, n, "fuzz", before_vista, out, &error);
	must(fclose(out) == 0);
	if (good)
		is_policy(text, length);
	else
		must(error.text[0] &&
		     (n > IMPORT_MAX_FILE ||
		      (error.line >= 1 && error.line <= n + 1 && error.column >= 1)));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	import(data, n, false);
	import(data, n, true);
	return 0;
}
