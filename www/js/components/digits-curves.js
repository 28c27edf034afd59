// Two curves over the digits seen: how many of the digits kept apart are read, and how wrong the network is about them.

import { h, say, watch } from "../dom.js";
import { path, s } from "../svg.js";
import { percent } from "./digits-train.js";
import { explain } from "./popover.js";

/** @typedef {import("../digits/types").Check} Check */

const HEIGHT = 150;
const MARGIN = { left: 46, right: 12, top: 10, bottom: 24 };
/** @type {{ key: "accuracy" | "loss", title: string, why: string, top: (checks: Check[]) => number, ticks: number[], format: (value: number) => string, level: { at: number, words: string } }[]} */
const CHARTS = [
  { key: "accuracy", title: "Right", why: "How many of the digits that it never learns from it reads as their writers meant them.", top: () => 1, ticks: [0, 0.5, 1], format: percent, level: { at: 0.1, words: "guessing" } },
  { key: "loss", title: "Loss", why: "How wrong it is, counting how sure it was: 0 would be sure and right every time, 2.3 is what guessing among ten costs.", top: (checks) => Math.max(2.5, ...checks.map(({ loss }) => loss)), ticks: [0, 1, 2], format: (value) => value.toFixed(value < 1 && value > 0 ? 2 : 1), level: { at: Math.log(10), words: "guessing" } },
];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsCurves(element) {
  const figures = CHARTS.map((chart) => {
    const value = h("span", { class: "figures" });
    const plot = h("div", { class: "digits-plot", role: "img" });
    element.append(h("figure", { class: "curve" }, h("figcaption", {}, chart.title, explain(chart.title.toLowerCase(), chart.why), value), plot));
    return { ...chart, value, plot };
  });
  /** @type {Check[]} */
  let shown = [];
  new ResizeObserver(() => draw(shown)).observe(element);
  return watch((state) => [state.digits.checks], draw);

  /** @param {Check[]} checks */
  function draw(checks) {
    shown = checks;
    for (const { key, title, plot, value, top, ticks, format, level } of figures) {
      const last = checks.at(-1);
      say(value, last ? format(last[key]) : "");
      plot.setAttribute("aria-label", last ? `${title} after ${last.seen.toLocaleString("en")} digits: ${format(last[key])}; at first ${format(checks[0]?.[key] ?? 0)}` : `${title}: nothing yet`);
      const width = Math.max(160, plot.clientWidth);
      const end = Math.max(1000, last?.seen ?? 0);
      const x = (/** @type {number} */ seen) => MARGIN.left + (seen / end) * (width - MARGIN.left - MARGIN.right);
      const y = (/** @type {number} */ at) => HEIGHT - MARGIN.bottom - (at / top(checks)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
      const line = (/** @type {number} */ at, /** @type {string} */ name) => s("line", { class: name, x1: MARGIN.left, x2: width - MARGIN.right, y1: y(at), y2: y(at) });
      const points = checks.map((check, at) => [at === 0 ? "M" : "L", x(check.seen), y(check[key])]);
      plot.replaceChildren(
        s("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" },
          ...ticks.flatMap((at) => [line(at, "grid"), s("text", { x: MARGIN.left - 6, y: y(at) + 4, "text-anchor": "end" }, format(at))]),
          line(level.at, "level"),
          s("text", { x: width - MARGIN.right, y: y(level.at) - 5, "text-anchor": "end" }, level.words),
          s("text", { x: MARGIN.left, y: HEIGHT - 6 }, "0"),
          s("text", { x: width - MARGIN.right, y: HEIGHT - 6, "text-anchor": "end" }, `${end.toLocaleString("en")} digits seen`),
          s("path", { class: "learned", d: path(...points) }),
          ...(last ? [s("circle", { class: "learned-end", r: 4, cx: x(last.seen), cy: y(last[key]) })] : [])),
      );
    }
  }
}
