# SPDX-License-Identifier: GPL-3.0-or-later
"""DCE/RPC for tests: PDUs made and cut, a small client, and a server that stands in for Windows.

Written from C706 and MS-RPCE/MS-DCOM, apart from the program under test: nothing here is shared
with it.  Little-endian, NDR, no authentication.
"""
import socket
import struct
import uuid

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESP = 0, 2, 3, 11, 12, 13, 14, 15
HEADER = struct.Struct("<BBBBIHHI")  # version, minor, type, flags, drep, length, auth, call id
EPT_MAP, MAPPER_PORT = 3, 135
NOT_REGISTERED = 0x16C9A0D6
INVALID_CONTEXT = 0x1C010003

NDR = (uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)
INTERFACES = {name: (uuid.UUID(text), version) for name, text, version in (
    ("epm", "e1af8308-5d1f-11c9-91a4-08002b14a0fa", 3),
    ("mgmt", "afa8bd80-7d8a-11c9-bef4-08002b102989", 1),
    ("samr", "12345778-1234-abcd-ef00-0123456789ac", 1),
    ("lsarpc", "12345778-1234-abcd-ef00-0123456789ab", 0),
    ("netlogon", "12345678-1234-abcd-ef00-01234567cffb", 1),
    ("drsuapi", "e3514235-4b06-11d1-ab04-00c04fc2dcd2", 4),
    ("svcctl", "367abb81-9844-35f1-ad32-98f038001003", 2),
    ("wkssvc", "6bffd098-a112-3610-9833-46c3f87e345a", 1),
    ("srvsvc", "4b324fc8-1670-01d3-1278-5a47bf6ee188", 3),
    ("oxid", "99fcfec4-5260-101b-bbcb-00aa0021347a", 0),
    ("scm", "000001a0-0000-0000-c000-000000000046", 0),
    ("remunknown2", "00000143-0000-0000-c000-000000000046", 0),
    ("dispatch", "00020400-0000-0000-c000-000000000046", 0),
)}

# interfaces that nobody knows, for tests that need many
INTERFACES.update((f"extra{i}", (uuid.UUID(int=0x7E57 << 112 | i), 1)) for i in range(64))


class Refused(Exception):
    """The other side, or somebody between, ended it or kept silent."""


# --------------------------------------------------------------------- PDUs

def pdu(kind, body, call_id=1, flags=3):
    return HEADER.pack(5, 0, kind, flags, 0x10, HEADER.size + len(body), 0, call_id) + body


def syntax(interface):
    name, version = interface
    return name.bytes_le + struct.pack("<I", version)


def bind(interfaces, call_id=1, kind=BIND, first_id=0):
    """Each interface a context of its own, NDR alone."""
    body = struct.pack("<HHIB3x", 5840, 5840, 0, len(interfaces))
    for i, name in enumerate(interfaces):
        body += struct.pack("<HBx", first_id + i, 1) + syntax(INTERFACES[name]) + syntax(NDR)
    return pdu(kind, body, call_id)


def request(opnum, stub=b"", call_id=2, context=0):
    return pdu(REQUEST, struct.pack("<IHH", len(stub), context, opnum) + stub, call_id)


def response(stub, call_id, context):
    return pdu(RESPONSE, struct.pack("<IHBx", len(stub), context, 0) + stub, call_id)


def fault(status, call_id, context):
    return pdu(FAULT, struct.pack("<IHBxII", 0, context, 0, status, 0), call_id)


def cut(data):
    """Whole PDUs from the start of a stream, and what is left."""
    whole = []
    while len(data) >= HEADER.size:
        length = struct.unpack_from("<H" if data[4] & 0x10 else ">H", data, 8)[0]
        if data[0] != 5 or length < HEADER.size or len(data) < length:
            break
        whole.append(data[:length])
        data = data[length:]
    return whole, data


def contexts(data):
    """(id, interface UUID) of each context that a bind or alter_context asks for."""
    order = "<" if data[4] & 0x10 else ">"
    at, found = 28, []
    for _ in range(data[24]):
        number, transfers = struct.unpack_from(order + "HB", data, at)
        raw = bytes(data[at + 4:at + 20])
        found.append((number, uuid.UUID(bytes_le=raw) if order == "<" else uuid.UUID(bytes=raw)))
        at += 24 + 20 * transfers
    return found


