// A trained model: what a program can do with it.

import { Pause, generateTokens, readSeed } from "./generation.js";
import { Labels } from "./labels.js";
import { Network } from "./network.js";
import { checkInteger, checkNumber, checkOptions } from "./options.js";
import { Random } from "./random.js";
import { StopCondition } from "./stopping.js";
import { holdBack } from "./subwords.js";
import { Text } from "./text.js";
import { Vocabulary, describeCharacter } from "./vocabulary.js";
import { readWeights } from "./weights.js";

/** A trained model, from `load`. */
export class Model {
  /** What all texts share: the vocabulary, the network and the ids that are never chosen. */
  #shared;
  #labels;
  #text; // what `step` reads
  #random; // the numbers of `choose`

  /** Use `load` to make one. */
  constructor(file, kernels) {
    const { cell, units, window, excluded, weights } = file;
    const vocabulary = new Vocabulary(file);
    const network = new Network(kernels, { cell, units, window }, readWeights(weights));
    if (network.vocabularySize !== vocabulary.size) {
      throw new TypeError("the model's weights are those of another vocabulary");
    }
    const never = new Set();
    vocabulary.tokens.forEach((token, id) => {
      if (Array.from(token).some((character) => excluded.includes(character))) never.add(id);
    });
    if (vocabulary.unknown !== null) never.add(vocabulary.unknown);
    this.#shared = { vocabulary, network, never };
    this.#labels = new Labels(file.labels, file.label_combinations);
    /**
     * What kind of model it is.
     *
     * @type {{name: string, cell: string, units: number[], window: number | null, dtype: string,
     *   characters: string, vocabularySize: number, subwords: boolean, documents: boolean,
     *   documentEnd: number | null, labels: {name: string, values: string[]}[], seeds: string[],
     *   kernels: "wasm" | "plain", textgen: string}}
     */
    this.info = {
      name: file.name,
      cell,
      units,
      window,
      dtype: weights.dtype,
      characters: file.characters,
      vocabularySize: vocabulary.size,
      subwords: vocabulary.hasSubwords,
      documents: vocabulary.documentEnd !== null,
      documentEnd: vocabulary.documentEnd,
      labels: file.labels.map(({ name, values }) => ({ name, values })),
      seeds: file.seeds,
      kernels: kernels.name,
      textgen: file.textgen,
    };
    this.#random = new Random(Math.floor(Math.random() * 2 ** 32));
    this.#text = new Text(this.#shared);
    this.reset();
  }

