"""Subwords: tokens of several characters, learned from a text by byte-pair encoding (BPE).

words.py    cuts text into words; no subword crosses the end of one
subwords.py characters into subwords
learn.py    learns subwords from a sample of a text
"""
