/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "nic.h"

int nic_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static bool ask(int fd, const char *name, unsigned long what, struct ifreq *request)
{
	if (strlen(name) >= sizeof(request->ifr_name))
		return false;
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
	return ioctl(fd, what, request) == 0;
}

unsigned int nic_index(int fd, const char *name)
{
	struct ifreq request = { 0 };

	return ask(fd, name, SIOCGIFINDEX, &request) ? (unsigned int)request.ifr_ifindex : 0;
}

unsigned int nic_flags(int fd, const char *name)
{
	struct ifreq request = { 0 };

	return ask(fd, name, SIOCGIFFLAGS, &request) ? (unsigned short)request.ifr_flags : 0;
}

uint32_t nic_mtu(int fd, const char *name)
{
	struct ifreq request = { 0 };

	return ask(fd, name, SIOCGIFMTU, &request) ? (uint32_t)request.ifr_mtu : 0;
}

bool nic_set_up(int fd, const char *name, bool up)
{
	unsigned int flags = nic_flags(fd, name);
	struct ifreq request = { 0 };

	if (!(flags & IFF_UP) == !up)
		return true;
	request.ifr_flags = (short)(flags ^ IFF_UP);
	return ask(fd, name, SIOCSIFFLAGS, &request);
}

/* ------------------------------------------------------------------- offloads */

static const struct offload {
	const char *name;
	uint32_t get, set;
	uint32_t bit; /* in the value; LRO stands among flags */
} offloads[] = {
	[NIC_GRO] = { "gro", ETHTOOL_GGRO, ETHTOOL_SGRO, 1 },
	[NIC_LRO] = { "lro", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_LRO },
	[NIC_TSO] = { "tso", ETHTOOL_GTSO, ETHTOOL_STSO, 1 },
	[NIC_GSO] = { "gso", ETHTOOL_GGSO, ETHTOOL_SGSO, 1 },
};

static bool ethtool(int fd, const char *name, uint32_t command, uint32_t *value)
{
	struct ethtool_value data = { .cmd = command, .data = *value };
	struct ifreq request = { .ifr_data = (void *)&data };

	if (!ask(fd, name, SIOCETHTOOL, &request))
		return false;
	*value = data.data;
	return true;
}

struct nic_offloads nic_offloads(int fd, const char *name)
{
	struct nic_offloads now = { 0 };

	for (size_t i = 0; i < NIC_OFFLOADS; i++) {
		uint32_t value = 0;

		now.on[i] = ethtool(fd, name, offloads[i].get, &value) && value & offloads[i].bit;
	}
	return now;
}

static bool set_one(int fd, const char *name, const struct offload *offload, bool on)
{
	uint32_t value = 0;

	if (!ethtool(fd, name, offload->get, &value))
		return false;
	value = on ? value | offload->bit : value & ~offload->bit;
	return ethtool(fd, name, offload->set, &value);
}

bool nic_set_offloads(int fd, const char *name, const struct nic_offloads *want,
		      struct nic_offloads *changed)
{
	struct nic_offloads now = nic_offloads(fd, name);
	bool good = true;

	*changed = (struct nic_offloads){ 0 };
	for (size_t i = 0; i < NIC_OFFLOADS; i++) {
		if (now.on[i] == want->on[i])
			continue;
		changed->on[i] = set_one(fd, name, &offloads[i], want->on[i]);
		good = good && changed->on[i];
	}
	return good;
}

const char *nic_offload_name(enum nic_offload offload)
{
	return offloads[offload].name;
}
