# SPDX-License-Identifier: GPL-3.0-or-later
"""impacket as a client: impacket_client.py netlogon|fragments|dcom ADDRESS

Prints one line that begins with "challenge" or "exporter" if all of it worked.
"""
import sys

from impacket.dcerpc.v5 import epm, nrpc, transport
from impacket.dcerpc.v5.dcomrt import IID_IRemUnknown2, IObjectExporter, IRemoteSCMActivator
from impacket.uuid import uuidtup_to_bin

OXID = 0x1122334455667788
DISPATCH = uuidtup_to_bin(("00020400-0000-0000-C000-000000000046", "0.0"))
SOME_CLASS = uuidtup_to_bin(("8BC3F05E-D86B-11D0-A075-00C04FB68820", "0.0"))


def connected(binding, pieces=None):
    # transports over TCP resolve the name themselves, IPv6 too
    link = transport.DCERPCTransportFactory(binding)
    link.set_connect_timeout(3)
    if pieces:
        link.set_max_fragment_size(pieces)
    dce = link.get_dce_rpc()
    dce.connect()
    return dce


def netlogon(address, pieces=None):
    mapper = connected(f"ncacn_ip_tcp:{address}[135]", pieces)
    # hept_map() binds the mapper itself
    binding = epm.hept_map(address, nrpc.MSRPC_UUID_NRPC, protocol="ncacn_ip_tcp", dce=mapper)
    mapper.disconnect()
    dce = connected(binding, pieces)
    dce.bind(nrpc.MSRPC_UUID_NRPC)
    answer = nrpc.hNetrServerReqChallenge(dce, "\0", "client\0", b"12345678")
    print("challenge", answer["ServerChallenge"].hex())


def dcom(address):
    resolver = IObjectExporter(connected(f"ncacn_ip_tcp:{address}[135]"))
    resolver.ServerAlive2()
    names = resolver.ResolveOxid2(OXID, (7,))
    text = names[0]["aNetworkAddr"].rstrip("\0")
    port = int(text[text.rindex("[") + 1:-1])
    dce = connected(f"ncacn_ip_tcp:{address}[{port}]")
    dce.bind(IID_IRemUnknown2)
    dce.call(3, b"0123456789abcdef0123456789abcdef")
    dce.recv()
    dce.disconnect()
    # the object's own interface is granted by an activation that asks for it
    activator = IRemoteSCMActivator(connected(f"ncacn_ip_tcp:{address}[135]"))
    activator.RemoteCreateInstance(SOME_CLASS[:16], DISPATCH)
    dce = connected(f"ncacn_ip_tcp:{address}[{port}]")
    dce.bind(IID_IRemUnknown2)
    dce = dce.alter_ctx(DISPATCH)
    dce.call(3, b"0123456789abcdef0123456789abcdef")
    dce.recv()
    print("exporter", text)


if __name__ == "__main__":
    what, where = sys.argv[1:]
    if what == "dcom":
        dcom(where)
    else:
        netlogon(where, 7 if what == "fragments" else None)
