/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "keeper.h"
#include "kernel.h"
#include "sandbox.h"

#define SEND_BUFFER (8 << 20) /* a table with thousands of static lines is one message */
#define REPLY_SIZE 65536
#define CHANGES_AT_ONCE 256U
#define PATIENCE_S 5 /* the kernel answers in the same call; nothing waits for it for ever */
#define TRIES 20U
#define TRY_AGAIN_US 10000U

/* Newer than the headers of Debian 12 */
#define TABLE_OWNER 0x2U
#define TABLE_PERSIST 0x4U

struct kernel {
	struct mnl_socket *netlink;
	pthread_mutex_t lock;
	enum kernel_keeping keeping;
	bool replaced; /* what was there when the table was put there */
	int keeper_fd; /* -1: we do it ourselves */
	struct keeper_message message;
	struct keeper_answer answer;
	struct messages messages;
	bool unread; /* a transaction failed: more answers than one may wait */
	struct kernel_stats stats;
	uint8_t reply[REPLY_SIZE];
};

struct kernel *kernel_open(char err[RPCGATE_ERROR_SIZE])
{
	struct kernel *k = calloc(1, sizeof(*k));
	const struct timeval patience = { PATIENCE_S, 0 };
	int size = SEND_BUFFER;

	if (!k) {
		snprintf(err, RPCGATE_ERROR_SIZE, "not enough memory");
		return NULL;
	}
	pthread_mutex_init(&k->lock, NULL);
	k->keeper_fd = -1;
	k->netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (k->netlink && mnl_socket_bind(k->netlink, 0, MNL_SOCKET_AUTOPID) == 0) {
		setsockopt(mnl_socket_get_fd(k->netlink), SOL_SOCKET, SO_SNDBUFFORCE, &size,
			   sizeof(size));
		setsockopt(mnl_socket_get_fd(k->netlink), SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience));
		return k;
	}
	snprintf(err, RPCGATE_ERROR_SIZE, "no netlink socket for nf_tables: %s", strerror(errno));
	kernel_free(k);
	return NULL;
}

void kernel_free(struct kernel *kernel)
{
	if (!kernel)
		return;
	if (kernel->netlink)
		mnl_socket_close(kernel->netlink);
	free(kernel->messages.octets);
	pthread_mutex_destroy(&kernel->lock);
	free(kernel);
}

/* --------------------------------------------------------------- transactions */

static void start(struct messages *m)
{
	m->n = 0;
	m->count = 0;
	m->failed = false;
}

/* The last message before the end of the transaction is the one that is confirmed */
static struct nlmsghdr *confirm_last(struct messages *m)
{
	struct nlmsghdr *last = NULL;

	for (size_t at = 0; at + sizeof(*last) <= m->n;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)(m->octets + at);

		if (h->nlmsg_type != NFNL_MSG_BATCH_END && h->nlmsg_type != NFNL_MSG_BATCH_BEGIN)
			last = h;
		at += (h->nlmsg_len + 3U) & ~3U;
	}
	if (last)
		last->nlmsg_flags |= NLM_F_ACK;
	return last;
}

/* The first error that the kernel names, 0 if it confirms; *seq is of the message it is about */
static int verdict_of(struct kernel *k, uint32_t first_seq, uint32_t last_seq, uint32_t *seq)
{
	int found = 0;

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(k->netlink, k->reply, sizeof(k->reply));
		const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)k->reply;
		int left = (int)n;

		if (n < 0)
			return errno == EINTR ? EAGAIN : errno;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq < first_seq)
				continue; /* or left from an earlier one */
			if (e->error && !found) {
				found = -e->error;
				*seq = h->nlmsg_seq;
			}
			/* an error about the transaction as a whole is about its first message */
			if (h->nlmsg_seq >= last_seq || e->error == -EPERM)
				return found;
		}
	}
}

/* A transaction that fails has an error for each of its messages, and the first was enough */
static void forget_answers(struct kernel *k)
{
	if (!k->unread)
		return;
	k->unread = false;
	while (recv(mnl_socket_get_fd(k->netlink), k->reply, sizeof(k->reply), MSG_DONTWAIT) >= 0 ||
	       errno == ENOBUFS)
		;
}

