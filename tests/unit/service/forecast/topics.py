"""Questions of two topics, and models each of which knows one."""

import numpy as np

from modelnet.core.card import ModelCard
from modelnet.core.identity import NodeId
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.forecast.fit import Known, View
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.neighbourhood import SIZE, Verdict, packed
from modelnet.service.standing import Estimate

NOW = 1_000_000.0
_CENTRES = np.eye(2, SIZE)


def question(rng: np.random.Generator, topic: int) -> np.ndarray:
    """A question of a topic: at a cosine of about .7 to others of it."""
    row = _CENTRES[topic] + rng.standard_normal(SIZE) * 0.6 / np.sqrt(SIZE)
    return (row / np.linalg.norm(row)).astype(np.float32)


def known(
    embedding: np.ndarray,
    model: str,
    right: float,
    *,
    believed: float | None = 0.5,
    node: str = "node",
    at: float = NOW,
) -> Known:
    """A verdict on one answer."""
    key = (NodeId(node), model)
    view = None if believed is None else View(believed, believed)
    return Known(Verdict(key, packed(embedding), right, 1.0, at), view)


def lessons(
    rng: np.random.Generator, count: int, *, swapped: bool = False, believed: float | None = 0.5
) -> list[Known]:
    """Verdicts in turn on models `0` and `1`, each right in nine of ten on its own topic."""
    told: list[Known] = []
    for _ in range(count):
        topic, model = int(rng.integers(2)), int(rng.integers(2))
        p_right = 0.9 if (topic == model) != swapped else 0.1
        right = float(rng.random() < p_right)
        told.append(known(question(rng, topic), str(model), right, believed=believed))
    return told


def asked(embedding: np.ndarray | None) -> TaskFeatures:
    return TaskFeatures(kind=TaskKind.certain(OTHER), embedding=embedding)


def offer(model: str, node: str = "node") -> Offer:
    card = ModelCard(name=model, operations=("chat",), engine="test")
    return Offer(node=NodeId(node), card=card)


def believed(*means: float) -> list[Estimate]:
    return [Estimate(mean, 0.1, 8.0) for mean in means]