  /**
   * Generate a text.
   *
   * Texts may be generated at the same time; each has its own state, apart from that of `step`.
   *
   * @param {object} [options]
   * @param {string} [options.seed] Text to start from. Without it, a document starts from nothing, and
   *   other texts from one of `info.seeds`.
   * @param {object} [options.state] A state from `state()` to start from, instead of a seed.
   * @param {number} [options.temperature=0.5] Logits are divided by it; 0 always picks the most likely
   *   token.
   * @param {number} [options.topK=0] Choose among the k most likely tokens; 0 for all.
   * @param {number} [options.topP=1] Choose among the fewest tokens that together have this
   *   probability.
   * @param {number} [options.minP=0] Choose among tokens whose probability is at least this share of
   *   the most likely one's.
   * @param {number} [options.length] Characters after the seed, at most; 0 for no limit. 400 by
   *   default, and 10,000 with `until` or `lines` and for documents.
   * @param {string | string[]} [options.until] The text ends after the first of these that it has.
   * @param {number} [options.lines=0] The text ends after this many line ends; 0 to ignore them.
   * @param {number} [options.randomSeed] Makes the text repeatable.
   * @param {string | string[] | object} [options.label] `"horror"`, `"genre=horror"`, a list of such,
   *   or the values by name. Labels that are not named are drawn as often as they occur.
   * @param {number} [options.alternatives=0] How many alternatives each token has.
   * @param {"error" | "skip"} [options.unknown="error"] What to do with characters of the seed that
   *   the model does not know.
   * @param {AbortSignal} [options.signal] Ends the iteration with the signal's reason as an error.
   * @returns {AsyncGenerator<Token, {finish: "stop" | "length"}> & {seed: string, labels: object}} The
   *   tokens after the seed. `finish` is "stop" after the end of a document, `until` or `lines`.
   *   `seed` and `labels` are those that the text has, drawn or given.
   *
   * @example
   * const text = model.generate({ seed: "To be", temperature: 0.7, randomSeed: 1 });
   * for await (const { text: characters, logProbability } of text) show(characters, logProbability);
   */
  generate(options = {}) {
    const checked = checkOptions(options, this.info.documents);
    const stop = new StopCondition(checked.until, checked.lines, this.#shared.vocabulary);
    const random = new Random(checked.randomSeed);
    const text = new Text(this.#shared);
    let seed = "";
    if (checked.state) {
      if (checked.seed !== null) throw new TypeError("give a seed or a state, not both");
      if (checked.label !== null) throw new TypeError("a state has its labels; give no others");
      text.restore(checked.state);
      checkStarted(text);
    } else {
      text.reader.setLabels(this.#labels.draw(this.#labels.parse(checked.label), random));
      seed = this.#checkSeed(checked.seed ?? this.#drawSeed(random), checked.unknown);
      text.start(this.#encodeSeed(seed));
    }
    const tokens = generateTokens(text, checked, stop, random);
    return Object.assign(tokens, { seed, labels: this.#labels.decode(text.reader.labelIds) });
  }

  /**
   * The most likely tokens after a seed, as `generate` would choose among them.
   *
   * @param {string} [seed=""] Text to start from; it may be empty for a document.
   * @param {object} [options]
   * @param {number} [options.count=10] How many.
   * @param {number} [options.temperature=1]
   * @param {string | string[] | object} [options.label] As for `generate`; there is no label where none
   *   is named.
   * @param {"error" | "skip"} [options.unknown="error"] As for `generate`.
   * @param {AbortSignal} [options.signal] Ends it with the signal's reason as an error.
   * @returns {Promise<Alternative[]>} The most likely one first.
   *
   * @example
   * (await model.predict("To be or no"))[0]; // { text: "t", id: 57, probability: 0.93 }
   */
  async predict(seed = "", { count = 10, temperature = 1, label, unknown, signal } = {}) {
    checkInteger("count", count);
    checkNumber("temperature", temperature, Number.MIN_VALUE, Infinity);
    const text = new Text(this.#shared);
    text.reader.setLabels(this.#labels.fill(this.#labels.parse(label)));
    text.start(this.#encodeSeed(this.#checkSeed(seed, unknown)));
    await readSeed(text, new Pause(signal));
    const { documentEnd, vocabularySize } = this.info;
    const alternatives = text.alternatives(vocabularySize, temperature);
    // Tokens that end where a seed of subwords ends: after them, what follows is what comes next.
    const ends = alternatives.filter((each) => each.text === "" && each.id !== documentEnd);
    if (!ends.length) return alternatives.slice(0, count);
    const share = ends.reduce((sum, each) => sum + each.probability, 0);
    const byText = new Map(alternatives.map((each) => [each.text, each]));
    byText.delete("");
    text.append(ends[0].id); // the most likely one stands for all
    for (const each of text.alternatives(vocabularySize, temperature)) {
      const probability = share * each.probability + (byText.get(each.text)?.probability ?? 0);
      byText.set(each.text, { ...each, probability });
    }
    return [...byText.values()].sort((a, b) => b.probability - a.probability).slice(0, count);
  }

  /**
   * Forget what was read: `step` starts a new text, or a new document.
   *
   * @param {string | string[] | object} [label] As for `generate`; there is no label where none is
   *   named.
   *
   * @example
   * model.reset("genre=horror");
   */
  reset(label) {
    const { documentEnd } = this.info;
    this.#text.reader.setLabels(this.#labels.fill(this.#labels.parse(label)));
    this.#text.start({ ids: documentEnd === null ? [] : [documentEnd], continuations: [] });
    while (this.#text.readSeed());
  }

  /**
   * Read a token, or all tokens of a text.
   *
   * @param {number | string} token An id, or a text of the model's characters.
   *
   * @example
   * model.reset();
   * model.step("To be");
   * model.alternatives(3); // what may come next
   */
  step(token) {
    const ids = typeof token === "string" ? this.encode(this.#checkKnown(token)) : [token];
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= this.info.vocabularySize) {
        throw new RangeError(`${id} is no id; they go from 0 to ${this.info.vocabularySize - 1}`);
      }
      this.#text.append(id);
    }
  }

  /**
   * The probabilities of all tokens after what was read.
   *
   * @param {number} [temperature=1] Above 0.
   * @returns {Float32Array} By id.
   *
   * @example
   * model.probabilities()[model.encode("e")[0]];
   */
  probabilities(temperature = 1) {
    checkNumber("temperature", temperature, Number.MIN_VALUE, Infinity);
    return checkStarted(this.#text).probabilities(temperature);
  }

  /**
   * The most likely tokens after what was read.
   *
   * @param {number} [count=10] How many.
   * @param {number} [temperature=1] Above 0.
   * @returns {Alternative[]} The most likely one first.
   *
   * @example
   * for (const { text, probability } of model.alternatives(5)) drawBar(text, probability);
   */
  alternatives(count = 10, temperature = 1) {
    checkInteger("count", count);
    checkNumber("temperature", temperature, Number.MIN_VALUE, Infinity);
    return count ? checkStarted(this.#text).alternatives(count, temperature) : [];
  }

  /**
   * Choose the token after what was read, without reading it.
   *
   * @param {object} [options] `temperature`, `topK`, `topP` and `minP`, as for `generate`.
   * @returns {number} Its id.
   *
   * @example
   * const id = model.choose({ temperature: 0.8 });
   * write(model.decode([id]));
   * model.step(id);
   */
  choose(options = {}) {
    const { temperature, topK, topP, minP } = checkOptions(options, this.info.documents);
    return checkStarted(this.#text).choose({ temperature, topK, topP, minP }, this.#random);
  }

  /**
   * Start the random numbers of `choose` from a number.
   *
   * @param {number} randomSeed An integer from 0 on.
   *
   * @example
   * model.seedRandom(1);
   */
  seedRandom(randomSeed) {
    checkInteger("randomSeed", randomSeed);
    this.#random = new Random(randomSeed);
  }

  /**
   * A copy of what `step` has read and of the random numbers of `choose`.
   *
   * @returns {object} Plain data, which can be stored: also as JSON.
   *
   * @example
   * const before = model.state();
   * model.step("!");
   * model.setState(before);
   */
  state() {
    return { ...this.#text.save(), random: this.#random.state.slice() };
  }

  /**
   * Go back to a state.
   *
   * @param {object} state From `state()` of this model.
   *
   * @example
   * model.setState(JSON.parse(localStorage.getItem("state")));
   */
  setState(state) {
    this.#text.restore(state);
    this.#random.state = Uint32Array.from(Object.values(state.random));
  }

  /**
   * Turn text into ids.
   *
   * @param {string} text
   * @returns {number[]} An id for each token; -1 for characters that the model does not know.
   *
   * @example
   * model.decode(model.encode("To be")); // "To be"
   */
  encode(text) {
    return this.#shared.vocabulary.encode(text);
  }

  /**
   * Turn ids into text.
   *
   * @param {Iterable<number>} ids
   * @returns {string} U+FFFD stands for what has no character; the end of a document has no text.
   *
   * @example
   * model.decode([model.choose()]);
   */
  decode(ids) {
    return this.#shared.vocabulary.decode(ids);
  }

  /** The part of a text that the model knows; throws for other characters, unless they are skipped. */
  #checkKnown(text, unknown = "error") {
    const { ids } = this.#shared.vocabulary;
    const characters = Array.from(text);
    const missing = characters.findIndex((character) => !ids.has(character));
    if (missing < 0) return text;
    if (unknown === "skip") return characters.filter((character) => ids.has(character)).join("");
    throw new RangeError(
      `character ${missing + 1}, ${describeCharacter(characters[missing])}, is not in the model's ` +
        'vocabulary; leave it out, or give unknown: "skip" to generate()',
    );
  }

  /** A seed of characters that the model knows; only that of a document may be empty. */
  #checkSeed(seed, unknown) {
    if (typeof seed !== "string") throw new TypeError("the seed must be a text");
    const known = this.#checkKnown(seed, unknown);
    if (!known && !(this.info.documents && !seed)) {
      throw new RangeError(
        seed ? "the seed has no character of the model's vocabulary" : "the seed is empty",
      );
    }
    return known;
  }

  /** The seed of a text for which none was given. */
  #drawSeed(random) {
    const { documents, seeds } = this.info;
    if (documents) return "";
    if (!seeds.length) throw new RangeError("the model has no seeds; give one");
    return seeds[Math.floor(random.next() * seeds.length)];
  }

  /** What is read of a seed, as from `holdBack`. */
  #encodeSeed(seed) {
    const { vocabulary, never } = this.#shared;
    const seedIds = vocabulary.encode(seed);
    const end = vocabulary.documentEnd;
    const read = vocabulary.hasSubwords
      ? holdBack(vocabulary, seedIds, never)
      : { ids: end === null ? seedIds : [end, ...seedIds], continuations: [] };
    if (this.info.window === null) return read;
    // No window has more of them.
    const furthest = Math.max(0, ...read.continuations.map((each) => each.back));
    return { ...read, ids: read.ids.slice(-this.info.window - furthest) };
  }
}

/** A text of which something was read, without which nothing can be predicted; throws for another. */
function checkStarted(text) {
  if (!text.isStarted) throw new Error("read something first, with step(text)");
  return text;
}
