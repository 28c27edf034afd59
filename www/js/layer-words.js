// Layers in plain words, short for a box of the diagram and whole for the line below it. Pure.

import { roughly } from "./networks.js";

/** @typedef {import("./types").LayerNode} LayerNode */

/** @type {Record<string, string>} */
const NAMES = {
  Linear: "fully connected", BatchNorm: "batch norm", MaxPool: "max pooling", AvgPool: "average pooling", GlobalAvgPool: "average of each map", AdaptiveAvgPool: "average to a fixed size",
  Add: "sum", Concat: "joined", Flatten: "flatten", Dropout: "dropout", Softmax: "softmax", Lrn: "local response norm", ReLU: "ReLU", ReLU6: "ReLU6", Tanh: "tanh", Sigmoid: "sigmoid",
};

/** A convolution that filters each map on its own. @param {LayerNode} layer */
function isDepthwise({ kind, kernel, shape, parameters }) {
  return kind === "Conv2d" && kernel > 1 && parameters <= shape[1] * (kernel * kernel + 1);
}

/** @param {LayerNode} layer @param {"whole" | "box" | "brief"} length a sentence's part, a box's line, or a narrow box's */
export function layerName(layer, length) {
  const { kind, kernel, stride } = layer;
  const brief = length === "brief";
  const times = brief ? "×" : " × ";
  const size = kernel > 1 || kind === "Conv2d" ? `${kernel}${times}${kernel} ` : "";
  const step = stride > 1 && kind === "Conv2d" ? `, at every ${stride === 2 ? "second" : stride === 3 ? "third" : `${stride}th`} pixel` : "";
  // As the paper of ResNet writes it: "/2" takes every second pixel.
  if (kind === "Conv2d") return `${size}${brief ? "conv" : "convolution"}${isDepthwise(layer) ? (brief ? ", each" : " of each map") : ""}${length === "whole" ? step : stride > 1 ? ` /${stride}` : ""}`;
  const name = NAMES[kind] ?? kind.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  return brief ? `${size}${name.replace(/\w+ pooling/, "pool").replace("fully connected", "linear")}` : `${size}${name}`;
}

/** @param {LayerNode["shape"]} shape @param {boolean} [brief] */
export function shapeWords([, c, height, width], brief = false) {
  if (height === 1 && width === 1) return `${c.toLocaleString("en")} numbers`;
  return brief ? `${c} maps` : `${c} maps of ${height} × ${width}`;
}

/** Everything there is to say of some layers that are drawn as one. @param {LayerNode[]} layers @param {string} name */
export function layerFacts(layers, name) {
  const last = /** @type {LayerNode} */ (layers.at(-1));
  const sum = (/** @type {"parameters" | "macs"} */ field) => layers.reduce((total, layer) => total + layer[field], 0);
  const side = last.receptiveField;
  return [
    { label: "Name", value: name },
    { label: "Output", value: shapeWords(last.shape) },
    { label: "One value sees", value: side === 0 ? "the whole picture" : side === 1 ? "one pixel" : `${side} × ${side} pixels` },
    { label: "Weights", value: sum("parameters").toLocaleString("en") },
    { label: "Multiplications", value: sum("macs") === 0 ? "none" : roughly(sum("macs")) },
  ];
}
