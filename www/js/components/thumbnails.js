// The pictures of one class, newest first; only as many elements as fit the eye, the rest on demand. One tab stop;
// arrow keys move inside.

import { emit, h, icon, keyed, say, watch } from "../dom.js";
import { samplesOf } from "../project.js";

const AT_FIRST = 18;
const MORE = 120;

/** @type {WeakMap<Blob, string>} One address for a picture, however often it is shown; undoing may show it again. */
const addresses = new WeakMap();

/** @param {Blob} blob */
export function addressOf(blob) {
  let address = addresses.get(blob);
  if (!address) addresses.set(blob, (address = URL.createObjectURL(blob)));
  return address;
}

/** @param {HTMLElement} element @param {string} id the class @returns {import("../types").Component} */
export function thumbnails(element, id) {
  const list = h("div", { class: "thumbnail-list", role: "group" });
  const more = h("button", { type: "button", class: "quiet small" });
  element.append(list, more);
  let shown = AT_FIRST;
  /** @type {import("../types").State | null} */
  let last = null;
  more.addEventListener("click", () => {
    shown = shown >= MORE || shown > AT_FIRST ? shown + MORE : MORE;
    if (last) render(last.samples, last.classes);
  });

  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const items = /** @type {HTMLElement[]} */ ([...list.children]);
    const next = step && items[items.indexOf(/** @type {HTMLElement} */ (event.target)) + step];
    if (!next) return;
    event.preventDefault();
    for (const item of items) item.tabIndex = item === next ? 0 : -1;
    next.focus();
  });

  /** @param {import("../types").State["samples"]} samples @param {import("../types").State["classes"]} classes */
  function render(samples, classes) {
    const mine = samplesOf(samples, id);
    const name = classes.find((entry) => entry.id === id)?.name ?? "";
    list.setAttribute("aria-label", `Pictures of ${name}`);
    const focused = [...list.children].findIndex((item) => item === document.activeElement);
    keyed(
      list,
      mine.slice(-shown).reverse(),
      (sample) =>
        h("button", { type: "button", class: "thumbnail", title: "Remove this picture", onclick: () => emit(element, "sample-remove", sample.id) }, h("img", { src: addressOf(sample.thumbnail), alt: "", loading: "lazy", decoding: "async", draggable: false }), icon("close")),
      (item, sample, index) => {
        const label = `Remove picture ${mine.length - index}${sample.name ? `, ${sample.name},` : ""} from ${name}`;
        if (item.getAttribute("aria-label") !== label) item.setAttribute("aria-label", label);
        if (index === 0 && !list.contains(document.activeElement)) for (const other of list.children) /** @type {HTMLElement} */ (other).tabIndex = other === item ? 0 : -1;
      },
    );
    // Whoever removes a picture by key stands on its neighbour then, not at the top of the page.
    const neighbour = /** @type {HTMLElement | undefined} */ (list.children[Math.min(focused, list.children.length - 1)]);
    if (focused >= 0 && neighbour && document.activeElement === document.body) {
      neighbour.tabIndex = 0;
      neighbour.focus();
    }
    element.hidden = mine.length === 0;
    more.hidden = mine.length <= shown;
    say(more, `Show ${Math.min(MORE, mine.length - shown)} more of ${mine.length}`);
  }

  const update = watch((state) => [state.samples, state.classes], render);
  return (state) => {
    last = state;
    update(state);
  };
}
