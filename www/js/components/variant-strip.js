// Variants of one picture in a row, of whatever size they are.

import { h } from "../dom.js";

/** @typedef {{ data: Uint8ClampedArray, width: number, height: number }} Variant */

/** @param {HTMLElement} element @returns {(pictures: Variant[]) => void} */
export function variantStrip(element) {
  element.setAttribute("role", "img");
  element.hidden = true;

  return (pictures) => {
    element.hidden = pictures.length === 0;
    element.setAttribute("aria-label", `${pictures.length} variants of your last picture`);
    element.replaceChildren(...pictures.map(({ data, width, height }) => {
      const place = h("canvas", { width, height, "aria-hidden": "true" });
      place.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
      return place;
    }));
  };
}
