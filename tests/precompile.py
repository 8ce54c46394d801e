"""Compile what tests run, once, before processes that run at the same time each do so.

python -m tests.precompile
"""

import numpy as np

from textgen.kernels.sequence import SequenceKernel, has_bfloat16
from textgen.sampling.compiled import load_compiled


def main() -> None:
    """Compile, or load what was compiled."""
    load_compiled()
    for bfloat16 in {False, has_bfloat16()}:
        kernel = SequenceKernel("lstm", bfloat16=bfloat16)
        x, state = np.ones((2, 3, 4), np.float32), np.zeros((2, 4), np.float32)
        weights = [np.ones(shape, np.float32) for shape in kernel.cell.shapes(4, 4)]
        outputs, *_ = kernel.forward(x, (state, state), weights)
        kernel.backward(outputs)


if __name__ == "__main__":
    main()