/* Send what was gathered.  0, or an error and which message it is about. */
static int commit(struct kernel *k, uint32_t *seq)
{
	struct messages *m = &k->messages;
	const struct nlmsghdr *last;
	uint32_t first_seq;
	int error;

	*seq = 0;
	if (m->failed)
		return ENOMEM;
	first_seq = ((const struct nlmsghdr *)(const void *)m->octets)->nlmsg_seq;
	last = confirm_last(m);
	if (!last)
		return 0;
	forget_answers(k);
	if (mnl_socket_sendto(k->netlink, m->octets, m->n) < 0)
		return errno;
	k->stats.transactions++;
	error = verdict_of(k, first_seq, last->nlmsg_seq, seq);
	k->unread = error != 0;
	return error;
}

/* ---------------------------------------------------------------------- table */

static const struct {
	uint32_t flags;
	enum kernel_keeping keeping;
} ways[] = {
	{ TABLE_OWNER | TABLE_PERSIST, KERNEL_PERSISTENT },
	{ TABLE_OWNER, KERNEL_OWNED },
	{ 0, KERNEL_PLAIN },
};

static int try_once(struct kernel *k, const struct ruleset_plan *plan, uint32_t flags, bool anew)
{
	uint32_t seq;

	start(&k->messages);
	ruleset_install(plan, flags, anew, &k->messages);
	return commit(k, &seq);
}

/* A table that another version left may have other sets, and one that somebody else made has no
 * owner and never gets one: then it goes first, in the same transaction */
static int try_install(struct kernel *k, const struct ruleset_plan *plan, uint32_t flags)
{
	int error = try_once(k, plan, flags, false), again;

	k->replaced = false;
	if (!error || error == EPERM)
		return error;
	again = try_once(k, plan, flags, true);
	k->replaced = !again;
	return again == ENOENT ? error : again; /* there is none */
}

static void say_install(int error, char err[RPCGATE_ERROR_SIZE])
{
	if (error == EPERM && !sandbox_has(CAP_NET_ADMIN))
		snprintf(err, RPCGATE_ERROR_SIZE,
			 "nf_tables: the right to change the table inet " RULESET_TABLE
			 " is missing (CAP_NET_ADMIN)");
	else if (error == EPERM)
		snprintf(err, RPCGATE_ERROR_SIZE,
			 "nf_tables: the table inet " RULESET_TABLE
			 " belongs to another process: another rpcgate runs");
	else if (error == ENOENT || error == EOPNOTSUPP)
		snprintf(err, RPCGATE_ERROR_SIZE,
			 "nf_tables: the kernel lacks a statement that is needed (ct, log, reject, "
			 "limit, and queue or the NFQUEUE target): %s",
			 strerror(error));
	else
		snprintf(err, RPCGATE_ERROR_SIZE, "nf_tables: the table was not accepted: %s",
			 strerror(error));
}

bool kernel_install(struct kernel *kernel, struct ruleset_plan *plan, char err[RPCGATE_ERROR_SIZE])
{
	static const enum queue_statement by[] = { QUEUE_BY_NFT, QUEUE_BY_XT };
	unsigned tries = 0;
	int error = 0;

	pthread_mutex_lock(&kernel->lock);
again:
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (size_t q = 0; q < sizeof(by) / sizeof(by[0]); q++) {
			plan->by = by[q];
			error = try_install(kernel, plan, ways[i].flags);
			if (error && error != EPERM)
				continue;
			kernel->keeping = ways[i].keeping;
			goto out;
		}
out:
	/* one that was killed a moment ago may still own it */
	if (error == EPERM && tries++ < TRIES && usleep(TRY_AGAIN_US) == 0)
		goto again;
	pthread_mutex_unlock(&kernel->lock);
	if (error)
		say_install(error, err);
	return !error;
}

enum kernel_keeping kernel_keeping(const struct kernel *kernel)
{
	return kernel->keeping;
}

bool kernel_replaced(const struct kernel *kernel)
{
	return kernel->replaced;
}

