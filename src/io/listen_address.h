/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen_address.h - ADDRESS:PORT of a service for this machine alone */
#ifndef IO_LISTEN_ADDRESS_H
#define IO_LISTEN_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

struct listen_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	socklen_t n;
};

/** Read 127.0.0.1:9135 or [::1]:9135.  @return NULL, or why it is not taken. */
const char *listen_address_parse(const char *text, struct listen_address *out);
/** Port 0: whichever is free. */
in_port_t listen_address_port(const struct listen_address *address);

#endif
