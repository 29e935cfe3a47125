"""What answers say of each other is learnt and kept, and so is what exams found."""

import msgspec
import pytest

from tests.scenarios.committee import committee, member
from tests.scenarios.conftest import World, listen, task

pytestmark = pytest.mark.anyio

CAPITAL = "Which town is the seat of the government of Ruritania?"
P = {"one": 0.8, "two": 0.8, "three": 0.8}


def three(one: str, two: str, three: str):
    return member("one", one), member("two", two), member("three", three)


async def kept(asker) -> dict[tuple[str, str], float]:
    entries = [entry async for entry in asker.parts.store.export()]
    return {(entry.model, entry.source): entry.verdict for entry in entries}


async def test_whoever_contradicts_the_others_in_a_race_is_noted(world: World):
    asker = await committee(world, *three("Strelsau", "Zenda", "Hentzau"), p_right=P)
    await listen(asker, task(CAPITAL, "race"))
    verdicts = await kept(asker)
    assert set(verdicts) == {(name, "agreement") for name in P}
    assert max(verdicts.values()) < 0.3


async def test_whoever_agrees_is_noted(world: World):
    asker = await committee(world, *three("Strelsau", "strelsau.", "Strelsau"), p_right=P)
    await listen(asker, task(CAPITAL, "race"))
    verdicts = await kept(asker)
    assert len(verdicts) >= 2
    assert min(verdicts.values()) > 0.8


async def test_what_is_not_to_be_kept_is_not(world: World):
    asker = await committee(world, *three("Strelsau", "Zenda", "Hentzau"), p_right=P)
    await listen(asker, msgspec.structs.replace(task(CAPITAL, "race"), is_kept=False))
    assert await kept(asker) == {}


async def test_where_a_program_can_tell_it_does(world: World):
    asker = await committee(world, *three("42", "41", "42"), p_right=P)
    await listen(asker, task("What is 17 + 25?", "race"))
    assert {source for _, source in await kept(asker)} == {"verifier"}
