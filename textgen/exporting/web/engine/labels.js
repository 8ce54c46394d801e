// Labels of documents: those that a caller names, the others drawn as often as they occur.

const NO_LABEL = 0;
const SHOWN = 8; // values in a message

/** The labels of a model: fields, such as `genre`, with their values. */
export class Labels {
  /**
   * @param {{name: string, values: string[]}[]} fields Id 0 is no label, then come the values.
   * @param {[number[], number][]} combinations Ids of all fields, and how many documents have them.
   */
  constructor(fields, combinations) {
    this.fields = fields;
    this.combinations = combinations;
  }

  /**
   * The ids of labels, by the number of their field.
   *
   * @param {string | string[] | Object<string, string> | null | undefined} label `horror`,
   *   `genre=horror`, a list of such, or the values by name; an empty value is no label.
   * @returns {Map<number, number>}
   */
  parse(label) {
    const named = new Map();
    if (label === undefined || label === null) return named;
    if (!this.fields.length) throw new RangeError("the model was trained without labels");
    const list = typeof label === "string" ? [label] : label;
    const pairs = Array.isArray(list)
      ? list.map((text) => this.split(text))
      : Object.entries(list).map(([name, value]) => [this.find(name, `${name}=${value}`), value]);
    for (const [field, value] of pairs) {
      const { name, values } = this.fields[field];
      if (named.has(field)) throw new RangeError(`the label ${name} is given twice`);
      const id = value === "" ? NO_LABEL : values.indexOf(value) + 1;
      if (id === 0 && value !== "") {
        const shown = values.slice(0, SHOWN).join(", ") + (values.length > SHOWN ? ", ..." : "");
        throw new RangeError(`the label ${name} has no value ${JSON.stringify(value)}; it has ${shown}`);
      }
      named.set(field, id);
    }
    return named;
  }

  /** The field and the value of a text such as `genre=horror`, or `horror`. */
  split(text) {
    if (typeof text !== "string") throw new TypeError("a label must be a text, or several");
    const names = this.fields.map((field) => field.name);
    const name = names
      .filter((each) => text.startsWith(`${each}=`)) // a name may contain a =
      .reduce((longest, each) => (longest && longest.length > each.length ? longest : each), null);
    if (name !== null) return [names.indexOf(name), text.slice(name.length + 1)];
    const having = this.fields.flatMap(({ values }, field) => (values.includes(text) ? [field] : []));
    if (having.length === 1) return [having[0], text];
    if (names.length === 1 && !text.includes("=")) return [0, text];
    return [this.find("", text), text];
  }

  find(name, text) {
    const field = this.fields.findIndex((each) => each.name === name);
    if (field < 0) {
      const names = this.fields.map((each) => `${each.name}=VALUE`).join(" or ");
      throw new RangeError(`a label must be ${names}, not ${JSON.stringify(text)}`);
    }
    return field;
  }

  /**
   * Ids of all fields, of which those that are not named are drawn.
   *
   * @param {Map<number, number>} named As from `parse`.
   * @param {Random} random
   * @returns {number[]}
   */
  draw(named, random) {
    const possible = this.combinations.filter(([ids]) =>
      [...named].every(([field, id]) => ids[field] === id),
    );
    if (named.size === this.fields.length || !possible.length) return this.fill(named);
    let place = random.next() * possible.reduce((sum, [, count]) => sum + count, 0);
    return possible.find(([, count]) => (place -= count) < 0)[0];
  }

  /** Ids of all fields, of which those that are not named have no label. */
  fill(named) {
    return this.fields.map((_, field) => named.get(field) ?? NO_LABEL);
  }

  /** The values of ids by the name of their field; fields without a label are left out. */
  decode(ids) {
    const values = this.fields.map(({ name, values }, field) => [name, values[ids[field] - 1]]);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  }
}
