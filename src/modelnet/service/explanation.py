"""Why a model is asked: everybody who was considered, in numbers, and the choice in words. Pure."""

import math
from collections.abc import Sequence
from statistics import fmean

import msgspec

from modelnet.core.identity import NodeId
from modelnet.core.request import Operation
from modelnet.core.task import Contribution
from modelnet.core.wish import NO_WISH, Wish
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.candidate import obstacle
from modelnet.service.form import NO_FORM, Form, Part
from modelnet.service.limit import Excluded
from modelnet.service.pathway.plan import Plan
from modelnet.service.pathway.prospect import Prospect
from modelnet.service.preference import Preference
from modelnet.service.routing import Scored
from modelnet.service.selection import SINGLE, Choice

MOST_TOLD = 20
"""Models in each list; a large network has more than anyone reads."""

_LEAST_P = 0.01
_LEAST_WORTH = 0.0005


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What a witness saw of a model on questions like this one."""

    what: str
    """What was counted: `verdicts near this question`."""
    asked: float
    """How many, weighed by nearness and age."""
    right: float
    """How many of these say that it was right."""


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can do the task. Probabilities are 0 to 1, worths are in the same measure."""

    model: str
    node: NodeId
    node_name: str
    p_right: float
    """Probability of a right answer, over all kinds it may be of, and on questions like it."""
    deviation: float
    """Standard deviation of that estimate."""
    asked: float
    """Judged answers it rests on, weighed by source and age; 0 where there is only the claim."""
    seen: tuple[Sight, ...] = ()
    """What it did on questions like this one, the nearest view last."""
    expected_s: float | None
    """Expected time of the answer, the queue included; nothing where it was never measured."""
    p95_s: float | None = None
    """What 19 of 20 such answers take at most."""
    time_worth: float
    """What that time is worth to the asker; 0 where that is not known: the value assumes some."""
    cost_usd: float
    cost_worth: float
    """What that money is worth to the asker."""
    running: int
    waiting: int
    parallel: int
    failures: int
    """In a row."""
    rests_s: float
    """For how much longer it is asked only where nobody else can be."""
    value: float
    """The probability less both worths, the time blurred a little so that not all ask the same."""
    because: str


class Unable(msgspec.Struct, frozen=True, kw_only=True):
    """A model that cannot do the task, or is outside the limits, and why."""

    model: str
    node: NodeId
    node_name: str
    why: str


class Pathway(msgspec.Struct, frozen=True, kw_only=True):
    """A way to answer the task, and what is expected of it."""

    strategy: str
    p_right: float
    cost_usd: float
    expected_s: float
    gain: float
    """What it is worth more than the best single model, its price taken off."""
    least_gain: float | None
    """What that is at least, 19 times in 20; nothing where no gain is expected."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How a task was understood, and who was considered, best first."""

    strategy: str
    """The one asked for; of `auto` the one that was chosen."""
    pathways: tuple[Pathway, ...] = ()
    """What was expected of each, where there was a choice; the single model first."""
    plan: str = ""
    """Why this strategy, in words, where there was a choice."""
    name: str
    """The name that was asked for: the first that means anybody."""
    operation: Operation
    kind: str
    kinds: dict[str, float]
    """How probable each kind is, the improbable left out."""
    language: str | None = None
    """In English; nothing where it cannot be told."""
    parts: tuple[Part, ...] = ()
    """What the task is made of."""
    difficulty: float = 0.0
    """How probably a model is wrong, the mean over those considered, 0 to 1."""
    answer_tokens: float = 0.0
    """Expected of the first considered."""
    p_per_second: float
    """What a second is worth to the asker, in probability of a right answer."""
    p_per_dollar: float
    max_cost_usd: float | None = None
    max_latency_s: float | None = None
    min_quality: float | None = None
    considered: tuple[Considered, ...]
    others: int
    """How many more could have been asked."""
    unable: tuple[Unable, ...]
    excluded: tuple[Unable, ...] = ()
    """Who could, but not within the limits."""
    because: str
    """The choice, in words."""

    def ended(self, contributions: Sequence[Contribution]) -> "Explanation":
        """Return it with who really answered."""
        repeated = f"{self.plan}; "
        contributions = [
            msgspec.structs.replace(one, because=one.because.removeprefix(repeated))
            for one in contributions
        ]
        told = _chosen(self.considered, self.strategy, contributions)
        because = (_sentence(self.plan), told, *_later(contributions))
        return msgspec.structs.replace(self, because=" ".join(filter(None, because)))


