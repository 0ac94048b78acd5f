/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nic.h - ask a network interface how it is, and set it
 *
 * By ioctl(), netdevice(7) and SIOCETHTOOL, on a socket that nic_socket() opened.  Functions that
 * return bool leave the reason in errno.
 */
#ifndef LOOP_NIC_H
#define LOOP_NIC_H

#include "rpcgate.h"

/** What the kernel does with frames before we see them, or expects us to do. */
enum nic_offload { NIC_GRO, NIC_LRO, NIC_TSO, NIC_GSO, NIC_OFFLOADS };

/** Which ones are on, by enum nic_offload. */
struct nic_offloads {
	bool on[NIC_OFFLOADS];
};

/** A socket to ask with; -1 on failure. */
int nic_socket(void);
/** The number of an interface, 0 if there is none of this name. */
unsigned int nic_index(int fd, const char *name);
/** IFF_UP, IFF_RUNNING and others; 0 if there is none. */
unsigned int nic_flags(int fd, const char *name);
/** Longest packet, without the link layer; 0 if there is none. */
uint32_t nic_mtu(int fd, const char *name);
RPCGATE_MUST_USE bool nic_set_up(int fd, const char *name, bool up);

/** What is on now; what an interface does not know is off. */
struct nic_offloads nic_offloads(int fd, const char *name);
/**
 * Set what differs from what is.
 * @param changed  what was set, for messages
 * @return false if something could not be set; the rest was
 */
bool nic_set_offloads(int fd, const char *name, const struct nic_offloads *want,
		      struct nic_offloads *changed);
/** "gro", "lro", "tso", "gso" */
const char *nic_offload_name(enum nic_offload offload);

#endif
