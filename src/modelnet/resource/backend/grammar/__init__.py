"""Grammars that hold a model to a JSON Schema: ours, as text that llama.cpp takes."""

from modelnet.resource.backend.grammar.schema import grammar_of
from modelnet.resource.backend.grammar.tool import refuse_heavy_schema, refuse_heavy_tools

__all__ = ["grammar_of", "refuse_heavy_schema", "refuse_heavy_tools"]
