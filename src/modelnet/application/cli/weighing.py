"""How weights are written on a command line: `second=.01,dollar=5`. Pure."""

from modelnet.core.error import InvalidRequestError
from modelnet.core.wish import Weights

_KEYS = Weights.__struct_fields__


def weights_in(text: str) -> Weights:
    """Return the weights that a text tells.

    Raises:
        InvalidRequestError: it is not of that form, or names something else, or one thing twice.
    """
    given: dict[str, float] = {}
    for part in filter(None, text.replace(" ", "").split(",")):
        key, _, worth = part.partition("=")
        if key not in _KEYS or key in given:
            raise _not_understood(part)
        try:
            given[key] = float(worth)
        except ValueError:
            raise _not_understood(part) from None
    return Weights(**given)


def _not_understood(part: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{part!r} in --weigh is not understood: write it like second=.01,dollar=5, each once."
    )
