// From the pixels of a picture to what the network was trained to see: numbers only, no canvas.
// Every step is the one of keras_kd/export/edge/classify.py, in the same order and precision.

const f32 = Math.fround;

/** The part of a picture that is shown: {left, top, width, height} in pixels. */
export function boxOf(width, height, crop) {
  if (crop.box !== "central_square") return {left: 0, top: 0, width, height};
  const [p, q] = crop.quotient;
  const side = Math.max(Math.floor((2 * Math.min(width, height) * q + p - 1) / (2 * p)), 1);
  const left = Math.floor((width - side) / 2), top = Math.floor((height - side) / 2);
  return {left, top, width: side, height: side};
}

/**
 * @param pixels {width, height, data}: bytes, three a pixel, of the box that `boxOf` gave.
 * @param how what preprocess.json holds.
 * @return Float32Array of how.height x how.width x channels.
 */
export function prepared(pixels, how) {
  const image = how.channels === "grey" ? luma(pixels) : {...pixels, channels: 3};
  const resize = RESIZED[`${how.interpolation}${how.antialias ? " antialiased" : ""}`];
  const small = resize(image, how.height, how.width);
  return seen(small, how);
}

/** Numbers in [0, 255] as the network sees them, in its modality. */
export function seen(small, how) {
  const scale = f32(how.scale), offset = f32(how.offset);
  small.data.forEach((value, at) => { small.data[at] = f32(f32(value * scale) + offset); });
  return (how.view ?? []).reduce((image, op) => VIEWS[op.op](image, ...op.arguments), small).data;
}

// As Pillow makes grey of colours, in whole numbers.
function luma({width, height, data}) {
  const grey = new Uint8Array(width * height);
  for (let at = 0; at < grey.length; at++) {
    grey[at] = (data[3 * at] * 19595 + data[3 * at + 1] * 38470 + data[3 * at + 2] * 7471 + 32768) >> 16;
  }
  return {width, height, channels: 1, data: grey};
}

function make(height, width, channels) {
  return {height, width, channels, data: new Float32Array(height * width * channels)};
}

// Bilinear between the centres of pixels, without anti-aliasing, as training did.
function bilinear({width, height, channels, data}, rows, columns) {
  const down = ends(rows, height), across = ends(columns, width);
  const small = make(rows, columns, channels);
  let at = 0;
  for (let y = 0; y < rows; y++) {
    const above = down.low[y] * width, below = down.high[y] * width;
    for (let x = 0; x < columns; x++) {
      for (let c = 0; c < channels; c++) {
        const left = across.low[x] * channels + c, right = across.high[x] * channels + c;
        const share = across.share[x];
        const one = between(data[above * channels + left], data[above * channels + right], share);
        const two = between(data[below * channels + left], data[below * channels + right], share);
        small.data[at++] = between(one, two, down.share[y]);
      }
    }
  }
  return small;
}

function between(from, to, share) {
  return f32(from + f32(f32(to - from) * share));
}

function ends(count, size) {
  const low = new Int32Array(count), high = new Int32Array(count), share = new Float32Array(count);
  const step = f32(size / count);
  for (let index = 0; index < count; index++) {
    const at = f32(f32((index + 0.5) * step) - 0.5);
    low[index] = Math.min(Math.max(Math.floor(at), 0), size - 1);
    high[index] = Math.min(Math.max(Math.ceil(at), 0), size - 1);
    share[index] = f32(at - Math.floor(at));
  }
  return {low, high, share};
}

// Bicubic with anti-aliasing, as Pillow does, on floats.
function bicubic(image, rows, columns) {
  const small = along(along(image, "height", rows, cubic), "width", columns, cubic);
  small.data.forEach((value, at) => { small.data[at] = Math.min(Math.max(value, 0), 255); });
  return small;
}

function cubic(centre, step, index) {
  const far = Math.abs(index + 0.5 - centre) / Math.max(step, 1);
  if (far < 1) return 1.5 * far ** 3 - 2.5 * far ** 2 + 1;
  return far < 2 ? -0.5 * far ** 3 + 2.5 * far ** 2 - 4 * far + 2 : 0;
}

