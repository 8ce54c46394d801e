"""Generating text with a trained network, in NumPy alone.

    cells.py       the recurrent cells: what each is, and its step in NumPy
    network.py     the network: its weights, and how layers are stacked
    readers.py     what reads texts side by side: a fixed number, or texts that come and go
    compiled.py    the network in compiled code, many tokens at a call (compiled_weights.py);
                   switching.py: NumPy at first, then compiled code; row_settings.py: how it writes
    context.py     what a prediction is made from: carried state, or the last maxlen tokens
    mixture.py     several networks that predict as one (mixing.py: a sampler of several models;
                   vocabulary_union.py: their tokens)
    decoding.py    which tokens can be chosen: top-k, top-p, min-p
    choosing.py    how the next token is drawn: temperature (temperature.py: one that changes)
    characters.py  characters that are never chosen
    control.py     what depends on the text so far; repetition.py is against repeated passages
    match.py       texts that match a regular expression (automaton/)
    stopping.py    when a text ends
    generation.py  the loops: one text as a stream, or many side by side (batch.py; subword_batch.py
                   for subwords; row_text.py is a text of a batch, choosers.py chooses tokens for
                   rows that do not all choose in the same way)
    details.py     what a batch records of tokens: scores and alternatives
    batch_sizes.py  numbers of rows with which a text does not depend on the others in its batch
    requests.py    what they generate, as ids, and what comes back
    request_builder.py    what a user wants, as such ids
    subwords.py    subwords as characters: spelled, and continuing a seed that ends inside one
    texts.py       what is generated, and what comes back, as text
    seeds.py       seeds: checked, and from files
    tokens.py      seeds and excluded characters as tokens
    label_choice.py       labels of documents: those that a user names, the others drawn
    candidates.py  texts side by side, or the most probable of several of each
    suggestions.py how a text could continue, for a writer
    selection.py   documents that pass filters
    scorer.py      how probable given tokens are, in NumPy or compiled (compiled_scorer.py): of long
                   texts (text_scoring.py), windows (window_scoring.py; blocks.py cuts texts) and
                   documents (document_scoring.py)
    scoring.py     the same for one text, token by token
    sampler.py     the public class: seeds in, text out

Nothing here imports a deep-learning framework, reads a file or prints.
"""

from textgen.sampling.sampler import Sampler

__all__ = ["Sampler"]
