// The arithmetic of kernels.wat in JavaScript, for browsers without WebAssembly or its SIMD.

const COLUMNS = 32; // of a panel
const TILE = 8; // columns whose sums are computed together

/** The kernels without WebAssembly; kernels.wat says what each computes. */
export class PlainKernels {
  constructor() {
    this.name = "plain";
    this.floats = new Float32Array(1 << 16);
    this.used = 0; // numbers
  }

  /** The pointer of `count` numbers, all 0. */
  allocate(count) {
    const pointer = 4 * this.used;
    this.used += Math.ceil(count / 16) * 16;
    if (this.used > this.floats.length) {
      const larger = new Float32Array(Math.max(this.used, 2 * this.floats.length));
      larger.set(this.floats);
      this.floats = larger;
    }
    return pointer;
  }

  multiply(out, outStride, start, startStride, input, inputStride, weights, rows, depth, panels) {
    for (let panel = 0; panel < panels; panel++) {
      for (let tile = 0; tile < COLUMNS; tile += TILE) {
        const column = panel * COLUMNS + tile;
        for (let row = 0; row < rows; row++) {
          this.multiplyTile(
            ((out + row * outStride) >> 2) + column,
            ((start + row * startStride) >> 2) + column,
            (input + row * inputStride) >> 2,
            (weights >> 2) + panel * depth * COLUMNS + tile,
            depth,
          );
        }
      }
    }
  }

  multiplyTile(out, start, input, weights, depth) {
    const { floats } = this;
    let a = floats[start];
    let b = floats[start + 1];
    let c = floats[start + 2];
    let d = floats[start + 3];
    let e = floats[start + 4];
    let f = floats[start + 5];
    let g = floats[start + 6];
    let h = floats[start + 7];
    for (let i = 0; i < depth; i++) {
      const x = floats[input + i];
      const w = weights + i * COLUMNS;
      a += x * floats[w];
      b += x * floats[w + 1];
      c += x * floats[w + 2];
      d += x * floats[w + 3];
      e += x * floats[w + 4];
      f += x * floats[w + 5];
      g += x * floats[w + 6];
      h += x * floats[w + 7];
    }
    floats[out] = a;
    floats[out + 1] = b;
    floats[out + 2] = c;
    floats[out + 3] = d;
    floats[out + 4] = e;
    floats[out + 5] = f;
    floats[out + 6] = g;
    floats[out + 7] = h;
  }

  lstm(gates, c, h, units) {
    const { floats } = this;
    for (let i = gates >> 2, unit = 0; unit < units; unit++, i++) {
      const cell = (c >> 2) + unit;
      floats[cell] =
        sigmoid(floats[i + units]) * floats[cell] + sigmoid(floats[i]) * tanh(floats[i + 2 * units]);
      floats[(h >> 2) + unit] = sigmoid(floats[i + 3 * units]) * tanh(floats[cell]);
    }
  }

  gru(x, inner, h, units) {
    const { floats } = this;
    for (let unit = 0; unit < units; unit++) {
      const i = (x >> 2) + unit;
      const j = (inner >> 2) + unit;
      const output = (h >> 2) + unit;
      const z = sigmoid(floats[i] + floats[j]);
      const r = sigmoid(floats[i + units] + floats[j + units]);
      const n = tanh(floats[i + 2 * units] + r * floats[j + 2 * units]);
      floats[output] = n + z * (floats[output] - n);
    }
  }

  rnn(sums, h, units) {
    for (let unit = 0; unit < units; unit++) {
      this.floats[(h >> 2) + unit] = tanh(this.floats[(sums >> 2) + unit]);
    }
  }

  exponentials(out, input, count, offset, factor) {
    for (let i = 0; i < count; i++) {
      this.floats[(out >> 2) + i] = Math.exp((this.floats[(input >> 2) + i] - offset) * factor);
    }
  }
}

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

function tanh(x) {
  return 2 / (1 + Math.exp(-2 * x)) - 1; // Math.tanh takes longer
}
