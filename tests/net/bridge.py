# SPDX-License-Identifier: GPL-3.0-or-later
"""The deeds of refusals.py through `mode bridge`: two hosts of one subnet, the program between."""
import contextlib

import clients
import lab
import refusals
import tricks


@contextlib.contextmanager
def world(args):
    args.net.bridged()
    standin = clients.start_standin(
        args.net, f"{refusals.SAMR}=samr,lsarpc", f"{refusals.DRSUAPI}=drsuapi",
        f"{refusals.HIDDEN}=netlogon")
    made = refusals.World(args)
    made.mode, made.source = "bridge eth0 eth1", tricks.SOURCE
    try:
        yield made
    finally:
        args.net.stop(standin)


def nothing_without(made):
    """Nobody else copies packets from one side to the other."""
    if not made.net.run("client", ["ping", "-c1", "-W1", lab.DC4]).returncode:
        raise lab.Failed("a bridge without the program")


# two hosts are not enough for the deed of another client
DEEDS = [deed for deed in refusals.DEEDS if deed.name != "another-client"]
SCENARIOS = [("nothing-without", nothing_without),
             *(refusals.enforcing(deed, refuse) for deed in DEEDS for refuse in ("reset", "drop")),
             *(refusals.observing(deed) for deed in DEEDS), *tricks.FORGED]
