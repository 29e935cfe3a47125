"""A stand-in for Anthropic's Messages API, in front of llama.cpp."""

from modelnet.testbed.standin.anthropic.served import Served
from modelnet.testbed.standin.anthropic.server import AnthropicStandIn

__all__ = ["AnthropicStandIn", "Served"]
