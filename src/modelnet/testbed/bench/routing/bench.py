"""`modelnet bench routing`: routers on recorded answers of real models, set by set."""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import numpy as np

from modelnet.application.cli.output import Column, console, write, write_json, write_table
from modelnet.core.error import InvalidRequestError
from modelnet.service.prediction.prior import Experience
from modelnet.testbed.bench.encoding import encode_ms, typical_prompts
from modelnet.testbed.bench.network import machine_note
from modelnet.testbed.bench.routing.baseline import oracle
from modelnet.testbed.bench.routing.data import SETS, domains_of, recorded
from modelnet.testbed.bench.routing.decision import decision_ms
from modelnet.testbed.bench.routing.drawing import drawn
from modelnet.testbed.bench.routing.embedding import installed_encoder
from modelnet.testbed.bench.routing.figure import (
    TITLES,
    BestSingle,
    RoutingFigures,
    SetFigures,
    facts,
    markdown,
    rows,
)
from modelnet.testbed.bench.routing.learning import BanditRun, bandit
from modelnet.testbed.bench.routing.score import (
    Point,
    apgr,
    frontier,
    hull_area,
    joined,
    point,
)
from modelnet.testbed.bench.routing.split import (
    HALVES,
    SEED,
    Told,
    mean_rates,
    split,
    told,
)
from modelnet.testbed.bench.routing.study import POINTS
from modelnet.testbed.bench.routing.unseen import told_without

CROSS_FITTED = "dev, cross-fitted"
"""The part that is told of where none was given."""

_WORKERS = 2


class RoutingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure."""

    data: Path
    sets: tuple[str, ...]
    """All there are where none is named."""
    part: str | None
    without_domains: bool

    @property
    def divisions(self) -> int:
        """How many there are: one where a part is named that no choice may look at."""
        return HALVES if self.part in {None, "dev"} else 1


def measure_routing(order: RoutingOrder, *, write_to: Path | None, as_json: bool) -> None:
    """Measure, then print the figures.

    Raises:
        InvalidRequestError: the data are not there, or are not what they should be.
    """
    names = order.sets or tuple(name for name in SETS if (order.data / name).is_dir())
    if not names or not all((order.data / name).is_dir() for name in names):
        raise InvalidRequestError(
            f"{order.data} holds none of the sets asked for ({', '.join(order.sets or SETS)}): "
            "name the folder of recorded outcomes with --data."
        )
    figures = RoutingFigures(
        part=order.part or CROSS_FITTED,
        sets=measured(names, order),
        decision_ms=decision_ms(),
        encode_ms=_encode_ms(),
    )
    notes = (machine_note(),)
    if write_to is not None:
        notes += tuple(drawn(figures, write_to.parent))
        write_to.write_text(markdown(figures, notes), encoding="utf-8")
    if as_json:
        write_json(figures)
        return
    write_table([Column(title) for title in TITLES], list(rows(figures)))
    for line in (*facts(figures), *notes):
        write(line)


def _encode_ms() -> float | None:
    encoder = installed_encoder()
    if encoder is None:
        return None
    return encode_ms(encoder, typical_prompts())


def measured(names: tuple[str, ...], order: RoutingOrder) -> dict[str, SetFigures]:
    """Measure sets, a process a split: one thread of arithmetic in every process.

    Raises:
        InvalidRequestError: their data are not there, or are not what they should be.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    spawning = multiprocessing.get_context("spawn")
    with (
        console(stderr=True).status("measuring " + ", ".join(names)),
        ProcessPoolExecutor(_WORKERS, mp_context=spawning) as pool,
    ):
        places = range(order.divisions)
        waiting = [
            (
                name,
                [pool.submit(told, order.data, name, order.part, place) for place in places],
                pool.submit(_learnt, order, name),
                {
                    domain: pool.submit(told_without, order.data, name, order.part, domain)
                    for domain in _domains(order, name)
                },
            )
            for name in names
        ]
        return {
            name: _figures(
                [split.result() for split in splits],
                learnt.result(),
                {domain: without.result() for domain, without in lacking.items()},
            )
            for name, splits, learnt, lacking in waiting
        }


