"""Named tensors in, named tensors out: what functions, scikit-learn and ONNX share."""

from modelnet.resource.backend.typed.model import TypedModel, typed_model

__all__ = ["TypedModel", "typed_model"]
