"""Documents: many texts in one corpus, with their labels.

Reading:
modes.py             what a document is, where the user leaves that open
suggestions.py       whether a text looks like many documents
reading.py           a corpus becomes documents; markers.py finds where they end in a file
document_list.py     documents that Python code gives

Preparing:
records.py           what is recorded of each document; hashes.py hashes them
labels.py            what labels there are; label_collector.py finds out
split.py, sides.py   which documents are held out
files.py, index.py   where each document is, and its labels

Training:
shuffled.py          documents in a random order
label_source.py      which labels they are read with
"""
