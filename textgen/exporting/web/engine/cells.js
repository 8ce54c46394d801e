// The recurrent layers, LSTM, GRU and simple RNN, as Keras computes them: a GRU multiplies by r after
// the product (reset_after=True).

import { PANEL, packPanels } from "./kernels.js";

/** What each cell has: gates in Keras's order, states of which the first is the output, biases. */
const CELLS = {
  lstm: { gates: 4, states: 2, biases: 1 },
  gru: { gates: 3, states: 1, biases: 2 },
  rnn: { gates: 1, states: 1, biases: 1 },
};

/** Numbers that a row of `count` takes: a multiple of `of`. */
export function padded(count, of) {
  return Math.ceil(count / of) * of;
}

/**
 * A recurrent layer that reads texts side by side, one in each row of its states.
 *
 * The sums of each gate take a multiple of 4 numbers, as SIMD computes 4 at once. Those that belong
 * to no unit stay 0.
 */
export class Layer {
  /**
   * @param {object} kernels The memory and the arithmetic.
   * @param {string} cell `lstm`, `gru` or `rnn`.
   * @param {number} units
   * @param {{kernel: Float32Array, recurrent: Float32Array, bias: Float32Array}} weights As in Keras.
   * @param {number} rows Texts side by side.
   */
  constructor(kernels, cell, units, weights, rows) {
    const { gates, states, biases } = CELLS[cell];
    this.kernels = kernels;
    this.cell = cell;
    this.units = units;
    this.size = padded(units, 4); // of each state, and of the sums of each gate
    this.width = padded(gates * this.size, PANEL); // of the sums of all gates
    this.places = Array.from(
      { length: gates * units },
      (_, column) => Math.floor(column / units) * this.size + (column % units),
    );
    this.depth = weights.kernel.length / (gates * units); // numbers of its input
    this.kernel = this.pack(weights.kernel, this.depth);
    this.recurrent = this.pack(weights.recurrent, units);
    // The bias of what comes from below, and that of what comes from the layer itself.
    this.bias = this.pack(weights.bias.subarray(0, gates * units), 1);
    this.innerBias = biases === 2 ? this.pack(weights.bias.subarray(gates * units), 1) : 0;
    this.states = Array.from({ length: states }, () => kernels.allocate(rows * this.size));
    this.input = kernels.allocate(rows * this.width);
    this.sums = kernels.allocate(rows * this.width);
  }

  /** A matrix with the columns of all gates, in memory; a bias is one of a single row. */
  pack(matrix, rows) {
    return packPanels(this.kernels, matrix, rows, this.places, this.width);
  }

  /** Multiply the outputs of the layer below with the kernel; the result is this layer's input. */
  project(below, rows) {
    this.kernels.multiply(
      this.input, 4 * this.width, this.bias, 0, below.states[0], 4 * below.size,
      this.kernel, rows, this.depth, this.width / PANEL,
    );
  }

  /**
   * Advance the states of the first rows by one token.
   *
   * @param {number} rows
   * @param {number} input The pointer of the products of each row's input with the kernel.
   * @param {number} inputStride The bytes from row to row; 0 if all have the same.
   */
  advance(rows, input, inputStride) {
    const { kernels, cell, units, size, sums } = this;
    const [h, c] = this.states;
    const isGru = cell === "gru";
    const stride = 4 * this.width;
    kernels.multiply(
      sums, stride, isGru ? this.innerBias : input, isGru ? 0 : inputStride, h, 4 * size,
      this.recurrent, rows, units, this.width / PANEL,
    );
    for (let row = 0; row < rows; row++) {
      const output = h + 4 * row * size;
      if (cell === "lstm") kernels.lstm(sums + row * stride, c + 4 * row * size, output, size);
      else if (isGru) kernels.gru(input + row * inputStride, sums + row * stride, output, size);
      else kernels.rnn(sums + row * stride, output, size);
    }
  }
}
