// The short messages at the foot of the page, with undo where something can be taken back.

import { emit, h, icon, keyed, say, watch } from "../dom.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function noticeList(element) {
  return watch(
    (state) => [state.notices],
    (notices) =>
      keyed(
        element,
        notices,
        ({ id, tone, action, progress }) => {
          const text = h("span", { class: "notice-text" });
          const bar = progress === null ? null : h("progress", { max: 1, "aria-label": "Progress" });
          const act = action && h("button", { type: "button", class: "small", onclick: () => emit(element, "notice-act", id) }, action.label);
          const close = h("button", { type: "button", class: "quiet icon-only", "aria-label": "Dismiss", onclick: () => emit(element, "notice-dismiss", id) }, icon("close"));
          return h("div", { class: `notice ${tone}`, role: tone === "trouble" ? "alert" : "status" }, h("div", { class: "notice-body" }, text, bar), act, close);
        },
        (item, notice) => {
          say(/** @type {Element} */ (item.querySelector(".notice-text")), notice.text);
          const bar = item.querySelector("progress");
          if (bar && notice.progress !== null) bar.value = notice.progress;
        },
      ),
  );
}
