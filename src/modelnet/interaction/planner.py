"""Choosing how to answer tasks that ask for no strategy, and learning whether the choices paid."""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from modelnet.core.identity import RequestId
from modelnet.interaction.strategy.errand import Errand
from modelnet.interaction.strategy.strategy import Strategy
from modelnet.service.pathway.experience import Experience
from modelnet.service.pathway.plan import Plan, plan
from modelnet.service.pathway.prospect import Prospect, least_gain
from modelnet.service.routing import Scored
from modelnet.service.selection import SINGLE

_FORETOLD = 4096
"""Answers whose verdict is waited for, at most."""


class _Foretold(NamedTuple):
    strategy: str
    kind: str
    p_right: float


class Planner:
    """Asks every strategy what it promises, and believes it as far as it kept its promises."""

    def __init__(self, strategies: Mapping[str, Strategy]) -> None:
        """Choose among these; of `single` no promise is wanted."""
        self._strategies = strategies
        self._experience = Experience()
        self._foretold: OrderedDict[RequestId, _Foretold] = OrderedDict()

    def plan(
        self, errand: Errand, ranked: Sequence[Scored], now: float, *, is_told: bool = False
    ) -> Plan:
        """Return how to answer a task that leaves it open; `now` is Unix seconds.

        Where it `is_told` to a person, also what need not be thought through to choose is.
        """
        offered = [
            self._prospect(strategy, errand, ranked, now, is_told=is_told)
            for strategy in self._strategies.values()
        ]
        return plan(ranked, [prospect for prospect in offered if prospect is not None], now=now)

    def asked_for(
        self, strategy: str, errand: Errand, ranked: Sequence[Scored], now: float
    ) -> Plan:
        """Return the plan of one who knows how to be answered, and what is expected of it."""
        prospect = self._prospect(self._strategies[strategy], errand, ranked, now, is_told=True)
        return Plan(strategy, prospects=() if prospect is None else (prospect,))

    def expect(self, errand: Errand, prospect: Prospect | None) -> None:
        """Remember what was foretold of the answer that is begun, until a verdict comes."""
        if prospect is None or prospect.strategy == SINGLE or not errand.task.is_kept:
            return
        kind = errand.features.kind.most_likely
        self._foretold[errand.task.id] = _Foretold(prospect.strategy, kind, prospect.p_right)
        if len(self._foretold) > _FORETOLD:
            self._foretold.popitem(last=False)

    def learn(self, task: RequestId, verdict: float, now: float) -> None:
        """Hold a verdict against what was foretold, where something was."""
        if (foretold := self._foretold.pop(task, None)) is not None:
            self._experience.note(*foretold, verdict, now)

    def _prospect(
        self,
        strategy: Strategy,
        errand: Errand,
        ranked: Sequence[Scored],
        now: float,
        *,
        is_told: bool,
    ) -> Prospect | None:
        if not ranked or not strategy.needs(errand.features.operation):
            return None
        if strategy.name == SINGLE:
            return strategy.prospect(errand, ranked, now=now)
        bias = self._experience.bias(strategy.name, errand.features.kind.most_likely, now)
        least = -math.inf if is_told else least_gain(*bias)
        prospect = strategy.prospect(replace(errand, least_gain=least), ranked, now=now)
        return None if prospect is None else prospect.corrected(*bias)
