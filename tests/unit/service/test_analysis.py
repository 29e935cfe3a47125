"""What planning reads off a request."""

from dataclasses import replace

import numpy as np
import pytest

from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    ImagePart,
    ImageUrl,
    Message,
    Partial,
    Sampling,
    Step,
    TextPart,
)
from modelnet.service.analysis import analyse, text_to_embed


def chat(text: str = "What is 123 plus 456?", **fields: object) -> Chat:
    return Chat(messages=(Message("user", text),), **fields)  # pyright: ignore[reportArgumentType]


def test_a_plain_question() -> None:
    features = analyse(chat(sampling=Sampling(max_tokens=7)))
    assert features.operation == "chat"
    assert features.kind.most_likely == "arithmetic"
    assert (features.prompt_bytes, features.prompt_tokens, features.max_tokens) == (21, 6, 7)
    assert not features.needs_vision
    assert not features.needs_tools
    assert not features.needs_logprobs
    assert not features.needs_continuation


def test_the_whole_conversation_counts_for_length_and_the_last_user_message_for_kind() -> None:
    messages = (
        Message("system", "Be brief."),
        Message("user", "What is 1 plus 2?"),
        Message("assistant", "3"),
        Message("user", "What is the capital of France?"),
    )
    features = analyse(Chat(messages=messages))
    assert features.kind.most_likely == "facts"
    assert features.prompt_bytes == sum(len(message.text) for message in messages)


def test_images_tools_logprobs_and_a_begun_answer_are_needs() -> None:
    image = ImagePart(ImageUrl("data:image/png;base64,AA=="))
    message = Message("user", (TextPart("What is this?"), image))
    request = Chat(
        messages=(message,),
        sampling=Sampling(top_logprobs=0),
        partial=Partial("It is", "hm"),
        tools=({"type": "function"},),
    )
    features = analyse(request)
    assert features.needs_vision
    assert features.needs_tools
    assert features.needs_logprobs
    assert features.needs_continuation
    assert features.prompt_bytes == len('What is this?It ishm[{"type":"function"}]')


def test_a_completion() -> None:
    request = Complete("12+30=", Sampling(top_logprobs=3, max_tokens=2), Partial("4"))
    features = analyse(request)
    assert features.operation == "complete"
    assert features.kind.most_likely == "arithmetic"
    assert features.prompt_bytes == 7
    assert features.max_tokens == 2
    assert features.needs_logprobs
    assert features.needs_continuation


def test_an_embedding_has_no_kind_and_is_as_long_as_its_longest_input() -> None:
    features = analyse(Embed(("What is 1 plus 2?", "é" * 40)))
    assert features.operation == "embed"
    assert features.kind.p["other"] == 1.0
    assert features.prompt_bytes == 80


@pytest.mark.parametrize("text", ["", "\ud800", "\x00" * 9, "x" * 1_000_000])
def test_any_text_will_do(text: str) -> None:
    assert analyse(chat(text)).prompt_bytes >= len(text)


def test_features_are_compared_without_their_embedding() -> None:
    features = analyse(chat())
    assert features.embedding is None
    embedded = replace(features, embedding=np.ones(384, np.float32))
    assert embedded == features
    assert "embedding" not in repr(embedded)


def test_the_text_to_embed_is_the_question_and_the_tools_that_go_with_it() -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {}}}
    told = '[functions] [{"name":"add","parameters":{}}]'
    assert text_to_embed(chat("Add 1 and 2.")) == "Add 1 and 2."
    assert text_to_embed(chat("Add.", tools=(tool,))) == f"Add.\n\n{told}"
    assert text_to_embed(Step(Complete("12+"), 3)) == "12+"
    assert text_to_embed(Embed(("a",))) is None
