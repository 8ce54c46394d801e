"""Compiled matrix products and LSTM passes for CPUs."""
