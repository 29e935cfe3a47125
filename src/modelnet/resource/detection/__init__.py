"""Finding the engines that already run on this machine: Ollama, llama.cpp, vLLM and others."""

from modelnet.resource.detection.lookout import DEFAULT_PORTS, Lookout, detect_engines
from modelnet.resource.detection.recognition import OTHER, DetectedEngine

__all__ = ["DEFAULT_PORTS", "OTHER", "DetectedEngine", "Lookout", "detect_engines"]
