// Fine-tuning of the stand-in engine: the same softmax regression as its head, slowed down to be watched and stopped.
// A learning rate of 1 or more diverges, as it would.

/** @param {any} Engine the stand-in, whose training this borrows */
export function fakeTuning(Engine) {
  return class FineTuning {
    constructor(engine, settings) {
      this.inner = new Engine();
      Object.assign(this.inner, { loaded: engine.loaded, examples: new Map() });
      this.host = engine;
      this.settings = settings;
    }
    async add(picture, example) {
      return this.inner.addExample(picture, example);
    }
    async restore(example) {
      this.inner.restoreExample(example);
    }
    async begin(settings) {
      this.at = 0;
      this.history = [];
      this.settings = settings;
      const split = this.inner.startTraining(settings);
      const { run } = this.inner;
      if (settings.perClass) run.training = settings.classes.flatMap((id) => run.training.filter((example) => example.class === id).slice(0, settings.perClass));
      this.steps = Math.max(1, Math.ceil(split.training / settings.batchSize));
      return split;
    }
    async resume(bytes) {
      const { settings, history, weights } = JSON.parse(new TextDecoder().decode(bytes));
      const split = await this.begin(settings);
      this.inner.run.weights = weights.map((row) => Float32Array.from(row));
      this.inner.run.epoch = history.length;
      this.history = history;
      return { ...split, history: [...history] };
    }
    async step() {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (this.host.lost) await new Promise(() => undefined);
      this.at += 1;
      const progress = { epoch: this.history.length + 1, step: this.at, steps: this.steps, loss: 1, report: null };
      if (this.settings.learningRate >= 1) {
        const report = { epoch: 0, epochs: this.settings.epochs, loss: 1, accuracy: 0.3, validationLoss: 1, validationAccuracy: 0.3, done: true, note: "Training stopped in epoch 1 because its numbers grew beyond all bounds; what was learned before is kept. Choose a learning rate below 1." };
        return { ...progress, report };
      }
      if (this.at < this.steps) return progress;
      this.at = 0;
      const report = { ...this.inner.trainEpoch(), note: null };
      this.history.push(report);
      return { ...progress, report };
    }
    async checkpoint() {
      const { settings, history, inner } = this;
      return new TextEncoder().encode(JSON.stringify({ settings, history, weights: inner.run.weights.map((row) => [...row]) }));
    }
    async finish() {
      const evaluation = this.inner.finishTraining();
      return { file: this.inner.exportHead(), evaluation };
    }
    dispose() {}
  };
}

/** Half of the variants mirrored, and each with a stripe of its own where anything but mirroring is asked for. @param {ImageBitmap} picture @param {{ kind: string }[]} changes @param {number} count */
export function fakeVariants(picture, changes, count) {
  const side = 48;
  return Array.from({ length: count }, (_, at) => {
    const pen = new OffscreenCanvas(side, side).getContext("2d");
    if (at % 2 === 1 && changes.some(({ kind }) => kind === "horizontal_flip")) pen.setTransform(-1, 0, 0, 1, side, 0);
    pen.drawImage(picture, 0, 0, side, side);
    if (changes.some(({ kind }) => kind !== "horizontal_flip")) pen.fillRect(at * 5, 0, 5, side);
    return { data: pen.getImageData(0, 0, side, side).data, width: side, height: side };
  });
}

/** What training from a cut would cost, by the stages after it; batches beyond 256 are too large. @param {any} loaded @param {any} settings */
export function fakeCost({ stages, parameters, featureLength }, { cut, batchSize, classes, recompute }) {
  const from = cut === "image" ? 0 : cut === "features" ? stages.length : stages.findIndex((stage) => stage.name === cut) + 1;
  const trained = stages.slice(from).reduce((sum, stage) => sum + stage.parameters, (featureLength + 1) * classes.length);
  const [keptBytes, recomputedBytes] = [1, 0.7].map((share) => trained * 16 + share * batchSize * 1e5 * (stages.length - from));
  const fits = batchSize <= 256 || (recompute && batchSize <= 400);
  const again = recompute || batchSize > 400 ? "" : "save memory by computing again what is cheap, which needs 2000 MB, ";
  const sentence = fits ? null : `training from ${cut} in batches of ${batchSize} needs 9000 MB, and 2148 MB are there; ${again}choose batches of 256 or less, or train the head alone`;
  return { trained, parameters, bytes: recompute ? recomputedBytes : keptBytes, keptBytes, recomputedBytes, pictureBytes: 6e5, fits, sentence, largestBatch: fits ? null : 256, deepestCut: fits ? null : "features" };
}
