"""What tests written for pytest need most of it: `raises`, `approx`, `mark.parametrize`."""

import math
import re
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace, TracebackType
from typing import Any, Self, cast


class Raises:
    """Expects an exception."""

    def __init__(
        self, kind: type[BaseException] | tuple[type[BaseException], ...], match: str | None = None
    ) -> None:
        self._kind = kind
        self._match = match
        self.value: BaseException | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Pass over the exception that was expected; without it, fail."""
        if error is None:
            raise AssertionError("nothing was raised")
        self.value = error
        if not isinstance(error, self._kind):
            return False
        if self._match is not None and not re.search(self._match, str(error)):
            raise AssertionError("what was raised says something else")
        return True


def raises(
    kind: type[BaseException] | tuple[type[BaseException], ...],
    call: Callable[..., Any] | None = None,
    *given: Any,
    match: str | None = None,
) -> Raises:
    """Expect an exception of the block that follows, or of a call."""
    expected = Raises(kind, match)
    if call is not None:
        with expected:
            call(*given)
    return expected


class Approx:
    """A number, or numbers, to be met within a tolerance."""

    def __init__(self, wanted: Any, rel: float = 1e-6, abs: float = 1e-12) -> None:
        self._wanted = wanted
        self._near = {"rel_tol": rel, "abs_tol": abs}

    def __eq__(self, other: object) -> bool:
        """Tell whether it is met."""
        return self._is_met(other, self._wanted)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def _is_met(self, given: Any, wanted: Any) -> bool:
        kind = cast("Any", type(wanted))
        if kind in {list, tuple}:
            return len(given) == len(wanted) and all(map(self._is_met, given, wanted))
        if kind is dict:
            return given.keys() == wanted.keys() and all(
                self._is_met(given[key], wanted[key]) for key in wanted
            )
        if kind in {int, float}:
            return isinstance(given, int | float) and math.isclose(given, wanted, **self._near)
        return bool(given == wanted)


def parametrize(names: str | Sequence[str], cases: Sequence[Any]) -> Callable[..., Any]:
    """Run a test once for each case."""
    listed = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        def every(**given: Any) -> None:
            for case in cases:
                values = (case,) if len(listed) == 1 else case
                test(**given, **dict(zip(listed, values, strict=True)))

        return every

    return decorate


def pytest() -> ModuleType:
    """Return a module that tests may import under that name."""
    module = ModuleType("pytest")
    module.__dict__.update(
        raises=raises, approx=Approx, mark=SimpleNamespace(parametrize=parametrize)
    )
    return module
