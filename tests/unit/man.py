#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option, setting, reason, field, counter and function is in the manuals, and nothing else.

usage: man.py PROGRAM SOURCE_DIR WORK_DIR BENCH_PROGRAM

What there is comes from the program: its help, the schema of events, the public header, and
the table of keys in src/io/conf.c.
"""
import json
import pathlib
import re
import subprocess
import sys

failures = []


def run(program, *args):
    return subprocess.run([program, *args], stdout=subprocess.PIPE, text=True, check=True).stdout


def same(what, found, wanted):
    for name in sorted(wanted - found):
        failures.append(f"{what}: {name} is not in the manual")
    for name in sorted(found - wanted):
        failures.append(f"{what}: {name} is in the manual alone")
    if not wanted:
        failures.append(f"{what}: there is nothing to compare with")


class Manual:
    def __init__(self, path):
        self.text = path.read_text()
        self.name = path.name

    def section(self, title, macro="Sh"):
        ends = "Sh" if macro == "Sh" else "S[sh]"
        found = re.search(rf"(?ms)^\.{macro} {re.escape(title)}$(.*?)(?=^\.{ends} |\Z)", self.text)
        if not found:
            failures.append(f"{self.name}: there is no '.{macro} {title}'")
            return ""
        return found[1]


def items(text, macro):
    return set(re.findall(rf"(?m)^\.It {macro} (\S+)", text))


def words(text):
    """The words of a passage, without macros and punctuation of its own."""
    text = re.sub(r"(?m)^\.\w\w\b", " ", text).replace("\\e", "\\").replace("\\&", "")
    return re.sub(r"[\s.,;:]+", " ", text).strip().lower()


def commands(program, man):
    told = run(program, "--help")
    names = re.findall(r"(?m)^  ([a-z]+) +\S", told.split("\ncommands:\n")[1])
    part = man.section("COMMANDS")
    same("commands", set(re.findall(r"(?m)^\.Ss (\S+)", part)), set(names))
    synopsis = man.section("SYNOPSIS")
    same("commands in the synopsis", set(re.findall(r"(?m)^\.Cm (\S+)", synopsis)), set(names))
    if re.findall(r"(?m)^\.Ss (\S+)", part) != names:
        failures.append("rpcgate.8: commands have another order than in --help")
    for name in names:
        options = set(re.findall(r"(?m)^  --([a-z-]+)", run(program, name, "--help")))
        same(f"options of {name}", items(man.section(name, "Ss"), "Fl") and
             {o.lstrip("-") for o in items(man.section(name, "Ss"), "Fl")}, options)


def settings(program, man):
    part = man.section("SETTINGS")
    found = {}
    for key, values, text, preset in re.findall(
            r"(?ms)^\.It Cm (\S+) Ns = Ns Ar (.*?)\n(.*?)\nPreset:\n\.Ql (.*?) \.$", part):
        found[key] = (values, words(text), preset)
    wanted = {}
    for key, values, text, preset in re.findall(
            r"(?m)^  ([a-z][a-z.-]*)=(.*)\n((?:      (?!preset:).*\n)+)      preset: (.*)$",
            run(program, "analyze", "--help")):
        wanted[key] = (values, words(text), preset)
    same("settings", set(found), set(wanted))
    for key in set(found) & set(wanted):
        if found[key] != wanted[key]:
            failures.append(f"rpcgate.8: {key}: {found[key]} is not {wanted[key]}")


def fields(schema, man):
    definitions = schema["definitions"]
    common = set(schema["properties"])
    same("common fields", items(man.section("Common fields", "Ss"), "Va"), common)
    kinds = set(schema["properties"]["event_type"]["enum"])
    listed = set(re.findall(r"(?m)^\.Ss (\w+)$", man.section("EVENTS")))
    same("kinds of events", listed, kinds | {"dcerpc"})
    for kind in kinds - {"stats"} | {"dcerpc"}:
        body = definitions[kind]
        wanted = set(body["properties"])
        for base in body.get("allOf", []):
            wanted |= set(definitions[base["$ref"].rsplit("/", 1)[1]]["properties"])
        part = man.section(kind, "Ss")
        same(f"fields of {kind}", items(part, "Va"), wanted)
        for name, rule in body["properties"].items():
            for word in rule.get("enum", []):
                if f".Ql {word}" not in part:
                    failures.append(f"rpcgate-events.5: {kind}.{name}: '{word}' is not said")
            for inner in rule.get("properties", {}):
                if f".Va {inner}" not in part:
                    failures.append(f"rpcgate-events.5: {kind}.{name}.{inner} is not said")


def engine_events(source, schema):
    """What the program says about itself, wherever it does, is what the schema has."""
    text = "".join(path.read_text() for path in sorted((source / "src").glob("*/*.c")))
    found = set(re.findall(r'\b(?:run_tell|put_engine)\(\w+, "(\w+)"', text))
    found |= set(re.findall(r'\bjson_write_engine\([^;]*?(?:NULL|name),\s*"(\w+)"', text))
    found |= set(re.findall(r'\(struct rpcgate_engine_event\)\{ \w+, "(\w+)"', text))
    same("events of rpc_engine", set(schema["definitions"]["rpc_engine"]["properties"]["event"]["enum"]), found)


def table(header, name, end):
    start = header.index(f"#define {name}(X)")
    text = header[start:header.index(end, start)]
    return {row[0]: words(row[1]) for row in
            re.findall(r'X\((?:\w+,\s*)?"?([\w-]+)"?,[\s\\]*"([^"]*)"\)', text)}


def described(part, macro):
    return {name: words(text) for name, text in
            re.findall(rf"(?ms)^\.It {macro} (\S+)\n(.*?)(?=^\.It |^\.El)", part)}


def lists(header, man):
    for what, found, wanted in (
            ("counters", described(man.section("stats", "Ss"), "Va"),
             table(header, "RPCGATE_COUNTERS", "struct rpcgate_stats")),
            ("reasons", described(man.section("REASONS"), "Cm"),
             table(header, "RPCGATE_REASONS", "enum rpcgate_reason"))):
        same(what, set(found), set(wanted))
        for name in set(found) & set(wanted):
            if found[name] != wanted[name]:
                failures.append(f"{what}: {name}: '{found[name]}' is not '{wanted[name]}'")


def functions(header, man):
    wanted = {}
    for function in re.finditer(r"RPCGATE_API (?:RPCGATE_MUST_USE )?\s*([^;(]*?[\s*])"
                                r"(rpcgate_\w+)\(([^;]*)\);", header):
        kind, name, args = (" ".join(function[i].split()) for i in (1, 2, 3))
        wanted[name] = (kind, [a.strip() for a in args.split(",")])
    found = {}
    for kind, name, args in re.findall(r'(?m)^\.Ft "(.*)"\n\.Fn (\w+)(.*)$', man.section("SYNOPSIS")):
        found[name] = (kind, re.findall(r'"(.*?)"', args))
    same("functions", set(found), set(wanted))
    for name in set(found) & set(wanted):
        if found[name] != wanted[name]:
            failures.append(f"librpcgate.3: {name}: {found[name]} is not {wanted[name]}")
    for name in re.findall(r"(?m)^\.Fn (\w+)", man.text):
        if name not in wanted:
            failures.append(f"librpcgate.3: {name} does not exist")


def policy(program, source, man):
    told = " ".join(re.findall(r"(?m)^  groups: (.*)$", run(program, "iface", "e")))
    part = man.section("GROUPS")
    part = part[part.index("They are"):part.index(".Ql rpcgate iface")]
    same("groups", set(re.findall(r"(?m)^\.Ql (\S+)", part)), set(re.split(r"[,\s]+", told.strip())))
    parser = (source / "src/gate/policy_parse.c").read_text()
    language = man.section("THE LANGUAGE")
    listed = set(re.findall(r"(?m)^\.It (?:Oo )?Ic (\S+)", language))
    wanted = set(re.findall(r'(?m)^\t\{ "([a-z-]+)", (?:RPCGATE_STATEMENT|CLAUSE)_', parser))
    # a group stands behind "interface" in the list of subjects
    wanted.discard("group")
    if "Ic group Ar name" not in language:
        failures.append("rpcgate-policy.5: no group")
    same("statements and clauses", listed, wanted)
    for level in re.search(r"levels\[\] = \{(.*?)\}", parser)[1].replace('"', "").split(","):
        if level.strip() not in language:
            failures.append(f"rpcgate-policy.5: no level {level}")


def lint(folder):
    """mandoc's opinion; EXAMPLES come first on purpose, and pages name each other."""
    accepted = re.compile(r"sections out of conventional order: Sh DESCRIPTION|"
                          r"referenced manual not found: Xr (lib)?rpcgate|makewhatis|tcpdump|"
                          r"conntrackd")
    for page in sorted(folder.glob("*.[1-9]")):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", str(page)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        failures.extend(line for line in done.stdout.splitlines() if not accepted.search(line))
        for name, section in re.findall(r"(?m)^\.Xr (\S*rpcgate\S*) (\d)", page.read_text()):
            if not (folder / f"{name}.{section}").exists():
                failures.append(f"{page.name}: there is no {name}({section})")
        if not re.search(r"(?m)^\.Sh EXAMPLES$", page.read_text()):
            failures.append(f"{page.name}: no EXAMPLES")
        if not re.search(r"(?m)^\.Sh CAVEATS$", page.read_text()):
            failures.append(f"{page.name}: no CAVEATS")


