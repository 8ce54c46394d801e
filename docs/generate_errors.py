"""Writes docs/errors.md, the tables of every error, from textgen/errors.py and errors.toml.

python docs/generate_errors.py > docs/errors.md
"""

from textgen.errors import load_catalogue


def make_page() -> str:
    """The page: for each class of errors a table of messages, causes and remedies."""
    parts = [
        "# Errors",
        "",
        "What each error says, why it happens and what to do about it; made by `make docs` from",
        "textgen/errors.toml. An error is one line on standard error that begins with",
        "`textgen: error:`; from Python it is an exception of the class named here. `--debug`",
        "shows the traceback.",
        "",
        "Errors of the operating system that are not in these tables, such as a full disk behind",
        "`> file` or memory that runs out, are one line, too, with exit status 1; options that",
        "do not exist or exclude each other are one line with exit status 2. A line that ends with",
        "`(run again with --debug for more)` is an error in textgen: please report it.",
    ]
    for error, entries in load_catalogue().items():
        summary = " ".join((error.__doc__ or "").split("\n\n")[0].split())
        parts += ["", f"## {error.__name__}", "", f"{summary} Exit status {error.exit_status}.", ""]
        parts += ["| the message says | cause | remedy |", "| --- | --- | --- |"]
        for entry in entries:
            parts.append(f"| {_format_message(entry.message)} | {entry.cause} | {entry.remedy} |")
    return "\n".join(parts) + "\n"


def _format_message(message: str) -> str:
    return "(depends)" if message.startswith("{") else f"... {message} ..."


if __name__ == "__main__":
    print(make_page(), end="")  # noqa: T201
