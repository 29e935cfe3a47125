"""The internet of AI models: nodes that find each other, are measured, and answer together.

    async with modelnet.Node(models=["zoo:calc"]) as node:
        async for chunk in node.ask("What is 123 plus 456?"):
            print(chunk.text, end="")

Importing the package loads nothing; each name is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelnet.application.node import Node
    from modelnet.application.settings import Settings, load_settings
    from modelnet.core.card import ModelCard
    from modelnet.core.chunk import Chunk
    from modelnet.core.error import ModelnetError
    from modelnet.core.request import Chat, Complete, Embed, Encode, Infer, Message, Sampling
    from modelnet.core.tensor import Tensor, TensorSpec
    from modelnet.core.wish import Weights, Wish
    from modelnet.resource.backend.function import model
    from modelnet.resource.backend.typed.array import array_of, tensor_from
    from modelnet.resource.backend.typed.model import typed_model

__all__ = [
    "Chat",
    "Chunk",
    "Complete",
    "Embed",
    "Encode",
    "Infer",
    "Message",
    "ModelCard",
    "ModelnetError",
    "Node",
    "Sampling",
    "Settings",
    "Tensor",
    "TensorSpec",
    "Weights",
    "Wish",
    "array_of",
    "load_settings",
    "model",
    "tensor_from",
    "typed_model",
]

_HOME = {
    "Chat": "modelnet.core.request",
    "Chunk": "modelnet.core.chunk",
    "Complete": "modelnet.core.request",
    "Embed": "modelnet.core.request",
    "Encode": "modelnet.core.request",
    "Infer": "modelnet.core.request",
    "Message": "modelnet.core.request",
    "ModelCard": "modelnet.core.card",
    "ModelnetError": "modelnet.core.error",
    "Node": "modelnet.application.node",
    "Sampling": "modelnet.core.request",
    "Settings": "modelnet.application.settings",
    "Tensor": "modelnet.core.tensor",
    "TensorSpec": "modelnet.core.tensor",
    "Weights": "modelnet.core.wish",
    "Wish": "modelnet.core.wish",
    "array_of": "modelnet.resource.backend.typed.array",
    "load_settings": "modelnet.application.settings",
    "model": "modelnet.resource.backend.function",
    "tensor_from": "modelnet.resource.backend.typed.array",
    "typed_model": "modelnet.resource.backend.typed.model",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its room on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'modelnet' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
