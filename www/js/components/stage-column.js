// The network drawn as a column that narrows from the image down to the features: one block per stage, as wide as
// its maps are large. With "look inside" on, each block shows what some of its channels see right now.

import { emit, h, say, watch } from "../dom.js";
import { explain } from "./popover.js";

const TILE = 44;

/** @param {HTMLElement} element @param {import("../source").Source} source @returns {import("../types").Component} */
export function stageColumn(element, source) {
  const facts = h("p", { class: "facts" });
  const look = h("input", { type: "checkbox", role: "switch", onchange: () => emit(element, "look-toggle", look.checked) });
  const bar = h("div", { class: "stage-bar" }, h("div", {}, facts), h("label", { class: "check" }, look, "Look inside"));

  const eye = h("canvas", { class: "mouth", width: 96, height: 96, role: "img", "aria-label": "The picture going in" });
  source.attach(eye);
  const inputFacts = h("span", { class: "shape" });
  const mouth = h("div", { class: "stage input" }, h("div", { class: "glyph" }, eye), h("div", { class: "stage-text" }, h("span", { class: "stage-name" }, "Picture"), inputFacts));
  const list = h("ol", { class: "stages", "aria-label": "Blocks of the network, from the picture to the features" });
  const cut = h(
    "div",
    { class: "cut" },
    h("span", { class: "cut-label above" }, "Frozen: already learned from 1.3 million photos"),
    explain("frozen", "These blocks have learned edges, textures and shapes from ImageNet, a collection of 1.3 million photos. They stay as they are, so every picture has to pass through them only once. What comes out at the end is a list of numbers, the features."),
    h("span", { class: "cut-label below" }, "Trained: learns from your examples"),
  );
  const nothing = h("p", { class: "hint" });
  element.append(bar, h("div", { class: "column" }, mouth, list), nothing, cut);

  const draw = watch(
    (state) => [state.engine.network, state.engine.model],
    (network, model) => {
      const known = network ?? model;
      facts.replaceChildren(...(known ? [h("strong", {}, known.title), ` · ${millions(known.parameters)} million weights`, explain("a weight", "A number inside the network that was learned. Millions of them decide what every block responds to.")] : ["Loading the network…"]));
      if (!known) return;
      say(inputFacts, `${known.input.height} × ${known.input.width} pixels`);
      const stages = frozenStages(network);
      const side = known.input.height;
      list.replaceChildren(
        ...stages.map((stage, index) => {
          const above = index === 0 ? 1 : breadth(/** @type {import("../types").Stage} */ (stages[index - 1]).shape[2], side);
          const here = breadth(stage.shape[2], side);
          const glyph = h("div", { class: "glyph" }, h("div", { class: "trapezoid", style: `--above:${above};--here:${here};--depth:${(index + 1) / stages.length}` }));
          const tiles = h("canvas", { class: "tiles", hidden: true, role: "img", "aria-label": `What some channels of ${stage.title || stage.name} see` });
          const last = stages.length - 1 === index && stage.shape[2] === 1;
          const [title, more] = last ? ["Features", stage.title] : (stage.title || stage.name).split(": ");
          return h("li", { class: "stage", title: `${stage.title} (${stage.name}): ${stage.parameters.toLocaleString("en")} weights, ${millions(stage.macs)} million multiplications; one value sees ${stage.receptiveField || "all"} pixels of the picture's side`, "data-stage": stage.name }, glyph, h("div", { class: "stage-text" }, h("span", { class: "stage-name" }, title), h("span", { class: "shape" }, shapeWords(stage)), h("span", { class: "stage-more" }, more), tiles));
        }),
      );
    },
  );
  const peek = watch(
    (state) => [state.look, state.engine.network],
    ({ on, maps }, _network) => {
      look.checked = on;
      element.classList.toggle("looking", on);
      for (const block of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(".stage"))) {
        const canvas = /** @type {HTMLCanvasElement} */ (block.querySelector("canvas"));
        const map = maps.find((entry) => entry.stage === block.dataset.stage);
        canvas.hidden = !on || !map || map.height < 2;
        if (map && !canvas.hidden) drawTiles(canvas, map);
      }
    },
  );
  const hint = watch(
    (state) => [state.look.on, state.look.maps.length, state.source.kind, state.samples.length],
    (on, maps, kind, samples) => {
      nothing.hidden = !on || maps > 0;
      say(nothing, kind === "none" && samples === 0 ? "Turn on the camera or try the demo to see inside." : "Looking…");
    },
  );
  const mirror = watch((state) => [state.source], ({ kind, mirrored }) => {
    eye.classList.toggle("mirrored", kind === "camera" && mirrored);
    eye.classList.toggle("blank", kind === "none");
    if (kind === "none") eye.getContext("2d")?.clearRect(0, 0, eye.width, eye.height);
  });
  return (state) => {
    for (const update of [draw, peek, hint, mirror]) update(state);
  };
}

/** The part above the cut: up to and including the features. @param {import("../types").NetworkInfo | null} network */
function frozenStages(network) {
  const stages = network?.stages.filter((stage) => stage.name !== "image" && stage.name !== "input") ?? [];
  const end = stages.findIndex((stage) => stage.name === "features");
  return end < 0 ? stages : stages.slice(0, end + 1);
}

/** From 0.12 for a single value to 1 for the whole picture, by the logarithm of the side. @param {number} side @param {number} whole */
function breadth(side, whole) {
  return 0.14 + 0.86 * (Math.log(side) / Math.log(whole));
}

/** @param {import("../types").Stage} stage */
function shapeWords({ shape: [, c, height, width] }) {
  return height === 1 && width === 1 ? `${c.toLocaleString("en")} numbers` : `${c} maps of ${height} × ${width}`;
}

/** @param {number} count */
function millions(count) {
  return (count / 1e6).toLocaleString("en", { maximumFractionDigits: 1 });
}

/** One row of grey tiles, pixels kept square and sharp. @param {HTMLCanvasElement} canvas @param {import("../types").FeatureMap} map */
function drawTiles(canvas, map) {
  const { width, height, tiles } = map;
  const count = Math.floor(tiles.length / (width * height));
  const step = TILE + 4;
  if (canvas.width !== count * step) Object.assign(canvas, { width: count * step, height: TILE });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = width > TILE;
  const tile = new OffscreenCanvas(width, height);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext("2d"));
  const pixels = pen.createImageData(width, height);
  for (let index = 0; index < count; index += 1) {
    for (let at = 0; at < width * height; at += 1) {
      const value = /** @type {number} */ (tiles[index * width * height + at]);
      pixels.data.set([value * 0.55 + 8, value * 0.85 + 14, value * 0.9 + 24, 255], at * 4);
    }
    pen.putImageData(pixels, 0, 0);
    context.drawImage(tile, index * step, 0, TILE, TILE);
  }
}
