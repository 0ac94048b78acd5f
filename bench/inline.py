#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway costs on a wire, as ratios to plain forwarding of the same round.

    inline.py --program PROGRAM --build DIR [--rounds N] [--seconds S] [--json FILE]
              [--set ...] [--line ...] [--way NAME]... [--flow NAME]... [--frames]

Ways through the gateway, all measured in each round, in an order drawn for each round, so that no
way always follows the same other one.  No way has rules of anybody else:

plain        kernel forwarding, no rule
again        the same once more: ratios of others are as good as this one is near to 1
conntrack    the same with one rule that asks for the state of connections, and does nothing:
             it has the kernel follow every connection, as any stateful rule does
gate         rpcgate enforcing, every Bind inspected for the life of a connection
gate-first   rpcgate with `inspect first-bind`
acceptall    NFQUEUE with a program that looks at nothing: what a queue alone costs
bridge       a kernel bridge, no rule
gate-bridge  rpcgate in bridge mode

foreign   octets of one connection that is not RPC, in Mbit/s, from client to server
bulk      octets of one approved RPC connection in Mbit/s, from server to client
ping      a call of 100 octets and its answer on an approved connection
connect   a new connection to an announced port, up to the acknowledgement of its Bind
announce  from the mapper's answer to an open connection to a port that was not announced before

cpu is what both ends spend of a processor, in ms for a gigabit (foreign, bulk) or in us for a
call (ping). Between these wires the kernel forwards at the expense of the sender, so it has what
forwarding costs, and nothing of what other processes do to the clock; but of a way with a queue it
has only the half before the queue.

The flows are real RPC flows: asked for, announced, bound (rpcload). Numbers of a machine with
other work are noise; ratios within a round are not much of it.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import resource
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "net"))
import gateway  # noqa: E402  pylint: disable=wrong-import-position
import lab      # noqa: E402  pylint: disable=wrong-import-position

ROUTED = ("plain", "again", "conntrack", "gate", "gate-first", "acceptall")
BRIDGED = ("bridge", "gate-bridge")
BASE_OF = {"bridge": "bridge", "gate-bridge": "bridge"}  # everything else: plain
QUEUE = "5"
PINGS, CONNECTS, ANNOUNCEMENTS = 4000, 400, 200
FLOWS = ("foreign", "bulk", "ping", "connect", "announce")
# what is compared: (flow, field)
FIGURES = (("foreign", "mbit_s"), ("foreign", "cpu"), ("bulk", "mbit_s"), ("bulk", "cpu"),
           ("ping", "p50_us"), ("ping", "p99_us"), ("ping", "cpu"),
           ("connect", "p50_us"), ("connect", "p99_us"),
           ("announce", "p50_us"), ("announce", "p99_us"), ("announce", "late"))
STATEFUL = """
table inet conntrack {
	chain forward {
		type filter hook forward priority -155; policy accept;
		ct state established accept
	}
}
"""

FOREIGN = "445"
TAKE = """
import socket, sys, time
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
c = s.accept()[0]
room, start = bytearray(1 << 20), time.process_time()
while c.recv_into(room):
    pass
print(time.process_time() - start)
"""
GIVE = """
import json, socket, sys, time
c = socket.create_connection((sys.argv[1], int(sys.argv[2])))
data, sent, start, busy = bytes(1 << 18), 0, time.monotonic(), time.process_time()
while time.monotonic() - start < float(sys.argv[3]):
    sent += c.send(data)
print(json.dumps({"mbit_s": sent * 8 / 1e6 / (time.monotonic() - start), "mbit": sent * 8 / 1e6,
                  "busy": time.process_time() - busy}))
"""


