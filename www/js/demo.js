// The demo: small open-licensed pictures drawn with random pose, size, light and background, so that the page can be
// tried without a camera. Two pictures of every class are never recorded; they only appear when predicting, so that
// the demo shows a network recognising what it has not seen. Knows nothing of classes' ids or the engine.

import { random } from "./random.js";
import { SITE } from "./site.js";

/** @typedef {{ name: string, pictures: ImageBitmap[] }} DemoClass */

const HELD_BACK = 2;
const SIDE = 320;

/** @type {Promise<DemoClass[]> | null} */
let loaded = null;

/** The pictures, fetched once. @returns {Promise<DemoClass[]>} */
export function loadDemo() {
  loaded ??= fetchDemo().catch((error) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

/** @returns {Promise<DemoClass[]>} */
async function fetchDemo() {
  try {
    const list = await (await fetch(new URL("demo-pictures.json", SITE))).json();
    return await Promise.all(
      list.classes.map(async (/** @type {{ name: string, files: string[] }} */ entry) => ({
        name: entry.name,
        pictures: await Promise.all(entry.files.map(async (file) => createImageBitmap(await (await fetch(new URL(`demo/${file}`, SITE))).blob()))),
      })),
    );
  } catch {
    throw new Error("The demo pictures could not be loaded. Check the connection and try again, or use the camera or your own pictures.");
  }
}

/** The pictures a class is recorded from, and those kept for predicting. @param {DemoClass} entry */
export function parts(entry) {
  return { seen: entry.pictures.slice(0, -HELD_BACK), fresh: entry.pictures.slice(-HELD_BACK) };
}

/** Everything random about one drawing. @param {() => number} next */
export function randomPose(next) {
  return {
    x: 0.5 + (next() - 0.5) * 0.22,
    y: 0.5 + (next() - 0.5) * 0.22,
    scale: 0.5 + next() * 0.35,
    turn: (next() - 0.5) * 1.1,
    flip: next() < 0.5,
    light: 0.8 + next() * 0.4,
    hue: next() * 360,
    hue2: next() * 360,
    tone: 25 + next() * 60,
    angle: next() * Math.PI * 2,
    blobs: Array.from({ length: 4 }, () => ({ x: next(), y: next(), r: 0.1 + next() * 0.3, hue: next() * 360, tone: 20 + next() * 60 })),
  };
}

/**
 * Draws one picture in one pose on a square canvas.
 * @param {OffscreenCanvas | HTMLCanvasElement} canvas @param {ImageBitmap} picture @param {ReturnType<typeof randomPose>} pose
 */
export function drawDemo(canvas, picture, pose) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const side = canvas.width;
  const [dx, dy] = [Math.cos(pose.angle) * side * 0.5, Math.sin(pose.angle) * side * 0.5];
  const ground = context.createLinearGradient(side / 2 - dx, side / 2 - dy, side / 2 + dx, side / 2 + dy);
  ground.addColorStop(0, `hsl(${pose.hue} 30% ${pose.tone}%)`);
  ground.addColorStop(1, `hsl(${pose.hue2} 30% ${100 - pose.tone * 0.6}%)`);
  context.filter = "none";
  context.fillStyle = ground;
  context.fillRect(0, 0, side, side);
  for (const blob of pose.blobs) {
    context.fillStyle = `hsl(${blob.hue} 35% ${blob.tone}% / 0.45)`;
    context.beginPath();
    context.arc(blob.x * side, blob.y * side, blob.r * side, 0, Math.PI * 2);
    context.fill();
  }
  const size = side * pose.scale;
  context.save();
  context.translate(pose.x * side, pose.y * side);
  context.rotate(pose.turn);
  context.scale(pose.flip ? -1 : 1, 1);
  context.filter = `brightness(${pose.light})`;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, -size / 2, -size / 2, size, size);
  context.restore();
}

/**
 * A canvas on which demo objects move slowly and take turns, standing in for a camera.
 * @param {DemoClass[]} classes @param {(name: string) => void} onSubject
 */
export function movingDemo(classes, onSubject) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const next = random(Date.now());
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let at = -1;
  let until = 0;
  /** @type {string | null} */
  let pinned = null;
  let picture = /** @type {ImageBitmap} */ (classes[0]?.pictures[0]);
  let pose = randomPose(next);

  /** @param {number} now */
  function choose(now) {
    const pool = pinned ? classes.filter((entry) => entry.name === pinned) : classes;
    at = (at + 1) % pool.length;
    const entry = /** @type {DemoClass} */ (pool[at]);
    const { seen, fresh } = parts(entry);
    const choice = pinned ? seen : fresh;
    picture = /** @type {ImageBitmap} */ (choice[Math.floor(next() * choice.length)]);
    pose = randomPose(next);
    until = now + (pinned ? 600 : 3000);
    onSubject(entry.name);
  }

  return {
    canvas,
    /** While pinned, the canvas shows only that class, in pictures meant for recording. @param {string | null} name */
    pin(name) {
      pinned = classes.some((entry) => entry.name === name) ? name : null;
      at = -1;
      until = 0;
    },
    skip() {
      until = 0;
    },
    /** @param {number} now milliseconds */
    draw(now) {
      if (now >= until) choose(now);
      const sway = calm.matches ? 0 : now / 1000;
      drawDemo(canvas, picture, { ...pose, x: pose.x + Math.sin(sway * 1.3) * 0.05, y: pose.y + Math.cos(sway) * 0.05, turn: pose.turn + Math.sin(sway * 0.9) * 0.3, scale: pose.scale * (1 + Math.sin(sway * 0.7) * 0.08) });
    },
  };
}
