# SPDX-License-Identifier: GPL-3.0-or-later
"""When things fail, the RPC ports are closed; what was approved goes on; nothing dies.

RPCGATE_NET_KILLS sets how often the program is killed, 100 unless it says otherwise.
"""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import signal
import time
import urllib.request

import capture
import clients
import gateway
import lab
import pdu
import probe

SAMR, DRSUAPI, HIDDEN = 49160, 49161, 49170
EXTRA, EXTRAS = 49200, 40  # a port for each of the interfaces extra0, extra1, ...
FEW = 16                   # the least that limit.pinholes takes
SERVER = lab.STANDIN4
KILLS = int(os.environ.get("RPCGATE_NET_KILLS", "100"))
AHEAD_S = 400000000  # more than twelve years
SHORT_S = 0.7     # of one that expects silence
PATIENCE_S = 0.05  # of clients that do not wait for those who are dead
CALLS = 200       # on one connection, each as soon as the last is answered
GAP_S = 1.2       # how long the program is away, below the 2 s that flows must outlive
WORKS_S = 8       # within which everything must work again
BASE = ("set dynamic-range=49152-65535", "refuse drop")


class World:
    def __init__(self, args):
        self.net, self.program, self.build = args.net, args.program, args.build

    def gate(self, *lines, **more):
        return gateway.Gateway(self.net, self.program, *BASE, *lines, **more)

    def probe(self, *ports):
        return probe.Probe(self.net, SERVER, *ports)


@contextlib.contextmanager
def world(args):
    args.net.routed(("client", "dc", "other"))
    standin = clients.start_standin(args.net, f"{SAMR}=samr,lsarpc", f"{DRSUAPI}=drsuapi",
                                    f"{HIDDEN}=netlogon",
                                    *(f"{EXTRA + i}=extra{i}" for i in range(EXTRAS)),
                                    addresses=(lab.STANDIN4, lab.STANDIN6, lab.DC4))
    args.net.close_forwarding()
    random.seed(1)
    try:
        yield World(args)
    finally:
        args.net.stop(standin)


def refused(host, port, name, timeout_s=0.5, server=SERVER):
    with lab.inside(host):
        return pdu.refused(pdu.use, server, port, name, timeout_s=timeout_s)


def ask(host, name, timeout_s=2.0, server=SERVER):
    with lab.inside(host):
        return pdu.ask_mapper(server, name, timeout_s)


def works(host="client", timeout_s=WORKS_S):
    """Asking and using work, perhaps not at the first attempt."""
    def attempt():
        try:
            return not refused(host, ask(host, "samr", 0.5)[0], "samr")
        except (pdu.Refused, IndexError):
            return False
    lab.wait_until("ask and use work", attempt, timeout_s, 0.05)


def closed_to_hidden(host="client", name="netlogon"):
    if not refused(host, HIDDEN, name):
        raise lab.Failed("a Bind to an unannounced port came through")


# -------------------------------------------------------------------- killed

class Load(lab.Threads):
    """An honest client and a hostile one that never stop."""

    def __init__(self):
        super().__init__()
        self.honest = self.hostile = 0
        self.breaches = []
        self.thread(self.run, "client", self.good)
        self.thread(self.run, "other", self.bad)

    def run(self, host, deed):
        lab.setns(host)
        while self.going:
            with contextlib.suppress(pdu.Refused, IndexError):
                deed()

    def good(self):
        port = pdu.ask_mapper(SERVER, "samr", PATIENCE_S)[0]
        pdu.use(SERVER, port, "samr", PATIENCE_S)
        self.honest += 1

    def bad(self):
        for port, name in ((HIDDEN, "netlogon"), (SAMR, "drsuapi")):
            self.hostile += 1
            if not pdu.refused(pdu.use, SERVER, port, name, timeout_s=PATIENCE_S):
                self.breaches.append(name)


