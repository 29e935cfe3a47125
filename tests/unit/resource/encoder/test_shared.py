"""Those who ask at once share a turn of one thread, and nothing else."""

import threading
import time
from collections.abc import Sequence

import anyio
import numpy as np
import pytest

from modelnet.core.error import DeadlineError, EngineError
from modelnet.resource.backend.typed.array import Array
from modelnet.resource.encoder import SharedEncoder

pytestmark = pytest.mark.anyio
PATIENCE_S = 10.0
FAR = 2e9


class Lengths:
    """Encodes a text as its length; remembers whom it served, and waits where a gate is closed."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.encoded: list[str] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.has_begun = threading.Event()
        if is_open:
            self.gate.set()

    def encode(self, texts: Sequence[str]) -> Array:
        self.encoded += texts
        self.threads.add(threading.get_ident())
        self.has_begun.set()
        self.gate.wait(PATIENCE_S)
        if "bad" in texts:
            raise EngineError("The engine failed.")
        return np.array([[len(text)] for text in texts], np.float32)


async def begun(engine: Lengths) -> None:
    assert await anyio.to_thread.run_sync(engine.has_begun.wait, PATIENCE_S)


async def ask_all(shared: SharedEncoder, *asked: str) -> dict[str, float | str]:
    answers: dict[str, float | str] = {}

    async def ask(text: str) -> None:
        try:
            answers[text] = float((await shared.encode([text], deadline=FAR))[0, 0])
        except EngineError as error:
            answers[text] = error.message

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as group:
            for text in asked:
                group.start_soon(ask, text)
    return answers


async def test_many_ask_and_one_thread_works():
    engine = Lengths()
    texts = ["x" * length for length in range(1, 30)]
    shared = SharedEncoder(engine)
    assert await ask_all(shared, *texts) == {text: len(text) for text in texts}
    assert sorted(engine.encoded, key=len) == texts
    assert len(engine.threads) == 1
    assert threading.get_ident() not in engine.threads
    shared.close()


async def test_one_failure_is_one_askers():
    shared = SharedEncoder(Lengths())
    answers = await ask_all(shared, "a", "bad", "ccc")
    assert answers == {"a": 1.0, "bad": "The engine failed.", "ccc": 3.0}
    shared.close()


async def test_a_deadline_ends_the_wait_and_not_the_encoder():
    engine = Lengths(is_open=False)
    shared = SharedEncoder(engine)
    with pytest.raises(DeadlineError):
        await shared.encode(["slow"], deadline=time.time() + 0.01)
    with pytest.raises(DeadlineError):
        await shared.encode(["late"], deadline=time.time() - 1)
    engine.gate.set()
    assert await ask_all(shared, "next") == {"next": 4.0}
    assert "late" not in engine.encoded
    shared.close()


async def test_who_left_before_its_turn_is_not_encoded():
    engine = Lengths(is_open=False)
    shared = SharedEncoder(engine)
    async with anyio.create_task_group() as first, anyio.create_task_group() as leaving:
        first.start_soon(ask_all, shared, "first")
        await begun(engine)
        leaving.start_soon(ask_all, shared, "gone")
        await anyio.wait_all_tasks_blocked()
        leaving.cancel_scope.cancel()
        engine.gate.set()
    assert await ask_all(shared, "last") == {"last": 4.0}
    assert engine.encoded == ["first", "last"]
    shared.close()


async def test_closing_ends_what_is_under_way_and_what_comes():
    engine = Lengths(is_open=False)
    shared = SharedEncoder(engine)
    async with anyio.create_task_group() as group:
        answers: list[dict[str, float | str]] = []

        async def ask() -> None:
            answers.append(await ask_all(shared, "under way"))

        group.start_soon(ask)
        await begun(engine)
        shared.close()
    assert "not running" in str(answers[0]["under way"])
    with pytest.raises(EngineError, match="not running"):
        await shared.encode(["later"], deadline=FAR)
    engine.gate.set()
