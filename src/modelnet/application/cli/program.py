"""What `modelnet` does with its arguments: find the command, run it, and tell how it ended."""

from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from modelnet.application.cli.command import CommandGroup
from modelnet.application.cli.output import write, write_error
from modelnet.core.error import InvalidRequestError, ModelnetError, status_of

_HELP = """The internet of AI models: a network without a centre, behind one OpenAI-compatible URL.

Start with `modelnet up`, then `modelnet ask "What is 123 plus 456?"` in another terminal.
"""

ABORTED = 1

app = typer.Typer(
    cls=CommandGroup,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code of the process."""
    try:
        code = get_command(app).main(
            list(arguments) or ["--help"], prog_name="modelnet", standalone_mode=False
        )
    except ModelnetError as error:
        return _fail(error, arguments)
    except typer.TyperException as error:
        return _fail(_usage_error(error), arguments)
    except typer.Abort:
        write("Nothing was done.", err=True)
        return ABORTED
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
def root(
    is_version_wanted: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """Take the options that belong to no command."""
    if is_version_wanted:
        from importlib.metadata import version

        write(f"modelnet {version('ai-modelnet')}")
        raise typer.Exit


def _usage_error(error: typer.TyperException) -> InvalidRequestError:
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "modelnet"
    problem = " ".join(error.format_message().split()).rstrip(".")
    return InvalidRequestError(f"{problem}: `{command} --help` shows what it takes.")


def _fail(error: ModelnetError, arguments: Sequence[str]) -> int:
    write_error(error, as_json="--json" in arguments)
    return status_of(error).exit_code
