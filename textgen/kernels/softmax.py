"""The passes of an output layer over some rows, compiled: logits, losses and gradients.

A row is the hidden state at one position. The logits of a few rows at a time are in a small array
that stays in a cache, so nothing of the shape (rows, vocabulary) is ever written.

The gradient of a logit is the token's probability, less 1 for the target. Most of a vocabulary's
probabilities are tiny, and products with all of them would take twice as long as the logits. Here
each of them below a cutoff is rounded at random, to 0 or to the cutoff, so that its expected value
is right, and products take those that remain: at most some 1 / cutoff in a row, however large the
vocabulary is. The target is a draw from the same probabilities, of variance p (1 - p); rounding
adds less than p times the cutoff to it.

The random numbers are a hash of the row's own logits and its number, so the same step gives the
same gradients, also after a resume and in any number of threads.
"""

from typing import Any

import numpy as np

from textgen.kernels.activations import exp
from textgen.kernels.gemm import multiply
from textgen.kernels.packing import fill_lanes
from textgen.kernels.simd import compiled, inlined

BLOCK = 64  # rows whose logits are in a cache together
_TOGETHER = 16  # columns of the kernel whose gradients are written together: a cache line
_ZERO, _ONE, _TWO_TO_MINUS_24 = np.float32(0), np.float32(1), np.float32(2**-24)
_GOLDEN = np.uint32(0x9E3779B9)  # 2**32 divided by the golden ratio


@compiled
def transpose(matrix: Any, transposed: Any, first: int, last: int) -> None:
    """Write some columns of a matrix as rows of another."""
    for start in range(first, last, _TOGETHER):
        end = min(start + _TOGETHER, last)
        for row in range(len(matrix)):
            for column in range(start, end):
                transposed[column, row] = matrix[row, column]


@compiled
def _add_bias(logits: Any, bias: Any) -> None:
    for column in range(len(bias)):
        logits[column] += bias[column]


@compiled
def maximum(logits: Any, count: int, results: Any) -> None:
    """The largest logit, as the first result; takes 16 results."""
    for lane in range(16):  # of vectors, as a loop over one maximum is not made into them
        results[lane] = logits[0]
    for start in range(0, count - 15, 16):
        part = logits[start : start + 16]
        for lane in range(16):
            results[lane] = part[lane] if part[lane] > results[lane] else results[lane]
    for column in range(count - count % 16, count):
        results[0] = logits[column] if logits[column] > results[0] else results[0]
    for lane in range(16):
        results[0] = results[lane] if results[lane] > results[0] else results[0]


@compiled
def exponentials(logits: Any, count: int, largest: Any, results: Any) -> None:
    """exp(logit - largest) in place of each logit, and their sum."""
    total = _ZERO
    for column in range(count):
        value = exp(logits[column] - largest)
        logits[column] = value
        total += value
    results[0] = total


@compiled
def _draw(numbers: Any, count: int, factor: Any, start: Any, drawn: Any) -> None:
    """Whether each number times the factor is above a random number from 0 to 1.

    The random numbers are start + n golden ratios, less whole numbers.
    """
    for column in range(count):
        bits = np.uint32(start + np.uint32(np.uint32(column) * _GOLDEN))
        threshold = np.float32(np.int32(bits >> np.uint32(8))) * _TWO_TO_MINUS_24
        drawn[column] = numbers[column] * factor > threshold


@compiled
def _add_scaled(numbers: Any, factor: Any, sums: Any) -> None:
    for column in range(len(sums)):
        sums[column] += numbers[column] * factor


@compiled
def _add_rows(matrix: Any, rows: Any, factors: Any, count: int, sums: Any) -> None:
    """Add so many rows of a matrix, each times its factor, to a row of sums."""
    width, done = len(sums), 0
    while done + 4 <= count:  # at once, so that sums are read and written once for four rows
        a, b = matrix[rows[done]], matrix[rows[done + 1]]
        c, d = matrix[rows[done + 2]], matrix[rows[done + 3]]
        w, x, y, z = factors[done], factors[done + 1], factors[done + 2], factors[done + 3]
        for place in range(width):
            sums[place] += (a[place] * w + b[place] * x) + (c[place] * y + d[place] * z)
        done += 4
    while done < count:
        _add_scaled(matrix[rows[done]], factors[done], sums)
        done += 1


