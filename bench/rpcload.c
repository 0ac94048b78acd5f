/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rpcload.c - a server and a client that speak just enough DCE/RPC to measure a gateway
 *
 *	rpcload serve ADDRESS              a mapper, a service, and ports for new announcements
 *	rpcload bulk ADDRESS SECONDS       the service's answers as one stream: Mbit/s
 *	rpcload ping ADDRESS COUNT OCTETS  calls one after the other: time of each
 *	rpcload connect ADDRESS COUNT      new connections: time to the first reply, its Bind's ack
 *	rpcload announce ADDRESS COUNT     from a new announcement to an open connection
 *
 * Every flow is an RPC flow that the mapper announced and whose Bind was accepted, so a gateway
 * has approved it before the clock starts.  Results are one JSON object; times in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAPPER 135
#define SERVICE 49900
#define FIRST_NEW 50000
#define NEW_PORTS 400
#define PDU_MAX 5840
#define CALL_HEAD 24
#define TOWER 75
#define BULK_STUB (4U << 20)
#define LATE_US 200000.0

enum ptype { REQUEST = 0, RESPONSE = 2, BIND = 11, BIND_ACK = 12 };
enum opnum { OP_BULK = 1, OP_ECHO = 2, OP_MAP = 3 };

struct pdu {
	uint8_t octets[65536];
	size_t n;
};

/* UUIDs as they stand on the wire, little-endian, with the version behind them */
static const uint8_t epm[20] = { 0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91,
				 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa, 3 };
static const uint8_t ndr[20] = { 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f,
				 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 2 };
static const uint8_t bench[20] = { 0,    0,    0,    0,    0x42, 0x45, 0x4e, 0x43, 0x80,
				   0x48, 0x52, 0x50, 0x43, 0x47, 0x41, 0x54, 1 };

static void die(const char *what)
{
	fprintf(stderr, "rpcload: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* --------------------------------------------------------------------- PDUs */

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *p, size_t value)
{
	put16(p, value);
	put16(p + 2, value >> 16);
}

static size_t get16(const uint8_t *p)
{
	return (size_t)p[0] | (size_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)(get16(p) | get16(p + 2) << 16);
}

static void header(uint8_t *p, enum ptype type, unsigned flags, size_t n, uint32_t call_id)
{
	memset(p, 0, 16);
	p[0] = 5;
	p[2] = (uint8_t)type;
	p[3] = (uint8_t)flags;
	p[4] = 0x10;
	put16(p + 8, n);
	put32(p + 12, call_id);
}

static void call(struct pdu *o, enum ptype type, uint32_t call_id, enum opnum opnum,
		 const uint8_t *stub, size_t n)
{
	o->n = CALL_HEAD + n;
	header(o->octets, type, 3, o->n, call_id);
	put32(o->octets + 16, n);
	put16(o->octets + 20, 0);
	put16(o->octets + 22, type == REQUEST ? opnum : 0);
	if (n)
		memcpy(o->octets + CALL_HEAD, stub, n);
}

static void bind_pdu(struct pdu *o, const uint8_t interface[20])
{
	uint8_t *p = o->octets;

	o->n = 72;
	header(p, BIND, 3, o->n, 1);
	put16(p + 16, PDU_MAX);
	put16(p + 18, PDU_MAX);
	put32(p + 20, 0);
	put32(p + 24, 1);
	put32(p + 28, 0x10000);
	memcpy(p + 32, interface, 20);
	memcpy(p + 52, ndr, 20);
}

static void bind_ack(struct pdu *o, uint32_t call_id)
{
	uint8_t *p = o->octets;

	memset(p, 0, 56);
	o->n = 56;
	header(p, BIND_ACK, 3, o->n, call_id);
	put16(p + 16, PDU_MAX);
	put16(p + 18, PDU_MAX);
	put32(p + 20, 1);
	p[28] = 1;
	memcpy(p + 36, ndr, 20);
}

/* Five floors; the port is big-endian, the address 0.0.0.0 (C706 appendix L) */
static void tower(uint8_t p[TOWER], const uint8_t interface[20], unsigned port)
{
	static const uint8_t rest[23] = { 1, 0, 0x0b, 2, 0,    0, 0, 1, 0, 0x07, 2, 0,
					  0, 0, 1,    0, 0x09, 4, 0, 0, 0, 0,    0 };

	memset(p, 0, TOWER);
	p[0] = 5;
	for (size_t i = 0, at = 2; i < 2; i++, at += 25) {
		p[at] = 19;
		p[at + 2] = 0x0d;
		memcpy(p + at + 3, i ? ndr : interface, 18);
		p[at + 21] = 2;
	}
	memcpy(p + 52, rest, sizeof(rest));
	p[64] = (uint8_t)(port >> 8);
	p[65] = (uint8_t)port;
}

static void map_request(struct pdu *o, const uint8_t interface[20], uint32_t call_id)
{
	uint8_t stub[132] = { [0] = 1, [20] = 2, [24] = TOWER, [28] = TOWER };

	tower(stub + 32, interface, MAPPER);
	put32(stub + 128, 4);
	call(o, REQUEST, call_id, OP_MAP, stub, sizeof(stub));
}

static void map_response(struct pdu *o, const struct pdu *asked)
{
	uint8_t stub[128] = { [20] = 1, [24] = 4, [32] = 1, [36] = 3, [40] = TOWER, [44] = TOWER };
	const uint8_t *interface = asked->octets + CALL_HEAD + 32 + 5;
	uint32_t number = get32(interface);

	tower(stub + 48, interface, number ? FIRST_NEW + number % NEW_PORTS : SERVICE);
	call(o, RESPONSE, get32(asked->octets + 12), 0, stub, sizeof(stub));
}

/* ------------------------------------------------------------------ sockets */

static bool sent(int fd, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static void send_all(int fd, const void *data, size_t n)
{
	if (!sent(fd, data, n))
		die("send");
}

static void receive(int fd, uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = recv(fd, p, n, 0);

		if (done <= 0)
			die("receive");
		p += done;
		n -= (size_t)done;
	}
}

static void receive_pdu(int fd, struct pdu *o)
{
	receive(fd, o->octets, 16);
	o->n = get16(o->octets + 8);
	if (o->n < 16)
		die("a PDU shorter than its header");
	receive(fd, o->octets + 16, o->n - 16);
}

static struct addrinfo *resolve(const char *address, unsigned port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found;
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	if (getaddrinfo(address, text, &hints, &found))
		die(address);
	return found;
}

static int dial(const char *address, unsigned port)
{
	struct addrinfo *to = resolve(address, port);
	int one = 1, fd = socket(to->ai_family, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    connect(fd, to->ai_addr, to->ai_addrlen))
		die("connect");
	freeaddrinfo(to);
	return fd;
}

static int listener(const char *address, unsigned port)
{
	struct addrinfo *at = resolve(address, port);
	int one = 1, fd = socket(at->ai_family, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, 512))
		die("listen");
	freeaddrinfo(at);
	return fd;
}

