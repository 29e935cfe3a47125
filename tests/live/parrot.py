"""A Llama that says one thing, token by token, whatever it is asked: for tests that need torch."""

from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np
from tokenizers import pre_tokenizers

from recipes.checkpoint.checkpoint import Checkpoint, Shape, Vocabulary, Weights
from recipes.checkpoint.folder import write_folder

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}{{ '\\n' }}"
LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
END = "<end>"
CONTEXT_LENGTH = 256
SURE = 30.0
"""The logit of the token that comes next; all others have 0."""


def write_parrot(folder: Path, *said: str, template: str = TEMPLATE) -> Path:
    """Write a folder whose model says these tokens after a newline, and return the folder.

    A single letter of GPT-2's notation is a byte; anything else is one token as it is written.
    No token may come twice.
    """
    pieces = [piece for piece in said if piece not in LETTERS]
    tokens = [*LETTERS, *pieces, END]
    kinds = [gguf.TokenType.NORMAL] * len(LETTERS)
    kinds += [gguf.TokenType.USER_DEFINED] * len(pieces) + [gguf.TokenType.CONTROL]
    end = len(tokens) - 1
    vocabulary = Vocabulary(tokens, kinds, [], "gpt-2", end, template)
    chain = [tokens.index(token) for token in ("Ċ", *said, END)]
    # Attention heads want an even width.
    width = len(tokens) + len(tokens) % 2
    shape = Shape(width, 1, 2, 1, 1, CONTEXT_LENGTH, 1e-5, 10_000.0)
    return write_folder(Checkpoint(shape, vocabulary, weights(width, len(tokens), chain)), folder)


def weights(width: int, size: int, chain: list[int]) -> Weights:
    """Return weights that let every token lead to the one behind it in the chain."""
    head = np.zeros((size, width), np.float32)
    for before, after in pairwise(chain):
        # The norm makes the one feature of a token the root of all features.
        head[after, before] = SURE / np.sqrt(width)
    at = "model.layers.0."
    block = {f"{at}self_attn.{name}_proj.weight": (width, width) for name in "qkvo"}
    block |= {f"{at}mlp.{name}_proj.weight": (2, width) for name in ("gate", "up")}
    block |= {f"{at}mlp.down_proj.weight": (width, 2)}
    norms = ("model.norm", f"{at}input_layernorm", f"{at}post_attention_layernorm")
    return {
        "model.embed_tokens.weight": np.eye(size, width, dtype=np.float32),
        "lm_head.weight": head,
        **{name: np.zeros(size_, np.float32) for name, size_ in block.items()},
        **{f"{name}.weight": np.ones(width, np.float32) for name in norms},
    }
