# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures played through the gateway, both sides of every conversation, packet by packet.

    run.py ... inline CAPTURE_DIR|SCENE_PROGRAM...

Two hosts that have no addresses, and so never answer by themselves, stand left and right of the
gateway. Packets keep the addresses they were captured with (towers name them); the gateway has
routes and neighbours for each. A packet leaves from the side of its sender once the one before it
was seen on the other side, or did not come for a while.

A directory has captures with truth tables: Binds that are denied must not arrive whole, and
conversations without a denied Bind must arrive as they are. A scene program writes the plays of
the attack tests, with what the engine did with each packet: what it dropped must not arrive, and a
play of which it dropped nothing must arrive whole. Each capture meets a new gateway; plays share
one and get client addresses of their own.
"""
import collections
import contextlib
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import time

import capture
import gateway
import lab

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "replay"))
import replay  # noqa: E402  pylint: disable=wrong-import-position

LEFT, RIGHT = "left", "right"
OTHER = {LEFT: RIGHT, RIGHT: LEFT}
SEEN_S = 0.25    # a packet that should pass is waited for so long
UNSEEN_S = 0.004  # one that should not
FRAGMENT_S = 0.02
LAST_S = 0.03    # stragglers at the end
LONG_AGO_S = 100  # a pause in a capture that outlives pinholes
SHORT_TTL_S = 5
PER_TRICK = 5    # plays that differ in a number alone
SERVED = "what a server sends leaves the queue once it accepted a bind"
OTHERS = "neither a mapper port nor in the dynamic range: the rules of others decide about it"
# plays that end differently when a kernel stands around the program, and why
NOT_INLINE = {
    "TCP header in two fragments": "the kernel puts fragments together before they are judged",
    "a resolver elsewhere": OTHERS, "a mapper on port 1135": OTHERS, "tunnel": OTHERS,
    "tunnel-pair": OTHERS,
    "an answer in two byte orders": SERVED, "a long answer": SERVED,
    "from port 135": "its SYN is refused in the kernel: no connection, nothing to judge",
}
# captures of which conversations are cut that have no denied Bind, and why
CUT = {"x-conflicting-retransmit": "the same octets come twice with different content",
       "torture-epmapper": "it registers an endpoint at the mapper, which is refused"}
PACKET_IGNORE_OUTGOING = 23
SOL_PACKET, ETH_ALL = 263, 3
MTU = 65535

Sent = collections.namedtuple("Sent", "data side wait_s pause_s")
Plan = collections.namedtuple("Plan", "name trick settings unplayable passes")


# --------------------------------------------------------------------- wires

class Wires:
    """Raw sockets on both sides and what they saw."""

    def __init__(self, net):
        self.net = net
        self.mac, self.socket = {}, {}
        net.host(lab.GATEWAY)
        for key, value in (("net.ipv4.ip_forward", "1"), ("net.ipv6.conf.all.forwarding", "1"),
                           ("net.ipv4.conf.all.rp_filter", "0"),
                           ("net.ipv4.conf.default.rp_filter", "0"),
                           ("net.ipv4.conf.all.accept_local", "1")):
            net.sysctl(lab.GATEWAY, key, value)
        for side in (LEFT, RIGHT):
            net.host(side)
            net.sysctl(side, "net.ipv6.conf.default.disable_ipv6", "1")
            net.wire(side, "eth0", lab.GATEWAY, side, MTU)
            net.offloads(side, "eth0", False)
            net.offloads(lab.GATEWAY, side, False)
            self.mac[side] = self.address(side, "eth0")
            self.mac[side, "gate"] = self.address(lab.GATEWAY, side)
            with lab.inside(side):
                self.socket[side] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                                  socket.htons(ETH_ALL))
            self.socket[side].setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.socket[side].setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
            self.socket[side].bind(("eth0", 0))
            self.socket[side].setblocking(False)
        self.placed = {}

    def address(self, host, interface):
        text = self.net.call(["ip", "-n", host, "-br", "link", "show", interface]).split()[2]
        return bytes.fromhex(text.replace(":", ""))

    def place(self, sides):
        """Routes and neighbours of the gateway for addresses on their sides."""
        lines = []
        for address, side in sides.items():
            if self.placed.get(address) == side:
                continue
            self.placed[address] = side
            bits = 128 if ":" in address else 32
            mac = self.mac[side].hex(":")
            lines += [f"route replace {address}/{bits} dev {side}",
                      f"neigh replace {address} lladdr {mac} dev {side} nud permanent"]
        if lines:
            self.net.ip(lab.GATEWAY, *lines)

    def forget(self):
        """Nothing of earlier conversations in the kernel."""
        self.net.run(lab.GATEWAY, ["conntrack", "-F"])
        for side in self.socket:
            self.drain(side, [])

    def send(self, side, data):
        kind = b"\x08\x00" if data[0] >> 4 == 4 else b"\x86\xdd"
        self.socket[side].send(self.mac[side, "gate"] + self.mac[side] + kind + data)

    def drain(self, side, into):
        while True:
            try:
                frame = self.socket[side].recv(65536)
            except BlockingIOError:
                return
            found = capture.link_payload(capture.ETHERNET, frame)
            if found:
                into.append(found[0])

    def play(self, packets):
        """Send each; returns what arrived on each side, in order."""
        arrived = {LEFT: [], RIGHT: []}
        for sent in packets:
            if sent.pause_s:
                time.sleep(sent.pause_s)
            far = OTHER[sent.side]
            before = len(arrived[far])
            self.send(sent.side, sent.data)
            end = time.monotonic() + sent.wait_s
            while len(arrived[far]) == before and (left := end - time.monotonic()) > 0:
                select.select([self.socket[far]], [], [], left)
                self.drain(far, arrived[far])
        time.sleep(LAST_S)
        for side in (LEFT, RIGHT):
            self.drain(side, arrived[side])
        return arrived


def waiting(data, passes):
    """How long to wait for it: fragments come out only when all of them went in."""
    if capture.fragment_of(data):
        return FRAGMENT_S
    return SEEN_S if passes and routable(data) else UNSEEN_S


def sides_of(datagrams):
    """Which side each address is on, the first to speak on the left; None if two do not do."""
    neighbours = collections.defaultdict(set)
    order = []
    for data in datagrams:
        src, dst = capture.addresses(data)
        neighbours[src].add(dst)
        neighbours[dst].add(src)
        order.append(src)
    sides = {}
    for first in order:
        if first in sides:
            continue
        sides[first] = LEFT
        todo = [first]
        while todo:
            address = todo.pop()
            for other in neighbours[address]:
                if other not in sides:
                    sides[other] = OTHER[sides[address]]
                    todo.append(other)
                elif sides[other] == sides[address]:
                    return None
    return sides


# ------------------------------------------------------------------- captures

def rows_of(truth):
    """(client, server, port) with denied Binds, and how many Binds of an interface are allowed."""
    denied, allowed = collections.Counter(), collections.Counter()
    for row in truth.rows:
        if row.kind == "bind":
            client, server, port, uuid, _, verdict = row.key
            (denied if verdict == "deny" else allowed)[client, server, int(port), uuid] += 1
    return denied, allowed


def binds_of(datagrams):
    """How many Binds of an interface arrived whole, for each client, server and port."""
    found = collections.Counter()
    streams = capture.Streams(datagrams)
    for (src, _, dst, dport, _), data in streams.stream.items():
        for one in capture.pdu.cut(data)[0]:
            if one[2] in (capture.pdu.BIND, capture.pdu.ALTER):
                for uuid in {str(u) for _, u in capture.pdu.contexts(one)}:
                    found[src, dst, dport, uuid] += 1
    return found


def conversation(key, sides):
    """The same name for both directions: client, server, port."""
    src, sport, dst, dport = key[:4]
    return (src, dst, dport) if sides[src] == LEFT else (dst, src, sport)


def compare_capture(truth, sides, sent, arrived, cut):
    denied, allowed = rows_of(truth)
    through = binds_of(arrived[LEFT] + arrived[RIGHT])
    for key, count in through.items():
        if denied[key] and count > allowed[key]:
            client, server, port, uuid = key
            raise lab.Failed(f"{count} Binds of {uuid} from {client} to {server}:{port} arrived, "
                             f"{allowed[key]} are allowed")
    touched = {key[:3] for key in denied}
    want, got = capture.Streams(sent).stream, capture.Streams(arrived[LEFT] + arrived[RIGHT]).stream
    whole = 0
    for key, data in want.items():
        if conversation(key, sides) in touched or (cut and got.get(key, b"") != data):
            continue
        if got.get(key, b"") != data:
            raise lab.Failed(f"{key[0]}:{key[1]} to {key[2]}:{key[3]}: {len(data)} octets sent, "
                             f"{len(got.get(key, b''))} arrived, and nothing is denied there")
        whole += 1
    stopped = sum(denied.values()) - sum(
        max(0, through[key] - allowed[key]) for key in denied)
    return f"{whole} streams whole, {stopped} Binds stopped"


def play_capture(path, truth_path):
    def scenario(made):
        truth = replay.read_truth(truth_path, True)
        found = list(capture.records(path))
        ip = [r for r in found if capture.upper_layer(r.data)[0] == 6]
        datagrams = [r.data for r in ip]
        sides = sides_of(datagrams)
        if sides is None:
            return played_not("its hosts are not on two sides")
        if not all(r.whole for r in ip):
            return played_not("its packets are not whole")
        pauses = [b.time - a.time for a, b in zip(ip, ip[1:])]
        old = any(pause > LONG_AGO_S for pause in pauses)
        settings = [s for s in truth.settings if not s.startswith("pinhole.ttl")]
        settings.append(f"pinhole.ttl={SHORT_TTL_S if old else 120}s")
        packets = [Sent(r.data, sides[capture.addresses(r.data)[0]], waiting(r.data, True) / 5,
                        SHORT_TTL_S + 0.3 if pause > LONG_AGO_S else 0)
                   for r, pause in zip(ip, [0, *pauses])]
        made.wires.place(sides)
        made.wires.forget()
        # closed: what may pass must bear the mark of approval
        made.net.close_forwarding()
        with gateway.Gateway(made.net, made.program, *(f"set {s}" for s in settings),
                             "refuse drop"):
            arrived = made.wires.play(packets)
        made.net.open_forwarding()
        return compare_capture(truth, sides, datagrams, arrived, path.stem in CUT)
    return f"{path.parent.name}/{path.stem}", scenario


def played_not(why):
    return f"not played: {why}"


# ---------------------------------------------------------------------- plays

def read_plan(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    trick = lines[0].removeprefix("# ")
    settings = tuple(line for line in lines[1:] if line.startswith("set "))
    unplayable = [line for line in lines[1:] if line.startswith("unplayable ")]
    rest = [line for line in lines[1:] if line not in settings and line not in unplayable]
    return Plan(path.stem, trick, settings, unplayable, [line.startswith("pass ") for line in rest])


def renumbered(datagrams, sides, number):
    """The same with other addresses for those on the left; checksums stay as right or wrong."""
    left = sorted(a for a, side in sides.items() if side == LEFT)
    to = {}
    for i, address in enumerate(left):
        new = (f"2001:db8:ffff::{number:x}:{i:x}" if ":" in address
               else f"100.{64 + (number >> 8)}.{number & 255}.{i + 1}")
        to[address] = new
    return [replace(data, to) for data in datagrams], \
        {to.get(address, address): side for address, side in sides.items()}


def replace(data, to):
    data = bytearray(data)
    six = data[0] >> 4 == 6
    size, at = (16, 8) if six else (4, 12)
    family = socket.AF_INET6 if six else socket.AF_INET
    changes = []
    for place in (at, at + size):
        old = bytes(data[place:place + size])
        text = socket.inet_ntop(family, old)
        if text in to:
            new = socket.inet_pton(family, to[text])
            changes += [(old[i:i + 2], new[i:i + 2]) for i in range(0, size, 2)]
            data[place:place + size] = new
    if not six:
        patch(data, 10, changes)
    protocol, head, _ = capture.upper_layer(bytes(data))
    found = capture.fragment_of(bytes(data))
    place = {6: 16, 17: 6}.get(protocol)
    if place is not None:
        place += head - (found[1] if found else 0)
        if head <= place and place + 2 <= len(data):
            patch(data, place, changes)
    return bytes(data)


def patch(data, place, changes):
    """RFC 1624: HC' = ~(~HC + ~m + m')"""
    value = ~struct.unpack_from(">H", data, place)[0] & 0xFFFF
    for old, new in changes:
        value += (~int.from_bytes(old, "big") & 0xFFFF) + int.from_bytes(new, "big")
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    struct.pack_into(">H", data, place, ~value & 0xFFFF)


def comparable(data):
    """What a router leaves as it is: no time to live, no header checksum."""
    data = bytearray(data)
    if data[0] >> 4 == 4:
        data[8] = 0
        data[10:12] = b"\0\0"
    else:
        data[7] = 0
    return bytes(data)


def routable(data):
    """Would a router pass it on at all?"""
    if data[0] >> 4 == 6:
        return data[7] > 1 and data[4:6] != b"\0\0"
    head = data[:(data[0] & 15) * 4]
    total = sum(struct.unpack(f">{len(head) // 2}H", head))
    return data[8] > 1 and data[2:4] != b"\0\0" and (total & 0xFFFF) + (total >> 16) == 0xFFFF


def valid(data):
    """Routable, and the checksum of its segment is right: the kernel knows none but such."""
    protocol, at, fragment = capture.upper_layer(data)
    if not routable(data) or protocol != 6 or fragment:
        return routable(data)
    size, place = (16, 8) if data[0] >> 4 == 6 else (4, 12)
    rest = data[at:] + bytes(len(data[at:]) % 2)
    pseudo = data[place:place + 2 * size] + struct.pack(">II", len(data) - at, protocol)
    total = sum(struct.unpack(f">{len(pseudo + rest) // 2}H", pseudo + rest))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


def play_plan(made, plan, path, number):
    """One play.  Returns what is wrong, or None."""
    found = list(capture.records(path))
    datagrams = [r.data for r in found]
    if len(found) != len(plan.passes):
        return None
    sides = sides_of(datagrams)
    if sides is None or found[-1].time - found[0].time > 2:
        return None  # two hosts on one side; or it takes its time, which is tested offline
    datagrams, sides = renumbered(datagrams, sides, number)
    made.wires.place(sides)
    packets = [Sent(data, sides[capture.addresses(data)[0]],
                    waiting(data, passes and all(plan.passes)), 0)
               for data, passes in zip(datagrams, plan.passes)]
    arrived = made.wires.play(packets)
    made.plays += 1
    return wrong_with(plan, datagrams, arrived)


def datagrams_of(plan, datagrams):
    """Whole datagrams, and whether all of each was let pass."""
    joined, refused = capture.Defragment(), set()
    for data, passes in zip(datagrams, plan.passes):
        part = capture.fragment_of(data)
        if part and not passes:
            refused.add(part[0])
        whole = joined.add(data)
        if whole:
            yield whole, passes and not (part and part[0] in refused)


def wrong_with(plan, datagrams, arrived):
    stopped, passed = collections.Counter(), collections.Counter()
    for whole, passes in datagrams_of(plan, datagrams):
        (passed if passes else stopped)[comparable(whole)] += 1
    seen, joined = collections.Counter(), capture.Defragment()
    for data in arrived[LEFT] + arrived[RIGHT]:
        whole = joined.add(data)
        if whole:
            seen[comparable(whole)] += 1
    for data in stopped:
        if capture.tcp(data) and not capture.tcp(data).payload:
            continue  # what carries nothing does no harm
        if seen[data] > passed[data]:
            return f"{plan.name} ({plan.trick}): a packet that is stopped arrived"
    if all(plan.passes) and all(valid(data) for data in datagrams):
        want, got = capture.Streams(list(datagrams)), capture.Streams(arrived[LEFT] + arrived[RIGHT])
        for key, data in want.stream.items():
            if got.stream.get(key, b"") != data:
                return (f"{plan.name} ({plan.trick}): harmless, {len(data)} octets sent, "
                        f"{len(got.stream.get(key, b''))} arrived")
    return None


def play_scenes(program):
    def scenario(made):
        where = lab.ROOT / program.name
        where.mkdir()
        done = subprocess.run([str(program)], env={**os.environ, "RPCGATE_SCENES_DIR": str(where)},
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise lab.Failed(f"{program.name}: {done.stdout[-300:]}{done.stderr[-300:]}")
        groups, tricks, left_out = collections.defaultdict(list), collections.Counter(), 0
        for path in sorted(where.glob("*.plan")):
            plan = read_plan(path)
            tricks[plan.trick, tuple(plan.passes)] += 1
            if plan.unplayable or plan.trick in NOT_INLINE or tricks[plan.trick, tuple(plan.passes)] > PER_TRICK:
                left_out += 1
            else:
                groups[plan.settings].append((plan, path.with_suffix(".pcap")))
        wrong, made.plays, total = [], 0, 0
        for settings, plays in groups.items():
            made.wires.forget()
            # open: the program stops what it stops by itself
            with gateway.Gateway(made.net, made.program, *settings, "refuse drop") as gate:
                for plan, path in plays:
                    made.number += 1
                    total += 1
                    problem = play_plan(made, plan, path, made.number)
                    if problem:
                        wrong.append(problem)
                if not gate.alive():
                    raise lab.Failed("rpcgate died")
        if wrong:
            raise lab.Failed(f"{len(wrong)} of {made.plays} plays: " + "; ".join(wrong[:6]))
        if made.plays < total / 2:
            raise lab.Failed(f"only {made.plays} of {total} could be played")
        return f"{made.plays} plays, {total - made.plays + left_out} told offline only"
    return program.name, scenario


# --------------------------------------------------------------------- world

class World:
    def __init__(self, args):
        self.net, self.program = args.net, args.program
        self.wires = Wires(args.net)
        self.plays = self.number = 0


@contextlib.contextmanager
def world(args):
    yield World(args)


def scenarios(args):
    found = []
    for text in args.argument:
        path = pathlib.Path(text)
        if path.is_dir():
            found += [play_capture(*pair) for pair in replay.captures([path])]
        else:
            found.append(play_scenes(path))
    return found
