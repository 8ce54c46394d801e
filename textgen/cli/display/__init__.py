"""What `textgen train` shows while it trains, and who starts and watches its processes.

    lines.py       a line for each thing that happens, and one every ten seconds
    json_lines.py  the same as JSON
    live.py        the display on a terminal: when it is drawn, and what stays of it
    frame.py       the display as rows of text
    curve.py       a curve in a few rows of characters
    figures.py     speed, time left, the best so far: what more than one of them tells

Each of those who listen to a training is called with its events and closed when it is over.
"""