function along(image, side, count, kernel) {
  const size = image[side], step = size / count, reach = 2 * Math.max(step, 1) + 1;
  return weighted(image, side, count, (index) => {
    const centre = (index + 0.5) * step;
    const first = Math.max(Math.floor(centre - reach), 0);
    const last = Math.min(Math.ceil(centre + reach), size);
    const taken = [];
    for (let at = first; at < last; at++) taken.push([at, kernel(centre, step, at)]);
    const sum = taken.reduce((total, [, weight]) => total + weight, 0);
    return taken.map(([at, weight]) => [at, f32(weight / sum)]);
  });
}

/** Each row or column anew, as a sum of others: `taken(index)` lists [which, weight]. */
function weighted(image, side, count, taken) {
  const {channels, data, width} = image;
  const lying = side === "width";
  const result = lying ? make(image.height, count, channels) : make(count, width, channels);
  const lines = lying ? image.height : width;
  const place = (at, line, columns) => (lying ? line * columns + at : at * columns + line) * channels;
  for (let index = 0; index < count; index++) {
    const parts = taken(index);
    for (let line = 0; line < lines; line++) {
      const target = place(index, line, result.width);
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const [at, weight] of parts) sum += weight * data[place(at, line, width) + c];
        result.data[target + c] = sum;
      }
    }
  }
  return result;
}

const RESIZED = {"bilinear": bilinear, "bicubic antialiased": bicubic};

// What makes the network's modality of a picture in [-1, 1], see keras_kd/data/modality.py.

function grey(image) {
  if (image.channels !== 3) return image;
  return perPixel(image, (r, g, b) => f32(0.299 * r + 0.587 * g + 0.114 * b));
}

function channel(image, index) {
  const chosen = Math.min(index, image.channels - 1);
  return perPixel(image, (...values) => values[chosen]);
}

function perPixel({height, width, channels, data}, made) {
  const result = make(height, width, channels);
  for (let at = 0; at < data.length; at += channels) {
    result.data.fill(made(...data.subarray(at, at + channels)), at, at + channels);
  }
  return result;
}

/** A filter along a side; what lies beyond an edge is like the edge. */
function filtered(image, offsets, weights, side) {
  const size = image[side];
  return weighted(image, side, size, (index) => offsets.map((offset, nth) => [
    Math.min(Math.max(index + offset, 0), size - 1), f32(weights[nth])]));
}

function blur(image, sigma) {
  const radius = Math.max(1, halfToEven(4 * sigma));
  const offsets = Array.from({length: 2 * radius + 1}, (_, index) => index - radius);
  const bell = offsets.map((offset) => Math.exp(-0.5 * (offset / sigma) ** 2));
  const sum = bell.reduce((total, weight) => total + weight, 0);
  const weights = bell.map((weight) => weight / sum);
  return filtered(filtered(image, offsets, weights, "height"), offsets, weights, "width");
}

function halfToEven(value) {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

function edges(image, gain) {
  const smooth = [[-1, 0, 1], [0.25, 0.5, 0.25]], steep = [[-1, 1], [-0.5, 0.5]];
  const light = grey(image);
  const down = filtered(filtered(light, ...steep, "height"), ...smooth, "width").data;
  const across = filtered(filtered(light, ...smooth, "height"), ...steep, "width").data;
  const result = make(image.height, image.width, image.channels);
  result.data.forEach((_, at) => {
    result.data[at] = Math.min(gain * Math.sqrt(down[at] ** 2 + across[at] ** 2) - 1, 1);
  });
  return result;
}

function lowres(image, side) {
  return ["height", "width"].reduce((one, along) => up(fewer(one, along, side), along, image[along]), image);
}

function fewer(image, along, side) {
  const size = image[along], count = Math.min(size, side);
  return weighted(image, along, count, (index) => {
    const from = index * size / count, to = (index + 1) * size / count;
    const taken = [];
    for (let at = Math.floor(from); at < Math.min(Math.ceil(to), size); at++) {
      const shared = Math.min(at + 1, to) - Math.max(at, from);
      if (shared > 0) taken.push([at, shared * count / size]);
    }
    return taken;
  });
}

function up(image, along, size) {
  const count = image[along];
  return weighted(image, along, size, (index) => {
    const at = Math.min(Math.max((index + 0.5) * count / size - 0.5, 0), count - 1);
    const low = Math.floor(at), high = Math.min(low + 1, count - 1);
    return [[low, 1 - (at - low)], [high, at - low]];
  });
}

const VIEWS = {blur, channel, edges, gray: grey, lowres};
