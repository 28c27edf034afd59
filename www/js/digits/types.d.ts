// The types of the view in which LeNet-5 learns to read digits. Nothing here exists at run time.

import type { Digits } from "./idx.js";

/**
 * How a run is started and how it goes on; the seed decides the first numbers, the order of the digits and how they are
 * changed. `passes` make a round of the schedule, and `warmup` is in digits; corrections of any length at a
 * `clipNorm` of 0, and the last weights at an `average` of 0.
 */
export interface Settings { learningRate: number; batchSize: number; seed: number; schedule: "constant" | "step" | "cosine" | "oneCycle"; passes: number; warmup: number; clipNorm: number; average: number; turn: boolean; cover: boolean }

/** How the network does on the digits kept apart, after having seen so many to learn from. */
export interface Check { seen: number; loss: number; accuracy: number }
/** Of every digit kept apart: what the network takes it for, and how sure it is of that. */
export interface Reading { guesses: Uint8Array; shares: Float32Array }
/** What the engine tells while it learns. */
export interface Progress { seen: number; rate: number; loss: number; filters: Float32Array }

/** A run as it is kept: `state` is everything that the engine needs to go on. */
export interface Run { state: Uint8Array; seen: number; checks: Check[]; settings: Settings; start: "random" | "trained" }
/** What is kept between visits; `files` are digits that the user gave. */
export interface Kept { run: Run | null; files: { name: string; content: Blob }[] }

export interface DigitsState {
  phase: "closed" | "starting" | "ready" | "failed";
  /** What went wrong, or "". */
  sentence: string;
  backend: string;
  /** `own` are digits from files of the user's; `count` are there to learn from. */
  data: { own: boolean; count: number; held: Digits } | null;
  settings: Settings;
  start: "random" | "trained";
  running: boolean;
  seen: number;
  rate: number;
  /** On the last digits that were learned from. */
  loss: number | null;
  checks: Check[];
  reading: Reading | null;
  /** The digit whose mistakes are shown. */
  asked: number | null;
  /** Six of 5 x 5, one after another. */
  filters: Float32Array | null;
  /** One digit in some of the ways in which it may be shown. */
  variants: Uint8Array[];
  /** What is on the pad, as the network sees it; `truth` is known of examples. */
  pad: { pixels: Uint8Array | null; truth: number | null; shares: Float32Array | null };
}
