// What a person does with training, predictions, the source of live pictures, and the page itself.

import { showInAddress } from "../address.js";
import { movedTo } from "../dial.js";
import { sentenceOf } from "../engine.js";
import { memorise, recall } from "../memory.js";
import { reduce } from "../pictures.js";
import { DEFAULT_SETTINGS } from "../store.js";

/** @typedef {import("../types").State} State */
/** @typedef {import("../types").Page} Page */

const THEME_KEY = "headstart-theme";

/** @param {State["theme"]} theme */
export function wearTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** @returns {State["theme"]} */
export function rememberedTheme() {
  const theme = recall(THEME_KEY);
  return theme === "light" || theme === "dark" ? theme : "system";
}

/** @param {Page} page */
export function viewActions(page) {
  const { store, notices } = page;

  /** @param {File} file */
  async function classifyFile(file) {
    try {
      if (file.size === 0) throw new Error(`${file.name} is empty (0 bytes).`);
      const full = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
        throw new Error(`${file.name} could not be read: it is damaged, or not a picture format this browser knows.`);
      });
      const bitmap = await createImageBitmap(reduce(full, 1024));
      full.close();
      showStill({ name: file.name, bitmap });
    } catch (error) {
      notices.trouble(sentenceOf(error));
    }
  }

  /** @param {State["predicting"]["still"]} still */
  function showStill(still) {
    store.patch("predicting", { still, on: true, result: null, sentence: "" });
    page.prediction.again();
  }

  async function selfTest() {
    if (store.state.selfTest.running) return;
    store.set({ selfTest: { running: true, done: 0, total: 0, cases: null, sentence: "" } });
    try {
      const engine = page.engine;
      const onCase = engine.hear((/** @type {number} */ done, /** @type {number} */ total) => store.patch("selfTest", { done, total }));
      const cases = await engine.service.selfTest(onCase);
      store.patch("selfTest", { running: false, cases });
    } catch (error) {
      store.patch("selfTest", { running: false, sentence: sentenceOf(error) });
    }
  }

  return {
    events: {
      "view-show": (/** @type {State["view"]} */ view) => {
        store.set({ view });
        showInAddress(view);
      },
      "theme-choose": (/** @type {State["theme"]} */ theme) => {
        memorise(THEME_KEY, theme);
        wearTheme(theme);
        store.set({ theme });
      },
      "engine-retry": () => void page.engine.start(),
      "source-camera": (/** @type {string | undefined} */ device) => void page.source.startCamera(device),
      "source-demo": () => void page.source.startDemo(),
      "source-stop": () => page.source.stop(),
      "source-skip": () => page.source.skip(),
      "source-mirror": (/** @type {boolean} */ mirrored) => store.patch("source", { mirrored }),
      "settings-change": (/** @type {Partial<State["settings"]>} */ fields) => store.patch("settings", fields),
      "settings-reset": () => store.set({ settings: movedTo(DEFAULT_SETTINGS, { cut: store.state.settings.cut, fresh: store.state.settings.fresh }) }),
      "dial-move": (/** @type {{ cut?: string, fresh?: boolean }} */ to) => {
        if (!store.state.training.running) store.set({ settings: movedTo(store.state.settings, to), changed: store.state.head !== null });
      },
      "variants-show": (/** @type {State["samples"][number] | null} */ sample) => page.variants.show(sample, store.state.settings),
      "dial-probe": () => page.costs.probe(),
      "runs-compare": () => void page.runs.compare(),
      "runs-curve": () => void page.runs.curve(),
      "runs-stop": () => page.runs.stop(),
      "train-go-on": () => page.training.goOn(),
      "train-discard": () => void page.training.discard(),
      "train-start": () => page.training.start(),
      "train-stop": () => page.training.stop(),
      "cell-show": (/** @type {State["cell"]} */ cell) => store.set({ cell }),
      "predict-toggle": (/** @type {boolean} */ on) => store.patch("predicting", { on }),
      "predict-file": (/** @type {File} */ file) => void classifyFile(file),
      "drop-astray": () => void notices.show({ text: "Drop pictures on a class to learn from them, or on the preview to have them recognised." }),
      "predict-live": () => showStill(null),
      "look-toggle": (/** @type {boolean} */ on) => store.patch("look", { on, maps: on ? store.state.look.maps : [] }),
      "known-toggle": (/** @type {boolean} */ open) => store.patch("known", { open }),
      "self-test-run": () => void selfTest(),
      "notice-act": (/** @type {string} */ id) => notices.act(id),
      "notice-dismiss": (/** @type {string} */ id) => notices.dismiss(id),
      "undo": () => void notices.undo(),
    },
  };
}
