"""Folding tokens into chunks: no byte is lost, and every token belongs to its text."""

import pytest

from modelnet.core.chunk import Chunk, Token, Usage
from modelnet.resource.backend.reasoning import Phase
from modelnet.resource.backend.transformers.answer import AnswerWriter
from modelnet.resource.backend.transformers.call import CallReader

USAGE = Usage(3, 4)


def folded(
    *tokens: bytes,
    phase: Phase = "undecided",
    stop: tuple[str, ...] = (),
    finish: str = "stop",
    calls: CallReader | None = None,
) -> list[Chunk]:
    writer = AnswerWriter(phase, stop, calls)
    chunks: list[Chunk] = []
    for written in tokens:
        if not writer.is_stopped:
            told = Token(written.decode("utf-8", "replace"), -0.5, written)
            chunks.append(writer.feed(written, told))
    return [chunk for chunk in (*chunks, writer.end(finish, USAGE)) if chunk is not None]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def reasoning_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.reasoning for chunk in chunks)


def bytes_of(chunks: list[Chunk]) -> list[bytes]:
    return [token.bytes for chunk in chunks for token in chunk.tokens]


def test_a_token_is_a_chunk_and_the_last_says_why_it_ended():
    chunks = folded(b"a", b"b")
    assert [(chunk.text, chunk.n_tokens) for chunk in chunks] == [("a", 1), ("b", 1), ("", 0)]
    assert (chunks[-1].finish, chunks[-1].usage) == ("stop", USAGE)
    assert chunks[0].finish is None


def test_a_letter_of_several_tokens_is_whole_and_comes_with_all_of_them():
    chunks = folded(b"x\xe2", b"\x88", b"\x91y")
    assert [(chunk.text, chunk.n_tokens) for chunk in chunks] == [("x", 1), ("∑y", 2), ("", 0)]
    assert bytes_of(chunks) == [b"x\xe2", b"\x88", b"\x91y"]
    assert bytes_of(chunks[:1]) == []


def test_bytes_that_are_no_letter_are_marked_and_their_tokens_kept():
    chunks = folded(b"a", b"\xff", b"b", b"\xe2")
    assert text_of(chunks) == "a\ufffdb\ufffd"
    assert bytes_of(chunks) == [b"a", b"\xff", b"b", b"\xe2"]


def test_reasoning_is_apart_and_its_markers_are_gone():
    chunks = folded(b"<think>", b"32", b"1", b"</think>", b"5", b"79")
    assert (reasoning_of(chunks), text_of(chunks)) == ("321", "579")
    assert bytes_of(chunks) == [b"32", b"1", b"5", b"79"]
    assert sum(chunk.n_tokens for chunk in chunks) == 6


def test_markers_of_several_tokens_are_gone_too():
    chunks = folded(b"<", b"think", b">", b"3", b"</", b"think", b">", b"5")
    assert (reasoning_of(chunks), text_of(chunks)) == ("3", "5")
    assert bytes_of(chunks) == [b"3", b"5"]


def test_a_token_that_ends_the_reasoning_and_begins_the_answer_is_kept():
    chunks = folded(b"<think>", b"3", b"</think>5", b"7")
    assert (reasoning_of(chunks), text_of(chunks)) == ("3", "57")
    assert bytes_of(chunks) == [b"3", b"</think>5", b"7"]


@pytest.mark.parametrize("tokens", [(b"<th", b"is>"), (b"  ", b"<b>"), (b"<",)])
def test_what_only_looks_like_a_marker_is_text(tokens: tuple[bytes, ...]):
    chunks = folded(*tokens)
    assert text_of(chunks).encode() == b"".join(tokens)
    assert bytes_of(chunks) == list(tokens)


def test_raw_text_keeps_its_markers():
    assert text_of(folded(b"<think>", b"3", phase="speaking")) == "<think>3"


@pytest.mark.parametrize(
    ("tokens", "shown", "told"),
    [
        ((b"a", b"END", b"b"), "a", [b"a"]),
        ((b"a", b"E", b"N", b"D"), "a", [b"a"]),
        ((b"aE", b"ND"), "a", []),
        ((b"a", b"E", b"x"), "aEx", [b"a", b"E", b"x"]),
        ((b"a", b"EN"), "aEN", [b"a", b"EN"]),
        (("é".encode()[:1], "é".encode()[1:] + b"END"), "é", [b"\xc3"]),
    ],
)
def test_a_stop_sequence_ends_the_text_before_itself(tokens, shown, told):
    chunks = folded(*tokens, stop=("END",))
    assert text_of(chunks) == shown
    assert bytes_of(chunks) == told


def test_a_stop_sequence_within_the_reasoning_stops_nothing():
    chunks = folded(b"<think>", b"END", b"</think>", b"a", stop=("END",))
    assert (reasoning_of(chunks), text_of(chunks)) == ("END", "a")


def test_tool_calls_come_whole_with_the_end():
    written = b'<tool_call>{"name": "look", "arguments": {}}</tool_call>'
    tokens = [written[at : at + 6] for at in range(0, len(written), 6)]
    chunks = folded(b"Well. ", *tokens, calls=CallReader("m"))
    assert text_of(chunks) == "Well. "
    assert [call.name for call in chunks[-1].tool_calls] == ["look"]
    assert chunks[-1].finish == "tool_calls"


def test_an_answer_cut_within_a_call_shows_what_there_is():
    chunks = folded(b"<tool_call>", b'{"na', finish="length", calls=CallReader("m"))
    assert text_of(chunks) == '<tool_call>{"na'
    assert chunks[-1].finish == "length"
    assert not chunks[-1].tool_calls


def test_without_tools_a_call_is_text():
    assert text_of(folded(b"<tool_call>", b"x")) == "<tool_call>x"
