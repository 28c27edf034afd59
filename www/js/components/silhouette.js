// A small picture of a network's shape: from the picture on the left to the head on the right, as high as its maps are
// large, as long as it is deep. Arcs are shortcuts, stripes are branches side by side.

import { isWeighted, stageLayers } from "../stages.js";
import { path, s } from "../svg.js";

/** @typedef {import("../types").Architecture} Architecture */

const WIDTH = 240;
const HEIGHT = 64;
const HEAD = 9;
/** The picture's side and the depth that fill the whole drawing. */
const LARGEST = 224;
const DEEPEST = 155;

/** @param {Architecture} architecture @param {number} depth layers one after another */
export function silhouette({ nodes, stages }, depth) {
  const parts = stageLayers({ nodes, stages }).map(({ layers }, index) => {
    const inside = layers.map((at) => /** @type {import("../types").LayerNode} */ (nodes[at]));
    return { side: stages[index]?.shape[2] ?? 1, weighted: inside.filter(isWeighted).length, sums: inside.filter((layer) => layer.kind === "Add").length, joined: inside.some((layer) => layer.kind === "Concat") };
  });
  const body = parts.filter((part) => part.weighted > 0 || part.side > 1);
  const total = body.reduce((sum, part) => sum + part.weighted, 0) || 1;
  const length = (WIDTH - HEAD - 4) * Math.sqrt(Math.min(1, depth / DEEPEST));
  const middle = HEIGHT / 2 + 5;
  const half = (/** @type {number} */ side) => 3 + 23 * (Math.log2(side) / Math.log2(LARGEST));
  const picture = s("svg", { class: "silhouette", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  let x = 0;
  let before = half(nodes[0]?.shape[2] ?? LARGEST);
  body.forEach((part, index) => {
    const to = x + Math.max(3, (length * part.weighted) / total);
    const after = half(part.side);
    picture.append(s("path", { class: "body", style: `--depth:${(index + 1) / body.length}`, d: path(["M", x, middle - before], ["L", to, middle - after], ["L", to, middle + after], ["L", x, middle + before], ["Z"]) }));
    if (part.joined) for (const at of [-0.5, 0, 0.5]) picture.append(s("path", { class: "stripe", d: path(["M", x + 1, middle + at * before], ["L", to - 1, middle + at * after]) }));
    const arcs = Math.min(part.sums, Math.floor((to - x) / 5));
    for (let arc = 0; arc < arcs; arc += 1) {
      const [from, step] = [x + ((to - x) * arc) / arcs, (to - x) / arcs];
      const top = middle - before - ((after - before) * (arc + 0.5)) / arcs - 1;
      picture.append(s("path", { class: "arc", d: path(["M", from + 0.8, top], ["Q", from + step / 2, top - 7, from + step - 0.8, top]) }));
    }
    [x, before] = [to, after];
  });
  picture.append(s("rect", { class: "end", x: x + 3, y: middle - 8, width: HEAD, height: 16, rx: 2 }));
  return picture;
}
