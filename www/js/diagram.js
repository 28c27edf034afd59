// Where each layer of a stage is drawn: rows in the order of computing, columns for branches that run side by side, a lane
// at the right for shortcuts. Pure: a graph in, boxes and lines out.

import { segments } from "./stages.js";

/** @typedef {import("./types").LayerNode} LayerNode */
/**
 * A box of the drawing: a layer with whatever follows it at once, or a block. `whole` is the height of an opened block
 * with everything in it.
 * @typedef {{ id: string, kind: "layer" | "merge" | "block", open: boolean, name: string, layers: number[], columns: number, x: number, y: number, width: number, height: number, whole: number, level: number }} Box
 */
/** @typedef {[number, number][]} Points */
/** @typedef {{ points: Points, shortcut: boolean }} Line */
/** One layer with its followers, and where it stands; an input of -1 is what comes into the segment. @typedef {{ layers: number[], inputs: number[], row: number, column: number, merge: boolean }} Placed */

/** Layers that are drawn as part of the one before them. */
const FOLLOWERS = ["BatchNorm", "ReLU", "ReLU6", "Tanh", "Sigmoid", "Dropout", "Flatten", "Softmax", "Lrn"];
const MERGES = ["Add", "Concat"];

/** Joins layers to their followers. @param {LayerNode[]} nodes @param {number[]} layers */
function items(nodes, layers) {
  /** @type {Map<number, number>} */
  const users = new Map();
  for (const node of nodes) for (const input of node.inputs) users.set(input, (users.get(input) ?? 0) + 1);
  /** @type {{ layers: number[] }[]} */
  const found = [];
  /** @type {Map<number, number>} layer to item */
  const itemOf = new Map();
  for (const index of layers) {
    const { kind, inputs } = /** @type {LayerNode} */ (nodes[index]);
    const before = inputs.length === 1 ? itemOf.get(/** @type {number} */ (inputs[0])) : undefined;
    if (before !== undefined && FOLLOWERS.includes(kind) && users.get(/** @type {number} */ (inputs[0])) === 1) {
      found[before]?.layers.push(index);
      itemOf.set(index, before);
    } else {
      itemOf.set(index, found.length);
      found.push({ layers: [index] });
    }
  }
  return { found, itemOf };
}

/**
 * Rows and columns of the layers of one segment. An input of -1 is whatever comes into the segment.
 * @param {LayerNode[]} nodes @param {number[]} layers
 */
function grid(nodes, layers) {
  const { found, itemOf } = items(nodes, layers);
  let columns = 0;
  /** @type {Set<number>} items whose column somebody carries on */
  const carried = new Set();
  const placed = /** @type {{ layers: number[], inputs: number[], row: number, column: number, merge: boolean }[]} */ ([]);
  for (const item of found) {
    const first = /** @type {LayerNode} */ (nodes[/** @type {number} */ (item.layers[0])]);
    const inputs = first.inputs.map((input) => itemOf.get(input) ?? -1);
    const merge = MERGES.includes(first.kind);
    const row = 1 + Math.max(-1, ...inputs.map((input) => placed[input]?.row ?? -1));
    const parent = inputs[0] ?? -1;
    const column = merge ? 0 : carried.has(parent) ? columns : (placed[parent]?.column ?? 0);
    carried.add(parent);
    columns = Math.max(columns, column + 1);
    placed.push({ layers: item.layers, inputs, row, column, merge });
  }
  return { placed, columns };
}

/** Whether a line straight down from one item to another would run through a third. @param {Placed[]} placed @param {number} from @param {Placed} to */
function isBlocked(placed, from, to) {
  const [row, column] = [placed[from]?.row ?? -1, placed[from]?.column ?? 0];
  return placed.some((item) => item.row > row && item.row < to.row && (item.column === column || item.merge)) && to.row - row > 1;
}

/**
 * Lays out a stage.
 * @param {LayerNode[]} nodes @param {number[]} layers the stage's @param {Set<string>} open names of opened blocks
 * @param {{ width: number, em: number }} measure pixels: the room there is, and the size of the type
 */