def killed_under_load(made):
    """kill -9 again and again: closed within 50 ms, and no refused Bind ever arrives."""
    worst = 0
    gate = made.gate()
    with made.net.capture("dc", expression="tcp") as arrived, made.probe(SAMR, HIDDEN) as knocks, \
            Load() as load:
        began = time.monotonic()
        for _ in range(KILLS):
            gate.start()
            so_far = load.honest
            lab.wait_until("an honest call", lambda: load.honest > so_far, WORKS_S, 0.001)
            knocks.opened(SAMR)
            time.sleep(random.random() * 0.03)
            gate.kill()
            now = time.monotonic()
            knocks.closed(SAMR, now)
            worst = max([worst, *knocks.heard_in(SAMR, now, now + 0.05)[1]])
        never_heard(knocks, HIDDEN, began)
    if load.breaches:
        raise lab.Failed(f"{len(load.breaches)} refused Binds were answered")
    binds = capture.Streams(arrived).binds(SERVER)
    wrong = [u for _, u in binds if u in (pdu.INTERFACES["drsuapi"][0],
                                          pdu.INTERFACES["netlogon"][0])]
    if wrong:
        raise lab.Failed(f"{len(wrong)} refused Binds arrived")
    if not binds:
        raise lab.Failed("no Bind arrived: the witness is blind")
    return (f"{KILLS} kills, last knock through {worst:g} ms after one; {load.honest} honest calls,"
            f" {load.hostile} hostile Binds")


def never_heard(knocks, port, began):
    sent, heard = knocks.heard_in(port, began, time.monotonic())
    if heard:
        raise lab.Failed(f"{len(heard)} of {sent} knocks on an unannounced port went through")


# ------------------------------------------------------------------ restarted

class Flow:
    """An approved connection that makes calls."""

    def __init__(self):
        with lab.inside("client"):
            self.client = pdu.Client(SERVER, ask_inside("samr"), 5)
            self.client.bind("samr")
        self.calls = 1

    def call(self):
        self.calls += 1
        self.client.ask(pdu.request(0, bytes(16), self.calls))


def ask_inside(name):
    return pdu.ask_mapper(SERVER, name)[0]


def restarted(how):
    def scenario(made):
        gate = made.gate()
        gate.start()
        try:
            flow = Flow()
            flow.call()
            getattr(gate, how)()
            began = time.monotonic()
            # while nobody is there: TCP repeats it until somebody is
            call = concurrent.futures.ThreadPoolExecutor(1).submit(flow.call)
            time.sleep(GAP_S)
            gate.start()
            call.result()
            took = time.monotonic() - began
            for _ in range(20):
                flow.call()
            flow.client.socket.settimeout(SHORT_S)
            why = pdu.refused(flow.client.ask, pdu.bind(["drsuapi"], 90, pdu.ALTER, 5))
            if not why:
                raise lab.Failed("after the restart an alter_context was not judged")
            closed_to_hidden()
            works()
        finally:
            gate.stop()
        return f"the call across the gap took {took:.2f} s"
    return f"flow-outlives-{how}", scenario


def nothing_forgotten(made):
    """SIGTERM and start: the same pinholes and bindings, and they open."""
    with made.gate() as gate:
        for name in ("samr", "lsarpc", "drsuapi"):
            ask("client", name)
        ask("client", "samr", server=lab.STANDIN6)
        ask("other", "drsuapi")
        before = state_of(gate)
        in_kernel = gateway.pinholes_in_kernel(made.net)
        if gate.stop():
            raise lab.Failed("SIGTERM did not end it with status 0")
        gate.start()
        after = state_of(gate)
        if before != after or not before[0]:
            raise lab.Failed(f"before {before}, after {after}")
        if gateway.pinholes_in_kernel(made.net) != in_kernel:
            raise lab.Failed(f"{in_kernel} elements in the kernel before, "
                             f"{gateway.pinholes_in_kernel(made.net)} after")
        for host, port, name in (("client", SAMR, "samr"), ("client", DRSUAPI, "drsuapi"),
                                 ("other", DRSUAPI, "drsuapi")):
            why = refused(host, port, name, 2)
            if why:
                raise lab.Failed(f"{name} of {host}, learned before the restart: {why}")
        if not refused("other", SAMR, "samr"):
            raise lab.Failed("the restart gave a pinhole to another client")
        return f"{len(before[0])} pinholes, {len(before[1])} bindings, {in_kernel} in the kernel"


def state_of(gate):
    """Who may go where, in a form that can be compared: no times, no running numbers."""
    keep = ("client_ip", "client", "server_ip", "server", "port", "uuid", "version")
    return [sorted(json.dumps({k: row[k] for k in keep if k in row}) for row in
                   rows(gate.ctl(what), what)) for what in ("pinholes", "bindings")]


