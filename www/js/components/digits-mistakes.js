// The digits kept apart that the network gets wrong: how many of each, and on request which. A press puts one on the pad.

import { SIDE } from "../digits/idx.js";
import { picture } from "../digits/school.js";
import { emit, h, say, watch } from "../dom.js";
import { drawDigit } from "./digits-picture.js";

const SHOWN = 24;

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsMistakes(element) {
  const words = h("p", {});
  const buttons = Array.from({ length: 10 }, (_, digit) => h("button", { type: "button", onclick: () => emit(element, "digits-ask", buttons[digit]?.getAttribute("aria-pressed") === "true" ? null : digit) }, h("span", { class: "bar-digit" }, digit), h("span", { class: "figures" }), h("span", { class: "visually-hidden" })));
  const about = h("p", { class: "hint" });
  const pictures = h("ul", { class: "wrong-digits" });
  element.append(words, h("div", { class: "digit-buttons", role: "group", "aria-label": "Mistakes by digit" }, ...buttons), about, pictures);

  return watch(
    (state) => [state.digits.reading, state.digits.data, state.digits.asked],
    (reading, data, asked) => {
      const labels = data?.held.labels;
      element.hidden = !reading || !labels;
      if (!reading || !data || !labels) return;
      const wrong = Array.from({ length: 10 }, () => /** @type {number[]} */ ([]));
      const all = new Array(10).fill(0);
      labels.forEach((label, index) => {
        all[label] += 1;
        if (reading.guesses[index] !== label) wrong[label]?.push(index);
      });
      const total = wrong.reduce((sum, { length }) => sum + length, 0);
      say(words, total === 0 ? "None of them any more." : `${total.toLocaleString("en")} of the ${labels.length.toLocaleString("en")} digits that it never learns from. Press a digit to see which.`);
      buttons.forEach((button, digit) => {
        const count = wrong[digit]?.length ?? 0;
        button.setAttribute("aria-pressed", String(asked === digit));
        button.style.setProperty("--share", String(count / Math.max(1, all[digit])));
        say(/** @type {Element} */ (button.children[1]), String(count));
        say(/** @type {Element} */ (button.lastElementChild), `of ${all[digit]} wrong`);
      });
      const list = asked === null ? [] : (wrong[asked] ?? []);
      say(about, asked === null ? "" : list.length === 0 ? `Every ${asked} is read.` : `${list.length > SHOWN ? `${SHOWN} of the ${list.length}` : "The"} ${asked}s that it takes for something else, the surest mistakes first:`);
      const worst = list.toSorted((one, other) => (reading.shares[other] ?? 0) - (reading.shares[one] ?? 0)).slice(0, SHOWN);
      while (pictures.childElementCount > worst.length) pictures.lastElementChild?.remove();
      while (pictures.childElementCount < worst.length) pictures.append(h("li", {}, h("button", { type: "button", class: "wrong-digit" }, h("canvas", { width: SIDE, height: SIDE, class: "digit" }), h("span", {}))));
      worst.forEach((index, at) => {
        const button = /** @type {HTMLButtonElement} */ (pictures.children[at]?.firstElementChild);
        const [canvas, text] = button.children;
        const guess = reading.guesses[index] ?? 0;
        drawDigit(/** @type {HTMLCanvasElement} */ (canvas), picture(data.held.pixels, index));
        say(/** @type {Element} */ (text), `${guess}?`);
        button.setAttribute("aria-label", `${guess}? A ${asked} taken for ${guess}, ${Math.round(100 * (reading.shares[index] ?? 0))} percent sure. Put it on the board.`);
        button.onclick = () => emit(element, "digits-example", index);
      });
    },
  );
}
