// How the next token is chosen from logits: temperature, top-k, top-p and min-p.
//
// The cumulative distribution is inverted at one random number. Filters set the logits of tokens that
// cannot be chosen to -Infinity, in the order top-k, top-p, min-p.

/** How many of the most likely tokens are found faster by sorting all. */
const MANY = 32;

/** What logits are multiplied by at a temperature; a number that is 0 times 0 also in float32. */
export const inverse = (temperature) => Math.min(1 / temperature, 1e30);

/** The largest of some numbers. */
export function largest(numbers) {
  let most = -Infinity;
  for (let i = 0; i < numbers.length; i++) if (numbers[i] > most) most = numbers[i];
  return most;
}

/** The place of the largest of some numbers, the first one of equals. */
function indexOfLargest(numbers) {
  let place = 0;
  for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[place]) place = i;
  return place;
}

/** log(softmax(logits)), in float64. */
export function logProbabilities(logits) {
  const most = largest(logits);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - most);
  const log = most + Math.log(sum);
  const logs = new Float64Array(logits);
  for (let i = 0; i < logs.length; i++) logs[i] -= log;
  return logs;
}

/** Exclude all but the k most likely tokens; those as likely as the last of these stay, too. */
export function topK(logits, k) {
  if (k >= logits.length) return;
  const least = new Float64Array(logits).sort()[logits.length - k];
  for (let i = 0; i < logits.length; i++) if (logits[i] < least) logits[i] = -Infinity;
}

/** Exclude all but the fewest tokens that together have probability p; of equals, the first ones. */
export function topP(logits, p) {
  const logs = logProbabilities(logits);
  // Tokens with at most (1 - p) / vocabulary together have at most 1 - p, so none of them is needed;
  // half of that bound leaves room for rounding.
  const bound = Math.log((1 - p) / 2 / logs.length);
  const sorted = logs.filter((log) => log > bound).sort(); // the least likely ones first
  let place = sorted.length;
  for (let likelier = 0; place > 0 && likelier < p; place--) likelier += Math.exp(sorted[place - 1]);
  const least = sorted[place];
  let equals = 0; // of the least likely ones that stay
  while (sorted[place + equals] === least) equals++;
  for (let id = 0; id < logs.length; id++) {
    if (logs[id] < least || (logs[id] === least && equals-- <= 0)) logits[id] = -Infinity;
  }
}

/** Exclude tokens less likely than p times the most likely one. */
export function minP(logits, p) {
  const least = largest(logits) + Math.log(p);
  for (let i = 0; i < logits.length; i++) if (logits[i] < least) logits[i] = -Infinity;
}

/**
 * Choose a token.
 *
 * @param {Float32Array} logits -Infinity for tokens that cannot be chosen.
 * @param {{temperature: number, topK: number, topP: number, minP: number}} decoding
 * @param {Random} random
 * @param {Network} network It computes exponentials.
 * @returns {number} An id.
 */
export function choose(logits, decoding, random, network) {
  const { temperature } = decoding;
  if (temperature === 0) return indexOfLargest(logits);
  const most = largest(logits);
  const factor = inverse(temperature);
  const isFiltered = decoding.topK > 0 || decoding.topP < 1 || decoding.minP > 0;
  let weights;
  if (isFiltered) {
    weights = new Float64Array(logits);
    for (let id = 0; id < weights.length; id++) weights[id] = (weights[id] - most) * factor;
    if (decoding.topK > 0) topK(weights, decoding.topK);
    if (decoding.topP < 1) topP(weights, decoding.topP);
    if (decoding.minP > 0) minP(weights, decoding.minP);
    for (let id = 0; id < weights.length; id++) weights[id] = Math.exp(weights[id]);
  } else {
    weights = network.exponentials(logits, most, factor);
  }
  let sum = 0;
  for (let id = 0; id < weights.length; id++) if (logits[id] > -Infinity) sum += weights[id];
  let rest = random.next() * sum;
  let last = 0;
  for (let id = 0; id < weights.length; id++) {
    if (logits[id] === -Infinity || weights[id] === 0) continue;
    rest -= weights[id];
    if (rest < 0) return id;
    last = id;
  }
  return last; // after rounding
}

/**
 * The most likely tokens.
 *
 * @param {ArrayLike<number>} logits Of all ids; -Infinity for tokens that cannot be chosen.
 * @param {number} count
 * @returns {number[]} Ids, the most likely first.
 */
export function mostLikely(logits, count) {
  const ids = [];
  const many = count > MANY;
  for (let id = 0; id < logits.length; id++) {
    if (logits[id] === -Infinity) continue;
    if (many) {
      ids.push(id);
    } else if (ids.length < count || logits[id] > logits[ids[count - 1]]) {
      let place = Math.min(ids.length, count - 1);
      for (; place > 0 && logits[ids[place - 1]] < logits[id]; place--) ids[place] = ids[place - 1];
      ids[place] = id;
    }
  }
  return many ? ids.sort((a, b) => logits[b] - logits[a] || a - b).slice(0, count) : ids;
}
