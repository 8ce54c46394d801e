// Random numbers that are the same everywhere: xoshiro128** (Blackman and Vigna 2018), whose state
// starts as the numbers of SplitMix32.

/**
 * A source of random numbers.
 *
 * @example
 * const random = new Random(1);
 * random.next(); // a number from 0 to 1, always the same one
 */
export class Random {
  /** @param {number} seed An integer from 0 to 2 ** 53 - 1. */
  constructor(seed) {
    const low = mixed(seed % 2 ** 32);
    const high = mixed(Math.floor(seed / 2 ** 32) + 1);
    /** Four integers of 32 bits, which are not all 0; may be copied and set. */
    this.state = Uint32Array.from([1, 2, 3, 4], (number) => low(number) ^ high(number));
    if (this.state.every((number) => number === 0)) this.state[0] = 1;
  }

  /** The next integer from 0 to 2 ** 32 - 1. */
  nextInteger() {
    const s = this.state;
    const result = Math.imul(rotated(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotated(s[3], 11);
    return result;
  }

  /** The next number from 0 to 1, without 1: a multiple of 2 ** -53. */
  next() {
    const high = this.nextInteger() >>> 5;
    const low = this.nextInteger() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }
}

function rotated(number, bits) {
  return (number << bits) | (number >>> (32 - bits));
}

/** SplitMix32 from a start: a function from 1, 2, ... to its numbers. */
function mixed(start) {
  return (place) => {
    let z = (start + Math.imul(place, 0x9e3779b9)) | 0;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
}
