"""The output layer's kernel: losses and gradients are NumPy's in float64."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from textgen.kernels import simd, softmax, threads
from textgen.kernels.output import CUTOFF, OutputKernel

KINDS = [False, True] if simd.has_bfloat16() else [False]
EXACT = 1e-9  # a cutoff that no gradient is below, but where its product is rounded away


def draw_layer(rows, units, vocabulary, scale=1.0):
    """Hidden states, kernel, bias, targets and weights."""
    generator = np.random.default_rng(rows + units + vocabulary)

    def draw(*shape):
        return (generator.standard_normal(shape) * scale).astype(np.float32)

    targets = generator.integers(0, vocabulary, rows).astype(np.int32)
    weights = generator.random(rows).astype(np.float32)
    return draw(rows, units), draw(units, vocabulary), draw(vocabulary), targets, weights


def compute_exactly(hidden, kernel, bias, targets, weights):
    """The loss, and gradients of hidden states, kernel and bias."""
    logits = hidden.astype(np.float64) @ kernel + bias
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    d_logits, places = np.exp(logits), (np.arange(len(targets)), targets)
    loss = -(weights * logits[places]).sum()
    d_logits[places] -= 1
    d_logits *= weights[:, None]
    return loss, [d_logits @ kernel.T, hidden.T @ d_logits, d_logits.sum(axis=0)]


@pytest.mark.parametrize("bfloat16", KINDS)
@pytest.mark.parametrize(
    ("rows", "units", "vocabulary"),
    [(1, 1, 2), (7, 3, 65), (softmax.BLOCK + 1, 20, 600), (3 * softmax.BLOCK - 5, 33, 2049)],
)
def test_loss_and_gradients_are_exact_without_a_cutoff(rows, units, vocabulary, bfloat16):
    layer = draw_layer(rows, units, vocabulary)
    loss, gradients = compute_exactly(*layer)
    kernel = OutputKernel(bfloat16=bfloat16, cutoff=EXACT)
    assert kernel.forward(*layer) == pytest.approx(loss, rel=5e-3 if bfloat16 else 1e-6)
    for factor in (1.0, -3.0):  # of one `forward` each
        for gradient, exact in zip(kernel.backward(factor), gradients, strict=True):
            np.testing.assert_allclose(
                gradient, factor * exact, atol=0.2 if bfloat16 else 1e-5, rtol=1e-5
            )
        kernel.forward(*layer)
    assert kernel.forward(*layer, gradients=False) == kernel.forward(*layer)


def test_gradients_that_are_rounded_at_random_are_right_on_average():
    """Over rows with the same probabilities, each of which draws other random numbers."""
    rows, units, vocabulary = 2048, 3, 1000
    hidden, kernel, bias, targets, _ = draw_layer(rows, units, vocabulary)
    hidden[:], targets[:] = hidden[0], targets[0]
    layer = hidden, kernel, bias, targets, np.full(rows, 1 / rows, np.float32)
    _, (d_hidden, d_kernel, d_bias) = compute_exactly(*layer)
    rounding = OutputKernel()
    rounding.forward(*layer)
    d_hidden_rounded, d_kernel_rounded, d_bias_rounded = rounding.backward(1.0)
    np.testing.assert_allclose(d_bias_rounded, d_bias, atol=1e-6)  # of all probabilities
    # Five standard deviations of a mean of draws: each has at most p times the cutoff as variance.
    spread = 5 * np.sqrt(np.abs(d_bias) * CUTOFF / rows) + 1e-6
    assert (np.abs(d_kernel_rounded - d_kernel) <= np.abs(hidden[0])[:, None] * spread).all()
    d_rows = (d_hidden_rounded - d_hidden) * rows
    assert 0.001 < d_rows.std() < 2 * np.sqrt(CUTOFF)
    np.testing.assert_allclose(d_rows.mean(axis=0), 0, atol=5 * np.sqrt(CUTOFF / rows))


def test_few_gradients_remain_however_large_the_vocabulary_is():
    for vocabulary in (500, 8000):
        kernel = OutputKernel()
        layer = draw_layer(100, 2, vocabulary, scale=0.1)  # all tokens are about as likely
        kernel.forward(*layer)
        assert 0.9 / CUTOFF < kernel._counts.mean() < 1.1 / CUTOFF + 1


def test_there_is_space_for_as_many_gradients_as_can_remain():
    """The most likely tokens are those whose random numbers are smallest."""
    rows, vocabulary = 64, 5000
    most = np.zeros(rows)
    for steps in range(1, 40):
        places = (np.arange(vocabulary) * int(softmax._GOLDEN) % 2**32) / 2**32
        bias = np.where(places < steps / 100, 0, -20).astype(np.float32)
        hidden, weights, _, *targets = draw_layer(rows, 2, vocabulary, scale=0.0)
        kernel = OutputKernel()
        kernel.forward(hidden, weights, bias, *targets)
        most = np.maximum(most, kernel._counts)
        assert (kernel._counts <= kernel._tokens.shape[1]).all()
    assert most.max() > 2 / CUTOFF  # the worst case is worse than the mean


@pytest.mark.parametrize("bfloat16", KINDS)
@pytest.mark.parametrize("count", [1, 3])
def test_results_do_not_depend_on_threads_nor_on_what_came_before(bfloat16, count, monkeypatch):
    layer = draw_layer(5 * softmax.BLOCK + 3, 12, 700)
    expected = OutputKernel(bfloat16=bfloat16)
    loss = expected.forward(*layer)
    gradients = expected.backward(1.0)
    with ThreadPoolExecutor() as workers:
        monkeypatch.setattr(threads, "_threads", lambda: (workers, count))
        kernel = OutputKernel(bfloat16=bfloat16)
        kernel.forward(*draw_layer(9, 12, 700))
        kernel.backward(1.0)
        assert kernel.forward(*layer) == loss
        for gradient, other in zip(kernel.backward(1.0), gradients, strict=True):
            np.testing.assert_array_equal(gradient, other)


def test_large_logits_do_not_overflow_and_what_is_no_number_stays_so():
    layer = draw_layer(6, 4, 50, scale=40.0)
    loss, _ = compute_exactly(*layer)
    kernel = OutputKernel()
    assert kernel.forward(*layer) == pytest.approx(loss, rel=1e-5)
    for array, place in ((layer[0], (3, 1)), (layer[1], (2, 17)), (layer[2], 5)):
        old, array[place] = array[place], np.nan
        assert np.isnan(kernel.forward(*layer))
        array[place] = old


def test_the_exponential_is_that_of_numpy():
    """Through the loss of two tokens: log(1 + exp(-d)) for a difference d of logits."""
    difference = np.linspace(0, 80, 2001)
    for d in difference[::50]:
        layer = np.zeros((1, 2), np.float32), np.zeros((2, 2), np.float32)
        bias = np.array([0, -d], np.float32)
        kernel = OutputKernel(cutoff=EXACT)
        kernel.forward(*layer, bias, np.zeros(1, np.int32), np.ones(1, np.float32))
        expected = np.exp(-d) / (1 + np.exp(-d))
        assert kernel.backward(1.0)[2][1] == pytest.approx(expected, rel=2e-6, abs=1e-37)


@pytest.mark.parametrize("target", [-1, 20])
def test_a_target_outside_the_vocabulary_is_an_error(target):
    hidden, kernel, bias, targets, weights = draw_layer(6, 4, 20)
    targets[3] = target
    with pytest.raises(ValueError, match="vocabulary of 20"):
        OutputKernel().forward(hidden, kernel, bias, targets, weights)
