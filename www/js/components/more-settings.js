// What hardly anybody needs at first: how the learning rate changes, averages, clipping, and other pictures of the same
// thing, with a look at what becomes of one of the learner's own.

import { headAlone } from "../dial.js";
import { emit, h, say, watch } from "../dom.js";
import { fieldGrid } from "./fields.js";
import { explain } from "./popover.js";
import { variantStrip } from "./variant-strip.js";

/** @type {import("./fields.js").Field[]} */
const FIELDS = [
  { key: "schedule", label: "Learning rate over time", words: true, why: "Large steps find the way, small ones settle. Constant: the same size throughout. Step: a tenth after half of the epochs, and a tenth of that after three quarters. Cosine: falls smoothly to nothing. One cycle: rises during the first third, then falls to nothing.", options: [["constant", "Constant"], ["step", "Step"], ["cosine", "Cosine"], ["oneCycle", "One cycle"]] },
  { key: "warmup", label: "Warm-up, in epochs", why: "The learning rate rises from nothing during so many epochs, so that the new head, which knows nothing yet, does not upset what the network has learned. One cycle rises by itself. 0 turns it off.", min: 0, max: 1000, step: "any" },
  { key: "average", label: "Average of weights", why: "Weights tremble from epoch to epoch. Their running average is calmer, and often right more often: it is what is tested and kept. The number says how much of the average stays when an epoch's weights are added.", options: [["0", "Off"], ["0.5", "Short, 0.5"], ["0.8", "Long, 0.8"], ["0.9", "Very long, 0.9"]] },
  { key: "clipNorm", label: "Longest correction", why: "One odd picture can ask for a huge correction and spoil everything. Corrections longer than this are shortened to it, with their direction kept (gradient clipping, by the norm of all gradients together).", options: [["0", "Any"], ["5", "5"], ["1", "1, usual"], ["0.1", "0.1, short"]] },
];

/** @type {[import("../augment.js").Change, string, string][]} */
const CHANGES = [
  ["crop", "Cut out", "A part of the picture, nearer or further, a little wider or higher. The network learns that the thing may be anywhere, and of any size."],
  ["flip", "Mirror", "Left and right exchanged, half of the time. Not for things that must not be mirrored: letters, or a left and a right hand."],
  ["turn", "Turn", "Turned by up to 15 degrees, as a camera is held."],
  ["colour", "Colours", "Lighter or darker, paler or stronger, a little towards another colour: other light, another camera."],
  ["cutout", "Cover", "A grey square somewhere. The network learns not to rely on one part alone."],
];

/** @param {HTMLElement} element a details element @returns {import("../types").Component} */
export function moreSettings(element) {
  const fields = fieldGrid("setting", FIELDS, (change) => emit(element, "settings-change", change));
  const hint = h("p", { class: "hint" }, "The head alone learns in a moment and needs none of these. They count once the line is moved up, or when you start from scratch.");
  const boxes = CHANGES.map(([change, label, why]) => {
    const box = h("input", { type: "checkbox", onchange: toggled });
    return { change, box, label: h("span", { class: "change" }, h("label", { class: "check" }, box, label), explain(label.toLowerCase(), why)) };
  });
  const saving = h("input", { type: "checkbox", onchange: () => emit(element, "settings-change", { recompute: saving.checked }) });
  const strip = h("div", { class: "variants" });
  const words = h("p", { class: "hint" });
  element.append(
    h("summary", {}, "More settings"),
    hint,
    fields.grid,
    h("div", { class: "change" }, h("label", { class: "check" }, saving, "Save memory"), explain("saving memory", "What is quick to compute is computed a second time on the way back instead of being kept: less memory, a little more time, and exactly the same result.")),
    h("fieldset", { class: "changes" }, h("legend", {}, "Change the pictures a little", explain("changing the pictures", "Each picture is shown in four more ways, in turn, so that the network cannot learn it by heart: augmentation. What is held back is tested as it is. Getting ready takes about five times as long.")), ...boxes.map(({ label }) => label)),
    strip,
    words,
  );
  const drawStrip = variantStrip(strip);

  function toggled() {
    emit(element, "settings-change", { augmentation: boxes.filter(({ box }) => box.checked).map(({ change }) => change) });
  }

  const update = watch(
    (state) => [state.settings, state.training.running, state.engine, state.samples, state.variants, element.hasAttribute("open")],
    (settings, running, engine, samples, variants, open) => {
      hint.hidden = !headAlone({ settings, engine });
      fields.update(settings, (key) => running || (key === "warmup" && settings.schedule === "oneCycle"));
      [saving.checked, saving.disabled] = [settings.recompute, running];
      for (const { change, box } of boxes) [box.checked, box.disabled] = [settings.augmentation.includes(change), running];
      const sample = samples.at(-1);
      drawStrip(settings.augmentation.length === 0 ? [] : variants.pictures);
      say(words, variants.sentence !== "" ? variants.sentence : !sample ? "Record or add a picture to see here what becomes of it." : settings.augmentation.length === 0 ? "" : "Eight of the ways in which your last picture may be shown.");
      if (open) emit(element, "variants-show", sample ?? null);
    },
  );
  /** @type {import("../types").State | null} */
  let last = null;
  element.addEventListener("toggle", () => last && update(last));
  return (state) => update((last = state));
}
