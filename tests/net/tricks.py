# SPDX-License-Identifier: GPL-3.0-or-later
"""Tricks on the connection tracking of the gateway: what it thinks of a connection must not let a
Bind pass that nobody judges.  Nothing else on this gateway closes anything."""
import contextlib
import time

import capture
import clients
import gateway
import lab
import pdu
import probe

SAMR = 49160
SOURCE = 40000  # outside the dynamic range: a SYN to it is nobody's business
SHORT_S = 0.7
FORGET = "net.netfilter.nf_conntrack_tcp_timeout_established"


# The host of a client that plays tricks hears nothing of them
DEAF = """
table inet deaf {
	chain input {
		type filter hook input priority 0; policy accept;
		tcp flags & (syn | ack) == syn drop
	}
}
"""


# The mapper's own answer comes later
SLOW = """
table inet slow {
	chain output {
		type filter hook output priority 0; policy accept;
		tcp sport 135 tcp flags & psh == psh drop
	}
}
"""


class World:
    def __init__(self, args):
        self.net, self.program = args.net, args.program
        self.source, self.mode = SOURCE, "route"


@contextlib.contextmanager
def world(args):
    args.net.routed(("client", "dc"))
    standin = clients.start_standin(args.net, f"{SAMR}=samr,drsuapi")
    args.net.nft(DEAF, "client")
    try:
        yield World(args)
    finally:
        args.net.stop(standin)


def inject(net, host, packet, to=None):
    """A packet with any source, from a host to the gateway, or to another host behind it."""
    beside = (lab.GATEWAY, host) if to is None else (to, "eth0")
    there = net.call(["ip", "-n", beside[0], "-br", "link", "show", beside[1]]).split()[2]
    own = net.call(["ip", "-n", host, "-br", "link", "show", "eth0"]).split()[2]
    kind = "86dd" if packet[0] >> 4 == 6 else "0800"
    with probe.Probe.raw(host) as raw:
        raw.send(bytes.fromhex(there.replace(":", "") + own.replace(":", "") + kind) + packet)


def mapped(server):
    if pdu.ask_mapper(server, "samr") != [SAMR]:
        raise lab.Failed("the mapper announces no samr")


def backwards(made, host, port):
    """A SYN from the server's port to the client's, which is not in the dynamic range."""
    inject(made.net, host, probe.syn(lab.STANDIN4, lab.CLIENT4, SAMR, port, 1))
    with lab.inside("client"):
        mapped(lab.STANDIN4)  # by then the gateway is through with it


def connected(port):
    with lab.inside("client"):
        return pdu.Client(lab.STANDIN4, SAMR, SHORT_S, (lab.CLIENT4, port))


def while_connected(host):
    def act(made, port):
        with lab.inside("client"):
            mapped(lab.STANDIN4)
        with connected(port) as service:
            backwards(made, host, port)
            return pdu.refused(service.bind, "drsuapi")
    return act


def answered(host):
    """The connection is an answer, for the tracking, to one that was nobody's business."""
    def act(made, port):
        backwards(made, host, port)
        return pdu.refused(connected, port)
    return act


def when_forgotten(host):
    """The tracking has forgotten the connection, and is told another one of the same ends."""
    def act(made, port):
        with lab.inside("client"):
            mapped(lab.STANDIN4)
        made.net.sysctl(lab.GATEWAY, FORGET, "1")
        try:
            with connected(port) as service:
                with lab.inside("client"):
                    mapped(lab.STANDIN4)  # the connection is tracked as established
                time.sleep(1.5)  # and now it is not
                backwards(made, host, port)
                return pdu.refused(service.bind, "drsuapi")
        finally:
            made.net.sysctl(lab.GATEWAY, FORGET, "432000")
    return act


def forged_answer(client, server):
    """Who asks a mapper sends himself an answer, before the mapper's own can come."""
    def act(made, port):
        with lab.inside("client"):
            mapper = pdu.Client(server, pdu.MAPPER_PORT, SHORT_S, (client, port))
        with mapper, probe.Probe.raw("client") as wire:
            wire.settimeout(SHORT_S)
            mapper.bind("epm")
            question = pdu.map_request(pdu.INTERFACES["svcctl"])
            made.net.nft(SLOW, "dc")
            mapper.send(question)
            asked = None
            while not asked or asked.sport != port or asked.payload != question:
                found = capture.link_payload(capture.ETHERNET, wire.recv(2048))
                asked = capture.tcp(found[0]) if found else None
            lie = pdu.map_response(pdu.INTERFACES["svcctl"], [SAMR], 4, 2, 0,
                                   "0.0.0.0" if ":" in server else server)
            inject(made.net, "client", probe.segment(
                server, client, pdu.MAPPER_PORT, port, asked.ack,
                (asked.seq + len(question)) & 0xFFFFFFFF, capture.ACK, lie),
                None if made.mode == "route" else "dc")
            time.sleep(0.05)
            made.net.nft("delete table inet slow", "dc")
            if pdu.tower_ports(mapper.receive()):
                raise lab.Failed("the forged answer came back")
        with lab.inside("client"):
            return pdu.refused(pdu.use, server, SAMR, "svcctl", SHORT_S)
    return act


def refused(name, act):
    def scenario(made):
        for host in ("client", "dc") if made.mode == "route" else ():
            made.net.sysctl(lab.GATEWAY, f"net.ipv4.conf.{host}.rp_filter", "0")
        # a router tells who seems to send from the wrong side of a shorter way, and dc would believe it
        for interface in ("all", "eth0"):
            made.net.sysctl("dc", f"net.ipv6.conf.{interface}.accept_redirects", "0")
        with gateway.Gateway(made.net, made.program, "set dynamic-range=49152-65535",
                             mode=made.mode) as gate:
            made.source += 1
            why = act(made, made.source)
        if not why:
            raise lab.Failed("a Bind that nobody may make was answered")
        if "connect" not in why and not [e for e in gate.events() if "uuid-not-granted" in gateway.reasons(e)]:
            raise lab.Failed(f"{why}, but no event says so")
    return name, scenario


SCENARIOS = [refused(f"{name}-{host}", act(host)) for host in ("client", "dc") for name, act in (
    ("while-connected", while_connected), ("answered", answered),
    ("when-forgotten", when_forgotten))]
FORGED = [refused(f"forged-answer-{family}", forged_answer(*ends)) for family, ends in (
    ("ip4", (lab.CLIENT4, lab.STANDIN4)), ("ip6", (lab.CLIENT6, lab.STANDIN6)))]
SCENARIOS += FORGED
