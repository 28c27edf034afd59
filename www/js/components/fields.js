// A grid of settings, each with its explanation beside its name. Knows neither the state nor what a setting does.

import { h } from "../dom.js";
import { explain } from "./popover.js";

/** With options it is chosen from a list, otherwise it is a number. @typedef {{ key: string, label: string, why: string, options?: [string, string][], words?: boolean, min?: number, max?: number, step?: string }} Field */

/**
 * @param {string} prefix of the inputs' ids @param {Field[]} fields `words` are not numbers
 * @param {(change: Record<string, string | number>) => void} onChange
 */
export function fieldGrid(prefix, fields, onChange) {
  const inputs = fields.map(({ key, options, words, min, max, step }) => {
    const id = `${prefix}-${key}`;
    /** @type {HTMLInputElement | HTMLSelectElement} */
    const input = options ? h("select", { id, onchange: change }, ...options.map(([value, label]) => h("option", { value }, label))) : h("input", { id, type: "number", inputMode: "decimal", min, max, step, onchange: change });

    function change() {
      const sound = input.value !== "" && input.checkValidity();
      input.setAttribute("aria-invalid", String(!sound));
      if (sound) onChange({ [key]: words ? input.value : Number(input.value) });
    }
    return input;
  });
  const boxes = fields.map(({ key, label, why }, at) => h("div", { class: "field" }, h("span", { class: "field-label" }, h("label", { for: `${prefix}-${key}` }, label), explain(`the ${label.toLowerCase()} setting`, why)), /** @type {Node} */ (inputs[at])));
  return {
    grid: h("div", { class: "settings-grid" }, ...boxes),
    /** @param {Record<string, any>} values @param {(key: string) => boolean} disabled */
    update(values, disabled) {
      fields.forEach(({ key }, at) => {
        const input = /** @type {HTMLInputElement} */ (inputs[at]);
        input.disabled = disabled(key);
        if (document.activeElement === input && input.type === "number") return;
        input.value = String(values[key]);
        input.removeAttribute("aria-invalid");
      });
    },
  };
}
