"""Plain knowledge: capitals, countries, continents, chemical elements, opposites, young animals.

Facts are memory: nobody can derive the capital of a country never met. So the held-out questions
are held-out wordings of facts, about a tenth of some 4,600 pairs of fact and wording.
"""

import random
from collections.abc import Callable, Mapping, Sequence

from modelnet.service.skill.fact_table import CONTINENTS, ELEMENTS, OPPOSITES, YOUNG
from modelnet.service.skill.question import Question, Skill, phrase

_CAPITAL = (
    "What is the capital of {x}?",
    "Which city is the capital of {x}?",
    "Name the capital of {x}.",
    "Tell me the capital city of {x}.",
    "The capital of {x} is?",
    "What is {x}'s capital?",
    "What city is the capital of {x}?",
    "Do you know the capital of {x}?",
)
_COUNTRY = (
    "Which country has the capital {x}?",
    "{x} is the capital of which country?",
    "What country is {x} the capital of?",
    "Name the country whose capital is {x}.",
    "Of which country is {x} the capital?",
    "{x} is the capital of what country?",
)
_CONTINENT = (
    "On which continent is {x}?",
    "Which continent is {x} in?",
    "What continent does {x} belong to?",
    "Name the continent of {x}.",
    "On what continent does {x} lie?",
    "{x} is on which continent?",
)
_SYMBOL = (
    "What is the chemical symbol of {x}?",
    "What is the chemical symbol for {x}?",
    "Which symbol does the element {x} have?",
    "Give the chemical symbol of {x}.",
    "What is the symbol of {x} in the periodic table?",
    "How is {x} written as a chemical symbol?",
    "The chemical symbol of {x} is?",
)
_ELEMENT = (
    "Which element has the symbol {x}?",
    "Which chemical element is {x}?",
    "What element does the symbol {x} stand for?",
    "Name the element with the symbol {x}.",
    "{x} is the chemical symbol of which element?",
    "What is the element with the symbol {x}?",
)
_OPPOSITE = (
    "What is the opposite of {x}?",
    "Give the opposite of {x}.",
    "Name the opposite of {x}.",
    "Which word is the opposite of {x}?",
    "The opposite of {x} is?",
    "What word means the opposite of {x}?",
    "What is the antonym of {x}?",
)
_YOUNG_ANIMAL = (
    "What is a young {x} called?",
    "What is a baby {x} called?",
    "What do you call a young {x}?",
    "Name the young of the {x}.",
    "Which word names a young {x}?",
    "How is a young {x} called?",
)


def _pairs(table: str) -> dict[str, str]:
    entries = (entry.replace("_", " ").split(":") for entry in table.split())
    return dict(entry for entry in entries)  # pyright: ignore[reportArgumentType]


def _inverse(table: Mapping[str, str]) -> dict[str, str]:
    return {value: name for name, value in table.items()}


def _recall(
    kind: str, wordings: Sequence[str], table: Mapping[str, str]
) -> Callable[[random.Random], Question]:
    """Make the draw function of one kind of fact."""
    names = tuple(table)

    def draw(rng: random.Random) -> Question:
        name, wording = rng.choice(names), rng.choice(wordings)
        return Question(
            skill="facts",
            kind=kind,
            prompt=phrase(rng, (wording,), x=name),
            answer=table[name],
            key=f"{kind} {name} {wording}",
        )

    return draw


_CAPITAL_OF = {c: city for table in CONTINENTS.values() for c, city in _pairs(table).items()}
_CONTINENT_OF = {c: name for name, table in CONTINENTS.items() for c in _pairs(table)}
_SYMBOL_OF = _pairs(ELEMENTS)
_OPPOSITE_OF = _pairs(OPPOSITES)

SKILL = Skill(
    name="facts",
    description="Knows capitals, countries, continents, chemical symbols, opposites, animals.",
    kinds={
        "capital": _recall("capital", _CAPITAL, _CAPITAL_OF),
        "country": _recall("country", _COUNTRY, _inverse(_CAPITAL_OF)),
        "continent": _recall("continent", _CONTINENT, _CONTINENT_OF),
        "symbol": _recall("symbol", _SYMBOL, _SYMBOL_OF),
        "element": _recall("element", _ELEMENT, _inverse(_SYMBOL_OF)),
        "opposite": _recall("opposite", _OPPOSITE, _OPPOSITE_OF | _inverse(_OPPOSITE_OF)),
        "young_animal": _recall("young_animal", _YOUNG_ANIMAL, _pairs(YOUNG)),
    },
)
