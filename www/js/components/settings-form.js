// The settings of training, each explained where it stands. Everything has a default that works.

import { emit, h, watch } from "../dom.js";
import { explain } from "./popover.js";

/** @typedef {import("../types").TrainSettings} TrainSettings */
/** @typedef {{ key: keyof TrainSettings, label: string, why: string, options?: [string, string][], min?: number, max?: number, step?: string }} Field */

/** @type {Field[]} */
const FIELDS = [
  { key: "epochs", label: "Epochs", why: "One epoch is one pass over all your examples. More passes learn more, until the network only learns your pictures by heart.", min: 1, max: 1000, step: "1" },
  { key: "hidden", label: "Head", why: "A linear head weighs the features directly and needs few examples. A hidden layer can combine them first, and needs more.", options: [["0", "Linear"], ["32", "Hidden layer of 32"], ["100", "Hidden layer of 100"], ["256", "Hidden layer of 256"]] },
  { key: "batchSize", label: "Batch size", why: "How many pictures are looked at before the head is corrected once. Small batches correct often but unsteadily.", min: 1, max: 512, step: "1" },
  { key: "learningRate", label: "Learning rate", why: "How large each correction is. Too large and learning jumps about, too small and it crawls.", min: 0.000001, max: 10, step: "any" },
  { key: "optimizer", label: "Optimiser", why: "The rule that turns errors into corrections. Adam adapts its steps by itself; SGD with momentum is the classic.", options: [["adam", "Adam"], ["sgd", "SGD with momentum"]] },
  { key: "momentum", label: "Momentum", why: "How much of the last correction SGD carries on into the next, like a rolling ball. Adam does not use it.", min: 0, max: 0.999, step: "any" },
  { key: "l2", label: "L2", why: "Pulls all weights gently towards zero, which keeps the head from relying too much on a few features. 0 turns it off.", min: 0, max: 1, step: "any" },
  { key: "validationShare", label: "Validation share", why: "The part of your pictures kept out of training to test the head fairly. Pictures of one recording stay together.", options: [["0", "None"], ["0.1", "10 %"], ["0.2", "20 %"], ["0.3", "30 %"], ["0.5", "50 %"]] },
  { key: "seed", label: "Seed", why: "Where the random numbers start. The same seed and examples give the same result.", min: 0, max: 4294967295, step: "1" },
];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function settingsForm(element) {
  const inputs = FIELDS.map((field) => {
    const id = `setting-${field.key}`;
    /** @type {HTMLInputElement | HTMLSelectElement} */
    const input = field.options
      ? h("select", { id, onchange: change }, ...field.options.map(([value, label]) => h("option", { value }, label)))
      : h("input", { id, type: "number", inputMode: "decimal", min: field.min, max: field.max, step: field.step, onchange: change });

    function change() {
      const value = field.key === "optimizer" ? input.value : Number(input.value);
      const sound = input.value !== "" && input.checkValidity();
      input.setAttribute("aria-invalid", String(!sound));
      if (sound) emit(element, "settings-change", { [field.key]: value });
    }
    return input;
  });
  const reset = h("button", { type: "button", class: "small quiet", onclick: () => emit(element, "settings-reset") }, "Back to the defaults");
  element.append(
    h("summary", {}, "Settings"),
    h("div", { class: "settings-grid" }, ...FIELDS.map((field, index) => h("div", { class: "field" }, h("span", { class: "field-label" }, h("label", { for: `setting-${field.key}` }, field.label), explain(`the ${field.label.toLowerCase()} setting`, field.why)), /** @type {Node} */ (inputs[index])))),
    reset,
  );
  return watch(
    (state) => [state.settings, state.training.running],
    (settings, running) =>
      FIELDS.forEach((field, index) => {
        const input = /** @type {HTMLInputElement} */ (inputs[index]);
        input.disabled = running || (field.key === "momentum" && settings.optimizer !== "sgd");
        if (document.activeElement === input && input.type === "number") return;
        input.value = String(settings[field.key]);
        input.removeAttribute("aria-invalid");
      }),
  );
}
