// A model that `textgen export --format onnx` wrote, in ONNX Runtime Web: one step for each character,
// and around it the loop that users of that runtime write.

import * as ort from "./ort.wasm.bundle.min.mjs";

const TEMPERATURE = 0.5;

/**
 * @param {string} folder Of the export.
 * @returns {Promise<() => AsyncGenerator<{text: string}>>} Starts an endless text.
 */
export async function load(folder) {
  ort.env.wasm.numThreads = 1;
  const read = async (file) => (await fetch(`${folder}/${file}`)).json();
  const [signature, vocabulary, session] = await Promise.all([
    read("signature.json"),
    read("vocabulary.json"),
    ort.InferenceSession.create(`${folder}/model.onnx`, { executionProviders: ["wasm"] }),
  ]);
  const characters = Array.from(vocabulary.characters);

  return async function* generate() {
    const feeds = {};
    for (const { name, shape } of signature.inputs.slice(1)) {
      feeds[name] = new ort.Tensor("float32", new Float32Array(shape[1]), [1, shape[1]]);
    }
    let id = 0;
    for (;;) {
      feeds.id = new ort.Tensor("int32", Int32Array.of(id), [1]);
      const outputs = await session.run(feeds);
      for (const { input, output } of signature.states) feeds[input] = outputs[output];
      id = choose(outputs.probabilities.data);
      yield { text: characters[id] };
    }
  };
}

function choose(probabilities) {
  const weights = probabilities.map((probability) => probability ** (1 / TEMPERATURE));
  let rest = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let id = 0; id < weights.length; id++) {
    rest -= weights[id];
    if (rest < 0) return id;
  }
  return weights.length - 1;
}
