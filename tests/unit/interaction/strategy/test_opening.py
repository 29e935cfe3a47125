"""Until the first word: who is asked beside whom, who is heard, who is let go."""

import anyio
import pytest

from modelnet.core.chunk import Chunk
from modelnet.core.error import EngineError
from modelnet.core.request import Complete
from modelnet.interaction.progress import Progress
from modelnet.interaction.strategy.call import Call
from modelnet.interaction.strategy.opening import alone, hedged
from modelnet.testbed.virtual_time import VirtualTimeLoop
from tests.unit.service.pathway.candidates import scored

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return ("asyncio", {"loop_factory": VirtualTimeLoop})


class Speaker:
    """Says its name after a while, then goes on; or fails."""

    def __init__(self, name: str, after_s: float, *, fails: bool = False) -> None:
        self.name, self.after_s, self.fails = name, after_s, fails
        self.began_at: float | None = None
        self.is_over = False
        self.call = Call(scored(name), Progress(Complete("hello")), self._speak())

    async def _speak(self):
        self.began_at = anyio.current_time()
        try:
            await anyio.sleep(self.after_s)
            if self.fails:
                raise EngineError(self.name)
            yield Chunk(self.name)
            yield Chunk("more", finish="stop")
        finally:
            self.is_over = True


async def test_one_alone():
    opening = await alone(Speaker("a", 1.0).call)
    assert opening.chunk.text == "a"
    failed = Speaker("a", 1.0, fails=True)
    opening = await alone(failed.call)
    assert opening.call is None
    assert [call for call, _ in opening.failed] == [failed.call]


@pytest.mark.parametrize(
    ("first_s", "second_s", "who", "at_s"),
    [(0.5, 1.0, "a", 0.5), (9.0, 1.0, "b", 2.0), (1.5, 1.0, "a", 1.5), (2.0, 1.0, "any", 2.0)],
    ids=["in time", "late", "late, but sooner", "both at once"],
)
async def test_the_first_to_speak_is_heard_and_the_other_let_go(first_s, second_s, who, at_s):
    first, second = Speaker("a", first_s), Speaker("b", second_s)
    opening = await hedged(first.call, lambda: second.call, late_s=1.0)
    assert anyio.current_time() == pytest.approx(at_s)
    winner = {first.call: first, second.call: second}[opening.call]
    loser = second if winner is first else first
    assert opening.chunk.text == winner.name
    assert who in {winner.name, "any"}
    assert not winner.is_over
    assert loser.is_over == (loser.began_at is not None)
    assert opening.late is (first.call if winner is second else None)
    assert [chunk.text async for chunk in winner.call.chunks] == ["more"]


async def test_one_that_fails_in_time_is_not_hedged():
    first, second = Speaker("a", 0.5, fails=True), Speaker("b", 0.1)
    opening = await hedged(first.call, lambda: second.call, late_s=1.0)
    assert opening.call is None
    assert second.began_at is None
    assert anyio.current_time() == 0.5


@pytest.mark.parametrize("who_fails", ["first", "second"])
async def test_where_one_fails_the_other_goes_on(who_fails):
    first = Speaker("a", 3.0, fails=who_fails == "first")
    second = Speaker("b", 4.0 if who_fails == "first" else 0.5, fails=who_fails == "second")
    opening = await hedged(first.call, lambda: second.call, late_s=1.0)
    assert opening.chunk.text == ("b" if who_fails == "first" else "a")
    assert len(opening.failed) == 1


async def test_both_fail():
    first, second = Speaker("a", 3.0, fails=True), Speaker("b", 0.5, fails=True)
    opening = await hedged(first.call, lambda: second.call, late_s=1.0)
    assert opening.call is None
    assert len(opening.failed) == 2


async def test_nobody_may_be_asked_as_well():
    opening = await hedged(Speaker("a", 3.0).call, lambda: None, late_s=1.0)
    assert opening.chunk.text == "a"


async def test_leaving_lets_both_go():
    first, second = Speaker("a", 9.0), Speaker("b", 9.0)
    with anyio.move_on_after(2.0):
        await hedged(first.call, lambda: second.call, late_s=1.0)
    assert first.is_over
    assert second.is_over
