// Checks the engine in this very browser, layer by layer, and makes a report that can be pasted into a bug report.

import { emit, h, say, watch } from "../dom.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function selfTest(element) {
  const run = h("button", { type: "button", class: "primary", onclick: () => emit(element, "self-test-run") }, "Run the self-test");
  const copy = h("button", { type: "button", onclick: () => void navigator.clipboard.writeText(report.value).then(() => say(copied, "Copied.")) }, "Copy the report");
  const copied = h("span", { role: "status" });
  const bar = h("progress", { max: 1, "aria-label": "Self-test" });
  const text = h("p", { role: "status" });
  const rows = h("tbody", {});
  const table = h("div", { class: "table-scroll", tabIndex: 0, role: "region", "aria-label": "Results of the self-test" }, h("table", { class: "cases" }, h("thead", {}, h("tr", {}, ...["Case", "Error", "Allowed", "Result"].map((title) => h("th", { scope: "col" }, title)))), rows));
  const report = h("textarea", { readOnly: true, rows: 6, "aria-label": "Report" });
  const output = h("div", { class: "self-test-output" }, h("div", { class: "row" }, copy, copied), report, table);
  element.append(
    h("h2", {}, "Self-test"),
    h("p", {}, "Runs every layer of the engine on this computer and compares it with its definition. If something looks wrong on your machine, this table says what."),
    h("div", { class: "row" }, run, text),
    bar,
    output,
  );
  /** @type {import("../types").State["selfTest"]["cases"]} */
  let shown = null;
  return watch(
    (state) => [state.selfTest, state.engine, state.view],
    ({ running, done, total, cases, sentence }, engine, view) => {
      element.hidden = view !== "self-test";
      run.disabled = running || engine.phase !== "ready";
      bar.hidden = !running;
      if (total > 0) bar.value = done / total;
      else bar.removeAttribute("value");
      const failed = cases?.filter((one) => !one.ok) ?? [];
      if (sentence) say(text, sentence);
      else if (running) say(text, `Case ${done} of ${total}`);
      else if (cases) say(text, failed.length === 0 ? `All ${cases.length} cases agree.` : `${failed.length} of ${cases.length} cases differ.`);
      else say(text, engine.phase === "ready" ? "" : "Waiting for the network…");
      output.hidden = !cases;
      if (!cases || shown === cases) return;
      shown = cases;
      rows.replaceChildren(...[...failed, ...cases.filter((one) => one.ok)].map((one) => h("tr", { class: one.ok ? "" : "wrong" }, h("td", {}, one.name), h("td", { class: "figures" }, one.error.toExponential(1)), h("td", { class: "figures" }, one.tolerance.toExponential(1)), h("td", {}, one.ok ? "agrees" : "differs"))));
      const facts = { headstart: engine.info?.version, backend: engine.info?.label, reason: engine.info?.reason, browser: navigator.userAgent, cases: cases.length, failed };
      report.value = JSON.stringify(facts, null, 1);
    },
  );
}
