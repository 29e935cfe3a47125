"""`modelnet feedback`: say whether an answer was right; take out or destroy what is kept."""

import sys
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from modelnet.application.cli.asking import find_node, with_client
from modelnet.application.cli.loop import run
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.cli.output import write, write_json
from modelnet.application.client import open_client
from modelnet.application.gateway.feedback.reading import entries_in, moment_in
from modelnet.core.error import InvalidRequestError, SettingsError
from modelnet.core.identity import short_node_id

_WORDS = {"right": 1.0, "wrong": 0.0}
_GIVE = "give"
_LINES_AT_ONCE = 500
_HELP = ("--help", "-h")


class FeedbackGroup(TyperGroup):
    """The commands below `feedback`, options before or after; what is none of them is an id."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take `feedback --json ID right` for `feedback give --json ID right`."""
        return super().parse_args(ctx, self._command_first(args))

    def _command_first(self, args: list[str]) -> list[str]:
        at = self._first_word(args)
        if at is None:
            return [_GIVE, *args] if args and not set(args) & set(_HELP) else args
        if args[at] in self.commands:
            return [args[at], *args[:at], *args[at + 1 :]]
        return [_GIVE, *args]

    def _first_word(self, args: list[str]) -> int | None:
        """Return where the first argument is that is no option, nor the value of one."""
        takes_value = self._options_with_value()
        is_value = False
        for at, arg in enumerate(args):
            if arg == "--":
                return at + 1 if at + 1 < len(args) else None
            if not is_value and not arg.startswith("-"):
                return at
            is_value = not is_value and arg in takes_value
        return None

    def _options_with_value(self) -> frozenset[str]:
        options = [param for command in self.commands.values() for param in command.params]
        return frozenset(
            name
            for option in options
            if not getattr(option, "is_flag", True)
            for name in option.opts
        )


feedback = typer.Typer(
    cls=FeedbackGroup,
    add_completion=False,
    rich_markup_mode=None,
    help="Say whether an answer was right (`modelnet feedback ID right`); export, import "
    "or delete what is kept.",
)


@feedback.command(_GIVE)
def give(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="The answer's id, as `ask --json` tells it.")
    ],
    verdict: Annotated[
        str | None,
        typer.Argument(metavar="[right|wrong|SCORE]", help="How right it was; SCORE is 0 to 1."),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option("--answer", metavar="TEXT", help="Instead: the right answer, to compare."),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say whether an answer was right: routing learns from it."""
    if (verdict is None) == (answer is None):
        raise InvalidRequestError(
            "Say `right`, `wrong` or a score from 0 to 1, or give the right answer with --answer."
        )
    score = None if verdict is None else _score(verdict)
    taught = with_client(
        url, data_dir, lambda client: client.give_feedback(id, score=score, answer=answer)
    )
    if as_json:
        write_json(taught)
        return
    for share in taught.taught:
        write(
            f"{share.model} of ...{short_node_id(share.node)}: {taught.score:g} on {taught.kind}"
            + (f", for {share.share:.0%} of the answer" if share.share < 1.0 else "")
        )


@feedback.command("export")
def export(url: Url = None, data_dir: DataDir = None) -> None:
    """Print everything that is kept, one JSON object a line."""
    address = find_node(url, data_dir)

    async def main() -> None:
        async with open_client(address) as client, aclosing(client.feedback()) as lines:
            async for line in lines:
                sys.stdout.write(line.decode() + "\n")

    run(main)


@feedback.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `feedback export` printed.")],
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Learn what another node, or this one on another day, has exported."""
    lines = _read(file)
    verdicts = {entry.verdict for entry in entries_in(lines)}
    address = find_node(url, data_dir)

    async def main() -> int:
        async with open_client(address) as client:
            parts = _parts(lines)
            return sum([await client.import_feedback(part) for part in parts])

    learnt = run(main)
    if as_json:
        write_json({"learnt": learnt})
        return
    write(f"{learnt} {'verdict' if learnt == 1 else 'verdicts'} learnt.")
    if len(verdicts) == 1:
        write("All of them are the same: they tell no model from another.")


@feedback.command("delete")
def delete(
    before: Annotated[
        str | None,
        typer.Option(
            "--before",
            metavar="WHEN",
            help="Only what is older: 2026-11-24, 2026-11-24T18:00:00 (UTC), or Unix seconds.",
        ),
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Only what is kept of this answer.")
    ] = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Destroy what is kept; it cannot be had back."""
    if before is not None:
        moment_in(before)
    address = find_node(url, data_dir)
    if not is_sure:
        _confirm(before, id)

    async def main() -> int:
        async with open_client(address) as client:
            return await client.delete_feedback(before=before, id=id)

    deleted = run(main)
    if as_json:
        write_json({"deleted": deleted})
    else:
        write(f"{deleted} {'entry' if deleted == 1 else 'entries'} destroyed.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from None


def _parts(lines: bytes) -> list[bytes]:
    """Cut an export so that each part can be learnt in a moment."""
    whole = [line for line in lines.split(b"\n") if line.strip()]
    return [
        b"\n".join(whole[start : start + _LINES_AT_ONCE])
        for start in range(0, len(whole), _LINES_AT_ONCE)
    ]


def _score(word: str) -> float:
    try:
        score = _WORDS[word.casefold()] if word.casefold() in _WORDS else float(word)
    except ValueError:
        score = -1.0
    if not 0.0 <= score <= 1.0:
        raise InvalidRequestError(
            f"{word!r} is no verdict: say `right`, `wrong` or a score from 0 to 1."
        )
    return score


def _confirm(before: str | None, id: str | None) -> None:
    if not sys.stdin.isatty():
        raise SettingsError("Deleting needs a yes: run it in a terminal, or add --yes.")
    limits = [f"before {before}" if before else "", f"of {id}" if id else ""]
    what = " ".join(("everything that is kept", *filter(None, limits)))
    typer.confirm(f"Destroy {what}? It cannot be had back.", abort=True, err=True)
