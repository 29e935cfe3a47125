"""`modelnet bench routing`: routers on recorded answers of real models, set by set."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
import numpy as np

from modelnet.application.cli.output import Column, console, write, write_json, write_table
from modelnet.core.error import InvalidRequestError
from modelnet.service.prediction.cascade import Run
from modelnet.service.prediction.prior import Experience
from modelnet.testbed.bench.encoding import encode_ms, typical_prompts
from modelnet.testbed.bench.network import machine_note
from modelnet.testbed.bench.routing.baseline import baselines, oracle
from modelnet.testbed.bench.routing.data import SETS, Part, read_part, recorded
from modelnet.testbed.bench.routing.decision import decision_ms
from modelnet.testbed.bench.routing.drawing import drawn
from modelnet.testbed.bench.routing.embedding import embedded, installed_encoder
from modelnet.testbed.bench.routing.figure import (
    TITLES,
    BestSingle,
    RoutingFigures,
    SetFigures,
    facts,
    markdown,
    rows,
)
from modelnet.testbed.bench.routing.learning import bandit
from modelnet.testbed.bench.routing.online import Panels, accuracies, alone, picking, ranked
from modelnet.testbed.bench.routing.score import (
    Answered,
    Point,
    apgr,
    frontier,
    hull_area,
    point,
)
from modelnet.testbed.bench.routing.study import POINTS, Study, study

CROSS_FITTED = "dev, cross-fitted"
"""The part that is told of where none was given."""

_HALVES = 2
_SEED = 0
_WORKERS = 2


class RoutingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure."""

    data: Path
    sets: tuple[str, ...]
    """All there are where none is named."""
    part: str | None
    without_domains: bool


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
        sets=_measured(names, order),
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


def _measured(names: tuple[str, ...], order: RoutingOrder) -> dict[str, SetFigures]:
    """Measure set by set, a process each: one thread of arithmetic in every process."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    spawning = multiprocessing.get_context("spawn")
    with (
        console(stderr=True).status("measuring " + ", ".join(names)),
        ProcessPoolExecutor(min(_WORKERS, len(names)), mp_context=spawning) as pool,
    ):
        waiting = {name: pool.submit(measure_set, order, name) for name in names}
        return {name: future.result() for name, future in waiting.items()}


def measure_set(order: RoutingOrder, name: str) -> SetFigures:
    """Measure one set.

    Raises:
        InvalidRequestError: its data are not there, or are not what they should be.
    """
    folder = order.data / name
    train, dev = (read_part(folder, part, embedded) for part in ("train", "dev"))
    if order.part is not None and order.part != "dev":
        test = read_part(folder, order.part, embedded)
        return _figures(order, name, train, [(dev, test)])
    halves = np.random.default_rng(_SEED).permutation(len(dev.right)) % _HALVES
    splits = [(dev.rows(halves != half), dev.rows(halves == half)) for half in range(_HALVES)]
    return _figures(order, name, train, splits)


def _figures(
    order: RoutingOrder, name: str, train: Part, splits: list[tuple[Part, Part]]
) -> SetFigures:
    studies: list[Study] = []
    tests: list[Part] = []
    others: list[dict[str, Answered]] = []
    online: list[dict[str, dict[str, float]]] = []
    for chosen_on, test in splits:
        rng = np.random.default_rng(_SEED)
        studies.append(study(train, chosen_on, test, rng))
        others.append(baselines(train, chosen_on, test, rng))
        online.append(_online(studies[-1], rng))
        tests.append(test)
    rng = np.random.default_rng(_SEED)
    best = _joined([one.best for one in studies])
    figures = SetFigures(
        n=len(best.right),
        best_single=BestSingle(
            model=studies[0].best_model,
            accuracy=100.0 * float(best.right.mean()),
            cost=1000.0 * float(best.cost.mean()),
            latency_s=None if best.latency_s is None else float(best.latency_s.mean()),
        ),
        points={
            name: point(_joined([_answered(one.points[name], one) for one in studies]), best, rng)
            for name in POINTS
        },
        baselines={
            name: point(_joined([one[name] for one in others]), best, rng) for name in others[0]
        },
        without_domain=dict(_without_domains(train, splits)) if order.without_domains else {},
    )
    figures = _with_bandit(_with_areas(figures, studies, tests), order, name, train, splits)
    return msgspec.structs.replace(figures, online=_mean(online), online_rate=_mean(online)["ours"])


def _with_areas(figures: SetFigures, studies: list[Study], tests: list[Part]) -> SetFigures:
    """Add the area under the hull, or the gap recovered where there are two models."""
    test = tests[0]
    for other in tests[1:]:
        test = test.joined(other)
    singles = list(zip(test.cost.mean(axis=0), test.right.mean(axis=0), strict=True))
    figures = msgspec.structs.replace(
        figures,
        singles={
            model: (1000.0 * float(cost), 100.0 * float(right))
            for model, (cost, right) in zip(test.models, singles, strict=True)
        },
    )
    if len(test.models) == 2:
        before = np.concatenate([one.table.before for one in studies])
        wish = before[:, 1] - before[:, 0]
        return msgspec.structs.replace(figures, apgr=apgr(test.right[:, 0], test.right[:, 1], wish))
    ways = [
        _joined([_answered(run, one) for run, one in zip(runs, studies, strict=True)])
        for runs in zip(*(one.runs for one in studies), strict=True)
    ]
    costs = [cost for cost, _ in singles]
    span = min(costs), max(costs)
    return msgspec.structs.replace(
        figures,
        curve=tuple((1000.0 * cost, 100.0 * right) for cost, right in frontier(ways)),
        hull_area=hull_area([*singles, *frontier(ways)], *span),
        hull_area_singles=hull_area(singles, *span),
        hull_area_oracle=hull_area([*singles, *frontier([oracle(test)])], *span),
    )


def _online(one: Study, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Return what is left of the accuracy when models come and go."""
    fitted, table = one.fitted, one.table
    budget = float(fitted.learnt.cost[:, fitted.best_single].mean())
    ways = {
        "ours": Panels.fit(fitted.agreement, fitted.learnt, budget).way(table),
        "most probable": picking(table),
        "ranked fallback": ranked(table, np.argsort(-fitted.learnt.right.mean(axis=0))),
        "best single": alone(table, fitted.best_single),
    }
    return accuracies(ways, table.right.shape, rng)


