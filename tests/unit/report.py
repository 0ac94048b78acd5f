#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What 'rpcgate analyze --html' writes: well-formed, true, the same twice, and harmless.

usage: report.py PROGRAM SOURCE_DIR WORK_DIR CAPTURE...

Writes a page for each set of captures into WORK_DIR, and plan.json there for browser.mjs.
"""
import datetime
import html.parser
import json
import os
import re
import subprocess
import sys

# What the program writes into tags; anything else came from somebody else
ATTRIBUTES = set("""
    id class href lang charset name content http-equiv title role tabindex aria-label aria-labelledby
    aria-hidden scope colspan open hidden type data-rows data-copy d x y rx width height viewbox transform
    text-anchor
""".split())
VOID = {"meta", "br", "input", "img", "link", "hr"}
PORTS = 65535 - 49152 + 1
SILENCE_S = 600
MOST_OCTETS = 2_500_000


class Page(html.parser.HTMLParser):
    """Elements must be closed in order; links must lead somewhere; nothing may be loaded."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.problems = [], [], [], []
        self.text, self.policy, self.parts, self.part = [], [], {}, None
        self.feed(text)
        if self.open:
            self.problems.append(f"never closed: {self.open}")
        for link in self.links:
            if link not in self.ids:
                self.problems.append(f"the link #{link} leads nowhere")
        if len(set(self.ids)) != len(self.ids):
            self.problems.append("an id stands twice")

    def look_at(self, tag, attrs):
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            elif name == "href" and value.startswith("#"):
                self.links.append(value[1:])
            elif name not in ATTRIBUTES:
                self.problems.append(f"<{tag} {name!r}>")
            elif name in ("href", "src", "srcset", "action", "data", "style") or name.startswith("on"):
                self.problems.append(f"<{tag} {name}={value!r}>")

    def handle_starttag(self, tag, attrs):
        self.look_at(tag, attrs)
        if tag == "section":
            self.part = dict(attrs)["id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.look_at(tag, attrs)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes something else, line {self.getpos()[0]}")

    def handle_data(self, data):
        if "pre" in self.open:
            self.policy.append(data)
        elif not {"style", "script"} & set(self.open):
            self.text.append(data)
            self.parts[self.part] = self.parts.get(self.part, "") + data

    def handle_comment(self, data):
        self.problems.append(f"a comment: {data[:60]!r}")