SCENARIOS = {"replication between sites": "replicat", "members of a domain": "[Mm]ember",
             "OPC DA": "OPC DA through the firewall of a plant", "audit": "Audit only",
             "high availability": "pair(?= of gateways|, of which)"}


def order(folder):
    """Examples stand before all prose, and the manuals of a gateway's administrator have five of them."""
    for page in sorted(folder.glob("*.[1-9]")):
        titles = re.findall(r"(?m)^\.Sh (.*)$", page.read_text())
        before = titles[:titles.index("EXAMPLES")] if "EXAMPLES" in titles else titles
        if set(before) - {"NAME", "LIBRARY", "SYNOPSIS"}:
            failures.append(f"{page.name}: {before[-1]} stands before EXAMPLES")
    for name in ("rpcgate.8", "rpcgate.conf.5"):
        part = Manual(folder / name).section("EXAMPLES")
        for what, wanted in SCENARIOS.items():
            if not re.search(wanted, part):
                failures.append(f"{name}: no example of {what}")


def keys_of_top(source, man):
    """Each key that the line of keys offers is described."""
    text = (source / "src/cli/top_ui.c").read_text()
    text = text[text.index("} keys[] = {"):]
    wanted = set()
    for key, word, name in re.findall(r"(?m)^\t\{ (\S+), do_\w+, (\S+), (\S+), \w+, \d+ \},$", text):
        if word != "NULL":
            wanted |= set(name.strip('"')) if name in ('"<>"', '"+-"') else \
                {name.strip('"') if name != "NULL" else key.strip("'")}
    if len(wanted) < 12:
        failures.append("src/cli/top_ui.c: the table of keys is not understood")
    part = man.section("top", "Ss").replace("\\&", "")
    found = {word for line in re.findall(r"(?m)^\.(?:It )?Cm (.*)$", part) for word in line.split()}
    for key in sorted(wanted - found):
        failures.append(f"rpcgate.8: top: the key {key} is not described")