bool kernel_change(struct kernel *kernel, const struct ruleset_plan *plan,
		   char err[RPCGATE_ERROR_SIZE])
{
	uint32_t seq;
	int error;

	pthread_mutex_lock(&kernel->lock);
	start(&kernel->messages);
	ruleset_change(plan, &kernel->messages);
	error = commit(kernel, &seq);
	pthread_mutex_unlock(&kernel->lock);
	if (error)
		say_install(error, err);
	return !error;
}

static struct nlmsghdr *about_table(struct kernel *k, uint16_t type, uint16_t flags)
{
	struct nftnl_table *t = nftnl_table_alloc();
	void *room = t ? messages_room(&k->messages) : NULL;
	struct nlmsghdr *nlh = NULL;

	if (room) {
		nlh = nftnl_nlmsg_build_hdr(room, type, NFPROTO_INET, flags, ++k->messages.seq);
		nftnl_table_set_str(t, NFTNL_TABLE_NAME, RULESET_TABLE);
		nftnl_table_nlmsg_build_payload(nlh, t);
		messages_done(&k->messages, nlh);
	}
	nftnl_table_free(t);
	return nlh;
}

bool kernel_remove(struct kernel *kernel, char err[RPCGATE_ERROR_SIZE])
{
	uint32_t seq;
	int error;

	pthread_mutex_lock(&kernel->lock);
	start(&kernel->messages);
	messages_begin(&kernel->messages);
	about_table(kernel, NFT_MSG_DELTABLE, 0);
	messages_end(&kernel->messages);
	error = commit(kernel, &seq);
	pthread_mutex_unlock(&kernel->lock);
	if (error && error != ENOENT)
		snprintf(err, RPCGATE_ERROR_SIZE, "nf_tables: the table was not removed: %s",
			 strerror(error));
	return !error || error == ENOENT;
}

/* --------------------------------------------------------------------- keeper */

int kernel_fd(const struct kernel *kernel)
{
	return mnl_socket_get_fd(kernel->netlink);
}

void kernel_delegate(struct kernel *kernel, int keeper_fd)
{
	kernel->keeper_fd = keeper_fd;
}

static bool ask_there(struct kernel *k, enum keeper_kind kind, char err[RPCGATE_ERROR_SIZE])
{
	bool good;

	pthread_mutex_lock(&k->lock);
	k->message = (struct keeper_message){ .kind = kind };
	good = keeper_ask(k->keeper_fd, &k->message, &k->answer) && k->answer.good;
	if (!good && err)
		snprintf(err, RPCGATE_ERROR_SIZE, "%s", k->answer.err);
	pthread_mutex_unlock(&k->lock);
	return good;
}

bool kernel_reload_there(struct kernel *kernel, char err[RPCGATE_ERROR_SIZE])
{
	return ask_there(kernel, KEEPER_RELOAD, err);
}

bool kernel_install_there(struct kernel *kernel, char err[RPCGATE_ERROR_SIZE])
{
	return ask_there(kernel, KEEPER_INSTALL, err);
}

/* Under the lock; what found no room comes back with its timeout cleared */
static size_t apply_there(struct kernel *k, struct kernel_change *change, size_t n)
{
	struct keeper_message *m = &k->message;

	*m = (struct keeper_message){ .kind = KEEPER_CHANGES_MADE, .n = (uint32_t)n };
	memcpy(m->u.change, change, n * sizeof(*change));
	if (keeper_ask(k->keeper_fd, m, &k->answer) && k->answer.good) {
		memcpy(change, k->answer.change, n * sizeof(*change));
		return k->answer.n;
	}
	for (size_t i = 0; i < n; i++)
		change[i].element.timeout_ms = 0;
	return 0;
}

