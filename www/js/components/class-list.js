// The list of classes, the button that adds one, and the place where dropped folders become classes.

import { emit, h, icon, keyed } from "../dom.js";
import { fromDrop, projectAmong } from "../files.js";
import { classCard } from "./class-card.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function classList(element) {
  const list = h("ol", { class: "classes", "aria-label": "Classes" });
  const add = h("button", { type: "button", class: "add-class", onclick: () => emit(add, "class-add") }, icon("plus"), "Add a class");
  element.append(list, add);
  acceptDrops(element, () => null);

  /** @type {WeakMap<HTMLElement, import("../types").Component>} */
  const updates = new WeakMap();
  return (state) => {
    keyed(
      list,
      state.classes,
      ({ id }) => {
        const item = h("li", { class: "class-card" });
        updates.set(item, classCard(item, id));
        acceptDrops(item, () => id);
        return item;
      },
      (item) => updates.get(item)?.(state),
    );
    markFirst();
  };

  /** The words "hold to record" are explained only once, on the first card. */
  function markFirst() {
    for (const [index, card] of [...list.children].entries()) card.classList.toggle("first", index === 0);
  }
}

/**
 * Lets files and folders be dropped on `element`.
 * @param {HTMLElement} element @param {() => string | null} classOf
 */
function acceptDrops(element, classOf) {
  element.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    element.classList.add("drop-here");
  });
  element.addEventListener("dragleave", () => element.classList.remove("drop-here"));
  element.addEventListener("drop", (event) => {
    element.classList.remove("drop-here");
    if (!event.dataTransfer) return;
    event.preventDefault();
    event.stopPropagation();
    // The walk must begin inside the event, and may end after it.
    void fromDrop(event.dataTransfer).then((arrivals) => {
      const project = projectAmong(arrivals);
      if (project) emit(element, "project-open", project);
      else emit(element, "files-add", { arrivals, class: classOf() });
    });
  });
}
