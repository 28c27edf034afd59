// Where live pictures come from: the camera, or the moving demo. One source feeds every view on the page. Knows
// nothing of classes, recording or predicting, and asks for the camera only when told to.

import { loadDemo, movingDemo } from "./demo.js";
import { sentenceOf } from "./engine.js";
import { middleSquare } from "./pictures.js";

/** @typedef {import("./store").Store} Store */
/** @typedef {ReturnType<typeof createSource>} Source */

const SQUARE = 480;

/** @param {Store} store @param {{ onEnded: (sentence: string) => void }} options `onEnded` hears of a camera that was unplugged. */
export function createSource(store, { onEnded }) {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  /** @type {MediaStream | null} */
  let stream = null;
  /** @type {ReturnType<typeof movingDemo> | null} */
  let demo = null;
  /** @type {Set<HTMLCanvasElement>} */
  const views = new Set();
  let frames = 0;
  let counted = performance.now();
  let drawing = false;
  /** Counts what was asked for: a camera that was allowed after something else was chosen is let go again. */
  let asked = 0;

  function stop() {
    asked += 1;
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
    store.patch("source", { kind: "none", starting: false, fps: 0, subject: "" });
  }

  /** @param {string} [device] the camera to use, else the one the browser prefers @returns {Promise<boolean>} whether it runs now */
  async function startCamera(device) {
    stop();
    const mine = asked;
    store.patch("source", { starting: true, sentence: "" });
    try {
      if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", "InsecureContext");
      const allowed = await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...(device ? { deviceId: { exact: device } } : {}), width: { ideal: 640 }, height: { ideal: 480 } } });
      if (mine !== asked) {
        for (const track of allowed.getTracks()) track.stop();
        return false;
      }
      stream = allowed;
      video.srcObject = stream;
      await video.play();
    } catch (error) {
      if (mine !== asked) return false;
      stop();
      store.patch("source", { sentence: cameraTrouble(error) });
      return false;
    }
    if (mine !== asked || !stream) return false;
    const track = stream.getVideoTracks()[0];
    track?.addEventListener("ended", () => {
      stop();
      const sentence = "The camera was disconnected. Plug it in again or choose another one; every picture taken so far is kept.";
      store.patch("source", { sentence });
      onEnded(sentence);
    });
    store.patch("source", { kind: "camera", starting: false, device: track?.getSettings().deviceId ?? "" });
    await listCameras();
    countFrames(stream);
    draw();
    return true;
  }

  async function listCameras() {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const devices = all.filter((entry) => entry.kind === "videoinput").map((entry, index) => ({ id: entry.deviceId, label: entry.label || `Camera ${index + 1}` }));
    store.patch("source", { devices });
  }
  navigator.mediaDevices?.addEventListener("devicechange", () => void (stream && listCameras()));

  /** The camera's own rate, where the browser tells when a new frame is there. @param {MediaStream} mine */
  function countFrames(mine) {
    if (!("requestVideoFrameCallback" in video)) return;
    video.requestVideoFrameCallback(() => {
      frames += 1;
      if (stream === mine) countFrames(mine);
    });
  }

  /** @returns {Promise<boolean>} */
  async function startDemo() {
    stop();
    const mine = asked;
    store.patch("source", { starting: true, sentence: "" });
    try {
      const classes = await loadDemo();
      if (mine !== asked) return false;
      demo = movingDemo(classes, (subject) => store.patch("source", { subject }));
    } catch (error) {
      if (mine !== asked) return false;
      store.patch("source", { starting: false, sentence: sentenceOf(error) });
      return false;
    }
    demo.draw(performance.now());
    store.patch("source", { kind: "demo", starting: false });
    draw();
    return true;
  }

  function surface() {
    const { kind } = store.state.source;
    if (kind === "demo" && demo) return { picture: demo.canvas, width: demo.canvas.width, height: demo.canvas.height };
    if (kind === "camera" && video.videoWidth) return { picture: video, width: video.videoWidth, height: video.videoHeight };
    return null;
  }

  function draw() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(function paint(now) {
      const { kind } = store.state.source;
      drawing = kind !== "none";
      if (!drawing) return;
      if (kind === "demo") {
        demo?.draw(now);
        frames += 1;
      }
      const live = surface();
      if (live) for (const view of views) drawSquare(view, live.picture, live.width, live.height);
      if (now - counted > 1000) {
        store.patch("source", { fps: Math.round((frames * 1000) / (now - counted)) });
        frames = 0;
        counted = now;
      }
      requestAnimationFrame(paint);
    });
  }

  return {
    startCamera,
    startDemo,
    stop,
    /** @param {string | null} name the demo class to show while recording it */
    pin: (name) => demo?.pin(name),
    skip: () => demo?.skip(),
    /** A canvas that shows the live picture from now on. @param {HTMLCanvasElement} canvas */
    attach: (canvas) => void views.add(canvas),
    /** The middle square of this moment, or null while nothing runs. */
    grab() {
      const live = surface();
      return live ? middleSquare(live.picture, live.width, live.height, SQUARE) : null;
    },
    /** For tests: the running stream. */
    get stream() {
      return stream;
    },
  };
}

/** Draws the middle square of `picture` over the whole canvas. @param {HTMLCanvasElement} canvas @param {CanvasImageSource} picture @param {number} width @param {number} height */
export function drawSquare(canvas, picture, width, height) {
  if (canvas.offsetParent === null) return;
  const edge = Math.min(width, height);
  canvas.getContext("2d")?.drawImage(picture, (width - edge) / 2, (height - edge) / 2, edge, edge, 0, 0, canvas.width, canvas.height);
}

/** @param {unknown} error */
function cameraTrouble(error) {
  const wayOn = "You can also add picture files or try the demo.";
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return `The camera is blocked for this page. Allow it in the browser's address bar and press the button again. ${wayOn}`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No camera was found. Plug one in and press the button again. ${wayOn}`;
    case "NotReadableError":
      return `The camera is in use by another program. Close that program and press the button again. ${wayOn}`;
    case "InsecureContext":
      return `Browsers give the camera only to pages opened over https or from localhost. ${wayOn}`;
    default:
      return `The camera could not be started (${sentenceOf(error)}). ${wayOn}`;
  }
}
