"""`textgen completion`."""

import click
import cloup

from textgen.cli import options
from textgen.cli.output import Output

VARIABLE = "_TEXTGEN_COMPLETE"  # set by a shell that asks for completions; click chooses the name
_SHELLS = ("bash", "zsh", "fish")


@cloup.command("completion")
@cloup.argument("shell", type=click.Choice(_SHELLS))
@options.debug
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete textgen's commands.

    With it the Tab key completes commands, options, values of options, and paths. Run the commands
    below for your shell once, then open a new one.

    \b
    bash with the package bash-completion:
        mkdir -p ~/.local/share/bash-completion/completions
        textgen completion bash > ~/.local/share/bash-completion/completions/textgen

    \b
    bash without it (4.4 or later):
        textgen completion bash > ~/.textgen-completion.bash
        echo 'source ~/.textgen-completion.bash' >> ~/.bashrc

    \b
    zsh:
        mkdir -p ~/.zfunc
        textgen completion zsh > ~/.zfunc/_textgen
        echo 'fpath+=(~/.zfunc); autoload -Uz compinit; compinit' >> ~/.zshrc

    \b
    fish:
        mkdir -p ~/.config/fish/completions
        textgen completion fish > ~/.config/fish/completions/textgen.fish
    """
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    if completion_class is not None:  # click has all three
        script = completion_class(context.find_root().command, {}, "textgen", VARIABLE).source()
        Output().write(script)


def fix_bash_equals() -> None:
    """Let bash complete `--cell=l` as well, which it passes as three words."""
    from click.shell_completion import BashComplete, add_completion_class

    class Bash(BashComplete):
        def get_completion_args(self) -> tuple[list[str], str]:
            words, incomplete = super().get_completion_args()
            return [word for word in words if word != "="], incomplete

    add_completion_class(Bash)
