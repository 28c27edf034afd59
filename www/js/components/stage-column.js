// The network drawn as a column that narrows from the image down to the features: one row per stage. A stage opens into
// its blocks and layers. With "look inside" on, each row shows what some of its channels see right now.

import { emit, h, say, watch } from "../dom.js";
import { lessonsOf, roughly } from "../networks.js";
import { stageLayers } from "../stages.js";
import { dialHandle } from "./dial-handle.js";
import { drawTiles } from "./feature-tiles.js";
import { explain } from "./popover.js";
import { stageDiagram } from "./stage-diagram.js";
import { stageRow } from "./stage-row.js";

const INVITATION = "Point at a stage for its figures, open it for its layers.";

/** @param {HTMLElement} element @param {import("../source").Source} source @returns {import("../types").Component} */
export function stageColumn(element, source) {
  const facts = h("p", { class: "facts" });
  const look = h("input", { type: "checkbox", role: "switch", onchange: () => emit(element, "look-toggle", look.checked) });
  const change = h("button", { type: "button", class: "small quiet change", onclick: () => emit(element, "view-show", "networks") }, "Change");
  const bar = h("div", { class: "stage-bar" }, facts, change, h("label", { class: "check" }, look, "Look inside"));

  const eye = h("canvas", { class: "mouth", width: 96, height: 96, role: "img", "aria-label": "The picture going in" });
  source.attach(eye);
  const inputFacts = h("span", { class: "shape" });
  const mouth = h("div", { class: "stage input" }, h("div", { class: "glyph" }, eye), h("div", { class: "stage-text" }, h("span", { class: "stage-name" }, "Picture"), inputFacts));
  const list = h("ol", { class: "stages", "aria-label": "Stages of the network, from the picture to the features" });
  const told = h("p", { class: "hint stage-facts" }, INVITATION);
  list.addEventListener("pointerleave", () => say(told, INVITATION));
  const frozen = h("span", { class: "cut-label above" });
  const cut = h("p", { class: "cut" }, frozen, explain("frozen", "These stages stay as they are, so every picture has to pass through them only once. In a pretrained network they have learned edges, textures and shapes from many other pictures, most networks from the 1.3 million photos of ImageNet. Drag the line across the stages, or move it with the arrow keys: what is below it learns from your examples."));
  const nothing = h("p", { class: "hint" });
  const column = h("div", { class: "column" }, mouth, list);
  element.append(bar, cut, column, told, nothing);
  const dial = dialHandle(column, list);

  const draw = watch(
    (state) => [state.engine.network, state.engine.model],
    (network, model) => {
      const known = network ?? model;
      facts.replaceChildren(...(known ? [h("strong", {}, known.title), ` · ${roughly(known.parameters)} weights`, explain("a weight", "A number inside the network that was learned. Millions of them decide what every stage responds to.")] : ["Loading the network…"]));
      if (!known) return;
      say(inputFacts, `${known.input.height} × ${known.input.width} ${known.input.channels === 1 ? "grey pixels" : "pixels"}`);
      const stages = network?.stages ?? [];
      list.replaceChildren(...stages.map((_, index) => stageRow(stages, index, known.input.height, (sentence) => say(told, sentence))));
    },
  );
  const above = watch(
    (state) => [state.choice, state.engine.network, state.settings.fresh, state.settings.cut === "image"],
    (choice, network, fresh, nothingAbove) => say(frozen, nothingAbove ? "Nothing is frozen: the whole network learns" : choice.weights === "random" || fresh ? "Above the line: frozen random numbers, never trained" : `Above the line: frozen, already learned from ${lessonsOf(network, choice)}`),
  );
  const unfold = watch(
    (state) => [state.diagram.stage, state.engine.layers, state.engine.network],
    (stage, architecture, _network) => {
      for (const row of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(".stage"))) {
        const mine = row.dataset.stage === stage;
        row.querySelector(".stage-name")?.setAttribute("aria-expanded", String(mine));
        row.classList.toggle("open", mine);
        const shown = row.querySelector(".stage-diagram");
        if (!mine) shown?.remove();
        const layers = mine && !shown && architecture && stageLayers(architecture).find(({ name }) => name === stage)?.layers;
        if (layers) row.append(stageDiagram(architecture, layers, row.querySelector(".stage-name")?.textContent ?? ""));
      }
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
    for (const update of [draw, dial, above, unfold, peek, hint, mirror]) update(state);
  };
}