def rows(answer, what):
    """JSON lines: one object a row, or one object that holds them all."""
    if len(answer) == 1 and isinstance(answer[0].get(what), list):
        return answer[0][what]
    return answer


# ------------------------------------------------------------- foreign hands

def foreign(name, deed):
    """Somebody else changes rules: the dynamic range stays shut, then all works again."""
    def scenario(made):
        with made.gate() as gate, made.probe(HIDDEN) as knocks:
            works()
            began = time.monotonic()
            deed(made)
            changed = time.monotonic()
            knocks.closed(HIDDEN, changed, least=300)
            sent, early = knocks.heard_in(HIDDEN, began, changed + 0.05)
            closed_to_hidden("other")
            made.net.open_forwarding()
            made.net.close_forwarding()
            works()
            if not gate.alive():
                raise lab.Failed("rpcgate died")
            knocks.closed(HIDDEN, changed)
        return f"{len(early)} of {sent} knocks through in the first 50 ms"
    return name, scenario


def flush_ruleset(made):
    made.net.run(lab.GATEWAY, ["nft", "flush", "ruleset"])


def each_table(verb):
    def deed(made):
        done = made.net.run(lab.GATEWAY, ["nft", "-j", "list", "tables"])
        for item in json.loads(done.stdout)["nftables"]:
            table = item.get("table")
            if table:
                made.net.run(lab.GATEWAY, ["nft", verb, "table", table["family"], table["name"]])
    return deed


def iptables_flush(made):
    """Rules for queues may stand in tables of iptables."""
    for program in ("iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy"):
        for table in ("raw", "mangle", "filter"):
            made.net.run(lab.GATEWAY, [program, "-t", table, "-F"])
            made.net.run(lab.GATEWAY, [program, "-t", table, "-X"])


def each_rule(made):
    """One rule after the other is deleted, as by hand."""
    done = made.net.run(lab.GATEWAY, ["nft", "-j", "list", "ruleset"])
    for item in json.loads(done.stdout or '{"nftables":[]}')["nftables"]:
        rule = item.get("rule")
        if rule:
            made.net.run(lab.GATEWAY, ["nft", "delete", "rule", rule["family"], rule["table"],
                                       rule["chain"], "handle", str(rule["handle"])])


# -------------------------------------------------------------------- reload

def reload_broken(made):
    """A policy that does not parse changes nothing, and is said with its place."""
    with made.gate("deny interface drsuapi") as gate:
        works()
        good = gate.config.read_text(encoding="ascii")
        gate.config.write_text(good + "allow interface nonsense-that-is-none\n", encoding="ascii")
        lines = len(good.splitlines()) + 1
        gate.reload()
        lab.wait_until("the error is said", lambda: f"rpcgate.conf:{lines}" in gate.log(), 5)
        works()
        if not refused("client", ask("client", "drsuapi")[0], "drsuapi"):
            raise lab.Failed("after a broken reload a rule no longer holds")
        closed_to_hidden()


def reload_good(made):
    """New rules for new Binds, of old connections too."""
    with made.gate() as gate:
        flow = Flow()
        ask("client", "lsarpc")
        flow.call()
        gate.write(extra=["deny interface samr", "deny interface lsarpc"])
        gate.reload()
        lab.wait_until("the new rule holds", lambda: refused("client", SAMR, "samr"), 5, 0.05)
        flow.client.socket.settimeout(SHORT_S)
        why = pdu.refused(flow.client.ask, pdu.bind(["lsarpc"], 91, pdu.ALTER, 6))
        if not why:
            raise lab.Failed("an old connection added an interface that is denied now")
        gate.write()
        gate.reload()
        works()


def reload_under_probe(made):
    """While rules change, nothing is open."""
    with made.gate() as gate, made.probe(HIDDEN) as knocks:
        began = time.monotonic()
        for i in range(10):
            gate.write(extra=[f"deny interface {'samr' if i % 2 else 'drsuapi'}"])
            gate.reload()
            time.sleep(0.05)
        gate.write()
        gate.reload()
        works()
        never_heard(knocks, HIDDEN, began)
        if not gate.alive():
            raise lab.Failed("rpcgate died")


# -------------------------------------------------------------------- limits

