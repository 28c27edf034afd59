// Numbers drawn from a seed. Knows nothing of what they decide.

/** A small seeded generator of numbers from 0 to below 1: the same seed draws the same ones. Mulberry32, by Tommy Ettinger. @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** One seed of several numbers, different where any of them is. @param {...number} parts */
export function seedOf(...parts) {
  return parts.reduce((seed, part) => Math.imul(seed ^ Math.imul(part + 1, 0x85ebca6b), 0x9e3779b1) + 0x7f4a7c15, 0) >>> 0;
}
