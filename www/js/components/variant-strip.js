// Eight variants of one picture, as a run would show them. The same picture and changes give the same strip.

import { varied } from "../augment.js";
import { h } from "../dom.js";
import { seedOf } from "../random.js";

/** @typedef {import("../augment.js").Change} Change */

const COUNT = 8;
const SIDE = 96;

/** @param {HTMLElement} element @returns {(sample: import("../types").Sample | null, changes: Change[]) => Promise<void>} */
export function variantStrip(element) {
  const places = Array.from({ length: COUNT }, () => h("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" }));
  element.setAttribute("role", "img");
  element.append(...places);
  let wanted = "";
  element.hidden = true;

  return async (sample, changes) => {
    const asked = sample && changes.length > 0 ? `${sample.id} ${changes.join(" ")}` : "";
    if (asked === wanted) return;
    wanted = asked;
    if (!sample || asked === "") return void (element.hidden = true);
    const picture = await createImageBitmap(sample.blob);
    if (asked === wanted) {
      for (const [at, place] of places.entries()) {
        const variant = varied(picture, changes, seedOf(at));
        const edge = Math.min(variant.width, variant.height);
        place.getContext("2d")?.drawImage(variant, (variant.width - edge) / 2, (variant.height - edge) / 2, edge, edge, 0, 0, SIDE, SIDE);
      }
      element.setAttribute("aria-label", `${COUNT} variants of your last picture`);
      element.hidden = false;
    }
    picture.close();
  };
}
