// What the networks made of the same pictures: one table, small bars in every cell, and one sentence on who did best.

import { emit, h, watch } from "../dom.js";
import { figures, keyOf, megabytes, milliseconds, trainingWords } from "../networks.js";

/** @typedef {import("../types").CompareRow} CompareRow */
/** @typedef {import("../types").ModelInfo} ModelInfo */

const STEPS = { waiting: "Waits for its turn", loading: "Getting the network", pictures: "Looking at your pictures", training: "Training the head", done: "", failed: "" };

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function compareTable(element) {
  return watch(
    (state) => [state.compare.rows, state.compare.conditions, state.compare.running, state.models, state.choice],
    (rows, conditions, running, models, choice) => {
      element.hidden = rows.length === 0;
      const modelOf = (/** @type {CompareRow} */ row) => /** @type {ModelInfo} */ (models.find((model) => model.id === row.choice.id));
      const most = (/** @type {(row: CompareRow) => number | null} */ value) => Math.max(...rows.map((row) => value(row) ?? 0), 1e-9);
      const columns = [
        { title: "Accuracy", value: (/** @type {CompareRow} */ row) => row.accuracy, top: 1, words: (/** @type {number} */ value) => `${Math.round(value * 100)} %` },
        { title: "One picture", value: (/** @type {CompareRow} */ row) => row.ms, top: most((row) => row.ms), words: milliseconds },
        { title: "Memory", value: (/** @type {CompareRow} */ row) => modelOf(row).trunkParameters * 4, top: most((row) => modelOf(row).trunkParameters * 4), words: (/** @type {number} */ value) => megabytes(value) },
        { title: "Weights", value: (/** @type {CompareRow} */ row) => modelOf(row).parameters, top: most((row) => modelOf(row).parameters), words: (/** @type {number} */ value) => (value < 1e6 ? `${figures(value / 1e3)} k` : `${figures(value / 1e6)} M`) },
      ];
      const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute("data-use") : null;
      element.replaceChildren(
        h(
          "table",
          { class: "compare-table" },
          h("caption", {}, words(rows, conditions, modelOf)),
          h("thead", {}, h("tr", {}, ...columns.map(({ title }) => h("th", { scope: "col" }, title)))),
          ...rows.map((row) =>
            h(
              "tbody",
              { class: row.step },
              h("tr", {}, h("th", { scope: "rowgroup", colSpan: columns.length }, h("span", { class: "row-title" }, modelOf(row).title, h("span", { class: "shape" }, ` ${modelOf(row).year}, ${trainingWords(row.choice.weights)}`)), row.step === "done" && !running ? useButton(row, modelOf(row), keyOf(choice) === row.id) : "")),
              h("tr", {}, ...(row.step === "done" ? columns.map((column) => cell(column.value(row), column)) : [h("td", { colSpan: columns.length }, progress(row))])),
            ),
          ),
        ),
      );
      if (focused) /** @type {HTMLElement | null} */ (element.querySelector(`[data-use="${CSS.escape(focused)}"]`))?.focus();
    },
  );

  /** @param {CompareRow} row @param {ModelInfo} model @param {boolean} used */
  function useButton(row, model, used) {
    return used ? h("span", { class: "hint" }, "in use") : h("button", { type: "button", class: "small quiet", "data-use": row.id, "aria-label": `Use it: ${model.title}, ${trainingWords(row.choice.weights)}`, onclick: () => emit(element, "network-use", row.choice) }, "Use it");
  }
}

/** @param {number | null} value @param {{ top: number, words: (value: number) => string }} column */
function cell(value, { top, words: say }) {
  return h("td", {}, h("span", { class: "value" }, value === null ? "not tested" : say(value)), h("span", { class: "meter" }, h("span", { style: `width:${value === null ? 0 : Math.max(1.5, (100 * value) / top)}%` })));
}

/** @param {CompareRow} row */
function progress({ step, share, sentence }) {
  if (step === "failed") return h("p", { class: "trouble" }, sentence);
  return h("div", { class: "row-progress" }, h("span", {}, `${STEPS[step]}…`), step === "waiting" ? "" : h("progress", { max: 1, value: share, "aria-label": STEPS[step] }));
}

/** @param {CompareRow[]} rows @param {import("../types").Comparison["conditions"]} conditions @param {(row: CompareRow) => ModelInfo} modelOf */
function words(rows, conditions, modelOf) {
  const done = rows.filter((row) => row.step === "done");
  if (!conditions || done.length < 2) return "The same pictures, the same head, the same settings for each.";
  const name = (/** @type {CompareRow} */ row) => `${modelOf(row).title}${rows.filter((other) => other.choice.id === row.choice.id).length > 1 ? ` (${trainingWords(row.choice.weights)})` : ""}`;
  const best = Math.max(...done.map((row) => row.accuracy ?? 0));
  const winners = done.filter((row) => row.accuracy === best).map(name);
  const quickest = done.reduce((one, other) => ((other.ms ?? 0) < (one.ms ?? 0) ? other : one));
  const verdict = conditions.tested === 0 ? "No pictures were held back, so nothing was tested." : `${winners.length === done.length ? "All were right equally often" : `${winners.join(" and ")} ${winners.length > 1 ? "were" : "was"} right most often`}: ${Math.round(best * 100)} % of the same ${conditions.tested} held-back pictures.`;
  return `${verdict} ${name(quickest)} was quickest.`;
}