@compiled
def losses(
    packed: Any,
    transposed: Any,
    bias: Any,
    hidden: Any,
    targets: Any,
    weights: Any,
    cutoff: Any,
    lanes: Any,
    losses: Any,
    tokens: Any,
    gradients: Any,
    counts: Any,
    d_hidden: Any,
    d_bias: Any,
    first: int,
    last: int,
) -> None:
    """Losses of some rows, and gradients of their logits and hidden states.

    Args:
        packed: The kernel, packed.
        transposed: The kernel, shape (vocabulary, units).
        bias: Shape (vocabulary,).
        hidden: Shape (rows, units or one more, an even number).
        targets: Ids, int32 of shape (rows,).
        weights: Of each row, float32 of shape (rows,).
        cutoff: Gradients of logits below it are rounded at random; 0 for no gradients.
        lanes: Space for the factors of products, shape (rows, lanes of the kernel or more).
        losses: Takes the losses, times the weights, shape (rows,).
        tokens: Takes the tokens whose logits have a gradient, int32 of shape (rows, most).
        gradients: Takes these gradients, of the same shape.
        counts: Takes how many there are in each row.
        d_hidden: Takes the gradients of the hidden states, shape (rows, units).
        d_bias: Takes those of the bias, for each block of rows: shape (blocks, vocabulary).
        first, last: The rows, from `first`, a multiple of BLOCK, to the one before `last`.
    """
    vocabulary = len(bias)
    space = np.empty((BLOCK, packed.shape[0] * packed.shape[2]), np.float32)
    drawn = np.zeros((vocabulary + 7) // 8 * 8, np.uint8)
    drawn_words = drawn.view(np.uint64)
    result = np.empty(16, np.float32)
    for start in range(first, last, BLOCK):
        end = min(start + BLOCK, last)
        for row in range(start, end):
            fill_lanes(hidden[row], lanes[row])
        multiply(lanes[start:end], packed, space, add=False)
        sums = d_bias[start // BLOCK]
        for row in range(start, end):
            logits, target, weight = space[row - start], targets[row], weights[row]
            _add_bias(logits, bias)
            maximum(logits, vocabulary, result)
            largest = result[0]
            target_logit = logits[target] - largest
            exponentials(logits, vocabulary, largest, result)
            total = result[0]
            loss = np.log(total) - target_logit
            losses[row] = loss * weight
            if cutoff == _ZERO:
                continue
            factor = weight / total
            _add_scaled(logits, factor, sums)
            sums[target] -= weight
            d_target = logits[target] * factor - weight
            logits[target] = _ZERO  # it is added below
            bits = np.float32(loss + largest).view(np.uint32)
            start_bits = np.uint32(_hash(np.uint32(bits ^ np.uint32(np.uint32(row) * _GOLDEN))))
            _draw(logits, vocabulary, _ONE / (total * cutoff), start_bits, drawn)
            count, least = 0, cutoff * weight
            found, d_logits = tokens[row], gradients[row]
            for word in range(len(drawn_words)):
                if drawn_words[word] != 0:
                    for column in range(8 * word, min(8 * word + 8, vocabulary)):
                        if drawn[column]:
                            d_logit = logits[column] * factor
                            found[count] = column
                            d_logits[count] = d_logit if d_logit > least else least
                            count += 1
            found[count], d_logits[count] = target, d_target
            counts[row] = count + 1
            d_row = d_hidden[row]
            for unit in range(len(d_row)):
                d_row[unit] = _ZERO
            _add_rows(transposed, found, d_logits, count + 1, d_row)


@inlined
def _hash(bits: Any) -> Any:
    """Bits that depend on all bits of a number: the finalizer of MurmurHash3 (Appleby 2011)."""
    bits = np.uint32(bits ^ (bits >> np.uint32(16)))
    bits = np.uint32(bits * np.uint32(0x85EBCA6B))
    bits = np.uint32(bits ^ (bits >> np.uint32(13)))
    bits = np.uint32(bits * np.uint32(0xC2B2AE35))
    return np.uint32(bits ^ (bits >> np.uint32(16)))


@compiled
def count_entries(tokens: Any, counts: Any, starts: Any) -> None:
    """Where the entries of each token begin, sorted by token.

    Args:
        tokens, counts: From `losses`.
        starts: Takes the places; zeros of shape (vocabulary + 1,), int64.
    """
    for row in range(len(counts)):
        for place in range(counts[row]):
            starts[tokens[row, place] + 1] += 1
    for token in range(1, len(starts)):
        starts[token] += starts[token - 1]


@compiled
def kernel_gradients(
    tokens: Any,
    gradients: Any,
    counts: Any,
    starts: Any,
    hidden: Any,
    factor: Any,
    d_kernel: Any,
    first: int,
    last: int,
) -> None:
    """Gradients of some columns of the kernel.

    Args:
        tokens, gradients, counts: From `losses`.
        starts: From `count_entries`.
        hidden: Shape (rows, units).
        factor: What all gradients are multiplied by.
        d_kernel: Takes the gradients, shape (units, vocabulary).
        first, last: The columns, from `first` to the one before `last`.
    """
    units, before = len(d_kernel), starts[first]
    rows = np.empty(starts[last] - before, np.int32)
    factors = np.empty(len(rows), np.float32)
    ends = np.empty(last - first, np.int64)  # of each token's entries so far
    for column in range(last - first):
        ends[column] = starts[first + column] - before
    for row in range(len(counts)):
        for place in range(counts[row]):
            token = tokens[row, place]
            if first <= token < last:
                end = ends[token - first]
                rows[end], factors[end] = row, gradients[row, place] * factor
                ends[token - first] = end + 1
    sums = np.empty((_TOGETHER, units), np.float32)
    for start in range(first, last, _TOGETHER):
        stop = min(start + _TOGETHER, last)
        for column in range(start, stop):
            total, begin, end = sums[column - start], starts[column] - before, ends[column - first]
            for unit in range(units):
                total[unit] = _ZERO
            _add_rows(hidden, rows[begin:end], factors[begin:end], end - begin, total)
        for unit in range(units):
            for column in range(start, stop):
                d_kernel[unit, column] = sums[column - start, unit]
