"""The interactive mode of `textgen sample`: write a text together with a model.

loop.py          reads lines, and runs each as a command or continues the text
input_line.py    what a line means: a command, the beginning of a text, or words to add
commands.py      the commands, such as /undo
variables.py     the settings that commands change, such as /temperature
session.py       the text and the settings: what is generated next, and suggestions for a line
draft.py         the text so far, turn by turn, with undo and redo
terminal.py      lines from a terminal: editing, history, Tab
files.py         what is saved: the text, and a transcript of the whole run

Only loop.py and commands.py write to the screen.
"""

from textgen.cli.interactive.loop import converse
from textgen.cli.interactive.session import Session

__all__ = ["Session", "converse"]
