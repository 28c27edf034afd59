// Learning to read digits, in the worker: batches in an order that the seed decides, steps of the engine's trainer, and
// checks on the digits kept apart, which are never learned from. Knows the engine's calls, no page and no storage.

import { seedOf } from "../random.js";
import { round, shareAt } from "./course.js";
import { PIXELS, SIDE } from "./idx.js";
import { digitChanges } from "./vary.js";

/** @typedef {import("./idx.js").Sets} Sets */
/** @typedef {import("./types").Settings} Settings */
/** @typedef {{ trainer: import("../types").Trainer, sets: Sets, settings: Settings, seen: number, sound: { state: Uint8Array, seen: number }, checkMs: number }} Pupil */

/** Side of the picture that LeNet-5 reads, and what is around the digit on each side. */
const INPUT = 32;
const MARGIN = (INPUT - SIDE) / 2;
const CLASSES = 10;
/** Digits that are read at once in a check. */
const AT_ONCE = 100;
/** Milliseconds between two reports, and at least between two checks once the first digits are learned. */
const REPORT_MS = 150;
const CHECK_MS = 1000;
/** Digits after which the weights are added to their average; a pass, if there are fewer. */
const AVERAGED = 1000;
/** Until so many digits are seen, a check follows when there are twice as many as at the last one. */
const EARLY = 4000;

/** @param {() => import("../types").Engine} engine @param {() => Promise<unknown>} breathe lets waiting messages in */
export function school(engine, breathe) {
  /** @type {Pupil | null} */
  let pupil = null;
  let stopAsked = false;
  /** Questions that a trainer still has to answer: it is kept until then. @type {Set<Promise<unknown>>} */
  const asked = new Set();

  /** @template T @param {Promise<T>} answer @returns {Promise<T>} */
  function asking(answer) {
    asked.add(answer);
    answer.catch(() => undefined).finally(() => asked.delete(answer));
    return answer;
  }

  /** @param {Pupil["trainer"] | undefined} trainer */
  async function dismiss(trainer) {
    await Promise.allSettled(asked);
    trainer?.dispose();
  }

  function learning() {
    if (!pupil) throw new Error("No digits are there yet: wait until they are.");
    return pupil;
  }

  /** @param {Settings} settings */
  const hire = ({ learningRate, clipNorm, seed }) => engine().trainer({ cut: "image", optimizer: "sgd", learningRate, momentum: 0.9, clipNorm, seed });

  return {
    /**
     * Gets the loaded network and its digits ready; `run` is one to go on with.
     * @param {Sets} sets @param {Settings} settings @param {{ state: Uint8Array, seen: number } | null} run
     */
    async digitsBegin(sets, settings, run) {
      const trainer = await hire(settings);
      if (run) await trainer.restore(run.state);
      const before = pupil?.trainer;
      pupil = { trainer, sets, settings, seen: run?.seen ?? 0, sound: { state: await trainer.snapshot(), seen: run?.seen ?? 0 }, checkMs: 0 };
      await dismiss(before);
    },

    /**
     * Learns until `stop` is called or the round is over. Where numbers grow beyond all bounds it goes back to the last check and fails.
     * @param {Settings} settings @param {(progress: import("./types").Progress) => void} onProgress
     * @param {(check: import("./types").Check, reading: import("./types").Reading) => void} onCheck
     */
    async digitsLearn(settings, onProgress, onCheck) {
      const current = learning();
      if (settings.clipNorm !== current.settings.clipNorm) {
        const trainer = await hire(settings);
        await trainer.restore(await current.trainer.snapshot());
        const before = current.trainer;
        current.trainer = trainer;
        await dismiss(before);
      }
      current.settings = settings;
      if (settings.average === 0) await current.trainer.average(0);
      stopAsked = false;
      let [told, checked, checkedAt] = [performance.now(), performance.now(), current.seen];
      let [losses, since] = [/** @type {number[]} */ ([]), current.seen];
      const count = current.sets.learn.labels.length;
      const end = (Math.floor(current.seen / round(settings, count)) + 1) * round(settings, count);
      while (!stopAsked && current.seen < end) {
        const batch = await nextBatch(current);
        current.trainer.learningRate = settings.learningRate * shareAt(settings, current.seen, count);
        // Together with the step, so that nobody finds one without the other.
        current.seen += settings.batchSize;
        const loss = await current.trainer.step(batch.x, batch.labels);
        if (!Number.isFinite(loss)) {
          await current.trainer.restore(current.sound.state);
          current.seen = current.sound.seen;
          throw new Error(`The numbers grew beyond all bounds. The network is back where it was at the last check: choose a learning rate below ${settings.learningRate}.`);
        }
        losses.push(loss);
        const every = Math.min(AVERAGED, count);
        const passed = Math.floor(current.seen / every) > Math.floor((current.seen - settings.batchSize) / every);
        if (settings.average > 0 && passed) await current.trainer.average(settings.average);
        const now = performance.now();
        if (now - told > REPORT_MS) {
          onProgress({ seen: current.seen, rate: ((current.seen - since) / (now - told)) * 1000, loss: mean(losses), filters: await current.trainer.parameter("conv1.weight") });
          [told, losses, since] = [now, [], current.seen];
        }
        const due = current.seen < EARLY ? current.seen >= 2 * checkedAt : now - checked > Math.max(CHECK_MS, 4 * current.checkMs);
        if (due) {
          onCheck(...(await check(current)));
          // The check is no time of learning.
          told += performance.now() - now;
          [checked, checkedAt] = [performance.now(), current.seen];
        }
        await breathe();
      }
      return current.seen;
    },
    digitsStop() {
      stopAsked = true;
    },

    /** How the network does on the digits kept apart. */
    digitsCheck: () => asking(check(learning())),
    /** The shares of the ten digits in one picture. @param {Uint8Array} pixels */
    async digitsRead(pixels) {
      const logits = await asking(learning().trainer.predict(prepared([pixels]), 1));
      return softmax(logits);
    },
    /** A digit as it would be shown: so many variants of it. @param {Uint8Array} pixels @param {import("./vary.js").Changes} changes @param {number} count */
    async digitsVariants(pixels, changes, count) {
      const x = await asking(written(learning().trainer, Array.from({ length: count }, () => pixels), changes, (at) => seedOf(at)));
      return Array.from({ length: count }, (_, index) => cutOut(x.subarray(index * INPUT * INPUT, (index + 1) * INPUT * INPUT)));
    },
    digitsFilters: () => asking(learning().trainer.parameter("conv1.weight")),
    /** Everything to go on with at another visit, and how many digits were seen until then. */
    async digitsState() {
      const { trainer, seen } = learning();
      return { state: await asking(trainer.snapshot()), seen };
    },
  };
}

