// What a person does with classes and with the project as a whole.

import { sentenceOf } from "../engine.js";
import { fileName, save } from "../files.js";
import { archive } from "../late.js";
import { sameChoice } from "../networks.js";
import { freeColor } from "../palette.js";
import { projectOf, samplesOf } from "../project.js";
import { DEFAULT_SETTINGS, NO_TRAINING, freshClasses, newId } from "../store.js";

/** @typedef {import("../types").ClassEntry} ClassEntry */
/** @typedef {import("../types").Project} Project */
/** @typedef {import("../types").Sample} Sample */
/** @typedef {import("../types").Page} Page */

/** @param {Page} page */
export function projectActions(page) {
  const { store, notices } = page;

  /** @param {string} id @param {Partial<ClassEntry>} fields */
  function change(id, fields) {
    store.set({ classes: store.state.classes.map((entry) => (entry.id === id ? { ...entry, ...fields } : entry)) });
  }

  /** @param {string} id */
  function removeClass(id) {
    const { classes, samples } = store.state;
    const position = classes.findIndex((entry) => entry.id === id);
    const gone = classes[position];
    if (!gone) return;
    const inside = samplesOf(samples, id);
    store.set({ classes: classes.filter((entry) => entry.id !== id), samples: samples.filter((sample) => sample.class !== id), changed: store.state.head !== null });
    page.persistence.removeSamples(inside.map((sample) => sample.id));
    void page.examples.remove(inside.map((sample) => sample.id));
    notices.undoable(`${gone.name} removed${inside.length > 0 ? ` with its ${inside.length} pictures` : ""}.`, () => {
      store.set({ classes: store.state.classes.toSpliced(position, 0, gone) });
      page.putBack(inside);
    });
  }

  /** Puts another project in the place of the open one. @param {Project} project @param {Sample[]} samples */
  async function replace(project, samples) {
    page.comparison.stop();
    await Promise.all([page.training.abandon(), page.runs.abandon()]);
    const before = store.state.samples.map((sample) => sample.id);
    page.persistence.removeSamples(before);
    await page.examples.remove(before);
    store.set({
      project: { ...store.state.project, id: project.id, name: project.name },
      classes: project.classes,
      settings: project.settings,
      samples,
      head: project.head,
      training: { ...NO_TRAINING, history: project.head?.history ?? [], split: project.head?.split ?? null },
      predicting: { ...store.state.predicting, result: null, still: null },
      changed: false,
      cell: null,
    });
    page.persistence.addSamples(samples);
    page.persistence.addFeatures(page.examples.featuresOf(samples));
    await page.examples.add(samples);
    const same = sameChoice(project.choice, store.state.choice);
    if (store.state.engine.phase !== "ready") {
      // What is being loaded is given the head when it is ready; another network is loaded instead of it.
      if (same) return;
      store.set({ choice: project.choice });
      return page.engine.start();
    }
    // Where the project's network cannot be had, the head of another one is refused with a sentence.
    if (same || !(await page.useNetwork(project.choice, project.head))) await page.training.restore();
  }

  /** @param {Project} project @param {Sample[]} samples @param {string} said */
  async function replaceUndoably(project, samples, said) {
    const before = { project: projectOf(store.state), samples: store.state.samples };
    // What could be taken back belongs to the project that goes.
    notices.forgetUndo();
    await replace(project, samples);
    notices.undoable(said, () => void replace(before.project, before.samples));
  }

  return {
    events: {
      "class-add": () => {
        const { classes } = store.state;
        let number = classes.length + 1;
        while (classes.some((entry) => entry.name === `Class ${number}`)) number += 1;
        store.set({ classes: [...classes, { id: newId(), name: `Class ${number}`, color: freeColor(classes), enabled: true }] });
      },
      "class-rename": (/** @type {{ id: string, name: string }} */ { id, name }) => change(id, { name }),
      "class-recolour": (/** @type {{ id: string, color: number }} */ { id, color }) => change(id, { color }),
      "class-enable": (/** @type {{ id: string, enabled: boolean }} */ { id, enabled }) => {
        change(id, { enabled });
        store.set({ changed: store.state.head !== null });
      },
      "class-remove": removeClass,
      "project-rename": (/** @type {string} */ name) => store.patch("project", { name }),
      "project-save": async () => {
        const { state } = store;
        try {
          const { writeProject } = await archive();
          const blob = await writeProject(projectOf(state), state.samples, page.examples.featuresOf(state.samples), state.engine.network);
          save(blob, `${fileName(state.project.name)}.headstart.zip`);
        } catch (error) {
          notices.trouble(sentenceOf(error));
        }
      },
      "project-open": async (/** @type {File} */ file) => {
        const reading = notices.show({ text: `Opening ${file.name}…`, progress: 0.5 });
        try {
          const { readProject } = await archive();
          const { project, samples, features, skipped, headless } = await readProject(file, file.name);
          page.examples.remember(features);
          await replaceUndoably(project, samples, `${project.name} is open: ${project.classes.length} classes, ${samples.length} pictures.`);
          if (skipped > 0) notices.trouble(`${skipped} pictures in ${file.name} were damaged and left out.`);
          if (headless) notices.trouble(`What was learned is damaged in ${file.name} and was left out: press Train to learn from the pictures again.`);
        } catch (error) {
          notices.trouble(sentenceOf(error));
        }
        notices.dismiss(reading);
      },
      "project-new": () => void replaceUndoably({ id: newId(), name: "My project", classes: freshClasses(), settings: DEFAULT_SETTINGS, head: null, choice: store.state.choice }, [], "A new, empty project is open."),
    },
  };
}
