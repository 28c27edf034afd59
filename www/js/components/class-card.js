// One class: its letter and colour, its name, the button that records while held, and its pictures.

import { emit, h, icon, say, watch } from "../dom.js";
import { fromInput } from "../files.js";
import { PALETTE, letter, paint } from "../palette.js";
import { samplesOf } from "../project.js";
import { entry, opener } from "./popover.js";
import { recordButton } from "./record-button.js";
import { thumbnails } from "./thumbnails.js";

/** @param {HTMLElement} element @param {string} id @returns {import("../types").Component} */
export function classCard(element, id) {
  const name = h("input", {
    type: "text",
    class: "class-name",
    maxLength: 40,
    spellcheck: false,
    onchange: () => emit(name, "class-rename", { id, name: name.value.trim() || "Unnamed" }),
    onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && name.blur(),
  });
  name.addEventListener("focus", () => name.select());
  const count = h("span", { class: "count" });

  const colours = PALETTE.map((colour, index) => {
    const choice = entry(colour.name, () => emit(element, "class-recolour", { id, color: index }), h("span", { class: "swatch" }));
    paint(choice, index);
    return choice;
  });
  const badge = opener({ class: "badge", label: "Change the colour", face: [h("span", {})], panelClass: "menu" }, ...colours);

  const toggle = entry("Leave out of training", () => emit(element, "class-enable", { id, enabled: element.classList.contains("disabled") }));
  const download = entry("Download the pictures as a zip", () => emit(element, "class-download", id), icon("save"));
  const clear = entry("Remove all pictures", () => emit(element, "class-clear", id));
  const remove = entry("Remove the class", () => emit(element, "class-remove", id), icon("close"));
  toggle.prepend(icon("pause"));
  clear.prepend(icon("clear"));
  const menu = opener({ class: "quiet icon-only", label: "More about this class", face: [icon("more")], panelClass: "menu" }, toggle, download, clear, remove);

  const files = picker({ accept: "image/*", multiple: true }, "Picture files");
  const folder = picker({ webkitdirectory: true }, "Folder of pictures");
  const addFiles = opener({ class: "small", label: "Add pictures from files", face: [icon("files"), "Add pictures"], panelClass: "menu" }, entry("Choose files", () => files.click(), icon("files")), entry("Choose a folder", () => folder.click(), icon("open")));
  addFiles.button.removeAttribute("aria-label");

  const record = recordButton(id);
  const strip = h("div", { class: "thumbnails" });
  const updateStrip = thumbnails(strip, id);
  const empty = h("p", { class: "hint" }, "No pictures yet. 20 or more work well; show the thing from many sides.");
  element.append(
    h("div", { class: "class-head" }, badge.button, badge.panel, name, count, menu.button, menu.panel),
    h("div", { class: "class-tools" }, record.element, addFiles.button, addFiles.panel, files, folder),
    strip,
    empty,
  );

  /** @param {Record<string, unknown>} properties @param {string} label */
  function picker(properties, label) {
    const input = h("input", {
      type: "file",
      hidden: true,
      "aria-label": label,
      ...properties,
      onchange: () => {
        emit(element, "files-add", { arrivals: fromInput(input.files ?? []), class: id });
        input.value = "";
      },
    });
    return input;
  }

  const updateHead = watch(
    (state) => [state.classes, state.samples],
    (classes, samples) => {
      const position = classes.findIndex((other) => other.id === id);
      const mine = classes[position];
      if (!mine) return;
      paint(element, mine.color);
      if (document.activeElement !== name) name.value = mine.name;
      const number = samplesOf(samples, id).length;
      say(/** @type {Element} */ (badge.button.firstElementChild), letter(position));
      say(count, number === 0 ? "" : number === 1 ? "1 picture" : `${number} pictures`);
      element.classList.toggle("disabled", !mine.enabled);
      toggle.lastChild?.replaceWith(mine.enabled ? "Leave out of training" : "Use in training again");
      clear.disabled = download.disabled = number === 0;
      empty.hidden = number > 0;
      badge.button.setAttribute("aria-label", `${mine.name}: change the colour`);
      menu.button.setAttribute("aria-label", `More about ${mine.name}`);
      name.setAttribute("aria-label", `Name of class ${letter(position)}`);
      element.setAttribute("aria-label", mine.enabled ? mine.name : `${mine.name}, left out of training`);
    },
  );
  return (state) => {
    updateHead(state);
    record.update(state);
    updateStrip(state);
  };
}
