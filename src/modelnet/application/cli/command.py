"""The commands by name. None is imported before it is named or listed, so that help is quick."""

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from modelnet.core.error import InvalidRequestError, SettingsError

ENTRY_POINTS = "modelnet.commands"
"""The group of entry points through which other packages add commands."""

_MODULES: tuple[str, ...] = (
    "up",
    "ask",
    "models",
    "nodes",
    "exam",
    "feedback",
    "cache",
    "pull",
    "deploy",
    "demo",
    "doctor",
    "keys",
)
"""The commands of this package: a module each, the command named like it."""


class CommandGroup(TyperGroup):
    """The commands of this package, and those that installed packages add."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  as the parent has it
        """Name the commands that can be run."""
        names = list(_MODULES)
        for entry in _added():
            try:
                entry.load()
            except (ImportError, AttributeError):
                # Help is for all the others, too; naming the command says what is wrong.
                continue
            names.append(entry.name)
        return names

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  as the parent has it
        """Load a command.

        Raises:
            InvalidRequestError: there is none of that name.
            SettingsError: its package is broken.
        """
        if cmd_name in _MODULES:
            module = import_module(f"modelnet.application.cli.{cmd_name}")
            return _command(cmd_name, getattr(module, cmd_name))
        for entry in _added():
            if entry.name == cmd_name:
                return _command(cmd_name, _load(entry))
        raise _unknown(cmd_name)


def _added() -> list[EntryPoint]:
    found = entry_points(group=ENTRY_POINTS)
    return sorted((e for e in found if e.name not in _MODULES), key=lambda entry: entry.name)


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"The command '{entry.name}' cannot be loaded ({error}): install its package again."
        ) from error


def _command(name: str, target: Any) -> Any:
    app = target
    if not isinstance(target, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(target)
    command = get_command(app)
    command.name = name
    return command


def _unknown(name: str) -> InvalidRequestError:
    known = [*_MODULES, *(entry.name for entry in _added())]
    near = get_close_matches(name, known, n=1)
    advice = f"did you mean '{near[0]}'?" if near else "`modelnet --help` lists those there are."
    return InvalidRequestError(f"There is no command '{name}': {advice}")
