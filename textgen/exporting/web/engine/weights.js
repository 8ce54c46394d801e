// The weights of a model file: from base64 to numbers.

/**
 * The bytes that a text in base64 stands for.
 *
 * @param {string} text
 * @returns {Uint8Array}
 */
export function decodeBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/**
 * The arrays of a model file by name, as float32.
 *
 * A matrix of int8 has a scale for each of its columns, by which its numbers are multiplied.
 *
 * @param {{arrays: {name: string, shape: number[], dtype: string, offset: number,
 *   scales?: number}[], data: string}} weights `offset` and `scales` count bytes in `data`.
 * @returns {Map<string, Float32Array>}
 */
export function readWeights(weights) {
  const { buffer, byteOffset } = decodeBase64(weights.data);
  const arrays = new Map();
  for (const { name, shape, dtype, offset, scales } of weights.arrays) {
    const count = shape.reduce((product, size) => product * size, 1);
    const start = byteOffset + offset;
    if (dtype === "float32") {
      arrays.set(name, new Float32Array(buffer, start, count));
    } else if (dtype === "float16") {
      arrays.set(name, fromHalf(new Uint16Array(buffer, start, count)));
    } else if (dtype === "int8") {
      const columns = shape[shape.length - 1];
      const factors = new Float32Array(buffer, byteOffset + scales, columns);
      const numbers = Float32Array.from(new Int8Array(buffer, start, count));
      for (let i = 0; i < count; i++) numbers[i] *= factors[i % columns];
      arrays.set(name, numbers);
    } else {
      throw new TypeError(`the model's weights are ${dtype}, which this engine cannot read`);
    }
  }
  return arrays;
}

/** Numbers of float16, given as their bits: a sign, 5 bits of exponent, 10 of fraction. */
function fromHalf(bits) {
  const numbers = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const exponent = (bits[i] >> 10) & 31;
    const fraction = bits[i] & 1023;
    // The smallest exponent is that of numbers without a leading 1.
    const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
    numbers[i] = bits[i] >> 15 ? -size : size;
  }
  return numbers;
}
