"""Both ways to ask transformers must say the same, or their times cannot be compared."""

from collections.abc import AsyncIterator

import pytest

from modelnet.core.error import EngineError
from modelnet.resource.backend.scripted import ScriptedModel
from modelnet.testbed.bench.engine.bench import CONTESTANTS
from modelnet.testbed.bench.engine.huggingface import Answer, check, read

pytestmark = pytest.mark.anyio

SAID = Answer("It is 17", "", 3)


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    made = ScriptedModel(lambda _: SAID.text)
    await made.start()
    yield made
    await made.stop()


def test_thought_and_answer_are_told_apart():
    assert read("<think>21+5=71</think>17", 12) == Answer("17", "21+5=71", 12)
    assert read("<think>21+", 4) == Answer("", "21+", 4)
    assert read("17", 3) == Answer("17", "", 3)


async def test_ways_that_say_the_same_are_compared(model: ScriptedModel):
    await check(model, SAID)


@pytest.mark.parametrize(
    "direct",
    [SAID._replace(text="It is 71"), SAID._replace(reasoning="12+5"), SAID._replace(n_tokens=4)],
)
async def test_ways_that_differ_are_not(model: ScriptedModel, direct: Answer):
    with pytest.raises(EngineError, match="cannot be compared"):
        await check(model, direct)


def test_it_is_left_out_where_a_package_is_missing():
    assert {"torch", "transformers", "gguf"} == set(CONTESTANTS["transformers"].packages)
