// The arithmetic of the network: in WebAssembly with SIMD (kernels.wat) where there is such, and
// otherwise in JavaScript. Both work on one memory of float32 numbers, where a pointer counts bytes.

import { KERNELS_WASM } from "./kernels_wasm.js";
import { PlainKernels } from "./plain_kernels.js";
import { decodeBase64 } from "./weights.js";

/** Columns of a matrix that are stored together, row after row. */
export const PANEL = 32;

/**
 * Memory and arithmetic for one network.
 *
 * @param {boolean} webAssembly Whether to use WebAssembly where it has SIMD.
 * @returns {Promise<WasmKernels | PlainKernels>}
 */
export async function createKernels(webAssembly = true) {
  if (webAssembly && typeof WebAssembly === "object") {
    try {
      const memory = new WebAssembly.Memory({ initial: 1 });
      const bytes = decodeBase64(KERNELS_WASM);
      const { instance } = await WebAssembly.instantiate(bytes, { textgen: { memory } });
      return new WasmKernels(memory, instance.exports);
    } catch {
      // No SIMD, or a page whose content security policy forbids WebAssembly.
    }
  }
  return new PlainKernels();
}

/** The kernels in WebAssembly; kernels.wat says what each computes. */
class WasmKernels {
  constructor(memory, functions) {
    this.name = "wasm";
    this.memory = memory;
    this.floats = new Float32Array(memory.buffer);
    this.used = 0; // bytes
    this.multiply = functions.multiply;
    this.lstm = functions.lstm;
    this.gru = functions.gru;
    this.rnn = functions.rnn;
    this.exponentials = functions.exponentials;
  }

  /** The pointer of `count` numbers, all 0, at the beginning of a line of the cache. */
  allocate(count) {
    const pointer = this.used;
    this.used += Math.ceil(count / 16) * 64;
    const missing = this.used - this.memory.buffer.byteLength;
    if (missing > 0) {
      this.memory.grow(Math.ceil(missing / 65536));
      this.floats = new Float32Array(this.memory.buffer); // the old buffer has no memory now
    }
    return pointer;
  }
}

/**
 * Copy a matrix into panels, in which columns that do not exist are 0.
 *
 * @param {WasmKernels | PlainKernels} kernels
 * @param {Float32Array} matrix Row after row.
 * @param {number} rows
 * @param {number[]} places Where each of its columns goes.
 * @param {number} width Columns of the result, a multiple of PANEL.
 * @returns {number} The pointer of the first panel.
 */
export function packPanels(kernels, matrix, rows, places, width) {
  const pointer = kernels.allocate(rows * width);
  const { floats } = kernels;
  const first = pointer / 4;
  places.forEach((place, column) => {
    const panel = Math.floor(place / PANEL);
    let target = first + panel * rows * PANEL + (place % PANEL);
    for (let i = column; i < rows * places.length; i += places.length) {
      floats[target] = matrix[i];
      target += PANEL;
    }
  });
  return pointer;
}
