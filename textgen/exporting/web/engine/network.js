// The network of a model: what it computes for one token, and the texts that it reads.

import { Layer, padded } from "./cells.js";
import { PANEL, packPanels } from "./kernels.js";

/** Numbers in a table of the products of all embeddings with the first kernel, at most. */
const MAX_TABLE_NUMBERS = 1 << 22;

/**
 * A trained network, which any number of readers share.
 */
export class Network {
  /**
   * @param {object} kernels The memory and the arithmetic.
   * @param {{cell: string, units: number[], window: number | null}} config As in the model file.
   * @param {Map<string, Float32Array>} arrays The weights by name.
   */
  constructor(kernels, config, arrays) {
    this.kernels = kernels;
    this.window = config.window;
    const rows = config.window ?? 1;
    this.layers = config.units.map((units, index) => {
      const weights = {
        kernel: arrays.get(`kernel_${index + 1}`),
        recurrent: arrays.get(`recurrent_kernel_${index + 1}`),
        bias: arrays.get(`bias_${index + 1}`),
      };
      return new Layer(kernels, config.cell, units, weights, rows);
    });
    const bias = arrays.get("dense_bias");
    this.vocabularySize = bias.length;
    this.width = padded(bias.length, PANEL); // of the logits
    const places = Array.from(bias, (_, id) => id);
    const units = config.units[config.units.length - 1];
    this.dense = packPanels(kernels, arrays.get("dense_kernel"), units, places, this.width);
    this.denseBias = packPanels(kernels, bias, 1, places, this.width);
    this.logits = kernels.allocate(this.width);
    this.weights = kernels.allocate(this.width);
    const [first] = this.layers;
    this.embeddingWidth = first.depth;
    this.labelEmbeddings = [];
    for (let field = 1; arrays.has(`label_embedding_${field}`); field++) {
      this.labelEmbeddings.push(arrays.get(`label_embedding_${field}`));
    }
    this.vector = kernels.allocate(this.embeddingWidth); // an input of the first layer
    this.arrangeInputs(arrays.get("embedding"), arrays.get("kernel_1"));
    this.reader = null; // whose states are in memory
  }

  /** Look up the first layer's input of each id in a table, unless that is too large. */
  arrangeInputs(embedding, kernel) {
    const { kernels, vocabularySize, embeddingWidth } = this;
    const [first] = this.layers;
    const stride = 4 * first.width;
    this.table = this.embeddings = null;
    if (!embedding) {
      // With one-hot input, the product with the kernel is a row of it.
      this.table = kernels.allocate(vocabularySize * first.width);
      const { floats } = kernels;
      const gates = first.places.length;
      for (let id = 0; id < vocabularySize; id++) {
        first.places.forEach((place, column) => {
          floats[(this.table + id * stride) / 4 + place] =
            kernel[id * gates + column] + floats[first.bias / 4 + place];
        });
      }
      return;
    }
    this.embeddings = kernels.allocate(embedding.length);
    kernels.floats.set(embedding, this.embeddings / 4);
    if (vocabularySize * first.width > MAX_TABLE_NUMBERS) return;
    this.table = kernels.allocate(vocabularySize * first.width);
    kernels.multiply(
      this.table, stride, first.bias, 0, this.embeddings, 4 * embeddingWidth,
      first.kernel, vocabularySize, embeddingWidth, first.width / PANEL,
    );
  }

  /** The pointer of the first layer's input for an id, and for the labels of a reader. */
  input(id, ofLabels) {
    const { kernels } = this;
    const [first] = this.layers;
    let input = first.input;
    if (this.table === null) {
      const embedding = this.embeddings + 4 * id * this.embeddingWidth;
      kernels.multiply(
        input, 0, first.bias, 0, embedding, 0,
        first.kernel, 1, this.embeddingWidth, first.width / PANEL,
      );
    } else if (ofLabels) {
      const row = (this.table + 4 * id * first.width) / 4;
      kernels.floats.copyWithin(input / 4, row, row + first.width);
    } else {
      input = this.table + 4 * id * first.width;
    }
    if (ofLabels) {
      for (let i = 0; i < first.width; i++) kernels.floats[input / 4 + i] += ofLabels[i];
    }
    return input;
  }

  /** What labels add to the first layer's input; `labelIds` has one for each field. */
  projectLabels(labelIds) {
    const { kernels, embeddingWidth } = this;
    const [first] = this.layers;
    const sum = kernels.floats.subarray(this.vector / 4, this.vector / 4 + embeddingWidth);
    sum.fill(0);
    this.labelEmbeddings.forEach((embedding, field) => {
      const start = labelIds[field] * embeddingWidth;
      for (let i = 0; i < embeddingWidth; i++) sum[i] += embedding[start + i];
    });
    const input = first.input / 4;
    kernels.floats.fill(0, input, input + first.width);
    kernels.multiply(
      first.input, 0, first.input, 0, this.vector, 0,
      first.kernel, 1, embeddingWidth, first.width / PANEL,
    );
    return kernels.floats.slice(input, input + first.width);
  }