def run(program, *args):
    return subprocess.run([program, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)


def seconds(stamp):
    clock = re.fullmatch(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+\.\d+)\+0000", stamp)
    year, month, day, hour, minute = (int(clock[i]) for i in range(1, 6))
    days = datetime.date(year, month, day).toordinal()
    return days * 86400 + hour * 3600 + minute * 60 + float(clock[6])


def exposure(events, packets):
    """The factor, from the events alone: ports x time standing, by ports x time open."""
    first, last = min(packets), max(packets)
    covered, now = last - first, packets[0]
    for at in packets:
        if at - now > SILENCE_S:
            covered -= at - now
        now = max(now, at)
    holes, pairs, since, total = {}, set(), {}, 0.0
    for event in events:
        if event["event_type"] != "rpc_pinhole":
            continue
        body = event["rpc_pinhole"]
        if body["action"] == "refuse":
            continue
        hole = (body["client_ip"], body["server_ip"], body["port"])
        pairs.add(hole[:2])
        inside = holes.setdefault(hole, set())
        which = (body["uuid"], body["version"].split(".")[0])
        at = seconds(event["timestamp"])
        if body["action"] in ("open", "refresh", "use"):
            if not inside:
                since[hole] = at
            inside.add(which)
        elif which in inside:
            inside.remove(which)
            if not inside:
                total += at - since[hole]
    total += sum(max(0.0, last - since[hole]) for hole, inside in holes.items() if inside)
    return PORTS * len(pairs) * covered / total if total else 0


def packet_times(paths):
    """Of pcap files in little endian, as ours are."""
    times = []
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        nano = data[:4] == b"\x4d\x3c\xb2\xa1"
        if not nano and data[:4] != b"\xd4\xc3\xb2\xa1":
            return None
        offset = 24
        while offset + 16 <= len(data):
            sec, sub, caplen = (int.from_bytes(data[offset + i:offset + i + 4], "little")
                                for i in (0, 4, 8))
            times.append(sec + sub / (1e9 if nano else 1e6))
            offset += 16 + caplen
    epoch = 719163 * 86400
    return sorted(epoch + t for t in times)


class Checker:
    def __init__(self, program, work):
        self.program, self.work = program, work
        self.failures, self.plan, self.linked = [], [], 0

    def fail(self, what):
        self.failures.append(what)

    def page(self, name, inputs, *options, truth=True):
        path = os.path.join(self.work, name + ".html")
        again = os.path.join(self.work, "again.html")
        for target in (path, again):
            done = run(self.program, "analyze", "--quiet", "--no-ndpi", "--html", target, *options,
                       *inputs)
            if done.returncode not in (0, 4):
                self.fail(f"{name}: exit status {done.returncode}: {done.stderr.decode()}")
                return ""
        with open(path, "rb") as file:
            octets = file.read()
        with open(again, "rb") as file:
            if file.read() != octets:
                self.fail(f"{name}: the second run says something else")
        if len(octets) > MOST_OCTETS:
            self.fail(f"{name}: {len(octets)} octets")
        text = octets.decode("ascii")
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
            self.fail(f"{name}: a control character")
        page = Page(text)
        for problem in page.problems[:5]:
            self.fail(f"{name}: {problem}")
        if truth:
            self.compare(name, page, text, inputs, options)
        self.links(name, text)
        self.plan.append({"file": path, "bad": False})
        return text

    def compare(self, name, page, octets, inputs, options):
        """With what other commands say of the same captures."""
        if not any(o.startswith("--policy") for o in options):
            told = run(self.program, "suggest", "--quiet", *[o for o in options if "check" not in o],
                       *inputs).stdout
            if told.decode() != "".join(page.policy):
                self.fail(f"{name}: the policy is not what suggest says")
        events = [json.loads(line) for line in
                  run(self.program, "analyze", "--no-ndpi", "--json", "-", *options, *inputs)
                  .stdout.splitlines()]
        text = re.sub(r"\s+", " ", "".join(page.text))
        denied = sum(e["event_type"] == "rpc_bind" and e["rpc_bind"]["verdict"] == "deny"
                     for e in events)
        if f"would be allowed, {denied:,} refused" not in text:
            self.fail(f"{name}: not {denied} refused")
        self.tiles(name, page, events)
        self.reasons(name, octets, events)
        self.steps(name, page, events)
        said = re.search(r"shrink by a factor of ([\d,]+)", text)
        times = packet_times(inputs)
        if times is None:
            return
        wanted = exposure(events, times)
        got = int(said[1].replace(",", "")) if said else 0
        if wanted >= 2 and abs(got - wanted) > 0.01 * wanted:
            self.fail(f"{name}: the factor is {wanted:.0f}, the page says {got}")
        if wanted < 2 and said:
            self.fail(f"{name}: a factor without anything to compare")


    def links(self, name, text):
        """Numbers lead to rows that are about them, and together the rows make the number."""
        rows = {row: re.sub(r"<[^>]*>", " ", body) for row, body in
                re.findall(r'<(?:tr|details) id=([abpr]\d+)\b[^>]*>(.*?)</(?:tr|details)>', text, re.S)}
        parts = dict(re.findall(r"<section id=(\w+)\b[^>]*>(.*?)(?=<section id=|</main>)", text, re.S))

        def wanted(what, row, words):
            if words not in " ".join(rows.get(row, "").split()):
                self.fail(f"{name}: {what} leads to {row}, which has no '{words}'")

        for row, title in re.findall(r'<a href="#(r\d+)"><path class="mark no" d="[^"]*"><title>(.*?)</title>',
                                     parts["timeline"]):
            wanted("a sign in the timeline", row, title.split(":")[0])
        for row, title in re.findall(r'<a href="#(p\d+)"><rect .*?<title>(.*?)</title>', parts["timeline"]):
            wanted("a bar", row, title.split(" to ")[0])
        for verdict, row in re.findall(r'<a class=(ok|no) href="#(b\d+)">', parts["matrix"]):
            wanted("a cell of the matrix", row, "deny" if verdict == "no" else "allow")
        for row, told in re.findall(r'<b>Told</b> <span><a href="#(a\d+)">(.*?)</a>', parts["refused"]):
            wanted("what was told", row, told)
        for row, number in re.findall(r'<a href="#(b\d+)"><text class=value [^>]*>([\d,]+)', parts["figures"]):
            if not re.search(r" ([\d.]+ ms|[\d.]+ s|\d+m \d+s|\d+h \d+m) ", rows.get(row, "")):
                self.fail(f"{name}: a gap leads to {row}, which has no age")
        for endpoint, reason, row in re.findall(r"<tr><td>(\S+?)</td><td>[^<]*</td><td><code>(\S+)</code></td>"
                                                r'<td class=n><a href="#(a\d+)">', parts["figures"]):
            wanted("a clash", row, endpoint)
            wanted("a clash", row, reason)
        quality = re.findall(r'<li><a href="#(\w+)">([\d,]+)</a> (\w+)', parts["quality"])
        for row, _, _ in quality:
            if row not in rows:
                self.fail(f"{name}: the quality of the input leads to {row}")
        binds = parts["binds"]
        if "left out here" not in binds:
            times = re.findall(r"<td class=(ok|no)>\w+</td><td><code>\S+</code></td><td class=n>([\d,]+)<", binds)
            for kind, tile in (("ok", "binds allowed"), ("no", "refused")):
                total = sum(int(n.replace(",", "")) for verdict, n in times if verdict == kind)
                said = re.search(rf"<b[^>]*>([\d,]+)</b> {tile}</a>", text)[1].replace(",", "")
                # operations that were refused stand among the refusals alone
                if total != int(said) and not (kind == "no" and "<b>Call</b>" in text):
                    self.fail(f"{name}: {said} {tile}, but the rows have {total}")
        self.linked += len(rows)

    def tiles(self, name, page, events):
        text = " ".join(page.parts["result"].split())
        kinds = [e["event_type"] for e in events]
        judged = [e[e["event_type"]] for e in events if e["event_type"] in ("rpc_bind", "rpc_call")]
        told = [e for e in events if e["event_type"] == "alert" and "dcerpc" in e
                and e["dcerpc"]["interfaces"] and e["dcerpc"]["request"] in ("BIND", "ALTER_CONTEXT")]
        for what, wanted in (
                ("binds allowed", sum(e["event_type"] == "rpc_bind" and e["rpc_bind"]["verdict"] != "deny"
                                      for e in events)),
                ("refused", sum(b["verdict"] == "deny" for b in judged)),
                ("suspicious", kinds.count("alert") - len(told))):
            # the sentence above the tiles has the refused ones, too
            if text.count(f"{wanted:,} {what}") < 1 + (what == "refused"):
                self.fail(f"{name}: not {wanted:,} {what}")

    def reasons(self, name, text, events):
        """Each reason with its number, and it leads to the first of them."""
        wanted = {}
        for event in events:
            kind = event["event_type"]
            if kind in ("rpc_bind", "rpc_call") and event[kind]["verdict"] == "deny":
                reason = event[kind]["reason"]
            elif kind == "alert" and event["alert"]["metadata"]["rpc_reason"][0] not in ("opnum-denied", "auth-level") \
                    and not (event.get("dcerpc", {}).get("interfaces") and
                             event["dcerpc"]["request"] in ("BIND", "ALTER_CONTEXT")):
                reason = event["alert"]["metadata"]["rpc_reason"][0]
            else:
                continue
            wanted[reason] = wanted.get(reason, 0) + 1
        part = text[text.index("<section id=refused"):text.index("<p>Equal ones")] if wanted else ""
        found = {}
        for row, number, reason in re.findall(r'(?:<a href="#(r\d+)">)?([\d,]+)(?:</a>)? <code>([\w-]+)</code>', part):
            found[reason] = int(number.replace(",", ""))
            if row and f'id={row}' in text and f">{reason}</span>" not in \
                    re.search(rf"<details id={row}\b.*?</summary>", text)[0]:
                self.fail(f"{name}: {reason} leads to {row}")
        if found != wanted:
            self.fail(f"{name}: reasons are {found}, not {wanted}")

    def steps(self, name, page, events):
        """The packets of each refusal, as the events have them: asked, told, bound."""
        text = re.sub(r"20\d\d-\d\d-\d\d (?=\d\d:)", "", " ".join(page.parts["refused"].split()))
        asked, told, known = {}, {}, set()
        for event in events:
            pair = (event.get("src_ip"), event.get("dest_ip"))
            if event["event_type"] == "rpc_binding" and event["rpc_binding"]["port"]:
                body = event["rpc_binding"]
                for key in (body["uuid"], body["port"], (body["uuid"], body["port"])):
                    if not told.get((pair, key), body)["accepted"] or body["accepted"]:
                        told[pair, key] = {**body, "at": event}
            if event["event_type"] != "rpc_bind":
                continue
            body = event["rpc_bind"]
            if body["reason"] == "mapper":
                asked[pair] = event
            key = (pair, event["dest_port"], body["uuid"], body["version"], body["reason"])
            if body["verdict"] != "deny" or key in known:
                continue
            known.add(key)
            before = asked.get(pair)
            step = told.get((pair, (body["uuid"], event["dest_port"]))) or told.get((pair, body["uuid"])) or \
                told.get((pair, event["dest_port"]))
            wanted = ["Asked the client turned to the mapper " + place(before) if before else
                      "Asked the client was not seen to ask",
                      "Told this client was told nothing" if not step else
                      f"{step.get('name', step['uuid'])} {step['version']} is on port {step['port']}",
                      ("Bind " if body["pdu"] == "bind" else "Alter ") +
                      f"{body.get('name', body['uuid'])} {body['version']} {place(event)}",
                      f"Reason {body['reason']} "]
            if step:
                wanted.append(place(step["at"]))
            for words in wanted:
                if words not in text:
                    self.fail(f"{name}: no step '{words}'")


def place(event):
    """A moment and a packet, without the date that long captures have."""
    return f"{event['timestamp'][11:23]} packet {event['pcap_cnt']} of " + \
        os.path.basename(event["pcap_filename"])


def hostile(source, target):
    """Annotations become markup, control characters, marks that turn text, broken UTF-8."""
    with open(source, "rb") as file:
        data = file.read()
    for old, new in ((b"drsuapi\0", b"<b>\"&\x1b[\0"), (b"lsarpc\0", b"'\xe2\x80\xae>\xff\0"),
                     (b"netlogon\0", b"<script>\0"), (b"samr\0", b"\x07\x9b<i\0")):
        if old not in data or len(old) != len(new):
            raise SystemExit(f"{source}: no annotation {old!r}")
        data = data.replace(old, new)
    with open(target, "wb") as file:
        file.write(data)


def hostile_pages(checker, source, pcaps):
    folder = os.path.join(checker.work, "<img src=x onerror=alert(1)>'&\u202e\x1b[31m")
    os.makedirs(folder, exist_ok=True)
    inputs = [os.path.join(folder, 'a"b<script>alert(1)<!--\n\u2066.pcap'),
              os.path.join(folder, "n" * 240 + ".pcap")]
    hostile(os.path.join(pcaps, "lookup-paged.pcap"), inputs[0])
    with open(os.path.join(pcaps, "other-uuid.pcap"), "rb") as file, open(inputs[1], "wb") as out:
        out.write(file.read())
    policy = os.path.join(folder, "p<script>alert(1).policy")
    with open(policy, "w", encoding="utf-8") as file:
        file.write("deny interface samr name \"</pre><script>alert('x')</script>" + "x" * 200
                   + "\"\nallow interface any\n")
    # imported here, for it imports this file
    from hostile import ANNOTATIONS, LSARPC, Capture, bind, bind_ack, listing  # pylint: disable=C0415
    notes = Capture()
    notes.talk(135, *listing(ANNOTATIONS))
    for i in range(len(ANNOTATIONS)):
        notes.talk(49200 + i, (True, bind(LSARPC, 0)), (False, bind_ack()))
    notes.write(os.path.join(folder, "notes.pcap"))
    text = checker.page("hostile-annotations", [os.path.join(folder, "notes.pcap")], truth=False)
    for wanted in ("&lt;/script&gt;&lt;script&gt;alert(1)", "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;",
                   "\\u001b]0;title\\u0007", "\\u202eevil\\u2066\\u200f", "--&gt;]]&gt;&lt;!--", "%s%n%x$(id)`id`"):
        # once in the steps of a refusal, once among the announcements
        if text.count(wanted) < 2:
            checker.fail(f"hostile-annotations: {wanted} stands {text.count(wanted)} times")
    text = checker.page("hostile", inputs, "--checksum", "ignore", "--policy", policy, truth=False)
    for what, wanted in (("<script>", 1), ("</script>", 1), ("<img", 0), ("onerror=alert(1)&gt;", None),
                         ("&lt;script&gt;alert(&#39;x&#39;)", None), ("\\u001b[", None),
                         ("\\u202e", None), ("\\u009b", None)):
        found = text.count(what)
        if (wanted is None and not found) or (wanted is not None and found != wanted):
            checker.fail(f"hostile: {what!r} stands {found} times")


def back_in_time(checker, pcaps):
    """A capture of which the second half is older than the first: silence is silence in any order."""
    path = os.path.join(checker.work, "back-in-time.pcap")
    with open(path, "wb") as out:
        for i, name in enumerate(("x-conflicting-retransmit", "map-single", "multi-service")):
            with open(os.path.join(pcaps, name + ".pcap"), "rb") as file:
                out.write(file.read()[24 if i else 0:])
    checker.page("back-in-time", [path])


def clashes(checker, pcaps):
    """Announcements of ports that are reserved, or lie outside of the range."""
    path = os.path.join(pcaps, "other-uuid.pcap")
    for name, setting, reason, remedy in (
            ("reserved", "reserved=+49153", "port-reserved", "<code>reserved -49153</code>"),
            ("range", "dynamic-range=49154-65535", "port-out-of-range", "a wider <code>dynamic-range</code>")):
        text = checker.page(name, [path], "--set", setting)
        row = re.search(rf"<tr><td>198\.18\.2\.2:49153</td><td>lsarpc 0\.0</td><td><code>{reason}</code></td>"
                        rf'<td class=n><a href="#a\d+">1</a></td><td>{remedy}</td></tr>', text)
        if not row:
            checker.fail(f"{name}: no clash of 49153 that leads to its announcement")


def other_traffic(checker, pcaps):
    """An hour in which nobody speaks RPC is no silence."""
    from hostile import LSARPC, Capture, bind, bind_ack  # pylint: disable=C0415
    with open(os.path.join(pcaps, "map-single.pcap"), "rb") as file:
        rpc = file.read()
    web = Capture()
    web.time = int((packet_times([os.path.join(pcaps, "map-single.pcap")])[-1] - 719163 * 86400) * 10**6)
    for i in range(60):
        web.time += 60 * 10**6
        web.segment(True, (50000, 443), 1000 + i, 1, 24, b"x")
    web.talk(49300, (True, bind(LSARPC, 0)), (False, bind_ack()))
    path = os.path.join(checker.work, "other-traffic.pcap")
    web.write(path)
    with open(path, "rb") as file:
        rest = file.read()[24:]
    with open(path, "wb") as file:
        file.write(rpc + rest)
    checker.page("other-traffic", [path])


def outputs(checker, source):
    """Where a page cannot be written, or must not be."""
    capture = os.path.join(source, "pcaps/other-uuid.pcap")
    copy = os.path.join(checker.work, "copy.pcap")
    with open(capture, "rb") as file, open(copy, "wb") as out:
        out.write(file.read())
    for target, wanted in ((copy, 1), (os.path.join(checker.work, "no/such/dir"), 1), ("/dev/full", 1)):
        done = run(checker.program, "analyze", "--quiet", "--html", target, copy)
        if done.returncode != wanted or done.stderr.count(b"\n") != 1:
            checker.fail(f"--html {target}: exit status {done.returncode}: {done.stderr.decode()}")
    with open(copy, "rb") as file, open(capture, "rb") as other:
        if file.read() != other.read():
            checker.fail("--html destroyed its input")


BAD = """<!DOCTYPE html><html><head><title>x</title><style>body{background:#000}</style></head><body>
<p style="color:#777;background:#888;width:600px">pale</p><img src="gone.png"><details id=d>
<summary>x</summary><ol><li>x</ol></details><script>console.error("bad")</script></body></html>"""


def main():
    program, source, work, *captures = sys.argv[1:]
    checker = Checker(program, work)
    pcaps = os.path.join(source, "pcaps")
    names = sorted(n for n in os.listdir(pcaps) if n.endswith(".pcap"))
    for name in names:
        checker.page(name[:-5], [os.path.join(pcaps, name)])
    checker.page("all", [os.path.join(pcaps, n) for n in names])
    checker.page("short-life", [os.path.join(pcaps, n) for n in names], "--set", "pinhole.ttl=10s")
    for path in captures:
        checker.page(os.path.basename(path), [path], truth=False)
    hostile_pages(checker, source, pcaps)
    back_in_time(checker, pcaps)
    other_traffic(checker, pcaps)
    clashes(checker, pcaps)
    outputs(checker, source)
    if checker.linked < 300:
        checker.fail(f"only {checker.linked} rows were found that numbers may lead to")
    bad = os.path.join(work, "bad.html")
    with open(bad, "w", encoding="ascii") as file:
        file.write(BAD)
    checker.plan.append({"file": bad, "bad": True})
    with open(os.path.join(work, "plan.json"), "w", encoding="utf-8") as file:
        json.dump(checker.plan, file)
    for failure in checker.failures[:40]:
        print(failure)
    print(f"{len(checker.plan)} pages, {len(checker.failures)} failures")
    return 1 if checker.failures else 0


if __name__ == "__main__":
    sys.exit(main())
