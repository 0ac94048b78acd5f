/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ports_fixture.h - the ports that a table of flows counts in, for a group of tests */
#ifndef SUPPORT_PORTS_FIXTURE_H
#define SUPPORT_PORTS_FIXTURE_H

#include "ports.h"

static struct ports ports;

static int make_ports(void **state)
{
	(void)state;
	return ports_init(&ports) ? 0 : -1;
}

static int free_ports(void **state)
{
	(void)state;
	ports_done(&ports);
	return 0;
}

#endif
