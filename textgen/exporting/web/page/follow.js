// Generating the rest of a text, and showing it as it comes.

/**
 * Generate what a text lacks, no faster than a view draws it: so Stop ends what is seen.
 *
 * @param {object} source generates: see source_local.js.
 * @param {object} text with the settings in `run`; it gets the tokens, and at the end `finish` and
 *   `label`.
 * @param {AbortSignal} signal
 * @param {TextView} view
 */
export async function follow(source, text, signal, view) {
  const stream = source.generate({ ...text.run, signal });
  try {
    for (;;) {
      const { value, done } = await stream.next();
      if (done) {
        text.finish = value.finish;
        text.label = value.label ?? text.label;
        return;
      }
      if (signal.aborted) continue; // the view may show another text by now
      for (const token of value) text.tokens.push(token);
      view.append(value);
      await view.frame();
    }
  } catch (error) {
    text.finish = "cancelled";
    throw error;
  }
}
