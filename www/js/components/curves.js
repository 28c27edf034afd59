// Two curves that grow while the head learns: the loss and the accuracy, on training and on held-back pictures.

import { chart } from "../chart.js";
import { h, say, watch } from "../dom.js";
import { explain } from "./popover.js";

/** @typedef {import("../types").EpochResult} EpochResult */

const HEIGHT = 132;

/** @type {{ title: string, why: string, train: "loss" | "accuracy", validation: "validationLoss" | "validationAccuracy", top: (values: number[]) => number, format: (value: number) => string }[]} */
const CHARTS = [
  { title: "Loss", why: "How wrong the head is: 0 would be sure and right every time. It should fall. If the dashed curve rises again while the solid one falls, the head is learning your pictures by heart.", train: "loss", validation: "validationLoss", top: (values) => Math.max(Math.max(...values) * 1.05, 0.1), format: (value) => (value < 1e4 ? value.toFixed(value < 1 ? 2 : 1) : value.toExponential(0)) },
  { title: "Accuracy", why: "How many pictures the head gets right. The dashed curve counts only pictures it was not trained on.", train: "accuracy", validation: "validationAccuracy", top: () => 1, format: (value) => `${Math.round(value * 100)} %` },
];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function curves(element) {
  const figures = CHARTS.map((of) => {
    const value = h("span", { class: "figures" });
    const plot = h("div", { class: "plot", role: "img" });
    element.append(h("figure", { class: "curve" }, h("figcaption", {}, of.title, explain(`the ${of.title.toLowerCase()}`, of.why), value), plot));
    return { ...of, value, plot, draw: chart(plot, HEIGHT) };
  });
  element.append(h("p", { class: "curve-key" }, h("span", { class: "line solid" }), "trained on", h("span", { class: "line dashed" }), "held back", explain("held back", "Some pictures are kept out of training and only used to test the head: the validation share in the settings.")));

  return watch(
    (state) => [state.training.history, state.training.running],
    (history, running) => {
      element.hidden = history.length === 0;
      if (element.hidden) return;
      for (const figure of figures) show(figure, history, running);
    },
  );
}

/** @param {typeof CHARTS[number] & { value: Element, plot: Element, draw: ReturnType<typeof chart> }} figure @param {EpochResult[]} history @param {boolean} running */
function show({ title, train, validation, top, format, value, plot, draw }, history, running) {
  const last = /** @type {EpochResult} */ (history.at(-1));
  const [learned, held] = [history.map((result) => result[train]), history.map((result) => result[validation])];
  const [now, heldNow] = [last[train], last[validation]];
  say(value, heldNow === null ? format(now) : `${format(now)} · ${format(heldNow)}`);
  plot.setAttribute("aria-label", `${title} after ${last.epoch} epochs: ${format(now)} on training pictures${heldNow === null ? "" : `, ${format(heldNow)} on held-back pictures`}`);
  draw({
    x: history.map((result) => result.epoch),
    // While training runs, the empty part shows how far there is to go; afterwards it would show nothing.
    end: running ? last.epochs : last.epoch,
    unit: "epochs",
    top: top([...learned, ...held].flatMap((of) => (of !== null && Number.isFinite(of) ? [of] : []))),
    format,
    lines: [{ name: "held", y: held }, { name: "learned", y: learned }],
  });
}