def table_full(made):
    """More announcements than pinholes: those over the limit open nothing, all else goes on."""
    with made.gate("set limit.pinholes-per-client=1", "set pinhole.ttl=5s",
                   "set pinhole.refresh=map") as gate:
        if refused("client", ask("client", "samr")[0], "samr"):
            raise lab.Failed("the first announcement does not open")
        ask("client", "drsuapi")
        if not refused("client", DRSUAPI, "drsuapi"):
            raise lab.Failed("a pinhole over the limit opened")
        if refused("other", ask("other", "drsuapi")[0], "drsuapi"):
            raise lab.Failed("one client's limit stopped another client")
        lab.wait_until("an event tells of the limit", lambda: [
            e for e in gate.events() if "limit" in gateway.reasons(e)], 5, 0.05)
        time.sleep(5.2)
        works()


def pinholes_full(made):
    """More announcements than there is room for: nothing opens beyond it, and it recovers."""
    with made.gate(f"set limit.pinholes={FEW}", "set pinhole.ttl=8s", "set pinhole.refresh=map") \
            as gate, made.probe(HIDDEN) as knocks:
        began = time.monotonic()
        # of an earlier scenario: the table outlives the program, the rights in it do not
        old = gateway.pinholes_in_kernel(made.net)
        for i in range(EXTRAS):
            ask("client", f"extra{i}")
        opened = gateway.pinholes_in_kernel(made.net)
        usable = sum(not refused("client", EXTRA + i, f"extra{i}", 0.03) for i in range(EXTRAS))
        if not 0 < usable <= FEW or not 0 < opened <= FEW + old:
            raise lab.Failed(f"room for {FEW}: {usable} can be used, {opened} in the kernel")
        if not gate.alive():
            raise lab.Failed("rpcgate died")
        told = lab.wait_until("events tell of those that had no room", lambda: [
            e for e in gate.events("rpc_pinhole")
            if e["rpc_pinhole"]["action"] in ("refuse", "evict")], 5, 0.05)
        lab.wait_until("pinholes run out", lambda: refused("client", EXTRA, "extra0", 0.05), 20,
                       0.2)
        works()
        never_heard(knocks, HIDDEN, began)
        return f"{usable} of {EXTRAS} usable, {opened} in the kernel, {len(told)} events"


def asleep(length, packets, full):
    """The program sleeps while thousands of packets come: dropped, counted, and life goes on.

    full: which of the two it is that has no more room, 0 the queue, 1 the socket (ENOBUFS)
    """
    def scenario(made):
        with made.gate(f"queue-length {length}") as gate, made.probe(SAMR, HIDDEN) as knocks:
            works()
            knocks.opened(SAMR)
            began = time.monotonic()
            gate.signal(signal.SIGSTOP)
            try:
                stopped = time.monotonic()
                flood(made, packets)
                knocks.closed(HIDDEN, began, 0, 300)
                sent, heard = knocks.heard_in(SAMR, stopped + 0.05, time.monotonic())
            finally:
                gate.signal(signal.SIGCONT)
            if heard:
                raise lab.Failed(f"{len(heard)} of {sent} knocks went through while it slept")
            works()
            if not gate.alive():
                raise lab.Failed("rpcgate died")
            never_heard(knocks, HIDDEN, began)
            closed_to_hidden("other")
            dropped = queue_drops(made)
            if not dropped[full]:
                raise lab.Failed(f"nothing was full: {dropped} dropped")
            if full and not gate.ctl("stats")[0].get("queue_overruns"):
                raise lab.Failed("the program counts no overrun of its socket")
        return f"{dropped[full]} packets dropped"
    return scenario


def queue_drops(made):
    """What the kernel dropped because the queue, or the socket behind it, was full."""
    with lab.inside(lab.GATEWAY), open("/proc/net/netfilter/nfnetlink_queue",
                                       encoding="ascii") as file:
        fields = file.read().split()
    return int(fields[5]), int(fields[6])


def flood(made, count):
    """SYNs to the mapper, which the kernel does not judge by itself, as fast as they go."""
    knocks = probe.Probe(made.net, SERVER, HIDDEN, host="other", source=lab.OTHER4)
    for number in range(count):
        with contextlib.suppress(OSError):
            knocks.sender.send(knocks.frame + probe.syn(
                lab.OTHER4, SERVER, 1024 + number % 60000, pdu.MAPPER_PORT, number))
    knocks.sender.close()
    knocks.listener.close()


