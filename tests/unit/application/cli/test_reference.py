"""docs/cli.md says all that the commands say of themselves, and nothing that is not so."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from modelnet.application.cli.program import app
from modelnet.core.error import STATUS_OF

REFERENCE = (Path(__file__).parents[4] / "docs" / "cli.md").read_text()
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", REFERENCE, re.MULTILINE | re.DOTALL))
COMMON = {"--json", "--data-dir", "--url", "--help"}


@pytest.fixture
def commands():
    group = get_command(app)
    context = group.make_context("modelnet", ["--help"], resilient_parsing=True)
    names = ["up", "ask", "models", "nodes", "exam", "feedback", "pull", "deploy", "demo", "doctor"]
    names += ["bench", "keys", "cache"]
    return {name: group.get_command(context, name) for name in names}


def _options(command) -> set[str]:
    own = {option for param in command.params for option in param.opts if option[:2] == "--"}
    inner = [_options(sub) for sub in getattr(command, "commands", {}).values()]
    return own.union(*inner)


def test_every_option_is_in_the_reference(commands):
    for name, command in commands.items():
        missing = {o for o in _options(command) - COMMON if f"`{o}" not in SECTIONS[name]}
        assert not missing, (name, missing)


def test_every_option_in_the_reference_exists(commands):
    for name, command in commands.items():
        told = set(re.findall(r"`(--[a-z-]+)", SECTIONS[name]))
        assert told <= _options(command) | COMMON, name


def test_exit_codes_are_in_the_reference():
    told = set(map(int, re.findall(r"^\| (\d+) \|", REFERENCE, re.MULTILINE)))
    assert {status.exit_code for status in STATUS_OF.values()} <= told
