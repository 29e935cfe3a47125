"""ONNX files as models: any graph, and encoders with their tokenizer."""

from modelnet.resource.backend.onnx.model import OnnxModel

__all__ = ["OnnxModel"]
