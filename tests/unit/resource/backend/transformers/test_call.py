"""Tool calls in the text of an answer, wherever the pieces are cut."""

import pytest

from modelnet.core.chunk import ToolCall
from modelnet.core.error import EngineError
from modelnet.resource.backend.transformers.call import CallReader

LOOK = '<tool_call>\n{"name": "look", "arguments": {"where": "up"}}\n</tool_call>'
LOOKED = ToolCall("call_0", "look", '{"where":"up"}')


def read(text: str, size: int, *, is_cut: bool = False) -> tuple[str, list[ToolCall]]:
    """Return what is shown and called when a text comes in pieces of a size."""
    reader = CallReader("m")
    shown = "".join(reader.feed(text[at : at + size]) for at in range(0, len(text), size))
    return shown + reader.flush(is_cut=is_cut), reader.calls


@pytest.mark.parametrize("size", [1, 2, 5, 11, 1000])
def test_calls_are_taken_out_of_the_text(size: int):
    assert read(f"Let me see. {LOOK}\n", size) == ("Let me see. ", [LOOKED])


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_several_calls_are_numbered(size: int):
    shown, calls = read(f"{LOOK}\n{LOOK}", size)
    assert shown == ""
    assert [call.id for call in calls] == ["call_0", "call_1"]


@pytest.mark.parametrize("text", ["a < b", "<tool", "<tool_calls>", "x<tool_call", "\n \n"])
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_text_that_is_no_call_is_shown(text: str, size: int):
    assert read(text, size) == (text, [])


def test_a_model_that_ends_within_a_call_meant_it():
    assert read(LOOK.removesuffix("</tool_call>"), 7) == ("", [LOOKED])


def test_a_call_that_was_cut_off_is_shown_as_it_is():
    cut = LOOK[:30]
    assert read(cut, 7, is_cut=True) == (cut, [])


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ('{"name": "look", "arguments": {}}', "{}"),
        ('{"name": "look"}', "{}"),
        ('{"name": "look", "arguments": "{\\"a\\": 1}"}', '{"a": 1}'),
        ("{'name': 'look', 'arguments': {'a': 1,}}", '{"a":1}'),
        ('{"name": "look", "arguments": {"a": "é"}', '{"a":"é"}'),
    ],
)
def test_small_mistakes_are_mended(written: str, arguments: str):
    _, (call,) = read(f"<tool_call>{written}</tool_call>", 1000)
    assert call == ToolCall("call_0", "look", arguments)


@pytest.mark.parametrize(
    "written",
    ["", "look", "[1]", '{"arguments": {}}', '{"name": 3}', '{"name":"x","arguments":[1]}'],
)
def test_a_call_nobody_can_read_is_the_model_s_fault(written: str):
    with pytest.raises(EngineError):
        read(f"<tool_call>{written}</tool_call>", 1000)
