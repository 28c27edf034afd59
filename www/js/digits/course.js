// How the learning rate changes over a round of learning: the engine's schedules for a lesson that has no end. A round has
// so many passes over all digits; the next one begins anew (Loshchilov and Hutter 2017). Pure.

/** @typedef {import("./types").Settings} Settings */

/** Part of a round in which one cycle rises, and what it rises from. */
const RISE = 0.3;
const START = 1 / 25;

/** Digits of a round; without an end where the rate does not change. @param {Settings} settings @param {number} count digits there are */
export function round({ schedule, passes }, count) {
  return schedule === "constant" ? Infinity : passes * count;
}

/** The share of the learning rate with which a step is made after so many digits. @param {Settings} settings @param {number} seen @param {number} count */
export function shareAt(settings, seen, count) {
  const { schedule, warmup } = settings;
  const length = round(settings, count);
  const inside = seen % length;
  const share = Number.isFinite(length) ? inside / length : 0;
  if (schedule === "oneCycle") return share < RISE ? between(START, 1, share / RISE) : between(1, 0, (share - RISE) / (1 - RISE));
  const risen = warmup > 0 ? Math.min(1, (inside + 1) / warmup) : 1;
  if (schedule === "step") return risen * (share < 0.5 ? 1 : share < 0.75 ? 0.1 : 0.01);
  return risen * (schedule === "cosine" ? between(1, 0, share) : 1);
}

/** From one value to another along half a cosine. @param {number} from @param {number} to @param {number} share */
function between(from, to, share) {
  return to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
}