def measure_set(order: RoutingOrder, name: str) -> SetFigures:
    """Measure one set, in this process.

    Raises:
        InvalidRequestError: its data are not there, or are not what they should be.
    """
    splits = [told(order.data, name, order.part, place) for place in range(order.divisions)]
    lacking = {
        domain: told_without(order.data, name, order.part, domain)
        for domain in _domains(order, name)
    }
    return _figures(splits, _learnt(order, name), lacking)


def _domains(order: RoutingOrder, name: str) -> tuple[str, ...]:
    return domains_of(order.data / name, "train") if order.without_domains else ()


def _figures(
    splits: Sequence[Told], learnt: BanditRun, without_domain: dict[str, Point]
) -> SetFigures:
    rng = np.random.default_rng(SEED)
    best = joined([one.study.best for one in splits])
    first = splits[0]
    online = mean_rates([one.online for one in splits])
    figures = SetFigures(
        n=len(best.right),
        best_single=BestSingle(
            model=first.study.best_model,
            accuracy=100.0 * float(best.right.mean()),
            cost=1000.0 * float(best.cost.mean()),
            latency_s=None if best.latency_s is None else float(best.latency_s.mean()),
        ),
        points={
            name: point(joined([one.at(name) for one in splits]), best, rng) for name in POINTS
        },
        baselines={
            name: point(joined([one.others[name] for one in splits]), best, rng)
            for name in first.others
        },
        without_domain=without_domain,
        online=online,
        online_rate=online["ours"],
    )
    return _with_bandit(_with_areas(figures, splits), learnt)


def _with_areas(figures: SetFigures, splits: Sequence[Told]) -> SetFigures:
    """Add the area under the hull, or the gap recovered where there are two models."""
    test = splits[0].test
    for other in splits[1:]:
        test = test.joined(other.test)
    singles = list(zip(test.cost.mean(axis=0), test.right.mean(axis=0), strict=True))
    figures = msgspec.structs.replace(
        figures,
        singles={
            model: (1000.0 * float(cost), 100.0 * float(right))
            for model, (cost, right) in zip(test.models, singles, strict=True)
        },
    )
    if len(test.models) == 2:
        before = np.concatenate([one.study.table.before for one in splits])
        wish = before[:, 1] - before[:, 0]
        return msgspec.structs.replace(figures, apgr=apgr(test.right[:, 0], test.right[:, 1], wish))
    ways = [joined(runs) for runs in zip(*(one.runs() for one in splits), strict=True)]
    costs = [cost for cost, _ in singles]
    span = min(costs), max(costs)
    return msgspec.structs.replace(
        figures,
        curve=tuple((1000.0 * cost, 100.0 * right) for cost, right in frontier(ways)),
        hull_area=hull_area([*singles, *frontier(ways)], *span),
        hull_area_singles=hull_area(singles, *span),
        hull_area_oracle=hull_area([*singles, *frontier([oracle(test)])], *span),
    )


def _with_bandit(figures: SetFigures, run: BanditRun) -> SetFigures:
    """Add what one pass with the verdicts of asked models alone learns, from other sets' priors."""
    return msgspec.structs.replace(
        figures,
        bandit_final=run.ours.accuracy,
        bandit={
            "delta": run.ours.delta,
            "delta without priors": run.cold.delta,
            "delta of LinUCB": run.linucb.delta,
            "regret": run.ours.regret,
            "regret of LinUCB": run.linucb.regret,
        },
        regret={
            "ours": run.ours.curve,
            "without priors": run.cold.curve,
            "LinUCB": run.linucb.curve,
        },
        regret_queries=run.queries,
    )


def _learnt(order: RoutingOrder, name: str) -> BanditRun:
    """Return what bandits learn in one pass over all that may be looked at."""
    others = [
        Experience(models, right.mean(axis=0), cost.mean(axis=0))
        for other in SETS
        if other != name and (order.data / other).is_dir()
        for models, right, cost in [recorded(order.data / other, "train")]
    ]
    splits = [split(order.data, name, order.part, place) for place in range(order.divisions)]
    seen = splits[0].train
    for one in splits:
        seen = seen.joined(one.chosen_on)
    return bandit(seen, splits[0].test, others, np.random.default_rng(SEED))
