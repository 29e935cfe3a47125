"""Fitting beside the loop: what fails or takes too long changes nothing, and is told."""

import logging
import threading

import anyio
import numpy as np
import pytest

from modelnet.core.identity import NodeId
from modelnet.interaction.forecaster import FIT_S, Forecaster
from modelnet.resource.copy.offload import in_thread, inline
from modelnet.service.forecast import Forecast
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.neighbourhood import SIZE, packed
from modelnet.service.outcome import Outcome

pytestmark = pytest.mark.anyio

NOW = 1_000_000.0


def taught(count: int, *, lies_nowhere: bool = False) -> Forecast:
    forecast, rng = Forecast(least=1, every=1), np.random.default_rng(1)
    for number in range(count):
        place = np.zeros(SIZE) if lies_nowhere else rng.standard_normal(SIZE)
        forecast.learn(
            Outcome(
                node=NodeId("node"),
                model="m",
                kind=TaskKind.certain(OTHER),
                at=NOW,
                p_right=float(number % 2),
                embedding=packed(place),
            )
        )
    return forecast


class Clock:
    """Tells the times it was given, and then always the last."""

    def __init__(self, *times: float) -> None:
        self._times = [*times]

    def __call__(self) -> float:
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]


async def test_it_fits_in_a_thread(caplog):
    caplog.set_level(logging.INFO)
    threads: list[str] = []

    def clock() -> float:
        threads.append(threading.current_thread().name)
        return NOW

    forecast = taught(30)
    await Forecaster(forecast, clock, in_thread).fit()
    assert forecast.fitted is not None
    assert forecast.fitted.verdicts == 30
    assert len({*threads}) == 2
    assert "Forecasts are fitted to 30 verdicts on 1 models" in caplog.text


async def test_what_takes_too_long_is_given_up_and_told(caplog):
    forecast = taught(30)
    await Forecaster(forecast, Clock(NOW, NOW + FIT_S + 1.0), inline).fit()
    assert forecast.fitted is None
    assert "stay as they are" in caplog.text


async def test_a_failed_fit_leaves_the_earlier_one(caplog):
    forecast = taught(30)
    await Forecaster(forecast, Clock(NOW), inline).fit()
    before = forecast.fitted
    assert before is not None
    await Forecaster(forecast, Clock(NOW, NOW + FIT_S + 1.0), inline).fit()
    assert forecast.fitted is before
    assert "stay as they are" in caplog.text


async def test_verdicts_that_lie_nowhere_are_told_of(caplog):
    forecast = taught(3, lies_nowhere=True)
    await Forecaster(forecast, Clock(NOW), inline).fit()
    assert forecast.fitted is None
    assert "nothing to fit" in caplog.text


async def test_a_node_that_stops_does_not_wait_for_a_fit(caplog):
    forecast = taught(30)
    forecaster = Forecaster(forecast, Clock(NOW), inline)
    forecaster.close()
    await forecaster.fit()
    assert forecast.fitted is None
    assert caplog.text == ""


async def test_it_fits_as_soon_as_it_runs_and_stops_when_cancelled():
    forecast = taught(30)
    async with anyio.create_task_group() as group:
        group.start_soon(Forecaster(forecast, Clock(NOW), inline).run)
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert forecast.fitted is not None
    assert not forecast.is_due
