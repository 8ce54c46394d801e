"""Writes docs/cli.md, the reference of every command, from the program's own help.

python docs/generate_cli.py > docs/cli.md
"""

import cloup

from textgen.cli import program


def make_page() -> str:
    """The help of the program and of each command, 80 columns wide."""
    parts = [
        "# Command line reference",
        "",
        "Made from the program's help by `make docs`.",
    ]
    for path in ([], *([name] for name in sorted(program.commands))):
        command = program.commands[path[0]] if path else program
        title = " ".join(["textgen", *path])
        context = cloup.Context(
            command,
            info_name=title,
            terminal_width=80,
            max_content_width=80,
            **command.context_settings,
        )
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        parts += ["", f"## {title}", "", "```text", text, "```"]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    print(make_page(), end="")  # noqa: T201
