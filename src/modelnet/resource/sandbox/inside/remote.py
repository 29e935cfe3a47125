"""What the tests see of the code: names that have everything done in the other process."""

import builtins
from functools import partialmethod
from typing import Any

from modelnet.resource.sandbox.inside.line import GoneError, Line, TooLargeError
from modelnet.resource.sandbox.inside.operation import (
    BINARY,
    COMPARED,
    CONTEXT,
    ITEMS,
    REDUCED,
    TOLD,
)
from modelnet.resource.sandbox.inside.value import MUTABLE, decode, encode, is_builtin, replace

_RAISED = (ValueError, TypeError, ArithmeticError, KeyError, IndexError, AttributeError)
"""What values that make no sense come to."""


class UntestableError(BaseException):
    """These tests cannot tell, of this code, in these two processes; no test may catch it."""


class Counterpart:
    """The process of the code, as the tests speak with it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ours: list[Any] = []
        self._theirs: dict[int, Any] = {}
        self._errors: dict[str, type[BaseException]] = {}
        self.is_gone = False
        self.done = 0
        """What was asked of the code, and answered."""
        self.raised: list[BaseException] = []
        """What was raised here because the code raised it there."""

    def wait(self) -> None:
        """Return as soon as the walls around the code stand.

        Raises:
            GoneError: they do not.
        """
        self._receive()

    def load(self) -> dict[str, Any]:
        """Return what the code defines, by name.

        Raises:
            BaseException: what the code raised instead.
        """
        told = self._receive()
        if "error" in told:
            raise self._raised(told["error"])
        names = ((name, self._decoded(value)) for name, value in told["names"].items())
        return {name: value for name, value in names if not name.startswith("__")}

    def do(self, name: str, *given: Any, **named: Any) -> Any:
        """Have the other process do something.

        Raises:
            BaseException: what it raised there.
            GoneError: it ended instead.
            UntestableError: it cannot be told what with.
        """
        told = self._converse(
            {
                "do": name,
                "given": [self._encoded(one) for one in given],
                "named": {key: self._encoded(one) for key, one in named.items()},
            }
        )
        self.done += 1
        if "error" in told:
            raise self._raised(told["error"])
        for old, new in self._changed(told, given, named):
            replace(old, self._decoded(new))
        return self._decoded(told["result"])

    def _changed(
        self, told: dict[str, Any], given: tuple[Any, ...], named: dict[str, Any]
    ) -> list[tuple[Any, Any]]:
        """Return what was handed over and is not what it was: calls change lists, too."""
        if "given" not in told:
            return []
        pairs = list(zip(given, told["given"], strict=True))
        pairs += [(old, told["named"][key]) for key, old in named.items()]
        return [
            (old, new)
            for old, new in pairs
            if isinstance(old, MUTABLE) and self._encoded(old) != new
        ]

    def _converse(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Ask, and call our own functions for the other side until it has answered."""
        self._send(asked)
        while "theirs" in (told := self._receive()):
            self._send(self._called(told))
        return told

    def _called(self, told: dict[str, Any]) -> dict[str, Any]:
        try:
            given = [self._decoded(one) for one in told["given"]]
            return {"result": self._encoded(self._ours[told["theirs"]](*given))}
        except Exception as error:  # noqa: BLE001  a test's own function may raise what it likes
            kind = next(one for one in type(error).__mro__ if one.__module__ == "builtins")
            return {"error": {"builtin": kind.__name__, "text": str(error)}}

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._line.send(message)
        except TooLargeError as error:
            raise UntestableError(f"the tests hand over {error}") from error
        except GoneError:
            self.is_gone = True
            raise

    def _receive(self) -> dict[str, Any]:
        try:
            told = self._line.receive()
        except GoneError:
            self.is_gone = True
            raise
        if not isinstance(told, dict):
            raise GoneError
        return told  # pyright: ignore[reportUnknownVariableType]

    def _encoded(self, value: Any) -> Any:
        return encode(value, self._hold)

    def _decoded(self, told: Any) -> Any:
        try:
            return decode(told, self._find)
        except (*_RAISED, RecursionError) as error:
            raise GoneError from error

    def _hold(self, value: Any) -> list[Any]:
        if type(value) is Remote:
            return ["held", _own(value, "place")]
        if isinstance(value, type) and (place := getattr(value, "_place", None)) is not None:
            return ["held", place]
        if is_builtin(value):
            return ["builtin", value.__name__]
        if not callable(value):
            raise UntestableError(f"the tests hand over an object of {type(value).__name__}")
        place = next((i for i, one in enumerate(self._ours) if one is value), len(self._ours))
        if place == len(self._ours):
            self._ours.append(value)
        return ["theirs", place]

    def _find(self, kind: str, parts: list[Any]) -> Any:
        match kind, parts:
            case "theirs", [int(place)]:
                return self._ours[place]
            case "builtin", [str(name)] if is_builtin(found := getattr(builtins, name, None)):
                return found
            case "held", [int(place), str(name), bool(has_eq)]:
                return self._theirs.setdefault(place, Remote(self, place, name, has_eq=has_eq))
            case "awaited", [int(place), str(name), bool()]:
                return self._awaited(Remote(self, place, name, has_eq=False))
            case "error", [int(place), str(name), str(base)]:
                return self._error(place, name, base)
            case _:
                raise GoneError

    async def _awaited(self, coroutine: "Remote") -> Any:
        return self.do("run", coroutine)

    def _error(self, place: int, name: str, base: str) -> type[BaseException]:
        """Return a class of our own for an exception of theirs, to be caught by."""
        if name not in self._errors:
            made = type(name, (_exception(base),), {"_place": place})
            self._errors[name] = made
        return self._errors[name]

    def _raised(self, told: dict[str, Any]) -> BaseException:
        match told:
            case {"missing": str(missing)}:
                return UntestableError(f"the answer needs {missing!r}, which is not here")
            case {"kind": str(name), "builtin": str(base), "text": str(text)}:
                error = self._errors.get(name, _exception(base))(text)
                self.raised.append(error)
                return error
            case _:
                return GoneError()


