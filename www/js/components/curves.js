// Two curves that grow while the head learns: the loss and the accuracy, on training and on held-back pictures.

import uPlot from "../../vendor/uplot.js";
import { h, say, watch } from "../dom.js";
import { explain } from "./popover.js";

/** @typedef {import("../types").EpochResult} EpochResult */

const HEIGHT = 132;

/** @type {{ title: string, why: string, train: keyof EpochResult, validation: keyof EpochResult, range: (min: number, max: number) => [number, number], format: (value: number) => string }[]} */
const CHARTS = [
  { title: "Loss", why: "How wrong the head is: 0 would be sure and right every time. It should fall. If the dashed curve rises again while the solid one falls, the head is learning your pictures by heart.", train: "loss", validation: "validationLoss", range: (_, max) => [0, Math.max(max * 1.05, 0.1)], format: (value) => (value < 1e4 ? value.toFixed(value < 1 ? 2 : 1) : value.toExponential(0)) },
  { title: "Accuracy", why: "How many pictures the head gets right. The dashed curve counts only pictures it was not trained on.", train: "accuracy", validation: "validationAccuracy", range: () => [0, 1.02], format: (value) => `${Math.round(value * 100)} %` },
];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function curves(element) {
  const key = h("p", { class: "curve-key" }, h("span", { class: "line solid" }), "trained on", h("span", { class: "line dashed" }), "held back", explain("held back", "Some pictures are kept out of training and only used to test the head: the validation share in the settings."));
  const figures = CHARTS.map((chart) => {
    const value = h("span", { class: "figures" });
    const plot = h("div", { class: "plot", role: "img" });
    element.append(h("figure", { class: "curve" }, h("figcaption", {}, chart.title, explain(`the ${chart.title.toLowerCase()}`, chart.why), value), plot));
    return { ...chart, value, plot, drawn: /** @type {uPlot | null} */ (null) };
  });
  element.append(key);
  new ResizeObserver(() => {
    for (const { drawn, plot } of figures) if (plot.clientWidth > 0) drawn?.setSize({ width: plot.clientWidth, height: HEIGHT });
  }).observe(element);

  return watch(
    (state) => [state.training.history, state.training.running, darkness(), state.view],
    (history, running, _dark, _view) => {
      element.hidden = history.length === 0;
      if (element.hidden) return;
      for (const figure of figures) show(figure, history, running);
    },
  );

  /** @param {typeof figures[number]} figure @param {EpochResult[]} history @param {boolean} running */
  function show(figure, history, running) {
    const data = /** @type {uPlot.AlignedData} */ ([history.map((result) => result.epoch), history.map((result) => result[figure.train]), history.map((result) => result[figure.validation])]);
    const last = /** @type {EpochResult} */ (history.at(-1));
    const [train, validation] = [/** @type {number} */ (last[figure.train]), /** @type {number | null} */ (last[figure.validation])];
    say(figure.value, validation === null ? figure.format(train) : `${figure.format(train)} · ${figure.format(validation)}`);
    figure.plot.setAttribute("aria-label", `${figure.title} after ${last.epoch} epochs: ${figure.format(train)} on training pictures${validation === null ? "" : `, ${figure.format(validation)} on held-back pictures`}`);
    // While training runs, the empty part shows how far there is to go; afterwards it would show nothing.
    const end = running ? last.epochs : last.epoch;
    const look = `${darkness()} ${end} ${getComputedStyle(element).getPropertyValue("--warm")}`;
    if (figure.drawn && figure.plot.dataset.look === look) return figure.drawn.setData(data);
    figure.drawn?.destroy();
    figure.plot.dataset.look = look;
    figure.drawn = new uPlot(options(figure, end), data, figure.plot);
  }

  /** @param {typeof figures[number]} figure @param {number} epochs @returns {uPlot.Options} */
  function options(figure, epochs) {
    const style = getComputedStyle(element);
    const [ink, line, warm] = ["--ink-soft", "--line", "--warm"].map((name) => `rgb(${probe(style.getPropertyValue(name))})`);
    const font = `13px ${style.fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    return {
      width: Math.max(figure.plot.clientWidth, 120),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: [1, Math.max(2, epochs)] }, y: { range: (_plot, min, max) => figure.range(min ?? 0, max ?? 1) } },
      axes: [{ ...axis, size: 24, space: 60 }, { ...axis, size: 46, space: 30, values: (_plot, values) => values.map(figure.format) }],
      series: [{}, { stroke: warm, width: 2.5, points: { show: false } }, { stroke: ink, width: 2, dash: [6, 4], points: { show: false } }],
    };
  }

  /** A canvas cannot read light-dark(): the browser resolves it on an element. @param {string} colour */
  function probe(colour) {
    key.style.outlineColor = colour;
    return getComputedStyle(key).outlineColor.replace(/^rgba?\(|\)$/g, "");
  }
}

function darkness() {
  return document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}
