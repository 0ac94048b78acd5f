# SPDX-License-Identifier: GPL-3.0-or-later
"""Real clients and servers: with the forward chain closed they fail, with rpcgate they all work.

Samba as domain controller and as file server, a stand-in for DCOM; rpcclient, samba-tool,
smbtorture, net and impacket as they are.  IPv4 and IPv6.
"""
import contextlib
import json
import pathlib
import re
import subprocess
import time

import jsonschema

import capture
import gateway
import lab
import pdu
import samba

HERE = pathlib.Path(__file__).parent

ADMIN, FS = samba.ADMINISTRATOR, samba.FS_USER
WITHOUT_S = 4  # a client that got no answer for so long got none
TORTURE = ["smbtorture", f"--basedir={lab.ROOT}"]  # it leaves a folder behind
IMPACKET = ["/usr/bin/python3", str(HERE / "impacket_client.py")]


def rpc(address, options="seal"):
    return f"ncacn_ip_tcp:{address}[{options}]"


def dc(name, options, command):
    return name, ["rpcclient", "-U", ADMIN, rpc(*options), "-c", command]


# name, command, what its output must say
CLIENTS = [
    (*dc("rpcclient-samr", (lab.DC4,), "querydominfo;enumdomusers"), r"user:\[krbtgt\]"),
    (*dc("rpcclient-samr-ip6", (lab.DC6,), "querydominfo"), r"Domain:\s+LAB"),
    (*dc("rpcclient-netlogon", (lab.DC4, "sign"), "getdcname LAB"), r"DC1"),
    (*dc("rpcclient-netlogon-ip6", (lab.DC6, "sign"), "getdcname LAB"), r"DC1"),
    (*dc("rpcclient-epmlookup", (lab.DC4, "sign"), "epmlookup"), r"no more entries"),
    ("rpcclient-fileserver", ["rpcclient", "-U", FS, rpc(lab.FS4), "-c",
                              "srvinfo;netshareenumall"], r"netname: share"),
    ("rpcclient-fileserver-ip6", ["rpcclient", "-U", FS, rpc(lab.FS6), "-c", "srvinfo"],
     r"platform_id"),
    ("rpcclient-kerberos", ["sh", "-c", f"echo {samba.PASSWORD} | kinit Administrator >/dev/null &&"
                            " rpcclient --use-krb5-ccache=$KRB5CCNAME"
                            " 'ncacn_ip_tcp:dc1.lab.test[seal]' -c querydominfo"],
     r"Domain:\s+LAB"),
    ("samba-tool-dns", ["samba-tool", "dns", "query", "dc1.lab.test", "lab.test", "@", "ALL",
                        "-U", ADMIN], r"Name=dc1"),
    ("samba-tool-drs", ["samba-tool", "drs", "showrepl", "dc1.lab.test", "-U", ADMIN],
     r"OUTBOUND NEIGHBORS"),
    ("samba-tool-drs-ip6", ["samba-tool", "drs", "showrepl", "dc1-6.lab.test", "-U", ADMIN],
     r"OUTBOUND NEIGHBORS"),
    ("smbtorture-samr", [*TORTURE, "-U", ADMIN, rpc(lab.DC4), "rpc.handles.samr"],
     r"success: samr"),
    ("smbtorture-drsuapi", [*TORTURE, "-U", ADMIN, rpc(lab.DC4), "rpc.handles.drsuapi"],
     r"success: drsuapi"),
    ("smbtorture-big-endian", [*TORTURE, "-U", ADMIN, rpc(lab.DC4, "seal,bigendian"),
                               "rpc.handles.samr"], r"success: samr"),
    ("smbtorture-samr-ip6", [*TORTURE, "-U", ADMIN, rpc("dc1-6.lab.test"),
                             "rpc.handles.samr"], r"success: samr"),
    ("impacket-netlogon", [*IMPACKET, "netlogon", lab.DC4], r"^challenge"),
    ("impacket-netlogon-ip6", [*IMPACKET, "netlogon", lab.DC6], r"^challenge"),
    ("impacket-fragments", [*IMPACKET, "fragments", lab.DC4], r"^challenge"),
    ("impacket-dcom", [*IMPACKET, "dcom", lab.STANDIN4], r"^exporter"),
    ("impacket-dcom-ip6", [*IMPACKET, "dcom", lab.STANDIN6], r"^exporter"),
]
# Pipes of SMB are not RPC over TCP: this one passes either way, and must not be broken
OVER_SMB = ("net-rpc", ["net", "rpc", "info", "-U", ADMIN, "-S", "dc1.lab.test"], r"Num users")