class Remote:
    """An object of the code. Its own names are mangled: it may have attributes of any name."""

    __slots__ = ("__counterpart", "__has_eq", "__is_mixed", "__name", "__place")

    def __init__(self, counterpart: Counterpart, place: int, name: str, *, has_eq: bool) -> None:
        told: dict[str, Any] = {
            "counterpart": counterpart,
            "place": place,
            "name": name,
            "has_eq": has_eq,
        }
        told["is_mixed"] = False
        for key, value in told.items():
            object.__setattr__(self, f"_Remote__{key}", value)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call it."""
        return _own(self, "counterpart").do("call", self, *given, **named)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute."""
        return _done("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute."""
        _done("setattr", self, name, value)

    def __instancecheck__(self, instance: Any) -> bool:
        """Tell whether an object is of this class; a plain value is not."""
        return type(instance) is Remote and _done("isinstance", instance, self)


def _own(remote: Remote, name: str) -> Any:
    return object.__getattribute__(remote, f"_Remote__{name}")


def _done(name: str, *given: Any) -> Any:
    remote = next(one for one in given if type(one) is Remote)
    return _own(remote, "counterpart").do(name, *given)


def _compared(one: Remote, name: str, other: Any) -> Any:
    """Compare two objects of the code; beside a plain value the word of one would prove nothing."""
    if type(other) is Remote:
        return _done(name, one, other)
    if name in {"eq", "ne"} and not _own(one, "has_eq"):
        return name == "ne"
    raise _untestable(one)


def _combined(one: Remote, name: str, other: Any, *, is_reflected: bool = False) -> Any:
    """Compute with two objects of the code, or with one and a plain value.

    `abs(answer - 4) < 1e-9` holds for an object that comes to 0 whatever is taken from it. So with
    a plain value the result has to be an object again, which comes to nothing plain by itself.
    """
    result = _done(name, other, one) if is_reflected else _done(name, one, other)
    if type(other) is not Remote:
        if type(result) is not Remote:
            raise _untestable(one)
        object.__setattr__(result, "_Remote__is_mixed", True)
    return result


def _reduced(one: Remote, name: str) -> Any:
    if _own(one, "is_mixed"):
        raise _untestable(one)
    return _done(name, one)


def _untestable(one: Remote) -> UntestableError:
    name = _own(one, "name")
    return UntestableError(f"the tests hold a {name} of the answer against a plain value")


def _exception(name: str) -> type[BaseException]:
    found: Any = getattr(builtins, name, None)
    if not is_builtin(found) or not issubclass(found, BaseException):
        return Exception
    # Their makers want more than a text.
    return Exception if issubclass(found, UnicodeError | BaseExceptionGroup) else found


def _furnish() -> None:
    """Give `Remote` every operator."""
    for name in (*TOLD, *ITEMS, *CONTEXT):
        setattr(Remote, _dunder(name), partialmethod(_operated, name))
    for name in REDUCED:
        setattr(Remote, _dunder(name), partialmethod(_reduced, name))
    for name in BINARY:
        setattr(Remote, _dunder(name), partialmethod(_combined, name))
        setattr(Remote, _dunder("r" + name), partialmethod(_combined, name, is_reflected=True))
    for name in COMPARED:
        setattr(Remote, _dunder(name), partialmethod(_compared, name))


def _dunder(name: str) -> str:
    return f"__{name.strip('_')}__"


def _operated(one: Remote, name: str, *given: Any) -> Any:
    return _done(name, one, *given)


_furnish()
