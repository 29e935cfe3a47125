"""What a request about feedback asks for. Pure."""

import datetime as dt
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from modelnet.application.gateway.openai.explanation import explain
from modelnet.core.error import InvalidRequestError, UnsupportedError
from modelnet.core.identity import RequestId
from modelnet.ledger.outcome import Entry
from modelnet.service.verifier import MAX_CHARACTERS

PREFIXES = ("chatcmpl-", "cmpl-")
"""What OpenAI's API writes before the id of a task."""

_MAX_ID = 128
_ENTRY = msgspec.json.Decoder(Entry)


class FeedbackBody(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /modelnet/v1/feedback`."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_ID)]
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    right: bool | None = None
    answer: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHARACTERS)] | None = None
    comment: Any = None


class Word(NamedTuple):
    """A person's word on an answer: how right it was, or what would have been right."""

    task: RequestId
    verdict: float | None
    right: str | None


class Which(NamedTuple):
    """Which of the entries that are kept."""

    before: float | None = None
    task: RequestId | None = None


def word_in(body: bytes) -> Word:
    """Return what a body says of which answer.

    Raises:
        InvalidRequestError: it is not JSON of this form, or says nothing, or several things.
        UnsupportedError: it holds a comment, which would be kept nowhere.
    """
    try:
        told = msgspec.json.decode(body, type=FeedbackBody)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise explain(error) from None
    except RecursionError:
        raise InvalidRequestError("The body is nested too deeply; flatten it.") from None
    if told.comment is not None:
        raise UnsupportedError("Comments are not kept; leave `comment` out.", param="comment")
    said = [name for name in ("score", "right", "answer") if getattr(told, name) is not None]
    if len(said) != 1:
        raise InvalidRequestError(
            "Send one of `score` (0 to 1), `right` (true or false) and `answer` (the right one).",
            param=said[1] if said else "right",
        )
    verdict = told.score if told.right is None else float(told.right)
    return Word(task_id(told.id), verdict, told.answer)


def task_id(told: str) -> RequestId:
    """Return the id of the task behind the id of a response."""
    for prefix in PREFIXES:
        told = told.removeprefix(prefix)
    return RequestId(told)


def entries_in(lines: bytes) -> tuple[Entry, ...]:
    """Return the entries of an export, a JSON object a line.

    Raises:
        InvalidRequestError: a line is none, which is named with what is wrong, or there is none.
    """
    found: list[Entry] = []
    for number, line in enumerate(lines.split(b"\n"), start=1):
        if line.strip():
            found.append(_entry(line, number))
    if not found:
        raise InvalidRequestError("There is no verdict in it: send a JSON object a line.")
    return tuple(found)


def _entry(line: bytes, number: int) -> Entry:
    try:
        return _ENTRY.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise InvalidRequestError(
            f"Line {number} is not a verdict as `modelnet feedback export` writes it: {what}."
        ) from None


def which_in(query: bytes) -> Which:
    """Return what a query string names: all, what is older than `before`, or one `id`.

    Raises:
        InvalidRequestError: it is not understood: nothing must be deleted by mistake.
    """
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise _not_understood() from None
    given = dict(pairs)
    if len(given) != len(pairs) or not given.keys() <= {"before", "id"}:
        raise _not_understood()
    before, task = given.get("before"), given.get("id")
    if task is not None and not 0 < len(task) <= _MAX_ID:
        raise _not_understood()
    return Which(
        before=None if before is None else moment_in(before),
        task=None if task is None else task_id(task),
    )


def moment_in(text: str) -> float:
    """Return the Unix seconds of `1795540000`, `2026-11-24` or `2026-11-24T18:00:00+01:00`.

    Raises:
        InvalidRequestError: it is none of these.
    """
    try:
        seconds = float(text) if not _is_date(text) else _seconds(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds < 1e12:
        raise InvalidRequestError(
            "`before` must be a date like 2026-11-24, a time like 2026-11-24T18:00:00, or Unix "
            "seconds.",
            param="before",
        )
    return seconds


def _is_date(text: str) -> bool:
    return "-" in text[1:]


def _seconds(text: str) -> float:
    moment = dt.datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def _not_understood() -> InvalidRequestError:
    return InvalidRequestError(
        "Name what to delete by `before` or `id`, each once, or by neither for everything."
    )
