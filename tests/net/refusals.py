# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused on the wire, and what the log says about it; then the same while observing.

Each deed is done over IPv4 and IPv6 with `refuse reset` and `refuse drop` against the stand-in,
which would serve anybody.  tcpdump on the server's side is the witness: no packet that completes
the refused PDU may arrive.  Observing, everything must pass and the events must say the same,
with action none.
"""
import contextlib
import threading
import time

import capture
import clients
import gateway
import lab
import pdu

SAMR, DRSUAPI, HIDDEN = 49160, 49161, 49170
SHORT_S = 0.7  # how long a client waits that expects silence
TTL_S = 5
SERVERS = {"ip4": lab.STANDIN4, "ip6": lab.STANDIN6}
BASE = ("set dynamic-range=49152-65535",)


class Deed:
    """One client's story: what it does, and what of it must be refused and why.

    act(world, server) does it from the client's host and returns why it was refused, or None.
    """

    def __init__(self, name, act, reason=None, refused=(), lines=()):
        self.name, self.act, self.reason = name, act, reason
        self.refused = {pdu.INTERFACES[one][0] for one in refused}
        self.lines = lines


# ---------------------------------------------------------------------- deeds

def mapped(server, name):
    ports = pdu.ask_mapper(server, name)
    if not ports:
        raise lab.Failed(f"the mapper announces no {name}")
    return ports[0]


def announced(_world, server):
    return pdu.refused(pdu.use, server, mapped(server, "samr"), "samr")


def unannounced_port(_world, server):
    return pdu.refused(pdu.use, server, HIDDEN, "svcctl", timeout_s=SHORT_S)


def another_uuid(_world, server):
    return pdu.refused(pdu.use, server, mapped(server, "samr"), "drsuapi", timeout_s=SHORT_S)


def another_client(world, server):
    port = mapped(server, "samr")
    lab.setns("other")
    try:
        return pdu.refused(pdu.use, server, port, "samr", timeout_s=SHORT_S)
    finally:
        lab.setns(world.host)


def second_context(_world, server):
    with pdu.Client(server, mapped(server, "samr"), SHORT_S) as service:
        return pdu.refused(service.bind, "samr", "drsuapi")


def alter(names, expect_s=SHORT_S):
    """Bind samr, then add interfaces one alter_context after the other, with a call after each."""
    def act(_world, server):
        for name in names[:-1]:
            mapped(server, name)
        with pdu.Client(server, mapped(server, "samr"), expect_s) as service:
            if not service.bind("samr"):
                raise lab.Failed("samr was announced, and its Bind refused")
            service.ask(pdu.request(0, bytes(8)))
            for i, name in enumerate(names, 1):
                why = pdu.refused(service.ask, pdu.bind([name], i + 2, pdu.ALTER, i))
                if why:
                    return why
            return pdu.refused(service.ask, pdu.request(0, bytes(8), 99, len(names)))
    return act


def added_announced(_world, server):
    mapped(server, "lsarpc")
    return alter(["lsarpc"], 2)(_world, server)


def octet_by_octet(name):
    """A Bind in segments of one octet."""
    def act(_world, server):
        with pdu.Client(server, mapped(server, "samr"), 2 if name == "samr" else SHORT_S) as service:
            def slowly():
                for octet in pdu.bind([name]):
                    service.send(bytes([octet]))
                service.receive()
            return pdu.refused(slowly)
    return act


def pipelined(_world, server):
    """An allowed Bind and a forbidden alter_context in one segment."""
    with pdu.Client(server, mapped(server, "samr"), SHORT_S) as service:
        def both():
            service.send(pdu.bind(["samr"]) + pdu.bind(["drsuapi"], 2, pdu.ALTER, 1))
            service.receive()
            service.receive()
        return pdu.refused(both)


def not_rpc(_world, server):
    with pdu.Client(server, mapped(server, "samr"), SHORT_S) as service:
        def speak():
            service.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(64))
            service.receive()
        return pdu.refused(speak)


def after_expiry(world, server):
    """The pinhole runs out; a connection that was let in before lives on, a new one is refused."""
    port = mapped(server, "samr")
    with pdu.Client(server, port, 2) as old:
        if not old.bind("samr"):
            raise lab.Failed("samr was announced, and its Bind refused")
        began = time.monotonic()
        # the Bind's acceptance began the time to live anew: it is the last use that counts
        while time.monotonic() < began + TTL_S + 0.6:
            time.sleep(0.1)
        old.ask(pdu.request(0, bytes(8)))
    del world
    return pdu.refused(pdu.use, server, port, "samr", timeout_s=SHORT_S)


def ruled_out(_world, server):
    return pdu.refused(pdu.use, server, mapped(server, "drsuapi"), "drsuapi", timeout_s=SHORT_S)


DEEDS = [
    Deed("announced", announced),
    Deed("alter-context-announced", added_announced),
    Deed("octet-by-octet-announced", octet_by_octet("samr")),
    Deed("unannounced-port", unannounced_port, "no-pinhole", ["svcctl"]),
    Deed("another-uuid", another_uuid, "uuid-not-granted", ["drsuapi"]),
    Deed("another-client", another_client, "other-client", ["samr"]),
    Deed("second-context", second_context, "uuid-not-granted", ["drsuapi"]),
    Deed("alter-context", alter(["drsuapi"]), "alter-context-denied", ["drsuapi"]),
    Deed("alter-context-after-another", alter(["lsarpc", "svcctl"]), "alter-context-denied",
         ["svcctl"]),
    Deed("octet-by-octet", octet_by_octet("drsuapi"), "uuid-not-granted", ["drsuapi"]),
    Deed("pipelined-alter-context", pipelined, "alter-context-denied", ["drsuapi"]),
    Deed("not-rpc", not_rpc, "not-rpc"),
    Deed("ruled-out", ruled_out, "rule-deny", ["drsuapi"], ["deny interface drsuapi"]),
    Deed("expired", after_expiry, "pinhole-expired", ["samr"],
         [f"set pinhole.ttl={TTL_S}s", "set pinhole.refresh=map"]),
]


# ----------------------------------------------------------------------- world

class World:
    def __init__(self, args):
        self.net, self.program = args.net, args.program
        self.host, self.mode = "client", "route"

    def gate(self, *lines, **more):
        return gateway.Gateway(self.net, self.program, *BASE, *lines, mode=self.mode, **more)


@contextlib.contextmanager
def world(args):
    args.net.routed()
    standin = clients.start_standin(args.net, f"{SAMR}=samr,lsarpc", f"{DRSUAPI}=drsuapi",
                                    f"{HIDDEN}=netlogon")
    args.net.close_forwarding()
    try:
        yield World(args)
    finally:
        args.net.stop(standin)


def perform(made, deed):
    """The deed over both families at once: why each was refused, or None."""
    answers = {}

    def one(family, server):
        lab.setns(made.host)
        try:
            answers[family] = deed.act(made, server)
        except (lab.Failed, pdu.Refused, OSError) as why:
            answers[family] = lab.Failed(f"{family}: before the deed: {why}")
    threads = [threading.Thread(target=one, args=pair) for pair in SERVERS.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers.values():
        if isinstance(answer, lab.Failed):
            raise answer
    return answers


def told(events, deed, server, action):
    """Events about this server that give the reason of the deed."""
    found = [e for e in events if e.get("dest_ip") == server and deed.reason in gateway.reasons(e)]
    binds = [e for e in found if e["event_type"] == "rpc_bind"]
    for event in binds:
        if event["rpc_bind"]["verdict"] != "deny" or event["rpc_bind"]["action"] not in action:
            raise lab.Failed(f"verdict {event['rpc_bind']['verdict']}, "
                             f"action {event['rpc_bind']['action']}")
        if deed.refused and event["rpc_bind"]["uuid"] not in map(str, deed.refused):
            raise lab.Failed(f"{deed.reason} given for {event['rpc_bind']['uuid']}")
    return found


def others_denied(events, deed, server):
    """Denied Binds with another reason than the deed's."""
    return [e["rpc_bind"]["reason"] for e in events if e["event_type"] == "rpc_bind"
            and e["dest_ip"] == server and e["rpc_bind"]["verdict"] == "deny"
            and e["rpc_bind"]["reason"] != deed.reason]


