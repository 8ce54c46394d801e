// Several continuations side by side, of which one can be kept.

import { byId, element, reveal } from "./elements.js";
import { TextView } from "./text_view.js";

export const CANDIDATES = 5;

export class Candidates {
  #section = byId("candidates");
  #list = byId("candidate-list");

  /** @param {() => void} discard is called when the button is pressed that keeps none. */
  constructor(discard) {
    byId("discard").addEventListener("click", discard);
  }

  get isOpen() {
    return !this.#section.hidden;
  }

  /**
   * Show empty boxes, and return what draws tokens in each.
   *
   * @param {(number: number) => void} keep is called with the number of the one that is kept.
   */
  open(keep) {
    const views = [];
    this.#list.replaceChildren(
      ...Array.from({ length: CANDIDATES }, (_, number) => {
        const name = `continuation ${number + 1}`;
        const box = element("div", {
          className: "text",
          tabIndex: 0, // so that the keyboard can scroll it
          role: "group",
          "aria-label": name,
        });
        const button = element(
          "button",
          { type: "button", className: "small", "aria-label": `Keep ${name}` },
          "Keep",
        );
        button.addEventListener("click", () => keep(number));
        views.push(new TextView(box));
        return element("li", {}, [element("h3", {}, [String(number + 1), button]), box]);
      }),
    );
    this.#section.hidden = false;
    reveal(this.#section);
    return views;
  }

  close() {
    this.#section.hidden = true;
    this.#list.replaceChildren();
  }
}
