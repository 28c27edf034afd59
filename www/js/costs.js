// What training from where the dial stands would cost, asked of the engine as the dial moves off the head: weights and memory
// at once, time by a probe, which runs by itself where it takes a moment and on request elsewhere. Knows no DOM.

import { headAlone, headCost, placeOf, positions, startsFresh } from "./dial.js";
import { sentenceOf } from "./engine.js";

/** Milliseconds that the dial has to rest before it is asked what its place costs. */
const SETTLED = 120;
/** Multiply-accumulates of a step up to which a probe takes a moment only. */
const QUICK = 4e9;

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 */
export function createCosts(store, engineOf) {
  let asked = "";
  let timer = 0;

  /** Everything the cost depends on. */
  function question() {
    const { engine, settings, classes, samples } = store.state;
    const used = classes.filter((entry) => entry.enabled && samples.some((sample) => sample.class === entry.id)).map((entry) => entry.id);
    // Before there are pictures, two classes stand for those to come.
    const ids = used.length > 1 ? used : ["one", "other"];
    const fresh = startsFresh(store.state);
    const pictures = samples.filter((sample) => ids.includes(sample.class)).length;
    return { pictures, key: [pictures, settings.augmentation.length > 0, engine.network?.fingerprint, settings.cut, fresh, settings.batchSize, settings.optimizer, settings.recompute, headAlone(store.state) ? settings.hidden : "", ids.length].join("|"), settings: { ...settings, fresh, classes: ids } };
  }

  async function ask() {
    const { key, settings, pictures } = question();
    const engine = engineOf();
    const { network } = store.state.engine;
    if (!engine.ready || store.state.training.running) return;
    asked = key;
    if (network && headAlone(store.state)) return store.patch("dial", { cost: headCost(network, settings, settings.classes.length), sentence: "" });
    try {
      const cost = await engine.service.trainingCost(settings, { pictures });
      if (asked !== key) return;
      store.patch("dial", { cost, sentence: "" });
      if (!store.state.dial.pace && cost.fits && stepMacs() < QUICK) await probe();
    } catch (error) {
      if (asked === key) store.patch("dial", { cost: null, sentence: sentenceOf(error) });
    }
  }

  /** Of a step's way forward and back from the dial's place, and of the two looks of a probe at a picture before it. */
  function stepMacs() {
    const { engine, settings } = store.state;
    if (!engine.network) return Infinity;
    const places = positions(engine.network);
    return 3 * settings.batchSize * (places[placeOf(places, settings)]?.macs ?? engine.network.macs) + 2 * engine.network.macs;
  }

  async function probe() {
    const { network } = store.state.engine;
    if (!network || store.state.dial.measuring || store.state.training.running) return;
    const { settings } = question();
    const places = positions(network);
    const place = places[placeOf(places, settings)];
    store.patch("dial", { measuring: true, sentence: "" });
    try {
      const measured = await engineOf().service.tuneProbe(settings);
      if (network === store.state.engine.network && place) store.patch("dial", { pace: { ...measured, cut: settings.cut, fingerprint: network.fingerprint, macs: Math.max(1, place.macs) } });
    } catch (error) {
      store.patch("dial", { sentence: sentenceOf(error) });
    }
    store.patch("dial", { measuring: false });
  }

  return {
    /** Called after every change. */
    wake() {
      const { engine, dial, training } = store.state;
      if (dial.pace && engine.network && dial.pace.fingerprint !== engine.network.fingerprint) store.patch("dial", { pace: null, cost: null });
      // While pictures come in several times a second, their number is asked about once they are there.
      if (engine.phase !== "ready" || training.running || store.state.runs.running || store.state.recording || question().key === asked || timer) return;
      timer = setTimeout(() => {
        timer = 0;
        void ask();
      }, SETTLED);
    },
    /** Measures at the place of the dial. */
    probe: () => void probe(),
  };
}
