// What the page says: in its status line, which a screen reader reads when it changes, and in its
// line for errors.

import { byId, characters, count, percent, sentence, visible } from "./elements.js";

const SHORT = 200; // characters: the pace of fewer says little

/** Show a sentence in the status line. */
export function say(text) {
  byId("status").textContent = text;
  byId("error").textContent = "";
}

/** Show an error. */
export function fail(error) {
  byId("status").textContent = "";
  byId("error").textContent = sentence(error);
}

/** Tell a screen reader the token that the cursor is on. */
export function speak({ text, logProbability }) {
  const share = logProbability === undefined ? "seed" : percent(Math.exp(logProbability));
  byId("spoken").textContent = `${visible(text)}, ${share}`;
}

/** Tell how the writing of some tokens went. */
export function report(finish, tokens, seconds) {
  const length = characters(tokens.map(({ text }) => text).join(""));
  if (!length) return say(finish === "stop" ? "The document ends here." : "Nothing was written.");
  const nats = tokens.reduce((sum, { logProbability }) => sum - (logProbability ?? 0), 0);
  const begin = { stop: "The document is complete: ", cancelled: "Stopped after " }[finish] ?? "";
  const took = `${count(length, "character")} in ${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;
  const pace = Math.round(length / Math.max(seconds, 0.001)).toLocaleString("en");
  const often = length < SHORT ? "" : `, ${pace} per second`;
  return say(`${begin}${took}${often}; ${(nats / Math.LN2 / length).toFixed(2)} bits per character.`);
}
