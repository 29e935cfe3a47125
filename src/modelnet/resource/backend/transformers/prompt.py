"""From a request to the text its model reads."""

from typing import Any, Literal, NamedTuple

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.error import UnsupportedError
from modelnet.core.request import Chat, Message, Prefix
from modelnet.resource.backend.reasoning import Phase, continued, phase_after
from modelnet.resource.backend.transformers.engine import Engine

_ROLES: dict[str, Literal["system"]] = {"developer": "system"}
"""Templates of open models were written before OpenAI gave the system role a second name."""


class Prompt(NamedTuple):
    """What a model goes on after, and where in its answer it then is."""

    tokens: list[int]
    phase: Phase


def read_prompt(engine: Engine, prefix: Prefix) -> Prompt:
    """Return the tokens of a prefix, its begun answer included.

    The answer so far is tokenised with what it follows, as if the model had read it all at once.

    Raises:
        InvalidRequestError: the template refuses the conversation, or there is nothing to read.
        ContextTooLongError: there is no room for even one more token.
    """
    begun = prefix.partial
    if not isinstance(prefix, Chat):
        return Prompt(
            engine.tokenizer.read_prompt(prefix.prompt + begun.text, is_whole=True), "speaking"
        )
    prompt = engine.tokenizer.render([told(message) for message in prefix.messages], prefix.tools)
    phase = phase_after(prompt, begun.text, begun.reasoning)
    text = prompt + continued(prompt, begun.text, begun.reasoning)
    return Prompt(engine.tokenizer.read_prompt(text), phase)


def told(message: Message) -> dict[str, Any]:
    """Return a message as chat templates know it."""
    fields: dict[str, Any] = {
        "role": _ROLES.get(message.role, message.role),
        "content": message.text,
    }
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "type": "function",
                "id": call.id,
                "function": {
                    "name": call.name,
                    "arguments": msgspec.json.decode(call.arguments or "{}"),
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    return fields


def refuse_forced_call(card: ModelCard, prefix: Prefix) -> None:
    """Let a prefix pass that leaves it to the model whether to call a tool.

    Raises:
        UnsupportedError: a call is required; nothing here holds a model to one.
    """
    if isinstance(prefix, Chat) and prefix.tools and prefix.tool_choice != "auto":
        raise UnsupportedError(
            f"The model {card.name} cannot be made to call a tool; leave tool_choice at auto."
        )
