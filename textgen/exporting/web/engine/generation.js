// The loop that generates one text, token by token.

const SLICE = 16; // milliseconds, after which events are handled: a page stays responsive

/**
 * A token of a generated text.
 *
 * @typedef {object} Token
 * @property {string} text Its characters. A token of which the text has only a part (after a seed that
 *   ends inside a word, or where the text is cut) has only those.
 * @property {number} id Its id.
 * @property {number} logProbability The natural logarithm of its probability, at temperature 1 and
 *   without filters; of a cut token, in proportion to its characters.
 * @property {Alternative[]} [alternatives] The most likely tokens here, if they were requested.
 */

/**
 * Generate a text.
 *
 * @param {Text} text With a seed, or with what it was restored to.
 * @param {object} options As from `checkOptions`.
 * @param {StopCondition} stop
 * @param {Random} random
 * @returns {AsyncGenerator<Token, {finish: "stop" | "length"}>}
 */
export async function* generateTokens(text, options, stop, random) {
  const { vocabulary } = text.model;
  const { signal, length: maxLength } = options;
  const pause = new Pause(signal);
  await readSeed(text, pause);
  let length = 0; // characters so far
  for (;;) {
    if (pause.isDue()) await pause.take();
    signal?.throwIfAborted();
    const id = text.choose(options, random);
    if (id === vocabulary.documentEnd) return { finish: "stop" };
    const added = Array.from(vocabulary.text(id)).slice(text.known(id));
    let kept = 0;
    let isStopped = false;
    while (kept < added.length && length < maxLength && !isStopped) {
      isStopped = stop.isMet(added[kept]);
      kept++;
      length++;
    }
    if (kept) {
      const token = {
        text: added.slice(0, kept).join(""),
        id,
        logProbability: (text.logProbability(id) * kept) / added.length,
      };
      if (options.alternatives) token.alternatives = text.alternatives(options.alternatives);
      yield token;
    }
    if (isStopped) return { finish: "stop" };
    // A document of the highest length may still end: that is no character.
    if (kept < added.length || (length === maxLength && vocabulary.documentEnd === null)) {
      return { finish: "length" };
    }
    text.append(id);
  }
}

/**
 * Read the seed of a text.
 *
 * @param {Text} text
 * @param {Pause} pause
 */
export async function readSeed(text, pause) {
  while (text.readSeed()) if (pause.isDue()) await pause.take();
}

/** Lets events be handled from time to time. */
export class Pause {
  /** @param {AbortSignal} [signal] Its reason is thrown after a pause. */
  constructor(signal) {
    this.signal = signal;
    this.since = performance.now();
  }

  isDue() {
    return performance.now() - this.since > SLICE;
  }

  async take() {
    await new Promise((resolve) => {
      if (typeof setImmediate === "function") {
        setImmediate(resolve);
      } else {
        // setTimeout would wait for 4 milliseconds, or a second in a page that is not in sight.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          port1.close();
          resolve();
        };
        port2.postMessage(null);
      }
    });
    this.signal?.throwIfAborted();
    this.since = performance.now();
  }
}
