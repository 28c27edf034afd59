// What the network knew before anybody trained it: its five best guesses among ImageNet's thousand things.

import { emit, h, keyed, say, watch } from "../dom.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function knownAlready(element) {
  const list = h("ol", { class: "guesses", "aria-label": "Best guesses" });
  const hint = h("p", { class: "hint" });
  element.append(h("summary", {}, "What the network already knows"), h("p", { class: "hint" }, "Before any training of yours it can name a thousand things. Its five best guesses for this picture:"), list, hint);
  element.addEventListener("toggle", () => emit(element, "known-toggle", /** @type {HTMLDetailsElement} */ (element).open));
  return watch(
    (state) => [state.known, state.source.kind, state.predicting.still],
    ({ guesses, open }, kind, still) => {
      keyed(
        list,
        open ? guesses.map((guess) => ({ ...guess, id: String(guess.index) })) : [],
        () => h("li", {}, h("span", { class: "bar-name" }), h("span", { class: "figures" }), h("span", { class: "meter" }, h("span", {}))),
        (item, guess) => {
          item.style.setProperty("--share", String(guess.probability));
          say(/** @type {Element} */ (item.children[0]), guess.label);
          say(/** @type {Element} */ (item.children[1]), `${(guess.probability * 100).toFixed(guess.probability < 0.1 ? 1 : 0)} %`);
        },
      );
      hint.hidden = guesses.length > 0;
      say(hint, kind === "none" && !still ? "Turn on a source or choose a picture above." : "Looking…");
    },
  );
}
