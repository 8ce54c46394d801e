"""What `textgen train` shows while it trains.

    live.py        a display on a terminal: when it is drawn, and the lines that remain
    frame.py       that display as rows of text
    curve.py       a curve drawn with characters
    lines.py       a line for each event, and one every ten seconds
    json_lines.py  the same as JSON
    messages.py    events in words
    state.py       what is known of a training so far: speed, time left, losses, samples

A display is called with each event of the training and closed at the end.
"""
