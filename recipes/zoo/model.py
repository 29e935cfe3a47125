"""A small Llama: RMSNorm, rotary positions, SwiGLU, tied embeddings.

Positions rotate the first half of a head's features with the second, which is quick to train;
llama.cpp rotates neighbours, so the export reorders those rows.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROPE_BASE = 10_000.0
NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that define a model."""

    vocab_size: int
    d_model: int
    n_layers: int
    n_heads: int

    @property
    def d_hidden(self) -> int:
        """Width of the feed-forward layer."""
        return 3 * self.d_model


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d = shape.d_model
        self.n_heads = shape.n_heads
        self.q = nn.Linear(d, d, bias=False)
        self.k = nn.Linear(d, d, bias=False)
        self.v = nn.Linear(d, d, bias=False)
        self.out = nn.Linear(d, d, bias=False)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Mix each position with the ones before it: (batch, seq, d_model) to the same."""
        batch, seq, d = x.shape
        heads = (batch, seq, self.n_heads, d // self.n_heads)
        q = rotate(self.q(x), rotation, self.n_heads).view(heads).transpose(1, 2)
        k = rotate(self.k(x), rotation, self.n_heads).view(heads).transpose(1, 2)
        v = self.v(x).view(heads).transpose(1, 2)  # each (batch, head, seq, d_head)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, seq, d))


class FeedForward(nn.Module):
    """SwiGLU: one half gates the other."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate = nn.Linear(shape.d_model, shape.d_hidden, bias=False)
        self.up = nn.Linear(shape.d_model, shape.d_hidden, bias=False)
        self.down = nn.Linear(shape.d_hidden, shape.d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each position alone: (batch, seq, d_model) to the same."""
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """Attention, then feed-forward, each on a normalised copy added back to the stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.d_model, eps=NORM_EPSILON)
        self.attention = Attention(shape)
        self.feed_forward_norm = nn.RMSNorm(shape.d_model, eps=NORM_EPSILON)
        self.feed_forward = FeedForward(shape)

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Apply one layer: (batch, seq, d_model) to the same."""
        x = x + self.attention(self.attention_norm(x), rotation)
        return x + self.feed_forward(self.feed_forward_norm(x))


class Llama(nn.Module):
    """The whole model; `forward` gives the final hidden states, `logits` reads tokens off them."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab_size, shape.d_model)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.n_layers))
        self.norm = nn.RMSNorm(shape.d_model, eps=NORM_EPSILON)
        self._initialise()

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=1 / math.sqrt(parameter.shape[1]))
            if name.endswith(("out.weight", "down.weight")):
                parameter.data.div_(math.sqrt(2 * self.shape.n_layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """Read tokens (batch, seq) int64 into hidden states (batch, seq, d_model)."""
        x = self.embedding(tokens)
        rotation = rotary_table(tokens.shape[1], self.shape)
        for block in self.blocks:
            x = block(x, rotation)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """Score every token: (..., d_model) to (..., vocab)."""
        return F.linear(hidden, self.embedding.weight)


def rotary_table(seq: int, shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines of each position's angles, each (seq, d_model)."""
    d_head = shape.d_model // shape.n_heads
    frequency = ROPE_BASE ** (-torch.arange(0, d_head, 2) / d_head)
    angle = torch.outer(torch.arange(seq), frequency)
    cos, sin = angle.cos(), angle.sin()
    wide = (1, shape.n_heads)
    return torch.cat((cos, cos), 1).repeat(wide), torch.cat((-sin, sin), 1).repeat(wide)


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor], n_heads: int) -> Tensor:
    """Turn feature i of a head with feature i + d_head / 2: (batch, seq, d_model) to the same."""
    cos, sin = rotation
    halves = x.unflatten(-1, (n_heads, 2, -1))  # (batch, seq, head, 2, d_head / 2)
    return x * cos + halves.flip(-2).flatten(-3) * sin


def parameter_count(model: nn.Module) -> int:
    """Count the trained numbers of a model."""
    return sum(parameter.numel() for parameter in model.parameters())
