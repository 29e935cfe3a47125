"""What can keep a model from answering a task, and what to tell the asker when nothing can."""

from collections.abc import Sequence

from modelnet.core.card import ModelCard
from modelnet.core.error import (
    ContextTooLongError,
    ModelnetError,
    NoModelError,
    UnsupportedError,
)
from modelnet.core.tensor import TensorSpec
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures

_MOST_BYTES_PER_TOKEN = 6
"""Beyond this a prompt surely has more tokens than its bytes divided by it."""


def obstacle(card: ModelCard, features: TaskFeatures) -> ModelnetError | None:
    """Return why a model can never answer the task, or `None` when it can be asked."""
    missing = _missing(card, features)
    if missing:
        return UnsupportedError(f"'{card.name}' {missing}: choose another model, or 'auto'.")
    if card.context_length is not None:
        least_tokens = features.prompt_bytes // _MOST_BYTES_PER_TOKEN
        if least_tokens >= card.context_length:
            return ContextTooLongError(
                f"The prompt has at least {least_tokens} tokens and '{card.name}' holds "
                f"{card.context_length}: shorten it, or choose a model with a longer context."
            )
    return None


def _missing(card: ModelCard, features: TaskFeatures) -> str:
    if features.operation not in card.operations:
        return f"cannot do '{features.operation}'"
    if features.needs_chat and "chat" not in card.operations:
        return "cannot do 'chat'"
    if features.tensors and not _takes(card, features.tensors):
        return f"takes other tensors ({_listed(card.inputs)})"
    if not set(features.outputs) <= {spec.name for spec in card.outputs}:
        return f"gives other tensors ({_listed(card.outputs)})"
    wanted = {
        "cannot read images": features.needs_vision and not card.has_vision,
        "cannot call tools": features.needs_tools and not card.has_tools,
        "does not report log-probabilities": features.needs_logprobs and not card.has_logprobs,
        "cannot hold an answer to a format": features.needs_schema and not card.has_schema,
        "cannot go on with an answer begun elsewhere": features.needs_continuation
        and not card.can_continue,
    }
    return next((lack for lack, is_lacking in wanted.items() if is_lacking), "")


def _takes(card: ModelCard, tensors: Sequence[TensorSpec]) -> bool:
    wanted = {spec.name: spec for spec in card.inputs}
    return wanted.keys() == {given.name for given in tensors} and all(
        wanted[given.name].takes(given) for given in tensors
    )


def _listed(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(f"{spec.name}: {spec.datatype}{list(spec.shape)}" for spec in specs) or "none"


def surely_fits(card: ModelCard, features: TaskFeatures) -> bool:
    """Tell whether the prompt fits even if every byte were a token."""
    return card.context_length is None or features.prompt_bytes < card.context_length


def refusal(features: TaskFeatures, candidates: Sequence[Offer]) -> ModelnetError:
    """Return the error to raise when none of the candidates can answer the task.

    A prompt that is too long is told before a missing ability: shortening is the nearer remedy.
    """
    obstacles = [error for c in candidates if (error := obstacle(c.card, features)) is not None]
    too_long = next((e for e in obstacles if isinstance(e, ContextTooLongError)), None)
    if too_long is not None:
        return too_long
    names = {candidate.card.name for candidate in candidates}
    if len(names) == 1 and obstacles:
        return obstacles[0]
    if obstacles:
        return UnsupportedError(
            f"None of {len(names)} reachable models can do what this request needs "
            f"({_needs(features)}): leave it out, or start a model that can."
        )
    return NoModelError("No model is reachable now: start one with 'modelnet up', or join a node.")


def _needs(features: TaskFeatures) -> str:
    needs = [f"'{features.operation}'"]
    needs += ["images"] if features.needs_vision else []
    needs += ["tools"] if features.needs_tools else []
    needs += ["log-probabilities"] if features.needs_logprobs else []
    needs += ["a given format"] if features.needs_schema else []
    needs += [f"tensors {_listed(features.tensors)}"] if features.tensors else []
    needs += ["continuation"] if features.needs_continuation else []
    return ", ".join(needs)
