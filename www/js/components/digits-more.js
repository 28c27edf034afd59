// What hardly anybody needs at first while digits are learned: how the learning rate changes, clipping, and digits written
// a little differently each time, with a look at them.

import { SIDE } from "../digits/idx.js";
import { emit, h, watch } from "../dom.js";
import { drawDigit } from "./digits-picture.js";
import { fieldGrid } from "./fields.js";
import { explain } from "./popover.js";

const VARIANTS = 8;

/** @type {import("./fields.js").Field[]} */
const FIELDS = [
  { key: "schedule", label: "Learning rate over time", words: true, why: "Large steps find the way, small ones settle. Constant goes on for ever. The others have a round: step makes the rate a tenth after half of it and again after three quarters, cosine lets it fall smoothly to nothing, one cycle rises first. At the end of a round learning pauses; Train on begins another.", options: [["constant", "Constant"], ["step", "Step"], ["cosine", "Cosine"], ["oneCycle", "One cycle"]] },
  { key: "passes", label: "A round", why: "How often it looks at every digit until the learning rate has come to its end.", options: [["1", "1 pass"], ["2", "2 passes"], ["5", "5 passes"]] },
  { key: "warmup", label: "Warm-up", why: "The learning rate rises from nothing while it looks at its first digits, when its numbers are random and its mistakes say little. One cycle rises by itself.", options: [["0", "Off"], ["1000", "1,000 digits"], ["5000", "5,000 digits"]] },
  { key: "average", label: "Average of weights", why: "Weights tremble from digit to digit. Their running average is calmer, and often right more often: it is what is tested, and what reads your own digits. The number says how much of the average stays when the weights are added, once every thousand digits.", options: [["0", "Off"], ["0.5", "Short, 0.5"], ["0.8", "Long, 0.8"], ["0.9", "Very long, 0.9"]] },
  { key: "clipNorm", label: "Longest correction", why: "A badly written digit can ask for a huge correction and spoil what was learned. Corrections longer than this are shortened to it, with their direction kept: gradient clipping. With it, even too large a learning rate may work.", options: [["0", "Any"], ["5", "5"], ["1", "1, usual"], ["0.1", "0.1, short"]] },
];
/** @type {["turn" | "cover", string, string][]} */
const CHANGES = [
  ["turn", "Turn and move", "Turned by up to 12 degrees, moved by up to two pixels, a little larger, wider or narrower: as other people write."],
  ["cover", "Cover", "A part is missing. The network learns not to rely on one stroke alone."],
];

/** @param {HTMLElement} element a details element @returns {import("../types").Component} */
export function digitsMore(element) {
  const fields = fieldGrid("digits", FIELDS, (change) => emit(element, "digits-settings", change));
  const boxes = CHANGES.map(([key, label, why]) => {
    const box = h("input", { type: "checkbox", onchange: () => emit(element, "digits-settings", { [key]: box.checked }) });
    return { key, box, label: h("span", { class: "change" }, h("label", { class: "check" }, box, label), explain(label.toLowerCase(), why)) };
  });
  const places = Array.from({ length: VARIANTS }, () => h("canvas", { width: SIDE, height: SIDE, class: "digit" }));
  const strip = h("div", { class: "variants", role: "img", "aria-label": `${VARIANTS} variants of one digit` }, ...places);
  element.append(
    h("summary", {}, "More settings"),
    fields.grid,
    h("fieldset", { class: "changes" }, h("legend", {}, "Change the digits a little", explain("changing the digits", "Each time a digit is shown it looks a little different, so that the network cannot learn it by heart: augmentation. What it is tested with stays as it is.")), ...boxes.map(({ label }) => label)),
    strip,
  );
  let asked = "";
  return watch(
    (state) => [state.digits.settings, state.digits.running, state.digits.data, state.digits.phase, state.digits.variants],
    (settings, running, data, phase, variants) => {
      const constant = settings.schedule === "constant";
      fields.update(settings, (key) => running || (key === "passes" && constant) || (key === "warmup" && settings.schedule === "oneCycle"));
      for (const { key, box } of boxes) [box.checked, box.disabled] = [settings[key], running];
      strip.hidden = !data || !(settings.turn || settings.cover);
      const now = strip.hidden || phase !== "ready" ? "" : `${settings.turn} ${settings.cover} ${data?.own}`;
      if (now !== asked && now !== "") emit(element, "digits-vary", VARIANTS);
      asked = now;
      for (const [at, place] of places.entries()) drawDigit(place, variants[at] ?? new Uint8Array(SIDE * SIDE));
    },
  );
}
