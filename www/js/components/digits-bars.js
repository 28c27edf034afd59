// Ten bars: how likely the network finds each digit.

import { h, say, watch } from "../dom.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsBars(element) {
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const figure = h("span", { class: "figures" });
    const fill = h("span", {});
    const row = h("li", {}, h("span", { class: "bar-digit" }, digit), h("span", { class: "meter" }, fill), figure);
    element.append(row);
    return { row, fill, figure };
  });
  return watch(
    (state) => [state.digits.pad],
    ({ shares, truth }) => {
      const best = shares ? Math.max(...shares) : 2;
      rows.forEach(({ row, fill, figure }, digit) => {
        const share = shares?.[digit] ?? 0;
        row.classList.toggle("best", share === best);
        row.classList.toggle("meant", truth === digit);
        row.title = truth === digit ? "What its writer meant" : "";
        fill.style.width = `${share * 100}%`;
        say(figure, shares ? `${Math.round(share * 100)} %` : "–");
      });
    },
  );
}
