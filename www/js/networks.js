// What can be said of a network in plain words, for every view that shows one. Pure.

import { sourceOf } from "./weights.js";

/** @typedef {import("./types").Choice} Choice */
/** @typedef {import("./types").ModelInfo} ModelInfo */
/** @typedef {import("./types").State} State */

/** Values of a classifier up to which it is loaded along: beyond that the trunk alone is. */
const SMALL_CLASSIFIER = 3e6;

/** One sentence of what each family brought into the world. @type {Record<string, string>} */
export const FAMILIES = {
  LeNet: "Read the digits on cheques and began it all.",
  AlexNet: "Won ImageNet by a wide margin and made everybody look.",
  VGG: "Only small filters, one after another, and ever deeper.",
  GoogLeNet: "Several filters side by side, and few weights.",
  ResNet: "Shortcuts around every block let networks become really deep; the plain ones do without, to show what shortcuts are good for.",
  "EfficientNet-Lite": "Depth, width and picture size grown together; made for phones.",
};

/**
 * The networks by family, families in the order of their oldest member. `small` are editions for pictures of 32 pixels
 * of a family whose others see larger ones; those whose weights come with the page stand among the others.
 * @param {ModelInfo[]} models
 */
export function byFamily(models) {
  /** @type {Map<string, ModelInfo[]>} */
  const families = new Map();
  for (const model of models) families.set(model.family, [...(families.get(model.family) ?? []), model]);
  return [...families].map(([name, all]) => {
    const isLarge = (/** @type {ModelInfo} */ { input }) => input.height > 32;
    const members = all.some(isLarge) ? all.filter((model) => isLarge(model) || model.weights !== null) : all;
    return { id: name, name, all, members, small: all.filter((model) => !members.includes(model)) };
  });
}

/** 11,689,512 as "11.7 million". @param {number} count */
export function roughly(count) {
  if (count >= 1e9) return `${figures(count / 1e9)} billion`;
  if (count >= 1e6) return `${figures(count / 1e6)} million`;
  return count >= 1e4 ? `${figures(count / 1e3)} thousand` : count.toLocaleString("en");
}

/** Two or three significant figures. @param {number} value */
export function figures(value) {
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0, maximumSignificantDigits: 3 });
}

/** @param {number | null} bytes */
export function megabytes(bytes) {
  if (bytes === null) return "unknown size";
  return bytes < 999_500 ? `${Math.round(bytes / 1e3)} kB` : `${figures(bytes / 1e6)} MB`;
}

/** @param {number} ms */
export function milliseconds(ms) {
  return ms < 1000 ? `${figures(ms)} ms` : `${figures(ms / 1000)} s`;
}

/** The network as it is used when nothing else was asked for: with its published weights where there are any. @param {ModelInfo} model @param {State["weights"]} weights @returns {Choice} */
export function usually(model, weights) {
  const { place } = sourceOf(model, weights);
  return place ? { id: model.id, weights: "published", file: "", part: place.part === "whole" ? partOf(model) : "trunk" } : untrained(model);
}

/** @param {ModelInfo} model @returns {Choice} */
export function untrained(model) {
  return { id: model.id, weights: "random", file: "", part: "trunk" };
}

/** How much of a network is loaded for transfer learning. @param {ModelInfo} model @returns {Choice["part"]} */
export function partOf(model) {
  return model.parameters - model.trunkParameters <= SMALL_CLASSIFIER ? "whole" : "trunk";
}

/** Every choice there is to compare, by its key. @param {Pick<State, "models" | "weights" | "choice">} state @returns {Map<string, Choice>} */
export function comparable({ models, weights, choice }) {
  return new Map([choice, ...models.flatMap((model) => [usually(model, weights), untrained(model)])].map((entry) => [keyOf(entry), entry]));
}

/** Two choices of one key are the same network with the same weights. @param {Choice} choice */
export function keyOf({ id, weights, file }) {
  return `${weights} ${id}${file && ` ${file}`}`;
}

/** @param {Choice} one @param {Choice} other */
export function sameChoice(one, other) {
  return keyOf(one) === keyOf(other) && one.part === other.part;
}

/** Whether a network can name things by itself. @param {import("./types").NetworkInfo | null} network */
export function knows(network) {
  return network !== null && network.pretrained && !network.trunk;
}

/** What the stages of a network learned from before, as far as the page can know. @param {ModelInfo | null} model @param {Choice} choice */
export function lessonsOf(model, choice) {
  const known = { ImageNet: "1.3 million photos", "CIFAR-10": "50,000 small photos", MNIST: "60,000 handwritten digits" }[model?.dataset ?? ""];
  return choice.weights === "published" && known ? known : "other pictures";
}

/** @param {Choice["weights"]} weights */
export function trainingWords(weights) {
  return weights === "random" ? "untrained" : weights === "file" ? "your file" : "pretrained";
}
