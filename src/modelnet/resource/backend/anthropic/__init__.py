"""Claude, and whatever else speaks Anthropic's Messages API, as models."""

from modelnet.resource.backend.anthropic.model import AnthropicModel, anthropic_endpoint

__all__ = ["AnthropicModel", "anthropic_endpoint"]
