"""Layers for training, with the weights of Keras's: faster, or with weights left out."""
