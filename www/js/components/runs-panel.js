// Ways of training side by side: their curves in one chart and their figures in one table; or how each does with few
// pictures and with more.

import { chart } from "../chart.js";
import { duration } from "../dial.js";
import { emit, h, say, watch } from "../dom.js";
import { roughly } from "../networks.js";
import { obstacle } from "../training.js";
import { explain } from "./popover.js";

/** @typedef {import("../types").State} State */
const HEIGHT = 190;

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function runsPanel(element) {
  const compare = h("button", { type: "button", onclick: () => emit(element, "runs-compare") }, "Run all three");
  const curve = h("button", { type: "button", onclick: () => emit(element, "runs-curve") }, "Learning curve");
  const stop = h("button", { type: "button", onclick: () => emit(element, "runs-stop") }, "Stop");
  const text = h("p", { class: "hint", role: "status" });
  const bar = h("progress", { max: 1, "aria-label": "Comparing ways of training" });
  const trouble = h("p", { class: "trouble", role: "alert" });
  const title = h("figcaption", {});
  const key = h("p", { class: "runs-key" });
  const plot = h("div", { class: "plot", role: "img" });
  const figure = h("figure", { class: "curve" }, title, plot, key);
  const table = h("div", { class: "table-scroll" });
  element.append(
    h("summary", {}, "Compare ways of training"),
    h("p", { class: "hint" }, "The same pictures, the same seed: only the head, fine-tuned from the line on, and from scratch. Or the learning curve: how many pictures does each need?"),
    h("div", { class: "row" }, compare, curve, stop, explain("the learning curve", "Each way is trained with 1, 2, 5, 10 and more pictures of each class, three times with other pictures, and tested on the same held-back ones. The line is the mean, the tinted ground reaches from the worst to the best.")),
    text, bar, trouble, figure, table,
  );
  const draw = chart(plot, HEIGHT);

  /** @param {string} id @param {string} name */
  const sample = (id, name) => h("span", { class: "runs-line" }, h("span", { class: `line ${id}` }), name);

  /** @param {State["runs"]["rows"]} rows */
  function drawRuns(rows) {
    const longest = Math.max(1, ...rows.map((row) => row.history.length));
    const x = Array.from({ length: longest }, (_, at) => at + 1);
    say(title, "Accuracy on held-back pictures, epoch by epoch");
    plot.setAttribute("aria-label", rows.map((row) => `${row.name}: ${percent(row.history.at(-1)?.validationAccuracy ?? null)}`).join("; "));
    draw({ x, unit: "epochs", top: 1, format: percent, lines: rows.map((row) => ({ name: row.id, y: x.map((epoch) => row.history[epoch - 1]?.validationAccuracy ?? null) })) });
    key.replaceChildren(...rows.map((row) => sample(row.id, row.name)));
    table.replaceChildren(h("table", { class: "cases" }, h("thead", {}, h("tr", {}, ...["", "Right", "Time", "Weights that learn"].map((label) => (label ? h("th", { scope: "col" }, label) : h("td", {}))))), h("tbody", {}, ...rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.name), h("td", {}, row.step === "done" || row.accuracy !== null ? percent(row.accuracy) : { waiting: "waiting", running: "learning…", stopped: "stopped", done: "" }[row.step]), h("td", {}, row.ms === null ? "" : duration(row.ms)), h("td", {}, row.trained === null ? "" : roughly(row.trained)))))));
  }

  /** @param {NonNullable<State["runs"]["curve"]>} drawn */
  function drawCurve({ sizes, lines }) {
    say(title, "Accuracy against pictures of each class");
    const of = (/** @type {number[][]} */ points, /** @type {(values: number[]) => number} */ pick) => points.map((values) => (values.length > 0 ? pick(values) : null));
    const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    plot.setAttribute("aria-label", lines.map(({ name, points }) => `${name}: ${of(points, mean).map((value, at) => `${percent(value)} with ${sizes[at]}`).join(", ")}`).join("; "));
    draw({ x: sizes.map((_, at) => at), labels: sizes.map(String), top: 1, format: percent, lines: lines.map(({ id, points }) => ({ name: id, y: of(points, mean), low: of(points, (values) => Math.min(...values)), high: of(points, (values) => Math.max(...values)) })) });
    key.replaceChildren(...lines.map(({ id, name }) => sample(id, name)));
    table.replaceChildren(h("table", { class: "cases" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Pictures"), ...lines.map(({ name }) => h("th", { scope: "col" }, name)))), h("tbody", {}, ...sizes.map((size, at) => h("tr", {}, h("th", { scope: "row" }, String(size)), ...lines.map(({ points }) => h("td", {}, spread(points[at] ?? []))))))));
  }

  return watch(
    (state) => [state.runs, state.classes, state.samples, state.engine.phase, state.training.running],
    (runs, classes, samples, phase, training) => {
      const missing = obstacle({ classes, samples, engine: { phase } });
      const blocked = missing !== "" || training || phase !== "ready";
      [compare.disabled, curve.disabled] = [blocked, blocked];
      [compare.hidden, curve.hidden, stop.hidden, bar.hidden] = [runs.running, runs.running, !runs.running, !runs.running];
      bar.value = runs.share;
      const now = runs.rows.find((row) => row.step === "running");
      say(text, runs.running ? (now && !runs.curve ? `${now.name}…` : `${Math.round(runs.share * 100)} % done`) : missing.replace("Training", "Comparing"));
      say(trouble, runs.sentence);
      trouble.hidden = runs.sentence === "";
      figure.hidden = table.hidden = runs.rows.length === 0 && !runs.curve;
      if (figure.hidden) return;
      if (runs.curve) drawCurve(runs.curve);
      else drawRuns(runs.rows);
    },
  );
}

/** @param {number | null} share */
function percent(share) {
  return share === null ? "not tested" : `${Math.round(share * 100)} %`;
}

/** @param {number[]} values */
function spread(values) {
  if (values.length === 0) return "";
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return `${percent(mean)} (${Math.round(100 * Math.min(...values))} to ${Math.round(100 * Math.max(...values))})`;
}
