# SPDX-License-Identifier: GPL-3.0-or-later
"""Wires of our own in a network namespace, and captures to be played on them."""
import os
import pathlib
import socket
import struct
import subprocess

CLIENT = socket.inet_aton("198.18.1.2")
# The leak checker stops a process as a debugger does, which one in its sandbox does not let happen.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"


def run(*command):
    subprocess.run(command, check=True)


def read_pcap(path):
    """[(time, frame)] of a classic pcap of Ethernet."""
    data = pathlib.Path(path).read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1e-9 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e-6
    assert struct.unpack(order + "I", data[20:24])[0] == 1, path
    packets, at = [], 24
    while at < len(data):
        seconds, part, n, _ = struct.unpack(order + "IIII", data[at:at + 16])
        packets.append((seconds + part * unit, data[at + 16:at + 16 + n]))
        at += 16 + n
    return packets


def wires():
    """Two pairs, of which a0 and b0 are the program's."""
    for inner, outer in (("a0", "a1"), ("b0", "b1")):
        run("ip", "link", "add", inner, "type", "veth", "peer", "name", outer)
        for name in (inner, outer):
            pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1", encoding="ascii")
            run("ip", "link", "set", name, "up")


def ends():
    """Sockets at the far end of each pair."""
    made = {}
    for name in ("a1", "b1"):
        made[name] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        made[name].bind((name, 0))
    return made


def end_of(frame):
    """The client's frames enter at one end, the server's at the other."""
    return "a1" if frame[26:30] == CLIENT else "b1"
