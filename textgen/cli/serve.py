"""`textgen serve`."""

import os
from typing import Any

import click
import cloup

from textgen.cli import base_command, console, options, signals
from textgen.cli.types import DIRECTORIES, DURATION
from textgen.settings import DEFAULT_MODEL, ServeConfig

_KEY = "TEXTGEN_API_KEY"


@cloup.command("serve", cls=base_command.Command)
@cloup.argument("models", metavar="[MODEL]...", nargs=-1, shell_complete=DIRECTORIES)
@cloup.option_group(
    "Address",
    cloup.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        metavar="ADDRESS",
        help="Address to listen on; 0.0.0.0 for all of this computer's.",
    ),
    cloup.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8000,
        show_default=True,
        metavar="N",
        help="Port to listen on; 0 for any that is free.",
    ),
)
@cloup.option_group(
    "Access",
    cloup.option(
        "--api-key",
        metavar="KEY",
        envvar=_KEY,
        show_envvar=True,
        help="Key that clients must send. Set the variable instead: other users of the computer "
        "can read options.",
    ),
    cloup.option(
        "--no-key",
        is_flag=True,
        help="Let everybody who reaches the address use the server.",
    ),
    cloup.option(
        "--allow-origin",
        "origins",
        multiple=True,
        metavar="ORIGIN",
        help="Let pages of this site use the server, such as https://example.org; can be repeated.",
    ),
)
@cloup.option_group(
    "Limits",
    options.setting(
        ServeConfig,
        "max_length",
        type=int,
        metavar="N",
        help_text="Characters of a text, after its prompt.",
    ),
    options.setting(
        ServeConfig, "max_prompt", type=int, metavar="N", help_text="Characters of a prompt."
    ),
    options.setting(
        ServeConfig, "max_texts", type=int, metavar="N", help_text="Texts of a request."
    ),
    options.setting(
        ServeConfig,
        "rows",
        type=int,
        metavar="N",
        help_text="Texts that a model generates side by side.",
    ),
    options.setting(
        ServeConfig,
        "max_waiting",
        type=int,
        metavar="N",
        help_text="Texts that may wait for their turn; more are refused.",
    ),
    options.setting(
        ServeConfig,
        "max_connections",
        type=int,
        metavar="N",
        help_text="Connections at a time; more are refused.",
    ),
    options.setting(
        ServeConfig, "max_request", type=int, metavar="N", help_text="Bytes of a request."
    ),
    options.setting(
        ServeConfig,
        "time_limit",
        type=DURATION,
        help_text="Time that the texts of a request may take; then they end.",
    ),
    options.setting(
        ServeConfig,
        "header_timeout",
        type=DURATION,
        help_text="Time in which a request must arrive.",
    ),
    options.setting(
        ServeConfig,
        "keep_alive",
        type=DURATION,
        help_text="Time after which an idle connection is closed.",
    ),
    options.setting(
        ServeConfig,
        "grace",
        type=DURATION,
        help_text="Time for requests in progress after SIGTERM or Ctrl-C.",
    ),
)
@options.mix_weights(
    "Serve one more model, in which all of these predict as one: how much each counts, as in "
    "0.7,0.3; 1,0:0,1 changes from one to the other over each text.  [default: none]"
)
@cloup.option("-q", "--quiet", is_flag=True, help="Write no line about each request.")
@options.debug
def command(
    models: tuple[str, ...],
    host: str,
    port: int,
    api_key: str | None,
    no_key: bool,  # noqa: FBT001
    origins: tuple[str, ...],
    mix: str | None,
    mix_by: str | None,
    quiet: bool,  # noqa: FBT001
    **values: Any,
) -> None:
    """Generate text for other programs: an HTTP server that clients of completion APIs can use.

    MODEL is a model directory, the name of a starter, or NAME=DIR; clients choose among several by
    name, which is the last part of the directory. The default is textgen-model, or TEXTGEN_MODEL.
    When a training replaces a model, new requests get the new one. With --mix, clients can also
    choose titles+poems, both models as one.

    The API is at /v1/completions, /v1/chat/completions and /v1/models; docs/serving.md describes
    it. Lines about requests have no text of them. SIGTERM or Ctrl-C ends the server when the
    requests in progress are answered, and a second one at once.

    \b
        textgen serve
        textgen serve titles poems=models/verse --port 8080
        textgen serve titles poems --mix 0.7,0.3
        TEXTGEN_API_KEY=secret textgen serve --host 0.0.0.0
        curl http://127.0.0.1:8000/v1/completions -H 'Content-Type: application/json' \\
            -d '{"prompt": "To be", "max_tokens": 200}'
    """
    limits = ServeConfig(**options.chosen(values))
    if mix is None and mix_by is not None:
        raise click.UsageError("--mix-by is for --mix; give the weights of the models")
    from textgen.packages import require_installed

    require_installed("starlette", "uvicorn", "pydantic", "prometheus_client", "threadpoolctl")
    from textgen.serving.names import add_mix, name_models
    from textgen.serving.server import Listening, TextServer
    from textgen.serving.threads import limit_threads

    console.note_compilation()

    os.environ.pop(_KEY, None)  # processes that this one starts need no key

    def log(line: str) -> None:
        console.note(f"textgen: {line}")

    named = name_models(models or (os.environ.get("TEXTGEN_MODEL") or DEFAULT_MODEL,))
    served = named if mix is None else add_mix(named, mix, mix_by)
    listening = Listening(host, port, api_key, no_key, origins)
    server = TextServer(served, listening, limits, log, None if quiet else log)
    with limit_threads(server.most_parameters):
        status = server.run(lambda: log(f"serving {', '.join(served)} on {server.address}"))
    if status:
        raise signals.ProgramEnd(status)
