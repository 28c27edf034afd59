// One network on the shelf: its shape, its figures, where its weights are, and the button that puts it to use.

import { emit, h, icon, say, watch } from "../dom.js";
import { keyOf, megabytes, milliseconds, roughly, sameChoice, untrained, usually } from "../networks.js";
import { linksTo, sourceOf } from "../weights.js";
import { entry, opener } from "./popover.js";
import { silhouette } from "./silhouette.js";

/** @typedef {import("../types").ModelInfo} ModelInfo */

/** @param {HTMLElement} element @param {ModelInfo} model @returns {import("../types").Component} */
export function networkCard(element, model) {
  const shape = h("div", { class: "card-shape" });
  const speed = figure("", "a picture, here");
  const measure = h("button", { type: "button", class: "small quiet measure", "aria-label": `Measure how fast ${model.title} is here`, onclick: () => emit(element, "pace-measure", [model.id]) }, "Measure");
  const bar = h("progress", { max: 1, "aria-label": `Measuring ${model.title}` });
  speed.value.append(measure, bar);
  const speedText = h("span", {});
  speed.value.prepend(speedText);
  const weights = figure("", "");
  const use = h("button", { type: "button", class: "use" });
  const inUse = h("p", { class: "in-use" }, icon("check"), h("span", {}));
  const file = h("input", {
    type: "file",
    hidden: true,
    "aria-label": `File with weights of ${model.title}`,
    onchange: () => {
      const chosen = file.files?.[0];
      if (chosen) emit(element, "weights-file", { file: chosen, id: model.id });
      file.value = "";
    },
  });
  const fresh = entry("Use it untrained, and compare", () => emit(element, "network-use", untrained(model)), icon("seed"));
  const about = h("div", { class: "hint paper" });
  const more = opener(
    { class: "quiet icon-only", label: `More about ${model.title}`, face: [icon("more")], panelClass: "menu" },
    fresh,
    entry("Use a file of its weights", () => file.click(), icon("open")),
    entry("Measure how fast it is here", () => emit(element, "pace-measure", [model.id]), icon("clock")),
    entry("Compare it with the one in use", () => emit(element, "compare-with", model.id), icon("compare")),
    about,
  );
  element.append(
    h("div", { class: "card-head" }, h("h4", {}, model.title), h("span", { class: "figures" }, String(model.year))),
    shape,
    h("dl", { class: "card-facts" }, figure(String(model.depth), model.depth === 1 ? "layer" : "layers").row, figure(roughly(model.parameters), "weights").row, figure(roughly(model.macs), "multiplications").row, figure(model.accuracy ? `${model.accuracy.top1.toFixed(1)} %` : "–", `right on ${model.dataset}`, model.accuracy?.source).row, speed.row, weights.row),
    h("div", { class: "card-actions" }, use, inUse, more.button, more.panel, file),
  );

  const drawShape = watch(
    (state) => [state.architectures[model.id]],
    (architecture) => shape.replaceChildren(...(architecture ? [silhouette(architecture, model.depth)] : [])),
  );
  const drawSpeed = watch(
    (state) => [state.shelf.speeds[model.id], state.shelf.measuring, state.shelf.waiting],
    (ms, measuring, waiting) => {
      const mine = measuring?.id === model.id;
      const queued = waiting.includes(model.id);
      bar.hidden = !mine;
      bar.value = mine ? measuring.share : 0;
      measure.hidden = mine || queued || ms !== undefined;
      say(speedText, mine ? "" : queued ? "in turn…" : ms === undefined ? "" : milliseconds(ms));
    },
  );
  const drawAbout = watch(
    (state) => [state.weights],
    (known) => {
      const listed = known.entries.find(({ id }) => id === model.id);
      const links = linksTo(model, known);
      about.replaceChildren(
        h("p", {}, model.paper),
        ...(listed ? [h("p", {}, `Weights: ${listed.licence}. ${listed.caveat}`)] : []),
        ...(links.length > 0 ? [h("p", {}, "A file of them is at ", ...links.flatMap(({ url, host }, index) => [index > 0 ? ", " : "", h("a", { href: url, target: "_blank", rel: "noopener" }, host)]), ": download it there and drop it on this card.")] : []),
      );
    },
  );
  const drawUse = watch(
    (state) => [state.choice, state.weights, state.engine.phase, state.training.running || state.runs.running],
    (choice, known, phase, training) => {
      const usual = usually(model, known);
      const { where, bytes } = sourceOf(model, known, usual.part);
      say(weights.value, where === "none" ? "–" : megabytes(bytes));
      say(weights.label, { bundled: "comes with the page", kept: "in this browser", remote: "to download", none: "no weights here" }[where]);
      const mine = choice.id === model.id;
      inUse.hidden = !mine;
      say(/** @type {Element} */ (inUse.lastElementChild), choice.weights === "random" ? "In use, untrained" : choice.weights === "file" ? "In use, from your file" : "In use");
      element.classList.toggle("chosen", mine);
      use.hidden = mine && (sameChoice(choice, usual) || keyOf(choice) === keyOf(usual));
      say(use, where === "none" ? "Use it untrained" : where === "remote" ? "Download and use" : mine ? "Use it pretrained" : "Use it");
      use.classList.toggle("plain", where === "none");
      use.onclick = () => emit(element, "network-use", usual);
      const busy = phase !== "ready" || training;
      use.disabled = busy;
      fresh.disabled = busy || (mine && choice.weights === "random");
      use.setAttribute("aria-label", `${use.textContent}: ${model.title}`);
    },
  );
  return (state) => {
    drawAbout(state);
    drawShape(state);
    drawSpeed(state);
    drawUse(state);
  };
}

/** A number and what it counts. @param {string} value @param {string} label @param {string} [title] */
function figure(value, label, title) {
  const [number, name] = [h("dd", {}, value), h("dt", {}, label)];
  return { value: number, label: name, row: h("div", { title }, name, number) };
}
