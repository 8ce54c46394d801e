// What else the model considered at a place of the text: a box next to that place, or at the foot of
// a narrow window.

import { fillBars, tokenElement } from "./bars.js";
import { byId, percent } from "./elements.js";

const GAP = 10; // pixels between a place and the box

export class Inspector {
  #box = byId("inspector");
  #list = byId("considered");
  #rectangle = null;
  #opening = 0; // the number of the last one

  /**
   * @param {{step: (key: string) => void, closed: (focus: boolean) => void}} actions `step` asks
   *     for the place that an arrow key leads to; `closed` tells whether the text gets the focus.
   */
  constructor(actions) {
    this.actions = actions;
    byId("close").addEventListener("click", () => this.close());
    this.#box.addEventListener("keydown", (event) => this.#press(event));
    addEventListener("pointerdown", (event) => {
      if (!this.#box.hidden && !this.#box.contains(event.target)) this.close({ focus: false });
    });
    addEventListener("resize", () => this.#put());
  }

  /**
   * @param {object} place
   * @param {{text: string, logProbability?: number, isSeed: boolean}} place.token what the text has.
   * @param {() => DOMRect} place.rectangle where that is.
   * @param {Promise<{text: string, probability: number}[]>} place.choices
   * @param {(choice: object, choices: object[]) => void} place.choose
   */
  async open({ token, rectangle, choices, choose }) {
    const opening = ++this.#opening;
    this.#rectangle = rectangle;
    byId("place").replaceChildren(tokenElement(token.text));
    byId("place-facts").textContent = describe(token);
    const wasHidden = this.#box.hidden;
    this.#box.hidden = false;
    let list;
    try {
      list = await choices;
    } catch (error) {
      if (opening === this.#opening) this.close({ focus: wasHidden });
      throw error;
    }
    if (opening !== this.#opening || this.#box.hidden) return;
    // What the text has may not be one of the likeliest.
    if (!token.isSeed && !list.some(({ text }) => text === token.text)) {
      list = [...list, { text: token.text, probability: Math.exp(token.logProbability) }];
    }
    if (token.isSeed) {
      const found = list.find(({ text }) => text === token.text);
      byId("place-facts").textContent = found
        ? `in your seed: ${percent(found.probability)}`
        : "in your seed: not among the likeliest";
    }
    fillBars(this.#list, list, (choice) => choose(choice, list), token.text);
    this.#put();
    this.#box.scrollIntoView({ block: "nearest" });
    // At the foot of a narrow window it must not cover the place.
    const hidden = this.#rectangle().bottom + GAP - this.#box.getBoundingClientRect().top;
    if (getComputedStyle(this.#box).position === "fixed" && hidden > 0) scrollBy({ top: hidden });
    (this.#list.querySelector("[aria-current]") ?? this.#list.querySelector("button"))?.focus({
      preventScroll: true,
    });
  }

  close({ focus = true } = {}) {
    if (this.#box.hidden) return;
    this.#opening++;
    this.#box.hidden = true;
    this.#list.replaceChildren();
    this.actions.closed(focus);
  }

  #put() {
    if (this.#box.hidden) return;
    const at = this.#rectangle();
    const { width, height } = this.#box.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const isBelow = at.bottom + GAP + height < innerHeight || at.top < height + GAP;
    this.#box.style.left = `${Math.max(8, Math.min(at.left - 16, room - width - 8)) + scrollX}px`;
    this.#box.style.top = `${(isBelow ? at.bottom + GAP : at.top - height - GAP) + scrollY}px`;
  }

  #press(event) {
    const buttons = [...this.#list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const keys = {
      Escape: () => this.close(),
      ArrowDown: () => buttons[Math.min(at + 1, buttons.length - 1)]?.focus(),
      ArrowUp: () => buttons[Math.max(at - 1, 0)]?.focus(),
      ArrowLeft: () => this.actions.step("ArrowLeft"),
      ArrowRight: () => this.actions.step("ArrowRight"),
    };
    if (!Object.hasOwn(keys, event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }
}

function describe(token) {
  if (token.isSeed) return "in your seed";
  const bits = -token.logProbability / Math.LN2;
  return `${percent(Math.exp(token.logProbability))}, ${Math.max(0, bits).toFixed(2)} bits${token.chosen ? ", your choice" : ""}`;
}
