"""Training, from corpus to model directory.

    run.py        the whole way: settings, prepared corpus, fit, model directory
    loop.py       the fit loop: steps, validation, samples, the best weights
    optimizer.py  optimizers and learning-rate schedules
    backend.py    what differs between TensorFlow, JAX and PyTorch
    events.py     what a training tells while it runs

Only loop.py and optimizer.py need Keras, and they are imported when training starts.
"""

from textgen.training.run import train

__all__ = ["train"]
