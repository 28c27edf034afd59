// The three places as tabs at the foot of a phone. Wide screens show all places at once and hide the tabs.

import { emit, h, icon, watch } from "../dom.js";

const PLACES = /** @type {const} */ ([["examples", "Examples"], ["network", "Network"], ["predictions", "Predictions"]]);

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function tabs(element) {
  const links = PLACES.map(([view, label]) =>
    h("a", { href: view === "examples" ? "#/" : `#/${view}`, onclick: (/** @type {Event} */ event) => { event.preventDefault(); emit(element, "view-show", view); } }, icon(view), label),
  );
  element.append(...links);
  return watch(
    (state) => [state.view],
    (view) => {
      PLACES.forEach(([place], index) => {
        if (place === view) links[index]?.setAttribute("aria-current", "page");
        else links[index]?.removeAttribute("aria-current");
      });
      document.documentElement.dataset.view = view;
    },
  );
}
