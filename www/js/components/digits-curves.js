// Two curves over the digits seen: how many of the digits kept apart are read, and how wrong the network is about them.

import { chart } from "../chart.js";
import { h, say, watch } from "../dom.js";
import { percent } from "./digits-train.js";
import { explain } from "./popover.js";

/** @typedef {import("../digits/types").Check} Check */

const HEIGHT = 150;
/** @type {{ key: "accuracy" | "loss", title: string, why: string, top: (checks: Check[]) => number, format: (value: number) => string, level: { at: number, words: string } }[]} */
const CHARTS = [
  { key: "accuracy", title: "Right", why: "How many of the digits that it never learns from it reads as their writers meant them.", top: () => 1, format: percent, level: { at: 0.1, words: "guessing" } },
  { key: "loss", title: "Loss", why: "How wrong it is, counting how sure it was: 0 would be sure and right every time, 2.3 is what guessing among ten costs.", top: (checks) => Math.max(2.5, ...checks.map(({ loss }) => loss)), format: (value) => value.toFixed(value < 1 && value > 0 ? 2 : 1), level: { at: Math.log(10), words: "guessing" } },
];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsCurves(element) {
  const figures = CHARTS.map((of) => {
    const value = h("span", { class: "figures" });
    const plot = h("div", { class: "plot", role: "img" });
    element.append(h("figure", { class: "curve" }, h("figcaption", {}, of.title, explain(of.title.toLowerCase(), of.why), value), plot));
    return { ...of, value, plot, draw: chart(plot, HEIGHT) };
  });

  return watch(
    (state) => [state.digits.checks],
    (checks) => {
      const last = checks.at(-1);
      for (const { key, title, plot, value, top, format, level, draw } of figures) {
        say(value, last ? format(last[key]) : "");
        plot.setAttribute("aria-label", last ? `${title} after ${last.seen.toLocaleString("en")} digits: ${format(last[key])}; at first ${format(checks[0]?.[key] ?? 0)}` : `${title}: nothing yet`);
        draw({ x: [0, ...checks.map(({ seen }) => seen)], end: Math.max(1000, last?.seen ?? 0), unit: "digits seen", top: top(checks), format, level, lines: [{ name: "learned", y: [null, ...checks.map((check) => check[key])] }] });
      }
    },
  );
}
