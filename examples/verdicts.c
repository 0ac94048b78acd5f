/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verdicts.c - packets come from a callback, verdicts are printed: ./verdicts [trace.pcap] */
#include <rpcgate.h>
#include <stdio.h>
#include <sys/random.h>

/* Whoever has packets: fills one in, false at the end */
typedef bool next_packet(void *ctx, struct rpcgate_packet *packet);

/* A classic capture of Ethernet frames, times in microseconds, in the order of this machine */
static bool next_from_file(void *ctx, struct rpcgate_packet *packet)
{
	static uint8_t frame[65536];
	uint32_t head[4]; /* seconds, microseconds, octets here, octets on the wire */

	if (fread(head, sizeof(head), 1, ctx) != 1 || head[2] > sizeof(frame) ||
	    fread(frame, 1, head[2], ctx) != head[2])
		return false;
	*packet = (struct rpcgate_packet){ .data = frame,
					   .caplen = head[2],
					   .len = head[3],
					   .linktype = RPCGATE_LINK_ETHERNET,
					   .time_ns = head[0] * UINT64_C(1000000000) +
						      head[1] * UINT64_C(1000) };
	return true;
}

static void show(const struct rpcgate_event *event)
{
	static const char *const verdicts[] = { "allow", "log", "deny" };
	const struct rpcgate_bind_event *bind = &event->u.bind;
	char client[RPCGATE_ADDR_TEXT], server[RPCGATE_ADDR_TEXT], uuid[RPCGATE_UUID_TEXT];

	if (event->type == RPCGATE_EVENT_BIND)
		printf("%s %s %u %s %s %s\n", rpcgate_addr_format(&event->src, client),
		       rpcgate_addr_format(&event->dest, server), event->dest_port,
		       rpcgate_uuid_format(&bind->interface.uuid, uuid), verdicts[bind->verdict],
		       rpcgate_reason_name(bind->reason));
}

static void judge(struct rpcgate *gate, next_packet *next, void *ctx)
{
	for (struct rpcgate_packet packet; next(ctx, &packet);) {
		struct rpcgate_result result = rpcgate_feed(gate, &packet);

		for (size_t i = 0; i < result.n_events; i++)
			show(&result.events[i]);
	}
}

int main(int argc, char **argv)
{
	char err[RPCGATE_ERROR_SIZE] = "no random numbers";
	struct rpcgate_config cfg;
	struct rpcgate *gate;

	rpcgate_config_default(&cfg);
	if (getrandom(cfg.hash_key, sizeof(cfg.hash_key), 0) != sizeof(cfg.hash_key) ||
	    !(gate = rpcgate_new(&cfg, err)))
		return fprintf(stderr, "verdicts: %s\n", err), 1;
	if ((argc > 1 && !freopen(argv[1], "rb", stdin)) || fread(err, 24, 1, stdin) != 1)
		return perror("verdicts"), 1; /* no file, or none with a head */
	judge(gate, next_from_file, stdin);
	rpcgate_free(gate);
	return 0;
}
