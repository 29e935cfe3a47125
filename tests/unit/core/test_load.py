"""What others ask of an engine counts where it makes ours wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.load import Crowd, EngineLoad, ModelLoad


@pytest.mark.parametrize(
    ("own", "engine", "told"),
    [
        # Places are told: llama.cpp.
        (ModelLoad(0, 0, 4), EngineLoad(0, 0, 4), ModelLoad(0, 0, 4)),
        (ModelLoad(0, 0, 4), EngineLoad(3, 0, 4), ModelLoad(3, 0, 4)),
        (ModelLoad(1, 0, 4), EngineLoad(1, 0, 4), ModelLoad(1, 0, 4)),
        (ModelLoad(1, 0, 4), EngineLoad(4, 0, 4), ModelLoad(4, 0, 4)),
        (ModelLoad(4, 2, 4), EngineLoad(4, 3, 4), ModelLoad(4, 5, 4)),
        # Ours that the engine has not begun are no strangers.
        (ModelLoad(2, 0, 4), EngineLoad(1, 0, 4), ModelLoad(2, 0, 4)),
        # Places are not told: vLLM. There is room while nobody waits.
        (ModelLoad(3, 1, 16), EngineLoad(90, 0), ModelLoad(3, 1, 16)),
        (ModelLoad(0, 0, 16), EngineLoad(8, 4), ModelLoad(8, 4, 8)),
        (ModelLoad(10, 1, 16), EngineLoad(8, 4), ModelLoad(8, 5, 8)),
        (ModelLoad(0, 0, 16), EngineLoad(0, 2), ModelLoad(1, 1, 1)),
    ],
)
def test_strangers_are_told_with_ours(own: ModelLoad, engine: EngineLoad, told: ModelLoad):
    assert own.within(engine.crowd(own.running)) == told


def test_an_engine_that_tells_nothing_changes_nothing():
    own = ModelLoad(3, 2, 4, 9)
    assert own.within(Crowd()) == own


COUNTS = st.integers(0, 40)


@given(
    st.builds(ModelLoad, COUNTS, COUNTS, st.integers(1, 20), COUNTS),
    st.builds(EngineLoad, COUNTS, COUNTS, st.none() | st.integers(1, 20)),
    COUNTS,
)
def test_no_request_of_ours_is_lost(own: ModelLoad, engine: EngineLoad, ours: int):
    told = own.within(engine.crowd(ours))
    assert told.running + told.waiting >= own.running + own.waiting
    assert told.running <= max(told.parallel, own.running)
    assert told.waiting >= own.waiting
    assert told.begun == own.begun