bool kernel_is_there(struct kernel *kernel)
{
	const struct nlmsghdr *nlh;
	uint32_t seq;
	int error = ENOMEM;

	if (kernel->keeper_fd >= 0)
		return ask_there(kernel, KEEPER_IS_THERE, NULL);
	pthread_mutex_lock(&kernel->lock);
	start(&kernel->messages);
	nlh = about_table(kernel, NFT_MSG_GETTABLE, NLM_F_ACK);
	if (nlh) {
		error = mnl_socket_sendto(kernel->netlink, kernel->messages.octets,
					  kernel->messages.n) < 0 ?
				errno :
				verdict_of(kernel, nlh->nlmsg_seq, nlh->nlmsg_seq, &seq);
	}
	pthread_mutex_unlock(&kernel->lock);
	return !error;
}

/* ------------------------------------------------------------------- elements */

/* The changes from @p first on, as far as they fit; their sequence numbers tell them apart */
static size_t gather(struct kernel *k, struct kernel_change *change, size_t n, uint32_t *seq)
{
	size_t made = 0;

	start(&k->messages);
	messages_begin(&k->messages);
	for (size_t i = 0; i < n; i++) {
		if (!change[i].remove && !change[i].element.timeout_ms)
			continue;
		if (change[i].remove)
			ruleset_delete(&change[i].element, &k->messages);
		else
			ruleset_put(&change[i].element, change[i].known, &k->messages);
		made++;
		seq[i] = k->messages.seq;
	}
	messages_end(&k->messages);
	return made;
}

/* What the message was about; n if it cannot be told */
static size_t culprit(const uint32_t *seq, size_t n, uint32_t at)
{
	for (size_t i = 0; i < n; i++)
		if (seq[i] >= at)
			return i;
	return n;
}

/* A transaction fails as a whole.  An element that was to be deleted and has run out meanwhile is
 * none to worry about; one that finds no room is left out. */
static bool repair(struct kernel *k, struct kernel_change *c, int error)
{
	k->stats.failures++;
	if (error == ENOENT && c->known) {
		c->known = false;
		return true;
	}
	if (error == ENOENT && c->remove) {
		c->remove = false;
		c->element.timeout_ms = 0;
		return true;
	}
	if (error == ENFILE || error == EEXIST || error == ENOMEM || error == EBUSY) {
		k->stats.refused++;
		c->element.timeout_ms = 0;
		return true;
	}
	return false;
}

static size_t apply(struct kernel *k, struct kernel_change *change, size_t n)
{
	uint32_t seq[CHANGES_AT_ONCE] = { 0 };

	/* each round mends at least one of them */
	for (size_t round = 0; round <= 2 * n; round++) {
		size_t made = gather(k, change, n, seq), bad;
		uint32_t at;
		int error;

		if (!made)
			return 0;
		error = commit(k, &at);
		if (!error) {
			k->stats.elements += made;
			return made;
		}
		bad = culprit(seq, n, at);
		if (bad == n || !repair(k, &change[bad], error))
			break;
	}
	k->stats.refused += n;
	for (size_t i = 0; i < n; i++)
		change[i].element.timeout_ms = 0;
	return 0;
}

size_t kernel_apply(struct kernel *kernel, struct kernel_change *change, size_t n)
{
	size_t made = 0;

	pthread_mutex_lock(&kernel->lock);
	for (size_t i = 0; kernel->keeper_fd >= 0 && i < n; i += KEEPER_CHANGES)
		made += apply_there(kernel, change + i,
				    n - i < KEEPER_CHANGES ? n - i : KEEPER_CHANGES);
	for (size_t i = 0; kernel->keeper_fd < 0 && i < n; i += CHANGES_AT_ONCE)
		made += apply(kernel, change + i,
			      n - i < CHANGES_AT_ONCE ? n - i : CHANGES_AT_ONCE);
	pthread_mutex_unlock(&kernel->lock);
	return made;
}

void kernel_stats(struct kernel *kernel, struct kernel_stats *stats)
{
	pthread_mutex_lock(&kernel->lock);
	*stats = kernel->stats;
	if (kernel->keeper_fd >= 0) {
		kernel->message = (struct keeper_message){ .kind = KEEPER_STATS };
		if (keeper_ask(kernel->keeper_fd, &kernel->message, &kernel->answer))
			*stats = kernel->answer.stats;
	}
	pthread_mutex_unlock(&kernel->lock);
}
