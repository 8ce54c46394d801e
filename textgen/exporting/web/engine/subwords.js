// Subwords as characters, and seeds that end inside a word.
//
// There, the last tokens of a seed are not those that the network learned to expect: "th" may be a
// token, yet after it the network never saw "e", because "the" is another token. So the end of the
// seed is held back ("token healing"), and the next token is chosen among all that begin with it:
// with the last token of the seed, with the last two, and so on. Each is as probable as it is
// together with the tokens of the seed before it.

import { logProbabilities } from "./decoding.js";

/** Characters of a subword, at most. */
const LONGEST_SUBWORD = 32;

/**
 * What is read of a seed, and the tokens that continue it.
 *
 * Nothing is held back if no other token can begin with it. What begins with the whole seed needs
 * something that is read before: the document end, or else a line end.
 *
 * @param {Vocabulary} vocabulary
 * @param {number[]} seedIds A seed's tokens, without the document end.
 * @param {Set<number>} never Ids that are never chosen.
 * @returns {{ids: number[], continuations: {back: number, length: number, ids: number[]}[]}} The ids
 *   to read; tokens that begin with the end of the seed: how many tokens before the seed's last one
 *   they replace, too, how many of their characters are in the seed, and their ids. Without any, all
 *   of the seed is read.
 */
export function holdBack(vocabulary, seedIds, never) {
  const end = vocabulary.documentEnd;
  const unchanged = end === null ? [...seedIds] : [end, ...seedIds];
  const last = seedIds.length - 1;
  if (last < 0 || never.has(seedIds[last])) return { ids: unchanged, continuations: [] };
  const continuations = [];
  let text = "";
  for (let back = 0; back <= last; back++) {
    text = vocabulary.text(seedIds[last - back]) + text;
    const { length } = Array.from(text);
    if (length > LONGEST_SUBWORD) break;
    const ids = vocabulary.tokens.flatMap((token, id) =>
      token.startsWith(text) && !never.has(id) ? [id] : [],
    );
    if (ids.length) continuations.push({ back, length, ids });
  }
  let ids = unchanged.slice(0, -1);
  if (end === null && continuations[continuations.length - 1].back === last) {
    const lineEnd = vocabulary.ids.get("\n");
    if (lineEnd === undefined) continuations.pop();
    else ids = [lineEnd, ...ids];
  }
  const count = continuations.reduce((sum, each) => sum + each.ids.length, 0);
  return count < 2 ? { ids: unchanged, continuations: [] } : { ids, continuations };
}

/** The end of a seed while the seed is read, all but its last token. */
export class SeedEnd {
  /**
   * @param {{back: number, length: number, ids: number[]}[]} continuations At least one.
   * @param {number[]} ids The ids that are read.
   */
  constructor(continuations, ids) {
    this.continuations = new Map(continuations.map((each) => [each.back, each]));
    this.furthest = Math.max(...this.continuations.keys());
    this.ids = ids;
    this.left = ids.length;
    this.logs = [];
    this.chosenFrom = new Map();
  }

  /** Take the logits after the next id. */
  read(logits) {
    this.left--;
    if (this.left <= this.furthest) this.logs[this.left] = logProbabilities(logits);
  }

  /** The log-probabilities of all continuations, but for a constant; -Infinity for other tokens. */
  scores() {
    const scores = new Float32Array(this.logs[0].length).fill(-Infinity);
    let before = 0; // the logarithm of the probability of the tokens that are not replaced
    for (let back = this.furthest; back >= 0; back--) {
      const logs = this.logs[back];
      for (const id of this.continuations.get(back)?.ids ?? []) {
        if (before + logs[id] > scores[id]) {
          scores[id] = before + logs[id];
          this.chosenFrom.set(id, back);
        }
      }
      if (back) before += logs[this.ids[this.ids.length - back]];
    }
    return scores;
  }

  /**
   * Where a token that was chosen by its score continues the seed.
   *
   * @returns {{known: number, again: number[]}} How many of its characters are in the seed; the ids
   *   to read before it if these are not all ids.
   */
  locate(id) {
    const back = this.chosenFrom.get(id);
    const again = back ? this.ids.slice(0, -back) : [];
    return { known: this.continuations.get(back).length, again };
  }
}
