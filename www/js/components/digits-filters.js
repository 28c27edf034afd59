// The six patterns of 5 x 5 that the first layer looks for, as they change: light where it wants ink, dark where it wants
// none.

import { h, watch } from "../dom.js";
import { explain } from "./popover.js";

const COUNT = 6;
const SIZE = 5;

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsFilters(element) {
  const canvases = Array.from({ length: COUNT }, (_, at) => h("canvas", { width: SIZE, height: SIZE, class: "digit filter", role: "img", "aria-label": `Pattern ${at + 1} of the first layer` }));
  element.append(
    h("p", {}, "The first layer slides these six patterns over the picture: light where it wants ink, dark where it wants none. They begin as noise.", explain("the patterns", "Each pattern is a filter, a convolution of 5 x 5 numbers. Where the picture looks like the pattern, the layer answers strongly. Later layers look for patterns in those answers.")),
    h("div", { class: "filters" }, ...canvases),
  );
  return watch(
    (state) => [state.digits.filters],
    (filters) => {
      if (!filters) return;
      const most = filters.reduce((top, value) => Math.max(top, Math.abs(value)), 1e-9);
      canvases.forEach((canvas, index) => {
        const picture = new ImageData(SIZE, SIZE);
        for (let at = 0; at < SIZE * SIZE; at += 1) {
          const grey = 127.5 * (1 + (filters[index * SIZE * SIZE + at] ?? 0) / most);
          picture.data.set([grey, grey, grey, 255], 4 * at);
        }
        canvas.getContext("2d")?.putImageData(picture, 0, 0);
      });
    },
  );
}
