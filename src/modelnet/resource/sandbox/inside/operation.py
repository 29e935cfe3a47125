"""What the tests may have done with an object of the code: every operator, by its name."""

import asyncio
import operator
from collections.abc import Callable, Mapping
from typing import Any

TOLD = ("len", "iter", "next", "str", "repr", "hash")
"""What one object tells of itself."""
REDUCED = ("bool", "neg", "pos", "abs", "invert", "int", "float", "complex", "index")
"""What one object comes to."""
COMPARED = ("eq", "ne", "lt", "le", "gt", "ge")
"""Of two objects; what an object says of itself beside a plain value proves nothing."""
BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul",
    "and_", "or_", "xor", "lshift", "rshift",
)  # fmt: skip
ITEMS = ("getitem", "setitem", "delitem", "contains")
CONTEXT = ("enter", "exit")


def _call(target: Any, *given: Any, **named: Any) -> Any:
    return target(*given, **named)


def _enter(target: Any) -> Any:
    return target.__enter__()


def _exit(target: Any, *_: Any) -> Any:
    return target.__exit__(None, None, None)


_BUILTIN: Mapping[str, Callable[..., Any]] = {
    "len": len, "iter": iter, "next": next, "bool": bool, "str": str, "repr": repr, "hash": hash,
    "abs": abs, "int": int, "float": float, "complex": complex, "index": operator.index,
    "getattr": getattr, "setattr": setattr, "isinstance": isinstance,
    "call": _call, "enter": _enter, "exit": _exit,
    "run": asyncio.run,
}  # fmt: skip


def operation(name: str) -> Callable[..., Any]:
    """Return the function that does what is named.

    Raises:
        AttributeError: there is none.
    """
    return _BUILTIN.get(name) or getattr(operator, name)
