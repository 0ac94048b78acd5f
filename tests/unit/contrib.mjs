// SPDX-License-Identifier: GPL-3.0-or-later
// contrib.mjs SOURCE_DIR NPM_DIR EVENTS - queries of DuckDB, expressions of Prometheus
//
// DuckDB's answers are compared with what JavaScript finds in the same events.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [source, npm, path] = process.argv.slice(2);
const require = createRequire(join(npm, "package.json"));
const { DuckDBInstance } = require("@duckdb/node-api");
const { parser } = require("@prometheus-io/lezer-promql");
const events = readFileSync(path, "utf8").trim().split("\n").map((line) => JSON.parse(line));
let failures = 0;

function check(what, good) {
	if (!good) {
		console.log(what);
		failures++;
	}
}

const connection = await (await DuckDBInstance.create(":memory:")).connect();
await connection.run(`SET VARIABLE events = '${path}'`);
const query = async (name) => (await connection.runAndReadAll(
	readFileSync(join(source, "contrib/duckdb", name), "utf8"))).getRowObjectsJson();
await connection.run(readFileSync(join(source, "contrib/duckdb/events.sql"), "utf8"));

const sum = (rows, name) => rows.reduce((all, row) => all + Number(row[name]), 0);
const binds = events.filter((e) => e.event_type === "rpc_bind");
const denied = binds.filter((e) => e.rpc_bind.verdict === "deny");
const seconds = (e) => Date.parse(e.timestamp.replace("+0000", "Z"));

const asked = {
	"refused.sql"(rows) {
		check("refused.sql: the sum", sum(rows, "times") === denied.length && denied.length > 0);
		for (const row of rows)
			check(`refused.sql: ${JSON.stringify(row)}`, Number(row.times) === denied.filter((e) =>
				e.src_ip === row.client && e.dest_ip === row.server && e.dest_port === row.port &&
				(e.rpc_bind.name ?? e.rpc_bind.uuid) === row.interface &&
				e.rpc_bind.reason === row.reason).length);
	},
	"services.sql"(rows) {
		const used = binds.filter((e) => e.rpc_bind.reason !== "mapper");
		check("services.sql: the sums", sum(rows, "refused") === denied.length &&
			sum(rows, "allowed") === used.length - denied.length);
		check("services.sql: NTDS", rows.some((row) => row.service === "NTDS"));
	},
	"gaps.sql"(rows) {
		const ages = binds.filter((e) => e.rpc_bind.verdict !== "deny" && "age" in e.rpc_bind)
			.map((e) => e.rpc_bind.age).sort((a, b) => a - b);
		check("gaps.sql: binds", Number(rows[0].binds) === ages.length && ages.length > 0);
		check("gaps.sql: longest", rows[0].longest_s === ages.at(-1));
		const half = (ages[Math.floor((ages.length - 1) / 2)] + ages[Math.ceil((ages.length - 1) / 2)]) / 2;
		check("gaps.sql: half", Math.abs(rows[0].half_within_s - half) < 1e-6);
	},
	"unused.sql"(rows) {
		const holes = new Map();
		for (const { event_type, rpc_pinhole: p } of events) {
			if (event_type !== "rpc_pinhole")
				continue;
			const key = [p.client_ip, p.server_ip, p.port, p.name ?? p.uuid].join();
			const hole = holes.get(key) ?? { open: 0, use: 0 };
			hole[p.action] = (hole[p.action] ?? 0) + 1;
			holes.set(key, hole);
		}
		const unused = [...holes].filter(([, hole]) => hole.open && !hole.use);
		check("unused.sql", unused.length > 0 && rows.length === unused.length && rows.every((row) =>
			Number(row.opened) === holes.get([row.client, row.server, row.port, row.interface].join()).open));
	},
	"new.sql"(rows) {
		const firsts = new Map();
		for (const e of binds.filter((e) => e.rpc_bind.reason !== "mapper")) {
			const key = [e.src_ip, e.dest_ip, e.rpc_bind.name ?? e.rpc_bind.uuid].join();
			firsts.set(key, Math.min(firsts.get(key) ?? Infinity, seconds(e)));
		}
		const day = Math.floor(Math.max(...events.map(seconds)) / 86400000) * 86400000;
		const wanted = [...firsts].filter(([, at]) => at >= day).map(([key]) => key).sort();
		check("new.sql", JSON.stringify(wanted) === JSON.stringify(
			rows.map((row) => [row.client, row.server, row.interface].join()).sort()));
		return wanted.length;
	},
	"alerts.sql"(rows) {
		const alerts = events.filter((e) => e.event_type === "alert");
		check("alerts.sql: the sum", sum(rows, "times") === alerts.length && alerts.length > 0);
		for (const row of rows) {
			const same = alerts.filter((e) => e.alert.signature === row.signature);
			const techniques = [...new Set(same.flatMap((e) => e.alert.metadata.mitre_technique_id ?? []))].sort();
			check(`alerts.sql: ${row.signature}`, same.length === Number(row.times) &&
				JSON.stringify(techniques) === JSON.stringify(row.techniques) &&
				Number(row.clients) === new Set(same.map((e) => e.src_ip)).size);
		}
	},
};
const files = readdirSync(join(source, "contrib/duckdb")).filter((f) => f !== "events.sql").sort();
check("a query without a test, or the other way round",
	JSON.stringify(files) === JSON.stringify(Object.keys(asked).sort()));
for (const file of files)
	asked[file](await query(file));
// the day of new.sql must be able to have something on it
await connection.run(`CREATE OR REPLACE VIEW events AS SELECT * FROM (${
	"SELECT 'rpc_bind' AS event_type, '10.0.0.1' AS src_ip, '10.0.0.2' AS dest_ip, " +
	"{'name': 'samr', 'uuid': 'x', 'reason': 'learned', 'verdict': 'allow'} AS rpc_bind, " +
	"TIMESTAMP '2026-11-21 04:00:00' AS moment"})`);
check("new.sql finds nothing new", (await query("new.sql")).length === 1);

// Expressions: no error in the tree, and something in it
function expression(where, text) {
	const plain = text.replace(/\$__(rate_interval|range)/g, "5m");
	let bad = false;
	parser.parse(plain).iterate({ enter: (node) => { bad ||= node.type.isError; } });
	check(`${where}: ${text}`, !bad && plain.length > 0);
}
let expressions = 0;
for (const line of readFileSync(join(source, "contrib/prometheus/rules.yml"), "utf8").matchAll(/^ +expr: (.*)$/gm))
	expression("rules.yml", line[1], expressions++);
for (const panel of JSON.parse(readFileSync(join(source, "contrib/grafana/rpcgate.json"), "utf8")).panels)
	for (const target of panel.targets)
		expression(`grafana: ${panel.title}`, target.expr, expressions++);
check("no expressions were found", expressions > 10);
let broken = false;
parser.parse("rate(x[5m").iterate({ enter: (node) => { broken ||= node.type.isError; } });
check("a broken expression is not noticed", broken);
console.log(`${files.length} queries, ${expressions} expressions, ${failures} failures`);
process.exit(failures ? 1 : 0);
