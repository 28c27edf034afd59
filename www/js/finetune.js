// One run of fine-tuning from the page's side: shows the engine the pictures, then follows its epochs. Knows the worker's
// calls, neither the table of state nor the DOM.

/** @typedef {import("./types").FineTuneSettings} FineTuneSettings */
/** @typedef {import("./types").Sample} Sample */
/** @typedef {import("./types").EpochResult} EpochResult */
/** @typedef {import("./types").Split} Split */

/**
 * @typedef {object} Listener what a run tells on its way
 * @property {(done: number, total: number) => void} [onPicture]
 * @property {(split: Split, history: EpochResult[]) => void} [onStart]
 * @property {(progress: import("./types").StepProgress) => void} [onStep]
 * @property {(result: EpochResult) => void} [onEpoch]
 * @property {(bytes: Uint8Array, epoch: number) => void} [onCheckpoint]
 */

/**
 * Opens the network at the settings' cut and shows it the pictures; answers false if it was stopped on the way.
 * @param {import("./engine").EngineClient} engine @param {FineTuneSettings} settings @param {Sample[]} samples
 * @param {(done: number, total: number) => void} onPicture @param {() => boolean} stopped
 */
export async function showPictures(engine, settings, samples, onPicture, stopped) {
  await engine.service.tuneOpen(settings);
  for (const [index, sample] of samples.entries()) {
    if (stopped()) return false;
    onPicture(index, samples.length);
    const bitmap = await createImageBitmap(sample.blob);
    await engine.service.tuneAdd(engine.give(bitmap), { id: sample.id, class: sample.class, burst: sample.burst });
  }
  return !stopped();
}

/**
 * A run over the pictures that were shown.
 * @param {import("./engine").EngineClient} engine @param {FineTuneSettings} settings @param {Uint8Array | null} checkpoint
 * @param {Listener} listener
 */
export async function runEpochs(engine, settings, checkpoint, { onStart, onStep, onEpoch, onCheckpoint }) {
  // What is heard on the way comes through ports of its own and may arrive after the result, which counts.
  let learning = true;
  const hear = (/** @type {((...heard: any[]) => void) | undefined} */ listen) => engine.hear((/** @type {any[]} */ ...heard) => void (learning && listen?.(...heard)));
  try {
    return await engine.service.tuneRun(settings, checkpoint, hear(onStart), hear(onStep), hear(onEpoch), onCheckpoint ? hear(onCheckpoint) : null);
  } finally {
    learning = false;
  }
}