export function layOut(nodes, layers, open, { width, em }) {
  const right = width - 1.3 * em;
  const lane = width - 0.5 * em;
  const middle = right / 2;
  const gap = 0.85 * em;
  /** @type {Box[]} */
  const boxes = [];
  /** @type {Line[]} */
  const lines = [];
  const draw = (/** @type {Points} */ points, shortcut = false) => void lines.push({ points, shortcut });
  /** @param {Placed} item */
  const isSum = (item) => nodes[/** @type {number} */ (item.layers[0])]?.kind === "Add";
  let y = 0;

  /** A block that is closed: one box, with lines around or beside it for what is inside. @param {Box} box @param {Placed[]} placed */
  function drawClosed(box, placed) {
    const [above, below] = [box.y - 0.36 * gap, box.y + box.height + 0.36 * gap];
    const ways = placed.some((item) => item.merge && item.column === 0 && item.inputs.length > 2) ? placed.filter((item) => item.row === 0).length : 1;
    for (let way = 0; way < ways; way += 1) {
      const x = middle + (way - (ways - 1) / 2) * 2.2 * em;
      draw([[middle, above], [x, above], [x, box.y]]);
      draw([[x, box.y + box.height], [x, below], [middle, below]]);
    }
    if (placed.some(isSum)) draw([[middle, above], [lane, above], [lane, below], [middle, below]], true);
  }

  /** Layers row by row. @param {Placed[]} placed @param {number} columns @param {number} inset @param {string} name */
  function drawLayers(placed, columns, inset, name) {
    const room = right - 2 * inset;
    const between = 0.6 * em;
    const cell = (room - between * (columns - 1)) / columns;
    const tall = (columns > 2 ? 2.7 : 1.75) * em;
    const bus = y + gap / 2;
    const top = y + gap;
    const around = placed.some(isSum);
    const own = placed.map((item) => {
      const wide = item.merge || columns === 1;
      /** @type {Box} */
      const box = { id: `${name} ${item.layers[0]}`, kind: item.merge ? "merge" : "layer", open: false, name: nodes[/** @type {number} */ (item.layers[0])]?.name ?? "", layers: item.layers, columns: wide ? 1 : columns, x: wide ? inset : inset + item.column * (cell + between), y: top + item.row * (tall + gap), width: wide ? room : cell, height: tall, whole: tall, level: name ? 2 : 1 };
      boxes.push(box);
      return box;
    });
    draw([[middle, y], [middle, bus]]);
    placed.forEach((item, at) => {
      const box = /** @type {Box} */ (own[at]);
      for (const input of item.inputs) {
        const from = own[input];
        const [foot, side] = from ? [from.y + from.height, from.y + from.height / 2] : [bus, bus];
        const x = !from || from.columns === 1 ? (item.merge && !from ? middle : box.x + box.width / 2) : from.x + from.width / 2;
        const landing = box.y + box.height / 2;
        if (isBlocked(placed, input, item)) draw([[from ? from.x + from.width : middle, side], [lane, side], [lane, landing], [box.x + box.width, landing]], true);
        else draw(from ? [[x, foot], [x, box.y]] : [[middle, bus], [x, bus], [x, box.y]], around && x > middle);
      }
    });
    y = Math.max(...own.map((box) => box.y + box.height)) + gap / 2;
    draw([[middle, y - gap / 2], [middle, y]]);
  }

  const parts = segments(nodes, layers).map((part) => ({ ...part, ...grid(nodes, part.layers) }));
  const blocks = parts.filter((part) => part.name !== null).length;
  for (const { name, layers: inside, placed, columns } of parts) {
    if (name === null) {
      drawLayers(placed, columns, 0, "");
      continue;
    }
    const isOpen = blocks === 1 || open.has(name);
    /** @type {Box} */
    const box = { id: name, kind: "block", open: isOpen, name, layers: inside, columns: 1, x: 0, y: y + gap / 2, width: right, height: 2.1 * em, whole: 2.1 * em, level: 1 };
    draw([[middle, y], [middle, box.y]]);
    boxes.push(box);
    y = box.y + box.height;
    if (isOpen) {
      drawLayers(placed, columns, 0.7 * em, name);
      box.whole = y - box.y + gap / 2;
      y = box.y + box.whole;
    } else drawClosed(box, placed);
    draw([[middle, y], [middle, y + gap / 2]]);
    y += gap / 2;
  }
  return { boxes, lines, width, height: y };
}
