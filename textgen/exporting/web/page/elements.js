// Small helpers for elements, names and numbers.

export const byId = (id) => document.getElementById(id);

/** A new element; `content` is text, an element or a list of these, and never markup. */
export function element(name, properties = {}, content = []) {
  const made = document.createElement(name);
  for (const [property, value] of Object.entries(properties)) {
    if (property in made) made[property] = value;
    else made.setAttribute(property, value);
  }
  made.append(...[content].flat());
  return made;
}

/** Switch a button off without taking the focus from it, as `disabled` would. */
export function setEnabled(button, enabled) {
  button.setAttribute("aria-disabled", String(!enabled));
}

export const isEnabled = (button) => button.getAttribute("aria-disabled") !== "true";

/** Scroll to an element if it is below the window, as on a telephone. */
export function reveal(shown) {
  if (shown.getBoundingClientRect().top > innerHeight * 0.7) shown.scrollIntoView();
}

const NAMES = {
  "": "end of document",
  " ": "space",
  "\n": "line end",
  "\t": "tab",
  "\u00a0": "no-break space",
  "\u00ad": "soft hyphen",
  "\ufffd": "unknown",
};
const SIGNS = { " ": "\u2423", "\n": "\u21b5", "\t": "\u21e5" };
const INVISIBLE = /^[\p{C}\p{Z}]$/u;
const COMBINING = /^\p{M}/u;

/** A token as people can read it: a name for what cannot be seen, a dotted circle under an accent. */
export function visible(token) {
  if (token in NAMES) return NAMES[token];
  const characters = [...token];
  if (characters.length === 1 && INVISIBLE.test(token)) {
    return `U+${token.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  }
  const signs = characters.map(
    (character) => SIGNS[character] ?? (/^\p{Cc}$/u.test(character) ? "\ufffd" : character),
  );
  return (COMBINING.test(token) ? "\u25cc" : "") + signs.join("");
}

/** Whether `visible` gives a token a name, which is not part of a text. */
export const isNamed = (token) =>
  token in NAMES || ([...token].length === 1 && INVISIBLE.test(token));

const whole = new Intl.NumberFormat("en");

export const count = (number, noun) =>
  `${whole.format(number)} ${noun}${number === 1 ? "" : "s"}`;

/** An error's message as a sentence. */
export const sentence = ({ message }) =>
  message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?]$/u.test(message) ? "" : ".");

export const percent = (share) =>
  share >= 0.9995 ? "100 %" : share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;

/** The number of characters of a text: code points, as everywhere in textgen. */
export function characters(text) {
  let number = text.length;
  for (let place = 0; place < text.length; place++) {
    if ((text.charCodeAt(place) & 0xfc00) === 0xdc00) number--;
  }
  return number;
}

/** A random number for a random seed: a whole number below 2^32. */
export const randomNumber = () => crypto.getRandomValues(new Uint32Array(1))[0];

/** Put a text on the clipboard, also where the browser gives pages no clipboard (http). */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    // Below is how browsers did it before.
  }
  const focused = document.activeElement;
  const box = element("textarea", { value: text, className: "visually-hidden" });
  document.body.append(box);
  box.select();
  const copied = document.execCommand("copy");
  box.remove();
  focused?.focus();
  if (!copied) throw new Error("The browser does not let this page copy: select the text and copy it.");
}
