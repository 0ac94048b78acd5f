#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A laboratory of network namespaces that cannot leave anything behind.

enter() starts the calling program again as process 1 of its own PID, mount, network, IPC and UTS
namespaces.  Everything the laboratory makes lives in there: named network namespaces stand on a
private /run/netns, files on a private tmpfs (ROOT), processes under process 1.  When that process
ends, however it ends, the kernel takes all of it away; names cannot collide with another run's.
The world has no interface to the outside.

    lab.enter()
    with lab.Lab() as net:
        net.routed()
        net.run("client", ["ping", "-c1", lab.DC4])

Nothing waits for a fixed time: wait_until() asks again and again.
"""
import contextlib
import ctypes
import ipaddress
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path("/mnt")
NETNS = pathlib.Path("/run/netns")
INSIDE = "RPCGATE_LAB_INSIDE"
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1

CLIENT4, CLIENT6 = "198.18.1.2", "2001:db8:1::2"
OTHER4, OTHER6 = "198.18.3.2", "2001:db8:3::2"
DC4, DC6 = "198.18.2.2", "2001:db8:2::2"
STANDIN4, STANDIN6 = "198.18.2.3", "2001:db8:2::3"
FS4, FS6 = "198.18.4.2", "2001:db8:4::2"
# host: (number of its subnet, addresses besides .2)
HOSTS = {"client": (1, ()), "dc": (2, (STANDIN4, STANDIN6)), "other": (3, ()), "fs": (4, ())}
GATEWAY = "gw"

libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """What a scenario raises when the world is not as it must be."""


def enter():
    """Move this program into its own namespaces; returns in there.  Needs root."""
    if INSIDE in os.environ and os.getpid() == 1:
        return
    if os.geteuid() != 0:
        sys.exit("network tests make namespaces: they need root")
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL",
                          "--mount-proc", "--net", "--ipc", "--uts", sys.executable, *sys.argv])


def wait_until(what, happened, timeout_s=10.0, pause_s=0.01):
    """Ask until happened() is true and return its answer; Failed after timeout_s."""
    end = time.monotonic() + timeout_s
    while True:
        answer = happened()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {timeout_s:g} s")
        time.sleep(pause_s)


def setns(name):
    fd = os.open(NETNS / name, os.O_RDONLY) if name else os.open("/proc/1/ns/net", os.O_RDONLY)
    try:
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
    finally:
        os.close(fd)


@contextlib.contextmanager
def inside(name):
    """Sockets that this thread makes belong to a host of the laboratory."""
    setns(name)
    try:
        yield
    finally:
        setns(None)


class Lab:
    """Namespaces, wires and processes.  A context manager; leaving it ends what was started."""

    def __init__(self):
        self.started = []
        self.hosts = set()
        self.env = dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C")

    def __enter__(self):
        libc.mount(b"none", b"/", None, 0x44000, None)  # MS_REC | MS_PRIVATE
        NETNS.mkdir(parents=True, exist_ok=True)
        self.call(["mount", "-t", "tmpfs", "-o", "mode=755", "lab", str(ROOT)])
        self.call(["mount", "-t", "tmpfs", "lab", str(NETNS)])
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            self.stop(process, 0.5)
        for host in sorted(self.hosts):
            subprocess.run(["ip", "netns", "del", host], env=self.env, check=False)
        for place in (NETNS, ROOT):
            subprocess.run(["umount", "-l", str(place)], check=False, stderr=subprocess.DEVNULL)

    # ------------------------------------------------------------- processes

    def call(self, command, **more):
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False,
                              **more)
        if done.returncode:
            raise Failed(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout

    def ip(self, host, *lines):
        """ip(8) lines in a namespace."""
        self.call(["ip", "-n", host, "-batch", "-"], input="\n".join(lines) + "\n")

    def popen(self, host, command, env=None, **more):
        """A process in a namespace that dies with this one."""
        def prepare():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            setns(host)
        process = subprocess.Popen(command, preexec_fn=prepare, start_new_session=True,
                                   env={**self.env, **(env or {})}, **more)
        self.started.append(process)
        return process

    @staticmethod
    def kill(process):
        """With all of its children that share its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def stop(self, process, timeout_s=5.0):
        """SIGTERM, and SIGKILL for those who do not listen."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill(process)
                process.wait()
        if process in self.started:
            self.started.remove(process)
        return process.returncode

    def run(self, host, command, timeout_s=20.0, env=None, **more):
        """Run to its end in a namespace.  A time-out is exit status 124, as timeout(1) says it."""
        process = self.popen(host, command, env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", **more)
        try:
            out, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill(process)
            out, _ = process.communicate()
            process.returncode = 124
        self.started.remove(process)
        return subprocess.CompletedProcess(command, process.returncode, out, "")

    # ----------------------------------------------------------------- wires

    def host(self, name):
        self.call(["ip", "netns", "add", name])
        self.hosts.add(name)
        self.ip(name, "link set lo up")
        self.sysctl(name, "net.ipv6.conf.default.accept_dad", "0")
        self.sysctl(name, "net.ipv6.conf.all.accept_dad", "0")

    def sysctl(self, host, key, value):
        with inside(host):
            pathlib.Path("/proc/sys/" + key.replace(".", "/")).write_text(value, encoding="ascii")

    def wire(self, a, a_name, b, b_name, mtu=1500):
        self.call(["ip", "link", "add", a_name, "mtu", str(mtu), "netns", a, "type", "veth",
                   "peer", "name", b_name, "mtu", str(mtu), "netns", b])
        self.ip(a, f"link set {a_name} up")
        self.ip(b, f"link set {b_name} up")

    def offloads(self, host, interface, on):
        word = "on" if on else "off"
        self.run(host, ["ethtool", "-K", interface, "tx", word, "tso", word, "gso", word, "gro",
                        word])

    def routed(self, hosts=tuple(HOSTS), offloads=False):
        """Hosts around a router.  Without offloads a wire segment is a packet, checksums valid."""
        self.host(GATEWAY)
        self.sysctl(GATEWAY, "net.ipv4.ip_forward", "1")
        self.sysctl(GATEWAY, "net.ipv6.conf.all.forwarding", "1")
        for name in hosts:
            number, more = HOSTS[name]
            self.host(name)
            self.wire(name, "eth0", GATEWAY, name)
            self.ip(GATEWAY, f"addr add 198.18.{number}.1/24 dev {name}",
                    f"addr add 2001:db8:{number}::1/64 dev {name} nodad")
            self.ip(name, f"addr add 198.18.{number}.2/24 dev eth0",
                    f"addr add 2001:db8:{number}::2/64 dev eth0 nodad",
                    *(f"addr add {a}/{64 if ':' in a else 24} dev eth0" for a in more),
                    f"route add default via 198.18.{number}.1",
                    f"route add default via 2001:db8:{number}::1")
            for host, interface in ((name, "eth0"), (GATEWAY, name)):
                self.offloads(host, interface, offloads)
        for name in hosts:
            self.reachable("198.18.%d.2" % HOSTS[name][0])
            self.reachable("2001:db8:%d::2" % HOSTS[name][0])

    def reachable(self, address):
        wait_until(f"{address} answers", lambda: not self.run(
            GATEWAY, ["ping", "-c1", "-W1", address]).returncode)

    def bridged(self, offloads=False):
        """Two hosts of one subnet, on the two ports of the gateway: client and dc."""
        self.host(GATEWAY)
        for number, name in ((1, "client"), (2, "dc")):
            self.host(name)
            self.wire(name, "eth0", GATEWAY, f"eth{number - 1}")
            self.ip(name, f"addr add 198.18.{number}.2/16 dev eth0",
                    f"addr add 2001:db8:{number}::2/32 dev eth0 nodad",
                    *(["addr add 198.18.2.3/16 dev eth0", "addr add 2001:db8:2::3/32 dev eth0"]
                      if name == "dc" else []))
            for host, interface in ((name, "eth0"), (GATEWAY, f"eth{number - 1}")):
                self.offloads(host, interface, offloads)

    def nft(self, text, host=GATEWAY):
        process = self.popen(host, ["nft", "-f", "-"], stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out, _ = process.communicate(text)
        self.started.remove(process)
        if process.returncode:
            raise Failed(f"nft: {out.strip()}")

    # The rule set of the administrator: what is not RPC by name, and what rpcgate approved
    CLOSED = """