class Bench:
    def __init__(self, net, args):
        self.net, self.args = net, args
        self.load = str(args.build / "bench" / "rpcload")
        # the ends share one processor, the gateway's program has the other
        cpus = sorted(os.sched_getaffinity(0))
        self.ends, self.gate_cpu = str(cpus[-1]), str(cpus[0])
        self.serving = None
        self.learned = []  # us from a mapper's answer to its pinhole in the kernel, p50 of a way

    @contextlib.contextmanager
    def server(self):
        self.serving = self.net.popen("dc", ["taskset", "-c", self.ends, self.load, "serve", lab.DC4],
                                      stdout=-1, text=True)
        if self.serving.stdout.readline() != "ready\n":
            raise lab.Failed("rpcload does not serve")
        yield
        self.net.stop(self.serving)

    def forget(self):
        """A connection does not begin with what an earlier one measured, on another way."""
        for end in ("client", "dc"):
            self.net.sysctl(end, "net.ipv4.tcp_no_metrics_save", "1")

    def busy(self):
        """Seconds of a processor that the server and all clients so far took."""
        clients = resource.getrusage(resource.RUSAGE_CHILDREN)
        server = pathlib.Path(f"/proc/{self.serving.pid}/schedstat").read_text(encoding="ascii")
        return clients.ru_utime + clients.ru_stime + int(server.split()[0]) / 1e9

    def measure(self, what, *words):
        busy = self.busy()
        done = self.net.run("client", ["taskset", "-c", self.ends, self.load, what, lab.DC4,
                                       *map(str, words)], timeout_s=120)
        if done.returncode:
            raise lab.Failed(f"{what}: {done.stdout.strip()}")
        got, busy = json.loads(done.stdout), self.busy() - busy
        got["cpu"] = busy * 1e6 / (got["mbit_s"] * self.args.seconds) if "mbit_s" in got \
            else busy * 1e6 / got["n"]
        return got

    def foreign(self):
        """A connection to a port that is nobody's business here."""
        with self.net.popen("dc", ["taskset", "-c", self.ends, "python3", "-c", TAKE, lab.DC4,
                                   FOREIGN], stdout=-1, text=True) as server:
            if server.stdout.readline() != "ready\n":
                raise lab.Failed("nobody takes what is not RPC")
            done = self.net.run("client", ["taskset", "-c", self.ends, "python3", "-c", GIVE, lab.DC4,
                                           FOREIGN, str(self.args.seconds)], timeout_s=60)
            if done.returncode:
                raise lab.Failed(f"foreign: {done.stdout.strip()}")
            taken = float(server.stdout.read())
            server.wait(10)
        if server in self.net.started:
            self.net.started.remove(server)
        got = json.loads(done.stdout)
        return {"mbit_s": got["mbit_s"], "cpu": (got["busy"] + taken) * 1e6 / got["mbit"]}

    def figures(self):
        flows = {"foreign": self.foreign,
                 "bulk": lambda: self.measure("bulk", self.args.seconds),
                 "ping": lambda: self.measure("ping", PINGS, 76),
                 "connect": lambda: self.measure("connect", CONNECTS),
                 "announce": lambda: self.measure("announce", ANNOUNCEMENTS)}
        return {name: flows[name]() for name in FLOWS if name in self.args.flow}

    # -------------------------------------------------------------------- ways

    def way(self, name):
        return getattr(self, name.replace("-", "_"))()

    @contextlib.contextmanager
    def plain(self):
        yield

    again = bridge = plain

    @contextlib.contextmanager
    def conntrack(self):
        self.net.nft(STATEFUL)
        yield
        self.net.nft("delete table inet conntrack")

    @contextlib.contextmanager
    def gated(self, *lines, mode="route"):
        with gateway.Gateway(self.net, self.args.program, "set dynamic-range=49152-65535", *lines,
                             *(f"set {text}" for text in self.args.set), *self.args.line,
                             mode=mode) as gate:
            self.net.call(["taskset", "-a", "-p", "-c", self.gate_cpu, str(gate.process.pid)])
            try:
                yield
                self.learned.append(gate.ctl("stats")[0]["learn_us_p50"])
            finally:
                gate.stop()
                # it stays closed when the program ends, until somebody says otherwise
                self.net.run(lab.GATEWAY, ["nft", "delete table inet rpcgate"])

    def gate(self):
        return self.gated("inspect every-bind")

    def gate_first(self):
        return self.gated("inspect first-bind")

    def gate_bridge(self):
        return self.gated("inspect every-bind", mode="bridge eth0 eth1")

    @contextlib.contextmanager
    def acceptall(self):
        process = self.net.popen(lab.GATEWAY, ["taskset", "-c", self.gate_cpu, str(
            self.args.build / "bench" / "acceptall"), QUEUE], stdout=-1, text=True)
        if process.stdout.readline() != "ready\n":
            raise lab.Failed("acceptall has no queue")
        rule = ["FORWARD", "-p", "tcp", "-j", "NFQUEUE", "--queue-num", QUEUE]
        self.iptables("-A", rule)
        yield
        # an empty chain would stay at the hook, on the way of everything that is measured later
        self.net.run(lab.GATEWAY, ["nft", "delete table ip mangle"])
        self.net.stop(process)

    def iptables(self, act, rule):
        done = self.net.run(lab.GATEWAY, ["iptables", "-t", "mangle", act, *rule])
        if done.returncode:
            raise lab.Failed(f"iptables: {done.stdout}")

    @contextlib.contextmanager
    def bridge_of_kernel(self):
        self.net.ip(lab.GATEWAY, "link add br0 type bridge", "link set eth0 master br0",
                    "link set eth1 master br0", "link set br0 up")
        yield
        self.net.ip(lab.GATEWAY, "link del br0")