# ------------------------------------------------------------------- towers

def tower(interface, port, address="0.0.0.0"):
    name, version = interface
    def floor(lhs, rhs):
        return struct.pack("<H", len(lhs)) + lhs + struct.pack("<H", len(rhs)) + rhs
    return (struct.pack("<H", 5)
            + floor(b"\x0d" + name.bytes_le + struct.pack("<H", version), b"\0\0")
            + floor(b"\x0d" + NDR[0].bytes_le + struct.pack("<H", NDR[1]), b"\0\0")
            + floor(b"\x0b", b"\0\0") + floor(b"\x07", struct.pack(">H", port))
            + floor(b"\x09", socket.inet_aton(address)))


def padded(data, to=4):
    return data + bytes(-len(data) % to)


def map_request(interface, call_id=2, most=4):
    asked = tower(interface, MAPPER_PORT)
    stub = struct.pack("<I16xIII", 1, 2, len(asked), len(asked)) + padded(asked)
    return request(EPT_MAP, stub + struct.pack("<20xI", most), call_id)


def map_response(interface, ports, most, call_id, context, address):
    towers = [tower(interface, port, address) for port in ports]
    stub = struct.pack("<20xIIII", len(towers), most, 0, len(towers))
    stub += b"".join(struct.pack("<I", 3 + i) for i in range(len(towers)))
    for one in towers:
        stub += struct.pack("<II", len(one), len(one)) + padded(one)
    stub += struct.pack("<I", 0 if towers else NOT_REGISTERED)
    return response(stub, call_id, context)


def tower_ports(answer):
    """TCP ports in an answer of ept_map, whatever the interface."""
    stub, found = answer[24:], []
    count, = struct.unpack_from("<I", stub, 20)
    at = 36 + 4 * count
    for _ in range(count):
        length, = struct.unpack_from("<I", stub, at)
        one = stub[at + 8:at + 8 + length]
        found.append(struct.unpack_from(">H", one, 64)[0])
        at += 8 + length + -length % 4
    return found


# ------------------------------------------------------------------- client

class Client:
    """One connection.  Every failure to talk is Refused: a reset, an end, silence."""

    def __init__(self, address, port, timeout_s=2.0, source=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left, self.failed = b"", False
        try:
            if source:
                self.socket.bind(source)
            self.socket.connect((address, port))
        except OSError as problem:
            self.socket.close()
            raise Refused(f"connect: {problem}") from problem

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Who was refused resets: its retransmissions would be seen by the next test's gateway."""
        if self.failed:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def refused(self, why):
        self.failed = True
        return Refused(why)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as problem:
            raise self.refused(f"send: {problem}") from problem

    def receive(self):
        while True:
            whole, rest = cut(self.left)
            if whole:
                self.left = self.left[len(whole[0]):]
                return whole[0]
            try:
                more = self.socket.recv(65536)
            except OSError as problem:
                raise self.refused(f"receive: {problem}") from problem
            if not more:
                raise self.refused("closed")
            self.left = rest + more

    def ask(self, data):
        self.send(data)
        return self.receive()

    def bind(self, *names, **more):
        """True if the server accepted every context."""
        answer = self.ask(bind(names, **more))
        if answer[2] not in (BIND_ACK, ALTER_RESP):
            return False
        at = 26 + struct.unpack_from("<H", answer, 24)[0]
        at += -at % 4
        return all(struct.unpack_from("<H", answer, at + 4 + 24 * i)[0] == 0
                   for i in range(answer[at]))


def ask_mapper(address, name, timeout_s=2.0):
    """The ports where a server says an interface is."""
    with Client(address, MAPPER_PORT, timeout_s) as mapper:
        if not mapper.bind("epm"):
            raise Refused("the mapper refused its own interface")
        answer = mapper.ask(map_request(INTERFACES[name]))
        return tower_ports(answer) if answer[2] == RESPONSE else []


def use(address, port, name, timeout_s=2.0):
    """Bind an interface and make one call; returns the type of the answer."""
    with Client(address, port, timeout_s) as service:
        if not service.bind(name):
            raise Refused("the server refused the interface")
        return service.ask(request(0, bytes(20)))[2]


def refused(function, *words, **more):
    """Why it was refused, or None if it was not."""
    try:
        function(*words, **more)
    except Refused as why:
        return str(why)
    return None
