// The options of generation: checked, and with their defaults.

const LENGTH = 400; // characters
const LENGTH_WITH_END = 10_000; // a bound for a model that never reaches the end of its texts

const DEFAULTS = {
  seed: null,
  state: null,
  temperature: 0.5,
  topK: 0,
  topP: 1,
  minP: 0,
  length: null,
  until: [],
  lines: 0,
  randomSeed: null,
  label: null,
  alternatives: 0,
  unknown: "error",
  signal: null,
};

/**
 * Options with their defaults, checked.
 *
 * @param {object} given What the caller named; `undefined` and `null` stand for the default.
 * @param {boolean} documents Whether the model's texts end by themselves.
 * @returns {object}
 */
export function checkOptions(given, documents) {
  const options = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULTS, name)) {
      throw new TypeError(`no option ${name}; there are ${Object.keys(DEFAULTS).join(", ")}`);
    }
    if (value !== undefined && value !== null) options[name] = value;
  }
  checkNumber("temperature", options.temperature, 0, Infinity);
  checkInteger("topK", options.topK);
  checkNumber("topP", options.topP, Number.MIN_VALUE, 1);
  checkNumber("minP", options.minP, 0, 1);
  checkInteger("lines", options.lines);
  checkInteger("alternatives", options.alternatives);
  if (typeof options.until === "string") options.until = [options.until];
  if (!Array.isArray(options.until) || !options.until.every((text) => typeof text === "string" && text)) {
    throw new TypeError("until must be a text of one or more characters, or a list of such");
  }
  if (!["error", "skip"].includes(options.unknown)) {
    throw new RangeError(`unknown must be "error" or "skip", not ${show(options.unknown)}`);
  }
  if (options.length === null) {
    const hasEnd = options.until.length > 0 || options.lines > 0 || documents;
    options.length = hasEnd ? LENGTH_WITH_END : LENGTH;
  }
  checkInteger("length", options.length);
  if (options.length === 0) options.length = Infinity;
  if (options.randomSeed === null) options.randomSeed = Math.floor(Math.random() * 2 ** 32);
  checkInteger("randomSeed", options.randomSeed);
  return options;
}

/** Check that a value is an integer from 0 on. */
export function checkInteger(name, value) {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} must be an integer from 0 on, not ${show(value)}`);
  }
}

/** Check that a value is a number within bounds. */
export function checkNumber(name, value, least, most) {
  if (typeof value !== "number" || !(value >= least && value <= most && value < Infinity)) {
    const from = least === 0 ? "from 0" : "above 0";
    const to = most === Infinity ? "" : ` to ${most}`;
    throw new RangeError(`${name} must be a number ${from}${to}, not ${show(value)}`);
  }
}

function show(value) {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
