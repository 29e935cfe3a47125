"""Learns from outcomes which model will be right on which query, and when an answer is enough.

Everything is fitted on an `OutcomeLog`: what a number of models did on a number of queries. A
`Predictor` tells the probability that a model will be right before it is asked; `Confidence` the
probability once its answer is there; `Agreement` what several answers say together; a `Cascade`
asks one model after another until that is enough. Pure: arrays in, arrays out.
"""

from modelnet.service.prediction.log import DataError, OutcomeLog, Predictor

__all__ = ["DataError", "OutcomeLog", "Predictor"]
