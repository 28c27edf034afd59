// Which layers belong to which stage and block of a network. Pure.

/** @typedef {import("./types").Architecture} Architecture */
/** @typedef {import("./types").LayerNode} LayerNode */
/** A run of layers within a stage: a block with a name of its own, or layers that stand alone. @typedef {{ name: string | null, layers: number[] }} Segment */

const WEIGHTED = ["Conv2d", "Linear"];

/** @param {LayerNode} layer */
export function isWeighted(layer) {
  return WEIGHTED.includes(layer.kind);
}

/**
 * The indices of each stage's layers, in order; what follows the last stage is the classifier and belongs to none.
 * @param {Architecture} architecture @returns {{ name: string, layers: number[] }[]}
 */
export function stageLayers({ nodes, stages }) {
  let next = 0;
  return stages.map(({ name, node: end }) => {
    const layers = Array.from({ length: end + 1 - next }, (_, at) => next + at);
    next = end + 1;
    return { name, layers: layers.filter((index) => nodes[index]?.kind !== "Input") };
  });
}

/**
 * A stage's layers by block: names that begin alike belong together, and what has one weighted layer at most is no
 * block of its own.
 * @param {LayerNode[]} nodes @param {number[]} layers @returns {Segment[]}
 */
export function segments(nodes, layers) {
  const paths = layers.map((index) => /** @type {LayerNode} */ (nodes[index]).name.split("."));
  let shared = 0;
  while (paths.every((path) => path.length > shared + 1 && path[shared] === paths[0]?.[shared])) shared += 1;
  /** @type {Segment[]} */
  const found = [];
  layers.forEach((index, at) => {
    const name = /** @type {string[]} */ (paths[at]).slice(0, shared + 1).join(".");
    const last = found.at(-1);
    if (last?.name === name) last.layers.push(index);
    else found.push({ name, layers: [index] });
  });
  const merged = /** @type {Segment[]} */ ([]);
  for (const segment of found) {
    const isBlock = segment.layers.filter((index) => isWeighted(/** @type {LayerNode} */ (nodes[index]))).length > 1;
    const last = merged.at(-1);
    if (isBlock) merged.push(segment);
    else if (last && last.name === null) last.layers.push(...segment.layers);
    else merged.push({ name: null, layers: [...segment.layers] });
  }
  return merged;
}
