// The tokens of a model: characters, which are Unicode code points, and subwords made of them.

/** The text of ids without one. */
const UNKNOWN = "\ufffd";

/** A code point as people write it, such as U+00E9. */
export function describeCharacter(character) {
  const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return `${JSON.stringify(character)} (U+${code})`;
}

/**
 * The tokens of a model. Ids: characters, subwords, the unknown id if there is one, the document end
 * if there is one.
 */
export class Vocabulary {
  /**
   * @param {{characters: string, merges: string[][], word_pattern?: string, has_unknown: boolean,
   *   document_end: number | null}} model A model file.
   */
  constructor(model) {
    this.characters = Array.from(model.characters);
    const subwords = new Set(model.merges.map(([first, second]) => first + second));
    /** The texts of characters and subwords, in the order of their ids. */
    this.tokens = [...this.characters, ...subwords];
    this.ids = new Map(this.tokens.map((token, id) => [token, id]));
    this.unknown = model.has_unknown ? this.tokens.length : null;
    this.documentEnd = model.document_end;
    this.size = this.tokens.length + model.has_unknown + (model.document_end !== null);
    /** How early each merge was learned, by its two tokens. */
    this.ranks = new Map(model.merges.map((merge, rank) => [merge.join("\0"), rank]));
    // The pattern has all characters in it: what is a letter depends on no version of Unicode.
    this.wordPattern = model.word_pattern ? new RegExp(model.word_pattern, "uy") : null;
    this.encodedWords = new Map();
  }

  /** Whether tokens can be longer than a character. */
  get hasSubwords() {
    return this.ranks.size > 0;
  }

  /** The ids of a text; -1 for characters that are not in the vocabulary. */
  encode(text) {
    if (!this.hasSubwords) return Array.from(text, (character) => this.ids.get(character) ?? -1);
    return this.words(text).flatMap((word) => this.encodeWord(word));
  }

  /** The text of ids; U+FFFD for the unknown id and for what is no id. */
  decode(ids) {
    return Array.from(ids, (id) => this.text(id)).join("");
  }

  /** The text of an id; nothing for the document end. */
  text(id) {
    return id === this.documentEnd ? "" : (this.tokens[id] ?? UNKNOWN);
  }

  /** A text as words, which no subword goes beyond. */
  words(text) {
    const words = [];
    const pattern = this.wordPattern;
    for (let place = 0; place < text.length; ) {
      pattern.lastIndex = place;
      // A line end, or a character that the vocabulary lacks, is a word by itself.
      const word = pattern.exec(text)?.[0] ?? String.fromCodePoint(text.codePointAt(place));
      words.push(word);
      place += word.length;
    }
    return words;
  }

  /** The ids of a word: of neighbouring tokens, those become one whose merge was learned first. */
  encodeWord(word) {
    let ids = this.encodedWords.get(word);
    if (ids) return ids;
    const tokens = Array.from(word);
    for (;;) {
      let best = Infinity;
      let place = -1;
      for (let i = 0; i + 1 < tokens.length; i++) {
        const rank = this.ranks.get(`${tokens[i]}\0${tokens[i + 1]}`);
        if (rank < best) [best, place] = [rank, i];
      }
      if (place < 0) break;
      tokens.splice(place, 2, tokens[place] + tokens[place + 1]);
    }
    ids = tokens.map((token) => this.ids.get(token) ?? -1);
    this.encodedWords.set(word, ids);
    return ids;
  }
}
