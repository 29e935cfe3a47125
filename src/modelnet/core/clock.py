"""Where time comes from. Pure code takes `now` as an argument; shells read it from a Clock."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns Unix seconds. `time.time` in production; a virtual clock in simulations."""

system_clock: Clock = time.time
