"""Stand-ins for servers that cannot be had here: their published API in front of llama.cpp.

They answer field by field as the documentation of Ollama and of Anthropic's Messages says, with a
real model behind. They are not those servers, and say so in every answer (`STAND_IN`).
"""
