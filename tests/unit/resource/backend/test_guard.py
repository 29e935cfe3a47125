"""What is not on the card is refused; what waits ends with the deadline or the model."""

import time

import anyio
import pytest
from msgspec.structs import replace

from modelnet.core.card import ModelCard
from modelnet.core.chunk import ToolCall
from modelnet.core.error import DeadlineError, EngineError, UnsupportedError
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Sampling,
)
from modelnet.resource.backend.guard import (
    Lifetime,
    refuse_continued_format,
    refuse_response_format,
    refuse_unsupported,
)

FULL = ModelCard(
    name="m",
    operations=("chat", "complete", "embed"),
    engine="scripted",
    has_logprobs=True,
    has_vision=True,
    has_tools=True,
)
USER = (Message("user", "a"),)
SEEN = (Message("user", (ImagePart(ImageUrl("data:image/png;base64,AA")),)),)
CASES = [
    (Chat(USER), {"operations": ("complete", "embed")}),
    (Complete("a"), {"operations": ("chat",)}),
    (Embed(("a",)), {"operations": ("chat",)}),
    (Chat(SEEN), {"has_vision": False}),
    (Chat(USER, tools=({"type": "function"},)), {"has_tools": False}),
    (Chat((*USER, Message("assistant", "", (ToolCall("1", "f", "{}"),)))), {"has_tools": False}),
    (Chat((*USER, Message("tool", "4", tool_call_id="1"))), {"has_tools": False}),
    (Chat(USER, partial=Partial("b")), {"can_continue": False}),
    (Chat(USER, Sampling(top_logprobs=0)), {"has_logprobs": False}),
    (Complete("a", Sampling(top_logprobs=3)), {"has_logprobs": False}),
]


@pytest.mark.parametrize(("request_", "lacking"), CASES)
def test_each_thing_is_refused_by_who_lacks_it_and_no_other(request_, lacking):
    refuse_unsupported(FULL, request_)
    with pytest.raises(UnsupportedError, match="The model m"):
        refuse_unsupported(replace(FULL, **lacking), request_)


def test_a_raw_text_can_always_be_continued():
    refuse_unsupported(replace(FULL, can_continue=False), Complete("a", partial=Partial("b")))


def test_formats():
    refuse_response_format(FULL, Chat(USER, response_format={"type": "text"}))
    json_wanted = Chat(USER, response_format={"type": "json_object"})
    refuse_continued_format(FULL, json_wanted)
    with pytest.raises(UnsupportedError):
        refuse_response_format(FULL, json_wanted)
    with pytest.raises(UnsupportedError):
        refuse_continued_format(FULL, replace(json_wanted, partial=Partial("{")))


@pytest.mark.anyio
async def test_a_wait_ends_with_the_deadline_or_with_the_model():
    lifetime = Lifetime("m", time.time)
    with pytest.raises(EngineError), lifetime.wait(time.time() + 5):
        pass
    lifetime.begin()
    with pytest.raises(DeadlineError), lifetime.wait(time.time() + 0.01):
        await anyio.sleep_forever()
    with pytest.raises(DeadlineError), lifetime.wait(time.time() - 1):
        pass

    async def wait() -> None:
        with pytest.raises(EngineError), lifetime.wait(time.time() + 5):
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        lifetime.end()


@pytest.mark.anyio
async def test_a_cancelled_asker_is_cancelled_not_late():
    lifetime = Lifetime("m", time.time)
    lifetime.begin()
    with anyio.move_on_after(0.01) as scope, lifetime.wait(time.time() + 5):
        await anyio.sleep_forever()
    assert scope.cancelled_caught
