// A text in colours: the less the model expected a token, the stronger its background.
//
// Every line of the text is a block, so that a long text is laid out line by line and each line
// runs in the direction of its script. Consecutive tokens of the same colour share one element, and
// so do characters that are drawn as one, such as a letter and its accent. New tokens are drawn
// once per frame.

import { element } from "./elements.js";

const LEVELS = [1, 2, 4, 8]; // bits, as in `textgen report`
const HIDDEN_FRAME = 200; // milliseconds: a page that is hidden meanwhile gets no frame
const segmenter = Intl.Segmenter && new Intl.Segmenter("en", { granularity: "grapheme" });

/** The level of surprise of a token, 0 to 4. */
function levelOf(token) {
  if (token.logProbability === undefined || token.logProbability === null) return 0;
  const bits = -token.logProbability / Math.LN2;
  let level = 0;
  while (level < LEVELS.length && bits >= LEVELS[level]) level++;
  return level;
}

/** Whether the beginning of `text` is drawn together with the end of `previous`. */
function isJoined(previous, text) {
  if (!text || !previous || text.charCodeAt(0) < 0x300) return false;
  if (!segmenter) return /^[\p{M}\u200d\u{1f3fb}-\u{1f3ff}]/u.test(text) || previous.endsWith("\u200d");
  const tail = previous.slice(-32);
  return segmenter.segment(tail + text).containing(tail.length).index !== tail.length;
}

export class TextView {
  #runs = []; // {node, places, starts}: a text node, the places in it and where each begins
  #first = []; // of each place, the number of its first run
  #line = null;
  #class = null; // of the last run
  #pending = []; // [place's text, class]
  #tail = ""; // the end of the text
  #frame = 0;

  /**
   * @param {HTMLElement} box is filled with the text.
   * @param {() => void} drawn is called after each frame that drew something.
   */
  constructor(box, drawn = () => {}) {
    this.box = box;
    this.drawn = drawn;
  }

  /** The number of places that are drawn. */
  get length() {
    return this.#first.length;
  }

  /** Draw another text. */
  show({ seed, tokens }) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#runs = [];
    this.#first = [];
    this.#line = this.#class = null;
    this.#tail = "";
    this.box.replaceChildren();
    this.#pending = [...seed].map((text) => [text, "seed"]);
    this.append(tokens);
    this.flush();
  }

  /** Draw more tokens with the next frame. */
  append(tokens) {
    for (const token of tokens) {
      const level = `level${levelOf(token)}`;
      this.#pending.push([token.text, token.chosen ? `${level} chosen` : level]);
    }
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.flush());
  }

  /** Resolves when what is pending is drawn, or soon in a page that is not in sight. */
  async frame() {
    if (!this.#pending.length || document.hidden) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, HIDDEN_FRAME);
      requestAnimationFrame(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Draw what is pending now. */
  flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#pending.length) return;
    let added = "";
    const commit = () => {
      if (added) this.#runs.at(-1).node.appendData(added);
      added = "";
    };
    const lines = document.createDocumentFragment();
    for (const [text, name] of this.#pending) {
      const place = this.#first.length;
      // A subword may contain line ends: each of its parts goes into its own line.
      const parts = text.includes("\n") ? text.match(/[^\n]*\n|[^\n]+/gu) : [text];
      for (const [number, part] of parts.entries()) {
        const isNew = !this.#line;
        if (isNew) {
          commit();
          this.#line = element("div", { dir: "auto" });
          lines.append(this.#line);
        }
        const isEnd = part.endsWith("\n");
        if (isNew || isEnd || (name !== this.#class && !isJoined(this.#tail, part))) {
          commit();
          const node = document.createTextNode("");
          const span = element("span", { className: isEnd ? `${name} end` : name }, node);
          this.#line.append(span);
          this.#runs.push({ node, length: 0, places: [], starts: [] });
          this.#class = name;
        }
        const run = this.#runs.at(-1);
        if (number === 0) this.#first.push(this.#runs.length - 1);
        run.places.push(place);
        run.starts.push(run.length);
        run.length += part.length;
        added += part;
        this.#tail = (this.#tail + part).slice(-64);
        if (isEnd) {
          this.#line = null;
          this.#tail = "";
        }
      }
    }
    commit();
    this.box.append(lines);
    this.#pending = [];
    this.drawn();
  }

  /** The element of a place. */
  elementOf(place) {
    return this.#runs[this.#first[place]].node.parentElement;
  }

  /** The rectangles of a place on the screen: several if it is in several lines. */
  rectanglesOf(place) {
    const run = this.#runs[this.#first[place]];
    const number = run.places.indexOf(place);
    const range = document.createRange();
    range.setStart(run.node, run.starts[number]);
    range.setEnd(run.node, run.starts[number + 1] ?? run.node.length);
    const rectangles = [...range.getClientRects()].filter(({ height }) => height);
    // The range of a line end is empty; its element shows a sign. An accent has the place of its letter.
    const visible = rectangles.filter(({ width }) => width);
    return visible.length ? visible : [run.node.parentElement.getBoundingClientRect()];
  }

  /** The place that is drawn at a point of the window, or the nearest in its line; -1 for none. */
  placeAt(x, y) {
    const [node, offset] = caretAt(x, y);
    if (!node || !this.box.contains(node)) return -1;
    const number = this.#runs.findIndex((run) => run.node === node);
    if (number < 0) {
      // A line, or the sign of a line end.
      const parent = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
      const inside = this.#runs.findLastIndex((run) => parent.contains(run.node));
      return inside < 0 ? -1 : this.#runs[inside].places.at(-1);
    }
    const { places, starts } = this.#runs[number];
    let index = starts.findLastIndex((start) => start <= offset);
    // The caret is between two places: the point may be on either.
    const before = places[index - 1] ?? this.#runs[number - 1]?.places.at(-1);
    if (starts[index] === offset && before !== undefined && this.#isAt(before, x, y)) return before;
    const after = places[index + 1] ?? this.#runs[number + 1]?.places[0];
    if (after !== undefined && this.#isAt(after, x, y)) return after;
    return places[index];
  }

  #isAt(place, x, y) {
    return this.rectanglesOf(place).some(
      ({ left, right, top, bottom }) => x >= left && x < right && y >= top && y <= bottom,
    );
  }
}

/** The text node at a point of the window and the offset in it. */
function caretAt(x, y) {
  if (document.caretPositionFromPoint) {
    const caret = document.caretPositionFromPoint(x, y);
    return caret ? [caret.offsetNode, caret.offset] : [null, 0];
  }
  const range = document.caretRangeFromPoint?.(x, y);
  return range ? [range.startContainer, range.startOffset] : [null, 0];
}
