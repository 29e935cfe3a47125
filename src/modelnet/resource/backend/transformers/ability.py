"""Finding out what a loaded model can do, by letting it do it once."""

from modelnet.core.card import ModelCard
from modelnet.core.error import InvalidRequestError, ModelFileError
from modelnet.core.request import Operation
from modelnet.resource.backend.transformers.call import OPEN
from modelnet.resource.backend.transformers.engine import Engine
from modelnet.resource.backend.transformers.folder import Folder

_HELLO = {"role": "user", "content": "Hello"}
_TOOL = {
    "type": "function",
    "function": {
        "name": "look_at_the_moon",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {"where": {"type": "string"}}},
    },
}
_CALL = {
    "type": "function",
    "id": "call_0",
    "function": {"name": "look_at_the_moon", "arguments": {"where": "up"}},
}
_TOLERANCE = 0.05
"""Of logits, where a text is read at once and in two parts; half precision differs by so much."""


def card_of(engine: Engine, folder: Folder, name: str, parallel: int) -> ModelCard:
    """Return the card of a model, every line of it tried.

    Raises:
        ModelFileError: the model computes no numbers.
    """
    embedder = folder.embedder
    return ModelCard(
        name=name,
        operations=_operations(engine, folder),
        engine="transformers",
        parameters=folder.parameters,
        context_length=engine.tokenizer.context_length,
        parallel=parallel,
        has_logprobs=folder.is_decoder,
        has_tools=folder.is_decoder and calls_tools(engine),
        embedding_size=engine.hidden_size if embedder else None,
        hidden_size=engine.hidden_size,
        layers=engine.layers,
    )


def _operations(engine: Engine, folder: Folder) -> tuple[Operation, ...]:
    _check_states(engine)
    if not folder.is_decoder:
        return ("embed", "encode") if folder.embedder else ("encode",)
    _check_cache(engine)
    chat: tuple[Operation, ...] = ("chat",) if chats(engine) else ()
    return (*chat, "complete", "step", "score", "encode")


def chats(engine: Engine) -> bool:
    """Whether the folder has a chat template, and it says what was said."""
    if not engine.tokenizer.has_template:
        return False
    try:
        return _HELLO["content"] in engine.tokenizer.render([_HELLO], ())
    except InvalidRequestError:
        return False


def calls_tools(engine: Engine) -> bool:
    """Whether the template tells the model of tools, and to call them in the way we can read."""
    if not engine.tokenizer.has_template:
        return False
    name = "look_at_the_moon"
    try:
        offered = engine.tokenizer.render([_HELLO], (_TOOL,))
        answer = {"role": "assistant", "content": "", "tool_calls": [_CALL]}
        called = engine.tokenizer.render([_HELLO, answer, _HELLO], ())
    except InvalidRequestError:
        return False
    return name in offered and OPEN in called and name in called.partition(OPEN)[2]


def _check_states(engine: Engine) -> None:
    import numpy as np

    states = engine.hidden_states(engine.tokenizer.read_input(_HELLO["content"]), -1)
    if states.shape[1] != engine.hidden_size or not np.isfinite(states).all():
        raise ModelFileError("The weights of the model give no numbers; download it again.")


def _check_cache(engine: Engine) -> None:
    """Refuse a model that forgets what it read: it would answer another question."""
    import numpy as np

    tokens = (engine.tokenizer.read_prompt(_HELLO["content"]) * 2)[:8]
    with engine.open() as whole, engine.open() as parts:
        at_once = whole.read(tokens)[0]
        parts.read(tokens[:1])
        in_parts = parts.read(tokens[1:])[0]
    if not np.allclose(at_once, in_parts, atol=_TOLERANCE * max(1.0, float(np.ptp(at_once)))):
        raise ModelFileError("The model forgets what it read before; modelnet cannot serve it.")
