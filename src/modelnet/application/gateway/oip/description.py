"""Servers and models as the Open Inference Protocol and Triton describe them. Pure."""

from collections.abc import Sequence
from typing import Any

from modelnet.core.card import ModelCard
from modelnet.core.tensor import TensorSpec
from modelnet.resource.oip.body import BINARY

_CONFIGURATION = "model_configuration"
_TYPE_STRING = "TYPE_STRING"


def server(version: str) -> dict[str, Any]:
    """Return what `GET /v2` says."""
    return {"name": "modelnet", "version": version, "extensions": [BINARY, _CONFIGURATION]}


def metadata(name: str, cards: Sequence[ModelCard]) -> dict[str, Any]:
    """Return what a model takes and gives, by the first of its cards; `versions` of them all."""
    card = cards[0]
    return {
        "name": name,
        "versions": sorted({one.version for one in cards}),
        "platform": card.engine,
        "inputs": [_tensor(spec) for spec in card.inputs],
        "outputs": [_tensor(spec) for spec in card.outputs],
    }


def configuration(name: str, cards: Sequence[ModelCard]) -> dict[str, Any]:
    """Return a model as Triton's configuration has it; shapes are whole, batches included."""
    card = cards[0]
    return {
        "name": name,
        "platform": card.engine,
        "backend": "modelnet",
        "max_batch_size": 0,
        "input": [_field(spec) for spec in card.inputs],
        "output": [_field(spec) for spec in card.outputs],
        "instance_group": [{"name": name, "count": sum(one.parallel for one in cards)}],
    }


def index(cards: Sequence[ModelCard]) -> list[dict[str, str]]:
    """Return the list of models as Triton's repository has it."""
    known = sorted({(card.name, card.version) for card in cards})
    return [
        {"name": name, "version": version, "state": "READY", "reason": ""}
        for name, version in known
    ]


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _field(spec: TensorSpec) -> dict[str, Any]:
    data_type = _TYPE_STRING if spec.datatype == "BYTES" else f"TYPE_{spec.datatype}"
    return {"name": spec.name, "data_type": data_type, "dims": list(spec.shape)}
