"""A PyTorch character LSTM of the common shape, to compare training with.

Two layers of 512, dropout 0.5 between and after them, one-hot input, 50 characters, 50 streams with
carried state, Adam at 2e-3, gradients clipped to norm 5, a constant learning rate. It uses none of
textgen's code.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

_ROWS, _SPAN, _UNITS, _RATE, _CLIP = 50, 50, 512, 2e-3, 5.0

Ids = npt.NDArray[np.int64]


class CharRnn(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """One-hot characters, two LSTM layers, a dense layer."""

    def __init__(self, size: int):
        super().__init__()
        self._size = size
        self.lstm = torch.nn.LSTM(size, _UNITS, num_layers=2, dropout=0.5, batch_first=True)
        self.dropout = torch.nn.Dropout(0.5)
        self.dense = torch.nn.Linear(_UNITS, size)

    def forward(self, ids: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Logits of shape (rows, characters, size) and the state after them."""
        one_hot = torch.nn.functional.one_hot(ids, self._size).float()
        outputs, state = self.lstm(one_hot, state)
        return self.dense(self.dropout(outputs)), state


def train(ids: Ids, size: int, seconds: float) -> CharRnn:
    """Train for a number of seconds."""
    torch.manual_seed(0)
    network = CharRnn(size)
    optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
    length = (len(ids) - 1) // _ROWS
    x = torch.from_numpy(ids[: length * _ROWS].reshape(_ROWS, length))
    y = torch.from_numpy(ids[1 : length * _ROWS + 1].reshape(_ROWS, length))
    end = time.monotonic() + seconds
    while True:
        state = None
        for first in range(0, length - _SPAN + 1, _SPAN):
            if time.monotonic() >= end:
                return network
            if state is not None:
                state = tuple(part.detach() for part in state)
            logits, state = network(x[:, first : first + _SPAN], state)
            targets = y[:, first : first + _SPAN]
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
            optimizer.step()


@torch.inference_mode()
def evaluate(network: CharRnn, ids: Ids, windows: int) -> tuple[float, float]:
    """Loss in nats per character: in order with carried state, and over windows from zero."""
    network.eval()
    x, y = torch.from_numpy(ids[None, :-1]), torch.from_numpy(ids[1:])
    state, total = None, 0.0
    for first in range(0, x.shape[1], 1000):
        logits, state = network(x[:, first : first + 1000], state)
        targets = y[first : first + 1000]
        total += float(torch.nn.functional.cross_entropy(logits[0], targets, reduction="sum"))
    count = (len(ids) - 1) // windows
    rows = torch.from_numpy(ids[: count * windows].reshape(count, windows))
    next_ids = torch.from_numpy(ids[1 : count * windows + 1])
    logits, _ = network(rows, None)
    by_windows = torch.nn.functional.cross_entropy(logits.flatten(0, 1), next_ids)
    return total / len(y), float(by_windows)


class _Loss:
    """A loss on its way from the device. `float` waits for this loss, but not for later steps."""

    def __init__(self, loss: torch.Tensor):
        self._loss, self._copied = loss, None
        if loss.is_cuda:
            self._loss = torch.empty_like(loss, device="cpu", pin_memory=True)
            self._loss.copy_(loss, non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()

    def __float__(self) -> float:
        if self._copied is not None:
            self._copied.synchronize()
        return float(self._loss)


def make_step(
    rows: int,
    span: int,
    size: int,
    units: tuple[int, ...],
    device: str = "cpu",
    precision: str = "float32",
) -> Callable[[], _Loss]:
    """Make a function that trains torch.nn.LSTM for a step on random characters.

    It returns the loss, which `float` waits for.

    All layers are as wide as the first. There is no dropout.
    """
    embedding = torch.nn.Embedding(size, 64)
    lstm = torch.nn.LSTM(64, units[0], num_layers=len(units), batch_first=True)
    network = torch.nn.ModuleList([embedding, lstm, torch.nn.Linear(units[0], size)]).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler(device, enabled=precision == "float16")
    ids = torch.randint(0, size, (rows, span), device=device)
    is_half = precision != "float32"

    def step() -> _Loss:
        with torch.autocast(device, getattr(torch, precision)) if is_half else nullcontext():
            logits = network[2](lstm(embedding(ids))[0])
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids.flatten())
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return _Loss(loss.detach())

    return step
