"""Drawing tokens from logits. Pure but for the random source, which a seed makes repeatable."""

from typing import NamedTuple

from modelnet.core.request import Sampling
from modelnet.resource.backend.transformers.array import Doubles, Floats, Places


class Habits(NamedTuple):
    """How a model's makers want it to be drawn from where nobody says otherwise."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    """Only so many of the likeliest; 0 is all."""


class Drawing:
    """Draws one token after another as a request wants."""

    def __init__(self, sampling: Sampling, habits: Habits) -> None:
        import numpy as np

        given = sampling.temperature
        self._temperature = habits.temperature if given is None else given
        self._top_p = habits.top_p if sampling.top_p is None else sampling.top_p
        self._top_k = habits.top_k if given is None else 0
        # NumPy takes no negative seeds.
        seed = None if sampling.seed is None else sampling.seed % (1 << 64)
        self._rng = np.random.default_rng(seed)

    def draw(self, logits: Floats) -> int:
        """Return the id of a token: the likeliest one at temperature 0.

        The nucleus is that of Holtzman et al., "The Curious Case of Neural Text Degeneration".
        """
        import numpy as np

        if self._temperature == 0.0:
            return int(logits.argmax())
        places = likeliest(logits, self._top_k or len(logits))
        p = np.exp(log_softmax(logits[places] / self._temperature))
        mass = p.cumsum()
        size = int(np.searchsorted(mass, self._top_p * float(mass[-1]))) + 1
        nucleus = mass[:size]
        at = int(np.searchsorted(nucleus, self._rng.random() * float(nucleus[-1]), side="right"))
        return int(places[min(at, len(nucleus) - 1)])


def log_softmax(logits: Floats) -> Doubles:
    """Return natural-log probabilities of the last axis."""
    import numpy as np

    wide = logits.astype(np.float64)
    wide -= wide.max(axis=-1, keepdims=True)
    # Rounding must not make a sure token more than certain.
    return np.minimum(wide - np.log(np.exp(wide).sum(axis=-1, keepdims=True)), 0.0)


def likeliest(logits: "Floats | Doubles", count: int) -> Places:
    """Return the ids of the `count` largest, largest first; of equal ones the lower id first."""
    import numpy as np

    if count < len(logits):
        threshold = np.partition(logits, -count)[-count]
        places = np.flatnonzero(logits >= threshold)
    else:
        places = np.arange(len(logits))
    return places[np.argsort(-logits[places], kind="stable")][:count]
