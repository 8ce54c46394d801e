"""Text in, ids out.

sources.py          where a corpus comes from: files, directories, standard input, the demo text
reading.py          a corpus becomes text, with the help of
    compression.py, encodings.py, decoder.py, normalization.py, pieces.py, reading_report.py
documents/          many texts in one corpus, with their labels
tables/             documents and labels from CSV, TSV and JSON Lines
vocabulary.py       which token has which id; encode and decode
tokens/             subwords: tokens of several characters
encode.py           a corpus becomes a file of ids, with the help of indexing.py and workers.py
prepare.py          makes a prepared corpus
prepared.py         opens one and checks it (prepared_corpus.py is what it opens);
    fingerprints.py says whether its sources changed
corpus_fingerprint.py  the hashes of a corpus's documents, which bloom.py keeps in a few bytes
substrings.py       an index of the substrings of a few texts; copied_runs.py says which are copies
split.py            training and validation text, and whether a text is long enough
windows.py          the windows of a text (permutation.py shuffles them)
streams.py          the parallel streams of a text, for carried state
batches.py          what a batch is, and the random changes to one
one_hot.py          one-hot tensors of windows
sizes.py            how much is read and encoded at a time
"""
