"""What can be asked of a model: one struct an operation, validated where bytes or users enter."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

Operation: TypeAlias = Literal["chat", "complete", "embed"]
"""The operations a model can declare on its card."""

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


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: Content

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
    response_format: dict[str, Any] | None = None

    @property
    def prompt(self) -> str:
        """The text of the last user message: what task analysis reads."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def has_image(self) -> bool:
        """Whether any message holds an image."""
        return any(message.has_image for message in self.messages)


class Complete(msgspec.Struct, frozen=True, tag="complete", omit_defaults=True):
    """Continue a raw text, without a chat template."""

    prompt: str
    sampling: Sampling = Sampling()
    partial: Partial = Partial()


class Embed(msgspec.Struct, frozen=True, tag="embed"):
    """Turn each input into one vector."""

    inputs: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


Request: TypeAlias = Chat | Complete | Embed


def operation_of(request: Request) -> Operation:
    """Return the operation a request asks for."""
    match request:
        case Chat():
            return "chat"
        case Complete():
            return "complete"
        case Embed():
            return "embed"


def text_of(request: Request) -> str:
    """Return the text that says what kind of task a request is."""
    match request:
        case Chat():
            return request.prompt
        case Complete():
            return request.prompt
        case Embed():
            return request.inputs[0]