def enforcing(deed, refuse):
    def scenario(made):
        gate = made.gate(f"refuse {refuse}", "action enforce", *deed.lines)
        with made.net.capture("dc", expression="tcp") as arrived, gate:
            answers = perform(made, deed)
        streams, events = capture.Streams(arrived), gate.events()
        for family, server in SERVERS.items():
            check_enforced(deed, refuse, family, server, answers[family], streams, events)
        clients.well_formed(events)
    return f"{deed.name}-{refuse}", scenario


def check_enforced(deed, refuse, family, server, answer, streams, events):
    if others_denied(events, deed, server):
        raise lab.Failed(f"{family}: also denied: {others_denied(events, deed, server)}")
    if not deed.reason:
        if answer:
            raise lab.Failed(f"{family}: harmless, and refused: {answer}")
        if not streams.binds(server, SAMR):
            raise lab.Failed(f"{family}: no Bind arrived: the witness is blind")
        return
    if not answer:
        raise lab.Failed(f"{family}: was not refused")
    silent = "timed out" in answer
    if silent == (refuse == "reset"):
        raise lab.Failed(f"{family}: refuse {refuse}, but: {answer}")
    through = [uuid for port in (SAMR, DRSUAPI, HIDDEN) for _, uuid in streams.binds(server, port)
               if uuid in deed.refused]
    # the deed that waits bound it once before, when that was allowed
    if len(through) > (deed.name == "expired"):
        raise lab.Failed(f"{family}: the refused PDU arrived at the server: {through}")
    if not told(events, deed, server, ("drop", "reject")):
        raise lab.Failed(f"{family}: no event says {deed.reason}")


