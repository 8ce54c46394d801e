"""Layers for training. They have the weights of Keras's layers, and are faster or drop connections.

feedforward.py       embedding, dropout and dense layers
carried_state.py     recurrent layers whose state is carried from batch to batch
drop_connect.py      recurrent layers that learn with some recurrent weights left out
state_resets.py      recurrent layers whose states are reset inside a batch
sequence_layer.py    what the recurrent layers share that replace Keras's
cpu_recurrent.py     recurrent layers that use the kernels for CPUs
output_loss.py       the output layer and its loss, of large vocabularies on a CPU
tensorflow_recurrent.py  how TensorFlow calls these kernels
tensorflow_resets.py recurrent layers for TensorFlow on a GPU, with states that are reset
tensorflow_output.py how TensorFlow calls the output layer's kernel
jax_recurrent.py     how JAX calls these kernels
jax_lstm.py          an LSTM for JAX on a GPU
jax_output.py        how JAX calls the output layer's kernel
jax_sharded.py       a recurrent layer whose batch is on several devices
torch_recurrent.py   how PyTorch calls these kernels, and cuDNN's LSTM
torch_output.py      how PyTorch calls the output layer's kernel
torch_packed.py      PyTorch's recurrent layers on batches inside which states are reset
"""
