"""What a card claims, as abilities that can be tried one by one."""

from typing import Literal, TypeAlias, get_args

from modelnet.core.card import ModelCard

Ability: TypeAlias = Literal[
    "chat", "complete", "step", "score", "embed", "encode", "infer",
    "tools", "schema", "images", "logprobs", "continuation", "concurrency", "context",
]  # fmt: skip
"""The operations, then what a model can do within them.

`concurrency` is to answer several requests at once, `context` to refuse what is too long for it
rather than read a part of it.
"""

ABILITIES: tuple[Ability, ...] = get_args(Ability)

_SPEAKING = frozenset({"chat", "complete"})


def claims(card: ModelCard) -> tuple[Ability, ...]:
    """Return what a card claims, operations first."""
    speaks = not _SPEAKING.isdisjoint(card.operations)
    chats = "chat" in card.operations
    claimed: dict[Ability, bool] = {
        "tools": chats and card.has_tools,
        "schema": chats and card.has_schema,
        "images": chats and card.has_vision,
        "logprobs": speaks and card.has_logprobs,
        "continuation": speaks and card.can_continue,
        "concurrency": card.parallel > 1,
        "context": speaks and card.context_length is not None,
    }
    return tuple(
        ability
        for ability in ABILITIES
        if claimed.get(ability, False) or ability in card.operations
    )
