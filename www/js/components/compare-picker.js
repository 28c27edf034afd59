// Which networks are put side by side: a suggestion to start from, and every network as a box to tick, with its
// published weights where they are to be had, and untrained.

import { emit, h, keyed, say, watch } from "../dom.js";
import { byFamily, comparable, keyOf, megabytes, trainingWords, untrained, usually } from "../networks.js";
import { sourceOf } from "../weights.js";

/** @typedef {import("../types").State} State */

/** What is worth comparing first, as ids; what is not there is left out. */
const SUGGESTIONS = [
  { label: "LeNet-5 against AlexNet", ids: ["lenet5", "alexnet"] },
  { label: "With and without shortcuts", ids: ["resnet34", "plain34", "resnet18", "plain18"] },
  { label: "Trained against untrained", ids: [] },
];

/** The keys that are ticked: the user's, or the first suggestion and the network in use. @param {State} state @returns {string[]} */
export function pickedIn(state) {
  const known = comparable(state);
  return (state.compare.picked ?? suggested(state, 0)).filter((key) => known.has(key));
}

/** What needs no download comes first; an untrained network stands in for one whose weights are not here. @param {State} state @param {number} which */
function suggested({ models, weights, choice }, which) {
  const mine = keyOf(choice);
  if (which === 2) return choice.weights === "random" ? [mine] : [mine, keyOf({ ...choice, weights: "random", file: "" })];
  const found = models.filter((model) => SUGGESTIONS[which]?.ids.includes(model.id)).slice(0, 2);
  const keys = found.map((model) => keyOf(["bundled", "kept"].includes(sourceOf(model, weights).where) ? usually(model, weights) : untrained(model)));
  return which === 0 ? [...new Set([...keys, mine])] : keys;
}

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function comparePicker(element) {
  const chips = SUGGESTIONS.map(({ label }, index) => h("button", { type: "button", class: "small", onclick: () => last && emit(element, "compare-pick", suggested(last, index)) }, label));
  const list = h("div", { class: "picks" });
  const summary = h("summary", {});
  element.append(h("div", { class: "row" }, h("span", { class: "hint" }, "Try"), ...chips), h("details", { class: "pick-list" }, summary, list));
  /** @type {State | null} */
  let last = null;

  const draw = watch(
    (state) => [state.models, state.weights, state.choice, state.compare.picked, state.compare.running],
    (models, weights, choice, _picked, running) => {
      const picked = last ? pickedIn(last) : [];
      chips.forEach((chip, index) => {
        chip.disabled = running;
        chip.hidden = (last ? suggested(last, index) : []).length < 2;
      });
      const titles = picked.map((key) => {
        const [kind = "", id] = key.split(" ");
        return `${models.find((model) => model.id === id)?.title ?? ""}${kind === "random" ? " untrained" : ""}`;
      });
      say(summary, `Networks to compare: ${titles.length === 0 ? "none yet" : titles.join(", ")}`);
      keyed(
        list,
        byFamily(models),
        ({ name }) => h("fieldset", {}, h("legend", {}, name), h("div", { class: "pick-rows" })),
        (field, { all }) => {
          const rows = all.flatMap((model) => {
            const choices = new Map([usually(model, weights), untrained(model), ...(choice.id === model.id ? [choice] : [])].map((entry) => [keyOf(entry), entry]));
            return [...choices].map(([id, entry]) => ({ id, model, entry, source: sourceOf(model, weights) }));
          });
          keyed(
            /** @type {Element} */ (field.lastElementChild),
            rows,
            ({ id }) => h("label", { class: "check" }, h("input", { type: "checkbox", onchange: (/** @type {Event} */ event) => change(id, /** @type {HTMLInputElement} */ (event.target).checked) }), h("span", {})),
            (row, { id, model, entry, source }) => {
              const box = /** @type {HTMLInputElement} */ (row.firstElementChild);
              box.checked = picked.includes(id);
              box.disabled = running;
              const load = entry.weights === "published" && source.where === "remote" ? `, ${megabytes(source.bytes)} to download` : "";
              say(/** @type {Element} */ (row.lastElementChild), `${model.title}, ${trainingWords(entry.weights)}${load}`);
            },
          );
        },
      );
    },
  );

  /** @param {string} key @param {boolean} on */
  function change(key, on) {
    if (!last) return;
    const before = pickedIn(last).filter((other) => other !== key);
    emit(element, "compare-pick", on ? [...before, key] : before);
  }

  return (state) => {
    last = state;
    draw(state);
  };
}
