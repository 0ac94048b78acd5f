#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The library from Python: packets come from an iterator, verdicts are printed.

usage: verdicts.py [FILE.pcap]   (needs librpcgate.so.1, nothing else)
"""
import ctypes as c
import ipaddress
import os
import struct
import sys
import uuid

lib = c.CDLL("librpcgate.so.1")
ETHERNET, EVENT_BIND, ERROR_SIZE = 1, 2, 256
VERDICTS = ("allow", "log", "deny")


class Packet(c.Structure):
    _fields_ = [("data", c.c_char_p), ("caplen", c.c_uint32), ("len", c.c_uint32),
                ("linktype", c.c_uint32), ("zone", c.c_uint32), ("checksum", c.c_int),
                ("standing", c.c_int), ("time_ns", c.c_uint64), ("indev", c.c_uint32),
                ("outdev", c.c_uint32)]


class Syntax(c.Structure):
    _fields_ = [("uuid", c.c_uint8 * 16), ("major", c.c_uint16), ("minor", c.c_uint16)]


class Bind(c.Structure):  # the beginning of rpcgate_bind_event
    _fields_ = [("pdu", c.c_int), ("verdict", c.c_int), ("action", c.c_int), ("reason", c.c_int),
                ("interface", Syntax)]


class Body(c.Union):  # as large as the largest of them, rpcgate_bind_event
    _fields_ = [("bind", Bind), ("_all", c.c_uint64 * (280 // 8))]


class Event(c.Structure):
    _fields_ = [("type", c.c_int), ("proto", c.c_uint8), ("n_vlan", c.c_uint8),
                ("vlan", c.c_uint16 * 2), ("zone", c.c_uint32), ("time_ns", c.c_uint64),
                ("flow_id", c.c_uint64), ("parent_id", c.c_uint64), ("src", c.c_uint8 * 16),
                ("dest", c.c_uint8 * 16), ("src_port", c.c_uint16), ("dest_port", c.c_uint16),
                ("u", Body)]


class Result(c.Structure):
    _fields_ = [("action", c.c_int), ("reason", c.c_int), ("standing", c.c_int),
                ("flow_id", c.c_uint64), ("l3_offset", c.c_uint32), ("not_rpc", c.c_bool), ("events", c.POINTER(Event)),
                ("n_events", c.c_size_t)]


lib.rpcgate_new.restype = c.c_void_p
lib.rpcgate_free.argtypes = [c.c_void_p]
lib.rpcgate_feed.argtypes = [c.c_void_p, c.POINTER(Packet)]
lib.rpcgate_feed.restype = Result
lib.rpcgate_reason_name.restype = c.c_char_p


def engine(**settings):
    """An engine with settings such as pinhole.ttl="60s"."""
    config = c.create_string_buffer(1 << 16)  # more than struct rpcgate_config
    error = c.create_string_buffer(ERROR_SIZE)
    lib.rpcgate_config_default(config)
    config[:16] = os.urandom(16)  # hash_key comes first
    for key, value in settings.items():
        if not lib.rpcgate_config_set(config, key.encode(), value.encode(), error):
            raise ValueError(error.value.decode())
    gate = lib.rpcgate_new(config, error)
    if not gate:
        raise MemoryError(error.value.decode())
    return gate


def packets(path):
    """Of a classic capture of Ethernet frames, times in microseconds, little endian."""
    with open(path, "rb") if path else sys.stdin.buffer as file:
        file.read(24)
        while len(head := file.read(16)) == 16:
            sec, usec, caplen, length = struct.unpack("<IIII", head)
            yield Packet(file.read(caplen), caplen, length, ETHERNET, 0, 0,
                         sec * 10**9 + usec * 1000)


def address(octets):
    ip = ipaddress.IPv6Address(bytes(octets))
    return ip.ipv4_mapped or ip


def main():
    gate = engine()
    for packet in packets(sys.argv[1] if len(sys.argv) > 1 else None):
        result = lib.rpcgate_feed(gate, c.byref(packet))
        for event in result.events[:result.n_events]:
            if event.type == EVENT_BIND:
                bind = event.u.bind
                print(address(event.src), address(event.dest), event.dest_port,
                      uuid.UUID(bytes=bytes(bind.interface.uuid)), VERDICTS[bind.verdict],
                      lib.rpcgate_reason_name(bind.reason).decode())
    lib.rpcgate_free(gate)


if __name__ == "__main__":
    main()
