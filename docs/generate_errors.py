"""Writes docs/errors.md, the table of every error, from textgen/errors.py.

python docs/generate_errors.py > docs/errors.md
"""

from textgen import errors


def table() -> str:
    """A table of each class of errors: what is said, why, and what to do."""
    parts = [
        "# Errors",
        "",
        "What each error says, why it comes about and how to mend it; made by `make docs` from",
        "textgen/errors.py. An error is one line on standard error that begins with",
        "`textgen: error:`; from Python it is an exception of the class named here. `--debug`",
        "shows the traceback.",
        "",
        "Errors of the operating system that are not in these tables, such as a full disk behind",
        "`> file`, and memory that is out are one line as well, with exit status 1; so are options",
        "that do not exist or do not go together, with exit status 2. A line that ends with",
        "`(run again with --debug for more)` is of what textgen did not foresee: please report it.",
    ]
    for kind in vars(errors).values():
        if not (isinstance(kind, type) and issubclass(kind, errors.TextgenError) and kind.known):
            continue
        summary = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        parts += ["", f"## {kind.__name__}", "", f"{summary} Exit status {kind.exit_status}.", ""]
        parts += ["| the message says | cause | cure |", "| --- | --- | --- |"]
        for known in kind.known:
            parts.append(f"| {_words(known.says)} | {known.cause} | {known.cure} |")
    return "\n".join(parts) + "\n"


def _words(says: str) -> str:
    return "(depends)" if says.startswith("{") else f"... {says} ..."


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201
