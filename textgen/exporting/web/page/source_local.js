// The model in this page as a source of text: it runs in a worker, so the page never waits for it.
//
// A source is what the page generates with; source_server.js is the other one.
//
//   models()   resolves to [{name, about, unit, documents, labels: [{name, values}], seeds, maxLength}]:
//              `about` describes a model in a line, `unit` is "character" or "subword", `maxLength` is
//              the largest length, if there is one
//   generate({model, seed, label, temperature, topP, minP, length, randomSeed, signal})
//              yields lists of tokens {text, logProbability, alternatives: [{text, probability}]}, and
//              returns {finish, label}: "stop", "length" or "cancelled"; the labels of the text, if known
//   next({model, text, label, signal})
//              resolves to the likeliest tokens after a text, [{text, probability}], the most likely
//              first; "" is the end of a document

import { byId } from "./elements.js";

const LARGEST_BATCH = 1000; // tokens at once
const NO_WORKER =
  "This browser cannot run the model, because it has no web workers: use a current Chrome, Edge, Firefox or Safari.";

/** A source that runs the model of the page. */
export function localSource() {
  const receivers = new Map(); // what takes the answers to each request
  let worker;
  let last = 0;

  function start() {
    if (typeof Worker === "undefined") throw new Error(NO_WORKER);
    // The engine is a script of the page as well, for `window.textgen`.
    const scripts = [byId("engine").textContent, byId("worker").textContent];
    worker = new Worker(URL.createObjectURL(new Blob(scripts, { type: "text/javascript" })));
    worker.addEventListener("message", ({ data }) => receivers.get(data.id)?.(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      const error = event.message ? `the model stopped: ${event.message}` : NO_WORKER;
      for (const receive of receivers.values()) receive({ error });
    });
  }

  /** Send a request; yields lists of tokens, and returns the last answer. */
  async function* request(type, options, signal) {
    if (signal?.aborted) return { finish: "cancelled" };
    const id = ++last;
    let answers = [];
    let wake = () => {};
    const receive = (answer) => {
      answers.push(answer);
      wake();
    };
    const stop = () => {
      worker.postMessage({ id, type: "stop" });
      answers = [];
      receive({ finish: "cancelled" });
    };
    receivers.set(id, receive);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      worker.postMessage({ id, type, options });
      for (;;) {
        while (!answers.length) await new Promise((resolve) => (wake = resolve));
        const answer = answers.shift();
        if (answer.error) throw new Error(answer.error);
        if (!answer.tokens) return answer;
        // A page that could not keep up gets more at a time, but never more than it draws quickly.
        const { tokens } = answer;
        while (answers[0]?.tokens && tokens.length + answers[0].tokens.length <= LARGEST_BATCH) {
          tokens.push(...answers.shift().tokens);
        }
        yield tokens;
      }
    } finally {
      receivers.delete(id);
      signal?.removeEventListener("abort", stop);
    }
  }

  const answer = async (...of) => (await request(...of).next()).value;

  return {
    async models() {
      start();
      return [(await answer("load", { file: byId("textgen-model").textContent })).model];
    },

    generate: ({ signal, ...options }) => request("generate", options, signal),

    next: async ({ signal, ...options }) => (await answer("next", options, signal)).choices ?? [],
  };
}