def events_full(made):
    """No room for events: filtering goes on, and the loss is told once there is room again."""
    where = lab.ROOT / "small"
    where.mkdir(exist_ok=True)
    made.net.call(["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "small", str(where)])
    gate = made.gate(f"events {where}/events.json")
    gate.events_path = where / "events.json"
    filler = where / "filler"
    with gate:
        works()
        with contextlib.suppress(OSError):
            filler.write_bytes(bytes(4 << 20))
        with Load() as load:
            # a call leads to some 2 kB of events, more than any buffer in time
            lab.wait_until("many calls without room", lambda: load.honest > 500, 30)
        if load.breaches:
            raise lab.Failed("without room for events a refused Bind was answered")
        if not gate.alive():
            raise lab.Failed("rpcgate died")
        filler.unlink()
        gate.events_path.write_bytes(b"")
        works()
        lab.wait_until("the loss is told", lambda: any(
            e["event_type"] == "rpc_engine" and "lost" in json.dumps(e["rpc_engine"])
            for e in whole_lines(gate.events_path)), 5, 0.1)
    made.net.call(["umount", str(where)])


def whole_lines(path):
    """Events of a file in which a line may be cut where the room ended."""
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


# ---------------------------------------------------------------------- time

def clock_steps(made):
    """The wall clock jumps: a pinhole lives as long as it should, no longer and no shorter."""
    shim = made.build / "tests" / "libclockstep.so"
    step = lab.ROOT / "clockstep"
    step.write_text(f"{AHEAD_S:<20}", encoding="ascii")
    gate = made.gate("set pinhole.ttl=5s", "set pinhole.refresh=map")
    made.net.env.update(LD_PRELOAD=str(shim), CLOCKSTEP_FILE=str(step),
                        ASAN_OPTIONS=made.net.env.get("ASAN_OPTIONS", "") +
                        ":verify_asan_link_order=0")
    try:
        gate.start()
    finally:
        for key in ("LD_PRELOAD", "CLOCKSTEP_FILE"):
            del made.net.env[key]
    try:
        works()
        if not all(e["timestamp"] > "2030" for e in gate.events()):
            raise lab.Failed("the first events do not bear the stepped time: the shim does nothing")
        for seconds in (AHEAD_S + 86400, AHEAD_S - 86400, 0, AHEAD_S):
            asked = time.monotonic()
            port = ask("client", "samr")[0]
            step.write_text(f"{seconds:<20}", encoding="ascii")
            why = refused("client", port, "samr", 1)
            if why:
                raise lab.Failed(f"a step to {seconds} s shut a pinhole that is "
                                 f"{time.monotonic() - asked:.2f} s old: {why}")
            if seconds in (0, AHEAD_S):
                time.sleep(max(0, asked + 5.5 - time.monotonic()))
                if not refused("client", port, "samr"):
                    raise lab.Failed(f"a step to {seconds} s kept a pinhole open past its end")
        if not gate.alive():
            raise lab.Failed("rpcgate died")
    finally:
        gate.stop()


# ---------------------------------------------------------------- interfaces

def interface_gone(made):
    """An interface goes and comes back: shut, alive, and everything works again."""
    with made.gate() as gate, made.probe(HIDDEN) as knocks:
        works()
        began = time.monotonic()
        made.net.ip(lab.GATEWAY, "link set client down")
        time.sleep(0.1)
        if not gate.alive():
            raise lab.Failed("rpcgate died when the interface went down")
        works("other")
        made.net.ip(lab.GATEWAY, "link set client up",
                    "addr replace 2001:db8:1::1/64 dev client nodad")
        works()
        made.net.ip(lab.GATEWAY, "link set client name away down", "link set away name client up",
                    "addr replace 2001:db8:1::1/64 dev client nodad")
        works()
        never_heard(knocks, HIDDEN, began)
        if not gate.alive():
            raise lab.Failed("rpcgate died")


# ------------------------------------------------------------- running it

def control(made):
    """Every word of ctl: JSON lines that say what is."""
    with made.gate("metrics 127.0.0.1:9135", f"metrics-file {lab.ROOT}/metrics") as gate:
        works()
        flow = Flow()
        flow.call()
        for word in ("status", "stats", "pinholes", "bindings", "save"):
            if not gate.ctl(word):
                raise lab.Failed(f"ctl {word}: no answer")
        holes = rows(gate.ctl("pinholes"), "pinholes")
        mine = [h for h in holes if h.get("port") == SAMR]
        if len(mine) != 1:
            raise lab.Failed(f"ctl pinholes: {holes}")
        gate.ctl("close", str(mine[0]["id"]))
        lab.wait_until("the closed pinhole is shut", lambda: refused("client", SAMR, "samr"), 3)
        flow.call()  # what was admitted stays
        gate.ctl("reload")
        works()
        gate.signal(signal.SIGUSR1)
        lab.wait_until("SIGUSR1 gives statistics", lambda: gate.events("stats"), 5, 0.05)
        lab.wait_until("metrics are served", lambda: "rpcgate_" in scraped(), 20, 0.1)
        lab.wait_until("the file of metrics is there", lambda: (
            lab.ROOT / "metrics").exists() and "rpcgate_" in (
                lab.ROOT / "metrics").read_text(encoding="utf-8"), 20, 0.1)
        done = made.net.run(lab.GATEWAY, [made.program, "ctl", "-s", str(gate.control), "nonsense"])
        if not done.returncode:
            raise lab.Failed("ctl nonsense succeeded")


def scraped():
    with lab.inside(lab.GATEWAY), urllib.request.urlopen(
            "http://127.0.0.1:9135/metrics", timeout=3) as answer:
        return answer.read().decode()


def not_twice(made):
    """A second one on the same queue ends with a clear line and does not disturb the first."""
    with made.gate() as gate:
        works()
        second = made.gate()
        try:
            second.start()
        except lab.Failed:
            pass
        else:
            second.stop()
            raise lab.Failed("two programs on one queue")
        if not second.log():
            raise lab.Failed("it ended without a word")
        works()
        if not gate.alive():
            raise lab.Failed("the second one disturbed the first")


def bad_start(made):
    """A broken file: status 3, its place, and no rule is touched."""
    gate = made.gate("nonsense here")
    before = rules(made)
    gate.launch().close()
    status = gate.process.wait(10)
    gate.forget()
    if status != 3:
        raise lab.Failed(f"exit status {status}, not 3")
    if "rpcgate.conf:" not in gate.log():
        raise lab.Failed(f"no place in: {gate.log()}")
    if rules(made) != before:
        raise lab.Failed("rules were touched")


def rules(made):
    """What is there without counters and elements, which change by themselves."""
    return [made.net.run(lab.GATEWAY, ["nft", "-s", "-t", "list", "ruleset"]).stdout,
            made.net.run(lab.GATEWAY, ["iptables-save"]).stdout]


def without_rights(made):
    """No CAP_NET_ADMIN: one clear line, status 1, nothing touched."""
    gate, before = made.gate(), rules(made)
    done = made.net.run(lab.GATEWAY, ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
                                      made.program, "run", "-c", str(gate.config)], 10)
    if done.returncode != 1 or not done.stdout.strip():
        raise lab.Failed(f"status {done.returncode}: {done.stdout.strip()}")
    if rules(made) != before:
        raise lab.Failed("rules were touched")


def own_user(made):
    """`user nobody`: works, with another uid and one capability."""
    gate = made.gate("user nobody")
    gate.where.chmod(0o777)
    with gate:
        works()
        status = dict(line.split(":\t", 1) for line in open(
            f"/proc/{gate.process.pid}/status", encoding="ascii").read().splitlines()
            if ":\t" in line)
        if status["Uid"].split()[1] == "0":
            raise lab.Failed("it still runs as root")
        if int(status["CapEff"], 16) & ~(1 << 12):
            raise lab.Failed(f"capabilities {status['CapEff']}, more than CAP_NET_ADMIN")
        gate.reload()
        works()
        closed_to_hidden()


def rights(pid):
    """The capabilities of a process, as a number; -1 if it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return -1
    if "State:\tZ" in text:
        return -1
    return int(text.split("CapEff:\t")[1].split()[0], 16)


def keeper_of(gate):
    pid = gate.process.pid
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    if len(children) != 1:
        raise lab.Failed(f"{len(children)} processes beside the first")
    return int(children[0])


def two_processes(made):
    """The one that reads packets has no right, the other one has one; neither outlives the other."""
    with made.probe(HIDDEN) as knocks:
        gate = made.gate("split yes")
        gate.start()
        keeper = keeper_of(gate)
        began = time.monotonic()
        works()
        if rights(gate.process.pid) != 0 or rights(keeper) != 1 << 12:
            raise lab.Failed(f"rights {rights(gate.process.pid):x} and {rights(keeper):x}")
        if not gate.ctl("status")[0]["split"]:
            raise lab.Failed("status says that it is one process")
        os.kill(keeper, signal.SIGKILL)
        lab.wait_until("the first ends when the keeper is killed", lambda: not gate.alive(), 2)
        if gate.forget() != 1:
            raise lab.Failed("it did not fail")
        gate.start()
        works()
        keeper = keeper_of(gate)
        gate.kill()
        lab.wait_until("the keeper ends when the first is killed", lambda: rights(keeper) < 0, 2)
        gate.start()
        works()
        gate.reload()
        works()
        gate.stop()
        never_heard(knocks, HIDDEN, began)


def one_process(made):
    """`split no`: one process with the one right."""
    with made.gate("split no") as gate:
        works()
        if rights(gate.process.pid) != 1 << 12:
            raise lab.Failed(f"rights {rights(gate.process.pid):x}")
        pid = gate.process.pid
        if pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            raise lab.Failed("there is another process")
        gate.reload()
        works()
        closed_to_hidden()


def slept(gate):
    """How often threads other than the first went to sleep by themselves."""
    total = 0
    for task in pathlib.Path(f"/proc/{gate.process.pid}/task").iterdir():
        if task.name != str(gate.process.pid):
            text = (task / "status").read_text(encoding="ascii")
            total += int(text.split("\nvoluntary_ctxt_switches:\t")[1].split()[0])
    return total


def looks_for_packets(made):
    """With `spin` what follows at once is judged by a thread that has not slept; a reload ends that."""
    if len(os.sched_getaffinity(0)) < 2:
        return "one processor: nothing is looked for"
    sleeps = []
    with made.gate() as gate:
        works()
        for spin in (1000, 0):
            gate.write(extra=(f"spin {spin}",))
            gate.ctl("reload")
            flow, before = Flow(), slept(gate)
            for _ in range(CALLS):
                flow.call()
            sleeps.append(slept(gate) - before)
    if sleeps[0] * 2 > sleeps[1]:
        raise lab.Failed(f"slept {sleeps[0]} times in {CALLS} calls, {sleeps[1]} times without spin")
    return f"slept {sleeps[0]} times in {CALLS} calls, {sleeps[1]} times without"


def ends_clean(made):
    """After SIGTERM: status 0, ports shut, no rule left that lets anything through."""
    with made.probe(SAMR, HIDDEN) as knocks:
        gate = made.gate()
        gate.start()
        works()
        knocks.opened(SAMR)
        began = time.monotonic()
        status = gate.stop()
        if status:
            raise lab.Failed(f"exit status {status}")
        ended = time.monotonic()
        knocks.closed(SAMR, ended)
        never_heard(knocks, HIDDEN, began)


SCENARIOS = [
    ("killed-under-load", killed_under_load),
    restarted("stop"), restarted("kill"),
    ("nothing-forgotten", nothing_forgotten),
    foreign("flush-ruleset", flush_ruleset),
    foreign("delete-tables", each_table("delete")),
    foreign("flush-tables", each_table("flush")),
    foreign("delete-rules", each_rule),
    foreign("iptables-flush", iptables_flush),
    ("reload-broken", reload_broken), ("reload-good", reload_good),
    ("reload-under-probe", reload_under_probe),
    ("table-full", table_full), ("pinholes-full", pinholes_full), ("queue-full", asleep(1024, 10000, 0)), ("socket-full", asleep(1048576, 60000, 1)),
    ("events-full", events_full),
    ("clock-steps", clock_steps), ("interface-gone", interface_gone),
    ("control", control), ("not-twice", not_twice), ("bad-start", bad_start),
    ("without-rights", without_rights), ("own-user", own_user), ("two-processes", two_processes),
    ("one-process", one_process), ("looks-for-packets", looks_for_packets),
    ("ends-clean", ends_clean),
]