/* ------------------------------------------------------------------- server */

/* BULK_STUB octets as the fragments of one response */
static bool send_bulk(int fd, uint32_t call_id)
{
	static uint8_t run[16 * PDU_MAX];
	size_t left = BULK_STUB, n = 0;

	while (left) {
		size_t part = left < PDU_MAX - CALL_HEAD ? left : PDU_MAX - CALL_HEAD;
		unsigned flags = (left == BULK_STUB) | (unsigned)(left == part) << 1;

		header(run + n, RESPONSE, flags, CALL_HEAD + part, call_id);
		put32(run + n + 16, left);
		n += CALL_HEAD + part;
		left -= part;
		if (!left || n + PDU_MAX > sizeof(run)) {
			if (!sent(fd, run, n))
				return false;
			n = 0;
		}
	}
	return true;
}

static bool answer(int fd, const struct pdu *in)
{
	static struct pdu out;
	const uint32_t call_id = get32(in->octets + 12);
	size_t opnum = get16(in->octets + 22);

	if (in->octets[2] == BIND)
		bind_ack(&out, call_id);
	else if (opnum == OP_MAP)
		map_response(&out, in);
	else if (opnum == OP_ECHO)
		call(&out, RESPONSE, call_id, 0, in->octets + CALL_HEAD, in->n - CALL_HEAD);
	if (in->octets[2] != BIND && opnum == OP_BULK)
		return send_bulk(fd, call_id);
	return sent(fd, out.octets, out.n);
}

/* One whole PDU at a time; clients send nothing that could block us in the middle of one */
static bool serve_one(int fd)
{
	static struct pdu in;
	ssize_t peeked = recv(fd, in.octets, 1, MSG_PEEK);

	if (peeked <= 0)
		return false;
	receive_pdu(fd, &in);
	return answer(fd, &in);
}

static void serve(const char *address)
{
	int set = epoll_create1(0), one = 1;
	struct epoll_event event = { .events = EPOLLIN };
	int last = 0;

	for (unsigned i = 0; i < NEW_PORTS + 2; i++) {
		unsigned port = i == 0 ? MAPPER : i == 1 ? SERVICE : FIRST_NEW + i - 2;

		last = event.data.fd = listener(address, port);
		if (epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event))
			die("epoll");
	}
	puts("ready");
	fflush(stdout);
	while (epoll_wait(set, &event, 1, -1) == 1) {
		int fd = event.data.fd;

		if (fd > last) { /* listeners were made first */
			if (!serve_one(fd))
				close(fd);
			continue;
		}
		event.data.fd = accept(fd, NULL, NULL);
		if (event.data.fd < 0)
			continue;
		setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event))
			die("epoll");
	}
}

