// The models of the server that this page comes from, as a source of text (see source_local.js).

import { randomNumber } from "./elements.js";

const ALTERNATIVES = 10;
const EVEN = 1000; // a temperature at which all tokens are about equally likely

/** A source that generates through the server's API. */
export function serverSource() {
  const labelNames = new Map(); // by the name of the model
  const source = {
    /** The server's key; empty if it needs none. */
    key: "",

    async models() {
      const { data } = await (await send("v1/models")).json();
      return data.map(({ id, textgen: about }) => {
        labelNames.set(id, about.labels.map(({ name }) => name));
        const unit = about.subwords ? "subword" : "character";
        const network = `${about.cell.toUpperCase()} ${about.units.join(", ")}`;
        return {
          name: id,
          about: `${network} · ${about.vocabulary_size} ${unit}s · on the server`,
          unit,
          documents: about.documents,
          labels: about.labels,
          seeds: about.seeds,
          maxLength: about.max_length,
        };
      });
    },

    async *generate({ signal, ...run }) {
      const names = labelNames.get(run.model);
      let finish = null;
      let label;
      try {
        for await (const choice of complete(run, signal)) {
          const tokens = readTokens(choice.logprobs).filter((token) => token.text);
          if (tokens.length) yield tokens;
          finish = choice.finish_reason ?? finish;
          const labels = choice.textgen?.labels; // those that were drawn, too
          if (labels) label = Object.fromEntries(names.map((name) => [name, labels[name] ?? ""]));
        }
      } catch (error) {
        if (!signal?.aborted) throw error;
        return { finish: "cancelled" };
      }
      if (finish === null) throw new Error("the server ended the text in the middle");
      return { finish, label };
    },

    async next({ signal, model, text, label }) {
      // The alternatives come with a token. At this temperature that is hardly ever the end of a
      // document, which is no token and comes without them.
      const run = { model, seed: text, label, temperature: EVEN, topP: 1, minP: 0, length: 1 };
      for (let attempt = 0; attempt < 3; attempt++) {
        for await (const { logprobs } of complete({ ...run, randomSeed: randomNumber() }, signal)) {
          const [token] = readTokens(logprobs);
          if (token) return token.alternatives ?? [];
        }
      }
      return [];
    },
  };

  /** Send a request; throws what the server says about an error. */
  async function send(path, body, signal) {
    // A header has bytes; a key with other characters than ASCII is wrong, which the server says.
    const key = String.fromCharCode(...new TextEncoder().encode(source.key ?? ""));
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, { ...options, headers, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Error("the server does not answer", { cause: error });
    }
    if (response.ok) return response;
    const { error } = await response.json().catch(() => ({}));
    throw Object.assign(new Error(error?.message ?? `the server answers ${response.status}`), {
      needsKey: response.status === 401,
    });
  }

  /** Stream a completion; yields its choices as they come. */
  async function* complete(run, signal) {
    const body = {
      model: run.model,
      prompt: run.seed,
      max_tokens: run.length,
      temperature: run.temperature,
      top_p: run.topP,
      min_p: run.minP,
      seed: run.randomSeed,
      label: run.label ?? null,
      logprobs: ALTERNATIVES,
      stream: true,
    };
    const response = await send("v1/completions", body, signal);
    for await (const data of readEvents(response.body)) {
      const { choices, error } = JSON.parse(data);
      if (error) throw new Error(error.message);
      yield* choices;
    }
  }

  return source;
}

/** The data of server-sent events, up to the one that ends a stream. */
async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let received = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const events = (received + value).split("\n\n");
      received = events.pop();
      for (const event of events) {
        const data = event.replace(/^data: /u, "");
        if (data === "[DONE]") return;
        yield data;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The tokens of a choice, in the form of a source. */
function readTokens(logprobs) {
  if (!logprobs) return [];
  return logprobs.tokens.map((text, place) => ({
    text,
    logProbability: logprobs.token_logprobs[place] ?? undefined,
    alternatives: readAlternatives(logprobs.top_logprobs?.[place]),
  }));
}

/** The likeliest tokens in a place: the server lists them with the chosen one, in no order. */
function readAlternatives(logs) {
  if (!logs) return undefined;
  return Object.entries(logs)
    .map(([text, log]) => ({ text, probability: Math.exp(log) }))
    .sort((one, other) => other.probability - one.probability)
    .slice(0, ALTERNATIVES);
}
