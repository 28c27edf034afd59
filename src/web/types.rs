//! The records of the JavaScript API, as TypeScript reads them in `headstart.d.ts`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** RGBA of any size, upright; the engine resizes, crops and normalises it as the network expects. */
export type Picture = ImageData | ImageBitmap | { data: Uint8ClampedArray | Uint8Array, width: number, height: number };

export interface CreateOptions {
  /** "auto" takes WebGPU where there is a real graphics device and the CPU elsewhere. */
  backend?: "auto" | "webgpu" | "cpu";
  /** Called with a sentence when the graphics device is gone; create a new engine then. */
  onLost?: (sentence: string) => void;
  /** What `tuning()` returned on this device, so that kernels need not be measured again. */
  tuning?: string | null;
}

export interface TrainerOptions {
  /** What comes after it is trained: a layer or block by its dotted name, "features", or "image" for everything. */
  cut?: string;
  /** As PyTorch has them. */
  optimizer?: "sgd" | "adam" | "adamw";
  /** 0.01 for sgd and 0.001 for the others, if not given. */
  learningRate?: number;
  /** Of sgd, 0.9 if not given. */
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
  /** Share of the target that is spread over all classes. */
  labelSmoothing?: number;
  /** Gradients whose norm, all together, is larger are made as long as this; none are, if not given. */
  clipNorm?: number;
  /** Computes again what is cheap instead of keeping it: less memory, a little more time, the same numbers. */
  recompute?: boolean;
  /** "train" normalises by each batch, "frozen" by the running statistics, which then stay as they are. */
  batchNorm?: "train" | "frozen";
  /** Whether dropout drops anything; what it drops, the seed decides. */
  dropout?: boolean;
  seed?: number;
}

export interface EngineInfo {
  backend: "webgpu" | "cpu";
  adapter: string;
  reason: string;
  /** Ready to show: "WebGPU · NVIDIA…" or "CPU · this browser has no WebGPU". */
  label: string;
  version: string;
  lost: boolean;
  /** Of WebAssembly's memory, at its largest so far. */
  heapBytes: number;
}

export interface ModelInfo {
  id: string;
  title: string;
  /** What it is a variant of: "ResNet". */
  family: string;
  year: number;
  paper: string;
  /** Layers with weights from the image to the logits, as the paper counts them. */
  depth: number;
  /** The paper's own figures, where it gives them. */
  figures: { parameters: number | null, macs: number | null };
  /** What published weights were trained on: "ImageNet", "CIFAR-10", "MNIST". */
  dataset: string;
  /** Percent of the dataset's pictures for testing that published weights get right, and whose weights. */
  accuracy: { top1: number, source: string } | null;
  parameters: number;
  /** Multiply-accumulates per picture. */
  macs: number;
  /** The same two without the classifier: what `part: "trunk"` loads. */
  trunkParameters: number;
  trunkMacs: number;
  /** Bytes of the trunk's activations that are held at once, for one picture; weights come on top. */
  activationBytes: number;
  input: { channels: number, height: number, width: number };
  classes: number;
  featureLength: number;
  /** Length of the features when the trunk alone is loaded. */
  trunkFeatureLength: number;
  weights: { file: string, bytes: number, sha256: string, licence: string } | null;
}

/** Counts, classes (0 for a trunk) and sizes are those of what was loaded. */
export interface NetworkInfo extends ModelInfo {
  /** Whether it was loaded without its classifier; `classify` and `forward` fail then. */
  trunk: boolean;
  pretrained: boolean;
  /** Changes when cached features are no longer valid. */
  fingerprint: string;
  loadMs: number;
  /** In data-flow order, from the image to the head. */
  stages: Stage[];
}

export interface Stage {
  name: string;
  title: string;
  /** [n, c, h, w] for one picture. */
  shape: [number, number, number, number];
  parameters: number;
  macs: number;
  /** Side of the square of input pixels that one value sees; 0 is the whole picture. */
  receptiveField: number;
  /** Index of its last layer in the architecture's nodes. */
  node: number;
}

/** What a diagram of a network is drawn from. */
export interface Architecture {
  /** Inputs precede their readers; the first is the image. */
  nodes: {
    name: string,
    /** "Conv2d", "Add", "Concat" and so on. */
    kind: string,
    /** Indices of the nodes it reads. */
    inputs: number[],
    shape: [number, number, number, number],
    parameters: number,
    macs: number,
    receptiveField: number,
    /** Side of the square that one value sees of the layer's own input, and pixels from one to the next. */
    kernel: number,
    stride: number,
    /** Dotted name of the innermost block it is in, `layer1.0` for instance. */
    block: string | null,
  }[];
  stages: Stage[];
}

/** A file of weights, read piece by piece: a Blob (a File, for instance), or bytes that nobody changes afterwards. */
export type WeightsFile = Uint8Array | ArrayBuffer | Blob;

