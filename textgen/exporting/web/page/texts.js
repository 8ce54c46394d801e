// The text on the page, and the ones before it that Undo brings back.
//
// A text is {seed, label, tokens, finish, run}: what it starts from, the labels of the document, the
// tokens after the seed, why it ended ("stop", "length", "cancelled", or null while it is written),
// and the settings that wrote its last part (what a link holds).

/** The whole text. */
export const textOf = ({ seed, tokens }) => seed + tokens.map(({ text }) => text).join("");

/** The places of a text: the characters of its seed, then its tokens. */
export const placesOf = ({ seed, tokens }) => [...[...seed].map((text) => ({ text })), ...tokens];

/** Whether a place is in the seed of a text. */
export const isSeedPlace = ({ seed }, place) => place < [...seed].length;

/** A text up to a place, without that place. */
export function before(text, place) {
  const seed = [...text.seed];
  return {
    ...text,
    seed: seed.slice(0, place).join(""),
    tokens: text.tokens.slice(0, Math.max(0, place - seed.length)),
  };
}

/** A text with one more token, which somebody chose among the alternatives there. */
export function choose(text, choice, alternatives) {
  const token = {
    text: choice.text,
    logProbability: Math.log(choice.probability),
    alternatives,
    chosen: true,
  };
  return { ...text, tokens: [...text.tokens, token] };
}

/** A number below 2^32 that follows from a random seed and a text. */
export function mix(randomSeed, text) {
  let hash = Math.imul(randomSeed ^ 0x9e3779b9, 0x85ebca6b);
  for (let place = 0; place < text.length; place++) {
    hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

const MOST_TEXTS = 500;

/** The texts before and after the current one. */
export class History {
  current = null;
  #past = [];
  #future = [];

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  add(text) {
    this.#past.push(this.current);
    if (this.#past.length > MOST_TEXTS) this.#past.shift();
    this.#future = [];
    this.current = text;
  }

  /** Forget the current text. */
  remove() {
    this.current = this.#past.pop();
  }

  undo() {
    this.#future.push(this.current);
    this.current = this.#past.pop();
  }

  redo() {
    this.#past.push(this.current);
    this.current = this.#future.pop();
  }
}
