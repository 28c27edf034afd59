// The live loop: one picture after the other goes to the engine, which predicts, classifies, or shows what its layers
// see, whatever somebody is looking at. Waits while examples are being prepared, so that recording stays quick,
// and while networks are being measured, so that the measure is right.

import { sentenceOf } from "./engine.js";
import { knows } from "./networks.js";

/** @typedef {import("./types").State} State */
/** @typedef {{ kind: "live" } | { kind: "still", bitmap: ImageBitmap } | { kind: "sample", blob: Blob }} Subject */

const TILES = 8;
/** Milliseconds between two looks inside: more often than that nobody can follow, and it costs a forward pass. */
const LOOK_EVERY = 250;
/** Milliseconds of rest after a failure, so that a lasting one does not spin. */
const REST = 2000;

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 * @param {import("./source").Source} source
 */
export function createPrediction(store, engineOf, source) {
  /** The loop that may go on; another object means that it was superseded. @type {object | null} */
  let current = null;
  let times = /** @type {number[]} */ ([]);
  let looked = 0;
  /** What a picture that stands still was last asked; asking again would give the same. @type {unknown[]} */
  let asked = [];

  /** What there is to look at: a chosen picture, else the source, else (only to look inside) the newest example. @returns {Subject | null} */
  function subject() {
    const { predicting, look, samples } = store.state;
    if (predicting.still) return { kind: "still", bitmap: predicting.still.bitmap };
    if (store.state.source.kind !== "none") return predicting.on ? { kind: "live" } : null;
    const newest = look.on ? samples.at(-1) : undefined;
    return newest ? { kind: "sample", blob: newest.blob } : null;
  }

  /** What one round has to do, or null when there is nothing to do or something more urgent. */
  function wish() {
    const { head, known, look, training, pending, engine, view, shelf, compare, runs } = store.state;
    const now = subject();
    if (!now || engine.phase !== "ready" || training.running || pending > 0 || document.hidden || shelf.measuring || compare.running || runs.running || ["self-test", "networks", "compare"].includes(view)) return null;
    const aim = { subject: now, predict: head !== null && now.kind !== "sample", know: known.open && knows(engine.network) && now.kind !== "sample", look: look.on };
    if (!aim.predict && !aim.know && !aim.look) return null;
    if (now.kind === "live") return aim;
    const question = [now.kind === "still" ? now.bitmap : now.blob, head, aim.know, aim.look, engine.network];
    return question.every((value, index) => value === asked[index]) ? null : { ...aim, question };
  }

  /** @param {Subject} chosen @returns {Promise<ImageBitmap | null>} */
  async function picture(chosen) {
    const found = chosen.kind === "live" ? source.grab() : chosen.kind === "still" ? chosen.bitmap : chosen.blob;
    return found ? createImageBitmap(found) : null;
  }

  /** @param {NonNullable<ReturnType<typeof wish>>} aim @param {() => boolean} stillWanted */
  async function once(aim, stillWanted) {
    const { service, give } = engineOf();
    const started = performance.now();
    if ("question" in aim) asked = aim.question ?? [];
    if (aim.predict) {
      const bitmap = await picture(aim.subject);
      const result = bitmap && (await service.predict(give(bitmap)));
      if (result && stillWanted()) store.patch("predicting", { result, sentence: "", ...pace(result.ms) });
    }
    if (aim.know) {
      const bitmap = await picture(aim.subject);
      const guesses = bitmap && (await service.classify(give(bitmap)));
      if (guesses && stillWanted()) store.patch("known", { guesses, sentence: "" });
    }
    if (aim.look && (aim.subject.kind !== "live" || started - looked > LOOK_EVERY)) {
      const bitmap = await picture(aim.subject);
      const maps = bitmap && (await service.featureMaps(give(bitmap), TILES));
      looked = performance.now();
      if (maps && stillWanted() && store.state.look.on) store.patch("look", { maps, sentence: "" });
    }
    const rest = (aim.predict || aim.know ? 16 : LOOK_EVERY) - (performance.now() - started);
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
  }

  /** Smoothed milliseconds per picture, and pictures per second over the last two. @param {number} ms */
  function pace(ms) {
    const now = performance.now();
    times = [...times.filter((time) => now - time < 2000), now];
    const span = (now - /** @type {number} */ (times[0])) / 1000;
    const before = store.state.predicting.ms;
    return { ms: before ? before * 0.8 + ms * 0.2 : ms, fps: span > 0 ? (times.length - 1) / span : 0 };
  }

  async function loop() {
    const mine = {};
    current = mine;
    const stillWanted = () => current === mine;
    for (let aim = wish(); aim && stillWanted(); aim = wish()) {
      const engine = engineOf();
      const { generation } = engine;
      try {
        await once(aim, stillWanted);
      } catch (error) {
        await new Promise((resolve) => setTimeout(resolve, REST));
        if (generation === engine.generation && engine.ready && (await engine.survives(error)) && stillWanted()) store.patch("predicting", { sentence: sentenceOf(error) });
      }
    }
    if (stillWanted()) current = null;
  }

  return {
    /** Starts the loop if it rests and has something to do; called after every change. */
    wake() {
      const { predicting, source: live } = store.state;
      // A verdict without a picture would be about something that nobody sees any more.
      if (predicting.result && !predicting.still && live.kind === "none") store.patch("predicting", { result: null });
      if (!current && wish()) void loop();
    },
    /** Drops the round under way, for another picture. */
    again() {
      current = null;
      this.wake();
    },
  };
}
