// The head of a view that takes the whole page: the way back, what it is, and what can be done in it.

import { emit, h, icon } from "../dom.js";

/** @param {string} title @param {string} words @param {...Node} tools */
export function viewHead(title, words, ...tools) {
  const back = h("button", { type: "button", class: "quiet back", onclick: () => emit(back, "view-show", "examples") }, icon("back"), "Back");
  return h("header", { class: "view-head" }, back, h("h2", {}, title), h("p", { class: "view-words" }, words), h("div", { class: "row" }, ...tools));
}
