"""The HTTP door: an OpenAI-compatible API, health, metrics, and what OpenAI has no word for."""
