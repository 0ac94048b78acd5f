/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash map of the kernel, asked from user space: what a gateway that keeps its pinholes there
 * pays for each.  Through bpf(2) itself; there are calls for batches, which are used. */
#include "rivals.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH 1024U

struct words {
	uint64_t a, b;
};

struct bpf {
	int fd;
	struct words key[BATCH];
	uint64_t until[BATCH];
};

static long call(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void *make(uint32_t n, const struct leases *hash)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_HASH,
				.key_size = sizeof(struct words),
				.value_size = sizeof(uint64_t),
				.max_entries = n };
	struct bpf *b = calloc(1, sizeof(*b));

	(void)hash;
	if (!b)
		return NULL;
	b->fd = (int)call(BPF_MAP_CREATE, &attr);
	if (b->fd >= 0)
		return b;
	free(b);
	return NULL;
}

static bool add(void *table, const struct lease_key *key, uint32_t n)
{
	struct bpf *b = table;

	for (uint32_t done = 0; done < n; done += BATCH) {
		union bpf_attr attr = { 0 };
		uint32_t now = n - done < BATCH ? n - done : BATCH;

		for (uint32_t i = 0; i < now; i++)
			b->key[i] = (struct words){ key[done + i].a, key[done + i].b };
		attr.batch.keys = (uint64_t)(uintptr_t)b->key;
		attr.batch.values = (uint64_t)(uintptr_t)b->until;
		attr.batch.count = now;
		attr.batch.map_fd = (uint32_t)b->fd;
		if (call(BPF_MAP_UPDATE_BATCH, &attr) < 0)
			return false;
	}
	return true;
}

/* There is no batch for keys of one's own choice: a call for each */
static uint32_t find(void *table, const struct lease_key *key, uint32_t n)
{
	struct bpf *b = table;
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct words words = { key[i].a, key[i].b };
		union bpf_attr attr = { .map_fd = (uint32_t)b->fd,
					.key = (uint64_t)(uintptr_t)&words };

		attr.value = (uint64_t)(uintptr_t)b->until;
		found += call(BPF_MAP_LOOKUP_ELEM, &attr) == 0;
	}
	return found;
}

static void let_go(void *table)
{
	struct bpf *b = table;

	close(b->fd);
	free(b);
}

const struct rival rival_bpf = { "eBPF map, by system call", 100000, make, add, find, let_go };
