// The types the page is checked against: the engine's protocol (the public methods of `web::Engine`) and the
// page's one state table. Nothing here exists at run time.

export type Picture = ImageData | ImageBitmap;

export interface EngineInfo { backend: "webgpu" | "cpu"; adapter: string; reason: string; label: string; version: string; lost: boolean }

export interface ModelInfo {
  id: string; title: string; family: string; year: number; paper: string; depth: number;
  figures: { parameters: number | null; macs: number | null }; accuracy: { top1: number; source: string } | null;
  parameters: number; macs: number; trunkParameters: number; trunkMacs: number; activationBytes: number;
  input: { channels: number; height: number; width: number };
  /** `dataset`: what the published weights learned from, and what their accuracy is measured on. */
  classes: number; dataset: string; featureLength: number; trunkFeatureLength: number;
  weights: { file: string; bytes: number; sha256: string; licence: string } | null;
}

/** `node` is the index of its last layer. */
export interface Stage { name: string; title: string; shape: [number, number, number, number]; parameters: number; macs: number; receptiveField: number; node: number }
/** One layer: `kernel` and `stride` where it slides over its input; `block` is the dotted name of what it belongs to. */
export interface LayerNode { name: string; kind: string; inputs: number[]; shape: [number, number, number, number]; parameters: number; macs: number; receptiveField: number; block: string | null; kernel: number; stride: number }
export interface Architecture { nodes: LayerNode[]; stages: Stage[] }
export interface NetworkInfo extends ModelInfo { trunk: boolean; pretrained: boolean; fingerprint: string; loadMs: number; stages: Stage[] }
export interface Guess { index: number; label: string; probability: number }
export interface FeatureMap { stage: string; channels: number; height: number; width: number; tiles: Uint8Array }

export interface TrainSettings {
  hidden: number; epochs: number; batchSize: number; learningRate: number; l2: number; validationShare: number;
  seed: number; optimizer: "adam" | "sgd"; momentum: number;
  /** Where the dial stands: what comes after it is trained; and whether that starts from random numbers. */
  cut: string; fresh: boolean;
  /** The course of the learning rate, and the epochs during which it rises from nothing. */
  schedule: "constant" | "step" | "cosine" | "oneCycle"; warmup: number;
  /** How much of the average of weights stays at the end of an epoch, and the longest correction; none at 0. */
  average: number; clipNorm: number;
  /** Whether what is cheap is computed again instead of being kept. */
  recompute: boolean;
  /** How pictures are changed before they are learned from. */
  augmentation: import("./augment").Change[];
}
/** `perClass` and `runSeed` are for comparisons: fewer pictures, drawn anew. */
export interface FineTuneSettings extends TrainSettings { classes: string[]; perClass?: number | null; runSeed?: number | null }
/** As in a recipe. */
export type PictureChange =
  | { kind: "random_resized_crop"; scale: [number, number]; ratio: [number, number] }
  | { kind: "horizontal_flip"; probability: number }
  | { kind: "rotation"; degrees: number }
  | { kind: "colour_jitter"; brightness: number; contrast: number; saturation: number; hue: number }
  | { kind: "cutout"; side: number };
export type EngineSettings = Omit<FineTuneSettings, "augmentation"> & { augmentation: PictureChange[] };
export interface TrainingCost { trained: number; parameters: number; bytes: number; pictureBytes: number; keptBytes: number; recomputedBytes: number; fits: boolean; sentence: string | null; largestBatch: number | null; deepestCut: string | null }
export interface StepProgress { epoch: number; step: number; steps: number }
export interface FineTuning {
  add(picture: Picture, example: { id: string; class: string; burst: string }): Promise<{ features: Float32Array; ms: number }>;
  restore(example: { id: string; class: string; burst: string; features: Float32Array }): Promise<void>;
  begin(settings: EngineSettings): Promise<Split>;
  resume(bytes: Uint8Array): Promise<Split & { history: EpochResult[] }>;
  step(): Promise<StepProgress & { loss: number | null; report: EpochResult | null }>;
  checkpoint(): Promise<Uint8Array>;
  finish(): Promise<{ file: Uint8Array; evaluation: Evaluation }>;
  dispose(): void;
}
/** Measured with this batch at a cut after which so many multiplications are trained, of the network of this fingerprint. */
export interface Pace { fingerprint: string; cut: string; stepMs: number; frozenMs: number; batch: number; macs: number }
/** One way of training among others on the same pictures. */
export interface RunRow { id: string; name: string; settings: TrainSettings; step: "waiting" | "running" | "done" | "stopped"; trained: number | null; history: EpochResult[]; accuracy: number | null; ms: number | null }
/** Accuracies by number of pictures, one for each draw of them. */
export interface LearningCurve { sizes: number[]; lines: { id: string; name: string; points: number[][] }[] }
/** What a checkpoint is of; samples in the order in which they were shown. */
export interface Unfinished { project: string; fingerprint: string; settings: TrainSettings; classes: ClassEntry[]; samples: string[]; epoch: number }
export interface EpochResult { epoch: number; epochs: number; loss: number; accuracy: number; validationLoss: number | null; validationAccuracy: number | null; done: boolean; note: string | null }
export interface Split { training: number; validation: number; note: string | null }
export interface Evaluation {
  classes: string[]; confusion: number[][]; perClass: (number | null)[]; accuracy: number;
  validation: { id: string; truth: string; predicted: string; probability: number }[];
}
export interface Prediction { classes: string[]; probabilities: Float32Array; ms: number }
export interface SelfTestCase { name: string; error: number; tolerance: number; ok: boolean }
export type LoadPhase = "verify" | "read" | "kernels" | "tune" | "upload";

