// How a camera was held, read from a file, and pictures turned by it. Browsers differ in which kinds
// of file they turn, and turn them also where they are asked not to: so the note is taken out of the
// file before a browser sees it, and the pixels are turned here, as keras_kd/data/orientation.py does.

const TAG = 0x0112;
// Whether the stored picture is transposed, then mirrored top to bottom, left to right: 1 to 8.
const TURNS = [[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 0, 0], [1, 0, 1], [1, 1, 1], [1, 1, 0]];

/** @return the turn of an orientation, or of none. */
export function turnOf(orientation = 1) {
  const [transposed, down, across] = TURNS[orientation - 1] ?? TURNS[0];
  return {transposed, down, across};
}

/**
 * @param bytes Uint8Array of a file, changed in place.
 * @return {parts, orientation}: of a Blob that no browser turns, and what the file said, 1 to 8.
 */
export function unturned(bytes) {
  const file = {bytes, view: new DataView(bytes.buffer), is: (text, at) => [...text].every((one, nth) => bytes[at + nth] === one.charCodeAt(0))};
  try {
    if (file.is("\x89PNG", 0)) return ofPng(file);
    if (file.is("\xff\xd8", 0)) return ofJpeg(file);
    if (file.is("RIFF", 0) && file.is("WEBP", 8)) return ofWebp(file);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the file ends within
  }
  return {parts: [bytes], orientation: 1};
}

// The metadata of a JPEG stand in segments before the pixels.
function ofJpeg(file) {
  let orientation = 1;
  for (let at = 2; file.bytes[at] === 0xff && file.bytes[at + 1] !== 0xda;) {
    if (file.bytes[at + 1] === 0xe1 && file.is("Exif\0", at + 4)) {
      orientation = inHeader(file, at + 10);
      file.bytes[at + 4] = 0; // so that it is no Exif
    }
    at += file.bytes[at + 1] === 0xff ? 1 : 2 + file.view.getUint16(at + 2);
  }
  return {parts: [file.bytes], orientation};
}

function ofWebp(file) {
  let orientation = 1;
  for (let at = 12; at + 8 <= file.bytes.length;) {
    const size = file.view.getUint32(at + 4, true);
    if (file.is("EXIF", at)) {
      orientation = inHeader(file, at + 8 + (file.is("Exif\0\0", at + 8) ? 6 : 0));
      file.bytes[at] = 0;
    }
    at += 8 + size + (size % 2);
  }
  return {parts: [file.bytes], orientation};
}

// A PNG's chunks have checksums: it is easier to leave one out than to change it.
function ofPng(file) {
  const parts = [file.bytes.subarray(0, 8)];
  let orientation = 1;
  for (let at = 8; at + 12 <= file.bytes.length;) {
    const end = at + 12 + file.view.getUint32(at);
    if (file.is("eXIf", at + 4)) orientation = inHeader(file, at + 8);
    else parts.push(file.bytes.subarray(at, end));
    at = end;
  }
  return {parts, orientation};
}

/** The orientation in a TIFF header: byte order, place of the entries, the entries. */
function inHeader({view, is}, start) {
  const little = is("II*\0", start);
  if (!little && !is("MM\0*", start)) return 1;
  try {
    const first = start + view.getUint32(start + 4, little);
    const count = view.getUint16(first, little);
    for (let entry = first + 2; entry < first + 2 + 12 * count; entry += 12) {
      if (view.getUint16(entry, little) !== TAG) continue;
      const told = view.getUint16(entry + 8, little);
      return told >= 1 && told <= 8 ? told : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // nonsense says nothing
  }
  return 1;
}

/** The box of the stored picture that shows what a box of the upright one shows. */
export function storedBox({left, top, width, height}, {transposed, down, across}, upright) {
  const y = down ? upright.height - top - height : top;
  const x = across ? upright.width - left - width : left;
  return transposed
    ? {left: y, top: x, width: height, height: width}
    : {left: x, top: y, width, height};
}

/** Stored pixels, three bytes each, as they stand upright. */
export function turned(pixels, {transposed, down, across}) {
  if (!transposed && !down && !across) return pixels;
  const [width, height] = transposed ? [pixels.height, pixels.width] : [pixels.width, pixels.height];
  const data = new Uint8Array(pixels.data.length);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const row = down ? height - 1 - y : y, column = across ? width - 1 - x : x;
      const from = 3 * (transposed ? column * pixels.width + row : row * pixels.width + column);
      data[at++] = pixels.data[from];
      data[at++] = pixels.data[from + 1];
      data[at++] = pixels.data[from + 2];
    }
  }
  return {width, height, data};
}
