#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare README.md with the program and the header.

usage: readme.py [--update] PROGRAM SOURCE_DIR

Every block marked "console" is a command with its output: the command is run again by sh (in
the source tree, "rpcgate" meaning PROGRAM) and must print the same.  Tables between <!-- NAME --> and
<!-- /NAME --> are compared with what they are made from.  --update writes what is instead.
"""
import os
import pathlib
import re
import subprocess
import sys

CONSOLE = re.compile(r"(?ms)^```console\n\$ ([^\n]*)\n(.*?)^```$")


def run(program, source, command):
    """What a command of README.md prints, errors too, in the source tree."""
    path = os.pathsep.join((os.path.dirname(program), os.environ.get("PATH", os.defpath)))
    done = subprocess.run(["sh", "-c", command], cwd=source, text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**os.environ, "PATH": path})
    if done.returncode != 0:
        raise SystemExit(f"README.md: {command}: exit status {done.returncode}\n{done.stdout}")
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


def reasons(source):
    """The closed list in the header: name and sentence."""
    header = (source / "include/rpcgate.h").read_text()
    start = header.index("#define RPCGATE_REASONS(X)")
    text = header[start:header.index("enum rpcgate_reason", start)]
    rows = re.findall(r'X\((\w+),\s*"([^"]*)",[\s\\]*"([^"]*)"\)', text)
    if len(rows) != text.count("\tX("):
        raise SystemExit("include/rpcgate.h: the list of reasons is not understood")
    return table(("reason", "means"), [(f"`{name}`", sentence) for _, name, sentence in rows])


def settings(program, source):
    """The keys of --set, from the help of analyze: KEY=VALUES, a sentence, the preset."""
    text = run(program, source, "rpcgate analyze --help")
    rows = []
    for key, values, rest in re.findall(r"(?m)^  ([a-z][a-z.-]*)=(.*)\n((?:      .*\n)+)", text):
        sentence, _, preset = " ".join(rest.split()).rpartition(" preset: ")
        rows.append((f"`{key}`", values.replace("|", "\\|"), preset, sentence))
    if len(rows) < 10 or not all(all(row) for row in rows):
        raise SystemExit("rpcgate analyze --help: the list of settings is not understood")
    return table(("key", "takes", "default", "means"), rows)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def links(source, path):
    """Links into the tree that lead nowhere."""
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        if not (path.parent / target).exists():
            yield f"{path.relative_to(source)}: link to {target}, which is not there"
    for anchor in re.findall(r"\]\(#([^)]+)\)", text):
        heads = [h.strip().lower().replace(" ", "-") for h in re.findall(r"(?m)^#+ (.*)$", text)]
        if anchor not in heads:
            yield f"{path.relative_to(source)}: link to #{anchor}, which is not there"


def captures(source):
    """Each capture that ships has a truth table and a story, and nothing else has."""
    text = (source / "pcaps/README.md").read_text()
    stories = set(re.findall(r"(?m)^## (\S+)$", text))
    files = {p.stem for p in (source / "pcaps").glob("*.pcap*")}
    for name in sorted(stories ^ files):
        yield f"pcaps/README.md: {name}: story without capture, or capture without story"
    for name in sorted(files):
        if not (source / f"pcaps/{name}.truth.tsv").exists():
            yield f"pcaps/{name}: no truth table"


def renew(program, source, text):
    """README.md as it should be."""
    def console(found):
        return f"```console\n$ {found[1]}\n{run(program, source, found[1])}```"

    text, n = CONSOLE.subn(console, text)
    if n == 0:
        raise SystemExit("README.md: no console block")
    for name, rows in (("reasons", reasons(source)), ("settings", settings(program, source))):
        text, n = re.subn(rf"(?s)<!-- {name} -->.*?<!-- /{name} -->",
                          lambda _: f"<!-- {name} -->\n{rows}<!-- /{name} -->", text)
        if n != 1:
            raise SystemExit(f"README.md: {n} tables marked {name}, expected one")
    return text


def main(argv):
    update = "--update" in argv
    program, source = [a for a in argv[1:] if a != "--update"]
    program, source = str(pathlib.Path(program).resolve()), pathlib.Path(source).resolve()
    path = source / "README.md"
    is_ = path.read_text()
    should = renew(program, source, is_)
    if update:
        path.write_text(should)
        return 0
    wrong = [*links(source, path), *links(source, source / "pcaps/README.md"),
             *links(source, source / "CONTRIBUTING.md"), *captures(source)]
    for number, (a, b) in enumerate(zip(is_.splitlines(), should.splitlines()), 1):
        if a != b:
            wrong.append(f"README.md:{number}: says   {a}\n{' ' * 14}it is  {b}")
            break
    if is_ != should and not wrong:
        wrong.append("README.md: the last block is shorter or longer than what is")
    print("\n".join(wrong) or "README.md says what is")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
