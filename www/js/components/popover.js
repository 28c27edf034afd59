// Small things that open beside a button: explanations and menus. The browser's popovers do the closing and the
// focus; only the place is worked out here.

import { h } from "../dom.js";

let count = 0;

/**
 * A button and what it opens.
 * @param {{ class: string, label: string, face: (Node | string)[], panelClass: string, role?: string }} options
 * @param {...(Node | string)} content
 */
export function opener(options, ...content) {
  const id = `popover-${(count += 1)}`;
  const panel = h("div", { id, class: options.panelClass, popover: "auto", role: options.role }, ...content);
  const button = h("button", { type: "button", class: options.class, "aria-label": options.label, title: options.label, popovertarget: id }, ...options.face);
  panel.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "open") place(panel, button);
  });
  return { button, panel };
}

/** @param {HTMLElement} panel @param {HTMLElement} button */
function place(panel, button) {
  const from = button.getBoundingClientRect();
  const { width, height } = panel.getBoundingClientRect();
  const left = Math.min(Math.max(8, from.left + from.width / 2 - width / 2), innerWidth - width - 8);
  const below = from.bottom + 6;
  const top = below + height > innerHeight - 8 ? Math.max(8, from.top - height - 6) : below;
  Object.assign(panel.style, { left: `${left}px`, top: `${top}px` });
}

/**
 * A word explained where it first stands.
 * @param {string} term @param {string} sentence
 */
export function explain(term, sentence) {
  const { button, panel } = opener({ class: "explain", label: `What is ${term}?`, face: ["?"], panelClass: "explanation", role: "note" }, sentence);
  return h("span", { class: "explain-box" }, button, panel);
}

/**
 * A menu entry that closes its menu.
 * @param {string} label @param {(event: Event) => void} onChoose @param {Node} [icon]
 */
export function entry(label, onChoose, icon) {
  return h(
    "button",
    {
      type: "button",
      class: "menu-entry",
      onclick: (/** @type {Event} */ event) => {
        /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.currentTarget).closest("[popover]"))?.hidePopover();
        onChoose(event);
      },
    },
    icon ?? "",
    label,
  );
}
