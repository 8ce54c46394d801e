// A module that `textgen export --format js` wrote, in Node.
//
//     node node.mjs FOLDER SECONDS [--no-webassembly]
//
// Writes JSON: characters per second, and seconds from the start of the process to the first one.

import { pathToFileURL } from "node:url";

import "./measure.js";

const [folder, seconds, option] = process.argv.slice(2);
if (option === "--no-webassembly") delete globalThis.WebAssembly;
const textgen = await import(pathToFileURL(`${folder}/textgen.js`));
const model = await textgen.load(`${folder}/model.json`);
await model.generate({ length: 1 }).next();
const first = performance.now() / 1000; // since the process started
console.log(JSON.stringify({ rate: await measureEngine(model, Number(seconds)), first }));