def command_lines(program, source, folder):
    """Options in examples and in running text exist, of the command that they stand behind."""
    names = re.findall(r"(?m)^  ([a-z]+) +\S", run(program, "--help").split("\ncommands:\n")[1])
    known = {name: set(re.findall(r"--[a-z-]+", run(program, name, "--help"))) for name in names}
    every = set.union(*known.values())
    lines = 0
    for page in [*sorted(folder.glob("rpcgate*.[58]")), source / "README.md", source / "contrib/README.md",
                 source / "pcaps/README.md"]:
        text = page.read_text().replace("\\e\n", " ").replace("\\\n", " ")
        for name, rest in re.findall(r"\brpcgate (\w+)\b([^\n|`]*)", text):
            for option in re.findall(r"(?<!\S)--[a-z-]+", rest) if name in known else ():
                lines += 1
                if option not in known[name]:
                    failures.append(f"{page.name}: rpcgate {name} has no {option}")
        for option in re.findall(r"\bFl -([a-z-]+)", text):
            if option != "name" and "--" + option not in every: # --name value is the form itself
                failures.append(f"{page.name}: there is no --{option}")
    if lines < 20:
        failures.append(f"only {lines} options were found in examples")


def examples(program, man, folder):
    """Policies in the examples can be used."""
    policies = re.findall(r"(?ms)^\$ cat \S+\.policy\n(.*?)^\$", man.text)
    if not policies:
        failures.append("rpcgate.8: no policy among the examples")
    for text in policies:
        path = folder / "example.policy"
        path.write_text(text)
        done = subprocess.run([program, "check", "--quiet", str(path)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode or done.stdout:
            failures.append(f"rpcgate.8: {done.stdout}")


def keys(source):
    """The table of src/io/conf.c: name, values, preset and sentence of each key."""
    text = (source / "src/io/conf.c").read_text()
    text = text[text.index("static const struct key keys[] = {"):]
    text = text[:text.index("\n};")]
    string = r'"((?:[^"\\]|\\.)*)"'
    rows = re.findall(rf"\{{ \{{ {string}, {string}, {string},\s*((?:{string}\s*)+)\}},\s*KIND_",
                      text)
    if len(rows) != text.count("KIND_"):
        failures.append("src/io/conf.c: the table of keys is not understood")
    return {row[0]: (row[1], words("".join(re.findall(string, row[3]))), row[2]) for row in rows}


def configuration(source, man):
    part = man.section("KEYS")
    found = {}
    for key, values, text, preset in re.findall(
            r"(?ms)^\.It Ic (\S+) Ar ([^\n]*)\n(.*?)\nPreset:\n\.Ql (.*?) \.$", part):
        found[key] = (values, words(text), preset)
    same("keys", set(re.findall(r"(?m)^\.It Ic (\S+)", part)), set(found))
    wanted = keys(source)
    same("keys", set(found), set(wanted))
    for key in set(found) & set(wanted):
        if found[key] != wanted[key]:
            failures.append(f"rpcgate.conf.5: {key}: {found[key]} is not {wanted[key]}")


def metrics(source, man):
    """What the service serves beside the counters of the library."""
    text = (source / "src/loop/run_metrics.c").read_text()
    wanted = {name: words(told) for name, told in
              re.findall(r'\.name = "(\w+)",\s*\.help = "([^"]*)"', text)}
    if len(wanted) != len(re.findall(r"\.name = ", text)):
        failures.append("src/loop/run_metrics.c: the list of metrics is not understood")
    found = described(man.section("METRICS"), "Va")
    same("metrics", set(found), set(wanted))
    for name in set(found) & set(wanted):
        if found[name] != wanted[name]:
            failures.append(f"rpcgate.conf.5: {name}: '{found[name]}' is not '{wanted[name]}'")


def configurations(program, man, folder):
    """The files among the examples are read without a remark, and make a table."""
    files = re.findall(r"(?ms)^\.Bd -literal[^\n]*\n(# rpcgate\.conf.*?)^\.Ed$", man.text)
    if len(files) < 6:
        failures.append(f"rpcgate.conf.5: {len(files)} files among the examples")
    for text in files:
        path = folder / "rpcgate.conf"
        path.write_text(text)
        for command in (["check", "--quiet", str(path)],
                        ["run", "--print-rules", "-c", str(path)]):
            done = subprocess.run([program, *command], text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            told = done.stdout if command[0] == "check" else ""
            if done.returncode or told:
                failures.append(f"rpcgate.conf.5: {text.splitlines()[0]}: {done.stdout}")


def bench(program, man):
    told = run(program, "--help")
    names = re.findall(r"(?m)^  ([a-z]+) +\S", told.split("\ncommands:\n")[1])
    same("commands of rpcgate-bench", items(man.section("COMMANDS"), "Cm"), set(names))
    found = {}
    for name, value, text in re.findall(
            r"(?ms)^\.It Fl -([a-z-]+)(?: Ar (\S+))?\n(.*?)(?=^\.It |^\.El)",
            man.section("OPTIONS")):
        found[name] = (value, words(text))
    wanted = {}
    for name, value, text in re.findall(
            r"(?m)^  --([a-z-]+)(?: ([A-Z]+))? +(.*(?:\n {10,}.*)*)$", told):
        wanted[name] = (value, words(text))
    same("options of rpcgate-bench", set(found), set(wanted))
    for name in set(found) & set(wanted):
        if found[name][0] != wanted[name][0] or not found[name][1].startswith(wanted[name][1]):
            failures.append(f"rpcgate-bench.1: {name}: {found[name]} is not {wanted[name]}")
    mixes = re.search(r"(?m)^  generate +(\S+)", told)[1].split("|")
    same("mixes", items(man.section("CAPTURES"), "Ql"), set(mixes))


def main():
    program, source, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder = source / "src/man"
    header = (source / "include/rpcgate.h").read_text()
    schema = json.loads((source / "src/io/rpcgate-events.schema.json").read_text())
    rpcgate = Manual(folder / "rpcgate.8")
    commands(program, rpcgate)
    settings(program, rpcgate)
    events = Manual(folder / "rpcgate-events.5")
    fields(schema, events)
    engine_events(source, schema)
    lists(header, events)
    functions(header, Manual(folder / "librpcgate.3"))
    policy(program, source, Manual(folder / "rpcgate-policy.5"))
    order(folder)
    keys_of_top(source, rpcgate)
    command_lines(program, source, folder)
    examples(program, rpcgate, work)
    conf = Manual(folder / "rpcgate.conf.5")
    configuration(source, conf)
    metrics(source, conf)
    configurations(program, conf, work)
    bench(sys.argv[4], Manual(folder / "rpcgate-bench.1"))
    lint(folder)
    for failure in failures[:60]:
        print(failure)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
