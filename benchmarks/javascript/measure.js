// How fast text comes: for the page, its worker, Node and ONNX Runtime Web alike.

/**
 * Characters per second of an endless text.
 *
 * @param {() => AsyncIterable<{text: string}>} generate Starts one.
 * @param {number} seconds How long to measure.
 * @param {number} before How many seconds it runs before that, in which its code is compiled.
 */
globalThis.measure = async function measure(generate, seconds, before) {
  let rate;
  for (const duration of [before, seconds]) {
    const began = performance.now();
    let characters = 0;
    let elapsed = 0;
    for await (const { text } of generate()) {
      characters += text.length;
      elapsed = (performance.now() - began) / 1000;
      if (elapsed >= duration) break;
    }
    rate = characters / elapsed;
  }
  return rate;
};

/** The same with the engine of textgen. */
globalThis.measureEngine = (model, seconds) =>
  measure(() => model.generate({ length: 10_000_000 }), seconds, 0.3);
