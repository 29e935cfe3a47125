import json
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer

from modelnet.application.cli import command
from modelnet.application.cli.loop import TERMINATED
from modelnet.application.cli.loop import run as run_loop
from modelnet.core.error import EngineError, OverloadedError


def test_version(cli):
    assert cli("--version").out == f"modelnet {version('ai-modelnet')}\n"


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_every_command(cli, arguments):
    result = cli(*arguments)
    assert result.code == 0
    for name in ("up", "ask", "models", "nodes", "exam", "demo", "doctor", "keys"):
        assert f"\n  {name} " in result.out


@pytest.mark.parametrize("name", ["up", "ask", "models", "nodes", "exam", "demo", "doctor", "keys"])
def test_every_command_has_json_and_help(cli, name):
    result = cli(name, "--help")
    assert result.code == 0
    assert "--json" in result.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("modls",), "There is no command 'modls': did you mean 'models'?"),
        (("xyzzy",), "There is no command 'xyzzy': `modelnet --help` lists those there are."),
        (("ask",), "Missing argument 'PROMPT': `modelnet ask --help` shows what it takes."),
        (
            ("models", "--zzz"),
            "No such option: --zzz: `modelnet models --help` shows what it takes.",
        ),
    ],
)
def test_usage_error_is_one_sentence(cli, arguments, says):
    result = cli(*arguments)
    assert (result.code, result.out, result.err) == (2, "", says + "\n")


def test_usage_error_of_a_value_names_the_option(cli):
    result = cli("ask", "x", "--max-tokens", "no")
    assert result.code == 2
    assert result.err.startswith("Invalid value for '--max-tokens': ")
    assert result.err.endswith(": `modelnet ask --help` shows what it takes.\n")


def test_usage_error_as_json(cli):
    result = cli("models", "--nope", "--json")
    assert (result.code, result.err) == (2, "")
    error = json.loads(result.out)["error"]
    assert (error["code"], error["fault"], error["retryable"]) == (
        "invalid_request",
        "asker",
        False,
    )


def test_no_node_runs_here(cli):
    result = cli("models")
    assert result.code == 10
    assert result.err == (
        "No node runs here: start one with `modelnet up`, or name one with --url.\n"
    )


class _Entry:
    def __init__(self, name, target):
        self.name = name
        self._target = target

    def load(self):
        if isinstance(self._target, Exception):
            raise self._target
        return self._target


def greet(name: str) -> None:
    """Greet somebody."""
    typer.echo(f"Hello {name}")


@pytest.fixture
def added(monkeypatch):
    app = typer.Typer()

    @app.command()
    def one() -> None:
        """Do one thing."""
        typer.echo("one")

    @app.command()
    def two() -> None:
        """Do another."""
        typer.echo("two")

    broken = ImportError("no module named numpy")
    entries = [_Entry("greet", greet), _Entry("many", app), _Entry("broken", broken)]
    monkeypatch.setattr(command, "entry_points", lambda **_: entries)


@pytest.mark.usefixtures("added")
def test_commands_of_other_packages(cli):
    assert cli("greet", "Ada").out == "Hello Ada\n"
    assert cli("many", "two").out == "two\n"
    assert "Greet somebody." in cli("--help").out


@pytest.mark.usefixtures("added")
def test_broken_command_of_another_package_spoils_nothing_else(cli):
    shown = cli("--help")
    assert shown.code == 0
    assert "broken" not in shown.out
    result = cli("broken")
    assert result.code == 9
    assert result.err == (
        "The command 'broken' cannot be loaded (no module named numpy): install its package "
        "again.\n"
    )


def test_help_imports_nothing_heavy():
    heavy = "aiohttp, zenoh, xllamacpp, uvicorn, numpy, cryptography, rich, uvloop"
    code = (
        "import sys; from modelnet.application.cli.program import run; run(['--help']);"
        f"sys.exit(','.join(set('{heavy}'.split(', ')) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.strip() == ""


def test_loop_unwraps_our_errors():
    async def fails():
        raise BaseExceptionGroup("", [ExceptionGroup("", [OverloadedError("full")])])

    with pytest.raises(OverloadedError, match="full"):
        run_loop(fails)


def test_loop_shows_the_trace_of_other_errors():
    async def fails():
        raise ExceptionGroup("", [EngineError("x"), ZeroDivisionError()])

    with pytest.raises(ExceptionGroup) as caught:
        run_loop(fails)
    assert caught.group_contains(ZeroDivisionError)


@pytest.mark.parametrize("code", [TERMINATED, 0])
def test_loop_ends_cleanly_when_told(code):
    import os
    import signal

    import anyio

    ended = []

    async def waits():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await anyio.sleep(30)
        finally:
            ended.append("cleaned up")

    with pytest.raises(typer.Exit) as caught:
        run_loop(waits, exit_code_when_stopped=code)
    assert (caught.value.exit_code, ended) == (code, ["cleaned up"])
