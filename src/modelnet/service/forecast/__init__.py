"""Forecasts fitted to this node's own verdicts: what is believed of models, corrected. Pure.

Fitting takes a second or two, and is done beside the event loop (`interaction.forecaster`).
"""

from modelnet.service.forecast.fit import FitError, Fitted, fit
from modelnet.service.forecast.forecast import Forecast, Snapshot
from modelnet.service.forecast.trial import Finding

__all__ = ["Finding", "FitError", "Fitted", "Forecast", "Snapshot", "fit"]
