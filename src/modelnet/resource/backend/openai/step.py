"""The likely next tokens in an answer of one token. Pure."""

from typing import Any

import msgspec

from modelnet.core.chunk import Alternative, Chunk, Usage
from modelnet.core.error import EngineError
from modelnet.core.request import Step
from modelnet.resource.backend.http.decoding import decoded
from modelnet.resource.backend.openai.answer import usage_told
from modelnet.resource.backend.openai.logprob import UNKNOWN, Logprobs, tokens_of
from modelnet.resource.backend.prompt import read_text
from modelnet.resource.backend.shaping import count_pieces


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    text: str | None = None
    message: _Message | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None

    @property
    def is_end(self) -> bool:
        """Whether the token that was drawn ended the answer."""
        said = self.message or _Message()
        has_text = bool(self.text or said.content or said.reasoning_content)
        return self.finish_reason == "stop" and not has_text


class _Answer(msgspec.Struct):
    choices: list[_Choice] = []
    usage: Any = None


_decoder = msgspec.json.Decoder(_Answer)


def step_chunk(name: str, request: Step, answer: bytes, ends: frozenset[str]) -> Chunk:
    """Return the only chunk of a step.

    Args:
        name: of the model.
        request: what was asked.
        answer: the server's, of one token.
        ends: tokens that end an answer, as the server writes them.

    Raises:
        EngineError: the answer holds no log-probabilities.
    """
    told = decoded(name, answer, _decoder)
    if not told.choices or not (tokens := tokens_of(told.choices[0].logprobs)):
        raise EngineError(f"{name} told no log-probabilities; ask another model.")
    drawn = Alternative(tokens[0].text, tokens[0].logprob, tokens[0].bytes)
    if told.choices[0].is_end:
        ends |= {drawn.text}
    found = {(one.text, one.bytes): one for one in (drawn, *tokens[0].alternatives)}
    best_first = sorted(found.values(), key=lambda one: -one.logprob)
    known = [_ending(one) if one.text in ends else one for one in best_first if _is_known(one)]
    usage = usage_told(told.usage, Usage(count_pieces(read_text(request.prefix))))
    return Chunk(
        alternatives=tuple(known[: request.top_k]),
        finish="stop",
        usage=Usage(usage.prompt_tokens),
    )


def _ending(token: Alternative) -> Alternative:
    return Alternative(token.text, token.logprob, b"")


def _is_known(token: Alternative) -> bool:
    """Whether its bytes are; a part of a character that is told without them could be any."""
    return token.bytes != token.text.encode("utf-8", "replace") or UNKNOWN not in token.text