def explanation_of(
    features: TaskFeatures,
    choice: Choice,
    ranked: Sequence[Scored],
    *,
    plan: Plan,
    now: float,
    form: Form = NO_FORM,
    limits: Wish = NO_WISH,
    excluded: Sequence[Excluded] = (),
) -> Explanation:
    """Return why the first in `ranked` stands there; `now` is Unix seconds."""
    considered = tuple(_considered(scored, choice.preference, now) for scored in ranked[:MOST_TOLD])
    return Explanation(
        strategy=plan.strategy,
        pathways=tuple(map(_pathway, plan.prospects)),
        plan=plan.because,
        name=choice.name,
        operation=features.operation,
        kind=features.kind.most_likely,
        kinds={kind: round(p, 4) for kind, p in features.kind.p.items() if p >= _LEAST_P},
        language=form.language,
        parts=form.parts,
        difficulty=1.0 - fmean(one.p_right for one in considered),
        answer_tokens=ranked[0].answer_tokens,
        p_per_second=choice.preference.p_per_second,
        p_per_dollar=choice.preference.p_per_dollar,
        max_cost_usd=limits.max_cost_usd,
        max_latency_s=limits.max_latency_s,
        min_quality=limits.min_quality,
        considered=considered,
        others=len(ranked) - len(considered),
        unable=_unable(choice.candidates, features),
        excluded=tuple(_told(one.scored.candidate, one.why) for one in excluded[:MOST_TOLD]),
        because=" ".join(
            filter(None, (_sentence(plan.because), _standing_first(considered, plan.strategy)))
        ),
    )


def _pathway(prospect: Prospect) -> Pathway:
    is_surely = math.isfinite(prospect.lower_bound)
    return Pathway(
        strategy=prospect.strategy,
        p_right=prospect.p_right,
        cost_usd=prospect.cost_usd,
        expected_s=prospect.latency_s,
        gain=prospect.gain,
        least_gain=prospect.lower_bound if is_surely else None,
    )


def _considered(scored: Scored, preference: Preference, now: float) -> Considered:
    offer = scored.candidate
    return Considered(
        model=offer.card.name,
        node=offer.node,
        node_name=offer.node_name,
        p_right=scored.quality.mean,
        deviation=scored.quality.deviation,
        asked=scored.quality.asked,
        seen=tuple(
            Sight(what=one.what, asked=one.tally.asked, right=one.tally.right)
            for one in scored.seen
        ),
        expected_s=scored.latency_s,
        p95_s=None if scored.latency is None else scored.latency.p95,
        time_worth=preference.p_per_second * (scored.latency_s or 0.0),
        cost_usd=scored.cost_usd,
        cost_worth=preference.p_per_dollar * scored.cost_usd,
        running=offer.load.running,
        waiting=offer.load.waiting,
        parallel=offer.load.parallel,
        failures=scored.breaker.failures,
        rests_s=max(0.0, scored.breaker.rests_until - now),
        value=scored.value,
        because=scored.because,
    )


def _unable(candidates: Sequence[Offer], features: TaskFeatures) -> tuple[Unable, ...]:
    told: list[Unable] = []
    for offer in candidates:
        error = obstacle(offer.card, features)
        if error is not None and len(told) < MOST_TOLD:
            told.append(_told(offer, error.message))
    return tuple(told)


def _told(offer: Offer, why: str) -> Unable:
    return Unable(model=offer.card.name, node=offer.node, node_name=offer.node_name, why=why)


def _sentence(said: str) -> str:
    return f"{said[0].upper()}{said[1:].rstrip('.')}." if said else ""


def _standing_first(considered: Sequence[Considered], strategy: str) -> str:
    first = considered[0]
    if len(considered) == 1:
        return f"{_name(first)} is the only one that can."
    stands = "is the first to ask" if strategy == SINGLE else "would be asked alone"
    return f"{_name(first)} {stands}{_margin(first, considered[1])}."


def _margin(first: Considered, second: Considered) -> str:
    """Say what puts one before the next."""
    if second.rests_s > 0.0 >= first.rests_s:
        return f": {_name(second)} failed and rests for {second.rests_s:.0f} s more"
    reasons = (
        (
            first.p_right - second.p_right,
            "for being right more often",
            "for being right less often",
        ),
        (second.time_worth - first.time_worth, "for being quicker", "for being slower"),
        (second.cost_worth - first.cost_worth, "for being cheaper", "for being dearer"),
    )
    told = [
        f"{worth:+.3f} {better if worth > 0 else worse}"
        for worth, better, worse in reasons
        if abs(worth) >= _LEAST_WORTH
    ]
    if second.expected_s is None and first.expected_s is not None:
        told.append("whose time was never measured")
    why = f" ({', '.join(told)})" if told else ""
    return f": worth {first.value - second.value:.3f} more than {_name(second)}{why}"


def _chosen(
    considered: Sequence[Considered], strategy: str, contributions: Sequence[Contribution]
) -> str:
    said = _standing_first(considered, strategy)
    if not contributions:
        return said
    asked, first = contributions[0], considered[0]
    if asked.recalled is not None:
        return f"{said} But nobody was asked: {asked.because}."
    if (asked.node, asked.model) == (first.node, first.model):
        return said
    here = next((c for c in considered if (c.node, c.model) == (asked.node, asked.model)), None)
    name = asked.model if here is None else _name(here)
    answered = "answered all the same" if strategy == SINGLE else "answered"
    return f"{said} {name} {answered}: {asked.because.rstrip('.')}."


def _later(contributions: Sequence[Contribution]) -> list[str]:
    return [f"{one.model} took over: {one.because.rstrip('.')}." for one in contributions[1:]]


def _name(one: Considered) -> str:
    return f"{one.model} of {one.node_name}" if one.node_name else one.model