table inet filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		meta mark & 0x08000000 == 0x08000000 accept
		meta l4proto { icmp, icmpv6 } accept
		meta l4proto { tcp, udp } th dport { 53, 88, 389, 445, 464, 3268 } accept
		meta l4proto { tcp, udp } th sport { 53, 88, 389, 445, 464, 3268 } accept
	}
}
"""

    def close_forwarding(self):
        self.nft(self.CLOSED)

    def open_forwarding(self):
        self.nft("table inet filter {}\ndelete table inet filter\n")

    # -------------------------------------------------------------- captures

    @contextlib.contextmanager
    def capture(self, host, interface="eth0", expression=""):
        """tcpdump on a host; gives the path of the file, complete once the block is left."""
        path = ROOT / f"{host}-{time.monotonic_ns()}.pcap"
        process = self.popen(host, ["tcpdump", "-i", interface, "--immediate-mode", "-U", "-n",
                                    "-s0", "-Z", "root", "-w", str(path), *expression.split()],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_until("tcpdump captures", lambda: path.exists() and path.stat().st_size >= 24)
        try:
            yield path
        finally:
            self.stop(process)

    def listens(self, host, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with inside(host), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            return probe.connect_ex((address, port)) == 0


class Threads:
    """Threads that go on while self.going, which is until the end of the with block."""

    def __init__(self):
        self.going, self.threads = True, []

    def thread(self, target, *args):
        self.threads.append(threading.Thread(target=target, args=args, daemon=True))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        for thread in self.threads:
            thread.join()


def is_ip6(address):
    return ipaddress.ip_address(address).version == 6


def keep(path, where):
    """Copy what explains a failure out of the private file system."""
    where.mkdir(parents=True, exist_ok=True)
    if path.exists():
        shutil.copy(path, where / path.name)
