"""Subwords: tokens of several characters, learned from a text by byte-pair encoding (BPE).

choice.py   characters or subwords, and how many
words.py    cuts text into words; no subword crosses the end of one
learn.py    learns subwords from a sample of a text
subwords.py characters into subwords
fast_encode.py   the same in compiled code, for long texts; word_table.py has their words
encode.py   a prepared corpus into subwords on disk
"""
