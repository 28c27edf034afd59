// One stage of the column: a block as wide as its maps are large, its name as the button that opens it, and room for
// what it sees and for its layers.

import { emit, h, icon } from "../dom.js";
import { shapeWords } from "../layer-words.js";
import { roughly } from "../networks.js";

/** @typedef {import("../types").Stage} Stage */

/**
 * @param {Stage[]} stages @param {number} index @param {number} side of the picture
 * @param {(sentence: string) => void} tell hears the figures of the stage pointed at or focused
 */
export function stageRow(stages, index, side, tell) {
  const stage = /** @type {Stage} */ (stages[index]);
  const above = index === 0 ? 1 : breadth(/** @type {Stage} */ (stages[index - 1]).shape[2], side);
  const glyph = h("div", { class: "glyph" }, h("div", { class: "trapezoid", style: `--above:${above};--here:${breadth(stage.shape[2], side)};--depth:${(index + 1) / stages.length}` }));
  const last = index === stages.length - 1;
  const [title = "", more = ""] = last ? ["Features", stage.title] : (stage.title || stage.name).split(": ");
  const tiles = h("canvas", { class: "tiles", hidden: true, role: "img", "aria-label": `What some channels of ${stage.title || stage.name} see` });
  const open = h("button", { type: "button", class: "stage-name", "aria-expanded": "false", onclick: () => emit(open, "stage-open", open.getAttribute("aria-expanded") === "true" ? null : stage.name) }, icon("down"), title);
  const row = h("li", { class: "stage", "data-stage": stage.name }, glyph, h("div", { class: "stage-text" }, open, h("span", { class: "shape" }, shapeWords(stage.shape)), h("span", { class: "stage-more" }, more), tiles));
  const facts = figures(stage);
  row.addEventListener("pointerenter", () => tell(facts));
  open.addEventListener("focus", () => tell(facts));
  return row;
}

/** @param {Stage} stage */
function figures({ title, name, parameters, macs, receptiveField }) {
  const sees = receptiveField === 0 ? "the whole picture" : `${receptiveField} × ${receptiveField} pixels`;
  return `${title || name}. ${parameters > 0 ? roughly(parameters) : "No"} weights, ${macs > 0 ? roughly(macs) : "no"} multiplications; one value sees ${sees}.`;
}

/** From 0.14 for a single value to 1 for the whole picture, by the logarithm of the side. @param {number} side @param {number} whole */
function breadth(side, whole) {
  return 0.14 + 0.86 * (Math.log(side) / Math.log(whole));
}
