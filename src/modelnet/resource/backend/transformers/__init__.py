"""Hugging Face transformers in this process: any local folder of a decoder, encoder or embedder."""

from modelnet.resource.backend.transformers.model import TransformersModel

__all__ = ["TransformersModel"]
