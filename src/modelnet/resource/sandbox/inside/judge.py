"""The process of the tests: runs them against the code in the other process, and tells a verdict.

Tests are asserts at the top, functions and methods whose names begin with `test`, and classes of
`unittest`. What the code defines is there by name, and as the module `solution`.
"""

import builtins
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from modelnet.resource.sandbox.inside.line import GoneError, Line
from modelnet.resource.sandbox.inside.remote import Counterpart, Remote, UntestableError
from modelnet.resource.sandbox.inside.stand_in import pytest
from modelnet.resource.sandbox.inside.subject import MODULE

_FILE = "the tests"
_MOST_CHARACTERS = 200


class Judge:
    """One run of some tests."""

    def __init__(self, line: Line) -> None:
        self._counterpart = Counterpart(line)

    def verdict(self, tests: str) -> dict[str, Any]:
        """Return `is_right` (nothing where the tests cannot tell) and `because`."""
        try:
            self._counterpart.wait()
        except GoneError:
            return {"broken": "the walls around the code could not be raised"}
        is_right, because = self._run(tests)
        if is_right and self._counterpart.is_gone:
            return _told(False, "the code ended its process")
        if is_right and not self._counterpart.done:
            return _told(None, "the tests never ran anything of the answer")
        return _told(is_right, because)

    def _run(self, tests: str) -> tuple[bool | None, str]:
        try:
            scope = self._scope()
        except UntestableError as error:
            return None, str(error)
        except GoneError:
            return False, "the code ended its process"
        except BaseException as error:  # noqa: BLE001  the code is anybody's
            return False, f"the code does not run: {_named(error)}"
        return self._judged(tests, scope)

    def _judged(self, tests: str, scope: dict[str, Any]) -> tuple[bool | None, str]:
        try:
            code = compile(tests, _FILE, "exec")
        except (SyntaxError, ValueError) as error:
            return None, f"the tests are no Python: {_named(error)}"
        try:
            exec(code, scope)  # noqa: S102  what the sandbox is for
            for test in _found(scope):
                test()
        except UntestableError as error:
            return None, str(error)
        except GoneError:
            return False, "the code ended its process, or took too long"
        except BaseException as error:  # noqa: BLE001  the tests are the asker's
            if isinstance(error, SystemExit) and error not in self._counterpart.raised:
                return None, "the tests ended themselves"
            return False, f"{_place(error)}{_named(error)}"
        return True, "every test passes"

    def _scope(self) -> dict[str, Any]:
        """Return the names that the tests start with; no built-in one is the code's by accident."""
        names = self._counterpart.load()
        open_names = {name: one for name, one in names.items() if not hasattr(builtins, name)}
        solution = ModuleType(MODULE)
        solution.__dict__.update(names, __all__=list(open_names))
        sys.modules.update({MODULE: solution, "pytest": pytest()})
        return {**open_names, "__name__": "tests", "__builtins__": builtins}


def _found(scope: dict[str, Any]) -> Iterator[Callable[[], Any]]:
    """Yield what is a test by its name or its class, in the order it was written."""
    for name, value in list(scope.items()):
        if isinstance(value, Remote):
            continue
        if inspect.isfunction(value) and name.startswith("test"):
            yield value
        elif inspect.isclass(value) and value.__module__ == "tests":
            yield from _methods(value)


def _methods(kind: type) -> Iterator[Callable[[], Any]]:
    unittest: Any = sys.modules.get("unittest")
    methods = inspect.getmembers(kind, inspect.isfunction)
    names = [name for name, _ in methods if name.startswith("test")]
    for name in names:
        if unittest is not None and issubclass(kind, unittest.TestCase):
            yield kind(name).debug
        elif kind.__name__.startswith("Test"):
            yield getattr(kind(), name)


def _told(is_right: bool | None, because: str) -> dict[str, Any]:
    return {"is_right": is_right, "because": because}


def _place(error: BaseException) -> str:
    lines = [
        line for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == _FILE
    ]  # fmt: skip
    return f"line {lines[-1]} of the tests: " if lines else ""


def _named(error: BaseException) -> str:
    text = " ".join(str(error).split())[:_MOST_CHARACTERS]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
