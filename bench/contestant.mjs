/**
 * Headstart as a contestant of a peer benchmark: the engine of a built page, run directly in the benchmark's page.
 *
 * The benchmark serves `dist` under /own/, hands over its models as safetensors and asks for logits. README.md tells how
 * to start it.
 */

/** The benchmark's names of networks, where the engine has another. */
const NETWORKS = { resnet18_64: "resnet18" };

/** The benchmark's LeNet-5 calls its layers c1 c2 f1 f2 f3, and its third convolution is a matrix of the same order. */
const LENET5_LAYERS = { c1: "conv1", c2: "conv2", f1: "conv3", f2: "fc1", f3: "fc2" };
const LENET5_SHAPES = { "conv3.weight": [120, 16, 5, 5] };

/** The network whose features are so long, because the engine trains heads of a network it has loaded. */
const NETWORK_OF_WIDTH = { 1280: "efficientnet_lite0", 512: "resnet18" };

let engine, loaded;

async function start({ backend }) {
  if (engine) return;
  const { default: init, Engine } = await import("/own/headstart.js");
  await init();
  engine = await Engine.create({ backend });
}

/** A safetensors file with its tensors renamed; the numbers stay where they are. */
function renamed(file, layers, shapes) {
  const view = new DataView(file.buffer, file.byteOffset);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const entries = Object.entries(header).map(([name, tensor]) => {
    const [layer, kind] = name.split(".");
    const own = layer in layers ? `${layers[layer]}.${kind}` : name;
    return [own, { ...tensor, shape: shapes[own] ?? tensor.shape }];
  });
  const text = JSON.stringify(Object.fromEntries(entries));
  const bytes = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const out = new Uint8Array(8 + bytes.length + file.length - 8 - length);
  new DataView(out.buffer).setBigUint64(0, BigInt(bytes.length), true);
  out.set(bytes, 8);
  out.set(file.subarray(8 + length), 8 + bytes.length);
  return out;
}

export default {
  layout: "NCHW",

  async load(model, options) {
    // The engine starts while the weights are under way, as on any page.
    const download = fetch(model.safetensors).then(answer => answer.blob());
    const [file] = await Promise.all([download, start(options)]);
    const weights = model.key === "lenet5" ? renamed(new Uint8Array(await file.arrayBuffer()), LENET5_LAYERS, LENET5_SHAPES) : file;
    const [, height, width] = model.shape;
    await engine.load(NETWORKS[model.key] ?? model.key, weights, { classes: model.classes, height, width });
  },

  infer: (data, n) => engine.forward(data, n),

  /** Trains a head on given features. The time includes the split, the initialisation and the figures of every epoch. */
  async trainHead({ width, classes, perClass, hidden, batch, epochs, lr, features }, options) {
    await start(options);
    const network = NETWORK_OF_WIDTH[width];
    if (!network) throw new Error(`no network has features of length ${width}`);
    if (loaded !== network) await engine.load(network, null, {});
    loaded = network;
    engine.clearExamples();
    for (let i = 0; i < classes * perClass; i++) {
      const label = String(Math.floor(i / perClass));
      const row = features.slice(i * width, (i + 1) * width);
      engine.restoreExample({ id: String(i), class: label, burst: String(i), features: row });
    }
    const settings = {
      classes: Array.from({ length: classes }, (_, label) => String(label)),
      hidden, epochs, batchSize: batch, learningRate: lr, l2: 0, validationShare: 0.15, seed: 9, optimizer: "adam", momentum: 0,
    };
    const started = performance.now();
    engine.startTraining(settings);
    let last;
    do last = engine.trainEpoch(); while (!last.done);
    engine.finishTraining();
    const seconds = (performance.now() - started) / 1000;
    return { seconds, loss: last.loss, acc: last.accuracy, valAcc: last.validationAccuracy };
  },

  /** A whole step on a batch of noise, from fresh weights: forward, backward, SGD, and the loss back in JavaScript. */
  async trainStep({ net, side, batch, classes }, options) {
    await start(options);
    await engine.load(net, null, { classes, height: side, width: side });
    const trainer = await engine.trainer({ optimizer: "sgd", learningRate: 0.01, momentum: 0 });
    const channels = net === "lenet5" ? 1 : 3;
    const pictures = Float32Array.from({ length: batch * channels * side * side }, () => Math.random() * 2 - 1);
    const labels = Uint32Array.from({ length: batch }, (_, i) => i % classes);
    return {
      step: () => trainer.step(pictures, labels),
      forward: async () => { await engine.forward(pictures, batch); },
    };
  },
};
