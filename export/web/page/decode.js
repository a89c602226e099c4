// From a file, or a camera, to the pixels that are stored in it: no colour management, no
// smoothing, and transparency dropped and not laid over a colour, as in training.

import {storedBox, turned, turnOf, unturned} from "./orientation.js";

/** A picture that cannot be shown; its message is a sentence for people. */
export class Unreadable extends Error {}

const EXACT = {colorSpaceConversion: "none", premultiplyAlpha: "none"};
const STRIP = 2 ** 22; // pixels read at once: a phone refuses a canvas of a large picture
const TILE = 2048; // pixels a side that every graphics processor takes

/**
 * @param blob a file, or what stands for one.
 * @param exif "apply" where pictures are turned as the camera noted, or "ignore".
 * @return {bitmap, turn, width, height}: an ImageBitmap as stored, which whoever gets it closes, and
 *   its size once it is turned.
 */
export async function decoded(blob, exif) {
  if (blob.size === 0) throw new Unreadable("The file is empty.");
  const {parts, orientation} = unturned(new Uint8Array(await blob.arrayBuffer()));
  try {
    const bitmap = await createImageBitmap(new Blob(parts), EXACT);
    return upright(bitmap, turnOf(exif === "apply" ? orientation : 1));
  } catch {
    throw new Unreadable(await reason(blob));
  }
}

/** What a video shows now, as `decoded`. */
export async function frame(video) {
  return upright(await createImageBitmap(video, EXACT), turnOf());
}

function upright(bitmap, turn) {
  const [width, height] = turn.transposed ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height];
  return {bitmap, turn, width, height};
}

/** Bytes, three a pixel, of a box of a picture, as it stands upright. */
export function pixelsOf(picture, box) {
  return turned(stored(picture.bitmap, storedBox(box, picture.turn, picture)), picture.turn);
}

function stored(bitmap, box) {
  const pixels = {width: box.width, height: box.height, data: new Uint8Array(3 * box.width * box.height)};
  const rows = Math.max(Math.floor(STRIP / box.width), 1);
  let clear = false;
  for (let top = 0; top < box.height && !clear; top += rows) {
    const strip = {...box, top: box.top + top, height: Math.min(rows, box.height - top)};
    clear = put(drawn(bitmap, strip), pixels, 0, top, strip.width);
  }
  // A canvas forgets the colours below transparency; a texture keeps them.
  return clear ? texels(bitmap, box, pixels) : pixels;
}

function drawn(bitmap, {left, top, width, height}) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", {willReadFrequently: true});
  if (!context) throw new Unreadable("The picture is too large for this browser.");
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

/** Copies colours into place; true where one of them is seen through. */
function put(colours, pixels, left, top, width) {
  let clear = false;
  for (let at = 0, pixel = 0; at < colours.length; at += 4, pixel++) {
    const row = top + Math.floor(pixel / width), column = left + (pixel % width);
    const target = 3 * (row * pixels.width + column);
    pixels.data[target] = colours[at];
    pixels.data[target + 1] = colours[at + 1];
    pixels.data[target + 2] = colours[at + 2];
    clear ||= colours[at + 3] !== 255;
  }
  return clear;
}

function texels(bitmap, box, pixels) {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) throw new Unreadable("This browser cannot read the colours of a transparent picture (it lacks WebGL 2). Save it without transparency.");
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  for (let top = 0; top < box.height; top += TILE) {
    for (let left = 0; left < box.width; left += TILE) {
      const width = Math.min(TILE, box.width - left), height = Math.min(TILE, box.height - top);
      gl.pixelStorei(gl.UNPACK_SKIP_PIXELS, box.left + left);
      gl.pixelStorei(gl.UNPACK_SKIP_ROWS, box.top + top);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, gl.getParameter(gl.TEXTURE_BINDING_2D), 0);
      const colours = new Uint8Array(4 * width * height);
      gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, colours);
      put(colours, pixels, left, top, width);
    }
  }
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return pixels;
}

async function reason(blob) {
  const start = new Uint8Array(await blob.slice(0, 64).arrayBuffer().catch(() => new ArrayBuffer(0)));
  const text = String.fromCharCode(...start);
  if (text.slice(4, 8) === "ftyp" && /hei[cfmsx]|hev[cm]|mif1|msf1/.test(text.slice(8, 40))) {
    return "HEIC pictures are not readable by this browser, as by most. Save it as JPEG; an iPhone takes JPEG under Settings, Camera, Formats, Most Compatible.";
  }
  const known = /^(\x89PNG|\xff\xd8\xff|GIF8|BM|RIFF....WEBP)/.test(text) || text.includes("ftypavif");
  if (known) return "The picture is damaged, or too large for this browser.";
  return "This is no picture that a browser reads, such as JPEG, PNG, WebP, GIF or BMP.";
}
