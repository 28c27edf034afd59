// The one table of state and who is told when it changes. Knows nothing about what the state means.

/** @typedef {import("./types").State} State */
/** @typedef {ReturnType<typeof createStore>} Store */

/** @param {State} initial */
export function createStore(initial) {
  let state = initial;
  let announced = false;
  /** @type {Set<(state: State) => void>} */
  const listeners = new Set();

  function announce() {
    announced = false;
    for (const listener of listeners) listener(state);
  }

  return {
    get state() {
      return state;
    },
    /** Replaces whole entries of the table; listeners hear of all changes of one task at once. @param {Partial<State>} patch */
    set(patch) {
      state = { ...state, ...patch };
      if (!announced) queueMicrotask(announce);
      announced = true;
    },
    /**
     * Changes some fields of one entry.
     * @template {"engine" | "project" | "training" | "source" | "predicting" | "look" | "known" | "selfTest" | "settings" | "weights" | "shelf" | "compare" | "diagram" | "digits" | "dial" | "runs"} K
     * @param {K} key @param {Partial<State[K]>} fields
     */
    patch(key, fields) {
      this.set(/** @type {Partial<State>} */ ({ [key]: { ...state[key], ...fields } }));
    },
    /** @param {(state: State) => void} listener */
    subscribe(listener) {
      listeners.add(listener);
    },
  };
}

/** @type {import("./types").TrainSettings} */
export const DEFAULT_SETTINGS = { hidden: 0, epochs: 50, batchSize: 16, learningRate: 0.002, l2: 0.0001, validationShare: 0.2, seed: 1, optimizer: "adam", momentum: 0.9, cut: "features", fresh: false, schedule: "constant", warmup: 0, average: 0, clipNorm: 0, recompute: false, augmentation: [] };

/** Before any training. @type {import("./types").State["training"]} */
export const NO_TRAINING = { running: false, waiting: false, history: [], split: null, sentence: "", step: null, shown: null, unfinished: null };

/** What comes with the page: trained, small, and quick on anything. @type {import("./types").Choice} */
export const DEFAULT_CHOICE = { id: "efficientnet_lite0", weights: "published", file: "", part: "whole" };

/** LeNet-5 before anybody looked at it. @type {import("./digits/types").DigitsState} */
export const NO_DIGITS = { phase: "closed", sentence: "", backend: "", data: null, settings: { learningRate: 0.02, batchSize: 32, seed: 1, schedule: "constant", passes: 2, warmup: 0, clipNorm: 0, average: 0, turn: false, cover: false }, start: "random", running: false, seen: 0, rate: 0, loss: null, checks: [], reading: null, asked: null, filters: null, variants: [], pad: { pixels: null, truth: null, shares: null } };

/** The table before anything has happened: two empty classes, no picture, no network. @returns {State} */
export function initialState() {
  return {
    view: "examples",
    theme: "system",
    models: [],
    architectures: {},
    choice: DEFAULT_CHOICE,
    weights: { entries: [], kept: [], persisted: false, usage: 0, quota: 0 },
    shelf: { speeds: {}, measuring: null, waiting: [], sentence: "", stranger: null },
    compare: { picked: null, rows: [], running: false, conditions: null },
    diagram: { stage: null, layer: null },
    digits: NO_DIGITS,
    engine: { phase: "starting", done: 0, total: 0, rate: 0, sentence: "", info: null, network: null, layers: null, model: null },
    project: { id: newId(), name: "My project", saved: "saved" },
    classes: freshClasses(),
    samples: [],
    pending: 0,
    settings: DEFAULT_SETTINGS,
    head: null,
    training: NO_TRAINING,
    runs: { rows: [], curve: null, running: false, share: 0, sentence: "" },
    variants: { pictures: [], sentence: "" },
    dial: { cost: null, pace: null, measuring: false, sentence: "" },
    changed: false,
    source: { kind: "none", starting: false, devices: [], device: "", mirrored: true, fps: 0, sentence: "", subject: "" },
    recording: null,
    recordRate: 10,
    predicting: { on: true, result: null, ms: 0, fps: 0, still: null, sentence: "" },
    look: { on: false, maps: [], sentence: "" },
    known: { open: false, guesses: [], sentence: "" },
    cell: null,
    notices: [],
    selfTest: { running: false, done: 0, total: 0, cases: null, sentence: "" },
  };
}

export function freshClasses() {
  return [
    { id: newId(), name: "Class 1", color: 0, enabled: true },
    { id: newId(), name: "Class 2", color: 1, enabled: true },
  ];
}

export function newId() {
  return crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
