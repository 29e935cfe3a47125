"""What the demo measured, and which of its promises were kept. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from modelnet.service.skill import Question, is_correct

LEAST_ACCURACY = 0.93
LEAST_LEAD = 0.15
LONGEST_JOIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what came back."""

    question: Question
    text: str
    latency_s: float
    tokens: int
    """Prompt and answer."""
    models: tuple[str, ...]
    """Who answered, in order."""

    @property
    def is_right(self) -> bool:
        """Whether the answer is right."""
        return is_correct(self.question, self.text)


class Side(msgspec.Struct, frozen=True):
    """How one way of answering did."""

    accuracy: float
    p50_ms: float
    cost: float
    """Million parameter-tokens a question: weights of the model times tokens it read and wrote."""


class KilledMidAnswer(msgspec.Struct, frozen=True):
    """What became of the answer whose node was killed."""

    completed: bool
    """The text is what it is without the kill, and right."""
    gap_ms: float
    """From the kill to the next piece of the answer."""


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `modelnet demo --json` prints."""

    nodes: int
    discovery_s: float
    """From the last node's being ready until every node lists every other."""
    questions: int
    generalist: Side
    network: Side
    killed_mid_answer: KilledMidAnswer
    joined_used_s: float
    """From the newcomer's being ready until an answer of it arrived."""


def summary(asked: Sequence[Asked], parameters: Mapping[str, int]) -> Side:
    """Return how one way of answering did; `parameters` are those of the models, by name."""
    return Side(
        accuracy=round(statistics.fmean(one.is_right for one in asked), 4),
        p50_ms=round(percentile_ms(asked, 0.5), 2),
        cost=round(statistics.fmean(_cost(one, parameters) for one in asked), 3),
    )


def percentile_ms(asked: Sequence[Asked], fraction: float) -> float:
    """Return the latency in milliseconds that this fraction of answers did not exceed."""
    latencies = sorted(one.latency_s for one in asked)
    return latencies[max(0, math.ceil(fraction * len(latencies)) - 1)] * 1000.0


def accuracy_by_skill(asked: Sequence[Asked]) -> dict[str, float]:
    """Return the share of right answers of every skill that was asked for."""
    skills = sorted({one.question.skill for one in asked})
    return {
        skill: statistics.fmean(one.is_right for one in asked if one.question.skill == skill)
        for skill in skills
    }


def broken_promises(result: DemoResult) -> tuple[str, ...]:
    """Return a sentence for every promise that was not kept."""
    alone, together = result.generalist, result.network
    promises = (
        (together.accuracy >= LEAST_ACCURACY, f"the network must be right {LEAST_ACCURACY:.0%}"),
        (
            together.accuracy - alone.accuracy >= LEAST_LEAD,
            f"it must lead the generalist by {LEAST_LEAD * 100:.0f} points",
        ),
        (together.p50_ms < alone.p50_ms, "its median answer must be quicker"),
        (together.cost < alone.cost, "its answers must cost less"),
        (result.killed_mid_answer.completed, "the answer of the killed node must be whole"),
        (
            result.joined_used_s <= LONGEST_JOIN_S,
            f"a newcomer must be of use within {LONGEST_JOIN_S:.0f} s",
        ),
    )
    return tuple(sentence for is_kept, sentence in promises if not is_kept)


def _cost(one: Asked, parameters: Mapping[str, int]) -> float:
    weights = sum(parameters.get(model, 0) for model in one.models)
    return weights * one.tokens / 1e6
