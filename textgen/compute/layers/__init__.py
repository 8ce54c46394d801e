"""Recurrent layers that compute the same as those of Keras, faster."""
