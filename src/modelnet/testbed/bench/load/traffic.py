"""What is asked, when, and how long each answer takes at a node of speed one. Pure."""

import random
from collections.abc import Sequence

from modelnet.testbed.bench.load.fleet import Server, shares_at_best

LONGEST_WORK = 8
"""Tokens of the longest answer."""

_DRAWS = 20_000
_P_END = 0.5
"""After each token: most answers are short, some are long."""


def work(rng: random.Random) -> int:
    """Draw the tokens of an answer: geometric, cut at the longest."""
    tokens = 1
    while tokens < LONGEST_WORK and rng.random() >= _P_END:
        tokens += 1
    return tokens


def mean_work() -> float:
    """Return the mean of `work`."""
    p_more = 1.0 - _P_END
    return (1.0 - p_more**LONGEST_WORK) / _P_END


def arrivals(rng: random.Random, per_s: float, count: int) -> list[tuple[float, int]]:
    """Return when so many questions come, as a Poisson process, each with its work."""
    at_s, all_of_them = 0.0, list[tuple[float, int]]()
    for _ in range(count):
        at_s += rng.expovariate(per_s)
        all_of_them.append((at_s, work(rng)))
    return all_of_them


def ratio_at_best(servers: Sequence[Server], load: float, lightest: float, seed: int) -> float:
    """Return the p95 of answers at a load over that at the lightest, nobody ever waiting.

    The fastest nodes are filled first: slower ones must answer as well when more is asked.
    """
    heavy, light = (_p95_at_best(servers, one, seed) for one in (load, lightest))
    return heavy / light


def _p95_at_best(servers: Sequence[Server], load: float, seed: int) -> float:
    rng = random.Random(seed)  # noqa: S311 - a simulation's dice
    chosen = rng.choices(servers, shares_at_best(servers, load), k=_DRAWS)
    times = sorted(alone_s(server, work(rng)) for server in chosen)
    return times[int(0.95 * _DRAWS)]


def alone_s(server: Server, tokens: int) -> float:
    """Return how long an answer takes when nobody else asks, the way there and back included."""
    begin_s, token_s = pace(server)
    return begin_s + token_s * tokens + 2 * server.delay_s


def pace(server: Server) -> tuple[float, float]:
    """Return seconds until an answer begins, and for each token: half of the mean each."""
    return server.mean_s / 2, server.mean_s / 2 / mean_work()
