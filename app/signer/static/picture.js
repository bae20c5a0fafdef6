// A picture of a signature, photographed or scanned: the paper is taken away and only the ink is kept.

import { cut, MARGIN_PIXELS } from "./drawing.js";

const LARGEST = { width: 1200, height: 600 }; // pixels: sharp on paper, at the size of a signature
const MOST_CHARACTERS = 390_000; // of the data URL: the service takes 300,000 bytes
const PAPER = 200; // luminance (0-255) from which on a pixel is paper
const INK = 120; // up to which it is ink; in between it fades

/** Return the ink of a PNG or JPEG file as a PNG data URL, or an empty text when there is none to be had. */
export async function readPicture(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return ""; // not a picture
  }
  let scale = Math.min(1, LARGEST.width / bitmap.width, LARGEST.height / bitmap.height);
  for (;;) {
    const url = inkOf(bitmap, scale);
    if (url.length <= MOST_CHARACTERS) return url;
    scale *= 0.75;
  }
}

function inkOf(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  const found = takePaperAway(image.data);
  context.putImageData(image, 0, 0);
  return found ? cut(canvas, MARGIN_PIXELS).toDataURL("image/png") : "";
}

/** Make the paper transparent, and say whether any ink is left. */
function takePaperAway(pixels) {
  let found = false;
  for (let at = 0; at < pixels.length; at += 4) {
    const luminance = 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
    const ink = Math.min(1, Math.max(0, (PAPER - luminance) / (PAPER - INK)));
    pixels[at + 3] = Math.round(pixels[at + 3] * ink);
    found ||= pixels[at + 3] > 0;
  }
  return found;
}
