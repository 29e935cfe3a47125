"""Any server that speaks OpenAI's API as a model."""

from modelnet.resource.backend.openai.model import OpenAIModel, openai_endpoint

__all__ = ["OpenAIModel", "openai_endpoint"]
