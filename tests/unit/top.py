#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""rpcgate top does on a terminal what its line of keys says, at any size, and leaves it as it was.

usage: top.py PROGRAM SOURCE_DIR        needs tmux
"""
import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from hostile import ANNOTATIONS, LSARPC, Capture, bind, bind_ack, listing

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
PCAPS = os.path.join(SOURCE, "pcaps")
PATIENCE_S = 30
TABS = ("Pinholes", "Services", "Refused", "Servers", "Engine")
failures = 0


def check(good, what, screen=""):
    global failures
    if not good:
        print("FAIL:", what)
        if screen:
            print(screen)
        failures += 1


class Terminal:
    """A pane of a tmux of our own; what runs in it says how it ended."""
    count = 0

    def __init__(self, work, *args, size=(80, 24), **environment):
        Terminal.count += 1
        self.name = f"rpcgate-test-{os.getpid()}-{Terminal.count}"
        env = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "screen-256color", **environment}
        words = " ".join(f"{k}={shlex.quote(v)}" for k, v in env.items())
        self.pid_file = os.path.join(work, self.name + ".pid")
        script = (f"stty sane; echo before; env -u NO_COLOR {words} "
                  f"sh -c 'echo $$ > {self.pid_file}; exec \"$@\"' sh {shlex.join([PROGRAM, 'top', *args])}; "
                  "echo \"status $?\"; stty -a | tr ' ' '\\n' | grep -x -e '-*echo;*' -e '-*icanon;*'; "
                  "echo after; sleep 1000")
        self.width = size[0]
        self.tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), script)

    def tmux(self, *args):
        return subprocess.run(["tmux", "-L", self.name, *args], stdout=subprocess.PIPE, text=True,
                              check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, width, height):
        self.width = width
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def pid(self):
        return int(pathlib.Path(self.pid_file).read_text())

    def wait(self, what, good, *options):
        """Wait until the screen is as it should be, and drawn to its end; give it back."""
        wanted = re.compile(good, re.M) if isinstance(good, str) else None
        end = time.monotonic() + PATIENCE_S
        while True:
            screen = self.screen(*options)
            if wanted.search(screen) if wanted else good(screen):
                time.sleep(0.08)
                if self.screen(*options) == screen:
                    return screen
            if time.monotonic() > end:
                check(False, what, screen)
                return screen
            time.sleep(0.05)

    def ended(self, what, status, two_screens=True):
        """It ended, and the terminal is as it was; a simple one has no second screen to leave."""
        screen = self.wait(f"{what}: it ends", r"^after$")
        for line in (f"status {status}", "echo", "icanon", *(["before"] if two_screens else [])):
            check(line in screen.replace(";", "").split("\n"), f"{what}: '{line}' is not there", screen)
        return screen

    def close(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.tmux("kill-server")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Daemon:
    """Answers like 'rpcgate run' does."""

    def __init__(self, path, pinholes=3):
        self.path, self.asked, self.silent = path, [], False
        self.pinholes = {i: self.pinhole(i) for i in range(1, pinholes + 1)}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    @staticmethod
    def pinhole(i):
        return {"id": i, "client_ip": f"10.1.0.{i}", "server_ip": "10.2.0.5", "port": 49664, "proto": "TCP",
                "source": "ept_map", "left_s": 100.0 + i, "uses": i, "version": "4.0",
                "uuid": "e3514235-4b06-11d1-ab04-00c04fc2dcd2", "name": "ignored\x1b[2J"}

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            # who asks may be gone before the answer
            with contextlib.suppress(OSError), client, client.makefile("rw") as file:
                words = file.readline().split()
                self.asked.append(" ".join(words))
                while self.silent:
                    time.sleep(0.05)
                for line in self.answer(*words):
                    file.write(json.dumps(line, separators=(",", ":")) + "\n")
                file.flush()

    def answer(self, command, argument=None):
        if command == "status":
            yield {"version": "9.9\x1b[31m", "configuration": "/etc/rpcgate.conf", "action": "enforce",
                   "uptime_s": 61, "pinholes": len(self.pinholes)}
        elif command == "stats":
            yield {"packets": 1234567, "pinholes_live": len(self.pinholes), "binds_allowed": 5}
        elif command == "pinholes":
            yield from list(self.pinholes.values())
        elif command == "bindings":
            yield {"server_ip": "10.2.0.5", "port": 49664, "granted": True, "age_s": 7.5,
                   "uuid": "e3514235-4b06-11d1-ab04-00c04fc2dcd2", "version": "4.0"}
        elif command == "close" and not self.pinholes.pop(int(argument), None):
            yield {"ok": False, "error": f"no pinhole {argument} is open"}
            return
        yield {"ok": True}

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)


def events_of(*args):
    done = subprocess.run([PROGRAM, "analyze", "--json", "-", *args], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL, check=True)
    return done.stdout


def columns_stand_straight(screen, what):
    """Where a title begins at the left no cell runs across the border to it."""
    lines = screen.split("\n")
    heading, rows = lines[3], [line for line in lines[4:-3] if line.strip()]
    check(len(rows) > 0, f"{what}: no rows", screen)
    for title in ("client", "server", "interface", "source", "reason", "meaning", "granted"):
        found = re.search(rf"  {title}\b", heading)
        for row in rows if found else ():
            at = found.end() - len(title)
            check(row[at - 1:at] in (" ", ""), f"{what}: {title} is not straight", screen)


# ------------------------------------------------------------------------------ replay

def tabs(work):
    name = os.path.join(PCAPS, "multi-service.pcap")
    events = [json.loads(line) for line in events_of(name).splitlines()]
    opened = {(e["rpc_pinhole"]["id"], e["rpc_pinhole"]["uuid"]) for e in events
              if e["event_type"] == "rpc_pinhole" and e["rpc_pinhole"]["action"] == "open"}
    refused = {(e["src_ip"], e["dest_ip"], e["dest_port"], e["rpc_bind"]["uuid"], e["rpc_bind"]["reason"])
               for e in events if e["event_type"] == "rpc_bind" and e["rpc_bind"]["verdict"] == "deny"}
    stats = next(e["stats"] for e in events if e["event_type"] == "stats")
    with Terminal(work, "--speed", "max", name) as t:
        screen = t.wait("the capture is read", "end of the captures")
        check(f"1 Pinholes {len(opened)}]" in screen, f"{len(opened)} pinholes", screen)
        check(f"3 Refused {len(refused)} " in screen, f"{len(refused)} refused", screen)
        check(f"binds allowed {stats['binds_allowed']} " in screen, "binds allowed", screen)
        for i, tab in enumerate(TABS):
            t.keys(str(i + 1))
            screen = t.wait(f"key {i + 1}", rf"\[{i + 1} {tab} \d+\]")
            if f"[{i + 1} {tab} 0]" not in screen:
                columns_stand_straight(screen, tab)
        t.keys("Tab")
        t.wait("Tab", r"\[1 Pinholes")
        t.keys("BTab")
        t.wait("Shift-Tab", r"\[5 Engine")
        t.keys("/")
        t.type("packets")
        t.keys("Enter")
        screen = t.wait("filter of counters", r"filter: packets$")
        check(re.search(rf"^. *packets +{stats['packets']} ", screen, re.M), "packets are counted", screen)
        t.keys("q")
        t.ended("q", 0)


def keys_do_what_they_say(work):
    saved = os.path.join(work, "saved.json")
    with Terminal(work, os.path.join(PCAPS, "other-uuid.pcap"), os.path.join(PCAPS, "two-clients.pcap"),
                  size=(120, 24)) as t:
        screen = t.wait("captures of two days", "next packet in .*(days|h )")
        offered = set(screen.rstrip("\n").split("\n")[-1].split())
        check(offered == {"Enter:why", "/:filter", "<>:sort", "r:turn", "c:cols", "p:pause", "n:next", "+-:speed",
                          "Space:mark", "s:save", "?:help", "q:quit"}, f"the line of keys: {offered}")
        t.keys("+")
        t.wait("+ is twice as fast", "replay x2 ")
        t.keys("-", "-")
        t.wait("- is half as fast", r"replay x0\.5 ")
        t.keys("p")
        still = t.wait("p stands still", "PAUSED")
        time.sleep(0.6)
        check(t.screen() == still, "PAUSED, and something changed", t.screen())
        t.keys("p")
        t.wait("p goes on", lambda s: "PAUSED" not in s)
        for _ in range(400):
            if "end of the captures" in t.screen():
                break
            t.keys("n")
        t.wait("n goes to the end", "end of the captures")
        t.keys("3")
        screen = t.wait("refused", r"\[3 Refused \d")
        columns_stand_straight(screen, "refused")

        t.keys(">", ">")
        t.wait("> sorts by another column", r"^  last +client +server▼")
        t.keys("<")
        screen = t.wait("< goes back", r"client▼")
        first = screen.split("\n")[4]
        t.keys("r")
        screen = t.wait("r turns", r"client▲")
        check(screen.split("\n")[4] != first, "r changes the order", screen)

        t.keys("c")
        t.wait("c lists columns", r"^> \[x\] last ")
        t.keys("Down", "Space")
        t.wait("Space takes a column off", r"^> \[ \] client ")
        t.keys("Escape")
        t.wait("without the client", lambda s: "server" in s.split("\n")[3] and "client" not in s.split("\n")[3])
        t.keys("c", "Down", "Space", "Escape")
        t.wait("with the client", lambda s: "client" in s.split("\n")[3])

        t.keys("/")
        t.type("DRSUAPI")
        t.wait("what is typed", "show only rows with: DRSUAPI_")
        t.keys("Enter")
        screen = t.wait("the filter is said", "filter: DRSUAPI")
        rows = [line for line in screen.split("\n")[4:-3] if line.strip()]
        check(rows and all("drsuapi 4.0" in row for row in rows), "only these rows", screen)

        t.keys("Enter")
        story = t.wait("Enter tells the story", "asked the mapper for")
        t.keys("End")
        story += t.wait("to its end", r"verdict deny: uuid-not-granted")
        for word in ("was told port", "pinhole", "opened for", "Bind ", "verdict allow: learned"):
            check(word in story, f"the story says '{word}'", story)
        t.keys("Escape")
        t.wait("Esc closes it", r"filter: DRSUAPI")
        t.keys("Escape")
        screen = t.wait("Esc: all rows", lambda s: "filter" not in s.split("\n")[-3])

        t.keys("Home", "Space")
        t.wait("Space marks", r"^ \*")
        t.keys("s")
        t.type(saved)
        t.keys("Enter")
        t.wait("saved", "1 row saved to ")
        lines = pathlib.Path(saved).read_text().splitlines()
        check(len(lines) == 1 and json.loads(lines[0])["row"] == "refused", f"saved: {lines}")
        t.keys("s")
        t.type(saved)
        t.keys("Enter")
        t.wait("a file is not written over", "not saved: .*: File exists")

        t.keys("?")
        t.wait("? helps", "Shift-Tab   Pinholes")
        t.keys("q")
        t.wait("and is closed", r"\[3 Refused")
        t.keys("k")
        t.wait("nothing of a replay can be closed", "only a daemon's pinholes can be closed")
        t.keys("q")
        t.ended("q", 0)


def sizes(work):
    with Terminal(work, "--speed", "max", PCAPS) as t:
        t.wait("captures are read", "end of the captures")
        for tab in ("2", "3", "5"):
            t.keys(tab)
            small = t.wait("80x24", rf"\[{tab} ")
            check("…" in small, f"tab {tab} is cut at 80 columns", small)
            t.resize(200, 60)
            large = t.wait("200x60", lambda s: len(s.split("\n")[:-1]) == 60 and "r:turn" in s.split("\n")[-2] and
                           "…" not in s)
            columns_stand_straight(large, "200x60")
            check("PAUSED" not in large and re.search(r"^row 1 of \d+", large, re.M), "200x60: the state", large)
            t.resize(80, 24)
            again = t.wait("80x24 again", lambda s, small=small: s == small)
            check(again == small, "80x24 as before")
        t.keys("3", "Enter")
        small = t.wait("story at 80", "lines 1 to")
        t.resize(200, 60)
        t.wait("story at 200", lambda s: max(map(len, s.split("\n"))) > 85)
        t.resize(80, 24)
        t.wait("story at 80 again", lambda s: s == small)
        for size in ((20, 8), (10, 3), (1, 1), (300, 80), (80, 24)):
            t.resize(*size)
            time.sleep(0.2)
        t.wait("story after all sizes", lambda s: s == small)
        t.keys("Escape", "q")
        t.ended("sizes", 0)


def help_and_moves(work):
    """The help is whole on the smallest screen, and the keys that it alone names do what it says."""
    with Terminal(work, "--speed", "max", PCAPS, size=(200, 60)) as t:
        t.wait("captures are read", "end of the captures")
        t.keys("?")
        wanted = t.wait("help at 200x60", r"\? this   q quit").split("\n")
        wanted = [line.rstrip() for line in wanted[wanted.index("Tabs"):] if line.strip()]
        wanted = wanted[:wanted.index("  ? this   q quit") + 1]
        t.resize(80, 24)
        t.wait("help at 80x24", "lines 1 to ")
        shown = []
        for _ in range(40):
            shown += [line.rstrip() for line in t.screen().split("\n")]
            t.keys("Down")
            time.sleep(0.05)
        for line in wanted:
            check(line in shown, f"help at 80 columns lacks: {line}", "\n".join(shown[:24]))
        t.keys("Escape", "2")

        screen = t.wait("services", r"row 1 of \d+")
        last = int(re.search(r"row 1 of (\d+)", screen)[1])
        for key, row in (("Down", 2), ("Up", 1), ("Up", 1), ("PgDn", 19), ("PgUp", 1), ("End", last), ("Down", last),
                         ("Home", 1)):
            t.keys(key)
            t.wait(f"{key} leads to row {row}", rf"^row {row} of {last}\b")
        t.wait("sorted by server", "server▲")
        t.keys("Right")
        t.wait("Right sorts by the next column", "interface[▲▼]")
        t.keys("Left")
        t.wait("Left sorts by the one before", "server[▲▼]")
        t.keys("h")
        t.wait("h is help, too", "What a tab shows")
        t.keys("q", "q")
        t.ended("help", 0)


def plain(work):
    """No UTF-8, no colours."""
    name = os.path.join(PCAPS, "other-uuid.pcap")
    with Terminal(work, "--speed", "max", name, LANG="C", LC_ALL="C", TERM="vt100") as t:
        t.wait("vt100 in C", "end of the captures")
        for tab in "12345":
            t.keys(tab)
            screen = t.wait("vt100 in C", rf"\[{tab} ")
            check(screen.isascii(), "ASCII alone", screen)
        t.keys("3")
        check("last" in t.wait("sorted", r"lastv"), "mark of sorting")
        t.keys("q")
        t.ended("vt100", 0, two_screens=False)
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "vt100"}, False),
                                  ({"NO_COLOR": ""}, True)):
        with Terminal(work, "--speed", "max", name, **environment) as t:
            t.wait("colours", "end of the captures")
            t.keys("3")
            t.wait("colours", "uuid-not-granted")
            screen = t.screen("-e")
            check(bool(re.search(r"\x1b\[(\d+;)*3[1-7]m", screen)) == coloured,
                  f"{environment}: colours {not coloured}", screen)
            t.keys("q")
            t.ended("colours", 0, two_screens="TERM" not in environment)


def strangers(work):
    """What strangers wrote, in announcements and names of files, is text on the screen and nothing else."""
    folder = os.path.join(work, "\x1b]0;owned\x07<b>\u202e")
    os.mkdir(folder)
    capture = Capture()
    capture.talk(135, *listing(ANNOTATIONS))
    for i in range(len(ANNOTATIONS)):
        capture.talk(49200 + i, (True, bind(LSARPC, 0)), (False, bind_ack()))
    capture.write(os.path.join(folder, "a\x1b[2J\n.pcap"))
    saved = os.path.join(work, "strangers.json")
    with Terminal(work, "--speed", "max", folder, size=(200, 60)) as t:
        t.wait("the capture is read", "end of the captures")
        title = t.tmux("display-message", "-p", "#{pane_title}")
        seen = ""
        for tab, rows in (("1", 0), ("2", len(ANNOTATIONS)), ("3", 4), ("4", 1), ("5", 1)):
            t.keys(tab)
            seen += t.wait(f"tab {tab}", rf"\[{tab} ")
            for _ in range(rows):
                t.keys("Enter")
                seen += t.wait("the story", "lines 1 to ")
                t.keys("Escape")
                t.wait("the rows", rf"\[{tab} ")
                t.keys("Down")
        check("\\u001b" in seen and "\\u202e" in seen, "what strangers wrote is not there, escaped", seen)
        odd = set(seen) - set(map(chr, range(32, 127))) - set("\n▲▼…·")
        check(not odd, f"the screen has {sorted(map(hex, map(ord, odd)))}")
        check(t.tmux("display-message", "-p", "#{pane_title}") == title, "the title was changed")
        t.keys("2", "s")
        t.type(saved)
        t.keys("Enter")
        t.wait("saved", r"rows saved to ")
        octets = pathlib.Path(saved).read_bytes()
        check(not re.search(rb"[^\n\x20-\x7e]", octets), "what was saved is no plain text")
        check(all(json.loads(line) for line in octets.splitlines()), "what was saved is no JSON")
        t.keys("q")
        t.ended("strangers", 0)


def ends(work):
    name = os.path.join(PCAPS, "other-uuid.pcap")
    for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 0), (signal.SIGQUIT, 0),
                           (signal.SIGABRT, 128 + signal.SIGABRT)):
        with Terminal(work, "--speed", "max", name) as t:
            t.wait("it runs", "end of the captures")
            os.kill(t.pid(), number)
            t.ended(number.name, status)
    with Terminal(work, os.path.join(PCAPS, "other-uuid.pcap"), PCAPS) as t:
        t.wait("it waits", "replay x1")
        t.keys("C-c")
        t.ended("Ctrl-C while it waits for a packet", 0)

    # what is wrong with the input is said when the terminal is free again
    cut = os.path.join(work, "cut.pcap")
    pathlib.Path(cut).write_bytes(pathlib.Path(name).read_bytes()[:-5])
    with Terminal(work, "--speed", "max", cut) as t:
        screen = t.wait("cut short", "end of the captures")
        check("cut.pcap" not in screen, "no message across the screen", screen)
        t.keys("q")
        screen = t.ended("cut short", 4)
        check(re.search(r"^rpcgate: .*cut\.pcap", screen, re.M), "the message comes at the end", screen)

    # keys come from the terminal, the capture from a pipe that stays open
    fifo = os.path.join(work, "fifo")
    os.mkfifo(fifo)
    with Terminal(work, "--speed", "max", fifo) as t:
        with open(fifo, "wb") as pipe:
            pipe.write(pathlib.Path(name).read_bytes())
            pipe.flush()
            t.wait("a pipe is read", r"1 Pinholes [1-9]")
            t.keys("q")
            t.wait("it ends while the pipe is open", r"^after$")


# -------------------------------------------------------------------------------- daemon

def daemon(work):
    path = os.path.join(work, "control")
    with Terminal(work, "-s", path) as t:
        t.wait("nobody is there", "not there yet: .*control: No such file")
        served = Daemon(path)
        screen = t.wait("it is there", r"9\.9\\u001b\[31m  enforce  up 1m 01s  /etc/rpcgate.conf")
        screen = t.wait("its pinholes", r"\[1 Pinholes 3\]")
        check(re.search(r"10\.1\.0\.2 +10\.2\.0\.5:49664 +drsuapi 4\.0 +ept_map +1m 4\d s?", screen) or
              re.search(r"10\.1\.0\.2 +10\.2\.0\.5:49664 +drsuapi 4\.0 +ept_map +1m \d\ds", screen),
              "a row", screen)
        check("open 3 " in screen and "binds allowed 5 " in screen, "totals", screen)
        check("k:close" in screen, "k is offered", screen)
        columns_stand_straight(screen, "daemon")

        t.keys("/")
        t.type("10.1.0.2")
        t.keys("Enter")
        t.wait("one row", "row 1 of 1 ")
        t.keys("k")
        t.wait("k asks", "close pinhole 2, with all of its interfaces")
        t.keys("n")
        t.wait("n leaves it open", "nothing is closed")
        check("close 2" not in served.asked, "n must not close")
        t.keys("k", "y")
        t.wait("y closes it", "pinhole 2 is closed")
        check(served.asked.count("close 2") == 1, f"asked: {served.asked[-5:]}")
        t.wait("it is gone", r"\[1 Pinholes 0\]")
        t.keys("Escape")
        t.wait("two are left", r"\[1 Pinholes 2\]")
        t.keys("k")
        t.wait("k asks again", "close pinhole 3")
        served.pinholes.clear()
        t.keys("y")
        t.wait("what fails is said", "not closed: .*no pinhole 3 is open")

        t.keys("2")
        screen = t.wait("bindings", r"10\.2\.0\.5:49664 +drsuapi 4\.0 +granted +- +- +- ")
        t.keys("Enter")
        t.wait("without events there is no story", "start with --events")
        t.keys("Escape", "3")
        t.wait("refusals need events", "refusals stand in the events: start with --events FILE")
        t.keys("4")
        t.wait("servers", r"10\.2\.0\.5 +0 +0 +1 +- +- ")
        t.keys("5")
        t.wait("counters", r"packets +1,234,567 +packets fed")

        served.close()
        t.wait("it goes away", "GONE for .*, asking again: .*control")
        served = Daemon(path, 4)
        t.wait("it comes back", r" enforce  up .*\n.*\n.*1 Pinholes 4 ")
        t.keys("p")
        t.wait("paused", "PAUSED")
        served.pinholes.clear()
        time.sleep(1.5)
        check("1 Pinholes 4 " in t.screen(), "paused: nothing changes", t.screen())
        t.keys("p")
        t.wait("goes on", "1 Pinholes 0 ")
        served.silent = True
        t.wait("it does not answer", "GONE for")
        t.keys("q")
        t.ended("q while a daemon does not answer", 0)
        served.silent = False
        served.close()

    served = Daemon(path, 50)
    with Terminal(work, "-s", path, "--rows", "10") as t:
        t.wait("rows have a limit", r"\[1 Pinholes 10\]")
        t.wait("it is said", "40 more rows found no room")
        t.keys("q")
        t.ended("limit", 0)
    served.close()


def events(work):
    """Refusals come from the file that the daemon writes."""
    path, log = os.path.join(work, "none"), os.path.join(work, "events.json")
    lines = events_of(os.path.join(PCAPS, "other-uuid.pcap"))
    with Terminal(work, "-s", path, "--events", log) as t:
        t.wait("no file yet", r"3 Refused 0 ")
        with open(log, "w", encoding="ascii") as file:
            file.write(lines[:-20])
            file.flush()
            t.keys("3")
            screen = t.wait("refusals", r"uuid-not-gr")
            before = int(re.search(r"3 Refused (\d+)", screen)[1])
            t.keys("Enter")
            t.wait("their story", "asked the mapper for")
            t.keys("Escape")
            file.write(lines[-20:] + "{broken\n")
            file.flush()
            t.wait("bad lines are counted", "1 line of events was not understood")
        os.rename(log, log + ".1")
        pathlib.Path(log).write_text(events_of(os.path.join(PCAPS, "two-clients.pcap")), encoding="ascii")
        screen = t.wait("another file in its place", "other-client")
        check(int(re.search(r"3 Refused (\d+)", screen)[1]) > before, "more refusals", screen)
        t.keys("q")
        t.ended("events", 0)


def usage(work):
    def run(*args, **more):
        return subprocess.run([PROGRAM, "top", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, **more)
    for args, status, message in (
            ((), 2, "standard output is no terminal"),
            ((PCAPS,), 2, "standard output is no terminal"),
            (("--speed", "0", PCAPS), 2, "--speed takes"),
            (("--speed", "-1", PCAPS), 2, "--speed takes"),
            (("--speed", "nan", PCAPS), 2, "--speed takes"),
            (("--speed", "inf", PCAPS), 2, "--speed takes"),
            (("--rows", "9"), 2, "--rows takes"),
            (("--rows", "100001"), 2, "--rows takes"),
            (("--rows", "20x"), 2, "--rows takes"),
            (("--speed", "2"), 2, "there is none"),
            (("-s", "x", PCAPS), 2, "do not go together"),
            (("--evnts", "x"), 2, "did you mean '--events'")):
        done = run(*args)
        check(done.returncode == status and message in done.stderr and done.stderr.count("\n") == 1 and
              not done.stdout, f"{args}: {done}")
    with Terminal(work, "/nowhere.pcap") as t:
        screen = t.ended("no such file", 4)
        check("/nowhere.pcap" in screen, "the file is named", screen)
    with Terminal(work, TERM="nonsense") as t:
        screen = t.ended("unknown terminal", 1)
        check("rpcgate top: the terminal nonsense is not known" in screen, "the terminal is named", screen)


def screen_in_readme(work):
    """README.md shows a screen; ask for it with UPDATE=1 in the environment after a change."""
    readme = pathlib.Path(SOURCE) / "README.md"
    block = re.search(r"(?ms)^(This is|.*This is) `rpcgate top --speed max pcaps`, third tab:\n\n```text\n(.*?)^```$",
                      readme.read_text())
    with Terminal(work, "--speed", "max", PCAPS, size=(92, 14)) as t:
        t.wait("README: the captures are read", "end of the captures")
        t.keys("3")
        t.wait("README: third tab", r"\[3 Refused")
        screen = "".join(line.rstrip() + "\n" for line in t.screen().splitlines())
        t.keys("q")
        t.ended("README", 0)
    if os.environ.get("UPDATE"):
        readme.write_text(readme.read_text().replace(block[0], block[0].replace(f"```text\n{block[2]}```",
                                                                               f"```text\n{screen}```")))
    else:
        check(block and block[2] == screen, "README.md shows another screen", screen)


def main():
    with tempfile.TemporaryDirectory() as work:
        for part in (usage, tabs, keys_do_what_they_say, sizes, help_and_moves, plain, strangers, ends, daemon, events, screen_in_readme):
            began = time.monotonic()
            before = failures
            part(work)
            print(f"{part.__name__}: {'ok' if failures == before else 'FAILED'}, "
                  f"{time.monotonic() - began:.1f} s", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
