"""Compiled matrix products, layers and whole networks for CPUs.

sequence.py  one recurrent layer over a batch of sequences: NumPy arrays in and out
passes.py    its passes, forward and backward, token by token
lstm.py, gru.py, rnn.py  what each cell does with the sums of one token, and their gradients
cell_weights.py  how the weights of each cell become one matrix
activations.py  tanh, sigmoid and exp of one number
output.py    the output layer and the loss of all positions of a batch
softmax.py   its passes: logits, losses and gradients
network.py   a step of a whole network, to read and write texts; weights.py has its weights
reading.py   many tokens of given texts: log-probabilities
writing.py   many tokens of texts that are written (text_table.py: what is known of each)
choosing.py  how a token is chosen
panels.py    products of a few rows or many, whose sums do not depend on how many there are
gemm.py      matrix products with one matrix packed beforehand
packing.py   matrices in the order in which a product reads them
threads.py   work that the processors share
simd.py      the widest instructions of the processor, and functions compiled for them
             (numba_names.py: what that needs of Numba)
vectors.py   the innermost loop of a product in vector instructions
tiles.py     the same in Intel's AMX tiles

How a product c = a @ b reads its factors. b is packed: cut into panels of COLUMNS columns, each
contiguous. Numbers along the axis that is summed over, the depth, lie in lanes of 32 bits: one
float32, or two of bfloat16.

                    b: panel 0    panel 1
                      +---------+---------+
      depth           |         |         |   one row of a panel is VECTORS vectors,
    (in lanes)        |         |         |   one lane for each column
                      +---------+---------+
    a  +---------+    c: sums of ROWS rows and one panel stay in registers
       |         |    +---------+---------+   while the loop goes down the depth
       |         |    |         |         |
       +---------+    +---------+---------+

The vector loop takes one lane of each of ROWS rows of a, and multiplies it with a row of the panel.
AMX takes tiles instead, blocks of TILE rows by TILE lanes of each factor, so the depth is filled
with zeros to whole tiles.
"""
