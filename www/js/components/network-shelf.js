// The shelf: every network as a card, grouped by family, oldest first. Files of weights can be dropped anywhere on it.

import { emit, h, icon, keyed, say, watch } from "../dom.js";
import { FAMILIES, byFamily } from "../networks.js";
import { networkCard } from "./network-card.js";
import { storagePanel } from "./storage-panel.js";
import { strangerBox } from "./stranger-box.js";
import { viewHead } from "./view-head.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function networkShelf(element) {
  const compare = h("button", { type: "button", onclick: () => emit(element, "view-show", "compare") }, icon("compare"), "Compare side by side");
  const measure = h("button", { type: "button" }, icon("clock"), h("span", {}));
  const file = h("input", {
    type: "file",
    hidden: true,
    "aria-label": "File with weights",
    onchange: () => {
      const chosen = file.files?.[0];
      if (chosen) emit(element, "weights-file", { file: chosen, id: null });
      file.value = "";
    },
  });
  const bring = h("button", { type: "button", onclick: () => file.click() }, icon("open"), "Bring a file of weights");
  const trouble = h("p", { class: "trouble", role: "alert" });
  const stranger = h("section", { class: "stranger" });
  const storage = h("section", { class: "storage-panel" });
  const families = h("div", { class: "families" });
  element.append(
    viewHead("Networks", "The networks that taught computers to see. Choose the one to stand on: your examples stay, and the network looks at them anew.", compare, measure, bring, file),
    h("dl", { class: "legend" }, ...[["Layers", "steps with weights, one after another"], ["Weights", "the numbers it learned"], ["Multiplications", "the work for one picture: the fewer, the faster"], ["Right on …", "how often its first guess was right for pictures it had never seen: among a thousand things on ImageNet, among ten on CIFAR-10 and MNIST"]].map(([term, words]) => h("div", {}, h("dt", {}, term), h("dd", {}, words)))),
    trouble,
    stranger,
    families,
    storage,
  );
  const updateStranger = strangerBox(stranger);
  const updateStorage = storagePanel(storage);

  element.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    element.classList.add("drop-here");
  });
  element.addEventListener("dragleave", () => element.classList.remove("drop-here"));
  element.addEventListener("drop", (event) => {
    element.classList.remove("drop-here");
    const dropped = event.dataTransfer?.files[0];
    if (!dropped) return;
    event.preventDefault();
    event.stopPropagation();
    const card = event.target instanceof Element ? event.target.closest("[data-key].network-card") : null;
    emit(element, "weights-file", { file: dropped, id: card?.getAttribute("data-key") ?? null });
  });

  /** @type {WeakMap<HTMLElement, import("../types").Component>} */
  const cards = new WeakMap();
  /** @param {import("../types").ModelInfo} model */
  function newCard(model) {
    const card = h("li", { class: "network-card" });
    cards.set(card, networkCard(card, model));
    return card;
  }
  const head = watch(
    (state) => [state.view, state.shelf, state.models],
    (view, { measuring, waiting, speeds, sentence }, models) => {
      element.hidden = view !== "networks";
      const left = models.filter((model) => speeds[model.id] === undefined);
      measure.disabled = models.length === 0;
      say(/** @type {Element} */ (measure.lastElementChild), measuring ? `Stop measuring${waiting.length > 0 ? ` (${waiting.length} to go)` : ""}` : "Measure all here");
      measure.onclick = () => (measuring ? emit(element, "pace-stop") : emit(element, "pace-measure", (left.length > 0 ? left : models).map((model) => model.id)));
      say(trouble, sentence);
      trouble.hidden = sentence === "";
    },
  );
  return (state) => {
    head(state);
    if (element.hidden) return;
    updateStranger(state);
    updateStorage(state);
    keyed(
      families,
      byFamily(state.models),
      ({ name, members, small }) => h("section", { class: `family of-${members.length}` }, h("h3", {}, name), h("p", { class: "hint" }, FAMILIES[name] ?? ""), h("ul", { class: "cards" }), small.length > 0 && h("details", {}, h("summary", {}, `More small editions, for pictures of 32 × 32 pixels (${small.length})`), h("ul", { class: "cards" }))),
      (section, { members, small }) => [members, small].forEach((some, index) => {
        const list = section.querySelectorAll(".cards")[index];
        if (list) keyed(list, some, newCard, (card) => cards.get(card)?.(state));
      }),
    );
  };
}
