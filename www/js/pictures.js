// From any file to a picture worth keeping: decoded the right way up, at most 1024 pixels long, small on disk. Knows
// nothing of classes or the engine.

/** @typedef {{ blob: Blob, thumbnail: Blob, width: number, height: number }} Kept */

const LONGEST_SIDE = 1024;
const THUMBNAIL_SIDE = 144;

/**
 * Reads an image file; fails with a sentence that names it.
 * @param {Blob} file @param {string} name @returns {Promise<Kept>}
 */
export async function readPicture(file, name) {
  if (file.size === 0) throw new Error(`${name} is empty (0 bytes).`);
  if (file.type && !file.type.startsWith("image/")) throw new Error(`${name} is not a picture.`);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(`${name} could not be read: it is damaged, or not a picture format this browser knows (JPEG, PNG and WebP always work).`);
  }
  try {
    return await keepPicture(bitmap);
  } finally {
    bitmap.close();
  }
}

/**
 * Reduces and encodes a picture: JPEG, or PNG where something shines through.
 * @param {ImageBitmap | OffscreenCanvas | HTMLCanvasElement} picture @returns {Promise<Kept>}
 */
export async function keepPicture(picture) {
  const canvas = reduce(picture, LONGEST_SIDE);
  const type = isTransparent(canvas) ? "image/png" : "image/jpeg";
  const [blob, thumbnail] = await Promise.all([encode(canvas, type, 0.92), encode(reduce(canvas, THUMBNAIL_SIDE), type, 0.8)]);
  return { blob, thumbnail, width: canvas.width, height: canvas.height };
}

/**
 * Draws the picture so that its longer side is at most `longest`. Halving step by step averages every pixel; one big
 * step would skip most of them and leave stairs.
 * @param {ImageBitmap | OffscreenCanvas | HTMLCanvasElement} picture @param {number} longest
 */
export function reduce(picture, longest) {
  let { width, height } = picture;
  const scale = Math.min(1, longest / Math.max(width, height));
  const target = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  /** @type {ImageBitmap | OffscreenCanvas | HTMLCanvasElement} */
  let current = picture;
  do {
    width = Math.max(target.width, Math.ceil(width / 2));
    height = Math.max(target.height, Math.ceil(height / 2));
    const next = new OffscreenCanvas(width, height);
    const context = pen(next);
    context.imageSmoothingQuality = "high";
    context.drawImage(current, 0, 0, width, height);
    current = next;
  } while (width > target.width || height > target.height);
  return /** @type {OffscreenCanvas} */ (current);
}

/** The middle square of a picture, at most `side` pixels. @param {CanvasImageSource} source @param {number} width @param {number} height @param {number} side */
export function middleSquare(source, width, height, side) {
  const edge = Math.min(width, height);
  const size = Math.min(edge, side);
  const canvas = new OffscreenCanvas(size, size);
  pen(canvas).drawImage(source, (width - edge) / 2, (height - edge) / 2, edge, edge, 0, 0, size, size);
  return canvas;
}

/** @param {OffscreenCanvas} canvas */
function pen(canvas) {
  const context = canvas.getContext("2d", { willReadFrequently: false });
  if (!context) throw new Error("This browser has no memory left to draw the picture: close some tabs and try again.");
  return context;
}

/** @param {OffscreenCanvas} canvas */
function isTransparent(canvas) {
  const { data } = pen(canvas).getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 3; at < data.length; at += 4) if (/** @type {number} */ (data[at]) < 255) return true;
  return false;
}

/** @param {OffscreenCanvas} canvas @param {string} type @param {number} quality */
function encode(canvas, type, quality) {
  return canvas.convertToBlob({ type, quality });
}
