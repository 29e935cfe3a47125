"""Functions of every kind as models, and what becomes of their mistakes."""

import functools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from modelnet.core.card import Skill
from modelnet.core.error import (
    DeadlineError,
    EngineError,
    InvalidRequestError,
    OverloadedError,
    SettingsError,
    UnsupportedError,
)
from modelnet.core.request import Chat, Complete, Message, Partial
from modelnet.resource.backend.function import FunctionModel, model

pytestmark = pytest.mark.anyio


async def ask(made: FunctionModel, request=None, within_s: float = 5.0) -> str:
    await made.start()
    request = request or Chat((Message("user", "fox"),))
    async with aclosing(made.run(request, deadline=time.time() + within_s)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


def shout(prompt: str) -> str:
    """Say it louder.

    Much louder.
    """
    return prompt.upper()


async def shout_async(prompt: str) -> str:
    return prompt.upper()


def spell(prompt: str) -> Iterator[str]:
    yield from prompt.upper()


async def spell_async(prompt: str) -> AsyncIterator[str]:
    for letter in prompt.upper():
        yield letter


def count(chat: Chat) -> str:
    return f"{len(chat.messages)} messages"


def count_as_text(chat: "Chat") -> str:
    return f"{len(chat.messages)} messages"


@pytest.mark.parametrize("function", [shout, shout_async, spell, spell_async])
async def test_every_kind_of_function_answers(function):
    assert await ask(model()(function)) == "FOX"


@pytest.mark.parametrize("function", [count, count_as_text])
async def test_a_function_may_take_the_whole_chat(function):
    chat = Chat((Message("system", "be brief"), Message("user", "fox")))
    assert await ask(model()(function), chat) == "2 messages"
    assert await ask(model()(function), Complete("fox")) == "1 messages"


def test_the_decorator_makes_the_card_and_leaves_the_function_callable():
    made = model(skills=["loud", Skill("rude", "Rude")], parallel=2)(shout)
    assert made("fox") == "FOX"
    assert made.card.name == "shout"
    assert made.card.description == "Say it louder."
    assert made.card.skill_ids == {"loud", "rude"}
    assert made.card.parallel == 2
    assert made.renamed("louder").card.name == "louder"


async def test_partials_and_objects_work_too():
    assert await ask(model(name="add")(functools.partial(shout))) == "FOX"


@pytest.mark.parametrize("function", [shout, spell, spell_async])
async def test_a_begun_answer_is_replayed_and_continued(function):
    request = Chat((Message("user", "fox"),), partial=Partial(text="FO"))
    assert await ask(model()(function), request) == "X"


async def test_a_begun_answer_it_would_not_give_is_an_error():
    request = Chat((Message("user", "fox"),), partial=Partial(text="CROW"))
    with pytest.raises(EngineError):
        await ask(model()(shout), request)


def broken(prompt: str) -> str:
    raise ZeroDivisionError("by fox")


def broken_midway(prompt: str) -> Iterator[str]:
    yield "a"
    raise KeyError(prompt)


async def broken_async(prompt: str) -> str:
    raise RuntimeError("no")


def number(prompt: str) -> int:
    return 7


def nothing(prompt: str) -> None:
    return None


@pytest.mark.parametrize("function", [broken, broken_midway, broken_async, number, nothing])
async def test_its_mistakes_are_engine_errors_that_name_it(function):
    with pytest.raises(EngineError, match=function.__name__):
        await ask(model()(function))


async def test_it_may_refuse_in_our_own_words():
    def picky(prompt: str) -> str:
        raise InvalidRequestError("Ask politely.")

    with pytest.raises(InvalidRequestError, match="politely"):
        await ask(model()(picky))


def test_a_function_without_a_parameter_is_refused():
    with pytest.raises(SettingsError):
        model()(lambda: "x")


async def test_formats_are_refused_unless_the_function_sees_them():
    request = Chat((Message("user", "fox"),), response_format={"type": "json_object"})
    with pytest.raises(UnsupportedError):
        await ask(model()(shout), request)
    assert await ask(model()(count), request) == "1 messages"


async def test_a_blocking_function_holds_up_neither_deadline_nor_loop_nor_others():
    released = threading.Event()

    def hang(prompt: str) -> str:
        released.wait(5)
        return "late"

    made = model(parallel=1)(hang)
    try:
        began = time.monotonic()
        with pytest.raises(DeadlineError):
            await ask(made, within_s=0.05)
        assert time.monotonic() - began < 1.0
        # The thread is still in the function: it counts until it is out.
        with pytest.raises(OverloadedError):
            await ask(made)
    finally:
        released.set()
    with anyio.fail_after(5):
        while True:
            try:
                assert await ask(made) == "late"
                break
            except OverloadedError:
                await anyio.sleep(0.005)


async def test_leaving_closes_the_generator():
    closed: list[str] = []

    async def endless(prompt: str) -> AsyncIterator[str]:
        try:
            while True:
                yield "a"
                await anyio.lowlevel.checkpoint()
        finally:
            closed.append("async")

    def endless_sync(prompt: str) -> Iterator[str]:
        try:
            while True:
                yield "a"
        finally:
            closed.append("sync")

    for function in (endless, endless_sync):
        made = model()(function)
        await made.start()
        request = Chat((Message("user", "fox"),))
        async with aclosing(made.run(request, deadline=time.time() + 5)) as chunks:
            assert (await anext(chunks)).text == "a"
    assert closed == ["async", "sync"]
