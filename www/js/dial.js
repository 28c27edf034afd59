// The dial: where a network can be cut, what each position is called and how it is best trained. Pure.

import { VARIANTS } from "./augment.js";

/** @typedef {import("./types").NetworkInfo} NetworkInfo */
/** @typedef {import("./types").State} State */
/** @typedef {import("./types").TrainSettings} TrainSettings */
/** `after` is the number of stages before the cut; `macs` are those that are trained, without the head. @typedef {{ cut: string, after: number, macs: number, title: string }} Position */

/** How much more work a training step is than a look at a picture: forward, and twice as much backward. */
const BACKWARD = 3;

/**
 * The places of the dial, from the head alone to everything. A cut before a stage without weights would train nothing
 * more than the one after it.
 * @param {Pick<NetworkInfo, "stages">} network @returns {Position[]}
 */
export function positions({ stages }) {
  const found = [{ cut: "features", after: stages.length, macs: 0, title: "" }];
  let macs = 0;
  for (let after = stages.length - 1; after >= 0; after -= 1) {
    const stage = /** @type {import("./types").Stage} */ (stages[after]);
    macs += stage.macs;
    if (stage.parameters === 0) continue;
    found.push({ cut: stages[after - 1]?.name ?? "image", after, macs, title: (stage.title || stage.name).split(": ")[0] ?? "" });
  }
  return found;
}

/** Where the dial stands; at the head if the network has no such place. @param {Position[]} places @param {TrainSettings} settings */
export function placeOf(places, { cut }) {
  return Math.max(0, places.findIndex((place) => place.cut === cut));
}

/** Whether training starts from random numbers. @param {Pick<State, "settings" | "choice">} state */
export function startsFresh({ settings, choice }) {
  return settings.fresh || choice.weights === "random";
}

/** Whether the head alone is trained, on features that are kept already. @param {Pick<State, "settings" | "engine">} state */
export function headAlone({ settings, engine }) {
  return !settings.fresh && (!engine.network || placeOf(positions(engine.network), settings) === 0);
}

/**
 * What the head alone costs: known without the engine, which need not load what only deeper training needs.
 * @param {Pick<NetworkInfo, "featureLength" | "trunkParameters">} network @param {Pick<TrainSettings, "hidden">} settings @param {number} classes
 * @returns {import("./types").TrainingCost}
 */
export function headCost({ featureLength, trunkParameters }, { hidden }, classes) {
  const trained = hidden > 0 ? (featureLength + 1) * hidden + (hidden + 1) * classes : (featureLength + 1) * classes;
  return { trained, parameters: trunkParameters + trained, bytes: 0, pictureBytes: 4 * featureLength, keptBytes: 0, recomputedBytes: 0, fits: true, sentence: null, largestBatch: null, deepestCut: null };
}

/** @param {Position[]} places @param {number} at @param {boolean} fresh */
export function nameOf(places, at, fresh) {
  if (fresh) return at === places.length - 1 ? "Training from scratch" : at === 0 ? "Only the head, on random numbers" : "Partly from scratch";
  if (at === 0) return "Feature extraction: only the head";
  if (at === places.length - 1) return "Full fine-tuning";
  return at === 1 ? "Fine-tuning the last stage" : `Fine-tuning the last ${at} stages`;
}

/** What that means, and why the learning rate is what it is. @param {Position[]} places @param {number} at @param {boolean} fresh */
export function meaningOf(places, at, fresh) {
  if (fresh && at === places.length - 1) return "Everything starts from random numbers and learns only from your pictures, which are few: this is what the network's makers did with very many.";
  if (fresh) return "The stages above the line are random and stay so: how much do your pictures teach the rest?";
  if (at === 0) return "Quick, and hard to spoil. What the network learned before stays as it is.";
  const from = places[at]?.title.toLowerCase();
  return `Everything from “${from}” on may change a little. Small steps, so that it does not forget what it knows; the new head takes ten times larger ones.`;
}

/** What suits a position: small steps where there is something to spoil. @param {string} cut @param {boolean} fresh @returns {Pick<TrainSettings, "epochs" | "learningRate">} */
export function defaultsFor(cut, fresh) {
  if (fresh) return { epochs: 30, learningRate: 0.001 };
  if (cut === "features") return { epochs: 50, learningRate: 0.002 };
  return { epochs: 10, learningRate: cut === "image" ? 0.0001 : 0.0002 };
}

/** The settings with the dial elsewhere: what nobody chose otherwise takes the new position's default. @param {TrainSettings} settings @param {{ cut?: string, fresh?: boolean }} to @returns {TrainSettings} */
export function movedTo(settings, to) {
  const [before, moved] = [defaultsFor(settings.cut, settings.fresh), { ...settings, ...to }];
  const after = defaultsFor(moved.cut, moved.fresh);
  return { ...moved, epochs: settings.epochs === before.epochs ? after.epochs : settings.epochs, learningRate: settings.learningRate === before.learningRate ? after.learningRate : settings.learningRate };
}

/** Looks at pictures before a run begins: one at each, and one at each of its variants. @param {Pick<TrainSettings, "augmentation">} settings @param {{ training: number, held: number }} counts */
export function looks({ augmentation }, { training, held }) {
  return (training + held) * (augmentation.length > 0 ? 1 + VARIANTS : 1);
}

/** Pictures that are learned from and held back, about. @param {Pick<State, "classes" | "samples" | "settings">} state */
export function pictureCounts({ classes, samples, settings }) {
  const used = samples.filter((sample) => classes.some((entry) => entry.enabled && entry.id === sample.class)).length;
  const held = Math.round(used * settings.validationShare);
  return { training: used - held, held };
}

/**
 * Milliseconds of an epoch, from what steps of this network were measured to take, here or at another cut.
 * @param {import("./types").Pace} pace @param {Position} place @param {number} batch @param {{ training: number, held: number }} counts
 */
export function epochMs(pace, place, batch, { training, held }) {
  const per = pace.stepMs / (pace.batch * Math.max(1, BACKWARD * pace.macs));
  const picture = per * Math.max(1, place.macs);
  const rows = Math.ceil(training / Math.max(1, batch)) * Math.min(batch, Math.max(1, training));
  return rows * BACKWARD * picture + held * picture;
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = ms / 1000;
  if (seconds < 0.95) return "less than a second";
  if (seconds < 90) return `${Math.round(seconds)} ${Math.round(seconds) === 1 ? "second" : "seconds"}`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}
