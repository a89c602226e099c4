// The student's files, run by LiteRT.js on the processor.

import {loadAndCompile, loadLiteRt, Tensor} from "@litertjs/core";

const WARM = 20, MOST = 100; // milliseconds for which an answer is repeated for its time; runs

/** @param models list of {name, file}, as page.json holds it. */
export async function load(models) {
  await loadLiteRt("./litert_js/core/wasm/");
  const loaded = [];
  for (const {name, file} of models) {
    const response = await fetch(file);
    if (!response.ok) throw new Error(`${file} is missing (${response.status}). Export the page again.`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    try {
      const one = {name, model: await loadAndCompile(bytes, {accelerator: "wasm"})};
      const shape = one.model.getInputDetails()[0].shape;
      // Browsers compile what runs often anew, and faster: not in the time of the first picture.
      await answered(one, new Float32Array(shape.reduce((product, side) => product * side, 1)));
      loaded.push(one);
    } catch (error) {
      throw new Error(`LiteRT.js cannot run ${file}: ${error.message ?? error}`);
    }
  }
  return loaded;
}

/**
 * @param values Float32Array, an image as `prepared` makes it.
 * @return {answer, milliseconds}: logits or probabilities, Float32Array of K, and the mean time.
 */
export async function answered({model}, values) {
  const image = new Tensor(values, [...model.getInputDetails()[0].shape]);
  let answer = null, runs = 0, start = 0;
  try {
    do {
      const [result] = await model.run(image);
      if (answer === null) { // the first run is left out of the time: it makes room
        answer = result.toTypedArray().slice();
        start = performance.now();
      } else {
        runs++;
      }
      result.delete();
    } while (runs < 1 || (performance.now() - start < WARM && runs < MOST));
  } finally {
    image.delete();
  }
  return {answer, milliseconds: (performance.now() - start) / runs};
}

/** Shares of the classes, of logits or of what are shares already. */
export function shares(answer, output) {
  if (output === "probabilities") return Array.from(answer);
  const most = answer.reduce((one, other) => Math.max(one, other), -Infinity);
  const powers = Array.from(answer, (value) => Math.exp(value - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Numbers of the likeliest classes, the first the surest. */
export function top(answer, most = 5) {
  const order = Array.from(answer.keys()).sort((one, other) => answer[other] - answer[one] || one - other);
  return order.slice(0, most);
}
