// Networks side by side: what to compare, on what terms, and the table that grows.

import { emit, h, icon, say, watch } from "../dom.js";
import { obstacle } from "../training.js";
import { comparePicker, pickedIn } from "./compare-picker.js";
import { compareTable } from "./compare-table.js";
import { viewHead } from "./view-head.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function compareView(element) {
  /** @type {string[]} */
  let picked = [];
  const start = h("button", { type: "button", class: "primary", onclick: () => emit(element, "compare-start", picked) }, icon("compare"), "Compare");
  const stop = h("button", { type: "button", class: "stop", onclick: () => emit(element, "compare-stop") }, icon("stop"), "Stop");
  const text = h("p", { role: "status" });
  const picker = h("div", { class: "compare-picker" });
  const table = h("div", { class: "compare-result" });
  const terms = h("p", { class: "hint" });
  element.append(viewHead("Side by side", "Each network looks at your pictures, then the same head is trained on what it saw, and tested on the same held-back pictures. One after the other, on this computer."), picker, h("div", { class: "row" }, start, stop, text), table, terms);

  const updatePicker = comparePicker(picker);
  const updateTable = compareTable(table);
  const draw = watch(
    (state) => [state.view, state.compare, state.classes, state.samples, state.settings, state.engine.phase, state.models],
    (view, compare, classes, samples, settings, phase, _models) => {
      element.hidden = view !== "compare";
      const state = /** @type {import("../types").State} */ ({ classes, samples, engine: { phase } });
      const missing = obstacle(state);
      start.hidden = compare.running;
      stop.hidden = !compare.running;
      start.disabled = missing !== "" || picked.length < 2 || phase !== "ready";
      const at = compare.rows.findIndex((row) => !["done", "failed"].includes(row.step));
      if (compare.running) say(text, `Network ${at + 1} of ${compare.rows.length}`);
      else say(text, missing ? missing.replace("Training", "Comparing") : picked.length < 2 ? "Choose two networks or more." : "");
      const { conditions } = compare;
      say(terms, conditions ? `Learned from ${conditions.pictures} pictures in ${conditions.classes} classes and tested on ${conditions.tested}; ${conditions.settings.hidden ? `a hidden layer of ${conditions.settings.hidden}` : "a linear head"}, ${conditions.settings.epochs} epochs, seed ${conditions.settings.seed}. Memory is what the weights in front of the head take; k is a thousand, M a million.` : "");
      terms.hidden = !conditions;
    },
  );
  return (state) => {
    picked = pickedIn(state);
    draw(state);
    if (element.hidden) return;
    updatePicker(state);
    updateTable(state);
  };
}
