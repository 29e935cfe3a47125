"""Whether two answers say the same: what each comes down to, and who independently agrees. Pure.

Prose is not compared: that two texts differ says nothing of what they mean.
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from modelnet.core.chunk import ToolCall
from modelnet.service.pathway.answer import Answer, is_one_voice

_SHORT_CHARS = 80
_SHORT_WORDS = 8

_NUMBER = r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?"
_FENCED = re.compile(r"^```[\w-]*\s*\n(.*)\n```$", re.DOTALL)
_MARKED = re.compile(
    r"(?:answer|result|solution)(?:\s+is|\s*[:=])\s*(?:[:=]\s*)?(.{1,80}?)\s*(?:\n|$)"
    r"|####\s*(.{1,80}?)\s*(?:\n|$)"
    r"|\\boxed\{([^{}]{1,80})\}",
    re.IGNORECASE,
)
_LETTER = re.compile(r"^\(?([A-J])(?:[).:]|\)?\.?$)(?:\s|$)")
_WHOLE_NUMBER = re.compile(rf"^[^\w.+-]*({_NUMBER})[^\w]*$")
_FRINGE = re.compile(r"^\W+|\W+$")
_ARTICLE = re.compile(r"^(?:the|an|a)\s+")


def conclusion(text: str, tool_calls: Sequence[ToolCall] = ()) -> str | None:
    """Return what an answer comes down to, equal for answers that say the same.

    `None` where it is prose, or nothing: such an answer agrees with none and contradicts none.
    """
    if tool_calls:
        return "calls " + " ".join(sorted(map(_called, tool_calls)))
    said = text.strip().replace("**", "")
    if (fenced := _FENCED.match(said)) is not None:
        said = fenced[1].strip()
    if (decoded := _json(said)) is not None:
        return "json " + decoded
    marked = [str(found[found.lastindex or 0]) for found in _MARKED.finditer(said)]
    return _short(marked[-1] if marked else said)


def agreed(answers: Sequence[Answer]) -> Answer | None:
    """Return the first answer with which another voice agrees, of the earliest such pair."""
    concluded = [conclusion(answer.text, answer.tool_calls) for answer in answers]
    for later, answer in enumerate(answers):
        for earlier in range(later):
            is_same = concluded[later] is not None and concluded[later] == concluded[earlier]
            if is_same and not is_one_voice(answer.offer, answers[earlier].offer):
                return answers[earlier]
    return None


def _called(call: ToolCall) -> str:
    return f"{call.name}({_json(call.arguments) or call.arguments.strip()})"


def _json(text: str) -> str | None:
    """Return an object or array written in the one way; `None` where the text is neither."""
    if not text.startswith(("{", "[")):
        return None
    try:
        decoded: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return msgspec.json.encode(decoded, order="sorted").decode()


def _short(text: str) -> str | None:
    said = text.strip().strip("$ ")
    if (letter := _LETTER.match(said)) is not None:
        return "choice " + letter[1]
    if (number := _number_in(said)) is not None:
        return "number " + number
    if len(said) > _SHORT_CHARS or len(said.split()) > _SHORT_WORDS:
        return None
    plain = _FRINGE.sub("", " ".join(said.casefold().split()))
    plain = _ARTICLE.sub("", plain)
    return "text " + plain if plain else None


def _number_in(said: str) -> str | None:
    """Return the number that is all there is, or the one after the last equals sign."""
    whole = _WHOLE_NUMBER.match(said.rpartition("=")[2].strip() if "=" in said else said)
    return None if whole is None else _normal(whole[1])


def _normal(text: str) -> str | None:
    """Return a decimal number written in the one way: `1,200.50` as `1200.5`."""
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    if not number:
        return "0"
    return f"{number.normalize():f}" if abs(number.adjusted()) < 64 else str(number.normalize())
