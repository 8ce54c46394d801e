"""Training, from corpus to model directory.

    run.py        the whole way: plan, fit, model directory, checkpoints
    plan.py       what is asked: text, characters, settings
    text.py       what training is given to read
    transfer.py   going on from another model
    checkpoint.py a training on disk, so that it can go on where it was
    sizing.py     settings that suit a text, a time and a pace
    pace.py       how quickly a device trains
    loop.py       the fit loop: steps, validation, samples, the best weights
    stepping.py   steps of a network, one after the other
    torch_steps.py  those on PyTorch
    clock.py      how far a training is, when it reports, when it is over
    optimizer.py  optimizers and learning rates
    cpu_adamw.py  one of them with fewer operations, on a CPU
    precision.py  what recurrent layers compute in, and which layers do it
    own_lstm.py   how an LSTM of textgen's own stands for Keras's
    cpu_lstm.py   an LSTM that trains faster on a CPU
    lstm_passes.py  what it computes along a sequence, compiled
    products.py   its matrix products, compiled
    gpu_lstm.py   an LSTM that trains faster on a GPU with JAX
    torch_lstm.py  one for a GPU with PyTorch
    cudnn.py      whether a GPU computes the layers by cuDNN
    drop_connect.py  recurrent layers that leave out some of their weights
    tensorboard.py  logs for TensorBoard
    sharded.py    a recurrent layer whose batch is on several devices
    hooks.py      undocumented names of other packages, each with its check
    backend.py    what differs between TensorFlow, JAX and PyTorch
    events.py     what a training tells while it runs

Keras is imported when training starts, by loop.py and what it imports.
"""

from textgen.training.run import train

__all__ = ["train"]
