/* SPDX-License-Identifier: GPL-3.0-or-later */
"use strict";
/* What the page can do without: copy the policy, filter rows, open the steps that a link leads to */
for (const button of document.querySelectorAll("[data-copy]")) {
	const from = document.getElementById(button.dataset.copy);
	button.hidden = false;
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(from.textContent);
		} catch (refused) {
			getSelection().selectAllChildren(from);
			document.execCommand("copy");
		}
		button.textContent = "Copied";
	});
}
for (const box of document.querySelectorAll("[data-rows]")) {
	const rows = [...document.querySelectorAll(box.dataset.rows)];
	const output = box.closest("p").querySelector("output");
	box.closest("p").hidden = false;
	box.addEventListener("input", () => {
		const wanted = box.value.toLowerCase();
		let shown = 0;
		for (const row of rows) {
			row.hidden = !row.textContent.toLowerCase().includes(wanted);
			shown += !row.hidden;
		}
		output.textContent = wanted ? shown + " of " + rows.length : "";
	});
}
const open = () => {
	const target = location.hash && document.getElementById(location.hash.slice(1));
	if (target && target.tagName === "DETAILS")
		target.open = true;
};
addEventListener("hashchange", open);
open();
