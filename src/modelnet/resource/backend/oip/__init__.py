"""Models of Triton, KServe and other servers that speak the Open Inference Protocol."""

from modelnet.resource.backend.oip.model import OpenInferenceModel, oip_endpoint

__all__ = ["OpenInferenceModel", "oip_endpoint"]
