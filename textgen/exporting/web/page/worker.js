// The worker of the page: it runs the model, so that the page itself never waits. The engine, a
// script that defines `textgen`, comes before it.
//
// It gets {id, type: "load" | "generate" | "next", options} and {id, type: "stop"}, and answers
// {id, tokens} any number of times, and then {id, finish, label}, {id, model}, {id, choices} or
// {id, error}.

"use strict";

const INTERVAL = 16; // milliseconds between messages with tokens
const ALTERNATIVES = 10;

const stops = new Map(); // an AbortController for each request in progress
let model;

const REQUESTS = {
  async load(_id, { file }) {
    model = await textgen.load(file);
    const { cell, units, vocabularySize, subwords, documents, ...info } = model.info;
    const unit = subwords ? "subword" : "character";
    const about = `${cell.toUpperCase()} ${units.join(", ")} · ${vocabularySize} ${unit}s · ${info.dtype}`;
    return { model: { name: info.name, labels: info.labels, seeds: info.seeds, documents, unit, about } };
  },

  async generate(id, { model: _name, ...options }, signal) {
    const stream = model.generate({ ...options, alternatives: ALTERNATIVES, signal });
    const names = model.info.labels.map(({ name }) => name);
    const labels = names.map((name) => [name, stream.labels[name] ?? ""]);
    const label = names.length ? Object.fromEntries(labels) : null;
    let tokens = [];
    let sent = 0; // the first tokens are sent at once
    // The engine lets a message in between now and then, so Stop needs nothing more here.
    for (;;) {
      const { value, done } = await stream.next();
      if (!done) tokens.push(value);
      if (tokens.length && (done || performance.now() - sent >= INTERVAL)) {
        postMessage({ id, tokens });
        sent = performance.now();
        tokens = [];
      }
      if (done) return { ...value, label };
    }
  },

  async next(_id, { text, label }, signal) {
    return { choices: await model.predict(text, { label, signal }) };
  },
};

addEventListener("message", async ({ data: { id, type, options } }) => {
  if (type === "stop") {
    stops.get(id)?.abort();
    return;
  }
  const controller = new AbortController();
  stops.set(id, controller);
  try {
    postMessage({ id, ...(await REQUESTS[type](id, options, controller.signal)) });
  } catch (error) {
    // Nobody waits for the error of a request that was stopped. Of the others, the page's user gets
    // the part that is not about calling the engine.
    postMessage({ id, error: error.message.replace(/, or give unknown: .*$/u, "") });
  } finally {
    stops.delete(id);
  }
});
