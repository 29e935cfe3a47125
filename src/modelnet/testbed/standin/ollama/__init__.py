"""A stand-in for an Ollama server, in front of llama.cpp."""

from modelnet.testbed.standin.ollama.served import Served
from modelnet.testbed.standin.ollama.server import OllamaStandIn

__all__ = ["OllamaStandIn", "Served"]
