// LeNet-5 learning to read digits: the pad to draw on, how well it reads, and what it gets wrong. Files of digits can be
// dropped anywhere on it.

import { emit, h, icon, say, watch } from "../dom.js";
import { digitsCurves } from "./digits-curves.js";
import { digitsFilters } from "./digits-filters.js";
import { digitsMistakes } from "./digits-mistakes.js";
import { digitsPad } from "./digits-pad.js";
import { digitsStory } from "./digits-story.js";
import { digitsTrain } from "./digits-train.js";
import { viewHead } from "./view-head.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsView(element) {
  const files = h("input", {
    type: "file",
    multiple: true,
    hidden: true,
    "aria-label": "Files of digits",
    onchange: () => {
      if (files.files?.length) emit(element, "digits-give", [...files.files]);
      files.value = "";
    },
  });
  const bring = h("button", { type: "button", onclick: () => files.click() }, icon("open"), "Bring MNIST's files");
  const back = h("button", { type: "button", onclick: () => emit(element, "digits-give", []) }, "Back to the digits of the page");
  const trouble = h("p", { class: "trouble", role: "alert" });
  const parts = /** @type {const} */ ([["digits-train", digitsTrain, "Learning"], ["digits-pad", digitsPad, "Draw a digit"], ["digits-curves", digitsCurves, "How well it reads"], ["digits-mistakes", digitsMistakes, "What it gets wrong"], ["digits-filters", digitsFilters, "What it looks for"], ["digits-story", digitsStory, "What happens here"]]);
  // By column, for screens that have three; a phone has them in the order above.
  const columns = [[0, 2], [1, 4], [3, 5]];
  const panels = parts.map(([name, , title], at) => h("section", { class: `panel ${name}`, style: `order:${at}`, "aria-label": title }, h("h3", {}, title)));
  element.append(
    viewHead("Digits", "LeNet-5 read the cheques of American banks in the 1990s. Here it learns to read from nothing, on this computer: all of its 61,706 numbers are random at first. Press Train, and draw.", bring, files, back),
    trouble,
    h("div", { class: "digits-grid" }, ...columns.map((places) => h("div", { class: "digits-column" }, ...places.map((at) => /** @type {Node} */ (panels[at]))))),
  );
  const updates = parts.map(([, component], at) => component(/** @type {HTMLElement} */ (panels[at])));

  element.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    element.classList.add("drop-here");
  });
  element.addEventListener("dragleave", () => element.classList.remove("drop-here"));
  element.addEventListener("drop", (event) => {
    element.classList.remove("drop-here");
    const dropped = [...(event.dataTransfer?.files ?? [])];
    if (dropped.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    emit(element, "digits-give", dropped);
  });

  const frame = watch(
    (state) => [state.view, state.digits.sentence, state.digits.data, state.digits.phase],
    (view, sentence, data, phase) => {
      element.hidden = view !== "digits";
      say(trouble, sentence);
      trouble.hidden = sentence === "";
      bring.disabled = phase !== "ready";
      back.hidden = !data?.own;
    },
  );
  return (state) => {
    frame(state);
    if (!element.hidden) for (const update of updates) update(state);
  };
}
