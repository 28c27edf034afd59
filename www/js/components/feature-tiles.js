// What some channels of a stage see, as one row of small grey pictures.

const TILE = 44;

/** Pixels are kept square and sharp. @param {HTMLCanvasElement} canvas @param {import("../types").FeatureMap} map */
export function drawTiles(canvas, map) {
  const { width, height, tiles } = map;
  const count = Math.floor(tiles.length / (width * height));
  const step = TILE + 4;
  if (canvas.width !== count * step) Object.assign(canvas, { width: count * step, height: TILE });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = width > TILE;
  const tile = new OffscreenCanvas(width, height);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext("2d"));
  const pixels = pen.createImageData(width, height);
  for (let index = 0; index < count; index += 1) {
    for (let at = 0; at < width * height; at += 1) {
      const value = /** @type {number} */ (tiles[index * width * height + at]);
      pixels.data.set([value * 0.55 + 8, value * 0.85 + 14, value * 0.9 + 24, 255], at * 4);
    }
    pen.putImageData(pixels, 0, 0);
    context.drawImage(tile, index * step, 0, TILE, TILE);
  }
}
