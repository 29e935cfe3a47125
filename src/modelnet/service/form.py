"""What a person would see of a task at a glance: its language, and what it is made of. Pure.

Told where a choice is explained. Routing itself reads the kind, the words and the size of a task.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeAlias

from modelnet.core.request import Chat, Complete, Request, Score, Step

Part: TypeAlias = Literal["code", "choices", "numbers", "tools", "images", "JSON"]

_READ = 4000
"""Characters looked at, at most."""
_SCRIPTS = {
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "CJK": "Chinese",
    "CYRILLIC": "Russian",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "GREEK": "Greek",
    "DEVANAGARI": "Hindi",
    "THAI": "Thai",
}
"""The language most written in a script."""
_FUNCTION_WORDS = {
    "English": "the and of to is what how who which that with for are was this does",
    "German": "der die das und ist nicht ein eine wie was wer mit auf für von den im zu",
    "French": "le la les des une est et que qui dans pour quel quelle avec sur du au ce",
    "Spanish": "el los las una es que y de cuál qué quién cómo con por para del en cuánto",
    "Italian": "il lo gli che di è una per con quale chi come del della sono nel quanto",
    "Portuguese": "o os as uma é que e não qual quem como com para do da em quanto",
    "Dutch": "de het een en is van niet wat wie hoe met voor op dat welke zijn",
}
_WORDS_OF = {name: frozenset(words.split()) for name, words in _FUNCTION_WORDS.items()}
_LEAST_LETTERS = 4
_MOSTLY = 0.3
"""Share of the letters that must be of a script: names of other places stand in any text."""

_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(
    r"```|^\s*(?:def |class |import |from \w+ import |#include|SELECT )", re.MULTILINE
)
_CHOICES = re.compile(r"^\s*\(?[A-J][.):]\s", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LEAST_CHOICES = _LEAST_NUMBERS = 2


@dataclass(frozen=True, slots=True)
class Form:
    """How a task looks."""

    language: str | None
    """In English; `None` where the text is too short, or of no language that is known."""
    parts: tuple[Part, ...]


NO_FORM = Form(None, ())


def form_of(request: Request) -> Form:
    """Return how a task looks; any text will do, nothing is raised."""
    match request:
        case Chat():
            return Form(language_of(request.prompt), (*_in_text(request.prompt), *_beside(request)))
        case Complete():
            return Form(language_of(request.prompt), _in_text(request.prompt))
        case Step() | Score():
            return form_of(request.prefix)
        case _:
            return NO_FORM


def language_of(text: str) -> str | None:
    """Return the language of a text by its script, or by its most common words."""
    read = text[:_READ]
    letters = [letter for letter in read if letter.isalpha()]
    if len(letters) < _LEAST_LETTERS:
        return None
    return _by_script(letters) or _by_words(_WORD.findall(read.lower()))


def _by_script(letters: list[str]) -> str | None:
    foreign = [letter for letter in letters if letter > "\u024f"]
    scripts = Counter(unicodedata.name(letter, "?").split()[0] for letter in foreign)
    found = Counter[str]()
    for script, count in scripts.items():
        found[_SCRIPTS.get(script, "")] += count
    # Japanese is written with Chinese signs, too; Chinese is not written with kana.
    if found["Japanese"]:
        found["Japanese"] += found.pop("Chinese", 0)
    name, count = max(found.items(), key=lambda one: one[1], default=("", 0))
    return name or None if count >= _MOSTLY * len(letters) else None


def _by_words(words: list[str]) -> str | None:
    """Return the one language most of whose words are there; nothing where two are as likely."""
    found = {name: sum(word in own for word in words) for name, own in _WORDS_OF.items()}
    first, second = sorted(found.values(), reverse=True)[:2]
    return max(found, key=found.__getitem__) if first > second else None


def _in_text(text: str) -> tuple[Part, ...]:
    read = text[:_READ]
    parts: dict[Part, bool] = {
        "code": _CODE.search(read) is not None,
        "choices": len(_CHOICES.findall(read)) >= _LEAST_CHOICES,
        "numbers": len(_NUMBER.findall(read)) >= _LEAST_NUMBERS,
    }
    return tuple(name for name, is_there in parts.items() if is_there)


def _beside(chat: Chat) -> tuple[Part, ...]:
    parts: dict[Part, bool] = {
        "tools": chat.has_tools,
        "images": chat.has_image,
        "JSON": not chat.is_plain_text,
    }
    return tuple(name for name, is_there in parts.items() if is_there)
