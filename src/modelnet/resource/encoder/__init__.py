"""The sentence encoder of the router: what a text is about, as 384 numbers. Optional."""

from modelnet.resource.encoder.encoder import EMBEDDING_SIZE, MAX_TOKENS, Encoder
from modelnet.resource.encoder.minilm import load_encoder
from modelnet.resource.encoder.shared import SharedEncoder

__all__ = ["EMBEDDING_SIZE", "MAX_TOKENS", "Encoder", "SharedEncoder", "load_encoder"]
