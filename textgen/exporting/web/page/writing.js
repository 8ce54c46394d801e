// Writing: what generates, branches and goes back, and what shows it.

import { fillBars } from "./bars.js";
import { CANDIDATES, Candidates } from "./candidates.js";
import { Cursor } from "./cursor.js";
import { byId, count, randomNumber, reveal } from "./elements.js";
import { follow } from "./follow.js";
import { Inspector } from "./inspector.js";
import { fail, report, say, speak } from "./messages.js";
import { TextView } from "./text_view.js";
import { History, before, choose, isSeedPlace, mix, placesOf, textOf } from "./texts.js";

export class Writing {
  model = null; // of `source.models()`
  history = new History();
  #running = null; // the AbortController of what runs
  #predicting = new AbortController();
  #isFollowing = true; // whether the end of the text is on the screen

  /**
   * @param {object} source generates: see source_local.js.
   * @param {Settings} settings
   * @param {() => void} changed is called when another button may be pressed than before.
   */
  constructor(source, settings, changed) {
    this.source = source;
    this.settings = settings;
    this.changed = changed;
    const text = byId("text");
    this.view = new TextView(text, () => this.#drawn());
    this.cursor = new Cursor(this.view, {
      moved: (place) => speak(placesOf(this.text)[place]),
      open: (place) => this.inspect(place),
    });
    this.inspector = new Inspector({
      step: (key) => this.inspect(this.cursor.target({ key })),
      closed: (focus) => (focus ? text.focus({ preventScroll: true }) : this.cursor.draw()),
    });
    this.candidates = new Candidates(() => this.keepNone());
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.#isFollowing = isIntersecting;
    }).observe(byId("end"));
  }

  /** The text on the page; null before the first. */
  get text() {
    return this.history.current;
  }

  get isRunning() {
    return this.#running !== null;
  }

  /** Whether the text is a document that ends. */
  get isEnded() {
    return this.text?.finish === "stop";
  }

  /** Write a text from a seed. */
  generate(seed) {
    const settings = this.#readSettings();
    if (!settings) return;
    if (this.settings.isVarying) this.settings.randomSeed = settings.randomSeed = randomNumber();
    const { documents, seeds } = this.model;
    // Only a document can start from nothing.
    const drawn = seeds.length ? seeds[mix(settings.randomSeed, "") % seeds.length] : "\n";
    this.#write({ seed: seed || documents ? seed : drawn, tokens: [] }, settings, settings.randomSeed);
  }

  /** Write more. */
  proceed() {
    const settings = this.#readSettings();
    if (settings) this.#write(this.text, settings, this.#nextSeed(settings, this.text));
  }

  /** Put another token in a place, and write the text from there; "" ends the document there. */
  branch(place, choice, alternatives) {
    const settings = this.#readSettings();
    if (!settings) return;
    const start = before(this.text, place);
    byId("text").focus({ preventScroll: true });
    if (choice.text === "") {
      this.#end(start, settings);
      return;
    }
    const text = choose(start, choice, alternatives);
    this.cursor.move(place);
    this.#write(text, settings, this.#nextSeed(settings, text));
  }

  /** Add one token to the text, or to the seed if there is no text. */
  addToken(choice, choices) {
    const settings = this.#readSettings();
    if (!settings) return;
    const start = this.text ?? { seed: settings.seed, tokens: [] };
    if (choice.text === "") {
      this.#end(start, settings);
      return;
    }
    const text = choose(start, choice, choices);
    this.stop();
    const next = this.#prepare(text, settings, this.#nextSeed(settings, text));
    this.#add({ ...next, finish: "length" });
    say("");
  }

  /** Write several continuations side by side: of the seed, if the text is a complete document. */
  async continueSideBySide() {
    const settings = this.#readSettings();
    if (!settings) return;
    const start = this.text && !this.isEnded ? this.text : { seed: settings.seed, tokens: [] };
    const randomSeed = this.#nextSeed(settings, start);
    const texts = Array.from({ length: CANDIDATES }, (_, number) =>
      this.#prepare(start, settings, mix(randomSeed, String(number))),
    );
    const views = this.candidates.open((number) => {
      this.stop();
      this.#add({ ...texts[number], finish: texts[number].finish ?? "cancelled" });
      byId("text").focus();
      say(`Continuation ${number + 1} is part of the text now.`);
    });
    await this.#run(async (signal) => {
      const follows = texts.map((text, number) => follow(this.source, text, signal, views[number]));
      await Promise.all(follows);
      for (const view of views) view.flush();
      if (this.candidates.isOpen) say(`${CANDIDATES} continuations are ready: keep one.`);
    });
  }

  keepNone() {
    this.stop();
    this.candidates.close();
    byId("five").focus();
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.changed();
  }

  /** Go back to the text before, or on to the one after. */
  travel(direction) {
    this.stop();
    this.history[direction]();
    this.show();
    say({ undo: "Undone.", redo: "Redone." }[direction]);
  }

  /** Show the text as it is now. */
  show() {
    this.candidates.close();
    this.inspector.close({ focus: false });
    this.view.show(this.text ?? { seed: "", tokens: [] });
    byId("text").classList.toggle("ended", this.isEnded);
    this.changed();
    this.predict();
  }

  /** Show what the model expects after the text, or after the seed while there is no text. */
  async predict() {
    this.#predicting.abort();
    this.#predicting = new AbortController();
    const { signal } = this.#predicting;
    if (!this.model || this.isRunning) return;
    const text = this.text ? textOf(this.text) : byId("seed").value;
    let choices = [];
    try {
      if (!this.isEnded) choices = await this.#next(text, signal);
    } catch {
      // The seed is empty or has unknown characters, which Generate will say.
    }
    if (signal.aborted) return;
    fillBars(byId("next"), choices, (choice) => this.addToken(choice, choices));
    byId("next-empty").hidden = choices.length > 0;
    byId("next-empty").textContent = this.isEnded
      ? "The document ends here."
      : "What the model expects after the text.";
  }

  /** Show what else the model considered at a place of the text. */
  async inspect(place) {
    const text = this.text;
    const places = placesOf(text);
    const at = Math.max(0, Math.min(place, places.length - 1));
    this.cursor.move(at);
    const token = places[at];
    try {
      await this.inspector.open({
        token: { ...token, isSeed: isSeedPlace(text, at) },
        rectangle: () => this.view.rectanglesOf(at)[0],
        choices: token.alternatives ?? this.#considered(text, at),
        choose: (choice, list) => {
          this.inspector.close({ focus: false });
          this.branch(at, choice, list);
        },
      });
    } catch (error) {
      fail(error);
    }
  }

  /** What the model expects at a place of a text. */
  async #considered(text, place) {
    if (place || this.model.documents) return this.#next(textOf(before(text, place)));
    throw new Error("nothing comes before this character, so the model expects nothing there");
  }

  /** The likeliest tokens after a text, which may be a seed. */
  #next(text, signal) {
    const label = this.text ? this.#label(this.text) : this.settings.label;
    return this.source.next({ model: this.model.name, text, label, signal });
  }

  /** The label of a text, if it is a text of this model. */
  #label(text) {
    return text?.run?.model === this.model.name ? text.label : undefined;
  }

  /** The settings in the form; null if they are wrong, which the page then says. */
  #readSettings() {
    try {
      return this.settings.read();
    } catch (error) {
      fail(error);
      return null;
    }
  }

  /** A random seed: a new one, or with a fixed one that which follows from it and the text. */
  #nextSeed({ randomSeed }, text) {
    return this.settings.isVarying ? randomNumber() : mix(randomSeed, textOf(text));
  }

  /** The text that begins with `start`, with the settings that write the rest. */
  #prepare(start, settings, randomSeed) {
    const label = this.#label(start) ?? settings.label;
    const run = { ...settings, seed: textOf(start), label, randomSeed };
    return { seed: start.seed, tokens: [...start.tokens], label, finish: null, run };
  }

  /** Write a new text that begins with `start`. */
  async #write(start, settings, randomSeed) {
    const text = this.#prepare(start, settings, randomSeed);
    this.#add(text);
    reveal(byId("text"));
    const first = text.tokens.length;
    await this.#run(async (signal) => {
      const began = performance.now();
      try {
        await follow(this.source, text, signal, this.view);
      } catch (error) {
        // A seed that cannot be continued leaves the text that was there before.
        if (text === this.text && text.tokens.length === first) this.#remove();
        throw error;
      }
      if (text !== this.text) return;
      report(text.finish, text.tokens.slice(first), (performance.now() - began) / 1000);
      byId("text").classList.toggle("ended", this.isEnded);
    });
  }

  /** End a document here. */
  #end(start, settings) {
    this.stop();
    this.#add({ ...this.#prepare(start, settings, settings.randomSeed), finish: "stop" });
    say("The document ends here.");
  }

  #add(text) {
    this.history.add(text);
    this.show();
  }

  #remove() {
    this.history.remove();
    this.show();
  }

  /** Run what Stop ends; it ends what ran before. */
  async #run(work) {
    this.stop();
    this.#predicting.abort();
    const controller = new AbortController();
    this.#running = controller;
    byId("progress").textContent = "";
    say("");
    this.changed();
    try {
      await work(controller.signal);
    } catch (error) {
      controller.abort();
      fail(error);
    } finally {
      this.view.flush();
      if (this.#running === controller) this.#running = null;
      this.changed();
      this.predict();
    }
  }

  /** After each frame that drew more of the text. */
  #drawn() {
    this.cursor.draw();
    if (!this.isRunning) return;
    byId("progress").textContent = count(this.text.tokens.length, this.model.unit);
    if (this.#isFollowing) byId("end").scrollIntoView({ block: "nearest", behavior: "instant" });
  }
}
