// What the network knew before anybody trained it: its five best guesses among the things it can name;
// or why it cannot guess, and the way to make it.

import { emit, h, keyed, say, watch } from "../dom.js";
import { knows, megabytes, roughly } from "../networks.js";
import { sourceOf } from "../weights.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function knownAlready(element) {
  const list = h("ol", { class: "guesses", "aria-label": "Best guesses" });
  const hint = h("p", { class: "hint" });
  const words = h("p", { class: "hint" });
  const whole = h("button", { type: "button", class: "small", onclick: () => emit(element, "network-whole") });
  element.append(h("summary", {}, "What the network already knows"), words, whole, list, hint);
  element.addEventListener("toggle", () => emit(element, "known-toggle", /** @type {HTMLDetailsElement} */ (element).open));
  const introduce = watch(
    (state) => [state.engine.network, state.engine.phase, state.models, state.weights, state.choice],
    (network, phase, models, weights, choice) => {
      const model = models.find((entry) => entry.id === choice.id);
      const classifier = network && model ? model.parameters - network.parameters : 0;
      whole.hidden = !network?.trunk || !network.pretrained || choice.trunkOnly === true;
      whole.disabled = phase !== "ready";
      const source = model && choice.weights === "published" ? sourceOf(model, weights, "whole") : null;
      const more = source?.where === "remote" ? ` (${megabytes(source.bytes)} to download)` : "";
      if (source?.where === "none") whole.hidden = true;
      say(whole, `Load the whole network${more}`);
      if (!network || !model) say(words, "");
      else if (!network.pretrained) say(words, `${model.title} starts from random numbers here: it knows nothing yet.`);
      else if (choice.trunkOnly) say(words, `Your file has only the part of ${model.title} that sees. To name things it would also need its classifier.`);
      else if (network.trunk) say(words, `Only the part of ${model.title} that sees is loaded. To name things it also needs its classifier, ${roughly(classifier)} weights more.`);
      else say(words, `Before any training of yours it can name ${network.classes === 1000 ? "a thousand" : network.classes} things. Its five best guesses for this picture:`);
    },
  );
  const name = watch(
    (state) => [state.known, state.source.kind, state.predicting.still, state.engine.network],
    ({ guesses, open }, kind, still, network) => {
      keyed(
        list,
        open && knows(network) ? guesses.map((guess) => ({ ...guess, id: String(guess.index) })) : [],
        () => h("li", {}, h("span", { class: "bar-name" }), h("span", { class: "figures" }), h("span", { class: "meter" }, h("span", {}))),
        (item, guess) => {
          item.style.setProperty("--share", String(guess.probability));
          say(/** @type {Element} */ (item.children[0]), guess.label);
          say(/** @type {Element} */ (item.children[1]), `${(guess.probability * 100).toFixed(guess.probability < 0.1 ? 1 : 0)} %`);
        },
      );
      hint.hidden = guesses.length > 0 || !knows(network);
      say(hint, kind === "none" && !still ? "Turn on a source or choose a picture above." : "Looking…");
    },
  );
  return (state) => {
    introduce(state);
    name(state);
  };
}
