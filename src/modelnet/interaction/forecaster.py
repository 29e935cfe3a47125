"""Fitting forecasts beside the event loop: one fit at a time, in a thread, with a deadline."""

import logging

import anyio

from modelnet.core.clock import Clock
from modelnet.resource.copy.offload import Offload
from modelnet.service.forecast import FitError, Forecast, fit

FIT_S = 60.0
"""How long a fit may take; on an idle core it is two seconds."""
LOOK_S = 15.0
"""How often is looked whether enough verdicts came to fit again."""

_log = logging.getLogger(__name__)


class Forecaster:
    """Fits a forecast again whenever enough verdicts have come."""

    def __init__(self, forecast: Forecast, clock: Clock, offload: Offload) -> None:
        """Fit `forecast`, where `offload` says."""
        self._forecast = forecast
        self._clock = clock
        self._offload = offload
        self._is_closed = False

    @property
    def forecast(self) -> Forecast:
        """What is fitted."""
        return self._forecast

    async def run(self) -> None:
        """Fit when it is due, until cancelled."""
        while True:
            if self._forecast.is_due:
                await self.fit()
            await anyio.sleep(LOOK_S)

    async def fit(self) -> None:
        """Fit once; where that fails the earlier fit stays in use, and the log says why."""
        snapshot, now = self._forecast.snapshot(), self._clock()

        def is_over() -> bool:
            return self._is_closed or self._clock() > now + FIT_S

        try:
            fitted = await self._offload(fit, snapshot.known, now, is_over)
        except FitError as error:
            if not self._is_closed:
                _log.warning("Forecasts stay as they are: %s", error)
            return
        self._forecast.use(fitted, snapshot.generation)
        _log.info("Forecasts are fitted %s.", fitted)

    def close(self) -> None:
        """Have a fit that is under way give up before its next step: a stopping node waits."""
        self._is_closed = True
