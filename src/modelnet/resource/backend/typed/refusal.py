"""Refusing the tensors that a model does not take, before the engine sees them."""

from collections import Counter

from modelnet.core.card import ModelCard
from modelnet.core.error import InvalidRequestError
from modelnet.core.request import Infer
from modelnet.core.tensor import TensorSpec


def refuse_tensors(card: ModelCard, request: Infer) -> None:
    """Let a request pass whose tensors are those on the card, each with the data it should have.

    Raises:
        InvalidRequestError: one is unknown, missing, twice there, of another type or shape, or not
            what it says; or an output is wanted that the model does not give.
    """
    given = Counter(tensor.name for tensor in request.inputs)
    taken = {spec.name: spec for spec in card.inputs}
    for name, times in given.items():
        if name not in taken:
            raise _refused(card, f"takes no {name!r}", card.inputs)
        if times > 1:
            raise _refused(card, f"takes one {name!r}, and was given {times}", card.inputs)
    if missing := [name for name in taken if name not in given]:
        raise _refused(card, f"needs {missing[0]!r} as well", card.inputs)
    for tensor in request.inputs:
        if not taken[tensor.name].takes(tensor.spec):
            raise _refused(card, f"does not take {described(tensor.spec)}", card.inputs)
        tensor.check()
    known = {spec.name for spec in card.outputs}
    if unknown := [name for name in request.outputs if name not in known]:
        raise _refused(card, f"gives no {unknown[0]!r}", card.outputs, "gives")


def wanted_outputs(card: ModelCard, request: Infer) -> tuple[TensorSpec, ...]:
    """Return the outputs a checked request wants, in its order; all if it names none."""
    known = {spec.name: spec for spec in card.outputs}
    return tuple(known[name] for name in dict.fromkeys(request.outputs)) or card.outputs


def described(spec: TensorSpec) -> str:
    """Return a spec as people write it: `x FP32[-1, 4]`."""
    return f"{spec.name} {spec.datatype}{list(spec.shape)}"


def _refused(
    card: ModelCard, what: str, specs: tuple[TensorSpec, ...], verb: str = "takes"
) -> InvalidRequestError:
    told = ", ".join(map(described, specs))
    return InvalidRequestError(f"The model {card.name} {what}; it {verb} {told}.", param="inputs")
