"""Bodies become requests; what cannot be honoured is refused by name."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.application.gateway.openai.body import (
    Body,
    ChatBody,
    CompletionBody,
    EmbeddingBody,
    decode,
)
from modelnet.application.gateway.openai.reading import (
    DEFAULT_COMPLETION_TOKENS,
    chat_of,
    completions_of,
    embed_of,
    models_of,
    unit_tests_of,
    wish_of,
)
from modelnet.core.chunk import ToolCall
from modelnet.core.error import InvalidRequestError, RequestError, UnsupportedError
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    ImagePart,
    ImageUrl,
    Message,
    Request,
    TextPart,
)
from modelnet.core.wish import NO_WISH, Weights, Wish

HI = [{"role": "user", "content": "hi"}]


def chat(**fields: Any) -> Chat:
    return chat_of(decode(ChatBody, msgspec.json.encode({"messages": HI, **fields})))


def complete(**fields: Any) -> tuple[Complete, ...]:
    return completions_of(decode(CompletionBody, msgspec.json.encode({"prompt": "p", **fields})))


def embed(**fields: Any) -> Embed:
    return embed_of(decode(EmbeddingBody, msgspec.json.encode(fields)))


def models(**fields: Any) -> tuple[str, ...]:
    return models_of(decode(ChatBody, msgspec.json.encode({"messages": HI, **fields})))


def test_a_plain_chat():
    assert chat(model="m", user="u", store=True, metadata={"a": 1}) == Chat(
        (Message("user", "hi"),)
    )


def test_every_way_to_draw_tokens():
    sampling = chat(
        max_tokens=9,
        max_completion_tokens=5,
        temperature=0.5,
        top_p=0.9,
        seed=-3,
        stop=["a", "", "b"],
        logprobs=True,
        top_logprobs=2,
    ).sampling
    assert msgspec.structs.asdict(sampling) == {
        "max_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": -3,
        "stop": ("a", "b"),
        "top_logprobs": 2,
    }


def test_one_stop_may_stand_alone():
    assert chat(stop="end").sampling.stop == ("end",)
    assert chat(stop="").sampling.stop == ()


def test_logprobs_without_alternatives():
    assert chat(logprobs=True).sampling.top_logprobs == 0
    assert chat(logprobs=False).sampling.top_logprobs is None
    assert complete(logprobs=0)[0].sampling.top_logprobs == 0


def test_parts_of_a_message():
    content = [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": "data:,x"}},
    ]
    assert chat(messages=[{"role": "user", "content": content}]).messages == (
        Message("user", (TextPart("what is this?"), ImagePart(ImageUrl("data:,x")))),
    )


def test_tools_and_response_format_pass():
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    asked = chat(tools=[tool], tool_choice="auto", response_format={"type": "json_object"})
    assert asked.tools == (tool,)
    assert asked.response_format == {"type": "json_object"}
    assert chat(tools=[tool], tool_choice="none").tools == ()
    assert chat(response_format={"type": "text"}).response_format is None


NEUTRAL: list[dict[str, Any]] = [
    {"n": 1},
    {"n": None},
    {"logit_bias": {}},
    {"presence_penalty": 0, "frequency_penalty": 0.0},
    {"modalities": ["text"]},
    {"parallel_tool_calls": True},
    {"functions": []},
    {"tool_choice": "none"},
    {"made_up_by_someone": [1, 2]},
]


@pytest.mark.parametrize("fields", NEUTRAL)
def test_what_changes_nothing_passes(fields: dict[str, Any]):
    assert chat(**fields) == chat()


UNSUPPORTED: list[tuple[str, Any]] = [
    ("n", 2),
    ("logit_bias", {"50256": -100}),
    ("presence_penalty", 0.5),
    ("frequency_penalty", 1),
    ("modalities", ["text", "audio"]),
    ("audio", {"voice": "x"}),
    ("prediction", {}),
    ("web_search_options", {}),
    ("functions", [{}]),
    ("function_call", "auto"),
    ("parallel_tool_calls", False),
]


@pytest.mark.parametrize(("field", "value"), UNSUPPORTED)
def test_what_cannot_be_honoured_is_refused(field: str, value: Any):
    with pytest.raises(UnsupportedError) as caught:
        chat(**{field: value})
    assert caught.value.param == field
    assert field in caught.value.message


@pytest.mark.parametrize(
    ("field", "value"), [("echo", True), ("suffix", "x"), ("best_of", 3), ("n", 2)]
)
def test_what_completions_cannot_honour(field: str, value: Any):
    with pytest.raises(UnsupportedError) as caught:
        complete(**{field: value})
    assert caught.value.param == field


TOOL = {"type": "function", "function": {"name": "f"}}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


@pytest.mark.parametrize(
    ("choice", "means"),
    [
        (None, "auto"),
        ("auto", "auto"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "f"}}, "f"),
    ],
)
def test_a_tool_may_be_chosen(choice: Any, means: str):
    asked = chat(tools=[TOOL], tool_choice=choice)
    assert asked.tools == (TOOL,)
    assert asked.tool_choice == means


@pytest.mark.parametrize(
    ("fields", "kind", "param"),
    [
        ({"tool_choice": "required"}, InvalidRequestError, "tool_choice"),
        ({"tool_choice": "any", "tools": [TOOL]}, UnsupportedError, "tool_choice"),
        ({"tool_choice": {"type": "custom"}, "tools": [TOOL]}, UnsupportedError, "tool_choice"),
        (
            {
                "tool_choice": {"type": "function", "function": {"name": "g"}},
                "tools": [TOOL],
            },
            InvalidRequestError,
            "tool_choice",
        ),
        (
            {
                "tool_choice": {"type": "function", "function": {"name": "auto"}},
                "tools": [{"type": "function", "function": {"name": "auto"}}],
            },
            UnsupportedError,
            "tool_choice",
        ),
        ({"tools": [TOOL, {"type": "web"}]}, InvalidRequestError, "tools[1].function.name"),
    ],
)
def test_choices_that_cannot_be_made(fields: dict[str, Any], kind: type, param: str):
    with pytest.raises(kind) as caught:
        chat(**fields)
    assert caught.value.param == param


def test_turns_of_tools():
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    answered = {"role": "tool", "content": "4", "tool_call_id": "1"}
    assert chat(messages=[*HI, called, answered]).messages == (
        Message("user", "hi"),
        Message("assistant", "", (ToolCall("1", "f", '{"a": 1}'),)),
        Message("tool", "4", tool_call_id="1"),
    )


def function(**changes: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [CALL | changes]}


@pytest.mark.parametrize(
    ("message", "kind", "param"),
    [
        ({"role": "tool", "content": "4"}, InvalidRequestError, "tool_call_id"),
        (
            {"role": "tool", "content": "4", "tool_call_id": "9"},
            InvalidRequestError,
            "tool_call_id",
        ),
        (
            {"role": "user", "content": "4", "tool_call_id": "1"},
            InvalidRequestError,
            "tool_call_id",
        ),
        (
            {"role": "user", "content": "4", "tool_calls": [CALL]},
            InvalidRequestError,
            "tool_calls",
        ),
        ({"role": "assistant", "tool_calls": []}, InvalidRequestError, "content"),
        ({"role": "assistant", "tool_calls": ["f"]}, InvalidRequestError, "tool_calls[0]"),
        (function(id=""), InvalidRequestError, "tool_calls[0]"),
        (function(function={}), InvalidRequestError, "tool_calls[0]"),
        (
            function(function={"name": "f", "arguments": "[1]"}),
            InvalidRequestError,
            "tool_calls[0]",
        ),
        (
            function(function={"name": "f", "arguments": "{"}),
            InvalidRequestError,
            "tool_calls[0]",
        ),
        (function(type="custom"), UnsupportedError, "tool_calls[0].type"),
        ({"role": "assistant", "function_call": {"name": "f"}}, UnsupportedError, "function_call"),
        ({"role": "assistant", "audio": {"id": "a"}}, UnsupportedError, "audio"),
    ],
)
def test_turns_of_tools_that_make_no_sense(message: dict[str, Any], kind: type, param: str):
    with pytest.raises(kind) as caught:
        chat(messages=[*HI, message])
    assert caught.value.param == f"messages[1].{param}"


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": ""},
        {"role": "user", "content": []},
        {"role": "user", "content": None},
        {"role": "user"},
        {"role": "assistant"},
    ],
)
def test_an_empty_message_is_refused(message: dict[str, Any]):
    with pytest.raises(InvalidRequestError) as caught:
        chat(messages=[*HI, message])
    assert caught.value.param == "messages[1].content"


def test_alternatives_need_logprobs():
    with pytest.raises(InvalidRequestError) as caught:
        chat(top_logprobs=2)
    assert caught.value.param == "top_logprobs"


@pytest.mark.parametrize("field", ["tools", "response_format"])
def test_an_integer_that_no_frame_can_hold(field: str):
    huge = (
        b'{"messages":[{"role":"user","content":"x"}],%b}'
        % {
            "tools": b'"tools":[{"a":1%b}]' % (b"0" * 30),
            "response_format": b'"response_format":{"type":"json_schema","a":1%b}' % (b"0" * 30),
        }[field]
    )
    with pytest.raises(InvalidRequestError) as caught:
        chat_of(decode(ChatBody, huge))
    assert caught.value.param == field


def test_an_unknown_response_format():
    with pytest.raises(InvalidRequestError) as caught:
        chat(response_format={"type": "xml"})
    assert caught.value.param == "response_format.type"


def test_prompts_become_one_completion_each():
    assert [one.prompt for one in complete(prompt=["a", "", "b"])] == ["a", "", "b"]
    assert complete()[0].sampling.max_tokens == DEFAULT_COMPLETION_TOKENS
    assert complete(max_tokens=3)[0].sampling.max_tokens == 3


@pytest.mark.parametrize("prompt", [[1, 2], [[1, 2], [3]], ["a", 1]])
def test_token_ids_are_refused(prompt: Any):
    with pytest.raises(UnsupportedError, match="token ids"):
        complete(prompt=prompt)
    with pytest.raises(UnsupportedError, match="token ids"):
        embed(input=prompt)


def test_inputs_to_embed():
    assert embed(input="a") == Embed(("a",))
    assert embed(input=["a", "b"], encoding_format="base64") == Embed(("a", "b"))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "a", "dimensions": 64}, "dimensions"),
    ],
)
def test_bad_inputs(fields: dict[str, Any], param: str):
    with pytest.raises(RequestError) as caught:
        embed(**fields)
    assert caught.value.param == param


def test_fallback_chains():
    assert models() == ("auto",)
    assert models(model="a, b ,a") == ("a", "b")
    assert models(model="a", modelnet={"fallback": ["b", "auto"]}) == ("a", "b", "auto")


@pytest.mark.parametrize("name", [",", "a,", " ", "a,,b", ",".join(map(str, range(40)))])
def test_chains_that_make_no_sense(name: str):
    with pytest.raises(InvalidRequestError) as caught:
        models(model=name)
    assert caught.value.param == "model"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
FIELDS = sorted(
    {
        field
        for kind in (ChatBody, CompletionBody, EmbeddingBody)
        for field in kind.__struct_fields__
    }
)
READERS = {ChatBody: chat_of, CompletionBody: completions_of, EmbeddingBody: embed_of}


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    kind=st.sampled_from([ChatBody, CompletionBody, EmbeddingBody]),
    body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6),
    is_nearly_right=st.booleans(),
)
def test_any_json_is_read_or_refused(kind: Any, body: dict[str, Any], is_nearly_right: bool):
    if is_nearly_right:
        body = {"messages": HI, "prompt": "p", "input": "i", **body}
    try:
        decoded = decode(kind, msgspec.json.encode(body))
        models_of(decoded)
        read = READERS[kind](decoded)
    except RequestError:
        return
    # Whatever passes can travel to another node.
    assert msgspec.msgpack.encode(read)


def wish(kind: type[Body] = ChatBody, requests: int = 1, **options: Any) -> Wish:
    body = {"messages": HI, "prompt": "p", "input": "i", "modelnet": options}
    one: Request = Embed(("i",)) if kind is EmbeddingBody else Complete("p")
    return wish_of(decode(kind, msgspec.json.encode(body)), [one] * requests)


def test_limits_and_weights_are_read():
    told = {"max_cost_usd": 0.01, "max_latency_s": 2, "min_quality": 0.8}
    weights = {"second": 0.01, "dollar": 5}
    assert wish(**told, weights=weights) == Wish(**told, weights=Weights(**weights))
    assert wish(weights=None, max_cost_usd=None) == wish() == NO_WISH


def test_prompts_of_one_request_share_its_money():
    assert wish(CompletionBody, 4, max_cost_usd=0.02, max_latency_s=2) == Wish(
        max_cost_usd=0.005, max_latency_s=2
    )


def test_vectors_are_neither_right_nor_wrong():
    with pytest.raises(UnsupportedError, match="min_quality"):
        wish(EmbeddingBody, min_quality=0.5)
    assert wish(EmbeddingBody, max_cost_usd=0).max_cost_usd == 0.0


@pytest.mark.parametrize(
    ("options", "param", "why"),
    [
        ({"max_cost_usd": -1}, "modelnet.max_cost_usd", "must be at least 0"),
        ({"max_cost_usd": "1"}, "modelnet.max_cost_usd", "must be a number, not a string"),
        ({"max_latency_s": 0}, "modelnet.max_latency_s", "must be more than 0"),
        ({"min_quality": 1.5}, "modelnet.min_quality", "must be at most 1"),
        ({"weights": {"second": -1}}, "modelnet.weights.second", "must be at least 0"),
        ({"weights": {"minute": 1}}, "modelnet.weights.minute", "is not known"),
        ({"weights": 5}, "modelnet.weights", "must be an object"),
        ({"max_cost": 1}, "modelnet.max_cost", "is not known; mend its name or leave it out"),
    ],
)
def test_what_is_no_limit_is_refused_by_name(options: dict[str, Any], param: str, why: str):
    with pytest.raises(InvalidRequestError) as caught:
        wish(**options)
    assert caught.value.param == param
    assert f"`{param}` {why}" in caught.value.message


@pytest.mark.parametrize("written", [b"NaN", b"1e999", b"-Infinity"])
def test_what_is_no_number_is_refused(written: bytes):
    body = b'{"messages":[{"role":"user","content":"x"}],"modelnet":{"max_cost_usd":%b}}' % written
    with pytest.raises(InvalidRequestError):
        decode(ChatBody, body)


def test_tests_are_handed_on():
    body = decode(ChatBody, b'{"messages": [], "modelnet": {"tests": "assert f()"}}'.replace(
        b"[]", b'[{"role": "user", "content": "write f"}]'
    ))  # fmt: skip
    assert unit_tests_of(body, (chat_of(body),)) == "assert f()"
    plain = decode(ChatBody, b'{"messages": [{"role": "user", "content": "write f"}]}')
    assert unit_tests_of(plain, (chat_of(plain),)) is None


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        (ChatBody, {"messages": [{"role": "user", "content": "x"}]}, InvalidRequestError),
        (CompletionBody, {"prompt": ["a", "b"], "tests": "assert f()"}, InvalidRequestError),
        (EmbeddingBody, {"input": "a", "tests": "assert f()"}, UnsupportedError),
    ],
)
def test_tests_that_cannot_be_run_are_refused(kind, body, error):
    tests = body.pop("tests", "assert f(")
    read = decode(kind, msgspec.json.encode({**body, "modelnet": {"tests": tests}}))
    if kind is EmbeddingBody:
        requests = (embed_of(read),)
    else:
        requests = completions_of(read) if kind is CompletionBody else (chat_of(read),)
    with pytest.raises(error) as caught:
        unit_tests_of(read, requests)
    assert caught.value.param == "modelnet.tests"
