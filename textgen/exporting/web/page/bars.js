// Probabilities of tokens as bars; each is a button.

import { element, isNamed, percent, visible } from "./elements.js";

/** A token in the page's type for text, or its name in the type for everything else. */
export const tokenElement = (token) =>
  element("bdi", { className: isNamed(token) ? "name" : "token" }, visible(token));

/**
 * Fill a list with one button for each token.
 *
 * @param {HTMLOListElement} list
 * @param {{text: string, probability: number}[]} choices the most likely first.
 * @param {(choice: object) => void} choose is called with the one that is pressed.
 * @param {string | null} current the token that the text has there, if any.
 */
export function fillBars(list, choices, choose, current = null) {
  const longest = choices.reduce((most, { probability }) => Math.max(most, probability), 1e-9);
  list.replaceChildren(
    ...choices.map((choice) => {
      const bar = element("span", { className: "bar" });
      bar.style.width = `${(100 * choice.probability) / longest}%`;
      const button = element("button", { type: "button" }, [
        tokenElement(choice.text),
        element("span", { className: "track", "aria-hidden": "true" }, bar),
        element("span", { className: "share" }, percent(choice.probability)),
      ]);
      if (choice.text === current) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => choose(choice));
      return element("li", {}, button);
    }),
  );
}