class World:
    def __init__(self, args):
        self.net, self.program = args.net, args.program
        self.samba = samba.Samba(args.net, args.build / "net-cache")
        self.gate = None

    def works(self, name, command, expected, timeout_s=15):
        done = self.samba.run(*command, timeout_s=timeout_s)
        if done.returncode or not re.search(expected, done.stdout, re.M):
            raise lab.Failed(f"{name}: exit status {done.returncode}: {done.stdout[-400:].strip()}")

    def start_gate(self):
        if not self.gate:
            gate = gateway.Gateway(self.net, self.program, "set dynamic-range=49152-65535")
            gate.start()
            self.gate = gate


@contextlib.contextmanager
def world(args):
    args.net.routed()
    made = World(args)
    made.samba.start_dc()
    made.samba.start_fs()
    standin = start_standin(args.net)
    made.samba.ready()
    args.net.close_forwarding()
    try:
        yield made
    finally:
        if made.gate:
            made.gate.stop()
        args.net.stop(standin)


def start_standin(net, *services, addresses=(lab.STANDIN4, lab.STANDIN6), host="dc"):
    command = ["/usr/bin/python3", str(HERE / "standin.py"), *addresses]
    for service in services or ("49160=samr",):
        command += ["--service", service]
    process = net.popen(host, command, stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "ready\n":
        raise lab.Failed("the stand-in server did not start")
    return process


# ------------------------------------------------------------------ scenarios

def fail_without(made):
    """All at once, for each waits until it is told to stop waiting."""
    running = []
    for name, command, expected in CLIENTS:
        process = made.net.popen("client", command, env=made.samba.client_env,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace")
        running.append((name, process, expected))
    end = time.monotonic() + WITHOUT_S
    worked = []
    for name, process, expected in running:
        try:
            out, _ = process.communicate(timeout=max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            made.net.kill(process)
            out, _ = process.communicate()
        made.net.started.remove(process)
        if re.search(expected, out, re.M):
            worked.append(name)
    if worked:
        raise lab.Failed(f"these work although everything is closed: {' '.join(worked)}")
    made.works(*OVER_SMB)
    return f"{len(running)} clients"


def client(row):
    def scenario(made):
        made.start_gate()
        made.works(*row)
    return row[0], scenario


def nothing_refused(made):
    """What the log says about all of it: announced and used, nothing refused, lines well-formed."""
    made.start_gate()
    made.gate.stop()
    events = made.gate.events()
    made.gate = None
    allowed = [e for e in events if e["event_type"] == "rpc_bind"
               and e["rpc_bind"]["reason"] == "learned"]
    refused = [e for e in events if e["event_type"] == "rpc_bind"
               and e["rpc_bind"]["verdict"] == "deny"]
    if refused:
        body = refused[0]["rpc_bind"]
        raise lab.Failed(f"{len(refused)} refused, such as {body.get('name', body['uuid'])}, "
                         f"{body['reason']}")
    if len(allowed) < len(CLIENTS):
        raise lab.Failed(f"only {len(allowed)} Binds after an announcement in the log")
    if any(e["rpc_bind"]["action"] != "pass" for e in allowed):
        raise lab.Failed("an allowed Bind whose action is not pass")
    families = {":" in e["src_ip"] for e in allowed}
    if families != {True, False}:
        raise lab.Failed("not both, IPv4 and IPv6, in the log")
    well_formed(events)
    return f"{len(allowed)} Binds allowed, {len(events)} events"


def well_formed(events):
    """Every line fits the schema."""
    path = HERE.parent.parent / "src" / "io" / "rpcgate-events.schema.json"
    schema = jsonschema.Draft7Validator(json.loads(path.read_text(encoding="utf-8")))
    for event in events:
        for problem in schema.iter_errors(event):
            raise lab.Failed(f"event {event}: {problem.message}")


def unmapped(made):
    """Samba's own port, asked for behind the gateway's back: refused to a client that did not."""
    made.start_gate()
    with lab.inside("dc"):
        port = pdu.ask_mapper(lab.DC4, "samr")[0]
    with made.net.capture("dc") as arrived, lab.inside("other"):
        refused = pdu.refused(pdu.use, lab.DC4, port, "samr", timeout_s=1.5)
    if not refused:
        raise lab.Failed("a Bind of a client that never asked came through")
    if capture.Streams(arrived).binds(lab.DC4, port):
        raise lab.Failed("the refused Bind arrived at the server")


SCENARIOS = [("fail-without-rpcgate", fail_without),
             *(client(row) for row in CLIENTS), client(OVER_SMB),
             ("nothing-refused", nothing_refused), ("unmapped-at-samba", unmapped)]
