"""Models of an Ollama server, through its native API."""

from modelnet.resource.backend.ollama.model import OllamaModel, ollama_endpoint

__all__ = ["OllamaModel", "ollama_endpoint"]
