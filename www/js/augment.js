// How a learner's few pictures are changed before they are learned from: gently, in the engine's words. What is drawn, and
// what becomes of a picture, is the engine's.

/** @typedef {"crop" | "flip" | "turn" | "colour" | "cutout"} Change */

/** Variants of each picture that a run learns from in turn; the engine's number. */
export const VARIANTS = 4;
/** Share of the shorter side that is covered. */
const HOLE = 0.35;

/**
 * In the order in which the engine applies them.
 * @param {Change[]} changes @param {{ height: number, width: number }} input of the network @returns {import("./types").PictureChange[]}
 */
export function changesOf(changes, { height, width }) {
  /** @type {[Change, import("./types").PictureChange][]} */
  const every = [
    ["crop", { kind: "random_resized_crop", scale: [0.4, 1], ratio: [3 / 4, 4 / 3] }],
    ["flip", { kind: "horizontal_flip", probability: 0.5 }],
    ["turn", { kind: "rotation", degrees: 15 }],
    ["colour", { kind: "colour_jitter", brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.04 }],
    ["cutout", { kind: "cutout", side: Math.round(HOLE * Math.min(height, width)) }],
  ];
  return every.filter(([change]) => changes.includes(change)).map(([, step]) => step);
}
