"""Any server that speaks OpenAI's API as a model."""

from modelnet.resource.backend.openai.endpoint import openai_endpoint
from modelnet.resource.backend.openai.model import OpenAIModel

__all__ = ["OpenAIModel", "openai_endpoint"]
