"""Grammars that hold a model to a JSON Schema: ours, as text that llama.cpp takes."""

from modelnet.resource.backend.grammar.schema import grammar_of

__all__ = ["grammar_of"]
