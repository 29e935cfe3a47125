import random

import pytest

from modelnet.service.skill import SKILLS, is_correct
from modelnet.service.skill.fact_table import CONTINENTS, ELEMENTS, OPPOSITES, YOUNG

FACTS = SKILLS["facts"]
TABLES = [*CONTINENTS.values(), ELEMENTS, OPPOSITES, YOUNG]


@pytest.mark.parametrize("table", TABLES)
def test_every_entry_is_a_pair(table: str) -> None:
    assert all(entry.count(":") == 1 and all(entry.split(":")) for entry in table.split())


def test_nothing_is_listed_twice() -> None:
    countries = [entry.split(":")[0] for table in CONTINENTS.values() for entry in table.split()]
    capitals = [entry.split(":")[1] for table in CONTINENTS.values() for entry in table.split()]
    elements = [part for entry in ELEMENTS.split() for part in entry.split(":")]
    opposites = [part for entry in OPPOSITES.split() for part in entry.split(":")]
    young = [entry.split(":")[0] for entry in YOUNG.split()]
    for names in (countries, capitals, elements, opposites, young):
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("kind", "subject", "answer"),
    [
        ("capital", "France", "Paris"),
        ("capital", "New Zealand", "Wellington"),
        ("country", "Tokyo", "Japan"),
        ("continent", "Kenya", "Africa"),
        ("continent", "Canada", "North America"),
        ("symbol", "gold", "Au"),
        ("element", "Fe", "iron"),
        ("opposite", "hot", "cold"),
        ("opposite", "cold", "hot"),
        ("young_animal", "dog", "puppy"),
    ],
)
def test_well_known_facts(kind: str, subject: str, answer: str) -> None:
    rng = random.Random(1)
    drawn = (FACTS.draw(rng, "train", kind) for _ in range(5000))
    question = next(q for q in drawn if q.key.startswith(f"{kind} {subject} "))
    assert subject.casefold() in question.prompt.casefold()
    assert is_correct(question, answer)


def test_the_key_is_the_fact_with_its_wording_whatever_the_care() -> None:
    rng = random.Random(2)
    prompts: dict[str, set[str]] = {}
    for _ in range(8000):
        question = FACTS.draw(rng, "train", "capital")
        prompts.setdefault(question.key, set()).add(question.prompt.casefold().rstrip("?. "))
    assert all(len(found) == 1 for found in prompts.values())


def test_no_fact_is_held_out_in_all_its_wordings() -> None:
    rng = random.Random(3)
    answered = {
        (q.kind, q.key.split(" ")[1]) for q in (FACTS.draw(rng, "train") for _ in range(20_000))
    }
    held_out = {
        (q.kind, q.key.split(" ")[1]) for q in (FACTS.draw(rng, "test") for _ in range(1000))
    }
    assert held_out <= answered
