"""Draws answers out of a grammar, as a model without any sense would."""

import random
import re
from functools import cache

from modelnet.resource.backend.grammar.gbnf import (
    Chars,
    Choice,
    Expression,
    Repeat,
    Row,
    Rule,
    Rules,
    Text,
)

SAMPLE = [chr(code) for code in range(32, 127)] + ["\t", "\n", "\x7f", "é", "\u2028", "😀"]
MAX_LEVEL = 12
"""Rules within rules, beyond which the shortest way out is taken."""


@cache
def members(pattern: str) -> list[str]:
    """Return some characters of a class."""
    return [character for character in SAMPLE if re.fullmatch(pattern, character)]


class Speaker:
    """Speaks by the rules of one grammar."""

    def __init__(self, rules: Rules, rng: random.Random) -> None:
        self._rules = rules
        self._rng = rng
        self._heights: dict[str, int] = {}
        for _ in rules:
            for name, part in rules.items():
                self._heights[name] = 1 + self._height(part)

    def say(self) -> str:
        return self._say(Rule("root"), 0)

    def _height(self, part: Expression) -> int:
        match part:
            case Rule(name):
                return self._heights.get(name, 1000)
            case Row(parts):
                return max(map(self._height, parts), default=0)
            case Choice(options):
                return min(map(self._height, options))
            case Repeat(inner, least):
                return self._height(inner) if least else 0
            case _:
                return 0

    def _say(self, part: Expression, level: int) -> str:
        is_late = level > MAX_LEVEL
        match part:
            case Text(text):
                return text
            case Chars(pattern):
                return self._rng.choice(members(pattern))
            case Rule(name):
                return self._say(self._rules[name], level + 1)
            case Row(parts):
                return "".join(self._say(one, level) for one in parts)
            case Choice(options):
                one = min(options, key=self._height) if is_late else self._rng.choice(options)
                return self._say(one, level)
            case Repeat(inner, least, most):
                top = least + 3 if most is None else most
                times = least if is_late else self._rng.choice([least, top, least + (top > least)])
                return "".join(self._say(inner, level) for _ in range(times))


def pattern_of(rules: Rules, part: Expression | None = None) -> str:
    """Return the regular expression of a grammar without recursion."""
    match part or rules["root"]:
        case Text(text):
            return re.escape(text)
        case Chars(pattern):
            return pattern
        case Rule(name):
            return pattern_of(rules, rules[name])
        case Row(parts):
            return "".join(pattern_of(rules, one) for one in parts)
        case Choice(options):
            return f"(?:{'|'.join(pattern_of(rules, one) for one in options)})"
        case Repeat(inner, least, most):
            return f"(?:{pattern_of(rules, inner)}){{{least},{'' if most is None else most}}}"
