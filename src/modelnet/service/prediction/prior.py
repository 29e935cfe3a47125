"""What is known of a model from elsewhere: by its name, or else by its price.

Other sets of outcomes have models of the same names, give or take a date or a vendor; dear models
are on the whole better ones. Both are worth a few observations, and no more.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from modelnet.service.prediction.bandit import Prior
from modelnet.service.prediction.log import DataError
from modelnet.service.prediction.number import Floats, log_odds

_DATE = re.compile(r"-20\d\d-\d\d-\d\d")
_POINT = re.compile(r"(?<=\d)_(?=\d)")
_NO_PART = re.compile(r"\d{3,8}|v0\.\d|v1")
"""Builds and first versions."""
_NO_PARTS = frozenset(
    "hf it inst instruct chat fc any auto preview latest open meta nvidia meetkai mistralai c4ai"
    " zero one ai".split()
)
_DRAWN = 0.5
"""Observations of nothing special that an ability is drawn by."""
_ROUNDS = 50
_PER_LOG_ODD = 0.25
"""Probability that one of log-odds is worth, as near a half as it is worth most."""
_BY_NAME, _BY_PRICE = 0.07, 0.1
"""Deviations of a probability from what a name, or a price, lets expect."""
_BY_NOTHING = 0.15
_LEVEL = 0.65


class Experience(NamedTuple):
    """How models did on one set of queries, each array `(m,)`."""

    models: tuple[str, ...]
    share_right: Floats
    price: Floats
    """What a query costs with the model, in any unit; 0 or not a number where nobody knows."""


def plain_name(name: str) -> str:
    """Return a model's name without vendor, date, build, and how it is called or tuned.

    >>> plain_name("meta/llama-2-70b-chat"), plain_name("gpt-4o-2024-08-06-FC")
    ('llama-2-70b', 'gpt-4o')
    """
    own = name.lower().split("@")[0].rsplit("/", 1)[-1]
    parts = re.split(r"[-_]", _POINT.sub(".", _DATE.sub("", own)))
    kept = [
        part for part in parts if part and part not in _NO_PARTS and not _NO_PART.fullmatch(part)
    ]
    return "-".join(kept) or own


def abilities(experiences: Sequence[Experience]) -> dict[str, float]:
    """Return the ability of every model by its plain name, in log-odds; 0 is that of the average.

    Verdicts are explained by a set's easiness and a model's ability, added, by alternating least
    squares. Of variants of a model in one set the best counts: it may be called the wrong way.
    """
    shares = [_by_name(experience) for experience in experiences]
    names = sorted({name for share in shares for name in share})
    known = np.array([[name in share for name in names] for share in shares], dtype=np.float64)
    odds = log_odds(np.array([[share.get(name, 0.5) for name in names] for share in shares]))
    ability = np.zeros(len(names))
    for _ in range(_ROUNDS if names else 0):
        easy = (known * (odds - ability)).sum(axis=1) / np.maximum(known.sum(axis=1), 1.0)
        surplus = (known * (odds - easy[:, None])).sum(axis=0)
        ability = surplus / (known.sum(axis=0) + _DRAWN)
    return dict(zip(names, ability.tolist(), strict=True))


def informed_prior(
    models: Sequence[str], price: Floats, experiences: Sequence[Experience]
) -> Prior:
    """Return what other sets of queries let expect of models at these prices.

    A model they do not know is expected to be as able as others of its price.
    """
    known = abilities(experiences)
    by_price = _ability_of_price(experiences, known)
    logs = _relative(price)
    mean, deviation = np.zeros(len(models)), np.full(len(models), _BY_NOTHING)
    for k, name in enumerate(map(plain_name, models)):
        if name in known:
            mean[k], deviation[k] = known[name], _BY_NAME
        elif by_price is not None and np.isfinite(logs[k]):
            mean[k], deviation[k] = by_price[0] + by_price[1] * logs[k], _BY_PRICE
    return Prior(_LEVEL + _PER_LOG_ODD * mean, deviation)


def _by_name(experience: Experience) -> Mapping[str, float]:
    models, shares, _ = experience
    if len(models) != len(shares):
        raise DataError("An experience must have one share of right answers a model.")
    best: dict[str, float] = {}
    for name, share in zip(map(plain_name, models), shares.tolist(), strict=True):
        if np.isfinite(share):
            best[name] = max(best.get(name, 0.0), share)
    return best


def _ability_of_price(
    experiences: Sequence[Experience], known: Mapping[str, float]
) -> Floats | None:
    """Return constant and slope of ability on the log of the price; `None` without prices."""
    logs = [_relative(experience.price) for experience in experiences]
    names = [plain_name(name) for experience in experiences for name in experience.models]
    x = np.concatenate(logs) if logs else np.zeros(0)
    y = np.array([known.get(name, np.nan) for name in names])
    is_known = np.isfinite(x) & np.isfinite(y)
    if is_known.sum() < 3 or np.ptp(x[is_known]) == 0.0:
        return None
    slope, constant = np.polyfit(x[is_known], y[is_known], 1)
    return np.array([constant, slope])


def _relative(price: Floats) -> Floats:
    """Return logs of prices less their mean; not a number where nobody knows the price."""
    logs: Floats = np.log(np.where(price > 0.0, price, np.nan))
    is_known = np.isfinite(logs)
    return logs - (float(logs[is_known].mean()) if is_known.any() else 0.0)