/* ------------------------------------------------------------------- client */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(double *us, size_t n)
{
	size_t late = 0;

	qsort(us, n, sizeof(*us), by_size);
	for (size_t i = 0; i < n; i++)
		late += us[i] > LATE_US;
	printf("{\"n\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, \"late\": %zu}\n",
	       n, us[n / 2], us[n - 1 - n / 100], us[n - 1], late);
}

static void bound(int fd, const uint8_t interface[20])
{
	static struct pdu p;

	bind_pdu(&p, interface);
	send_all(fd, p.octets, p.n);
	receive_pdu(fd, &p);
	if (p.octets[2] != BIND_ACK)
		die("the Bind was refused");
}

/* Ask where an interface is; the port */
static unsigned ask(int mapper, const uint8_t interface[20], uint32_t call_id)
{
	static struct pdu p;

	map_request(&p, interface, call_id);
	send_all(mapper, p.octets, p.n);
	receive_pdu(mapper, &p);
	if (p.octets[2] != RESPONSE || p.n < CALL_HEAD + 128)
		die("the mapper did not answer");
	return (unsigned)p.octets[CALL_HEAD + 48 + 64] << 8 | p.octets[CALL_HEAD + 48 + 65];
}

static unsigned mapped(const char *address)
{
	int mapper = dial(address, MAPPER);
	unsigned port;

	bound(mapper, epm);
	port = ask(mapper, bench, 2);
	close(mapper);
	return port;
}

static int service(const char *address)
{
	int fd = dial(address, mapped(address));

	bound(fd, bench);
	return fd;
}

static void measure_bulk(const char *address, double seconds)
{
	static uint8_t in[1 << 20];
	static struct pdu p;
	int fd = service(address);
	double begin = now_us(), end = begin + seconds * 1e6, octets = 0;
	uint32_t call_id = 2;

	/* two calls are on their way at any time, so that the wire is never idle */
	for (size_t pending = 0, due = 0; now_us() < end;) {
		for (; pending < 2; pending++) {
			call(&p, REQUEST, call_id++, OP_BULK, NULL, 0);
			send_all(fd, p.octets, p.n);
		}
		ssize_t n = recv(fd, in, sizeof(in), 0);
		const size_t whole = BULK_STUB + (BULK_STUB + PDU_MAX - CALL_HEAD - 1) /
							 (PDU_MAX - CALL_HEAD) * CALL_HEAD;

		if (n <= 0)
			die("bulk");
		octets += (double)n;
		due += (size_t)n;
		for (; due >= whole; due -= whole)
			pending--;
	}
	printf("{\"mbit_s\": %.1f}\n", octets * 8 / (now_us() - begin));
}

static void measure_ping(const char *address, double *us, size_t count, size_t octets)
{
	static uint8_t stub[4096];
	static struct pdu p;
	int fd = service(address);

	for (size_t i = 0; i < count; i++) {
		double begin = now_us();

		call(&p, REQUEST, (uint32_t)i + 2, OP_ECHO, stub, octets);
		send_all(fd, p.octets, p.n);
		receive_pdu(fd, &p);
		us[i] = now_us() - begin;
	}
	report(us, count);
}

static void measure_connect(const char *address, double *us, size_t count)
{
	unsigned port = mapped(address);

	for (size_t i = 0; i < count; i++) {
		double begin = now_us();
		int fd = dial(address, port);

		bound(fd, bench);
		us[i] = now_us() - begin;
		close(fd);
	}
	report(us, count);
}

/* Each interface is new, so that each answer opens a pinhole that was not there */
static void measure_announce(const char *address, double *us, size_t count)
{
	int mapper = dial(address, MAPPER);
	uint8_t interface[20];
	/* numbers of their own for each run: nothing is announced a second time */
	uint32_t first = (uint32_t)getpid() << 10 | 1;

	bound(mapper, epm);
	memcpy(interface, bench, sizeof(interface));
	for (size_t i = 0; i < count; i++) {
		unsigned port;
		double begin;
		int fd;

		put32(interface, first + i);
		port = ask(mapper, interface, (uint32_t)i + 2);
		begin = now_us();
		fd = dial(address, port);
		us[i] = now_us() - begin;
		bound(fd, interface);
		close(fd);
	}
	report(us, count);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	size_t count = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
	double *us = calloc(count + 1, sizeof(*us));

	if (!us)
		die("no room");
	if (strcmp(what, "serve") == 0)
		serve(argv[2]);
	else if (strcmp(what, "bulk") == 0)
		measure_bulk(argv[2], argc > 3 ? strtod(argv[3], NULL) : 3);
	else if (strcmp(what, "ping") == 0)
		measure_ping(argv[2], us, count, argc > 4 ? strtoul(argv[4], NULL, 10) : 76);
	else if (strcmp(what, "connect") == 0)
		measure_connect(argv[2], us, count);
	else if (strcmp(what, "announce") == 0)
		measure_announce(argv[2], us, count);
	else
		fputs("usage: rpcload serve|bulk|ping|connect|announce ADDRESS ...\n", stderr);
	free(us);
	return EXIT_SUCCESS;
}
