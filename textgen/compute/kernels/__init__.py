"""Compiled matrix products and LSTM passes for CPUs.

sequence.py  one LSTM layer over a batch of sequences: NumPy arrays in and out
lstm.py      its passes, forward and backward: arithmetic of gates and states
gemm.py      matrix products with one matrix packed beforehand
packing.py   matrices in the order in which a product reads them
simd.py      the widest instructions of the processor, and functions compiled for them
vectors.py   the innermost loop of a product in vector instructions
tiles.py     the same in Intel's AMX tiles
"""
