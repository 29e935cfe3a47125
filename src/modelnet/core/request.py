"""What can be asked of a model: one struct an operation, validated where bytes or users enter."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from modelnet.core.chunk import ToolCall
from modelnet.core.tensor import Tensor

Operation: TypeAlias = Literal["chat", "complete", "step", "score", "embed", "encode", "infer"]
"""The operations a model can declare on its card."""

MAX_TOP_K = 1 << 18
"""More tokens than any vocabulary has."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    """A piece of text in a message of several parts."""

    text: str


class ImageUrl(msgspec.Struct, frozen=True):
    """Where an image is: a `data:` URL or an address the engine may fetch."""

    url: str
    detail: str | None = None


class ImagePart(msgspec.Struct, frozen=True, tag="image_url"):
    """An image in a message of several parts."""

    image_url: ImageUrl


Content: TypeAlias = str | tuple[TextPart | ImagePart, ...]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation."""

    role: Role
    content: Content = ""
    tool_calls: tuple[ToolCall, ...] = ()
    """What an assistant's turn wanted called."""
    tool_call_id: str | None = None
    """Of a tool's turn: the call it answers."""

    @property
    def text(self) -> str:
        """The text of the message, its parts joined; images are left out."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def has_image(self) -> bool:
        """Whether any part is an image."""
        return not isinstance(self.content, str) and any(
            isinstance(part, ImagePart) for part in self.content
        )


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to draw tokens. `None` leaves the choice to the engine."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    """How many alternatives to report for every token; `None` reports no log-probabilities."""


class Partial(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of an answer that already exists and is to be continued, never repeated."""

    text: str = ""
    reasoning: str = ""

    def __bool__(self) -> bool:
        """Whether there is anything to continue."""
        return bool(self.text or self.reasoning)


class Chat(msgspec.Struct, frozen=True, tag="chat", omit_defaults=True):
    """Answer the last message of a conversation, or go on with the answer begun in `partial`."""

    messages: Annotated[tuple[Message, ...], msgspec.Meta(min_length=1)]
    sampling: Sampling = Sampling()
    partial: Partial = Partial()
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: str = "auto"
    """`auto`, `required` for any of the tools, or the name of the one to call."""
    response_format: dict[str, Any] | None = None

    @property
    def prompt(self) -> str:
        """The text of the last user message: what task analysis reads."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def has_image(self) -> bool:
        """Whether any message holds an image."""
        return any(message.has_image for message in self.messages)

    @property
    def has_tools(self) -> bool:
        """Whether tools are offered, or any turn calls one or answers for one."""
        return bool(self.tools) or any(m.tool_calls or m.role == "tool" for m in self.messages)

    @property
    def is_plain_text(self) -> bool:
        """Whether the answer may take any form, so that `response_format` asks for nothing."""
        return self.response_format is None or self.response_format.get("type") == "text"


class Complete(msgspec.Struct, frozen=True, tag="complete", omit_defaults=True):
    """Continue a raw text, without a chat template."""

    prompt: str
    sampling: Sampling = Sampling()
    partial: Partial = Partial()


Prefix: TypeAlias = Chat | Complete
"""What a next token or a continuation comes after: the prompt, and its `partial` answer so far."""


class Step(msgspec.Struct, frozen=True, tag="step"):
    """Tell which tokens may come next. The prefix's `sampling` counts for nothing."""

    prefix: Prefix
    top_k: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOP_K)] = 20


class Score(msgspec.Struct, frozen=True, tag="score"):
    """Tell how likely a given continuation is, token by token."""

    prefix: Prefix
    continuation: Annotated[str, msgspec.Meta(min_length=1)]


class Embed(msgspec.Struct, frozen=True, tag="embed"):
    """Turn each input into one vector."""

    inputs: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Encode(msgspec.Struct, frozen=True, tag="encode", omit_defaults=True):
    """Turn each input into its hidden states, one vector a token.

    Layers count from 0, the embedding of the tokens; -1 is the last, after the final norm.
    """

    inputs: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    layer: Annotated[int, msgspec.Meta(ge=-1)] = -1


class Infer(msgspec.Struct, frozen=True, tag="infer", omit_defaults=True):
    """Turn named tensors into named tensors; all outputs unless some are named."""

    inputs: Annotated[tuple[Tensor, ...], msgspec.Meta(min_length=1)]
    outputs: tuple[str, ...] = ()


Request: TypeAlias = Chat | Complete | Step | Score | Embed | Encode | Infer

_OPERATION_OF: dict[type[Request], Operation] = {
    Chat: "chat",
    Complete: "complete",
    Step: "step",
    Score: "score",
    Embed: "embed",
    Encode: "encode",
    Infer: "infer",
}


def operation_of(request: Request) -> Operation:
    """Return the operation a request asks for."""
    return _OPERATION_OF[type(request)]


def text_of(request: Request) -> str:
    """Return the text that says what kind of task a request is; tensors have none."""
    match request:
        case Chat() | Complete():
            return request.prompt
        case Step() | Score():
            return request.prefix.prompt
        case Embed() | Encode():
            return request.inputs[0]
        case Infer():
            return ""


def begun_of(request: Request) -> str:
    """Return the part of the answer that exists already and will not be said again."""
    return request.partial.text if isinstance(request, Chat | Complete) else ""
