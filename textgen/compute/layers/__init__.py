"""Layers for training. They have the weights of Keras's layers, and are faster or drop connections.

feedforward.py       embedding, dropout and dense layers
carried_state.py     recurrent layers whose state is carried from batch to batch
drop_connect.py      recurrent layers that learn with some recurrent weights left out
state_resets.py      recurrent layers whose states are reset inside a batch
replacement_lstm.py  what the LSTMs share that replace Keras's
cpu_lstm.py          an LSTM that uses the kernels for CPUs
output_loss.py       the output layer and its loss, of large vocabularies on a CPU
tensorflow_lstm.py   how TensorFlow calls these kernels
tensorflow_resets.py recurrent layers for TensorFlow on a GPU, with states that are reset
tensorflow_output.py how TensorFlow calls the output layer's kernel
jax_lstm.py          LSTMs for JAX, on a CPU and on a GPU
jax_output.py        how JAX calls the output layer's kernel
jax_sharded.py       a recurrent layer whose batch is on several devices
torch_lstm.py        LSTMs for PyTorch, on a CPU and on a GPU
torch_output.py      how PyTorch calls the output layer's kernel
torch_packed.py      PyTorch's recurrent layers on batches inside which states are reset
"""
