"""What others ask of a model's engine: looked at now and then, and no request waits for that."""

import logging
import math
from collections.abc import Callable

import anyio

from modelnet.core.clock import Clock
from modelnet.core.error import ModelnetError
from modelnet.core.load import Crowd, EngineLoad, ModelLoad
from modelnet.resource.model import Model, Shared

INTERVAL_S = 1.0
"""How often an engine is looked at that somebody uses."""

LOOK_TIMEOUT_S = 2.0
"""llama.cpp answers between two steps of its work, and one may take long."""

PATIENCE_S = 16.0
"""How long an engine in use is left alone that tells nothing."""

CALM_S = 3600.0
"""How long an engine is left alone that nobody uses. Asking keeps llama.cpp from going to sleep
(`--sleep-idle-seconds`), so that the pauses double until it can."""

_log = logging.getLogger(__name__)


class Lookout:
    """Watches the engine of one model."""

    def __init__(self, model: Model, clock: Clock) -> None:
        """Watch the engine of a model, if it is one that can tell of others."""
        self._engine = model if isinstance(model, Shared) else None
        self._name = model.card.name
        self._clock = clock
        self._pause_s = 0.0
        self._looked_at = -math.inf
        self._begun = 0
        self._is_answered = True
        self.crowd = Crowd()
        """What was seen last."""

    async def look(self, own: Callable[[], ModelLoad]) -> None:
        """Look, if it is time to; `own` tells what the engine was asked through this node."""
        before = own()
        if self._engine is None or not self._is_due(before):
            return
        told = await self._ask(self._engine)
        after = own()
        # As many as can have been in the engine when it looked at itself.
        ours = before.running + after.begun - before.begun
        self.crowd = Crowd() if told is None else told.crowd(ours)
        is_used = ours > 0 or self._is_asked(before) or self.crowd.others > 0
        self._is_answered, self._begun = told is not None, after.begun
        longest_s = self._busy_pause_s if is_used else CALM_S
        self._pause_s = min(max(INTERVAL_S, 2 * self._pause_s), longest_s)
        self._looked_at = self._clock()

    def _is_due(self, own: ModelLoad) -> bool:
        pause_s = min(self._pause_s, self._busy_pause_s) if self._is_asked(own) else self._pause_s
        return self._clock() >= self._looked_at + pause_s

    def _is_asked(self, own: ModelLoad) -> bool:
        """Whether this node asks the engine, or did since the last look."""
        return own.running > 0 or own.begun > self._begun

    @property
    def _busy_pause_s(self) -> float:
        return INTERVAL_S if self._is_answered else PATIENCE_S

    async def _ask(self, engine: Shared) -> EngineLoad | None:
        try:
            with anyio.move_on_after(LOOK_TIMEOUT_S):
                return await engine.engine_load(self._clock() + LOOK_TIMEOUT_S)
        except ModelnetError as error:
            _log.debug("%s tells nothing of its load: %s", self._name, error)
        except Exception:  # noqa: BLE001 - a model may be anyone's code: it must not end the node
            _log.exception("the engine of %s cannot be watched", self._name)
        return None
