"""Any server that speaks OpenAI's API as a model."""

from modelnet.resource.backend.openai.endpoint import Endpoint, endpoint_from
from modelnet.resource.backend.openai.model import OpenAIModel

__all__ = ["Endpoint", "OpenAIModel", "endpoint_from"]
