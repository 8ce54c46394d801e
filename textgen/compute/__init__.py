"""What makes training fast, behind one interface.

backend.py       the interface: Backend, Model, Trainer, Evaluator
runtime.py       start Keras on a backend
backends/        one module for each backend, and what they have in common
precision.py     the precision that a training computes in
optimizer.py     optimizers from settings
steps.py         what training steps have in common
dropout_masks.py which numbers a training step leaves out
session.py       global settings, set for a block
overrides.py     methods that Keras must call
keras_names.py   undocumented names of Keras that are used here
layers/          layers that compute what Keras's do, faster

The compiled kernels that some layers use are in textgen/kernels/.
"""
