"""Training, from corpus to model directory.

pipeline.py      the whole way
job.py           what the user asks for
plan.py          what a job trains: corpus, vocabulary, settings
corpus.py        reads its corpus into the cache
selection.py     who chooses which setting
automatic.py     rules that choose settings for a corpus, a time and the speed of a device
device_speed.py  that speed, measured
fine_tuning.py   the same for a training that begins with the weights of another model
initial_model.py which model that is
starter_check.py whether a starter knows the language of a corpus
transfer.py      the weights of that model for another vocabulary and other labels
new_tokens.py    those of tokens that it lacks
data.py          the text that training reads
processes.py     what several processes check before they train together
fit.py           prepares the loop and runs it: network, batches, budget, state, callbacks
loop.py          the loop: steps and validations
batches.py       the batches that each step reads
schedule.py      the learning rate
budget.py        how much of the training is done, when to validate, when to end
state.py         where a training is: what a checkpoint saves and restores
validation.py    the loss over the validation text
loss_curve.py    the training loss, as shown and as recorded
samples.py       samples of the network while it trains, and their seeds
callbacks/       what happens between steps: saving, checkpoints, patience, samples, logs
checkpoint.py    files that a training is resumed from
saving.py        what is written into the model directory
provenance.py    what is recorded about corpus, command and versions
events.py        what a training reports while it runs

Keras is imported when training starts.
"""
