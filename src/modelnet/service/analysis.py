"""Reads a request: its kind of task, its length, and what a model must be able to do for it."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from modelnet.core.request import (
    Chat,
    Complete,
    Content,
    Embed,
    Encode,
    ImagePart,
    Infer,
    Operation,
    Request,
    Score,
    Step,
    operation_of,
)
from modelnet.core.tensor import TensorSpec
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.kind.classifier import classify

if TYPE_CHECKING:
    import numpy as np

_BYTES_PER_TOKEN = 4
"""What tokenizers of large models reach on English, about."""
_LEAST_BYTES_PER_TOKEN = 3
"""What they reach on code and other languages, about."""
_FRAME_TOKENS = 8
"""What a chat template adds, about."""
_MOST_IMAGE_TOKENS = 2048
"""Clouds charge 1,600 tokens or so for an image in its full size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFeatures:
    """What the choice of a model depends on."""

    operation: Operation = "chat"
    kind: TaskKind
    prompt_bytes: int = 0
    """Size of everything the model reads, in UTF-8: no tokenizer makes more tokens than bytes."""
    all_bytes: int | None = None
    """Of several texts together, where each is read by itself."""
    images: int = 0
    max_tokens: int | None = None
    needs_vision: bool = False
    needs_tools: bool = False
    needs_logprobs: bool = False
    needs_schema: bool = False
    needs_continuation: bool = False
    needs_chat: bool = False
    """For `step` and `score`: whether what comes before is a conversation."""
    tensors: tuple[TensorSpec, ...] = ()
    """For `infer`: what is given."""
    outputs: tuple[str, ...] = ()
    """For `infer`: what is wanted, where not all is."""
    embedding: "np.ndarray[Any, np.dtype[np.float32]] | None" = field(
        default=None, compare=False, repr=False
    )
    """float32 `(384,)`, of length 1, of `text_to_embed`, where an encoder is installed."""
    words: "np.ndarray[Any, np.dtype[np.float32]] | None" = field(
        default=None, compare=False, repr=False
    )
    """Its hashed words, float32 `(256,)`, of length 1, where there is no embedding."""

    @property
    def prompt_tokens(self) -> int:
        """Estimated number of tokens to read."""
        return (self.all_bytes or self.prompt_bytes) // _BYTES_PER_TOKEN + 1

    @property
    def most_prompt_tokens(self) -> int:
        """Number of tokens to read, carefully estimated: for those who must not pay more."""
        text_tokens = (self.all_bytes or self.prompt_bytes) // _LEAST_BYTES_PER_TOKEN
        return text_tokens + _FRAME_TOKENS + self.images * _MOST_IMAGE_TOKENS


def analyse(request: Request) -> TaskFeatures:
    """Return what planning needs to know of a request; any text will do, nothing is raised."""
    match request:
        case Chat():
            return _of_chat(request)
        case Complete():
            return _of_completion(request)
        case Step() | Score():
            prefix = analyse(request.prefix)
            return replace(
                prefix,
                operation=operation_of(request),
                needs_chat=isinstance(request.prefix, Chat),
                needs_logprobs=False,
                needs_schema=False,
            )
        case Embed() | Encode():
            return TaskFeatures(
                operation=operation_of(request),
                kind=TaskKind.certain(OTHER),
                prompt_bytes=max(map(_size_bytes, request.inputs)),
                all_bytes=sum(map(_size_bytes, request.inputs)),
            )
        case Infer():
            return TaskFeatures(
                operation=operation_of(request),
                kind=TaskKind.certain(OTHER),
                tensors=tuple(tensor.spec for tensor in request.inputs),
                outputs=request.outputs,
            )


def text_to_embed(request: Request) -> str | None:
    """Return the text whose embedding tells what a request is about, if it has one.

    Tools follow the prompt as they do in the recorded answers that routers are fitted on.
    """
    match request:
        case Chat():
            functions = [tool.get("function", tool) for tool in request.tools]
            told = msgspec.json.encode(functions).decode() if functions else ""
            return f"{request.prompt}\n\n[functions] {told}" if told else request.prompt
        case Complete():
            return request.prompt
        case Step() | Score():
            return text_to_embed(request.prefix)
        case Embed() | Encode() | Infer():
            return None


def _of_chat(request: Chat) -> TaskFeatures:
    tools_bytes = len(msgspec.json.encode(request.tools)) if request.tools else 0
    begun = request.partial.text + request.partial.reasoning
    return TaskFeatures(
        operation=operation_of(request),
        kind=classify(request.prompt),
        prompt_bytes=sum(_size_bytes(message.text) for message in request.messages)
        + _size_bytes(begun)
        + tools_bytes,
        images=sum(_images(message.content) for message in request.messages),
        max_tokens=request.sampling.max_tokens,
        needs_vision=request.has_image,
        needs_tools=request.has_tools,
        needs_logprobs=request.sampling.top_logprobs is not None,
        needs_schema=not request.is_plain_text,
        needs_continuation=bool(request.partial),
    )


def _of_completion(request: Complete) -> TaskFeatures:
    begun = request.partial.text + request.partial.reasoning
    return TaskFeatures(
        operation=operation_of(request),
        kind=classify(request.prompt),
        prompt_bytes=_size_bytes(request.prompt) + _size_bytes(begun),
        max_tokens=request.sampling.max_tokens,
        needs_logprobs=request.sampling.top_logprobs is not None,
        needs_continuation=bool(request.partial),
    )


def _images(content: Content) -> int:
    return 0 if isinstance(content, str) else sum(isinstance(p, ImagePart) for p in content)


def _size_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))
