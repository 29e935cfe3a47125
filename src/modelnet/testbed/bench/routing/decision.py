"""How long one decision takes, by the number of candidates."""

import statistics
import time

import numpy as np

from modelnet.service.prediction.decision import QUICK, Decider
from modelnet.service.prediction.log import OutcomeLog
from modelnet.service.prediction.stack import Stack

COUNTS = (100, 1_000, 10_000)

_QUERIES, _FEATURES, _KINDS = 256, 424, 14
_DECISIONS = 300


def decision_ms(counts: tuple[int, ...] = COUNTS) -> dict[str, float]:
    """Return the median time of a decision among so many made-up candidates, in milliseconds.

    What was learnt does not change how long it takes to decide; so it is learnt from noise.
    """
    return {str(count): _median_ms(count) for count in counts}


def _median_ms(count: int) -> float:
    rng = np.random.default_rng(count)
    log = OutcomeLog(
        models=tuple(map(str, range(count))),
        x=rng.normal(size=(_QUERIES, _FEATURES)),
        right=(rng.random((_QUERIES, count)) < 0.6).astype(np.float64),
        kinds=rng.integers(0, _KINDS, _QUERIES),
    )
    members = tuple(fit(log, rng) for fit in QUICK)
    weights = np.full(len(members) + 2, 1.0 / len(members))
    decider = Decider.of(Stack(members, log.means, weights, log.filled, log.kinds, ()))
    charge = 0.1 * rng.random(count)
    times_ms: list[float] = []
    for query in rng.normal(size=(_DECISIONS, _FEATURES)):
        began_s = time.perf_counter()
        decider.rank(query, charge)
        times_ms.append(1000.0 * (time.perf_counter() - began_s))
    return statistics.median(times_ms)
