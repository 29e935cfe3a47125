"""Bad bodies are explained in one sentence that names the field."""

import pytest

from modelnet.application.gateway.openai.body import (
    ChatBody,
    CompletionBody,
    EmbeddingBody,
    decode,
)
from modelnet.core.error import InvalidRequestError, RequestError, UnsupportedError

OK = '"messages":[{"role":"user","content":"x"}]'

SENTENCES = [
    ("", None, "The body is not valid JSON: it ends too early."),
    ("{", None, "The body is not valid JSON: it ends too early."),
    ("{x}", None, "The body is not valid JSON: object keys must be strings at byte 1."),
    (f"{{{OK}}} x", None, "The body is not valid JSON: trailing characters at byte 46."),
    ("[]", None, "The body must be an object, not a list."),
    ("{}", "messages", "`messages` is missing."),
    ('{"messages":[]}', "messages", "`messages` must hold at least 1 item(s)."),
    ('{"messages":"x"}', "messages", "`messages` must be a list, not a string."),
    (
        '{"messages":[{"content":"x"}]}',
        "messages[0].role",
        "`messages[0].role` is missing.",
    ),
    (
        '{"messages":[{"role":"king","content":"x"}]}',
        "messages[0].role",
        "`messages[0].role` may not be 'king'.",
    ),
    (
        '{"messages":[{"role":"user","content":5}]}',
        "messages[0].content",
        "`messages[0].content` must be a string or a list, not an integer.",
    ),
    (f'{{{OK},"max_tokens":0}}', "max_tokens", "`max_tokens` must be at least 1."),
    (
        f'{{{OK},"max_tokens":"5"}}',
        "max_tokens",
        "`max_tokens` must be an integer, not a string.",
    ),
    (f'{{{OK},"temperature":3}}', "temperature", "`temperature` must be at most 2."),
    (f'{{{OK},"top_p":0}}', "top_p", "`top_p` must be more than 0."),
    (f'{{{OK},"stream":"yes"}}', "stream", "`stream` must be true or false, not a string."),
    (f'{{{OK},"model":""}}', "model", "`model` must hold at least 1 character(s)."),
    (
        f'{{{OK},"temperature":1e999}}',
        "temperature",
        "`temperature` makes no sense: number out of range.",
    ),
    (
        f'{{{OK},"modelnet":{{"deadline_s":0}}}}',
        "modelnet.deadline_s",
        "`modelnet.deadline_s` must be more than 0.",
    ),
]


@pytest.mark.parametrize(("body", "param", "sentence"), SENTENCES)
def test_says_what_is_wrong_and_where(body: str, param: str | None, sentence: str):
    with pytest.raises(InvalidRequestError) as caught:
        decode(ChatBody, body.encode())
    assert caught.value.param == param
    assert caught.value.message == sentence


def test_a_part_that_is_not_text_or_image_is_unsupported():
    body = b'{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}'
    with pytest.raises(UnsupportedError) as caught:
        decode(ChatBody, body)
    assert caught.value.param == "messages[0].content[0].type"
    assert "'input_audio'" in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"\xff"}',
        b"\xff\xfe",
        b'{"messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"logit_bias":' + b"[" * 100_000,
        b'{"logit_bias":1' + b"0" * 5000 + b"}",
    ],
)
def test_bytes_that_no_client_should_send(body: bytes):
    with pytest.raises(RequestError):
        decode(ChatBody, body)


def test_a_long_value_does_not_make_a_long_sentence():
    body = b'{"messages":[{"role":"%b","content":"x"}]}' % (b"k" * 10_000)
    with pytest.raises(InvalidRequestError) as caught:
        decode(ChatBody, body)
    assert len(caught.value.message) <= 300


@pytest.mark.parametrize(
    ("kind", "body", "param"),
    [
        (CompletionBody, b"{}", "prompt"),
        (CompletionBody, b'{"prompt":{}}', "prompt"),
        (CompletionBody, b'{"prompt":[]}', "prompt"),
        (CompletionBody, b'{"prompt":"x","logprobs":true}', "logprobs"),
        (EmbeddingBody, b"{}", "input"),
        (EmbeddingBody, b'{"input":[]}', "input"),
    ],
)
def test_other_bodies_too(kind: type, body: bytes, param: str):
    with pytest.raises(InvalidRequestError) as caught:
        decode(kind, body)
    assert caught.value.param == param
