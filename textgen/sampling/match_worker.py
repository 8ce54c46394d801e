"""Searches texts for a regular expression: a separate program, which can be ended at any time.

Some expressions take longer than the age of the universe, and Python cannot interrupt a search. Its
argument is the processor time of a search, in seconds; the program ends when one takes longer.

Standard input has a line of JSON with the expression, and then lines with lists of texts. Standard
output gets a byte for each text, 1 if the expression matches somewhere in it and 0 if not.
"""

import json
import re
import signal
import sys
import warnings


def main() -> None:
    """Search until standard input ends."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program that started this one ends it
    has_timer, limit = hasattr(signal, "setitimer"), float(sys.argv[1])
    lines = sys.stdin.buffer
    expression = re.compile(json.loads(lines.readline()))
    for line in lines:
        for text in json.loads(line):
            if has_timer:  # the timer's signal ends the program
                signal.setitimer(signal.ITIMER_VIRTUAL, limit)
            found = expression.search(text) is not None
            sys.stdout.buffer.write(b"1" if found else b"0")
            sys.stdout.buffer.flush()
        if has_timer:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


if __name__ == "__main__":
    main()
