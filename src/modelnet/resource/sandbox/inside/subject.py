"""The process of the code that is tested: does what the tests ask, and never sees them."""

import builtins
import inspect
import sys
from types import ModuleType
from typing import Any, cast

from modelnet.resource.sandbox.inside.line import GoneError, Line, TooLargeError
from modelnet.resource.sandbox.inside.operation import operation
from modelnet.resource.sandbox.inside.value import MUTABLE, decode, encode, is_builtin

MODULE = "solution"
_MOST_CHARACTERS = 300


class Subject:
    """The code, and every object of it that the tests hold."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._held: list[Any] = []
        self._places: dict[int, int] = {}

    def live(self, code: str) -> None:
        """Run the code, tell what it defines, and do as asked until nobody asks."""
        self._line.send({"is_up": True})
        module = ModuleType(MODULE)
        sys.modules[MODULE] = module
        told: dict[str, Any] = {}
        try:
            exec(compile(code, MODULE, "exec"), module.__dict__)  # noqa: S102  what the sandbox is for
            told["names"] = self._names(module)
        except BaseException as error:  # noqa: BLE001  the code is anybody's
            told["error"] = _told(error)
        self._line.send(told)
        while True:
            self._do(self._line.receive())

    def _names(self, module: ModuleType) -> dict[str, Any]:
        return {
            name: self._encoded(value)
            for name, value in list(vars(module).items())
            if not name.startswith("__") and not isinstance(value, ModuleType)
        }

    def _do(self, asked: dict[str, Any]) -> None:
        try:
            given = [self._decoded(one) for one in asked["given"]]
            named = {name: self._decoded(one) for name, one in asked["named"].items()}
            result = operation(asked["do"])(*given, **named)
            told = {"result": self._encoded(result)}
            if any(isinstance(one, MUTABLE) for one in (*given, *named.values())):
                told["given"] = [self._encoded(one) for one in given]
                told["named"] = {name: self._encoded(one) for name, one in named.items()}
        except GoneError:
            raise
        except BaseException as error:  # noqa: BLE001  the code is anybody's
            told = {"error": _told(error)}
        self._send(told)

    def _send(self, told: dict[str, Any]) -> None:
        try:
            self._line.send(told)
        except (TooLargeError, RecursionError, ValueError) as error:
            self._line.send({"error": _told(error)})

    def _encoded(self, value: Any) -> Any:
        return encode(value, self._hold)

    def _decoded(self, told: Any) -> Any:
        return decode(told, self._find)

    def _hold(self, value: Any) -> list[Any]:
        if isinstance(value, _Theirs):
            return ["theirs", value.place]
        if is_builtin(value):
            return ["builtin", value.__name__]
        place = self._places.setdefault(id(value), len(self._held))
        if place == len(self._held):
            self._held.append(value)
        if _is_error(value):
            return ["error", place, value.__name__, _builtin(value).__name__]
        own = cast("Any", type(value))
        kind = "awaited" if inspect.iscoroutine(value) else "held"
        return [kind, place, own.__name__, own.__eq__ is not object.__eq__]

    def _find(self, kind: str, parts: list[Any]) -> Any:
        if kind == "builtin":
            return getattr(builtins, parts[0])
        return self._held[parts[0]] if kind == "held" else _Theirs(self, parts[0])

    def ask(self, place: int, given: tuple[Any, ...]) -> Any:
        """Have a function of the tests called; do what is asked until its result comes."""
        self._send({"theirs": place, "given": [self._encoded(one) for one in given]})
        while "do" in (told := self._line.receive()):
            self._do(told)
        if "error" in told:
            raise getattr(builtins, told["error"]["builtin"])(told["error"]["text"])
        return self._decoded(told["result"])


class _Theirs:
    """A function of the tests that was handed over."""

    def __init__(self, subject: Subject, place: int) -> None:
        self._subject = subject
        self.place = place

    def __call__(self, *given: Any) -> Any:
        return self._subject.ask(self.place, given)


def _is_error(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _builtin(kind: type) -> type:
    """Return the class of the standard library that an exception comes from."""
    return next(base for base in kind.__mro__ if base.__module__ == "builtins")


def _told(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    told: dict[str, Any] = {
        "kind": kind.__name__,
        "builtin": _builtin(kind).__name__,
        "text": str(error)[:_MOST_CHARACTERS],
    }
    if isinstance(error, ModuleNotFoundError) and error.name:
        wanted = error.name.partition(".")[0]
        if wanted not in sys.stdlib_module_names:
            told["missing"] = wanted
    return told
