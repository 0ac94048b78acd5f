# SPDX-License-Identifier: GPL-3.0-or-later
"""All threads of the program at once: several queues under load, the control socket, metrics,
reloads, statistics and the state file.  Built with the thread sanitizer, it says what it saw in the
log, and ends with a status of its own; built without, this is a test of a busy life."""
import contextlib
import itertools
import os
import signal
import time
import urllib.request

import clients
import gateway
import lab
import pdu

SAMR, DRSUAPI, HIDDEN = 49160, 49161, 49170
EXTRA, EXTRAS = 49200, 40
METRICS = "127.0.0.1:9135"
SECONDS = float(os.environ.get("RPCGATE_NET_SECONDS", "4"))
QUEUES = 4
PATIENCE_S = 8    # of honest clients: a sanitizer is slow, and reads the configuration often
HONEST_MIN = 20  # calls, with all of the others in between


class World:
    def __init__(self, args):
        self.net, self.program = args.net, args.program


@contextlib.contextmanager
def world(args):
    args.net.routed(("client", "dc", "other"))
    standin = clients.start_standin(args.net, f"{SAMR}=samr,lsarpc", f"{DRSUAPI}=drsuapi",
                                    f"{HIDDEN}=netlogon",
                                    *(f"{EXTRA + i}=extra{i}" for i in range(EXTRAS)),
                                    addresses=(lab.STANDIN4, lab.STANDIN6, lab.DC4))
    args.net.close_forwarding()
    try:
        yield World(args)
    finally:
        args.net.stop(standin)


class Crowd(lab.Threads):
    """Deeds that are done again and again, each by a thread of its own, until it is told to end."""

    def __init__(self):
        super().__init__()
        self.done, self.wrong = {}, []

    def add(self, name, host, deed):
        self.done[name] = 0
        self.thread(self.run, name, host, deed)

    def run(self, name, host, deed):
        lab.setns(host)
        while self.going:
            try:
                deed()
                self.done[name] += 1
            except (lab.Failed, OSError, pdu.Refused, IndexError) as why:
                self.wrong.append(f"{name}: {why}")


def honest(server, names):
    """Ask and use, one interface after the other."""
    def deed():
        name = next(names)
        pdu.use(server, pdu.ask_mapper(server, name, PATIENCE_S)[0], name, PATIENCE_S)
    return deed


def hostile():
    if not pdu.refused(pdu.use, lab.STANDIN4, HIDDEN, "netlogon", timeout_s=0.2):
        raise lab.Failed("a Bind to an unannounced port came through")
    time.sleep(0.002)  # leave something to the others


def scrape():
    with urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=5) as answer:
        if b"rpcgate_" not in answer.read():
            raise lab.Failed("no metrics")


def by_signal(gate, number, pause_s):
    def deed():
        gate.signal(number)
        time.sleep(pause_s)
    return deed


def all_at_once(split):
    def scenario(made):
        gate = gateway.Gateway(made.net, made.program, "set dynamic-range=49152-65535",
                               "set pinhole.ttl=5s", f"queue 0-{QUEUES - 1}", f"metrics {METRICS}",
                               f"split {split}")
        crowd = Crowd()
        names = itertools.cycle(["samr", "drsuapi", *(f"extra{i}" for i in range(EXTRAS))])
        for host in ("client", "other"):
            for server in (lab.STANDIN4, lab.DC4, lab.STANDIN6):
                crowd.add(f"honest {host} {server}", host, honest(server, names))
        crowd.add("hostile", "other", hostile)
        for words in (("stats",), ("pinholes",), ("bindings",), ("reload",), ("save",)):
            crowd.add(f"ctl {words[0]}", lab.GATEWAY, lambda words=words: gate.ctl(*words))
        crowd.add("metrics", lab.GATEWAY, scrape)
        crowd.add("SIGHUP", lab.GATEWAY, by_signal(gate, signal.SIGHUP, 0.1))
        crowd.add("SIGUSR1", lab.GATEWAY, by_signal(gate, signal.SIGUSR1, 0.02))
        with gate:
            with crowd:
                time.sleep(SECONDS)
            status = gate.stop()
        # told first: it says where
        text = gate.log_path.read_text(encoding="utf-8", errors="replace")
        if "ThreadSanitizer" in text:
            at = text.index("WARNING: ThreadSanitizer") if "WARNING: T" in text else 0
            raise lab.Failed(text[at:at + 6000])
        if status or crowd.wrong:
            raise lab.Failed(f"status {status}; {crowd.wrong[:5]}")
        lazy = [name for name, n in crowd.done.items() if not n]
        calls = sum(n for name, n in crowd.done.items() if name.startswith("honest"))
        if lazy or calls < HONEST_MIN:
            raise lab.Failed(f"{calls} honest calls; never done: {lazy}")
        return ", ".join(f"{name} {n}" for name, n in crowd.done.items() if "honest" not in name) \
            + f", {calls} honest calls"
    return f"all-at-once-split-{split}", scenario


SCENARIOS = [all_at_once("no"), all_at_once("yes")]
