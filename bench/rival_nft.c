/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of nftables whose elements have a timeout, in a network namespace of its own: what it takes
 * to publish pinholes there.  Nothing can be looked up one by one from user space. */
#include "rivals.h"

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BATCH 512U
#define KEY 16U
#define ROOM (256U * 1024)
#define TABLE "rpcgate-bench"
#define SET "pinholes"

struct nft {
	struct mnl_socket *socket;
	int home; /* the namespace we came from */
	uint32_t sequence;
	char buffer[ROOM];
};

static struct nlmsghdr *begin(struct nft *t, struct mnl_nlmsg_batch *batch, uint16_t type,
			      uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch), type, NFPROTO_IPV4, flags,
				     t->sequence++);
}

static bool answered(struct nft *t)
{
	char answer[8192];
	ssize_t n = mnl_socket_recvfrom(t->socket, answer, sizeof(answer));

	return n > 0 &&
	       mnl_cb_run(answer, (size_t)n, 0, mnl_socket_get_portid(t->socket), NULL, NULL) >= 0;
}

/* One transaction: @fill adds its messages; the last of them asks for an answer */
static bool transact(struct nft *t,
		     bool (*fill)(struct nft *t, struct mnl_nlmsg_batch *batch, const void *ctx),
		     const void *ctx)
{
	struct mnl_nlmsg_batch *batch = mnl_nlmsg_batch_start(t->buffer, sizeof(t->buffer));
	bool good;

	nftnl_batch_begin(mnl_nlmsg_batch_current(batch), t->sequence++);
	mnl_nlmsg_batch_next(batch);
	good = fill(t, batch, ctx);
	nftnl_batch_end(mnl_nlmsg_batch_current(batch), t->sequence++);
	mnl_nlmsg_batch_next(batch);
	good = good &&
	       mnl_socket_sendto(t->socket, mnl_nlmsg_batch_head(batch),
				 mnl_nlmsg_batch_size(batch)) > 0 &&
	       answered(t);
	mnl_nlmsg_batch_stop(batch);
	return good;
}

static bool fill_set(struct nft *t, struct mnl_nlmsg_batch *batch, const void *ctx)
{
	struct nftnl_table *table = nftnl_table_alloc();
	struct nftnl_set *set = nftnl_set_alloc();

	(void)ctx;
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, TABLE);
	nftnl_table_nlmsg_build_payload(begin(t, batch, NFT_MSG_NEWTABLE, NLM_F_CREATE), table);
	mnl_nlmsg_batch_next(batch);
	nftnl_set_set_str(set, NFTNL_SET_TABLE, TABLE);
	nftnl_set_set_str(set, NFTNL_SET_NAME, SET);
	nftnl_set_set_u32(set, NFTNL_SET_ID, 1);
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_IPV4);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, KEY);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
	nftnl_set_nlmsg_build_payload(begin(t, batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_ACK),
				      set);
	mnl_nlmsg_batch_next(batch);
	nftnl_set_free(set);
	nftnl_table_free(table);
	return true;
}

static void let_go(void *table)
{
	struct nft *t = table;

	if (t->socket)
		mnl_socket_close(t->socket);
	(void)setns(t->home, CLONE_NEWNET);
	close(t->home);
	free(t);
}

static void *make(uint32_t n, const struct leases *hash)
{
	struct nft *t = calloc(1, sizeof(*t));

	(void)n;
	(void)hash;
	if (!t)
		return NULL;
	t->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	t->sequence = (uint32_t)time(NULL);
	if (t->home < 0 || unshare(CLONE_NEWNET) < 0) {
		free(t);
		return NULL;
	}
	t->socket = mnl_socket_open(NETLINK_NETFILTER);
	if (t->socket && mnl_socket_bind(t->socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    transact(t, fill_set, NULL))
		return t;
	let_go(t);
	return NULL;
}

struct some {
	const struct lease_key *key;
	uint32_t n;
};

static bool fill_elements(struct nft *t, struct mnl_nlmsg_batch *batch, const void *ctx)
{
	const struct some *some = ctx;
	struct nftnl_set *set = nftnl_set_alloc();
	struct nlmsghdr *head;

	nftnl_set_set_str(set, NFTNL_SET_TABLE, TABLE);
	nftnl_set_set_str(set, NFTNL_SET_NAME, SET);
	for (uint32_t i = 0; i < some->n; i++) {
		const uint64_t words[] = { some->key[i].a, some->key[i].b };
		struct nftnl_set_elem *e = nftnl_set_elem_alloc();

		nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, words, sizeof(words));
		nftnl_set_elem_set_u64(e, NFTNL_SET_ELEM_TIMEOUT, 300000);
		nftnl_set_elem_add(set, e);
	}
	head = begin(t, batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK);
	nftnl_set_elems_nlmsg_build_payload(head, set);
	mnl_nlmsg_batch_next(batch);
	nftnl_set_free(set);
	return true;
}

static bool add(void *table, const struct lease_key *key, uint32_t n)
{
	for (uint32_t done = 0; done < n; done += BATCH) {
		const struct some some = { key + done, n - done < BATCH ? n - done : BATCH };

		if (!transact(table, fill_elements, &some))
			return false;
	}
	return true;
}

const struct rival rival_nft = { "nft set with timeouts", 100000, make, add, NULL, let_go };
