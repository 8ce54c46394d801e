"""Lets `python -m textgen` run the command line."""

from textgen.cli import main

main()
