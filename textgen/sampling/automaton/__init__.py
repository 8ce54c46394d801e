"""Regular expressions as automata that say which characters can still lead to a match.

    syntax.py      an expression, as Python's own parser reads it, and the characters of its sets
    graph.py       the expression as a graph of characters, choices and conditions
    classes.py     characters that no part of the expression tells apart
    places.py      the places in the graph where a text can be, and how far each is from a match
    stops.py       where a text ends that is to stop after some text, or some lines
    states.py      sets of places, found as texts are generated
    trie.py        the tokens of a vocabulary as sequences of classes

A text has a match if `re.search` finds one. Sets of places are found only as texts reach them, so
an expression whose whole automaton would be huge costs no more than others.
"""
