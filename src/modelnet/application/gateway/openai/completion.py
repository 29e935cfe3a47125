"""`/v1/completions`: chunks written as OpenAI's events, answers as its response. Pure."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from modelnet.application.gateway.answer import Answer, Provenance
from modelnet.application.gateway.openai.envelope import Envelope, UsageView, encode, usage_view
from modelnet.application.gateway.openai.logprob import CompletionLogprobs, CompletionLogprobWriter
from modelnet.core.chunk import Chunk, FinishReason, Usage


class CompletionChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The continuation of one prompt."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None
    finish_reason: FinishReason


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The response to prompts that are not streamed."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: tuple[CompletionChoice, ...]
    usage: UsageView
    modelnet: Provenance


def completion(
    answers: Sequence[Answer], *, id: str, created: int, origin: Provenance
) -> Completion:
    """Return the response for the whole answers to each prompt."""
    choices = tuple(
        CompletionChoice(
            index=index,
            text=answer.text,
            logprobs=CompletionLogprobWriter().write(answer.tokens) if answer.tokens else None,
            finish_reason=answer.finish,
        )
        for index, answer in enumerate(answers)
    )
    return Completion(
        id=id,
        created=created,
        model=answers[0].model,
        choices=choices,
        usage=usage_view(total([answer.usage for answer in answers])),
        modelnet=origin,
    )


def total(usages: Sequence[Usage]) -> Usage:
    """Return what several answers used together."""
    return Usage(
        sum(usage.prompt_tokens for usage in usages),
        sum(usage.completion_tokens for usage in usages),
    )


class CompletionWriter:
    """Writes the chunks of streamed completions, one prompt after another."""

    def __init__(self, id: str, created: int, *, has_usage: bool) -> None:
        self._envelope = Envelope("text_completion", id, created, has_usage=has_usage)
        self._logprobs = CompletionLogprobWriter()
        self._index = 0
        self._usages: list[Usage] = []
        self.answered_by("")

    def answered_by(self, model: str) -> None:
        """Say who answers from here on."""
        self._envelope.answered_by(model)
        self._before_text = self._envelope.head + b'{"index":%d,"text":' % self._index
        self._after_text = b',"logprobs":null,"finish_reason":null}' + self._envelope.tail

    def write(self, chunk: Chunk) -> bytes:
        """Return the event of a chunk; nothing where there is nothing to show."""
        if chunk.tokens:
            logprobs = encode(self._logprobs.write(chunk.tokens))
            choice = b',"logprobs":%b,"finish_reason":null}' % logprobs
            return self._before_text + encode(chunk.text) + choice + self._envelope.tail
        if not chunk.text:
            return b""
        return self._before_text + encode(chunk.text) + self._after_text

    def end_prompt(self, chunk: Chunk) -> bytes:
        """Return the events of the last chunk of a prompt that is not the last."""
        choice = self._last_choice(chunk)
        written = self.write(chunk) + self._envelope.head + choice + self._envelope.tail
        self._index += 1
        self._logprobs = CompletionLogprobWriter()
        return written

    def close(self, chunk: Chunk, origin: Provenance) -> bytes:
        """Return the events of the last chunk of the last prompt and the end of the stream."""
        choice = self._last_choice(chunk)
        return self.write(chunk) + self._envelope.closing(choice, total(self._usages), origin)

    def _last_choice(self, chunk: Chunk) -> bytes:
        self._usages.append(chunk.usage or Usage())
        return b'{"index":%d,"text":"","logprobs":null,"finish_reason":%b}' % (
            self._index,
            encode(chunk.finish),
        )
