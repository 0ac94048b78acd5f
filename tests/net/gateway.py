# SPDX-License-Identifier: GPL-3.0-or-later
"""`rpcgate run` in the gateway of the laboratory: started, awaited, asked, ended."""
import json
import os
import signal
import socket
import subprocess
import time

import lab

READY_S = 20
STOP_S = 10
MARK = "0x08000000"


class Gateway:
    """One configuration and the program that runs with it.  A context manager.

    lines: statements of the configuration, those of every test excepted.
    """

    def __init__(self, net, program, *lines, observe=False, mode="route"):
        self.net, self.program, self.observe = net, program, observe
        self.where = lab.ROOT / f"gate-{time.monotonic_ns()}"
        self.where.mkdir(mode=0o755)
        self.events_path = self.where / "events.json"
        self.control = self.where / "control"
        self.config = self.where / "rpcgate.conf"
        self.log_path = self.where / "log"
        self.process = None
        self.lines = list(lines)
        self.write(mode)

    def write(self, mode="route", extra=()):
        given = {line.split()[0] for line in self.lines}
        usual = [f"mode {mode}", "queue 0", f"events {self.events_path}",
                 f"state {self.where}/state", f"control {self.control}", "user none",
                 "event-rate 0", "log-rate 10000"]
        text = [line for line in usual if line.split()[0] not in given]
        self.config.write_text("\n".join([*text, *self.lines, *extra]) + "\n", encoding="ascii")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # ----------------------------------------------------------------- life

    def launch(self):
        """Start without waiting; returns the socket on which READY=1 will come."""
        notify = self.where / "notify"
        notify.unlink(missing_ok=True)
        waiting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        waiting.bind(str(notify))
        notify.chmod(0o777)
        command = [self.program, "run", "-c", str(self.config)]
        with open(self.log_path, "ab") as log:
            self.process = self.net.popen(lab.GATEWAY, command + ["--observe"] * self.observe,
                                          env={"NOTIFY_SOCKET": str(notify)},
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return waiting

    def start(self):
        with self.launch() as waiting:
            self.await_ready(waiting)

    def await_ready(self, waiting):
        end = time.monotonic() + READY_S
        waiting.settimeout(0.02)
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise lab.Failed(f"rpcgate ended with {self.process.returncode}: {self.log()}")
            try:
                if b"READY=1" in waiting.recv(4096).split(b"\n"):
                    return
            except TimeoutError:
                pass
        raise lab.Failed(f"rpcgate did not say READY=1 within {READY_S} s: {self.log()}")

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise lab.Failed(f"rpcgate did not end within {STOP_S} s of SIGTERM") from None
        return self.forget()

    def kill(self):
        self.process.kill()
        self.process.wait()
        return self.forget()

    def forget(self):
        process, self.process = self.process, None
        if not process:
            return None
        if process in self.net.started:
            self.net.started.remove(process)
        return process.returncode

    def signal(self, number):
        os.kill(self.process.pid, number)

    def reload(self):
        self.signal(signal.SIGHUP)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    # ------------------------------------------------------------------ talk

    def log(self):
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(encoding="utf-8", errors="replace").strip()[-600:]

    def events(self, kind=None):
        if not self.events_path.exists():
            return []
        with open(self.events_path, encoding="utf-8") as file:
            lines = file.read().split("\n")[:-1]  # what stands behind the last newline is unfinished
        found = [json.loads(line) for line in lines if line]
        return [e for e in found if kind is None or e["event_type"] == kind]

    def ctl(self, *words):
        """`rpcgate ctl`: the answer as a list of JSON objects."""
        done = self.net.run(lab.GATEWAY, [self.program, "ctl", "-s", str(self.control), *words])
        if done.returncode:
            raise lab.Failed(f"ctl {' '.join(words)}: {done.returncode} {done.stdout.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines() if line]


def reasons(event):
    """Every reason an event gives."""
    body = event.get(event["event_type"], {})
    given = [body["reason"]] if isinstance(body, dict) and "reason" in body else []
    return given + event.get("alert", {}).get("metadata", {}).get("rpc_reason", [])


def pinholes_in_kernel(net):
    """Elements of the sets of the program's table."""
    found = 0
    for name in ("pin4", "pin6"):
        done = net.run(lab.GATEWAY, ["nft", "-j", "list", "set", "inet", "rpcgate", name])
        if done.returncode:
            return None
        for item in json.loads(done.stdout)["nftables"]:
            found += len(item.get("set", {}).get("elem", []))
    return found
