"""Settings to keras.Model, and the model directory.

build.py      the network in Keras
model_dir.py  reading and saving a model directory
record.py     what it says about its model, apart from the weights
weights.py    the weights in its `.keras` file
paths.py      where its files are
"""
