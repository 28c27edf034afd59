// What weights lie in this browser, how much room they take and how much there is, and whether the browser promised to
// keep them. Every file can be deleted.

import { emit, h, icon, keyed, say, watch } from "../dom.js";
import { megabytes } from "../networks.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function storagePanel(element) {
  const list = h("ul", { class: "kept", "aria-label": "Weights in this browser" });
  const none = h("p", { class: "hint" }, "No downloaded weights yet, and no files of yours. What comes with the page is not counted here.");
  const total = h("p", { class: "kept-total" });
  const bar = h("span", { class: "meter" }, h("span", {}));
  const promise = h("p", {});
  const keep = h("button", { type: "button", class: "small", onclick: () => emit(element, "weights-keep") }, "Ask the browser to keep them");
  element.append(h("h3", {}, "Weights in this browser"), list, none, bar, total, h("div", { class: "row" }, promise, keep));

  return watch(
    (state) => [state.weights, state.models],
    ({ kept, entries, persisted, usage, quota }, models) => {
      none.hidden = kept.length > 0;
      list.hidden = kept.length === 0;
      keyed(
        list,
        kept.map((entry) => ({ ...entry, id: entry.key })),
        ({ key }) => h("li", {}, h("span", { class: "kept-name" }), h("span", { class: "figures" }), h("button", { type: "button", class: "small quiet", onclick: () => emit(element, "weights-remove", key) }, icon("clear"), "Delete")),
        (item, { key, done, bytes, complete }) => {
          const entry = entries.find(({ places }) => places.some((place) => place.key === key));
          const file = key.replace(/^file /, "").split("/").at(-1) ?? key;
          const title = models.find((model) => model.id === entry?.id)?.title ?? file;
          const [name, size, remove] = item.children;
          say(/** @type {Element} */ (name), `${title}${entry?.places.find((place) => place.key === key)?.part === "trunk" ? ", without its classifier" : ""}${complete ? "" : ", broken off"}`);
          say(/** @type {Element} */ (size), complete ? megabytes(done) : `${megabytes(done)} of ${megabytes(bytes)}`);
          remove?.setAttribute("aria-label", `Delete the weights of ${title}`);
          item.title = key;
        },
      );
      const weights = kept.reduce((sum, entry) => sum + entry.done, 0);
      say(total, quota ? `${kept.length > 0 ? `Weights take ${megabytes(weights)}. ` : ""}Everything Headstart stores, your pictures included, takes ${megabytes(usage)} of the ${amount(quota)} this browser allows.` : "This browser does not say how much room there is.");
      bar.hidden = !quota;
      /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${quota ? Math.max(0.5, (100 * usage) / quota) : 0}%`;
      say(promise, persisted ? "The browser promised to keep all of it until you delete it." : "The browser may delete it when the disk gets full.");
      keep.hidden = persisted;
    },
  );
}

/** @param {number} bytes */
function amount(bytes) {
  return bytes >= 1e9 ? `${Math.round(bytes / 1e9).toLocaleString("en")} GB` : megabytes(bytes);
}
