// The lesson in which LeNet-5 learns to read digits: an engine beside the page's own, the digits, what it has learned so
// far, and what is on the pad. It ends when the view is left and goes on from what was kept. Knows no DOM.

import { backendInAddress } from "../address.js";
import { keepTuning, knownTuning, sentenceOf } from "../engine.js";
import { hear } from "../second-engine.js";
import { SITE } from "../site.js";
import { NO_DIGITS } from "../store.js";
import { openWorker } from "../worker-client.js";
import { readDigits } from "./idx.js";
import { keepDigits, recallDigits } from "./kept.js";

/** @typedef {import("./types").DigitsState} DigitsState */
/** @typedef {import("./types").Run} Run */
/** @typedef {import("../types").Supply} Supply */
/** @typedef {{ host: import("../worker-client").Host, sets: import("./idx.js").Sets, learning: Promise<void> }} Session */
/** @typedef {ReturnType<typeof createLesson>} Lesson */

export const NETWORK = "lenet5";
/** @type {Supply} */
const RANDOM = { files: null, part: "whole" };
const BUNDLED = ["learn-images", "learn-labels", "test-images", "test-labels"];
/** Milliseconds after which a run that goes on is kept anew. */
const KEEP_MS = 10_000;

/** @param {import("../store").Store} store */
export function createLesson(store) {
  /** @type {Session | null} */
  let session = null;
  let keptAt = 0;
  let closing = Promise.resolve();
  let reading = false;
  const state = () => store.state.digits;
  /** @param {Partial<DigitsState>} fields */
  const patch = (fields) => store.patch("digits", fields);

  /** Runs a task of the open view; says what fails, unless the view was left meanwhile. @param {(open: Session) => Promise<unknown>} task */
  async function attempt(task) {
    const open = session;
    if (!open) return;
    try {
      await Promise.race([task(open), open.host.failed]);
    } catch (error) {
      if (session === open) patch({ phase: state().phase === "ready" ? "ready" : "failed", running: false, rate: 0, sentence: sentenceOf(error) });
    }
  }

  async function bringUp() {
    const host = openWorker("digits");
    const mine = (session = { host, sets: /** @type {any} */ (null), learning: Promise.resolve() });
    patch({ ...NO_DIGITS, phase: "starting" });
    const onLost = (/** @type {string} */ sentence) => {
      if (session !== mine) return;
      close();
      void bringUp().then(() => state().phase === "ready" && patch({ sentence: `${sentence} The network goes on from where it was kept last.` }));
    };
    await attempt(async () => {
      const { info } = await host.service.start({ backend: backendInAddress(), tuning: knownTuning() }, hear(onLost));
      await closing;
      const { run, files } = await recallDigits();
      mine.sets = await readDigits(files.length > 0 ? files : await bundled());
      if (session !== mine) return;
      patch({ backend: info.label, data: dataOf(mine, files), ...(run && { settings: { ...NO_DIGITS.settings, ...run.settings } }) });
      await begin(mine, run);
    });
  }

  function close() {
    const open = session;
    session = null;
    if (!open) return;
    const left = state();
    patch({ phase: "closed", running: false });
    const end = () => open.host.end("The digits were closed.");
    closing = open.host.service.digitsStop().then(() => open.learning).then(() => (left.phase === "ready" ? keep(open, left) : undefined)).then(end, end);
  }

  /** @param {Session} open @param {{ length: number }} files those of the user @returns {DigitsState["data"]} */
  function dataOf({ sets }, files) {
    return { own: files.length > 0, count: sets.learn.labels.length, held: sets.held };
  }

  /** Gets the network ready: with random numbers, those of a file, or those of a run. @param {Session} open @param {Run | null} run @param {Supply} [supply] */
  async function begin(open, run, supply = RANDOM) {
    const { host, sets } = open;
    const { settings } = state();
    const { tuning } = await host.service.load(NETWORK, supply, settings.seed, hear(() => undefined));
    keepTuning(tuning);
    await host.service.digitsBegin(sets, settings, run);
    const filters = await host.service.digitsFilters();
    patch({ phase: "ready", sentence: "", start: run?.start ?? (supply.files ? "trained" : "random"), seen: run?.seen ?? 0, rate: 0, loss: null, checks: run?.checks ?? [], filters });
    await check(open);
  }

  /** @param {Session} open */
  async function check({ host }) {
    const [found, made] = await host.service.digitsCheck();
    onCheck(found, made);
  }

  /** @param {import("./types").Check} found @param {import("./types").Reading} made */
  function onCheck(found, made) {
    patch({ checks: [...state().checks.filter(({ seen }) => seen < found.seen), found], reading: made });
    void read();
  }

  /** @param {Session} open */
  async function keep({ host }, { settings, checks, start } = state()) {
    keptAt = performance.now();
    const run = { ...(await host.service.digitsState()), settings, start };
    await keepDigits({ run: { ...run, checks: checks.filter(({ seen }) => seen <= run.seen) } });
  }

  /** One picture at a time; whoever draws faster than the network reads sees the last one read. */
  async function read() {
    const { pixels } = state().pad;
    if (!pixels || reading || !session || state().phase !== "ready") return;
    reading = true;
    await attempt(async ({ host }) => {
      const shares = await host.service.digitsRead(pixels);
      if (state().pad.pixels) patch({ pad: { ...state().pad, shares } });
    });
    reading = false;
    if (state().pad.pixels !== pixels) await read();
  }

  /** @param {Session} open */
  async function learn(open) {
    const { host } = open;
    patch({ running: true, sentence: "" });
    const onProgress = hear((/** @type {import("./types").Progress} */ now) => void (session === open && state().running && patch(now)));
    const onChecked = hear((/** @type {import("./types").Check} */ found, /** @type {import("./types").Reading} */ made) => {
      if (session !== open || !state().running) return;
      onCheck(found, made);
      if (performance.now() - keptAt > KEEP_MS) void keep(open);
    });
    try {
      await host.service.digitsLearn(state().settings, onProgress, onChecked);
    } finally {
      if (session === open) {
        const [{ seen }, filters] = await Promise.all([host.service.digitsState(), host.service.digitsFilters()]);
        patch({ running: false, rate: 0, seen, filters });
        await check(open);
        await keep(open);
      }
    }
  }

  return {
    /** Opens and closes with the view. @param {import("../types").State} now */
    follow({ view }) {
      if (view === "digits" && !session) void bringUp();
      if (view !== "digits" && session) close();
    },
    learn: () => attempt((open) => (state().running ? Promise.resolve() : (open.learning = learn(open)))),
    pause: () => attempt(({ host }) => host.service.digitsStop()),
    /** What has been learned so far, to come back to. @returns {Promise<Run | null>} */
    async run() {
      const { settings, checks, start } = state();
      return session ? { ...(await session.host.service.digitsState()), settings, checks, start } : null;
    },
    /** Starts anew, or goes on with a run of before. @param {Run | null} run @param {Supply} [supply] */
    startOver: (run, supply) =>
      attempt(async (open) => {
        await open.host.service.digitsStop();
        await open.learning;
        if (run) patch({ settings: run.settings });
        await begin(open, run, supply);
        await keep(open);
      }),
    /** Takes digits of the user's, or MNIST's own again; the network starts anew. @param {File[]} given */
    give: (given) =>
      attempt(async (open) => {
        const files = given.map((file) => ({ name: file.name, content: /** @type {Blob} */ (file) }));
        open.sets = await readDigits(files.length > 0 ? files : await bundled());
        await open.host.service.digitsStop();
        await open.learning;
        patch({ pad: NO_DIGITS.pad, asked: null, reading: null, data: dataOf(open, files) });
        await begin(open, null);
        await keep(open);
        await keepDigits({ files });
      }),
    /** Shows so many variants of a digit. @param {Uint8Array} pixels @param {number} count */
    vary: (pixels, count) => attempt(async ({ host }) => patch({ variants: await host.service.digitsVariants(pixels, state().settings, count) })),
    /** Puts a picture on the pad, or clears it. @param {Uint8Array | null} pixels @param {number | null} truth */
    show(pixels, truth) {
      patch({ pad: { pixels, truth, shares: pixels ? state().pad.shares : null } });
      void read();
    },
  };
}

async function bundled() {
  return Promise.all(BUNDLED.map(async (name) => {
    const answer = await fetch(new URL(`digits/${name}.bin`, SITE));
    if (!answer.ok) throw new Error(`The digits did not arrive (${name}: the server answered ${answer.status}). Reload the page, or give MNIST's own files.`);
    return { name, content: await answer.blob() };
  }));
}
