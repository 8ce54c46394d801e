"""What happens between the steps of a training.

base.py              what a callback may do, and when the loop calls it
model_saver.py       saves the best model so far
checkpoint_saver.py  writes checkpoints
patience.py          ends a training that no longer improves
early_samples.py     draws samples before the first validation
tensorboard.py       writes logs for TensorBoard
"""
