# SPDX-License-Identifier: GPL-3.0-or-later
"""Knock on the gateway every millisecond, and see which knock was heard behind it.

A knock is a SYN from a raw socket with its number as sequence number, so an arrival tells when it
was sent, however late it is seen. Knocks go to the given ports in turn.
"""
import socket
import struct
import time

import capture
import lab

PERIOD_S = 0.001
FIRST_PORT, PORTS = 10000, 20000  # below the ports that the kernel gives out
ETH_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING = 3, 263, 23


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(source, server, sport, dport, seq, ack, flags, payload=b""):
    """A datagram of IPv4 or IPv6, as the addresses are."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    a, b = socket.inet_pton(family, source), socket.inet_pton(family, server)
    made = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 64240, 0, 0) + payload
    total = checksum(a + b + struct.pack(">HH", 6, len(made)) + made + bytes(len(made) % 2))
    made = made[:16] + struct.pack(">H", total) + made[18:]
    if family == socket.AF_INET6:
        return struct.pack(">IHBB", 6 << 28, len(made), 6, 64) + a + b + made
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(made), seq & 0xFFFF, 0x4000, 64, 6, 0) + a + b
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + made


def syn(source, server, sport, dport, seq):
    return segment(source, server, sport, dport, seq, 0, capture.SYN)


class Probe(lab.Threads):
    """A context manager: knocks from `client` while it is open."""

    def __init__(self, net, server, *ports, source=lab.CLIENT4, host="client", behind="dc"):
        super().__init__()
        self.server, self.ports, self.source = server, ports, source
        self.sent, self.heard = [], set()  # [(time, port)], {number}
        gate = net.call(["ip", "-n", lab.GATEWAY, "-br", "link", "show", host]).split()[2]
        own = net.call(["ip", "-n", host, "-br", "link", "show", "eth0"]).split()[2]
        self.frame = bytes.fromhex(gate.replace(":", "") + own.replace(":", "") + "0800")
        self.sender, self.listener = self.raw(host), self.raw(behind)
        self.listener.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.listener.settimeout(0.05)
        self.thread(self.knock)
        self.thread(self.listen)

    @staticmethod
    def raw(host):
        with lab.inside(host):
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        made.bind(("eth0", 0))
        made.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        return made

    def __exit__(self, *_):
        super().__exit__()
        self.sender.close()
        self.listener.close()

    def knock(self):
        while self.going:
            number = len(self.sent)
            port = self.ports[number % len(self.ports)]
            packet = syn(self.source, self.server, FIRST_PORT + number % PORTS, port, number)
            self.sent.append((time.monotonic(), port))
            try:
                self.sender.send(self.frame + packet)
            except OSError:
                pass  # the interface may be away
            time.sleep(PERIOD_S)

    def listen(self):
        while self.going:
            try:
                frame = self.listener.recv(2048)
            except OSError:
                continue
            found = capture.link_payload(capture.ETHERNET, frame)
            segment = capture.tcp(found[0]) if found else None
            if segment and segment.flags & capture.SYN and segment.src == self.source \
                    and FIRST_PORT <= segment.sport < FIRST_PORT + PORTS:
                self.heard.add(segment.seq)

    def window(self, port, begin, end):
        """Numbers of the knocks on a port that were sent in a span of time."""
        return [n for n, (when, where) in enumerate(list(self.sent))
                if where == port and begin <= when < end]

    def heard_in(self, port, begin, end):
        """(how many were sent, milliseconds after begin of each that was heard)"""
        sent = self.window(port, begin, end)
        return len(sent), [round((self.sent[n][0] - begin) * 1000, 1) for n in sent
                           if n in self.heard]

    def opened(self, port, timeout_s=5.0):
        """Wait until a knock that is sent from now on is heard."""
        began = time.monotonic()
        lab.wait_until(f"a knock on {port} is heard", lambda: self.heard_in(
            port, began, time.monotonic())[1], timeout_s)

    def closed(self, port, begin, grace_s=0.05, least=25):
        """Nothing sent later than grace_s after begin may be heard; waits for enough knocks."""
        lab.wait_until("enough knocks", lambda: len(self.window(
            port, begin + grace_s, time.monotonic())) >= least, 10)
        time.sleep(0.02)  # for the last one to arrive
        sent, heard = self.heard_in(port, begin + grace_s, time.monotonic())
        if heard:
            raise lab.Failed(f"{len(heard)} of {sent} knocks on {port} went through, the last "
                             f"{heard[-1] + grace_s * 1000:.0f} ms after it should be closed")
        return sent
