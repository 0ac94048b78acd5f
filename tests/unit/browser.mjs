// SPDX-License-Identifier: GPL-3.0-or-later
// browser.mjs AXE_JS PLAN_JSON - look at pages with a browser, and complain
//
// The plan is a list of { file, bad }: a page must be accessible (axe-core), in light and dark,
// raise no error, ask for nothing but itself, show everything on paper, need no scrolling sideways
// on a telephone and be there within two seconds.  A page marked bad must fail in each of these: a test that finds nothing proves nothing.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const OPEN_MS = 2000;
const ANSWER_MS = 60000; // axe takes a while in a large page
const axe = readFileSync(process.argv[2], "utf8");
const plan = JSON.parse(readFileSync(process.argv[3], "utf8"));
const profile = mkdtempSync(join(tmpdir(), "rpcgate-browser-"));
const browser = spawn("chromium", [
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync",
	"--disable-dev-shm-usage", `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });

// The protocol of the developer tools: JSON texts with a zero octet behind each
let number = 0;
const waiting = new Map();
const listeners = new Set();
let rest = Buffer.alloc(0);
browser.stdio[4].on("data", (octets) => {
	rest = Buffer.concat([rest, octets]);
	for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) {
		const message = JSON.parse(rest.subarray(0, end));
		if (message.id) {
			const { good, bad } = waiting.get(message.id);
			waiting.delete(message.id);
			message.error ? bad(new Error(message.error.message)) : good(message.result);
		} else {
			listeners.forEach((listener) => listener(message));
		}
	}
});
browser.on("exit", () => {
	for (const { bad } of waiting.values())
		bad(new Error("the browser went away"));
});

function send(method, params = {}, sessionId = undefined) {
	const id = ++number;
	browser.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
	return new Promise((good, bad) => {
		const late = setTimeout(() => bad(new Error(`${method} was not answered`)), ANSWER_MS);
		waiting.set(id, { good: (x) => (clearTimeout(late), good(x)), bad: (x) => (clearTimeout(late), bad(x)) });
	});
}

async function openTab() {
	const { targetId } = await send("Target.createTarget", { url: "about:blank" });
	const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
	const tab = (method, params) => send(method, params, sessionId);
	tab.session = sessionId;
	for (const domain of ["Page", "Runtime", "Network", "Log"])
		await tab(`${domain}.enable`);
	return tab;
}

// What the page does beside showing itself
function watch(tab, url, problems) {
	const listener = ({ method, params, sessionId }) => {
		if (sessionId !== tab.session)
			return;
		if (method === "Runtime.exceptionThrown")
			problems.errors.push(params.exceptionDetails.text);
		if (method === "Log.entryAdded" && params.entry.level === "error")
			problems.errors.push(params.entry.text);
		if (method === "Runtime.consoleAPICalled" && params.type === "error")
			problems.errors.push("console.error");
		if (method === "Page.javascriptDialogOpening") {
			problems.errors.push("a dialogue opened");
			tab("Page.handleJavaScriptDialog", { accept: false });
		}
		if (method === "Network.requestWillBeSent" && params.request.url.split("#")[0] !== url)
			problems.requests.push(params.request.url);
	};
	listeners.add(listener);
	return () => listeners.delete(listener);
}

async function evaluate(tab, expression) {
	const { result, exceptionDetails } = await tab("Runtime.evaluate",
		{ expression, awaitPromise: true, returnByValue: true, userGesture: true });
	if (exceptionDetails)
		throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
	return result.value;
}

async function load(tab, url) {
	const loaded = new Promise((done) => {
		const listener = ({ method, sessionId }) => {
			if (method === "Page.loadEventFired" && sessionId === tab.session) {
				listeners.delete(listener);
				done();
			}
		};
		listeners.add(listener);
	});
	await tab("Page.navigate", { url });
	await loaded;
}

async function open(tab, url) {
	const start = performance.now();
	await load(tab, url);
	// two frames later it is on the screen
	await evaluate(tab, "new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))");
	return performance.now() - start;
}

async function look(tab, file) {
	const url = pathToFileURL(file).href;
	const problems = { errors: [], requests: [], access: [], paper: [], narrow: [], slow: [] };
	const stop = watch(tab, url, problems);
	let best = Infinity;
	await tab("Emulation.setDeviceMetricsOverride",
		{ width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
	for (const scheme of ["light", "dark"]) {
		await tab("Emulation.setEmulatedMedia",
			{ media: "screen", features: [{ name: "prefers-color-scheme", value: scheme }] });
		for (let i = 0; i < 3 && best > OPEN_MS; i++)
			best = Math.min(best, await open(tab, url));
		await open(tab, url);
		await evaluate(tab, axe + ";0");
		for (const id of await evaluate(tab, `axe.run(document, { resultTypes: ["violations"] })
			.then((r) => r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 2)
				.map((n) => n.html.slice(0, 120)).join(" | ")))`))
			problems.access.push(`${scheme}: ${id}`);
	}
	if (best > OPEN_MS)
		problems.slow.push(`${Math.round(best)} ms`);
	// steps that are folded on the screen are not on paper
	await tab("Emulation.setEmulatedMedia", { media: "print", features: [] });
	problems.paper = await evaluate(tab, `[...document.querySelectorAll("details")]
		.filter((d) => !d.querySelector("ol")?.offsetHeight).map((d) => d.id)
		.concat(getComputedStyle(document.body).backgroundColor === "rgb(255, 255, 255)" ? [] : ["dark"])`);
	await tab("Emulation.setEmulatedMedia", { media: "screen", features: [] });
	await tab("Emulation.setDeviceMetricsOverride", { width: 390, height: 800, deviceScaleFactor: 1, mobile: false });
	const wide = await evaluate(tab, "document.documentElement.scrollWidth - innerWidth");
	if (wide > 0)
		problems.narrow.push(`${wide} pixels too wide`);
	await tab("Emulation.setDeviceMetricsOverride",
		{ width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
	const used = [...await byKeyboard(tab), ...await use(tab), ...await withoutScript(tab, url)];
	stop();
	return { problems, used, best };
}

// The first thing that the tab key reaches is the way past the contents
async function byKeyboard(tab) {
	for (const type of ["keyDown", "keyUp"])
		await tab("Input.dispatchKeyEvent", { type, key: "Tab", code: "Tab", windowsVirtualKeyCode: 9 });
	const seen = await evaluate(tab, `[document.activeElement.className,
		document.activeElement.getBoundingClientRect().left >= 0,
		getComputedStyle(document.activeElement).outlineStyle]`);
	return seen.join() === "skip,true,solid" ? [] : [`the tab key leads to ${seen}`];
}

// Nothing is said by the script alone, and nothing is shown that would need it
async function withoutScript(tab, url) {
	const text = `document.querySelector("main")?.textContent.replaceAll("Copied", "Copy").length`;
	const before = await evaluate(tab, text);
	await tab("Emulation.setScriptExecutionDisabled", { value: true });
	await load(tab, url);
	const after = await evaluate(tab, text);
	const idle = await evaluate(tab, `[...document.querySelectorAll("button, input")]
		.filter((e) => e.offsetHeight).length`);
	await tab("Emulation.setScriptExecutionDisabled", { value: false });
	return after && after <= before && before - after < 100 && !idle ? [] :
		[`without a script there are ${after} characters, not ${before}, and ${idle} idle controls`];
}

// The script: what it adds must work
function use(tab) {
	return evaluate(tab, `(async () => {
		const wrong = [];
		const button = document.querySelector("[data-copy]");
		if (button) {
			button.click();
			for (let i = 0; i < 50 && button.textContent !== "Copied"; i++)
				await new Promise((f) => setTimeout(f, 20));
			if (button.hidden || button.textContent !== "Copied")
				wrong.push("the policy cannot be copied");
		}
		for (const box of document.querySelectorAll("[data-rows]")) {
			const rows = document.querySelectorAll(box.dataset.rows);
			box.value = "no row contains this";
			box.dispatchEvent(new Event("input"));
			if ([...rows].some((r) => !r.hidden) || !rows.length || box.closest("p").hidden)
				wrong.push("rows cannot be filtered: " + box.dataset.rows);
			box.value = "";
			box.dispatchEvent(new Event("input"));
			if ([...rows].some((r) => r.hidden))
				wrong.push("rows stay hidden: " + box.dataset.rows);
		}
		const folded = document.querySelector("details:not([open])");
		if (folded && folded.id) {
			location.hash = folded.id;
			await new Promise((f) => setTimeout(f, 100));
			if (!folded.open)
				wrong.push("a link to folded steps does not open them");
		}
		return wrong;
	})()`);
}

let failures = 0;
try {
	const tab = await openTab();
	for (const { file, bad } of plan) {
		const { problems, used, best } = await look(tab, file);
		for (const [kind, list] of Object.entries(problems)) {
			if (bad && !list.length && kind !== "slow") {
				console.log(`${file}: no ${kind} were found in the bad page`);
				failures++;
			}
			for (const problem of bad ? [] : list) {
				console.log(`${file}: ${kind}: ${problem}`);
				failures++;
			}
		}
		for (const problem of bad ? [] : used) {
			console.log(`${file}: ${problem}`);
			failures++;
		}
		console.log(`${file}: open within ${Math.round(best)} ms`);
	}
} catch (error) {
	console.log(error.message);
	failures++;
}
const gone = new Promise((done) => browser.on("exit", done));
send("Browser.close").catch(() => {});
await gone;
rmSync(profile, { recursive: true, force: true });
console.log(`${plan.length} pages, ${failures} failures`);
process.exit(failures || !plan.length ? 1 : 0);
