# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that stands in for Windows: endpoint mapper, services, DCOM activation.

    standin.py ADDRESS... [--service PORT=NAME[,NAME...]]... [--exporter PORT]

On 135 it answers ept_map for its services, IObjectExporter::ServerAlive2 and ResolveOxid2, and
IRemoteSCMActivator::RemoteCreateInstance (MS-DCOM 3.1.2.5) with the port of the exporter.  A
service port accepts any interface, as servers do whose processes hold several: keeping the others
away is the gateway's work.  Every call to a service is answered with its own stub.
Prints "ready" once it listens everywhere.
"""
import argparse
import asyncio
import struct

import pdu

OXID, OID = 0x1122334455667788, 0x55
IPID = bytes.fromhex("01c000000b0a0d0c0102030405060708")
SERVER_ALIVE2, RESOLVE_OXID2, CREATE_INSTANCE = 5, 4, 4
MEOW = 0x574F454D


def guid(text):
    return pdu.uuid.UUID(text).bytes_le


IID_PROPERTIES = guid("000001a3-0000-0000-c000-000000000046")
CLSID_OUT = guid("00000339-0000-0000-c000-000000000046")
CLSID_SCM = guid("000001b6-0000-0000-c000-000000000046")
IID_DISPATCH = guid("00020400-0000-0000-c000-000000000046")


def bindings(names, port=None):
    """DUALSTRINGARRAY without its conformance (MS-DCOM 2.2.19)."""
    text = b""
    for name in names:
        text += struct.pack("<H", 7)
        text += (name + (f"[{port}]" if port else "")).encode("utf-16-le") + b"\0\0"
    text += b"\0\0"
    security = struct.pack("<HHHH", 10, 0xFFFF, 0, 0)
    return struct.pack("<HH", (len(text) + len(security)) // 2, len(text) // 2) + text + security


def conformant(array):
    return struct.pack("<I", (len(array) - 4) // 2) + array


def serialized(data):
    """Type serialization version 1 (MS-RPCE 2.2.6)."""
    data = pdu.padded(data, 8)
    return struct.pack("<BBHIII", 1, 0x10, 8, 0xCCCCCCCC, len(data), 0) + data


def objref_standard(names):
    return (struct.pack("<II", MEOW, 1) + IID_DISPATCH
            + struct.pack("<IIQQ", 0, 5, OXID, OID) + IPID + bindings(names))


def activation_answer(names, port):
    """ORPCTHAT and the activation properties (MS-DCOM 2.2.22)."""
    reference = objref_standard(names)
    out = serialized(struct.pack("<IIII", 1, 0x20000, 0x20004, 0x20008)
                     + struct.pack("<I", 1) + IID_DISPATCH + struct.pack("<II", 1, 0)
                     + struct.pack("<II", 1, 0x2000C)
                     + struct.pack("<II", len(reference), len(reference)) + reference)
    scm = serialized(struct.pack("<II", 0, 0x20000) + struct.pack("<QI", OXID, 0x20004) + IPID
                     + struct.pack("<IHH", 1, 5, 7) + conformant(bindings(names, port)))
    head_size = 16 + 96
    total = head_size + len(out) + len(scm)
    head = serialized(struct.pack("<IIIII", total, head_size, 0, 2, 2) + bytes(16)
                      + struct.pack("<III", 0x20000, 0x20004, 0)
                      + struct.pack("<I", 2) + CLSID_OUT + CLSID_SCM
                      + struct.pack("<III", 2, len(out), len(scm)))
    assert len(head) == head_size
    blob = struct.pack("<II", total, 0) + head + out + scm
    custom = (struct.pack("<II", MEOW, 4) + IID_PROPERTIES + CLSID_OUT
              + struct.pack("<II", 0, len(blob) + 8) + blob)
    stub = struct.pack("<IIIII", 0, 0, 0x20000, len(custom), len(custom)) + custom
    return pdu.padded(stub) + struct.pack("<I", 0)


class Server:
    def __init__(self, address, services, exporter):
        self.address, self.services, self.exporter = address, services, exporter
        # towers have no place for an IPv6 address: servers write 0.0.0.0 then
        self.tower_address = "0.0.0.0" if ":" in address else address
        self.ports = {}
        for port, names in services.items():
            for name in names:
                self.ports.setdefault(pdu.INTERFACES[name][0], []).append(port)

    def mapped(self, stub, call_id, context):
        length, = struct.unpack_from("<I", stub, 28)
        asked = stub[32:32 + length]
        interface = (pdu.uuid.UUID(bytes_le=bytes(asked[5:21])),
                     struct.unpack_from("<H", asked, 21)[0])
        most, = struct.unpack_from("<I", stub, len(stub) - 4)
        ports = self.ports.get(interface[0], [])[:most]
        return pdu.map_response(interface, ports, most, call_id, context, self.tower_address)

    def dcom(self, name, opnum):
        names = [self.address]
        if name == "oxid" and opnum == SERVER_ALIVE2:
            stub = struct.pack("<HHI", 5, 7, 0x20000) + conformant(bindings(names))
            return pdu.padded(stub) + struct.pack("<II", 0, 0)
        if name == "oxid" and opnum == RESOLVE_OXID2:
            stub = struct.pack("<I", 0x20000) + conformant(bindings(names, self.exporter))
            return pdu.padded(stub) + IPID + struct.pack("<IHHI", 1, 5, 7, 0)
        if name == "scm" and opnum == CREATE_INSTANCE:
            return activation_answer(names, self.exporter)
        return None

    def answer(self, port, data, contexts):
        kind, call_id = data[2], struct.unpack_from("<I", data, 12)[0]
        if kind in (pdu.BIND, pdu.ALTER):
            asked = pdu.contexts(data)
            contexts.update(asked)
            secondary = str(port).encode() + b"\0" if kind == pdu.BIND else b""
            body = struct.pack("<HHIH", 5840, 5840, 0x3039, len(secondary)) + secondary
            body += bytes(-(len(body) + 16) % 4) + struct.pack("<B3x", len(asked))
            body += b"".join(struct.pack("<HH", 0, 0) + pdu.syntax(pdu.NDR) for _ in asked)
            return pdu.pdu(kind + 1, body, call_id)
        if kind != pdu.REQUEST:
            return b""
        context, opnum = struct.unpack_from("<HH", data, 20)
        stub = data[40:] if data[3] & 0x80 else data[24:]
        name = next((name for name, (number, _) in pdu.INTERFACES.items()
                     if number == contexts.get(context)), None)
        if port != pdu.MAPPER_PORT:
            return pdu.response(stub, call_id, context)
        if name == "epm" and opnum == pdu.EPT_MAP:
            return self.mapped(stub, call_id, context)
        stub = self.dcom(name, opnum)
        if stub is None:
            return pdu.fault(pdu.INVALID_CONTEXT, call_id, context)
        return pdu.response(stub, call_id, context)

    async def talk(self, port, reader, writer):
        left, contexts = b"", {}
        try:
            while more := await reader.read(65536):
                whole, left = pdu.cut(left + more)
                for one in whole:
                    writer.write(self.answer(port, one, contexts))
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def listen(self):
        for port in {pdu.MAPPER_PORT, self.exporter, *self.services}:
            await asyncio.start_server(
                lambda r, w, port=port: self.talk(port, r, w), self.address, port, backlog=512)


async def serve(args):
    services = {}
    for text in args.service:
        port, _, names = text.partition("=")
        services[int(port)] = names.split(",")
    for address in args.address:
        await Server(address, services, args.exporter).listen()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("address", nargs="+")
    parser.add_argument("--service", action="append", default=[])
    parser.add_argument("--exporter", type=int, default=49664)
    asyncio.run(serve(parser.parse_args()))