export interface Engine {
  info(): EngineInfo;
  models(): ModelInfo[];
  architecture(id?: string | null): Architecture;
  load(id: string, weights: Uint8Array | Blob | Blob[] | null, options?: { seed?: number; part?: "whole" | "trunk"; classes?: number; height?: number; width?: number; sha256?: string; onProgress?: (phase: LoadPhase, done: number, total: number) => void }): Promise<NetworkInfo>;
  inspect(weights: Blob, id?: string | null): Promise<Inspection>;
  network(): NetworkInfo;
  classify(picture: Picture): Promise<Guess[]>;
  featureMaps(picture: Picture, count: number): Promise<FeatureMap[]>;
  addExample(picture: Picture, example: { id: string; class: string; burst: string }): Promise<{ features: Float32Array; ms: number }>;
  restoreExample(example: { id: string; class: string; burst: string; features: Float32Array }): void;
  removeExample(id: string): void;
  clearExamples(): void;
  startTraining(settings: TrainSettings & { classes: string[] }): Split;
  trainEpoch(): EpochResult;
  finishTraining(): Evaluation;
  evaluation(): Evaluation | null;
  trainingCost(settings: EngineSettings, room?: { memory?: number; pictures?: number }): Promise<TrainingCost>;
  fineTune(settings: EngineSettings): Promise<FineTuning>;
  variants(picture: Picture, changes: PictureChange[], seed: number, count: number): Promise<import("./components/variant-strip").Variant[]>;
  predict(picture: Picture): Promise<Prediction>;
  exportHead(): Uint8Array;
  importHead(bytes: Uint8Array): Promise<void>;
  trainer(options: { cut: string; optimizer: "sgd" | "adam" | "adamw"; learningRate: number; momentum: number; clipNorm: number; seed: number }): Promise<Trainer>;
  tuning(): string;
  selfTest(onCase?: (done: number, total: number) => void): Promise<SelfTestCase[]>;
  loseDevice(): void;
  dispose(): void;
}
/** A network in training, on copies of the loaded one's parameters. */
export interface Trainer {
  /** From the next step on. */
  learningRate: number;
  step(x: Float32Array, labels: Uint32Array): Promise<number>;
  varied(x: Float32Array, seeds: Uint32Array, changes: PictureChange[]): Promise<Float32Array>;
  /** Of which so much is kept; `predict` then answers with it, and at 0 there is none. */
  average(kept: number): Promise<void>;
  predict(x: Float32Array, batch: number): Promise<Float32Array>;
  parameter(name: string): Promise<Float32Array>;
  weights(): Promise<Uint8Array>;
  snapshot(): Promise<Uint8Array>;
  restore(snapshot: Uint8Array): Promise<void>;
  dispose(): void;
}
/**
 * What a file of weights is for: `fits` is the id of the network that it was held against and fits, and `part` how much
 * of it; else the sentence says what differs, and `details` lists all of it.
 */
export interface Inspection { fits: string | null; part: "whole" | "trunk" | null; sentence: string; details: string; nearest: { id: string; title: string; differences: number } | null }
export interface EngineModule {
  default(): Promise<unknown>;
  Engine: { create(options?: { backend?: "auto" | "webgpu" | "cpu"; onLost?: (sentence: string) => void; tuning?: string | null }): Promise<Engine> };
}

/** One kind of thing to tell apart. `color` indexes the palette. */
export interface ClassEntry { id: string; name: string; color: number; enabled: boolean }

/** One stored picture. `burst` names the hold of the record button, or the upload, it came with. */
export interface Sample {
  id: string; class: string; burst: string; created: number; name: string;
  width: number; height: number; blob: Blob; thumbnail: Blob;
}
/** What the network made of a sample: valid as long as the network's fingerprint is this one. */
export interface StoredFeatures { id: string; fingerprint: string; features: Float32Array }

/** The trained head as it is kept: bytes for the engine, and what the page shows about it. */
export interface Head {
  bytes: Uint8Array; fingerprint: string; classes: ClassEntry[]; settings: TrainSettings;
  history: EpochResult[]; evaluation: Evaluation; split: Split; stopped: boolean; ms: number;
}

export type Place = import("./weights-store").Place;
/** A network's weights on their way into the engine; without files it starts from random numbers. */
export interface Supply { files: Blob[] | null; part: "whole" | "trunk" }

/** Which network a project uses, and where its values come from: as published, random numbers, or a file of the user's. */
export interface Choice { id: string; weights: "published" | "random" | "file"; file: string; part: "whole" | "trunk";
  /** Whether the file of the user's has no classifier. */
  trunkOnly?: boolean }

