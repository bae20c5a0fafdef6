// The area to draw in: sharp on any screen, and keeping its strokes when the window changes.

import SignaturePad from "./vendor/signature_pad-5.1.4.min.js";

const PEN = { penColor: "#12216b", minWidth: 0.8, maxWidth: 2.8 };
const EXPORT_DENSITY = 3; // pixels per CSS pixel: sharp on paper, and small enough to send
const MARGIN = 4; // CSS pixels kept around the ink
export const MARGIN_PIXELS = MARGIN * EXPORT_DENSITY;

export class Drawing {
  constructor(canvas) {
    this.canvas = canvas;
    this.pad = new SignaturePad(canvas, PEN);
    this.width = 0;
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  /** Match the canvas to its size on the screen; resizing blanks it, so the strokes are drawn again. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || width === this.width) return;
    const strokes = this.width ? scaled(this.pad.toData(), width / this.width) : [];
    this.width = width;
    size(this.canvas, width, height, Math.max(devicePixelRatio, 1));
    this.pad.fromData(strokes);
  }

  /** After a resize the pad says it is not empty though it is, so the strokes are asked. */
  get isEmpty() {
    return this.pad.toData().every((stroke) => stroke.points.length === 0);
  }

  clear() {
    this.pad.clear();
  }

  /** The ink as a PNG data URL, cut to what was drawn. */
  toPng() {
    const copy = document.createElement("canvas");
    size(copy, this.canvas.clientWidth, this.canvas.clientHeight, EXPORT_DENSITY);
    const pad = new SignaturePad(copy, PEN);
    pad.off();
    pad.fromData(this.pad.toData());
    return cut(copy, MARGIN_PIXELS).toDataURL("image/png");
  }
}

function size(canvas, width, height, density) {
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.getContext("2d").scale(density, density);
}

function scaled(strokes, ratio) {
  return strokes.map((stroke) => ({
    ...stroke,
    points: stroke.points.map((point) => ({ ...point, x: point.x * ratio, y: point.y * ratio })),
  }));
}

/** Return a canvas that holds the ink and a margin of so many pixels. */
export function cut(canvas, margin) {
  const { width, height } = canvas;
  const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (pixels[(y * width + x) * 4 + 3] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  const result = document.createElement("canvas");
  result.width = right - left + 1 + 2 * margin;
  result.height = bottom - top + 1 + 2 * margin;
  result.getContext("2d").drawImage(canvas, margin - left, margin - top);
  return result;
}
