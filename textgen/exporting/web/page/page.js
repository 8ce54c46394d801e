// The page: its buttons and keys, links, and the choice of a model.

import { byId, copyText, element, isEnabled, setEnabled } from "./elements.js";
import { fail, say } from "./messages.js";
import { Settings, readLink, writeLink } from "./settings.js";
import { localSource } from "./source_local.js";
import { serverSource } from "./source_server.js";
import { textOf } from "./texts.js";
import { Writing } from "./writing.js";

const TYPING_PAUSE = 250; // milliseconds without a key, after which the next token is predicted

const settings = new Settings();
// A page without a model is that of a server.
const source = byId("textgen-model") ? localSource() : serverSource();
const writing = new Writing(source, settings, refresh);
let models = [];

/** Switch buttons on and off. */
function refresh() {
  const { text, model, isRunning, isEnded, history } = writing;
  const isReady = model !== null && !isRunning;
  const enabled = {
    generate: isReady,
    document: isReady,
    stop: isRunning,
    continue: isReady && text !== null && !isEnded,
    five: isReady,
    undo: history.canUndo,
    redo: history.canRedo,
    copy: text !== null,
    link: model !== null,
  };
  for (const [id, isOn] of Object.entries(enabled)) setEnabled(byId(id), isOn);
  byId("text").setAttribute("aria-busy", String(isRunning));
  document.body.classList.toggle("running", isRunning);
}

// Models and links

function chooseModel(model) {
  writing.stop();
  writing.model = model;
  byId("model").value = model.name;
  byId("name").textContent = model.name;
  byId("about").textContent = model.about;
  byId("next-title").textContent = `Next ${model.unit}`;
  document.title = `${model.name} · textgen`;
  settings.offer(model);
  refresh();
  writing.predict();
}

let lastHash = "";

/** Fill in the settings of the page's address; nothing is generated. */
function restore() {
  if (location.hash === lastHash) return;
  lastHash = location.hash;
  const link = readLink(location.hash);
  const model = models.find(({ name }) => name === link.model);
  if (model && model !== writing.model) chooseModel(model);
  settings.restore(link);
  writing.predict();
}

/** Put a link to the text in the page's address and on the clipboard. */
async function link() {
  let run;
  try {
    run = writing.text?.run ?? settings.read();
  } catch (error) {
    fail(error);
    return;
  }
  lastHash = `#${writeLink(run)}`;
  location.replace(lastHash);
  let place = "on the clipboard";
  try {
    await copyText(location.href);
  } catch {
    place = "in the address of this page";
  }
  say(`The link is ${place}. It holds the seed and the settings.`);
}

async function copy() {
  try {
    await copyText(textOf(writing.text));
    say("The text is on the clipboard.");
  } catch (error) {
    fail(error);
  }
}

let suggestion = 0;

/** Put another of the model's seeds in the form. */
function suggest() {
  const { seeds } = writing.model;
  suggestion = (suggestion + 1) % seeds.length;
  byId("seed").value = seeds[suggestion];
  byId("seed").dispatchEvent(new Event("input"));
}

// Buttons and keys

const ACTIONS = {
  document: () => writing.generate(""),
  stop: () => writing.stop(),
  continue: () => writing.proceed(),
  five: () => writing.continueSideBySide(),
  undo: () => writing.travel("undo"),
  redo: () => writing.travel("redo"),
  copy,
  link,
  suggest,
};
for (const [id, act] of Object.entries(ACTIONS)) {
  byId(id).addEventListener("click", () => {
    if (isEnabled(byId(id))) act();
  });
}

byId("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  if (isEnabled(byId("generate"))) writing.generate(byId("seed").value);
});

addEventListener("keydown", (event) => {
  const isControl = event.ctrlKey || event.metaKey;
  const isEditing = event.target.closest("input, textarea, select") !== null;
  const key = event.key.toLowerCase();
  let id;
  if (key === "escape" && writing.isRunning) id = "stop";
  else if (isControl && key === "enter") id = "generate";
  else if (isControl && !isEditing && key === "z") id = event.shiftKey ? "redo" : "undo";
  else if (isControl && !isEditing && key === "y") id = "redo";
  else return;
  event.preventDefault();
  byId(id).click();
});

let typing = 0;
byId("seed").addEventListener("input", () => {
  clearTimeout(typing);
  if (!writing.text) typing = setTimeout(() => writing.predict(), TYPING_PAUSE);
});
byId("labels").addEventListener("change", () => {
  if (!writing.text) writing.predict();
});

byId("model").addEventListener("change", () =>
  chooseModel(models.find(({ name }) => name === byId("model").value)),
);
byId("coloured").addEventListener("change", ({ target }) =>
  document.body.classList.toggle("plain", !target.checked),
);
byId("fixed-width").addEventListener("change", ({ target }) =>
  document.body.classList.toggle("fixed-width", target.checked),
);

// What is copied by hand is the text, without the line ends of its layout.
addEventListener("copy", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed || !event.target.closest(".text")) return;
  event.clipboardData.setData("text/plain", selection.getRangeAt(0).cloneContents().textContent);
  event.preventDefault();
});

// Start

addEventListener("hashchange", () => {
  if (writing.model) restore();
});
byId("key").addEventListener("change", () => {
  source.key = byId("key").value;
  start();
});

/** Ask the source for its models, and make the page ready. */
async function start() {
  say("Reading the model…");
  try {
    models = await source.models();
  } catch (error) {
    fail(error);
    byId("key-field").hidden = !error.needsKey;
    if (error.needsKey) byId("key").focus();
    return;
  }
  byId("key-field").hidden = true;
  byId("model").replaceChildren(
    ...models.map(({ name }) => element("option", { value: name }, name)),
  );
  byId("model-field").hidden = models.length < 2;
  chooseModel(models[0]);
  restore();
  say("");
}

byId("options").open = matchMedia("(min-width: 60rem)").matches;
refresh();
await start();
