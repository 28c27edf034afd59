// A stage opened: its blocks and layers as boxes, the data running down the lines between them. A tree for the keyboard:
// arrows move, enter opens a block; what is pointed at or focused is told in figures below.

import { emit, h } from "../dom.js";
import { layOut } from "../diagram.js";
import { layerFacts, layerName, shapeWords } from "../layer-words.js";
import { path, s } from "../svg.js";

/** @typedef {import("../types").Architecture} Architecture */
/** @typedef {import("../diagram.js").Box} Box */

/** @param {Architecture} architecture @param {number[]} layers the stage's @param {string} title */
export function stageDiagram({ nodes }, layers, title) {
  const facts = h("dl", { class: "layer-facts" });
  const hint = h("p", { class: "hint" }, "Point at a box, or move through them with the arrow keys.");
  const element = h("div", { class: "stage-diagram" });
  /** @type {Set<string>} */
  const open = new Set();
  let current = "";
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width || element.clientWidth === 0) return;
    width = element.clientWidth;
    const focused = element.contains(document.activeElement);
    draw();
    if (focused) focus(current);
  }).observe(element);

  /** @param {Box} box */
  const inside = (box) => box.layers.map((index) => /** @type {import("../types").LayerNode} */ (nodes[index]));
  /** @param {Box} box */
  const nameOf = (box) => (box.kind === "block" ? `Block ${box.name}` : inside(box).map((layer) => layerName(layer, "whole")).join(", then "));

  /** @param {Box} box */
  function tell(box) {
    facts.replaceChildren(h("div", { class: "layer-title" }, h("dt", { class: "visually-hidden" }, "Layer"), h("dd", {}, nameOf(box))), ...layerFacts(inside(box), box.name).slice(box.kind === "block" ? 1 : 0).map(({ label, value }) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
    hint.hidden = true;
  }

  /** @param {Box} box */
  function toggle(box) {
    if (box.kind !== "block") return;
    if (!open.delete(box.id)) open.add(box.id);
    draw();
    focus(box.id);
  }

  /** @param {string} id */
  function focus(id) {
    for (const item of /** @type {NodeListOf<SVGElement>} */ (element.querySelectorAll("[role=treeitem]"))) {
      item.setAttribute("tabindex", item.dataset.box === id ? "0" : "-1");
      if (item.dataset.box === id) item.focus();
    }
  }

  /** @param {Box} box @param {number} em */
  function drawBox(box, em) {
    const layer = inside(box);
    const first = /** @type {import("../types").LayerNode} */ (layer[0]);
    const last = /** @type {import("../types").LayerNode} */ (layer.at(-1));
    const block = box.kind === "block";
    const said = [nameOf(box), ...layerFacts(layer, box.name).map(({ label, value }) => `${label}: ${value}`)].join(". ");
    const item = s("g", { class: `box ${box.kind}${box.open ? " open" : ""}`, role: "treeitem", tabindex: box.id === current ? "0" : "-1", "aria-level": box.level, "aria-expanded": block ? String(box.open) : null, "aria-label": said, "data-box": box.id });
    item.append(s("rect", { class: "face", x: box.x + 0.5, y: box.y + 0.5, width: box.width - 1, height: box.height - 1, rx: block ? 8 : 5 }));
    const [middle, foot] = [box.x + box.width / 2, box.y + box.height / 2];
    const name = block ? box.name : layerName(first, box.columns > 1 ? "brief" : "box");
    // The words in the box are for the eye: the name says all of it.
    const words = s("g", { class: "words", "aria-hidden": "true" });
    if (box.columns > 2) words.append(s("text", { class: "what", x: middle, y: foot - 0.15 * em, "text-anchor": "middle" }, name), s("text", { class: "shape", x: middle, y: foot + 0.95 * em, "text-anchor": "middle" }, shapeWords(last.shape, true)));
    else words.append(s("text", { class: "what", x: box.x + 0.7 * em, y: foot + 0.32 * em }, block ? `${box.open ? "▾" : "▸"} ${name}` : name), s("text", { class: "shape", x: box.x + box.width - 0.7 * em, y: foot + 0.32 * em, "text-anchor": "end" }, shapeWords(last.shape, box.columns > 1)));
    item.addEventListener("pointerenter", () => tell(box));
    item.addEventListener("focus", () => {
      current = box.id;
      tell(box);
    });
    item.addEventListener("click", (event) => {
      event.stopPropagation();
      focus(box.id);
      toggle(box);
    });
    return [item, words];
  }

  function draw() {
    const em = 0.875 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const { boxes, lines, height } = layOut(nodes, layers, open, { width, em });
    if (!boxes.some((box) => box.id === current)) current = boxes[0]?.id ?? "";
    const tree = s("svg", { role: "tree", "aria-label": `Layers of ${title}`, width, height, "font-size": em });
    const flow = s("g", { "aria-hidden": "true" });
    for (const { points, shortcut } of lines) flow.append(s("path", { class: shortcut ? "shortcut" : "flow", d: path(...points.map(([x, y], at) => [at === 0 ? "M" : "L", x, y])) }));
    const frames = boxes.filter((box) => box.open).map((box) => s("rect", { class: "frame", x: box.x + 0.5, y: box.y + 0.5, width: box.width - 1, height: box.whole - 1, rx: 8 }));
    tree.append(s("g", { "aria-hidden": "true" }, ...frames), flow, ...boxes.flatMap((box) => drawBox(box, em)));
    tree.addEventListener("keydown", (event) => onKey(/** @type {KeyboardEvent} */ (event), boxes));
    element.replaceChildren(tree, facts, hint);
  }

  /** @param {KeyboardEvent} event @param {Box[]} boxes */
  function onKey(event, boxes) {
    const at = boxes.findIndex((box) => box.id === current);
    const box = boxes[at];
    if (!box) return;
    const go = { ArrowDown: boxes[at + 1], ArrowUp: boxes[at - 1], Home: boxes[0], End: boxes.at(-1) }[event.key];
    const turns = event.key === "Enter" || event.key === " " || (event.key === "ArrowRight" && !box.open) || (event.key === "ArrowLeft" && box.open);
    if (event.key === "Escape") emit(element, "stage-open", null);
    else if (go) focus(go.id);
    else if (turns) toggle(box);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return element;
}
