"""Training, from corpus to model directory.

run.py           the whole way
job.py           what the user asks for
plan.py          what is trained: corpus, vocabulary, settings
choices.py       who chooses which setting
automatic.py     settings for a corpus, a time and the pace of a device
device_speed.py  that pace, measured
transfer.py      the weights of another model to begin with
data.py          the text that training reads
processes.py     what several processes check before they train together
loop.py          the fit loop
schedule.py      the learning rate
budget.py        how much of the training is done, when to validate, when to end
checkpoint.py    files that a training is resumed from
saving.py        what is written into the model directory
provenance.py    what is recorded about corpus, command and versions
tensorboard.py   logs for TensorBoard
events.py        what a training tells while it runs

Keras is imported when training starts.
"""
