// The settings: what the form holds, and the same in the address of the page after its #.
//
// Settings are {model, seed, label, temperature, topP, minP, length, randomSeed}; `label` has the
// chosen value of each kind of label by its name, "" for none, and lacks those that the model draws;
// it is null for a model without labels.

import { byId, element, randomNumber } from "./elements.js";

const LENGTH = 400; // as in `textgen sample`
const LENGTH_OF_DOCUMENTS = 10_000; // they end by themselves

const NUMBERS = [
  // Name here, name in links and id, words, smallest (or more than that, if open), largest.
  { name: "temperature", id: "temperature", words: "The temperature", least: 0, most: 100 },
  { name: "topP", id: "top-p", words: "Top-p", least: 0, isOpen: true, most: 1 },
  { name: "minP", id: "min-p", words: "Min-p", least: 0, most: 1 },
  { name: "length", id: "length", words: "The length", least: 1, most: 100_000, isWhole: true },
  { name: "randomSeed", id: "random-seed", words: "The random seed", least: 0, most: 2 ** 32 - 1, isWhole: true },
];

/** A number of the form; throws an Error that says in a sentence what is wrong with it. */
function readNumber({ id, words, least, isOpen, most, isWhole }) {
  const input = byId(id);
  const value = input.value.trim() === "" ? NaN : Number(input.value);
  const isRight =
    (isOpen ? value > least : value >= least) && value <= most && (!isWhole || Number.isInteger(value));
  input.setAttribute("aria-invalid", String(!isRight));
  if (isRight) return value;
  byId("options").open = true;
  input.focus();
  const range = isOpen ? `above ${least} and at most ${most}` : `from ${least} to ${most}`;
  throw new Error(`${words} must be a ${isWhole ? "whole " : ""}number ${range}.`);
}

export class Settings {
  #model = null;

  constructor() {
    for (const id of ["temperature", "top-p", "min-p"]) this.#pair(byId(id), byId(`${id}-slider`));
    byId("random-seed").value = randomNumber();
    byId("random-seed").addEventListener("input", () => {
      byId("vary").checked = false; // who types a number wants that one
    });
  }

  /** Offer what a model has: its labels, a first seed. */
  offer(model) {
    this.#model = model;
    byId("labels").replaceChildren(
      ...model.labels.map(({ name, values }, number) =>
        element("p", { className: "field" }, [
          element("label", { htmlFor: `label-${number}` }, name),
          element("select", { id: `label-${number}` }, [
            element("option", { value: "any" }, "any, as in the corpus"),
            element("option", { value: "none" }, "none"),
            ...values.map((value, place) => element("option", { value: `value-${place}` }, value)),
          ]),
        ]),
      ),
    );
    byId("document").hidden = !model.documents;
    byId("suggest").hidden = !model.seeds.length;
    const length = model.documents ? LENGTH_OF_DOCUMENTS : LENGTH;
    byId("length").value = Math.min(length, model.maxLength ?? length);
    byId("seed").value = model.seeds[0] ?? "";
  }

  /**
   * The settings in the form.
   *
   * @throws {Error} a number is missing or out of bounds; its message is a sentence.
   */
  read() {
    const numbers = NUMBERS.map((number) => [number.name, readNumber(number)]);
    return {
      model: this.#model.name,
      seed: byId("seed").value,
      label: this.label,
      ...Object.fromEntries(numbers),
    };
  }

  /** Whether each text gets a new random seed. */
  get isVarying() {
    return byId("vary").checked;
  }

  set randomSeed(value) {
    byId("random-seed").value = value;
  }

  /** Fill in what a link holds; what it lacks stays as it is. */
  restore(link) {
    if (link.seed !== undefined) byId("seed").value = link.seed;
    for (const { name, id } of NUMBERS) {
      if (link[name] === undefined) continue;
      byId(id).value = link[name];
      byId(id).dispatchEvent(new Event("input"));
    }
    if (link.randomSeed !== undefined) byId("vary").checked = false;
    if (!link.labels) return;
    for (const [number, { name, values }] of this.#model.labels.entries()) {
      const pair = link.labels.find((each) => each.startsWith(`${name}=`));
      const value = pair?.slice(name.length + 1);
      const place = values.indexOf(value);
      const choice = place < 0 ? "any" : `value-${place}`;
      byId(`label-${number}`).value = value === "" ? "none" : choice;
    }
  }

  /** The chosen labels. */
  get label() {
    if (!this.#model.labels.length) return null;
    const label = {};
    for (const [number, { name, values }] of this.#model.labels.entries()) {
      const { value } = byId(`label-${number}`);
      if (value !== "any") label[name] = value === "none" ? "" : values[Number(value.slice(6))];
    }
    return label;
  }

  /** A number and a slider that show the same. */
  #pair(number, slider) {
    number.addEventListener("input", () => {
      slider.value = number.value;
    });
    slider.addEventListener("input", () => {
      number.value = slider.value;
      number.setAttribute("aria-invalid", "false");
    });
  }
}

/** The part of a link after the #, with the names of textgen's options. */
export function writeLink(settings) {
  const link = new URLSearchParams({ seed: settings.seed });
  for (const { name, id } of NUMBERS) link.set(id, settings[name]);
  for (const [name, value] of Object.entries(settings.label ?? {})) link.append("label", `${name}=${value}`);
  link.set("model", settings.model);
  return link.toString();
}

/**
 * What the part of an address after the # holds: some of the settings, and `labels`, of the form
 * `genre=horror`, if it has a seed or labels.
 */
export function readLink(hash) {
  const link = new URLSearchParams(hash.replace(/^#/u, ""));
  const settings = {};
  for (const name of ["seed", "model"]) if (link.has(name)) settings[name] = link.get(name);
  for (const { name, id } of NUMBERS) {
    const value = link.get(id);
    if (value && Number.isFinite(Number(value))) settings[name] = Number(value);
  }
  if (link.has("seed") || link.has("label")) settings.labels = link.getAll("label");
  return settings;
}
