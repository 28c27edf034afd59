// Ways of training side by side on the same pictures and seed, one after the other: the head alone, fine-tuned, and from
// scratch; and how each does with few pictures and with more. What predicts stays what it is. Knows no DOM.

import { defaultsFor, movedTo, placeOf, positions } from "./dial.js";
import { sentenceOf } from "./engine.js";
import { runEpochs, showPictures } from "./finetune.js";

/** @typedef {import("./types").RunRow} RunRow */
/** @typedef {import("./types").State} State */

/** Pictures of each class that a learning curve tries, as far as there are so many. */
export const SIZES = [1, 2, 5, 10, 20, 50];
/** Draws of the pictures for each of them. */
const SEEDS = [1, 2, 3];
/** Corrections that even the smallest run gets: fewer would tell more of haste than of pictures. */
const STEPS = 40;

/** The three ways, for the network and the place of the dial. @param {State} state @returns {Pick<RunRow, "id" | "name" | "settings">[]} */
export function ways({ engine, settings, choice }) {
  if (!engine.network) return [];
  const places = positions(engine.network);
  const at = settings.fresh ? 0 : placeOf(places, settings);
  const tuned = /** @type {import("./dial.js").Position} */ (places[Math.max(1, at)] ?? places[0]);
  const { epochs } = defaultsFor(tuned.cut, false);
  const way = (/** @type {string} */ id, /** @type {string} */ name, /** @type {string} */ cut, /** @type {boolean} */ fresh) => ({ id, name, settings: { ...movedTo(settings, { cut, fresh }), learningRate: defaultsFor(cut, fresh).learningRate, epochs } });
  const scratch = way("scratch", "From scratch", "image", true);
  // A network of random numbers has nothing to be frozen or tuned.
  return choice.weights === "random" ? [scratch] : [way("frozen", "Only the head", "features", false), way("tuned", tuned.cut === "image" ? "Full fine-tuning" : "Fine-tuned", tuned.cut, false), scratch];
}

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 */
export function createRuns(store, engineOf) {
  let stopped = false;
  /** Resolves when what runs now has ended. */
  let ended = Promise.resolve();

  /** @param {string} id @param {Partial<RunRow>} fields */
  const change = (id, fields) => store.patch("runs", { rows: store.state.runs.rows.map((row) => (row.id === id ? { ...row, ...fields } : row)) });

  function conditions() {
    const { classes, samples } = store.state;
    const used = classes.filter((entry) => entry.enabled && samples.some((sample) => sample.class === entry.id)).map((entry) => entry.id);
    return { classes: used, samples: samples.filter((sample) => used.includes(sample.class)) };
  }

  /** Does `work` unless something else is under way, and says what goes wrong. @param {() => Promise<void>} work */
  async function alone(work) {
    if (store.state.runs.running || store.state.training.running || !engineOf().ready) return;
    stopped = false;
    store.patch("runs", { running: true, sentence: "", share: 0 });
    try {
      await work();
    } catch (error) {
      store.patch("runs", { sentence: sentenceOf(error) });
      await engineOf().survives(error);
    }
    await engineOf().service.tuneClose().catch(() => undefined);
    store.patch("runs", { running: false, rows: store.state.runs.rows.map((row) => (row.step === "running" || row.step === "waiting" ? { ...row, step: "stopped" } : row)) });
  }

  /** @param {() => Promise<void>} work */
  const begin = (work) => (ended = alone(work));

  /** @param {RunRow} row @param {ReturnType<typeof conditions>} same */
  async function runOne({ id, settings }, same) {
    const engine = engineOf();
    const asked = { ...settings, classes: same.classes };
    change(id, { step: "running" });
    const { trained, fits, sentence } = await engine.service.trainingCost(asked, { pictures: same.samples.length });
    change(id, { trained });
    if (!fits) throw new Error(sentence ?? "That is more than fits here: move the line down, or choose smaller batches in the settings.");
    if (!(await showPictures(engine, asked, same.samples, (done, total) => store.patch("runs", { share: done / total / 2 }), () => stopped))) return;
    const history = /** @type {import("./types").EpochResult[]} */ ([]);
    const learned = await runEpochs(engine, asked, null, {
      onEpoch(result) {
        history.push(result);
        change(id, { history: [...history] });
        store.patch("runs", { share: 0.5 + result.epoch / result.epochs / 2 });
      },
    });
    if (!learned) return;
    change(id, { step: learned.stopped ? "stopped" : "done", history: learned.history, accuracy: learned.evaluation.validation.length > 0 ? learned.evaluation.accuracy : null, ms: learned.ms });
  }

  /** The sizes that the smallest class has pictures for, after some are held back. @param {ReturnType<typeof conditions>} same @param {number} share */
  function sizes({ classes, samples }, share) {
    const least = Math.min(...classes.map((id) => samples.filter((sample) => sample.class === id).length));
    const most = Math.max(1, Math.floor(least * (1 - share)));
    return SIZES.filter((size) => size <= most);
  }

  async function curve() {
    const same = conditions();
    const { settings: now } = store.state;
    const all = ways(store.state);
    const compared = all.filter(({ id }) => id === "scratch" || id === (now.cut === "features" || now.fresh ? "frozen" : "tuned"));
    const tried = sizes(same, now.validationShare);
    const total = compared.length * tried.length * SEEDS.length;
    let done = 0;
    store.patch("runs", { curve: { sizes: tried, lines: compared.map(({ id, name }) => ({ id, name, points: tried.map(() => /** @type {number[]} */ ([])) })) } });
    for (const { id, settings } of compared) {
      const engine = engineOf();
      const asked = { ...settings, classes: same.classes };
      if (!(await showPictures(engine, asked, same.samples, () => undefined, () => stopped))) return;
      for (const [at, perClass] of tried.entries()) {
        for (const runSeed of SEEDS) {
          if (stopped) return;
          const steps = Math.ceil((perClass * same.classes.length) / settings.batchSize);
          const learned = await runEpochs(engine, { ...asked, perClass, runSeed, epochs: Math.max(settings.epochs, Math.ceil(STEPS / steps)) }, null, {});
          if (!learned || learned.stopped) return;
          if (learned.evaluation.validation.length === 0) throw new Error("Nothing is held back to test with: raise the validation share in the settings, or add more recordings to each class.");
          done += 1;
          const { curve: drawn } = store.state.runs;
          if (drawn) store.patch("runs", { share: done / total, curve: { ...drawn, lines: drawn.lines.map((line) => (line.id === id ? { ...line, points: line.points.map((values, index) => (index === at ? [...values, learned.evaluation.accuracy] : values)) } : line)) } });
        }
      }
    }
  }

  return {
    compare: () =>
      begin(async () => {
        const same = conditions();
        store.patch("runs", { curve: null, rows: ways(store.state).map((way) => ({ ...way, step: "waiting", trained: null, history: [], accuracy: null, ms: null })) });
        for (const row of store.state.runs.rows) if (!stopped) await runOne(row, same);
      }),
    curve: () => begin(curve),
    /** Ends it; what is finished stays. */
    stop() {
      stopped = true;
      engineOf().service.tuneStop().catch(() => undefined);
    },
    /** Ends it and forgets what was found: its project is about to be replaced. */
    async abandon() {
      if (store.state.runs.running) this.stop();
      await ended;
      store.patch("runs", { rows: [], curve: null, sentence: "" });
    },
  };
}
