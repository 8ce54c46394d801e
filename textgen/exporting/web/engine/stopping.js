// When a generated text ends, apart from its highest length and the end of a document.

/** Finds the texts and the number of line ends after which a text ends. */
export class StopCondition {
  /**
   * @param {string[]} until
   * @param {number} lines 0 to ignore line ends.
   * @param {Vocabulary} vocabulary
   */
  constructor(until, lines, vocabulary) {
    for (const character of until.join("")) {
      if (!vocabulary.ids.has(character)) {
        throw new RangeError(
          `until cannot be generated: ${JSON.stringify(character)} is not in the vocabulary`,
        );
      }
    }
    if (lines && !vocabulary.ids.has("\n")) {
      throw new RangeError("lines cannot be reached: the vocabulary has no line end");
    }
    this.until = until;
    this.lines = lines;
    this.lineEnds = 0;
    this.tail = "";
    this.tailLength = Math.max(0, ...until.map((text) => text.length));
  }

  /** Whether the text ends after its next character. */
  isMet(character) {
    if (character === "\n") this.lineEnds++;
    if (this.lines && this.lineEnds >= this.lines) return true;
    if (!this.tailLength) return false;
    this.tail = (this.tail + character).slice(-this.tailLength);
    return this.until.some((text) => this.tail.endsWith(text));
  }
}
