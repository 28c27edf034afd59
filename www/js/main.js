// Puts the page together: reads what was stored, starts the engine, gives every component its element and every event
// its action. Holds no logic of its own.

import { backendInAddress, viewInAddress } from "./address.js";
import { projectActions } from "./actions/project.js";
import { networkActions } from "./actions/networks.js";
import { sampleActions } from "./actions/samples.js";
import { rememberedTheme, viewActions, wearTheme } from "./actions/view.js";
import { createArchitectures } from "./architectures.js";
import { createCosts } from "./costs.js";
import { createComparison } from "./comparison.js";
import { components } from "./components/index.js";
import { actOn } from "./dom.js";
import { createEngine } from "./engine.js";
import { createExamples } from "./examples.js";
import { lateDigits } from "./late.js";
import { createNotices } from "./notices.js";
import { keepOffline } from "./offline.js";
import { createPaces } from "./paces.js";
import { createPersistence } from "./persist.js";
import { createPrediction } from "./prediction.js";
import { withLost } from "./project.js";
import { createRecorder } from "./recorder.js";
import { createRuns } from "./runs.js";
import { createSource } from "./source.js";
import { tryStorage } from "./storage.js";
import { DEFAULT_CHOICE, createStore, initialState } from "./store.js";
import { createTraining } from "./training.js";
import { createVariants } from "./variants.js";
import { createWeights } from "./weights.js";

/** @typedef {import("./types").Page} Page */

/** Everything but the document. */
async function createPage() {
  const store = createStore({ ...initialState(), view: viewInAddress(), theme: rememberedTheme() });
  wearTheme(store.state.theme);
  const notices = createNotices(store);
  const { storage, stored, sentence } = await tryStorage();
  if (stored?.project) {
    const { project } = stored;
    store.set({ project: { ...store.state.project, id: project.id, name: project.name }, classes: withLost(project.classes, stored.samples), settings: { ...store.state.settings, ...project.settings }, head: project.head, choice: { ...DEFAULT_CHOICE, ...project.choice }, samples: stored.samples });
    if (project.head) store.patch("training", { history: project.head.history, split: project.head.split });
  }
  if (sentence) notices.show({ text: sentence, sticky: true });

  const weights = createWeights(store, (text) => void notices.show({ text, sticky: true }));
  const source = createSource(store, { onEnded: (text) => notices.trouble(text) });
  /** @type {Page} */
  const page = {
    store,
    notices,
    nameOf: (id) => store.state.classes.find((entry) => entry.id === id)?.name ?? "a removed class",
    engine: createEngine(store, weights, { backend: backendInAddress(), onReady, onRestart, onFallback }),
    weights,
    source,
    persistence: createPersistence(store, storage, onFull),
    examples: createExamples(store, () => page.engine, {
      onFeatures: (features) => page.persistence.addFeatures(features),
      onTrouble: (sample, text) => notices.trouble(`A picture of ${page.nameOf(sample.class)} could not be used: ${text}`),
    }),
    training: createTraining(store, () => page.engine),
    costs: createCosts(store, () => page.engine),
    variants: createVariants(store, () => page.engine),
    runs: createRuns(store, () => page.engine),
    prediction: createPrediction(store, () => page.engine, source),
    recorder: createRecorder(store, source, (samples) => page.addSamples(samples), (text) => notices.trouble(text)),
    architectures: createArchitectures(store, () => page.engine),
    paces: createPaces(store),
    comparison: createComparison(store, weights, { onFeatures: (features) => page.examples.remember(features) }),
    useNetwork: (choice, head) => networks.use(choice, head),
    addSamples: (samples) => actions.addSamples(samples),
    putBack: (samples) => actions.putBack(samples),
  };
  const actions = sampleActions(page);
  const networks = networkActions(page);
  page.examples.remember(stored?.features ?? []);
  page.persistence.adopt(stored?.project !== undefined);

  async function onReady() {
    page.paces.remember();
    await page.examples.restore();
    await page.training.restore();
    // The engine counts as ready only when this is done.
    setTimeout(() => void page.training.offer());
  }

  /** @param {string} text */
  function onRestart(text) {
    const { info } = store.state.engine;
    notices.show({ text: `${text} Headstart started its engine again on ${info?.label ?? "another backend"}; every example is still here.`, tone: "trouble", sticky: true });
  }

  /** @param {string} text */
  function onFallback(text) {
    notices.show({ text, tone: "trouble", sticky: true, action: { label: "Networks", run: () => document.dispatchEvent(new CustomEvent("view-show", { detail: "networks" })) } });
  }

  /** @param {import("./storage").Outcome} outcome */
  function onFull(outcome) {
    const why = outcome === "full" ? "This browser has no room left to store pictures." : "This browser has stopped storing what you do here.";
    notices.show({ text: `${why} Nothing is lost while this tab stays open: save the project as a file to keep it.`, tone: "trouble", sticky: true, action: { label: "Save project", run: () => document.dispatchEvent(new CustomEvent("project-save")) } });
  }
  return { page, events: { ...actions.events, ...networks.events } };
}

const { page, events: ofPage } = await createPage();
const { store } = page;

actOn({ ...ofPage, ...projectActions(page).events, ...viewActions(page).events });

const rendered = components(document, page.source);
let due = false;
function render() {
  due = false;
  for (const update of rendered) update(store.state);
}

const followDigits = lateDigits(page, rendered);
store.subscribe((state) => {
  if (!due) requestAnimationFrame(render);
  due = true;
  page.persistence.follow(state);
  page.examples.work();
  page.training.startIfDue();
  page.costs.wake();
  page.prediction.wake();
  void page.architectures.wake();
  followDigits(state);
});
addEventListener("popstate", () => store.set({ view: viewInAddress() }));
addEventListener("hashchange", () => store.set({ view: viewInAddress() }));
addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing && page.notices.undo()) event.preventDefault();
});
document.addEventListener("visibilitychange", () => page.prediction.wake());
render();
// For the browser's console and for the tests: the running page.
Object.assign(globalThis, { headstart: page });
document.documentElement.dataset.ready = "";
followDigits(store.state);
await page.weights.open();
void page.engine.start();

void keepOffline({
  onReady: () => page.notices.show({ text: "Headstart is stored in this browser now and opens without a connection too.", tone: "good" }),
  onNewVersion: (reload) => page.notices.show({ text: "A new version of Headstart is ready.", sticky: true, action: { label: "Reload", run: reload } }),
});