  /**
   * Advance rows of the states by a token.
   *
   * @param {number} id
   * @param {Float32Array | null} ofLabels As from `projectLabels`.
   * @param {number} rows How many, from the first on.
   * @param {number} row The one whose logits are computed.
   * @returns {Float32Array} The logits: part of the memory, which the next step overwrites.
   */
  step(id, ofLabels, rows, row) {
    const { kernels, layers } = this;
    layers.forEach((layer, index) => {
      if (index) {
        layer.project(layers[index - 1], rows);
        layer.advance(rows, layer.input, 4 * layer.width);
      } else {
        layer.advance(rows, this.input(id, ofLabels), 0);
      }
    });
    const last = layers[layers.length - 1];
    kernels.multiply(
      this.logits, 0, this.denseBias, 0, last.states[0] + 4 * row * last.size, 0,
      this.dense, 1, last.units, this.width / PANEL,
    );
    return kernels.floats.subarray(this.logits / 4, this.logits / 4 + this.vocabularySize);
  }

  /**
   * exp((logit - offset) * factor) of each logit.
   *
   * @param {Float32Array} logits Of all ids.
   * @param {number} offset Such as the largest logit.
   * @param {number} factor Such as 1 / temperature.
   * @returns {Float32Array} Part of the memory, which the next call overwrites.
   */
  exponentials(logits, offset, factor) {
    const { kernels, vocabularySize } = this;
    kernels.floats.set(logits, this.weights / 4);
    kernels.exponentials(this.weights, this.weights, padded(vocabularySize, 4), offset, factor);
    return kernels.floats.subarray(this.weights / 4, this.weights / 4 + vocabularySize);
  }
}

/**
 * A text that the network reads, token by token.
 *
 * A network that was trained on windows predicts from the last `window` tokens, each time from a
 * zero state. Its reader has as many states, which start one token after another, and every token
 * advances all of them in one product. The state that has read exactly `window` tokens, or all if
 * there are fewer, gives the logits, and starts from zero at the next token.
 */
export class Reader {
  /** @param {Network} network */
  constructor(network) {
    const rows = network.window ?? 1;
    this.network = network;
    this.states = network.layers.flatMap((layer) =>
      layer.states.map(() => new Float32Array(rows * layer.size)),
    );
    this.logits = new Float32Array(network.vocabularySize);
    this.read = 0; // tokens so far
    this.labelIds = network.labelEmbeddings.map(() => 0);
    this.ofLabels = null;
    this.setLabels(this.labelIds);
  }

  /** Start again from a zero state, with the same labels. */
  reset() {
    this.release();
    for (const state of this.states) state.fill(0);
    this.logits.fill(0);
    this.read = 0;
  }

  /** The labels to read with from now on: an id for each field. */
  setLabels(labelIds) {
    this.labelIds = Array.from(labelIds);
    if (labelIds.length) this.ofLabels = this.network.projectLabels(this.labelIds);
  }

  /** Read a token; then `logits` are those of the token after it. */
  step(id) {
    const { network } = this;
    const { window } = network;
    if (network.reader !== this) {
      network.reader?.release();
      this.acquire();
    }
    let rows = 1;
    let oldest = 0;
    if (window !== null) {
      this.clearRow(this.read % window);
      rows = Math.min(this.read + 1, window);
      oldest = Math.max(this.read + 1 - window, 0) % window;
    }
    this.logits.set(network.step(id, this.ofLabels, rows, oldest));
    this.read++;
  }

  /** Set one of the network's states to zero. */
  clearRow(row) {
    const { floats } = this.network.kernels;
    for (const { states, size } of this.network.layers) {
      for (const state of states) floats.fill(0, state / 4 + row * size, state / 4 + (row + 1) * size);
    }
  }

  /** Put this text's states into the network's memory, for as long as no other one is read. */
  acquire() {
    const { kernels, layers } = this.network;
    layers.flatMap((layer) => layer.states).forEach((pointer, index) => {
      kernels.floats.set(this.states[index], pointer / 4);
    });
    this.network.reader = this;
  }

  /** Take this text's states out of the network's memory, if they are there. */
  release() {
    const { kernels, layers } = this.network;
    if (this.network.reader !== this) return;
    layers.flatMap((layer) => layer.states).forEach((pointer, index) => {
      const state = this.states[index];
      state.set(kernels.floats.subarray(pointer / 4, pointer / 4 + state.length));
    });
    this.network.reader = null;
  }

  /** A copy of everything that the next logits depend on, and of the logits. */
  save() {
    this.release();
    return {
      states: this.states.map((state) => state.slice()),
      logits: this.logits.slice(),
      read: this.read,
      labelIds: [...this.labelIds],
    };
  }

  /** Throw an error if what `save` returned is the state of another model. */
  check({ states = [], logits = [] }) {
    // A typed array is an object without a length in JSON.
    const sizes = (arrays) => arrays.map((each) => each.length ?? Object.keys(each).length).join();
    if (sizes([...states, logits]) !== sizes([...this.states, this.logits])) {
      throw new TypeError("the state is that of another model");
    }
  }

  /** Go back to what `save` returned. */
  restore({ states, logits, read, labelIds }) {
    this.release();
    const saved = [...states, logits];
    [...this.states, this.logits].forEach((array, index) => array.set(Object.values(saved[index])));
    this.read = read;
    this.setLabels(labelIds);
  }
}
