"""llama.cpp's own server as a model, and its language, which the embedded engine shares."""

from modelnet.resource.backend.llama.model import LlamaModel, llama_endpoint

__all__ = ["LlamaModel", "llama_endpoint"]
