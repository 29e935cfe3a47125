"""Any GGUF file as a model: llama.cpp in this process."""

from modelnet.resource.backend.embedded.card import Claims
from modelnet.resource.backend.embedded.model import EmbeddedModel

__all__ = ["Claims", "EmbeddedModel"]
