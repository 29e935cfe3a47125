"""The distribution over the next token, in our terms."""

from functools import cached_property

from modelnet.core.chunk import Alternative, Token
from modelnet.core.error import EngineError
from modelnet.resource.backend.transformers.array import Doubles, Floats
from modelnet.resource.backend.transformers.drawing import likeliest, log_softmax
from modelnet.resource.backend.transformers.vocabulary import Vocabulary


class Distribution:
    """What a model says of the token to come. Made of logits (vocab,), which it may change."""

    def __init__(self, logits: Floats, vocabulary: Vocabulary) -> None:
        """Leave out the ids that stand for no token.

        Raises:
            EngineError: the logits are no numbers.
        """
        import numpy as np

        self.logits = logits[: len(vocabulary)]
        self.logits[vocabulary.gaps] = -np.inf
        self._vocabulary = vocabulary
        if not np.isfinite(self.logits.max()):
            raise EngineError("The engine computed no numbers; ask another model.")

    @cached_property
    def _logprobs(self) -> Doubles:
        return log_softmax(self.logits)

    def alternatives(self, count: int) -> tuple[Alternative, ...]:
        """Return the likeliest tokens, best first; those of no probability at all are left out."""
        import numpy as np

        places = likeliest(self._logprobs, count)
        told = zip(places.tolist(), self._logprobs[places].tolist(), strict=True)
        return tuple(self._alternative(*one) for one in told if one[1] > -np.inf)

    def token(self, place: int, n_alternatives: int = 0) -> Token:
        """Return a token of this distribution, and what else was likely."""
        one = self._alternative(place, float(self._logprobs[place]))
        alternatives = self.alternatives(n_alternatives) if n_alternatives else ()
        return Token(one.text, one.logprob, one.bytes, alternatives)

    def _alternative(self, place: int, logprob: float) -> Alternative:
        written = self._vocabulary.bytes_of(place)
        return Alternative(written.decode("utf-8", "replace"), logprob, written)
