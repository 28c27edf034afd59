// What makes up a project, and how two of them compare. Pure.

/** @typedef {import("./types").Project} Project */
/** @typedef {import("./types").State} State */

/** The saved part of the state, without the samples. @param {State} state @returns {Project} */
export function projectOf(state) {
  return { id: state.project.id, name: state.project.name, classes: state.classes, settings: state.settings, head: state.head, choice: state.choice };
}

/** Whether nothing that is saved differs; entries of the state are replaced, never changed in place. @param {Project} one @param {Project} other */
export function sameProject(one, other) {
  return one.id === other.id && one.name === other.name && one.classes === other.classes && one.settings === other.settings && one.head === other.head && one.choice === other.choice;
}

/** Whether nobody has put anything in yet. @param {State} state */
export function isUntouched(state) {
  return state.samples.length === 0 && state.head === null && state.classes.length === 2 && state.classes.every((entry) => /^Class [12]$/.test(entry.name));
}

/** The samples of one class, newest last. @param {State["samples"]} samples @param {string} classId */
export function samplesOf(samples, classId) {
  return samples.filter((sample) => sample.class === classId);
}

/**
 * The classes, and one more for every class that samples name but nobody remembers: a tab that died between two writes
 * must not cost a picture.
 * @param {State["classes"]} classes @param {State["samples"]} samples @returns {State["classes"]}
 */
export function withLost(classes, samples) {
  const known = new Set(classes.map((entry) => entry.id));
  const lost = [...new Set(samples.map((sample) => sample.class))].filter((id) => !known.has(id));
  return [...classes, ...lost.map((id, index) => ({ id, name: "Recovered pictures", color: (classes.length + index) % 8, enabled: true }))];
}