export interface Project { id: string; name: string; classes: ClassEntry[]; settings: TrainSettings; head: Head | null; choice: Choice }

export type EnginePhase = "starting" | "download" | LoadPhase | "ready" | "failed";
export type View = "examples" | "network" | "predictions" | "networks" | "compare" | "digits" | "self-test";
export interface Notice { id: string; tone: "plain" | "good" | "trouble"; text: string; /** Answers `false` where it could not be done now. */
  action: { label: string; run: () => unknown } | null; progress: number | null; sticky: boolean }

/** A file of weights that fits no network, or not the one it was given to; `details` lists everything that differs. */
export interface Stranger { file: File; sentence: string; details: string; nearest: Inspection["nearest"] }

/** One network's line in the side-by-side table; figures are null until they are known. */
export interface CompareRow { id: string; choice: Choice; step: "waiting" | "loading" | "pictures" | "training" | "done" | "failed"; share: number; accuracy: number | null; ms: number | null; sentence: string }
/** `picked` are keys of choices; `conditions` are what all rows have in common. */
export interface Comparison { picked: string[] | null; rows: CompareRow[]; running: boolean; conditions: { settings: TrainSettings; pictures: number; tested: number; classes: number } | null }

/** The one table of state. Every component reads it; only actions write it. */
export interface State {
  view: View;
  theme: "system" | "light" | "dark";
  /** Every network there is, oldest first, and the layers of those that somebody looked at. */
  models: ModelInfo[];
  architectures: Record<string, Architecture>;
  choice: Choice;
  weights: { entries: import("./weights-store").Entry[]; kept: import("./weights-store").Cached[]; persisted: boolean; usage: number; quota: number };
  shelf: { speeds: Record<string, number>; measuring: { id: string; share: number } | null; waiting: string[]; sentence: string; stranger: Stranger | null };
  compare: Comparison;
  diagram: { stage: string | null; layer: string | null };
  digits: import("./digits/types").DigitsState;
  engine: { phase: EnginePhase; done: number; total: number; rate: number; sentence: string; info: EngineInfo | null; network: NetworkInfo | null; layers: Architecture | null; model: ModelInfo | null };
  project: { id: string; name: string; saved: "saved" | "saving" | "memory" };
  classes: ClassEntry[];
  samples: Sample[];
  pending: number;
  settings: TrainSettings;
  head: Head | null;
  training: { running: boolean; waiting: boolean; history: EpochResult[]; split: Split | null; sentence: string; step: StepProgress | null; shown: number | null; unfinished: Unfinished | null };
  /** Of the last picture, while somebody looks; or why there are none. */
  variants: { pictures: import("./components/variant-strip").Variant[]; sentence: string };
  runs: { rows: RunRow[]; curve: LearningCurve | null; running: boolean; share: number; sentence: string };
  dial: { cost: TrainingCost | null; pace: Pace | null; measuring: boolean; sentence: string };
  changed: boolean;
  source: { kind: "none" | "camera" | "demo"; starting: boolean; devices: { id: string; label: string }[]; device: string; mirrored: boolean; fps: number; sentence: string; subject: string };
  recording: { class: string; count: number } | null;
  recordRate: number;
  predicting: { on: boolean; result: Prediction | null; ms: number; fps: number; still: { name: string; bitmap: ImageBitmap } | null; sentence: string };
  look: { on: boolean; maps: FeatureMap[]; sentence: string };
  known: { open: boolean; guesses: Guess[]; sentence: string };
  cell: { truth: number; predicted: number } | null;
  notices: Notice[];
  selfTest: { running: boolean; done: number; total: number; cases: SelfTestCase[] | null; sentence: string };
}

/** The running page, as actions see it. */
export interface Page {
  store: import("./store").Store;
  notices: import("./notices").Notices;
  nameOf(id: string): string;
  engine: import("./engine").EngineClient;
  weights: import("./weights").Weights;
  architectures: ReturnType<typeof import("./architectures").createArchitectures>;
  paces: import("./paces").Paces;
  comparison: ReturnType<typeof import("./comparison").createComparison>;
  /** Changes the network; answers whether that worked. */
  useNetwork(choice: Choice, head: Head | null): Promise<boolean>;
  source: import("./source").Source;
  persistence: ReturnType<typeof import("./persist").createPersistence>;
  examples: ReturnType<typeof import("./examples").createExamples>;
  training: ReturnType<typeof import("./training").createTraining>;
  runs: ReturnType<typeof import("./runs").createRuns>;
  costs: ReturnType<typeof import("./costs").createCosts>;
  variants: ReturnType<typeof import("./variants").createVariants>;
  prediction: ReturnType<typeof import("./prediction").createPrediction>;
  recorder: ReturnType<typeof import("./recorder").createRecorder>;
  /** Adds samples to the project, new ones or ones that come back by undo. */
  addSamples(samples: Sample[]): void;
  putBack(samples: Sample[]): void;
}

/** A component owns one element, is handed the state after every change, and says what happened with `emit`. */
export type Component = (state: State) => void;
