/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "keeper.h"

/* The longest life of a pinhole (72 h), a quarter of it, and the day that ports are remembered */
#define LIFE_MAX_MS ((72 + 18 + 24) * 3600 * UINT64_C(1000) + 1000)
#define PORT_MIN 1024U

/* --------------------------------------------------------------------- checks */

static bool listed(const struct rpcgate_port_list *list, uint16_t port)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (port >= list->range[i].first && port <= list->range[i].last)
			return true;
	return false;
}

/* Looked at as an octet: a bool with another value must not even be read */
static bool is_flag(const bool *flag)
{
	uint8_t octet;

	memcpy(&octet, flag, sizeof(octet));
	return octet <= 1;
}

static bool may_change(const struct kernel_change *c, const struct keeper_limits *limits)
{
	const struct ruleset_element *e = &c->element;
	bool pair = e->set == SET_PAIR4 || e->set == SET_PAIR6;
	bool ipv4 = e->set == SET_PIN4 || e->set == SET_PAST4 || e->set == SET_UDP4 ||
		    e->set == SET_PAIR4;

	return is_flag(&c->remove) && is_flag(&c->known) && (unsigned)e->set < SET_COUNT &&
	       rpcgate_addr_is_ipv4(&e->client) == ipv4 &&
	       rpcgate_addr_is_ipv4(&e->server) == ipv4 && e->timeout_ms <= LIFE_MAX_MS &&
	       (pair || c->remove ||
		(e->port >= PORT_MIN && !listed(limits->mapper, e->port) &&
		 !listed(limits->reserved, e->port)));
}

bool keeper_may(const struct keeper_message *message, const struct keeper_limits *limits)
{
	switch (message->kind) {
	case KEEPER_VERDICTS:
		return message->n <= QUEUE_BATCH && message->queue < limits->n_queues;
	case KEEPER_CHANGES_MADE:
		if (message->n > KEEPER_CHANGES)
			return false;
		for (uint32_t i = 0; i < message->n; i++)
			if (!may_change(&message->u.change[i], limits))
				return false;
		return true;
	case KEEPER_IS_THERE:
	case KEEPER_INSTALL:
	case KEEPER_RELOAD:
	case KEEPER_STATS:
		return true;
	default:
		return false;
	}
}

/* --------------------------------------------------------------------- parser */

bool keeper_send(int fd, const struct keeper_message *message)
{
	ssize_t n;

	do
		n = send(fd, message, sizeof(*message), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*message);
}

bool keeper_ask(int fd, const struct keeper_message *message, struct keeper_answer *answer)
{
	ssize_t n = -1;

	if (keeper_send(fd, message))
		do
			n = recv(fd, answer, sizeof(*answer), 0);
		while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(*answer))
		return true;
	*answer = (struct keeper_answer){ .good = false };
	snprintf(answer->err, sizeof(answer->err), "the process that changes the kernel has ended");
	return false;
}

/* --------------------------------------------------------------------- keeper */

static void carry_out(const struct keeper_world *w, struct keeper_message *m,
		      struct keeper_answer *a)
{
	switch ((enum keeper_kind)m->kind) {
	case KEEPER_VERDICTS:
		for (uint32_t i = 0; i < m->n; i++)
			queue_settle(w->queue[m->queue], m->u.verdict[i].id,
				     m->u.verdict[i].pass == 1, m->u.verdict[i].mark);
		queue_flush(w->queue[m->queue]);
		return;
	case KEEPER_CHANGES_MADE:
		a->n = (uint32_t)kernel_apply(w->kernel, m->u.change, m->n);
		memcpy(a->change, m->u.change, sizeof(a->change));
		a->good = true;
		return;
	case KEEPER_IS_THERE:
		a->good = kernel_is_there(w->kernel);
		return;
	case KEEPER_INSTALL:
		a->good = w->install(w->ctx, a->err);
		return;
	case KEEPER_RELOAD:
		a->good = w->reload(w->ctx, a->err);
		return;
	case KEEPER_STATS:
		kernel_stats(w->kernel, &a->stats);
		a->good = true;
		return;
	}
}

void keeper_serve(int fd, const struct keeper_world *world)
{
	uint64_t denied = 0;
	struct keeper_message m;
	struct keeper_answer a;

	for (;;) {
		ssize_t n = recv(fd, &m, sizeof(m), MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		/* the end, or somebody who is not what we come from */
		if (n != (ssize_t)sizeof(m))
			return;
		a = (struct keeper_answer){ .good = false };
		if (keeper_may(&m, &world->limits))
			carry_out(world, &m, &a);
		else
			denied++;
		if (m.kind == KEEPER_VERDICTS)
			continue;
		if (!a.good && !a.err[0])
			snprintf(a.err, sizeof(a.err),
				 "not done: the kernel or the keeper refuses");
		a.stats.denied = denied;
		if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) != (ssize_t)sizeof(a))
			return;
	}
}
