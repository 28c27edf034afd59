// The settings of training, each explained where it stands. Everything has a default that works.

import { headAlone } from "../dial.js";
import { emit, h, watch } from "../dom.js";
import { fieldGrid } from "./fields.js";
import { moreSettings } from "./more-settings.js";

/** @type {import("./fields.js").Field[]} */
const FIELDS = [
  { key: "epochs", label: "Epochs", why: "One epoch is one pass over all your examples. More passes learn more, until the network only learns your pictures by heart.", min: 1, max: 1000, step: "1" },
  { key: "hidden", label: "Head", why: "A linear head weighs the features directly and needs few examples. A hidden layer can combine them first, and needs more. Where more than the head is trained, the head is linear.", options: [["0", "Linear"], ["32", "Hidden layer of 32"], ["100", "Hidden layer of 100"], ["256", "Hidden layer of 256"]] },
  { key: "batchSize", label: "Batch size", why: "How many pictures are looked at before the head is corrected once. Small batches correct often but unsteadily.", min: 1, max: 512, step: "1" },
  { key: "learningRate", label: "Learning rate", why: "How large each correction is. Too large and learning jumps about, too small and it crawls.", min: 0.000001, max: 10, step: "any" },
  { key: "optimizer", label: "Optimiser", words: true, why: "The rule that turns errors into corrections. Adam adapts its steps by itself; SGD with momentum is the classic.", options: [["adam", "Adam"], ["sgd", "SGD with momentum"]] },
  { key: "momentum", label: "Momentum", why: "How much of the last correction SGD carries on into the next, like a rolling ball. Adam does not use it.", min: 0, max: 0.999, step: "any" },
  { key: "l2", label: "L2", why: "Pulls all weights gently towards zero, which keeps the head from relying too much on a few features. 0 turns it off.", min: 0, max: 1, step: "any" },
  { key: "validationShare", label: "Validation share", why: "The part of your pictures kept out of training to test the head fairly. Pictures of one recording stay together.", options: [["0", "None"], ["0.1", "10 %"], ["0.2", "20 %"], ["0.3", "30 %"], ["0.5", "50 %"]] },
  { key: "seed", label: "Seed", why: "Where the random numbers start. The same seed and examples give the same result.", min: 0, max: 4294967295, step: "1" },
];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function settingsForm(element) {
  const fields = fieldGrid("setting", FIELDS, (change) => emit(element, "settings-change", change));
  const more = h("details", { class: "settings more-settings" });
  const reset = h("button", { type: "button", class: "small quiet", onclick: () => emit(element, "settings-reset") }, "Back to the defaults");
  element.append(h("summary", {}, "Settings"), fields.grid, more, reset);
  const updateMore = moreSettings(more);
  const update = watch(
    (state) => [state.settings, state.training.running, headAlone(state)],
    (settings, running, alone) => fields.update(settings, (key) => running || (key === "momentum" && settings.optimizer !== "sgd") || (key === "hidden" && !alone)),
  );
  return (state) => {
    update(state);
    updateMore(state);
  };
}
