// How digits are changed before they are learned from, in the engine's words: other ways of writing the same one.

/** @typedef {{ turn: boolean, cover: boolean }} Changes */

/** @param {Changes} changes @returns {import("../types").PictureChange[]} */
export function digitChanges({ turn, cover }) {
  /** @type {import("../types").PictureChange[]} */
  const written = [{ kind: "random_resized_crop", scale: [0.8, 1], ratio: [0.9, 1.1] }, { kind: "rotation", degrees: 12 }];
  return [...(turn ? written : []), ...(cover ? [/** @type {const} */ ({ kind: "cutout", side: 9 })] : [])];
}
