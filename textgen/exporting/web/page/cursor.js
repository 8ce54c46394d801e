// The cursor in the text: arrow keys, Home, End and the pointer move it from token to token, and
// Enter or a click opens a place.

import { byId } from "./elements.js";

export class Cursor {
  place = -1;

  /**
   * @param {TextView} view
   * @param {{moved: (place: number) => void, open: (place: number) => void}} actions
   */
  constructor(view, actions) {
    this.view = view;
    this.actions = actions;
    this.mark = byId("cursor");
    view.box.addEventListener("keydown", (event) => this.#press(event));
    view.box.addEventListener("click", (event) => this.#click(event));
    view.box.addEventListener("focus", () => this.#focus());
    view.box.addEventListener("blur", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(view.box);
  }

  /** Put the cursor on a place; -1 for none. */
  move(place) {
    this.place = Math.min(place, this.view.length - 1);
    this.draw();
  }

  /** Draw the cursor where its place is now. */
  draw() {
    const shown =
      this.place >= 0 &&
      this.place < this.view.length &&
      (document.activeElement === this.view.box || !byId("inspector").hidden);
    this.mark.hidden = !shown;
    if (!shown) return;
    const sheet = this.view.box.parentElement;
    const around = sheet.getBoundingClientRect();
    const { left, top, width, height } = this.view.rectanglesOf(this.place)[0];
    Object.assign(this.mark.style, {
      left: `${left - around.left - sheet.clientLeft}px`,
      top: `${top - around.top - sheet.clientTop + sheet.scrollTop}px`,
      width: `${Math.max(width, 4)}px`,
      height: `${height}px`,
    });
  }

  #focus() {
    if (this.place < 0 && this.view.length) this.place = 0;
    this.draw();
  }

  #click(event) {
    // Who selects text does not want to open what is under the pointer.
    if (event.button || !getSelection().isCollapsed) return;
    const place = this.view.placeAt(event.clientX, event.clientY);
    if (place < 0) return;
    this.move(place);
    this.actions.open(place);
  }

  #press(event) {
    if (!this.view.length || event.altKey || event.metaKey) return;
    // Another text, of another length, may have come since.
    this.place = Math.max(0, Math.min(this.place, this.view.length - 1));
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.actions.open(this.place);
      return;
    }
    const place = this.target(event);
    if (place === undefined) return;
    event.preventDefault();
    this.move(Math.max(0, place));
    this.mark.scrollIntoView({ block: "nearest" });
    this.actions.moved(this.place);
  }

  /** Where a key leads; undefined for keys that do not move. */
  target({ key, ctrlKey = false }) {
    const last = this.view.length - 1;
    switch (key) {
      case "ArrowLeft":
      case "ArrowRight":
        return this.place + this.#step(key === "ArrowRight");
      case "ArrowUp":
      case "ArrowDown":
        return this.#vertical(key === "ArrowDown" ? 1 : -1);
      case "Home":
        return ctrlKey ? 0 : this.#endOfLine(-1);
      case "End":
        return ctrlKey ? last : this.#endOfLine(1);
      default:
        return undefined;
    }
  }

  /** One place forwards or backwards: in a line from right to left, forwards is to the left. */
  #step(isRight) {
    const { direction } = getComputedStyle(this.view.elementOf(this.place).parentElement);
    return isRight === (direction === "ltr") ? 1 : -1;
  }

  /** The place above or below: the nearest one in the next line on the screen. */
  #vertical(sign) {
    const from = this.view.rectanglesOf(this.place)[0];
    const middle = from.left + from.width / 2;
    let best = this.place;
    let bestDistance = Infinity;
    let lineTop;
    for (let place = this.place + sign; place >= 0 && place < this.view.length; place += sign) {
      const { left, width, top, height } = this.view.rectanglesOf(place)[0];
      if (Math.abs(top - from.top) < height / 2) continue;
      lineTop ??= top;
      if (Math.abs(top - lineTop) >= height / 2) break;
      const distance = Math.abs(left + width / 2 - middle);
      if (distance < bestDistance) [best, bestDistance] = [place, distance];
    }
    return best;
  }

  /** The first or last place in this line of the screen. */
  #endOfLine(sign) {
    const { top, height } = this.view.rectanglesOf(this.place)[0];
    let { place } = this;
    for (let next = place + sign; next >= 0 && next < this.view.length; next += sign) {
      if (Math.abs(this.view.rectanglesOf(next)[0].top - top) >= height / 2) break;
      place = next;
    }
    return place;
  }
}
