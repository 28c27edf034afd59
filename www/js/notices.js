// Short messages at the foot of the page: what happened, what can be undone, what went wrong and the way on.

import { newId } from "./store.js";

/** @typedef {import("./types").Notice} Notice */
/** @typedef {ReturnType<typeof createNotices>} Notices */

const READING_TIME = 9000;

/** @param {import("./store").Store} store */
export function createNotices(store) {
  /** @param {string} id */
  function dismiss(id) {
    store.set({ notices: store.state.notices.filter((notice) => notice.id !== id) });
  }

  /** @param {Partial<Notice> & { text: string }} notice @returns {string} its id */
  function show(notice) {
    const id = newId();
    const full = { id, tone: /** @type {const} */ ("plain"), action: null, progress: null, sticky: false, ...notice };
    store.set({ notices: [...store.state.notices.filter((other) => other.text !== full.text).slice(-3), full] });
    if (!full.sticky && full.progress === null) setTimeout(() => dismiss(id), READING_TIME + full.text.length * 40);
    return id;
  }

  /** Does what a notice offers; what could not be done now is offered again. @param {string} id */
  async function act(id) {
    const notice = store.state.notices.find((entry) => entry.id === id);
    dismiss(id);
    if ((await notice?.action?.run()) === false) show({ ...notice, text: notice?.text ?? "", id: newId() });
  }

  /** @param {Notice} notice */
  const isUndo = ({ action }) => action?.label === "Undo";

  return {
    show,
    dismiss,
    act: (/** @type {string} */ id) => void act(id),
    /** @param {string} text */
    trouble: (text) => show({ text, tone: "trouble", sticky: true }),
    /** Says what was done and how to take it back. @param {string} text @param {() => unknown} run */
    undoable: (text, run) => show({ text, action: { label: "Undo", run } }),
    /** Nothing so far can be taken back any more. */
    forgetUndo: () => store.set({ notices: store.state.notices.filter((notice) => !isUndo(notice)) }),
    /** @param {string} id @param {string} text @param {number} progress 0 to 1 */
    progress(id, text, progress) {
      store.set({ notices: store.state.notices.map((notice) => (notice.id === id ? { ...notice, text, progress } : notice)) });
    },
    /** Takes back the newest thing that can be taken back. */
    undo() {
      const notice = store.state.notices.findLast(isUndo);
      if (!notice) return false;
      void act(notice.id);
      return true;
    },
  };
}