/** What a file of weights is for. */
export interface Inspection {
  /** The network that the file was held against, if it fits, and how much of it the file has. */
  fits: string | null;
  part: "whole" | "trunk" | null;
  /** Where it does not fit: why, in one sentence, and every tensor that differs, a line each. */
  sentence: string;
  details: string;
  nearest: { id: string, title: string, differences: number } | null;
}

export interface LoadOptions {
  seed?: number;
  /** "trunk" leaves the classifier out: all that transfer learning needs. "whole" if not given. */
  part?: "whole" | "trunk";
  /** Another class count starts the last layer afresh. */
  classes?: number;
  height?: number;
  width?: number;
  /** Hexadecimal, of a single file; the weights are refused if theirs is another. */
  sha256?: string;
  onProgress?: (phase: "verify" | "read" | "kernels" | "tune" | "upload", done: number, total: number) => void;
}

export interface Guess { index: number; label: string; probability: number }

export interface FeatureMaps {
  stage: string;
  channels: number;
  height: number;
  width: number;
  /** At most `count` channels of height x width, one after another. */
  tiles: Uint8Array;
}

export interface ExampleInfo {
  id: string;
  class: string;
  /** One hold of the record button or one upload: its pictures stay together when some are held out. */
  burst: string;
}

export interface TrainingSettings {
  /** Ids of the classes to tell apart, two or more. */
  classes: string[];
  /** Units of the hidden layer; 0 is a linear head. */
  hidden: number;
  epochs: number;
  batchSize: number;
  learningRate: number;
  l2: number;
  /** Share of the examples held out to measure with, 0 to 0.9. */
  validationShare: number;
  seed: number;
  optimizer: "adam" | "sgd";
  momentum: number;
}

export interface TrainingStart { training: number; validation: number; note: string | null }

export interface EpochReport {
  epoch: number;
  epochs: number;
  loss: number;
  accuracy: number;
  validationLoss: number | null;
  validationAccuracy: number | null;
  done: boolean;
  note: string | null;
}

export interface FineTuningSettings extends TrainingSettings {
  /** What comes after it is trained: a stage, layer or block by its dotted name, "features", or "image" for everything. */
  cut: string;
  /** Starts from random numbers instead of the loaded weights. */
  fresh?: boolean;
  /** Examples of each class that are learned from at most; the held-out ones stay what they are. */
  perClass?: number | null;
  /** Everything that is drawn but the held-out examples; that of the training settings if not given. */
  runSeed?: number | null;
  /** Gradients whose norm, all together, is larger are made as long as this; none are at 0, or if not given. */
  clipNorm?: number;
  /** Computes again what is cheap instead of keeping it: less memory, a little more time, the same numbers. */
  recompute?: boolean;
  /** The course of the learning rate; "constant", if not given. */
  schedule?: "constant" | "step" | "cosine" | "oneCycle";
  /** Epochs during which the learning rate rises from nothing; one cycle rises by itself. */
  warmup?: number;
  /** How much of the average of the weights stays when an epoch's are added, 0 to 0.999; the average is what is kept. */
  average?: number;
  /** How pictures are changed before they are learned from, each kind once at most and in the order of `Change`. */
  augmentation?: Change[];
}

/** As in a recipe, with torchvision's meaning and defaults. */
export type Change =
  | { kind: "random_resized_crop", scale?: [number, number], ratio?: [number, number] }
  | { kind: "horizontal_flip", probability?: number }
  | { kind: "rotation", degrees: number }
  | { kind: "colour_jitter", brightness?: number, contrast?: number, saturation?: number, hue?: number }
  | { kind: "cutout", side: number };

export interface TrainingCost {
  /** Values that training changes, and values of the whole network. */
  trained: number;
  parameters: number;
  /** Of everything that is held while training, but for the pictures; and of what is kept of each picture. */
  bytes: number;
  pictureBytes: number;
  /** The same bytes where everything is kept for the way back, and with `recompute`; one of the two is `bytes`. */
  keptBytes: number;
  recomputedBytes: number;
  fits: boolean;
  /** Where it does not fit: why, and what would. */
  sentence: string | null;
  largestBatch: number | null;
  deepestCut: string | null;
}

export interface StepReport {
  /** Of the epoch under way, both counted from 1. */
  epoch: number;
  step: number;
  steps: number;
  /** Mean over the batches since it was read last; null where it was not: reading waits for the device. */
  loss: number | null;
  report: EpochReport | null;
}

export interface Evaluation {
  classes: string[];
  /** Rows are the truth, columns the prediction. */
  confusion: number[][];
  perClass: (number | null)[];
  accuracy: number | null;
  /** Truth and prediction are class ids. */
  validation: { id: string, truth: string, predicted: string, probability: number }[];
}

export interface Prediction { classes: string[]; probabilities: Float32Array; ms: number }

export interface SelfTestResult { name: string; error: number; tolerance: number; ok: boolean }
"#;