def one_lab(args, names, results):
    """All rounds of the ways that share a topology; true if one could not be measured."""
    failed, draw = False, random.Random(1)
    with lab.Lab() as net:
        bench = Bench(net, args)
        bridged = names[0] in BRIDGED
        if bridged:
            # checksums left to a card that is none never arrive through a bridge in user space
            net.bridged(offloads=False)
        else:
            net.routed(("client", "dc"), offloads=not args.frames)
        bench.forget()
        with bench.server():
            for turn in range(args.rounds if names else 0):
                for name in draw.sample(names, len(names)):
                    try:
                        results[name].append(one_way(bench, name, bridged))
                    except lab.Failed as why:
                        print(f"{name}: not measured: {why}", file=sys.stderr, flush=True)
                        names, failed = [n for n in names if n != name], True
                        results.pop(name)
                    print(f"round {turn + 1}: {name}", file=sys.stderr, flush=True)
        if not bridged:
            args.learned = bench.learned
        if not bridged and bench.learned:
            print(f"from a mapper's answer to its pinhole in the kernel: at most "
                  f"{statistics.median(bench.learned):.0f} us (p50 of a way, median of rounds)")
    return failed


def one_way(bench, name, bridged):
    with bench.bridge_of_kernel() if name == "bridge" else contextlib.nullcontext(), \
            bench.way(name):
        if bridged:
            lab.wait_until("the bridge passes", lambda: not bench.net.run(
                "client", ["ping", "-c1", "-W1", lab.DC4]).returncode, 10)
        return bench.figures()


def summary(results):
    """Median of each figure, and median of its ratios to the plain way of the same round."""
    table = {}
    for name, rounds in results.items():
        base = results.get(BASE_OF.get(name, "plain"), [])
        row = {}
        for test, field in FIGURES:
            if test not in rounds[0]:
                continue
            values = [r[test][field] for r in rounds]
            cell = {"median": statistics.median(values)}
            ratios = [r[test][field] / b[test][field] for r, b in zip(rounds, base)
                      if b[test][field]]
            if ratios:
                cell["ratio"] = round(statistics.median(ratios), 3)
            row[f"{test}.{field}"] = cell
        table[name] = row
    return table


def show(table):
    heads = [key.replace(".", " ") for key in next(iter(table.values()), {})]
    print("| way | " + " | ".join(heads) + " |")
    print("|---|" + "---|" * len(heads))
    for name, row in table.items():
        cells = []
        for cell in row.values():
            text = f"{cell['median']:.1f}" if cell["median"] % 1 else f"{cell['median']:.0f}"
            cells.append(text + (f" ({cell['ratio']:.2f}x)" if "ratio" in cell else ""))
        print(f"| {name} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json", help="file for all figures")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--line", action="append", default=[], metavar="LINE",
                        help="another line of rpcgate.conf, such as 'split no'")
    parser.add_argument("--way", action="append", choices=ROUTED + BRIDGED)
    parser.add_argument("--frames", action="store_true",
                        help="no offloads: packets of 1514 octets at most also where it is routed")
    parser.add_argument("--flow", action="append", choices=FLOWS, help="preset: all")
    args = parser.parse_args()
    args.flow = args.flow or FLOWS
    args.learned = []
    lab.enter()
    wanted = args.way or [*ROUTED, *BRIDGED]
    results = {name: [] for name in wanted}
    failed = False
    for ways in (ROUTED, BRIDGED):
        names = [name for name in ways if name in wanted]
        if names:
            failed |= one_lab(args, names, results)
    table = summary(results)
    show(table)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"rounds": results, "summary": table, "learned_us": args.learned}, file,
                      indent=1)
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except lab.Failed as problem:
        sys.exit(f"inline.py: {problem}")
