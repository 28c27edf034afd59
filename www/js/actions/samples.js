// What a person does with pictures: record, add files, try the demo, remove, clear, download.

import { demoCountInAddress } from "../address.js";
import { drawDemo, loadDemo, parts, randomPose } from "../demo.js";
import { sentenceOf } from "../engine.js";
import { fileName, save } from "../files.js";
import { archive } from "../late.js";
import { freeColor } from "../palette.js";
import { keepPicture, readPicture } from "../pictures.js";
import { isUntouched, samplesOf, withLost } from "../project.js";
import { random } from "../random.js";
import { newId } from "../store.js";

/** @typedef {import("../types").Sample} Sample */
/** @typedef {import("../types").Page} Page */
/** @typedef {import("../files").Arrival} Arrival */

const DEMO_SIDE = 320;

/** @param {Page} page */
export function sampleActions(page) {
  const { store, notices } = page;

  /** @param {Sample[]} samples */
  function add(samples) {
    store.set({ samples: [...store.state.samples, ...samples], changed: store.state.head !== null });
    page.persistence.addSamples(samples);
    void page.examples.add(samples);
  }

  /** @param {Sample[]} samples @param {string} said */
  function remove(samples, said) {
    const ids = new Set(samples.map((sample) => sample.id));
    store.set({ samples: store.state.samples.filter((sample) => !ids.has(sample.id)), changed: store.state.head !== null });
    page.persistence.removeSamples([...ids]);
    void page.examples.remove([...ids]);
    notices.undoable(said, () => putBack(samples));
  }

  /** @param {Sample[]} samples */
  function putBack(samples) {
    const all = [...store.state.samples, ...samples].sort((one, other) => one.created - other.created);
    // Their class may have been removed since.
    store.set({ samples: all, classes: withLost(store.state.classes, all) });
    page.persistence.addSamples(samples);
    page.persistence.addFeatures(page.examples.featuresOf(samples));
    void page.examples.add(samples);
  }

  /** @param {string} name @returns {string} the id of the class with this name, made if need be */
  function classNamed(name) {
    const known = store.state.classes.find((entry) => entry.name === name);
    if (known) return known.id;
    const fresh = { id: newId(), name, color: freeColor(store.state.classes), enabled: true };
    store.set({ classes: [...store.state.classes, fresh] });
    return fresh.id;
  }

  /**
   * Reads files one after the other, tells how far it is, and names those that are no pictures.
   * @param {{ arrivals: Arrival[], class: string | null }} detail without a class, folders make classes
   */
  async function addFiles({ arrivals, class: target }) {
    if (arrivals.length === 0) return;
    if (target === null && isUntouched(store.state) && arrivals.some(({ folder }) => folder)) store.set({ classes: [] });
    const burst = newId();
    const reading = arrivals.length > 3 ? notices.show({ text: `Reading ${arrivals.length} files…`, progress: 0 }) : null;
    /** @type {string[]} */
    const failures = [];
    for (const [index, { file, folder }] of arrivals.entries()) {
      try {
        const kept = await readPicture(file, file.name);
        const classId = target ?? classNamed(folder || "Added pictures");
        add([{ id: newId(), class: classId, burst: arrivals.length > 1 ? `${burst}-${index}` : burst, created: Date.now() + index / 1e4, name: file.name, ...kept }]);
      } catch (error) {
        failures.push(sentenceOf(error));
      }
      if (reading) notices.progress(reading, `Reading file ${index + 1} of ${arrivals.length}`, (index + 1) / arrivals.length);
    }
    if (reading) notices.dismiss(reading);
    const others = arrivals.length - failures.length;
    const rest = others > 0 ? ` ${others === 1 ? "The other picture was" : `The other ${others} pictures were`} added.` : "";
    if (failures.length > 0) notices.trouble(failures.slice(0, 3).join(" ") + (failures.length > 3 ? ` ${failures.length - 3} more files could not be read.` : "") + rest);
  }

  /** Draws the demo's classes picture by picture; every picture of the set is a burst of its own. */
  async function demo() {
    const reading = notices.show({ text: "Drawing the demo's pictures…", progress: 0 });
    try {
      const classes = await loadDemo();
      if (isUntouched(store.state)) store.set({ classes: [] });
      const next = random(store.state.settings.seed);
      const count = demoCountInAddress();
      const canvas = new OffscreenCanvas(DEMO_SIDE, DEMO_SIDE);
      for (let index = 0; index < count; index += 1) {
        for (const entry of classes) {
          const { seen } = parts(entry);
          const which = index % seen.length;
          drawDemo(canvas, /** @type {ImageBitmap} */ (seen[which]), randomPose(next));
          add([{ id: newId(), class: classNamed(entry.name), burst: `demo-${entry.name}-${which}`, created: Date.now() + index / 1e4, name: "", ...(await keepPicture(canvas)) }]);
        }
        notices.progress(reading, `Drawing the demo's pictures: ${(index + 1) * classes.length} of ${count * classes.length}`, (index + 1) / count);
      }
      if (store.state.source.kind !== "demo") await page.source.startDemo();
    } catch (error) {
      notices.trouble(sentenceOf(error));
    }
    notices.dismiss(reading);
  }

  return {
    addSamples: add,
    removeSamples: remove,
    putBack,
    events: {
      "record-start": (/** @type {{ class: string }} */ detail) => void page.recorder.begin(detail.class),
      "record-end": () => page.recorder.end(),
      "record-rate": (/** @type {number} */ rate) => store.set({ recordRate: rate }),
      "files-add": (/** @type {{ arrivals: Arrival[], class: string | null }} */ detail) => void addFiles(detail),
      "demo-start": () => void demo(),
      "sample-remove": (/** @type {string} */ id) => {
        const sample = store.state.samples.find((entry) => entry.id === id);
        if (sample) remove([sample], "One picture removed.");
      },
      "class-clear": (/** @type {string} */ id) => {
        const samples = samplesOf(store.state.samples, id);
        if (samples.length > 0) remove(samples, `${samples.length} pictures removed from ${page.nameOf(id)}.`);
      },
      "class-download": async (/** @type {string} */ id) => {
        try {
          const { writeClass } = await archive();
          save(await writeClass(samplesOf(store.state.samples, id)), `${fileName(page.nameOf(id))}.zip`);
        } catch (error) {
          notices.trouble(sentenceOf(error));
        }
      },
    },
  };
}
