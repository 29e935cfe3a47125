"""What embeddings are blind to: two questions of which it differs are two questions. Pure.

"In miles" and "in kilometres", "enable" and "disable", two dates, two names: sentence encoders put
such questions closer together than the same question in other words, and no threshold mends that
(GPTCache issue 694, vLLM semantic-router issues 36 and 2691). So before nearness counts for
anything, all that is not a plain word must be equal, and the words must not be those of a trap.
"""

import re
from dataclasses import dataclass

from modelnet.service.cache.wording import (
    ASKING,
    FUNCTION,
    FUTURE,
    NEGATIONS,
    NUMBERS,
    PAST,
    POLAR,
)

MOST_CHARACTERS = 240
"""The encoder reads 80 tokens: of what comes after them an embedding knows nothing."""

_QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|“[^”]*”|«[^»]*»|„[^“”]*[“”]|(?<!\w)'[^']+'(?!\w)")
_CURLY = str.maketrans("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}", "''")
_EDGE_LEFT = "([{¿¡"
_EDGE_RIGHT = ".,;:!?)]}…"
_PLAIN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?(?:-[A-Za-z]+(?:'[A-Za-z]+)?)*\Z")
_ENDS_SENTENCE = (".", "!", "?", ":")
_NOT = "not"
_SHORTENED = {"ca": "can", "wo": "will", "sha": "shall"}
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")


@dataclass(frozen=True, slots=True)
class Signature:
    """A question, as far as its letter counts."""

    literals: tuple[str, ...]
    """Numbers, quotations, code, and whatever else is no plain word, in order."""
    turns: tuple[str, ...]
    """Negations, opposites, what is asked for and of which time, sorted."""
    names: frozenset[str]
    """Words with a capital letter that no sentence begins with."""
    words: tuple[str, ...]
    """The other words that carry the subject, in order."""

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        return sum(64 + len(word) for word in (*self.literals, *self.turns, *self.words))


def signature_of(text: str) -> Signature | None:
    """Return the signature of a question; nothing where only the same question will do."""
    said = text.strip().translate(_CURLY)
    if not said or len(said) > MOST_CHARACTERS or "\n" in said:
        return None
    literals = _QUOTED.findall(said)
    names: set[str] = set()
    turns: list[str] = []
    words: list[str] = []
    is_first = True
    for token in _QUOTED.sub(" ", said).split():
        bare = token.lstrip(_EDGE_LEFT).rstrip(_EDGE_RIGHT)
        if _PLAIN.match(bare):
            if bare[0].isupper() and bare != "I" and (not is_first or _is_acronym(bare)):
                names.add(_parts(bare)[0])
            for word in _parts(bare):
                _sort(word, literals, turns, words)
        elif bare:
            literals.append(_GROUPED.sub("", bare).casefold())
        is_first = token.endswith(_ENDS_SENTENCE)
    return Signature(tuple(literals), _turns(turns), frozenset(names), tuple(words))


def difference(one: Signature, two: Signature) -> str | None:
    """Return why two questions are not the same one; nothing where they may be."""
    if one.literals != two.literals:
        return "a number, a quotation or a piece of code differs"
    if one.turns != two.turns:
        return "a negation, an opposite or what is asked for differs"
    names = one.names | two.names
    if [w for w in one.words if w in names] != [w for w in two.words if w in names]:
        return "a name differs"
    return _trap(one.words, two.words)


def _trap(one: tuple[str, ...], two: tuple[str, ...]) -> str | None:
    shared = set(one) & set(two)
    if [w for w in one if w in shared] != [w for w in two if w in shared]:
        return "the same words stand in another order"
    if len(set(one) - shared) == len(set(two) - shared) == 1:
        return "one word was put for another"
    return None


def _turns(found: list[str]) -> tuple[str, ...]:
    """Return each turn once, and negations as often as they stand: two make none."""
    return tuple(sorted([*set(found), *(turn for turn in found if turn == _NOT)]))


def _is_acronym(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _parts(token: str) -> list[str]:
    """Return the words of a token: `isn't` is `is` and `not`, `France's` is `france`."""
    parts: list[str] = []
    for part in token.casefold().split("-"):
        if part.endswith("n't"):
            parts += [_SHORTENED.get(part[:-3], part[:-3]), "not"]
        else:
            parts.append(part.partition("'")[0])
    return [part for part in parts if part]


def _sort(word: str, literals: list[str], turns: list[str], words: list[str]) -> None:
    if (number := NUMBERS.get(word)) is not None:
        literals.append(number)
    elif word in NEGATIONS:
        turns.append(_NOT)
    elif word in PAST or word in FUTURE:
        turns.append("past" if word in PAST else "future")
    elif word in ASKING or word in POLAR:
        turns.append(word)
    elif word not in FUNCTION:
        words.append(word)
