// A text while it is read and written: what can come next, and reading what does.

import { choose, inverse, largest, mostLikely } from "./decoding.js";
import { Reader } from "./network.js";
import { SeedEnd } from "./subwords.js";

/**
 * A token that could be next.
 *
 * @typedef {object} Alternative
 * @property {string} text Its characters; empty for the end of a document.
 * @property {number} id Its id.
 * @property {number} probability At temperature 1 and without filters.
 */

/** A text that the network reads and continues. */
export class Text {
  /**
   * @param {{vocabulary: Vocabulary, network: Network, never: Set<number>}} model `never` has the ids
   *   that are never chosen.
   */
  constructor(model) {
    this.model = model;
    this.reader = new Reader(model.network);
    this.allowed = new Float32Array(this.reader.logits.length);
    this.start({ ids: [], continuations: [] });
  }

  /** Start again with a seed, as from `holdBack`; `readSeed` reads it. */
  start({ ids, continuations }) {
    this.reader.reset();
    this.seed = ids;
    this.seedPlace = 0;
    this.heldBack = continuations.length ? new SeedEnd(continuations, ids) : null;
    /** What was held back of the seed, from when the rest is read until it is continued. */
    this.seedEnd = null;
    /** Whether this is a document without characters, which cannot end here. */
    this.isEmpty = false;
    this.logits = this.reader.logits; // from which the next token is chosen
  }

  /** Read the next token of the seed; returns whether there are more. */
  readSeed() {
    const { reader, seed, heldBack } = this;
    if (this.seedPlace === seed.length) return false;
    const id = seed[this.seedPlace++];
    reader.step(id);
    this.isEmpty = !heldBack && id === this.model.vocabulary.documentEnd;
    heldBack?.read(reader.logits);
    if (this.seedPlace < seed.length) return true;
    if (heldBack) {
      this.seedEnd = heldBack;
      this.logits = heldBack.scores();
    }
    return false;
  }

  /** Whether anything was read, without which nothing can be predicted. */
  get isStarted() {
    return this.reader.read > 0;
  }

  /**
   * The next token.
   *
   * @param {{temperature: number, topK: number, topP: number, minP: number}} decoding
   * @param {Random} random
   * @returns {number} Its id.
   */
  choose(decoding, random) {
    const allowed = this.allowedLogits();
    if (this.isEmpty) allowed[this.model.vocabulary.documentEnd] = -Infinity;
    return choose(allowed, decoding, random, this.model.network);
  }

  /** The logits without those of tokens that are never chosen; the next call overwrites them. */
  allowedLogits() {
    this.allowed.set(this.logits);
    for (const id of this.model.never) this.allowed[id] = -Infinity;
    return this.allowed;
  }

  /** How many characters of a token that could be next are in the seed already. */
  known(id) {
    return this.seedEnd ? this.seedEnd.locate(id).known : 0;
  }

  /** Read the token that comes next. */
  append(id) {
    const { reader } = this;
    if (this.seedEnd) {
      const { again } = this.seedEnd.locate(id);
      if (again.length) reader.reset();
      for (const each of again) reader.step(each);
      this.seedEnd = null;
    }
    reader.step(id);
    this.isEmpty = id === this.model.vocabulary.documentEnd;
    this.logits = reader.logits;
  }

  /** The natural logarithm of a token's probability, at temperature 1 and without filters. */
  logProbability(id) {
    const most = largest(this.logits);
    const weights = this.model.network.exponentials(this.logits, most, 1);
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += weights[i];
    return this.logits[id] - most - Math.log(sum);
  }

  /** The probabilities of all tokens, at a temperature and without filters. */
  probabilities(temperature = 1) {
    const { logits, model } = this;
    const weights = model.network.exponentials(logits, largest(logits), inverse(temperature)).slice();
    let sum = 0;
    for (let i = 0; i < weights.length; i++) {
      if (logits[i] === -Infinity) weights[i] = 0; // the exponential of very small numbers is not 0
      sum += weights[i];
    }
    for (let i = 0; i < weights.length; i++) weights[i] /= sum;
    return weights;
  }

  /**
   * The most likely tokens.
   *
   * @param {number} count
   * @param {number} temperature
   * @returns {Alternative[]} The most likely one first, without those that are never chosen.
   */
  alternatives(count, temperature = 1) {
    const { vocabulary } = this.model;
    const probabilities = this.probabilities(temperature);
    return mostLikely(this.allowedLogits(), count).map((id) => {
      const text = Array.from(vocabulary.text(id)).slice(this.known(id)).join("");
      return { text, id, probability: probabilities[id] };
    });
  }

  /** A copy of everything that what follows depends on. */
  save() {
    return { ...this.reader.save(), isEmpty: this.isEmpty };
  }

  /** Go back to what `save` returned; throws for the state of another model, and changes nothing. */
  restore({ isEmpty, ...state }) {
    this.reader.check(state);
    this.start({ ids: [], continuations: [] });
    this.reader.restore(state);
    this.isEmpty = isEmpty;
  }
}
