#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers 'rpcgate ctl pinholes' at a socket, as the daemon does.

usage: pinholes.py SOCKET ID...     the same pinhole has two interfaces
"""
import json
import socket
import sys


def lines(ids):
    for number in ids:
        for name in ("samr", "lsarpc"):
            yield {"id": number, "client_ip": f"10.1.0.{number}", "server_ip": "10.2.0.5", "port": 49664,
                   "proto": "TCP", "source": "ept_map", "left_s": 100.0, "uses": 0, "version": "1.0",
                   "uuid": "12345778-1234-abcd-ef00-0123456789ac", "name": name}
    yield {"ok": True}


def main():
    path, ids = sys.argv[1], [int(word) for word in sys.argv[2:]]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        while True:
            client, _ = listener.accept()
            with client, client.makefile("rw") as file:
                asked = file.readline().split()
                answer = lines(ids) if asked == ["pinholes"] else [{"ok": False, "error": "not here"}]
                for line in answer:
                    file.write(json.dumps(line, separators=(",", ":")) + "\n")
                file.flush()


if __name__ == "__main__":
    main()
