"""How well a model predicts, and how much it copies.

    evaluation.py  how well it predicts a text: loss, bits per character, coverage (figures.py),
                   from text_scores.py; of several models as one from mixture_scores.py
    document_scores.py  how well it predicts each document
    surprise.py    how surprising it finds each character of a text
    comparison.py  several models side by side
    label_comparison.py  which label fits each document best
    novelty.py     how much of what it writes occurs in its training text
    report/        a page of HTML about what it learned

Novelty is computed by overlap.py and copies.py (which substrings texts have in common; the index is
in text/substrings.py), occurrences.py and passages.py (where the longest ones occur) and
training_text.py.
model_text.py, document_reader.py and text_reader.py read texts as the training text was read;
document_sample.py chooses some of many documents. losses.py adds up losses, progress.py counts what
was read; formatting.py writes figures for people.
"""