def observing(deed):
    def scenario(made):
        gate = made.gate(*deed.lines, observe=True)
        with made.net.capture("dc", expression="tcp") as arrived, gate:
            answers = perform(made, deed)
        streams, events = capture.Streams(arrived), gate.events()
        for family, server in SERVERS.items():
            # the server ends what is not RPC by waiting for more: that is no refusal
            if answers[family] and deed.name != "not-rpc":
                raise lab.Failed(f"{family}: refused while observing: {answers[family]}")
            arrivals = {u for p in (SAMR, DRSUAPI, HIDDEN) for _, u in streams.binds(server, p)}
            if not deed.refused <= arrivals:
                raise lab.Failed(f"{family}: a Bind did not arrive while observing")
            if others_denied(events, deed, server):
                raise lab.Failed(f"{family}: also denied: {others_denied(events, deed, server)}")
            if deed.reason and not told(events, deed, server, ("none",)):
                raise lab.Failed(f"{family}: no event says {deed.reason}")
        clients.well_formed(events)
    return f"{deed.name}-observe", scenario


def observe_by_file(made):
    """`action observe` in the file is the same as --observe."""
    gate = made.gate("action observe")
    deed = next(d for d in DEEDS if d.name == "another-uuid")
    with gate:
        answers = perform(made, deed)
    if any(answers.values()):
        raise lab.Failed(f"refused while observing: {answers}")
    for server in SERVERS.values():
        if not told(gate.events(), deed, server, ("none",)):
            raise lab.Failed(f"{server}: no event says {deed.reason}")


def several_queues(made):
    """queue 0-1: several engines, each with its share of the clients."""
    gate = made.gate("queue 0-1")
    with gate:
        for deed in DEEDS[:8]:
            answers = perform(made, deed)
            for family, answer in answers.items():
                if bool(answer) != bool(deed.reason):
                    raise lab.Failed(f"{deed.name}, {family}: {answer}")


def first_bind(made):
    """inspect first-bind: the first Bind is judged as always."""
    gate = made.gate("inspect first-bind")
    with gate:
        for deed in [d for d in DEEDS if "alter" not in d.name and not d.lines
                     and d.name != "announced"]:
            answers = perform(made, deed)
            for family, answer in answers.items():
                if bool(answer) != bool(deed.reason):
                    raise lab.Failed(f"{deed.name}, {family}: {answer}")


SCENARIOS = [*(enforcing(deed, refuse) for deed in DEEDS for refuse in ("reset", "drop")),
             *(observing(deed) for deed in DEEDS), ("observe-by-file", observe_by_file),
             ("several-queues", several_queues), ("first-bind", first_bind)]