/** @param {Pupil} pupil @returns {Promise<[import("./types").Check, import("./types").Reading]>} */
async function check(pupil) {
  const started = performance.now();
  const { trainer, sets, seen } = pupil;
  const { pixels, labels } = sets.held;
  const [guesses, shares] = [new Uint8Array(labels.length), new Float32Array(labels.length)];
  let [loss, right] = [0, 0];
  for (let from = 0; from < labels.length; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, labels.length - from);
    const logits = await trainer.predict(prepared(Array.from({ length: count }, (_, at) => picture(pixels, from + at))), count);
    for (let at = 0; at < count; at += 1) {
      const all = softmax(logits.subarray(at * CLASSES, (at + 1) * CLASSES));
      const guess = all.indexOf(Math.max(...all));
      guesses[from + at] = guess;
      shares[from + at] = all[guess] ?? 0;
      loss -= Math.log(Math.max(all[labels[from + at] ?? 0] ?? 0, 1e-12));
      if (guess === labels[from + at]) right += 1;
    }
  }
  if (Number.isFinite(loss)) pupil.sound = { state: await trainer.snapshot(), seen };
  pupil.checkMs = performance.now() - started;
  return [{ seen, loss: loss / labels.length, accuracy: right / labels.length }, { guesses, shares }];
}

/** The next digits to learn from: every pass has all of them, in another order. @param {Pupil} pupil */
async function nextBatch({ trainer, sets: { learn }, settings, seen }) {
  const { batchSize, seed } = settings;
  const count = learn.labels.length;
  const places = Array.from({ length: batchSize }, (_, at) => {
    const index = seen + at;
    return orderOf(seed, Math.floor(index / count), count)[index % count] ?? 0;
  });
  const x = await written(trainer, places.map((place) => picture(learn.pixels, place)), settings, (at) => seedOf(seed, seen + at));
  return { x, labels: Uint32Array.from(places, (place) => learn.labels[place] ?? 0) };
}

/** As LeNet-5 sees them, changed if the settings say so. @param {import("../types").Trainer} trainer @param {Uint8Array[]} pictures @param {import("./vary.js").Changes} changes @param {(at: number) => number} seed */
async function written(trainer, pictures, changes, seed) {
  const [x, steps] = [prepared(pictures), digitChanges(changes)];
  return steps.length === 0 ? x : trainer.varied(x, Uint32Array.from(pictures, (_, at) => seed(at)), steps);
}

/** @type {{ key: string, order: Uint32Array }} */
let known = { key: "", order: new Uint32Array() };

/** The order of one pass. @param {number} seed @param {number} pass @param {number} count */
export function orderOf(seed, pass, count) {
  const key = `${seed} ${pass} ${count}`;
  if (known.key === key) return known.order;
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(pass + 1, 0x85ebca6b)) >>> 0;
  for (let at = count - 1; at > 0; at -= 1) {
    // Mulberry32, by Tommy Ettinger.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const other = Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * (at + 1));
    [order[at], order[other]] = [/** @type {number} */ (order[other]), /** @type {number} */ (order[at])];
  }
  known = { key, order };
  return order;
}

/** @param {Uint8Array} pixels @param {number} index */
export function picture(pixels, index) {
  return pixels.subarray(index * PIXELS, (index + 1) * PIXELS);
}

/** As LeNet-5 sees them: 32 x 32, from -1 for paper to 1 for ink. @param {Uint8Array[]} pictures */
function prepared(pictures) {
  const x = new Float32Array(pictures.length * INPUT * INPUT).fill(-1);
  pictures.forEach((pixels, index) => {
    for (let at = 0; at < PIXELS; at += 1) x[(index * INPUT + MARGIN + Math.floor(at / SIDE)) * INPUT + MARGIN + (at % SIDE)] = (pixels[at] ?? 0) / 127.5 - 1;
  });
  return x;
}

/** Without what is around the digit, from 0 for paper to 255 for ink. @param {Float32Array} x */
function cutOut(x) {
  return Uint8Array.from({ length: PIXELS }, (_, at) => Math.round(((x[(MARGIN + Math.floor(at / SIDE)) * INPUT + MARGIN + (at % SIDE)] ?? 0) + 1) * 127.5));
}

/** @param {Float32Array} logits */
function softmax(logits) {
  const top = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - top));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

/** @param {number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
