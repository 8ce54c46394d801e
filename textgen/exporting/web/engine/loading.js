// Loading a model, from wherever it is.

import { createKernels } from "./kernels.js";
import { Model } from "./model.js";

const FORMAT = "textgen-model";
const VERSION = 1;
/** The element of a page that holds the page's own model. */
const ELEMENT = "textgen-model";

/**
 * Load a model.
 *
 * @param {object | string | URL} [source] What `textgen export` wrote: the object, its JSON, or the
 *   address or path of the file. Without it, the model of the page: the JSON in its element with the
 *   id `textgen-model`.
 * @param {{webAssembly?: boolean}} [options] `webAssembly: false` computes in JavaScript alone.
 * @returns {Promise<Model>}
 *
 * @example
 * const model = await textgen.load("model.json");
 * for await (const token of model.generate({ seed: "To be", length: 200 })) print(token.text);
 */
export async function load(source, { webAssembly = true } = {}) {
  const file = await readSource(source);
  if (file?.format !== FORMAT) throw new TypeError("this is no model that textgen exported");
  if (file.version !== VERSION) {
    throw new TypeError(
      `the model has version ${file.version} of the format, and this engine reads ${VERSION}; ` +
        "export both again with one version of textgen",
    );
  }
  return new Model(file, await createKernels(webAssembly));
}

async function readSource(source) {
  if (source === undefined) {
    const element = globalThis.document?.getElementById(ELEMENT);
    if (!element) throw new TypeError("name a model: there is none in this page");
    return JSON.parse(element.textContent);
  }
  if (typeof source === "string" && source.trimStart().startsWith("{")) return JSON.parse(source);
  if (typeof source !== "string" && !(source instanceof URL)) return source;
  const isFile = !/^(https?|blob|data):/.test(source);
  if (isFile && globalThis.process?.versions?.node) {
    const { readFile } = await import("node:fs/promises");
    const path = String(source).startsWith("file:") ? new URL(source) : source;
    return JSON.parse(await readFile(path, "utf8"));
  }
  const response = await fetch(source);
  if (!response.ok) throw new Error(`${source}: ${response.status} ${response.statusText}`);
  return response.json();
}