def _mean(measured: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        name: {
            rate: float(np.mean([one[name][rate] for one in measured]))
            for rate in measured[0][name]
        }
        for name in measured[0]
    }


def _with_bandit(
    figures: SetFigures,
    order: RoutingOrder,
    name: str,
    train: Part,
    splits: list[tuple[Part, Part]],
) -> SetFigures:
    """Add what one pass with the verdicts of asked models alone learns, from other sets' priors."""
    others = [
        Experience(models, right.mean(axis=0), cost.mean(axis=0))
        for other in SETS
        if other != name and (order.data / other).is_dir()
        for models, right, cost in [recorded(order.data / other, "train")]
    ]
    seen = train
    for chosen_on, _ in splits:
        seen = seen.joined(chosen_on)
    run = bandit(seen, splits[0][1], others, np.random.default_rng(_SEED))
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


def _without_domains(train: Part, splits: list[tuple[Part, Part]]) -> Iterator[tuple[str, Point]]:
    """Yield the point "equal cost", learnt without any query of one domain."""
    for domain in sorted(set(train.domains)):
        runs: list[Answered] = []
        best: list[Answered] = []
        for chosen_on, test in splits:
            seen, chooser = _lacking(train, domain), _lacking(chosen_on, domain)
            one = study(seen, chooser, test, np.random.default_rng(_SEED))
            runs.append(_answered(one.points["equal_cost"], one))
            best.append(one.best)
        yield domain, point(_joined(runs), _joined(best), np.random.default_rng(_SEED))


def _lacking(part: Part, domain: str) -> Part:
    return part.rows(np.array([name != domain for name in part.domains]))


def _answered(run: Run, one: Study) -> Answered:
    return Answered(run.right, run.cost, run.latency_s if one.best.latency_s is not None else None)


def _joined(parts: list[Answered]) -> Answered:
    times = [part.latency_s for part in parts if part.latency_s is not None]
    return Answered(
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.cost for part in parts]),
        np.concatenate(times) if len(times) == len(parts) else None,
    )
