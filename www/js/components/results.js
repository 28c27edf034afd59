// What the held-back pictures say about the head: accuracy per class, and which class was taken for which. A press on
// a cell shows the pictures in it.

import { emit, h, watch } from "../dom.js";
import { letter, paint } from "../palette.js";
import { explain } from "./popover.js";
import { addressOf } from "./thumbnails.js";

/** @typedef {import("../types").State} State */
/** @typedef {import("../types").Head} Head */

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function results(element) {
  const body = h("div", {});
  const cellBox = h("div", { class: "cell-pictures", role: "region", "aria-live": "polite", "aria-label": "Pictures of the chosen cell" });
  element.append(h("h3", {}, "How well it does"), body, cellBox);

  const draw = watch(
    (state) => [state.head, state.classes, state.training.running],
    (head, classes, running) => {
      element.hidden = head === null || running;
      if (!head) return;
      const { evaluation } = head;
      const entries = evaluation.classes.map((id) => classes.find((entry) => entry.id === id) ?? head.classes.find((entry) => entry.id === id) ?? { id, name: "removed", color: 7, enabled: false });
      const total = evaluation.validation.length;
      if (total === 0) return body.replaceChildren(h("p", {}, "No pictures were held back, so there is nothing to test with. Add more recordings or raise the validation share."));
      const right = evaluation.validation.filter((one) => one.truth === one.predicted).length;
      body.replaceChildren(
        h("p", { class: "score" }, h("strong", {}, `${Math.round(evaluation.accuracy * 100)} %`), ` right: ${right} of ${total} held-back pictures.`),
        perClass(entries, evaluation.perClass),
        h("p", { class: "table-title" }, "Which class was taken for which", explain("this table", "A confusion matrix: each row is what a picture shows, each column what the head said. Numbers off the diagonal are mistakes; press one to see its pictures.")),
        matrix(entries, evaluation.confusion),
      );
    },
  );

  /** @param {Head["classes"]} entries @param {(number | null)[]} accuracies */
  function perClass(entries, accuracies) {
    return h(
      "ul",
      { class: "per-class" },
      ...entries.map((entry, index) => {
        const accuracy = accuracies[index];
        const item = h("li", {}, h("span", { class: "badge" }, letter(index)), h("span", { class: "per-class-name" }, entry.name), h("span", { class: "meter" }, h("span", { style: `width:${(accuracy ?? 0) * 100}%` })), h("span", { class: "figures" }, typeof accuracy === "number" ? `${Math.round(accuracy * 100)} %` : "not tested"));
        paint(item, entry.color);
        return item;
      }),
    );
  }

  /** @param {Head["classes"]} entries @param {number[][]} confusion */
  function matrix(entries, confusion) {
    /** @param {Head["classes"][number]} entry @param {number} index @param {"col" | "row"} scope */
    const header = (entry, index, scope) => {
      const title = h("th", { scope, title: entry.name }, h("span", { class: "badge" }, letter(index)), h("span", { class: scope === "col" ? "visually-hidden" : "row-name" }, entry.name));
      paint(title, entry.color);
      return title;
    };
    return h(
      "div",
      { class: "table-scroll" },
      h(
        "table",
        { class: "confusion" },
        h("thead", {}, h("tr", {}, h("td", {}, h("span", { class: "axis" }, "shown ↓ said →")), ...entries.map((entry, index) => header(entry, index, "col")))),
        h("tbody", {}, ...entries.map((entry, row) => h("tr", {}, header(entry, row, "row"), ...entries.map((said, column) => h("td", {}, cell(confusion[row] ?? [], row, column, entry.name, said.name)))))),
      ),
    );
  }

  /** @param {number[]} counts @param {number} truth @param {number} predicted @param {string} shown @param {string} said */
  function cell(counts, truth, predicted, shown, said) {
    const count = counts[predicted] ?? 0;
    const share = count / Math.max(1, counts.reduce((sum, value) => sum + value, 0));
    return h("button", { type: "button", class: truth === predicted ? "right" : "wrong", style: `--share:${share}`, disabled: count === 0, "data-cell": `${truth}-${predicted}`, "aria-label": `${count} of ${shown} taken for ${said}`, onclick: () => emit(element, "cell-show", { truth, predicted }) }, String(count));
  }

  const pictures = watch(
    (state) => [state.cell, state.head, state.samples],
    (chosen, head, samples) => {
      cellBox.replaceChildren();
      for (const button of body.querySelectorAll("[data-cell]")) button.setAttribute("aria-pressed", String(chosen !== null && /** @type {HTMLElement} */ (button).dataset.cell === `${chosen.truth}-${chosen.predicted}`));
      if (!chosen || !head) return;
      const [truth, predicted] = [head.evaluation.classes[chosen.truth], head.evaluation.classes[chosen.predicted]];
      const inside = head.evaluation.validation.filter((one) => one.truth === truth && one.predicted === predicted);
      const nameOf = (/** @type {string | undefined} */ id) => head.classes.find((entry) => entry.id === id)?.name ?? "removed";
      cellBox.append(h("p", {}, truth === predicted ? `${nameOf(truth)}, recognised:` : `${nameOf(truth)}, taken for ${nameOf(predicted)}:`));
      cellBox.append(
        h("div", { class: "thumbnail-list" }, ...inside.map((one) => {
          const sample = samples.find((entry) => entry.id === one.id);
          return sample ? h("figure", {}, h("img", { src: addressOf(sample.thumbnail), alt: `${nameOf(truth)}` }), h("figcaption", { class: "figures" }, `${Math.round(one.probability * 100)} %`)) : "";
        })),
      );
    },
  );
  return (state) => {
    draw(state);
    pictures(state);
  };
}
