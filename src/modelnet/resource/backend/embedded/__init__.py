"""Any GGUF file as a model: llama.cpp in this process."""

from modelnet.resource.backend.embedded.model import Claims, EmbeddedModel

__all__ = ["Claims", "EmbeddedModel"]
